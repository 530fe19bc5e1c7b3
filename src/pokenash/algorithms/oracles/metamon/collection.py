"""Fresh battles for a metamon training: played in blocks that a killed collection does not lose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pokenash.algorithms.intervals import WinRate
from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.paired_scores import count_pairs, paired_score
from pokenash.arena import Arena, paired_matches
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.training.files import make_folder, read_json, write_json
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["collect_trajectories", "head_to_head", "trajectory_root", "win_rate"]

_SCHEMA = 1


def trajectory_root(directory: Path, name: str, iteration: int) -> Path:
    """Where fresh trajectories go: into the iteration's folder, if the directory is one of a run's."""
    if directory.parent.name != "br_training":
        return directory / "trajectories"
    shared = directory.parent.parent / "br_trajectories"
    return shared if name == f"br_{iteration}" else shared / name


def collect_trajectories(
    arena: Arena,
    policy: PolicySpec,
    opponent: PolicySpec,
    root: Path,
    log: MatchLog,
    *,
    battles: int,
    battles_per_block: int,
    seed: int,
    action_space: str,
) -> dict[str, Any]:
    """Let a policy play an opponent from both seats and write its trajectories.

    Called again after it was killed, it plays what is missing and ends with the same files.

    Parameters
    ----------
    arena : Arena
    policy, opponent : PolicySpec
    root : Path
        Of the trajectories: the format's folder is made in it, and ``collection.json`` lies beside them.
    log : MatchLog
        Of the battles, in blocks ``collection/<n>``.
    battles, battles_per_block : int
        Even.
    seed : int
    action_space : str
        metamon's name of the one that indices are of.

    Returns
    -------
    dict
        What ``collection.json`` holds: the policy's win rate, and how many files there are and why not more.
    """
    path = make_folder(root) / "collection.json"
    found = read_json(path) or {"schema": _SCHEMA, "time": _now(), "trajectories": 0, "left_out": {}}
    # A second from the first call to the last: it is part of the files' names.
    write_json(path, found)
    recorder: TrajectoryRecorder | None = None
    for block, first in enumerate(range(0, battles, battles_per_block)):
        key = f"collection/{block}"
        if log.has_block(key):
            continue
        recorder = recorder or TrajectoryRecorder(
            load_policy(policy, arena.game), arena.game, root, name=policy.name, opponent=opponent.name,
            time=datetime.fromisoformat(found["time"]), battle_id=f"{derive_seed(seed, 'battles') % 10**6:06d}",
            action_space=action_space,
        )  # fmt: skip
        matches = paired_matches(
            arena.game, [(0, 1)], min(battles_per_block, battles - first), derive_seed(seed, key), first_episode=first
        )
        play_seed = derive_seed(seed, key, "play")
        results = arena.play([recorder, opponent], matches, seed=play_seed, on_result=recorder.on_result)
        log.append_block(key, results, [policy.name, opponent.name])
    played = [match for match in log if match.block.startswith("collection/")]
    files = sum(1 for _ in root.glob("*/*.json.lz4"))
    found |= {
        "policy": policy.name,
        "opponent": opponent.name,
        "trajectories": files,
        "left_out": len(played) - files,
        "win_rate": win_rate(played, policy.name).to_json(),
    }
    write_json(path, found)
    return found


def head_to_head(
    arena: Arena, new: PolicySpec, base: PolicySpec, log: MatchLog, *, battles: int, seed: int
) -> dict[str, Any]:
    """The new policy's result against the one that it started from, on fresh paired battles; JSON-able.

    The interval is that of `pokenash.algorithms.paired_scores.paired_interval`, whose unit is the pair: what its two
    battles have in common, seed and teams, makes them tell less than two battles, or more. Pairs of which a battle
    ended with an error are left out.
    """
    key, names = "head_to_head", [new.name, base.name]
    if not log.has_block(key):
        matches = paired_matches(arena.game, [(0, 1)], battles, derive_seed(seed, key))
        log.append_block(key, arena.play([new, base], matches, seed=derive_seed(seed, key, "play")), names)
    pairs, outcomes, left_out = count_pairs(log.block(key), new.name)
    found = paired_score(pairs, outcomes)
    return {
        "schema": _SCHEMA,
        "policy": new.name,
        "base": base.name,
        "battles": found.battles,
        "wins": found.wins,
        "draws": found.draws,
        "losses": found.losses,
        "win_rate": found.score,
        "lower": found.lower,
        "upper": found.upper,
        "level": found.level,
        "pairs": found.pairs,
        "left_out": left_out,
    }


def win_rate(matches: Sequence[LoggedMatch], name: str) -> WinRate:
    """Of one policy in its matches, whichever its seat."""
    returns = [match.returns[match.policies.index(name)] for match in matches if match.counted]
    wins, losses = sum(value > 0 for value in returns), sum(value < 0 for value in returns)
    return WinRate.from_counts(wins, len(returns) - wins - losses, losses)


def _now() -> str:
    return datetime.now(UTC).replace(microsecond=0, tzinfo=None).isoformat()
