"""What the battles of an evaluation say: per opponent, over the pool, and on the anchors' scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.anchored_rating import AnchoredRating, anchored_rating
from pokenash.algorithms.empirical_game import EmpiricalGame
from pokenash.algorithms.intervals import WinRate
from pokenash.algorithms.match_log import LoggedMatch
from pokenash.algorithms.paired_scores import PairedScore, count_pairs, paired_interval, paired_score
from pokenash.algorithms.ratings import BradleyTerry, bradley_terry
from pokenash.experiments.anchors import load_anchors
from pokenash.games.core import Game
from pokenash.policies.spec import PolicySpec

__all__ = ["GXE_MEANING", "EvaluationResult", "IntervalKind", "OpponentResult", "PoolScore", "summarise"]

IntervalKind = Literal["fixed", "any time"]
"""``"fixed"``: the number of battles was set before the first one; ``"any time"``: results may have decided it."""

GXE_MEANING = (
    "expected score (a draw is half a win) of one battle against an opponent drawn from this pool by these weights"
)

_CENTRE = 1500.0


@dataclass(frozen=True, slots=True)
class OpponentResult:
    """Results against one opponent.

    Parameters
    ----------
    name, kind : str
    weight : float
        Share of the pool.
    score : PairedScore
    left_out : int
        Battles that do not count, because they or their partner ended with an error.
    reproducible : bool
        False where the policy's or the opponent's choices are not a function of the seed.
    counts : tuple of int
        Pairs by score: 0, 1/4, 1/2, 3/4, 1.
    members : mapping of str to WinRate
        Where the policy is a mixture, the counted battles of each member that was drawn; intervals are Wilson's, of
        single battles.
    """

    name: str
    kind: str
    weight: float
    score: PairedScore
    left_out: int
    reproducible: bool
    counts: tuple[int, ...]
    members: Mapping[str, WinRate]

    def bounds(self, kind: IntervalKind) -> tuple[float | None, float | None]:
        """The interval of that kind."""
        if kind == "fixed":
            return self.score.lower, self.score.upper
        return self.score.always_lower, self.score.always_upper


@dataclass(frozen=True, slots=True)
class PoolScore:
    """The score over the pool, which is what ``GXE`` means here.

    Parameters
    ----------
    score, lower, upper : float
        The interval is that for numbers of battles that were fixed before, whatever decided them.
    level : float
    battles : int
    """

    score: float
    lower: float
    upper: float
    level: float
    battles: int


@dataclass(frozen=True)
class EvaluationResult:
    """What an evaluation has found so far.

    Parameters
    ----------
    policy : PolicySpec
    opponents : tuple of OpponentResult
    interval : str
        Which of the two intervals of an opponent's score is the one to quote.
    pool : PoolScore or None
        None as long as an opponent has no pair of battles.
    bradley_terry : BradleyTerry or None
        Of the policy and its opponents, from these battles alone; their mean is 1500. None before every opponent has
        been met in both seats.
    scale : AnchoredRating or None
        Place on the anchors' scale.
    scale_refusal : str or None
        Why there is none.
    scale_about : str
        What the scale is.
    """

    policy: PolicySpec
    opponents: tuple[OpponentResult, ...]
    interval: IntervalKind
    pool: PoolScore | None
    bradley_terry: BradleyTerry | None
    scale: AnchoredRating | None
    scale_refusal: str | None
    scale_about: str

    def to_json(self) -> dict[str, Any]:
        """As ``evaluation.json`` holds it."""
        rows = []
        for row in self.opponents:
            score = row.score.to_json()
            bounds = {name: score.pop(name) for name in ("lower", "upper", "always_lower", "always_upper")}
            intervals = {
                "fixed": [bounds["lower"], bounds["upper"]],
                "any_time": [bounds["always_lower"], bounds["always_upper"]],
            }
            about = {"name": row.name, "kind": row.kind, "weight": row.weight}
            others: dict[str, Any] = {
                "left_out": row.left_out,
                "reproducible": row.reproducible,
                "pair_scores": list(row.counts),
            }
            if row.members:
                others["by_member"] = {name: rate.to_json() for name, rate in row.members.items()}
            rows.append(about | score | {"intervals": intervals} | others)
        pool = None
        if self.pool is not None:
            pool = {name: getattr(self.pool, name) for name in PoolScore.__slots__} | {
                "meaning": GXE_MEANING,
                "opponents": {row.name: row.weight for row in self.opponents},
            }
        scale: dict[str, Any] = {"about": self.scale_about}
        scale |= {"refusal": self.scale_refusal} if self.scale is None else self.scale.to_json()
        return {
            "policy": self.policy.name,
            "interval": self.interval,
            "opponents": rows,
            "gxe": pool,
            "bradley_terry": None if self.bradley_terry is None else self.bradley_terry.to_json(),
            "scale": scale,
        }


def summarise(
    game: Game,
    policy: PolicySpec,
    opponents: Sequence[PolicySpec],
    matches: Mapping[str, Sequence[LoggedMatch]],
    *,
    interval: IntervalKind,
    level: float,
    weights: Mapping[str, float],
) -> EvaluationResult:
    """Work out everything from the battles.

    Parameters
    ----------
    game : Game
    policy : PolicySpec
    opponents : sequence of PolicySpec
    matches : mapping of str to sequence of LoggedMatch
        By opponent.
    interval : {"fixed", "any time"}
    level : float
        Of all intervals.
    weights : mapping of str to float
        Of opponents in the pool; 1 for those that are not in it. They are normalised.
    """
    shares = np.array([float(weights.get(spec.name, 1.0)) for spec in opponents])
    shares = shares / shares.sum()
    rows = []
    for spec, share in zip(opponents, shares.tolist(), strict=True):
        counts, outcomes, left_out = count_pairs(matches[spec.name], policy.name)
        score = paired_score(counts, outcomes, level)
        members = _by_member(matches[spec.name], policy.name, level)
        rows.append(
            OpponentResult(
                spec.name,
                spec.kind,
                share,
                score,
                left_out,
                _is_reproducible(policy) and _is_reproducible(spec),
                tuple(counts.tolist()),
                members,
            )
        )
    everyone = [match for spec in opponents for match in matches[spec.name]]
    played = all(row.score.pairs for row in rows)
    scale, refusal, about = _on_scale(game, policy, opponents, rows, level)
    return EvaluationResult(
        policy,
        tuple(rows),
        interval,
        _pool(rows, level) if played else None,
        _ratings(everyone, policy, rows, level) if played else None,
        scale,
        refusal,
        about,
    )


def _is_reproducible(spec: PolicySpec) -> bool:
    """Whether a policy's choices are a function of the seed; a mixture's, whether all its members' are."""
    inner = [*spec.parameters.get("members", ()), *spec.parameters.get("seats", ())]
    return spec.kind != "oak" and all(
        _is_reproducible(PolicySpec.from_json(row)) for row in inner if isinstance(row, Mapping)
    )


