"""Oak's search as a policy: battles of generation 1 OU, on the engine libpkmn.

Oak (https://github.com/lab-oak/oak, on PyPI ``oak-lab``, licence GPL-3.0) searches with both players' hands open. Here
it is given a battle that the player could be in: what it was told, completed by a guess at what is hidden, several
times with different guesses. What the searches visited is added up over the guesses, and the action that was visited
most is played. This is determinised search, which acts as though everything will be known after the first move: it
does not hide its own team, nor pay to learn the opponent's.

The extra ``oak`` installs it; nothing of it comes with pokenash.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.games.showdown.dex import Dex, load_dex
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.heuristics.view import MOVES, SWITCHES, blocks
from pokenash.policies.oak_battle import build_battle
from pokenash.policies.oak_guesses import Guess, guess_from_teams, guess_team, team_members
from pokenash.policies.oak_state import OakNames, OakPosition, read_position, remember_rest
from pokenash.policies.spec import PolicySpec

__all__ = ["OakPolicy", "OakSettings", "load", "named"]

OAK_STREAM = 0x6F616B
"""Stream of `DecisionRandom` from which guesses are drawn."""

# Kinds of the engine's choices, in their lowest two bits.
_MOVE, _SWITCH = 1, 2
_BANNED = ("mew", "mewtwo")


@dataclass(frozen=True, slots=True)
class OakSettings:
    """How Oak searches.

    Parameters
    ----------
    iterations : int
        Of each search.
    guesses : int
        Searches of each decision, with different guesses at what is hidden.
    milliseconds : int
        If above 0, each search ends after this time in place of the iterations: how strong it is then depends on the
        machine.
    evaluation : str
        How leaves are judged: ``"fp"`` (a formula after poke-engine's), ``"mc"`` (random play to the end), or the path
        of a network that was trained with Oak.
    bandit : str
        Rule by which the tree is descended, in Oak's words.
    hidden : str
        Where guesses come from: ``"usual"`` (what is usual in the tier), or ``"teams"`` (the game's own teams, as
        though the opponent's were known to be one of them).

    Raises
    ------
    InputError
        If a number is out of range or a word unknown.
    """

    iterations: int = 1024
    guesses: int = 4
    milliseconds: int = 0
    evaluation: str = "fp"
    bandit: str = "ucb-1.0"
    hidden: str = "usual"

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.guesses < 1 or self.milliseconds < 0:
            raise InputError(
                f"oak: expected iterations and guesses >= 1 and milliseconds >= 0, got {self.iterations}, "
                f"{self.guesses} and {self.milliseconds}"
            )
        if self.hidden not in ("usual", "teams"):
            raise InputError(f"oak: hidden is {self.hidden!r}, expected 'usual' or 'teams'")

    @property
    def budget(self) -> str:
        """As Oak writes it."""
        return f"{self.milliseconds}ms" if self.milliseconds else str(self.iterations)


class OakPolicy(Policy):
    """Plays what Oak's search visits most.

    The guesses are functions of the seed. The search itself is not: Oak 1.1.4 draws from a generator that it seeds
    from the system, and offers no way to set it; so two games with the same seed may differ.

    Parameters
    ----------
    dex : Dex
        Of a generation 1 format.
    settings : OakSettings, optional
    teams : sequence of str, optional
        Packed teams, for ``hidden="teams"``.

    Raises
    ------
    InputError
        If Oak is not installed, the format is of another generation, or Oak refuses the settings.
    """

    def __init__(self, dex: Dex, settings: OakSettings | None = None, teams: Sequence[str] = ()) -> None:
        if dex.generation != 1:
            raise InputError(f"oak plays generation 1, and {dex.format} is of generation {dex.generation}")
        self.settings = settings or OakSettings()
        self._engine, self._search = _import_oak()
        self._names = OakNames(self._engine, dex)
        self._teams = [team_members(packed) for packed in teams] if self.settings.hidden == "teams" else []
        self._agent = self._search.Agent()
        self._agent.budget = self.settings.budget
        self._agent.bandit = self.settings.bandit
        self._agent.eval = self.settings.evaluation
        self._try()

    def _try(self) -> None:
        """One iteration on a small battle, so that words which Oak does not know are refused now."""
        self._agent.budget = "1"
        battle, durations, result = self._engine.parse_battle("snorlax bodyslam rest | snorlax bodyslam rest")
        try:
            self._search.search(battle, durations, result, self._search.Heap(), self._agent)
        except RuntimeError as error:
            raise InputError(f"oak does not take these settings: {error}; got {self.settings}") from error
        self._agent.budget = self.settings.budget

    def initial_memory(self, num_lanes: int) -> NDArray[np.bool_]:
        """Who sleeps by its own Rest, ``[lanes, 2, 12]``, which is not told of Pokémon on the bench."""
        return np.zeros((num_lanes, 2, 12), np.bool_)

    def act(self, decisions: Decisions, memory: NDArray[np.bool_], rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        view = blocks(decisions.observation)
        seeds = rng.uniform(decisions, 1, OAK_STREAM)[:, 0]
        actions = np.empty(len(decisions), np.int64)
        for row in range(len(decisions)):
            rested = memory[decisions.lane[row], decisions.player[row]]
            if decisions.decision[row] == 0:
                rested[:] = False
            remember_rest(view, row, self._names, rested)
            mask = decisions.action_mask[row]
            legal = np.flatnonzero(mask)
            if len(legal) == 1:
                actions[row] = legal[0]
                continue
            position = read_position(view, row, self._names, rested)
            visits = self.visits(position, mask, np.random.default_rng(int(seeds[row] * 2**53)))
            actions[row] = int(np.where(mask, visits, -1.0).argmax())
        return actions

    def visits(self, position: OakPosition, mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
        """Share of the search that went to each action, over all guesses, ``[A]``; 0 where masked."""
        total = np.zeros(len(mask))
        for _ in range(self.settings.guesses):
            battle, durations, result = build_battle(self._engine, position, self.guess(position, rng), self._names)
            choices = self._engine.choices(battle, result)[0]
            output = self._search.search(battle, durations, result, self._search.Heap(), self._agent)
            order = list(battle.side(0).order)
            for choice, share in zip(choices, output.p1_empirical[: len(choices)].tolist(), strict=True):
                total[_action(choice, order, mask)] += share / self.settings.guesses
        return np.where(mask, total, 0.0)

    def guess(self, position: OakPosition, rng: np.random.Generator) -> list[Guess]:
        """One team that the opponent may have."""
        shown = [(member.species, [move for move, _ in member.moves]) for member in position.members[1]]
        if self._teams:
            fitting = guess_from_teams(shown, self._teams, rng)
            if fitting is not None:
                return fitting
        return guess_team(shown, position.size, self._names.types, _BANNED, rng)


def _action(choice: int, order: Sequence[int], mask: NDArray[np.bool_]) -> int:
    """The action that one of the engine's choices is."""
    kind, slot = choice & 3, choice >> 2
    if kind == _SWITCH:
        # Slots count in the engine's order from 1, and the order holds places in the team from 1.
        return SWITCHES.start + order[slot - 1] - 1
    moves = np.flatnonzero(mask[MOVES])
    if len(moves) == 1 or not slot:
        # Fight, Recharge, Struggle and moves that one is locked into stand alone, wherever the engine has them.
        return int(moves[0]) if len(moves) else 0
    return slot - 1


def _import_oak() -> tuple[Any, Any]:
    try:
        return importlib.import_module("oak"), importlib.import_module("oak.search")
    except ImportError as error:
        raise InputError(
            f"the policy kind 'oak' needs the package oak-lab ({error}): pip install 'pokenash[oak]' (Linux on x86-64 "
            "only)"
        ) from error


def named(which: str) -> PolicySpec:
    """The spec of ``oak:ITERATIONS``, or ``oak:ITERATIONS-EVALUATION`` such as ``oak:4096-mc``.

    Raises
    ------
    InputError
        If there is no number of iterations.
    """
    number, _, evaluation = which.partition("-")
    if not number.isascii() or not number.isdigit() or not int(number):
        raise InputError(f"oak:{which}: expected a number of iterations, as in oak:1024 or oak:4096-mc")
    if evaluation not in ("", "fp", "mc"):
        raise InputError(f"oak:{which}: expected the evaluation fp or mc, got {evaluation!r}")
    parameters = {"iterations": int(number)} | ({"evaluation": evaluation} if evaluation else {})
    return PolicySpec(f"oak-{which}", "oak", parameters)


def load(spec: PolicySpec, game: Game) -> OakPolicy:
    """Make the policy of a spec of kind ``"oak"``.

    The parameters are those of `OakSettings`; a network that was trained with Oak is the spec's checkpoint.

    Raises
    ------
    InputError
        As `OakPolicy`, or if a parameter is unknown or of another kind, or the checkpoint cannot be used.
    """
    format = getattr(game, "format", None)
    if not isinstance(format, str):
        raise InputError(f"policy {spec.name!r}: oak plays Showdown's generation 1, not the game {game.name!r}")
    defaults = asdict(OakSettings())
    unknown = sorted(set(spec.parameters) - set(defaults))
    if unknown:
        known = [field.name for field in fields(OakSettings)]
        raise InputError(f"policy {spec.name!r}: unknown parameters {unknown}; known: {known}")
    for name, value in spec.parameters.items():
        if type(value) is not type(defaults[name]):
            raise InputError(f"policy {spec.name!r}: {name} is {value!r}, expected a {type(defaults[name]).__name__}")
    values = dict(spec.parameters)
    if values.get("evaluation", "fp") not in ("fp", "mc"):
        raise InputError(
            f"policy {spec.name!r}: evaluation is {values['evaluation']!r}, expected 'fp' or 'mc'; a network is "
            "named as the checkpoint of the spec"
        )
    if spec.checkpoint is not None:
        values["evaluation"] = str(spec.checkpoint_path())
    return OakPolicy(load_dex(format), OakSettings(**values), tuple(getattr(game, "teams", None) or ()))
