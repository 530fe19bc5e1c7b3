"""What is counted of a generation: choices that were refused, battles of self-play, and scores against others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.paired_scores import count_pairs, paired_score
from pokenash.experiments.collection_directory import trajectory_files
from pokenash.experiments.filtering_rules import measure

__all__ = ["pairings", "refused_choices", "self_play_battles"]

_MOST_FILES = 1000
_PREFIX = "tournament/"


def refused_choices(root: Path, action_space: str, most_files: int = _MOST_FILES) -> dict[str, Any]:
    """How many choices were refused, or cannot be said in the action space (`Measured.refused`).

    Parameters
    ----------
    root : Path
        Of trajectories.
    action_space : str
    most_files : int
        That are read, evenly spread over the sorted names.

    Returns
    -------
    dict
        ``files``, ``decisions``, ``refused``, and their ``rate``, None without decisions.
    """
    paths = sorted(Path(entry.path) for entry in trajectory_files(root) if not entry.name.startswith("."))
    chosen = [paths[number * len(paths) // most_files] for number in range(most_files)] if paths else []
    found = [measure(path, action_space) for path in (paths if len(paths) <= most_files else chosen)]
    read = [one for one in found if one is not None]
    decisions, refused = sum(one.decisions for one in read), sum(one.refused for one in read)
    rate = refused / decisions if decisions else None
    return {"files": len(read), "decisions": decisions, "refused": refused, "rate": rate}


def self_play_battles(matches: Iterable[LoggedMatch]) -> dict[str, Any]:
    """Battles of a policy with itself: how many, ties, those that ended with an error, and decisions of both players.

    Parameters
    ----------
    matches : iterable of LoggedMatch
    """
    every = list(matches)
    counted = [match for match in every if match.counted]
    return {
        "battles": len(every),
        "errors": len(every) - len(counted),
        "ties": sum(match.returns[0] == match.returns[1] for match in counted),
        "mean_decisions": sum(match.length for match in counted) / len(counted) if counted else None,
    }


def pairings(tournament: Path, policy: str, level: float) -> list[dict[str, Any]]:
    """A policy's scores against everybody whom it has met in a tournament, in the order of the tournament's log.

    Parameters
    ----------
    tournament : Path
        Directory of a tournament.
    policy : str
        Name.
    level : float
        Of the intervals, which rest on pairs of battles with the seats exchanged.
    """
    log = MatchLog(tournament / "matches" / "matches.jsonl")
    met: dict[str, list[LoggedMatch]] = {}
    for key in log.keys(_PREFIX):
        names = key.removeprefix(_PREFIX).split("/")[:2]
        if policy in names:
            met.setdefault(names[names[0] == policy], []).extend(log.block(key))
    rows = []
    for name, matches in met.items():
        counts, outcomes, left_out = count_pairs(matches, policy)
        score = paired_score(counts, outcomes, level)
        kept = ("battles", "wins", "draws", "losses", "score", "lower", "upper", "level")
        rows.append({"name": name, **{key: getattr(score, key) for key in kept}, "left_out": left_out})
    return rows
