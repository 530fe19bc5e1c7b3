"""The fixed scale of strength: ratings of players that everyone has, on which a new policy is placed.

The scale is fitted once for a format (``benchmarks/anchors.py``) and comes with the package; uniform random play is
its fixed point. It is about the teams that come with pokenash: with other teams the same player has another strength,
so that nothing is placed on it then.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.policies.spec import PolicySpec

__all__ = ["ANCHOR_SCHEMA", "FIXED_RATING", "Anchors", "anchor_path", "load_anchors", "team_set_sha256"]

ANCHOR_SCHEMA = 1
FIXED_RATING = 1000.0
"""Of the fixed point."""

_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, eq=False)
class Anchors:
    """Ratings of known players on one scale.

    Parameters
    ----------
    format : str
    policies : tuple of PolicySpec
    ratings : float64 array, ``[n]``
        On Elo's scale: 400 points are odds of ten to one.
    covariance : float64 array, ``[n, n]``
        Of the ratings' distances to the fixed point.
    fixed : str
        Name of the policy whose rating is `FIXED_RATING` by definition.
    simulator : str
        Version by which the scale was fitted.
    teams_sha256 : str
        Of the team set, see `team_set_sha256`.
    """

    format: str
    policies: tuple[PolicySpec, ...]
    ratings: NDArray[np.float64]
    covariance: NDArray[np.float64]
    fixed: str
    simulator: str
    teams_sha256: str

    def index(self, spec: PolicySpec) -> int | None:
        """Which anchor a policy is: the same kind, parameters and weights, whatever its name. None if it is none."""
        for index, anchor in enumerate(self.policies):
            if (anchor.kind, dict(anchor.parameters), anchor.sha256) == (
                spec.kind,
                dict(spec.parameters),
                spec.sha256,
            ):
                return index
        return None

    def refusal(self, game: Game) -> str | None:
        """Why battles of this game say nothing on the scale; None if they do."""
        if getattr(game, "format", None) != self.format:
            return f"the scale is of {self.format}"
        if team_set_sha256(game) != self.teams_sha256:
            return f"the scale is of the teams for {self.format} that come with pokenash, and other teams were played"
        return None


def team_set_sha256(game: Game) -> str | None:
    """SHA-256 of a game's teams, one packed team a line; None for a game without a team set."""
    teams = getattr(game, "teams", None)
    return None if teams is None else hashlib.sha256("\n".join(teams).encode()).hexdigest()


def anchor_path(format: str) -> Path:
    """Where the scale of a format lies, if there is one."""
    return _DATA / f"anchors_{format}.json"


@cache
def load_anchors(format: str) -> Anchors | None:
    """The scale of a format; None if none comes with pokenash.

    Raises
    ------
    InputError
        If the file is of another schema.
    """
    path = anchor_path(format)
    if not path.exists():
        return None
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if data.get("schema") != ANCHOR_SCHEMA:
        raise InputError(f"{path.name} has schema {data.get('schema')!r}; this version reads schema {ANCHOR_SCHEMA}")
    numbers = ("rating", "lower", "upper")
    specs = [PolicySpec.from_json({k: v for k, v in row.items() if k not in numbers}) for row in data["anchors"]]
    return Anchors(
        data["format"],
        tuple(specs),
        np.array([row["rating"] for row in data["anchors"]], np.float64),
        np.array(data["covariance"], np.float64),
        data["fixed"]["policy"],
        data["simulator"],
        data["teams"]["sha256"],
    )
