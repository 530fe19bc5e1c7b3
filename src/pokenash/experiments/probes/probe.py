"""Probes: positions whose right plan is known, with what makes it right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pokenash.algorithms.intervals import WinRate
from pokenash.errors import InputError
from pokenash.games.showdown.endgame import DAMAGE_ROLLS
from pokenash.games.showdown.positions import Position

__all__ = ["GROUPS", "EndgameBounds", "Probe", "RolloutValues", "load_probes", "read_probes"]

PROBE_SCHEMA = 1
_KNOWN = 1e-3
GROUPS = ("sleep", "sacrifice", "recharge", "freeze", "endgame")
"""The groups of the probes that come with pokenash, one data file each."""


@dataclass(frozen=True)
class RolloutValues:
    """What the actions were worth when both players played on with one policy.

    Parameters
    ----------
    policy : str
        Kind of the policy of both.
    seed : int
    actions : mapping of str to WinRate
        By action in words.
    """

    policy: str
    seed: int
    actions: Mapping[str, WinRate]

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict of counts."""
        counts = {word: [rate.wins, rate.draws, rate.losses] for word, rate in self.actions.items()}
        return {"policy": self.policy, "seed": self.seed, "actions": counts}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RolloutValues:
        """The inverse of `to_json`."""
        actions = {word: WinRate.from_counts(*counts) for word, counts in data["actions"].items()}
        return cls(data["policy"], data["seed"], actions)


@dataclass(frozen=True)
class EndgameBounds:
    """What the enumerated endgame says, as win rates (a tie is half a win).

    Parameters
    ----------
    low, high : float
        Bounds on the value when both play optimally.
    actions : mapping of str to tuple of float
        By action in words, bounds on what it guarantees: the value if the opponent knew of this one choice.
    exact : bool
        Whether every damage roll was enumerated and the bounds on the value agree to 1e-4.
    damage_rolls : int
        How many of the 39 damage rolls were played.
    num_states : int
    """

    low: float
    high: float
    actions: Mapping[str, tuple[float, float]]
    exact: bool
    damage_rolls: int
    num_states: int

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        return {**vars(self), "actions": {word: list(bounds) for word, bounds in self.actions.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EndgameBounds:
        """The inverse of `to_json`."""
        return cls(**{**data, "actions": {word: (low, high) for word, (low, high) in data["actions"].items()}})


@dataclass(frozen=True)
class Probe:
    """A position and what is right in it.

    Parameters
    ----------
    name, group, title : str
    plan : str
        What to do, in words.
    why : str
        The mechanics behind it.
    position : Position
    right : tuple of str
        The actions of the plan, such as ``"move Body Slam"``.
    rollouts : RolloutValues
        The measurement that comes with the probe.
    endgame : EndgameBounds or None
        Where the endgame is small enough to be enumerated.
    player : int
        Who is asked.
    """

    name: str
    group: str
    title: str
    plan: str
    why: str
    position: Position
    right: tuple[str, ...]
    rollouts: RolloutValues
    endgame: EndgameBounds | None = None
    player: int = 0

    @property
    def proof(self) -> str | None:
        """What shows that the right plan is the best: ``"endgame"``, ``"rollouts"`` or None.

        By the endgame where all damage rolls were enumerated and a right action guarantees more than any other can; by
        the rollouts where its 95 % interval lies above all others'.
        """
        rates = self.rollouts.actions
        others = [word for word in rates if word not in self.right]
        if self.endgame is not None and self.endgame.damage_rolls == DAMAGE_ROLLS:
            bounds = self.endgame.actions
            if max(bounds[word][0] for word in self.right) > max(bounds[word][1] for word in others):
                return "endgame"
        low = max(rates[word].lower or 0.0 for word in self.right)
        return "rollouts" if low > max(rates[word].upper or 0.0 for word in others) else None

    @property
    def values(self) -> dict[str, float]:
        """The win rate of each action: exact where all are known to 0.001, else estimated by rollouts."""
        if self.endgame is not None and self.value_kind == "exact":
            return {word: (low + high) / 2 for word, (low, high) in self.endgame.actions.items()}
        return {word: float(rate.win_rate or 0) for word, rate in self.rollouts.actions.items()}

    @property
    def value_kind(self) -> str:
        """``"exact"`` or ``"rollouts"``: where `values` come from."""
        if self.endgame is None or not self.endgame.exact:
            return "rollouts"
        known = all(high - low < _KNOWN for low, high in self.endgame.actions.values())
        return "exact" if known else "rollouts"

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict."""
        data = {key: getattr(self, key) for key in ("name", "group", "title", "plan", "why", "player")}
        data |= {"right": list(self.right), "position": self.position.to_json(), "rollouts": self.rollouts.to_json()}
        return data | ({} if self.endgame is None else {"endgame": self.endgame.to_json()})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Probe:
        """The inverse of `to_json`.

        Raises
        ------
        InputError
            If fields are missing or are not what they should be.
        """
        try:
            return cls(
                **{key: data[key] for key in ("name", "group", "title", "plan", "why", "player")},
                position=Position.from_json(data["position"]),
                right=tuple(data["right"]),
                rollouts=RolloutValues.from_json(data["rollouts"]),
                endgame=EndgameBounds.from_json(data["endgame"]) if "endgame" in data else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"not a probe: {str(data)[:200]} ({error!r})") from error


def read_probes(text: str, where: str) -> list[Probe]:
    """The probes of a data file's text; `where` begins the message of an error.

    Raises
    ------
    InputError
        If it is no file of probes.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is no JSON: {error}") from error
    if not isinstance(data, Mapping) or data.get("schema") != PROBE_SCHEMA or "probes" not in data:
        raise InputError(f"{where} is no file of probes of schema {PROBE_SCHEMA}")
    return [Probe.from_json(one) for one in data["probes"]]


def load_probes(path: Path | None = None) -> tuple[Probe, ...]:
    """The probes that come with pokenash, or those of a file.

    Parameters
    ----------
    path : Path, optional
        A JSON file in the form of pokenash's own.

    Raises
    ------
    InputError
        If the file cannot be read or two probes have one name.
    """
    if path is None:
        return _shipped()
    try:
        found = read_probes(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a file of probes: {error}") from error
    return _distinct(found)


@cache
def _shipped() -> tuple[Probe, ...]:
    folder = files("pokenash.experiments.probes").joinpath("data")
    texts = [folder.joinpath(f"{group}.json").read_text(encoding="utf-8") for group in GROUPS]
    return _distinct([probe for text in texts for probe in read_probes(text, "the data of the probes")])


def _distinct(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    names = [probe.name for probe in probes]
    if len(set(names)) != len(names):
        raise InputError(f"probes must have different names, got {names}")
    return tuple(probes)
