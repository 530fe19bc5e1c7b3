"""Drawing the two teams of a battle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.showdown.team_set import TeamSet

__all__ = ["TeamDraws"]


class TeamDraws:
    """What the two players' teams are drawn from.

    Parameters
    ----------
    first : TeamSet
        Of both players, or of the first where there is a second set.
    second : TeamSet, optional
        Of the second player, of the same format.

    Attributes
    ----------
    teams : TeamSet
        All teams, which indices refer to: the first set's, then the second's.
    """

    def __init__(self, first: TeamSet, second: TeamSet | None = None) -> None:
        self._sets = (first, second)
        self.teams = first
        if second is not None:
            self.teams = TeamSet(
                first.format,
                first.names + second.names,
                first.packed + second.packed,
                refused=first.refused + second.refused,
            )
        self._seats = [(first, 0), (first, 0) if second is None else (second, len(first))]
        self._cumulative = [None if teams.weights is None else _cumulative(teams.weights) for teams, _ in self._seats]
        self._equal = second is None and first.weights is None

    def draw(self, rng: np.random.Generator) -> list[int]:
        """One team for each player, independently; indices into `teams`."""
        if self._equal:
            # As it always was: runs on disk were drawn like this.
            return [int(i) for i in rng.integers(len(self.teams), size=2)]
        return [self.index_at(player, place) for player, place in enumerate(rng.random(2).tolist())]

    def index_at(self, player: int, place: float) -> int:
        """The team that a place in [0, 1) falls on, where each has its share in the order of the set."""
        teams, offset = self._seats[player]
        cumulative = self._cumulative[player]
        if cumulative is None:
            return min(int(place * len(teams)), len(teams) - 1) + offset
        return int(np.searchsorted(cumulative, place, side="right")) + offset

    def to_json(self) -> dict[str, Any]:
        """JSON-able: ``"teams"``, and ``"second_teams"`` where there are any."""
        first, second = self._sets
        return {"teams": first.to_json()} | ({} if second is None else {"second_teams": second.to_json()})


def _cumulative(weights: Sequence[float]) -> NDArray[np.float64]:
    """Share of each team and all before it, ``[n]``; the last is 1 exactly, so that every draw is below it."""
    total = np.cumsum(np.array(weights))
    share: NDArray[np.float64] = total / total[-1]
    return share
