"""Drawing the two teams of a battle."""

from __future__ import annotations

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
        seats = [(first, 0), (first, 0) if second is None else (second, len(first))]
        self._cumulative = [_cumulative(teams) for teams, _ in seats]
        self._offsets = [offset for _, offset in seats]
        self._equal = second is None and first.weights is None

    def draw(self, rng: np.random.Generator) -> list[int]:
        """One team for each player, independently; indices into `teams`."""
        if self._equal:
            # As it always was: runs on disk were drawn like this.
            return [int(i) for i in rng.integers(len(self.teams), size=2)]
        drawn = zip(self._cumulative, rng.random(2), self._offsets, strict=True)
        return [int(np.searchsorted(cumulative, place, side="right")) + offset for cumulative, place, offset in drawn]

    def to_json(self) -> dict[str, Any]:
        """JSON-able: ``"teams"``, and ``"second_teams"`` where there are any."""
        first, second = self._sets
        return {"teams": first.to_json()} | ({} if second is None else {"second_teams": second.to_json()})


def _cumulative(teams: TeamSet) -> NDArray[np.float64]:
    """Share of each team and all before it, ``[n]``; the last is 1 exactly, so that every draw is below it."""
    weights = np.ones(len(teams)) if teams.weights is None else np.array(teams.weights)
    total = np.cumsum(weights)
    share: NDArray[np.float64] = total / total[-1]
    return share