def _by_member(matches: Sequence[LoggedMatch], policy: str, level: float) -> dict[str, WinRate]:
    """Results by the member that a mixture drew; empty for other policies."""
    found: dict[str, list[int]] = {}
    for match in matches:
        seat = match.policies.index(policy)
        member = match.members[seat]
        if member is not None and match.counted:
            found.setdefault(member, [0, 0, 0])[1 - int(np.sign(match.returns[seat]))] += 1
    return {
        name: WinRate.from_counts(wins, draws, losses, level) for name, (wins, draws, losses) in sorted(found.items())
    }


def _table(rows: Sequence[OpponentResult]) -> NDArray[np.int64]:
    return np.array([row.counts for row in rows], np.int64)


def _pool(rows: Sequence[OpponentResult], level: float) -> PoolScore:
    score, lower, upper = paired_interval(list(_table(rows)), [row.weight for row in rows], level)
    return PoolScore(score, lower, upper, level, sum(row.score.battles for row in rows))


def _ratings(
    matches: Sequence[LoggedMatch], policy: PolicySpec, rows: Sequence[OpponentResult], level: float
) -> BradleyTerry:
    game = EmpiricalGame.from_matches(matches, [policy.name, *(row.name for row in rows)])
    return bradley_terry(game, level=level, centre=_CENTRE)


def _on_scale(
    game: Game, policy: PolicySpec, opponents: Sequence[PolicySpec], rows: Sequence[OpponentResult], level: float
) -> tuple[AnchoredRating | None, str | None, str]:
    """Place on the anchors' scale, or why there is none, and what the scale is."""
    format = getattr(game, "format", game.name)
    anchors = load_anchors(format)
    if anchors is None:
        return None, f"no scale for {format} comes with pokenash", "none"
    about = f"anchors of {anchors.format} that come with pokenash, {anchors.fixed} = 1000, 400 points: ten to one"
    refusal = anchors.refusal(game)
    if refusal is not None:
        return None, refusal, about
    found = [(row, anchors.index(spec)) for spec, row in zip(opponents, rows, strict=True)]
    there = [(row, index) for row, index in found if index is not None and row.score.pairs]
    if not there:
        return None, "none of the opponents is an anchor", about
    index = [place for _, place in there]
    rating = anchored_rating(
        list(_table([row for row, _ in there])),
        [row.name for row, _ in there],
        anchors.ratings[index],
        anchors.covariance[np.ix_(index, index)],
        level=level,
    )
    own = anchors.index(policy)
    if own is not None:
        about += f"; the policy is an anchor itself, with the rating {anchors.ratings[own]:.0f}"
    return rating, None, about
