"""Measuring a policy against opponents that it has not seen, in a directory that may be continued.

A directory holds ``config.json``, ``population.json`` (the policy, then its opponents), ``matches/matches.jsonl``,
``evaluation.json``, ``report.html`` and ``figures/``.
What is played next follows from the log alone: an evaluation that is killed and started again ends with the same files.

Seeds are derived from a domain of their own, ``"pokenash evaluation"``, by SHA-256: no run draws from it, whatever its
seed, so that the games are fresh.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.algorithms.block_writer import BlockWriter
from pokenash.algorithms.match_log import LoggedMatch, MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.paired_scores import confidence_sequence, count_pairs
from pokenash.arena import Arena, Match, paired_matches
from pokenash.arena.executors import MatchExecutor, check_executor
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.environment import machine, versions
from pokenash.experiments.evaluation_config import POPULATION, continued_config, opponent_versions, with_recorded
from pokenash.experiments.evaluation_result import EvaluationResult, IntervalKind, summarise
from pokenash.experiments.run_directory import SCHEMA, RunDirectory, read_json, write_json
from pokenash.games.core import Game
from pokenash.policies.populations import population_json
from pokenash.policies.spec import PolicySpec

__all__ = ["MOST_BATTLES", "StoppingRule", "evaluate", "schedule"]

MOST_BATTLES = 10**6
"""Against one opponent."""

_DOMAIN = "pokenash evaluation"
_PREFIX = "evaluation/"
_BLOCK = 50
# Every look comes after so much more battles than the one before.
_GROWTH = 1.25
# Settings of the game on which results do not depend.
_FREE = frozenset({"batch_lanes", "timeout"})


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When there are enough battles against an opponent.

    Parameters
    ----------
    battles : int
        Without a width, exactly so many; with one, the most. Rounded up to an even number.
    minimum : int
        With a width, the fewest.
    width : float, optional
        Of the interval of the score (upper less lower bound) at which to stop. The interval is then the one that holds
        at any time (`confidence_sequence`), so that stopping by it does not bias what is reported.
    level : float
        Of the intervals.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    battles: int = 400
    minimum: int = 100
    width: float | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        if not 2 <= self.battles <= MOST_BATTLES or self.minimum < 2:
            raise InputError(
                f"evaluation: expected 2 to {MOST_BATTLES} battles and a minimum of at least 2, got {self.battles} "
                f"and {self.minimum}"
            )
        if self.width is not None and not 0 < self.width < 1:
            raise InputError(f"evaluation: expected a width between 0 and 1, got {self.width}")
        if not 0 < self.level < 1:
            raise InputError(f"evaluation: expected a level between 0 and 1, got {self.level}")

    def looks(self) -> Iterator[int]:
        """Numbers of battles after which the interval is looked at, in order."""
        most = self.battles + self.battles % 2
        number = most if self.width is None else min(self.minimum + self.minimum % 2, most)
        while True:
            yield number
            if number >= most:
                return
            grown = int(number * _GROWTH) + 2
            number = min(grown + grown % 2, most)

    def is_done(self, matches: Sequence[LoggedMatch], policy: str) -> bool:
        """Whether these battles are enough without being the most."""
        if self.width is None:
            return False
        lower, upper = confidence_sequence(count_pairs(matches, policy)[0], self.level)
        return upper - lower <= self.width


@dataclass(slots=True)
class _Evaluation:
    """Who plays whom, and what the log says of it."""

    game: Game
    policy: PolicySpec
    opponents: Sequence[PolicySpec]
    rule: StoppingRule
    seed: int
    log: MatchLog

    def matches(self, opponent: str) -> list[LoggedMatch]:
        """All battles against an opponent, in their order."""
        prefix = f"{_PREFIX}{opponent}/"
        return [match for key in self.log.blocks if key.startswith(prefix) for match in self.log.block(key)]

    def play(self, arena: MatchExecutor, on_look: Callable[[], object]) -> None:
        """Look after look, all opponents together, until every one has its battles."""
        looks = list(self.rule.looks())
        open_opponents = list(enumerate(self.opponents, start=1))
        for number in looks:
            self._play_to(arena, open_opponents, number)
            still = []
            for index, spec in open_opponents:
                if not self.rule.is_done(self.matches(spec.name)[:number], self.policy.name):
                    still.append((index, spec))
            open_opponents = still
            on_look()
            if not open_opponents:
                return

    def _play_to(self, arena: MatchExecutor, opponents: Sequence[tuple[int, PolicySpec]], number: int) -> None:
        """Play what the log lacks of the first so many battles against each."""
        players = [self.policy, *self.opponents]
        writer = BlockWriter(self.log, [spec.name for spec in players])
        for index, spec in opponents:
            played = len(self.matches(spec.name))
            wanted = schedule(self.game, spec.name, number, self.seed, index)
            for begin in range(played, number, _BLOCK):
                writer.expect(f"{_PREFIX}{spec.name}/{begin}", wanted[begin : begin + _BLOCK])
        if writer.matches:
            arena.play(players, writer.matches, seed=derive_seed(self.seed, _DOMAIN), on_result=writer.take)

    def result(self, interval: IntervalKind, weights: Mapping[str, float]) -> EvaluationResult:
        found = {spec.name: self.matches(spec.name) for spec in self.opponents}
        return summarise(
            self.game,
            self.policy,
            self.opponents,
            found,
            interval=interval,
            level=self.rule.level,
            weights=weights,
        )


def schedule(game: Game, opponent: str, battles: int, seed: int, index: int = 1) -> list[Match]:
    """The first battles against an opponent: a function of the evaluation's seed and the opponent's name alone.

    Parameters
    ----------
    game : Game
    opponent : str
    battles : int
    seed : int
        Of the evaluation.
    index : int
        The opponent's among the players; the policy's is 0.
    """
    word = hashlib.sha256(f"{_DOMAIN}/{opponent}".encode()).digest()
    # Policies' randomness is keyed by the episode: each opponent has a range of its own.
    first = int.from_bytes(word[:4], "little") * MOST_BATTLES
    matches = paired_matches(game, [(0, 1)], battles, derive_seed(seed, _DOMAIN, opponent), first)
    return [Match(match.setup, (0, index) if match.policies == (0, 1) else (index, 0)) for match in matches]


def evaluate(
    directory: str | Path,
    game: Game,
    policy: PolicySpec,
    opponents: Sequence[PolicySpec],
    *,
    rule: StoppingRule | None = None,
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
    num_lanes: int = 64,
    num_workers: int = 1,
    progress: bool = False,
    on_look: Callable[[EvaluationResult], None] | None = None,
    on_begin: Callable[[Path], object] | None = None,
    arena: MatchExecutor | None = None,
) -> EvaluationResult:
    """Measure a policy, or go on with what is there.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of an evaluation of the same policy on the same game with the same seed. More battles,
        another width and further opponents extend it; opponents that are there stay.
    game : Game
    policy : PolicySpec
    opponents : sequence of PolicySpec
        With names of their own, none of them the policy's.
    rule : StoppingRule, optional
    weights : mapping of str to float, optional
        Of opponents in the pool; by default all have the same.
    seed : int
    num_lanes, num_workers, progress
        As for `Arena`.
    on_look : callable, optional
        Called with the results so far after every look.
    on_begin : callable, optional
        Called with the directory once it is known to be this evaluation's, before anything is played.
    arena : MatchExecutor, optional
        Plays instead of a local arena with those lanes and workers; of the same game. It is not closed here.

    Raises
    ------
    InputError
        If the opponents or weights cannot be used.
    RunDirectoryError
        If the directory is damaged, is of something else, or is in use; nothing in it has been changed then.
    """
    check_executor(arena, game)
    rule = rule or StoppingRule()
    weights = dict(weights or {})
    run = RunDirectory(Path(directory))
    everyone = with_recorded(run.path, policy, opponents)
    _check_players(policy, everyone, weights)
    about = {"seed": seed, "game": game.config(), "policy": policy.name, "opponents": [spec.name for spec in everyone]}
    with _opened(run, _config(about, rule, weights, everyone)) as interval:
        write_json(run.path / POPULATION, population_json([policy, *everyone], run.path))
        if on_begin is not None:
            on_begin(run.path)
        evaluation = _Evaluation(game, policy, everyone, rule, seed, run.log)

        def looked(status: str) -> EvaluationResult:
            result = evaluation.result(interval, weights)
            head = {"schema": SCHEMA, "kind": "evaluation", "status": status, "seed": seed}
            write_json(run.path / "evaluation.json", head | result.to_json())
            if on_look is not None and status == "running":
                on_look(result)
            return result

        with ExitStack() as stack:
            player = arena or stack.enter_context(
                Arena(game, num_lanes=num_lanes, num_workers=num_workers, progress=progress)
            )
            evaluation.play(player, lambda: looked("running"))
        return looked("finished")


def _config(
    about: Mapping[str, Any], rule: StoppingRule, weights: Mapping[str, float], opponents: Sequence[PolicySpec]
) -> dict[str, Any]:
    """What ``config.json`` of a new directory holds."""
    return {
        "schema": SCHEMA,
        "kind": "evaluation",
        **about,
        "settings": {name: getattr(rule, name) for name in StoppingRule.__slots__} | {"weights": dict(weights)},
        "interval": "fixed" if rule.width is None else "any time",
        "versions": versions() | opponent_versions(opponents),
        "machine": machine(),
    }


def _check_players(policy: PolicySpec, opponents: Sequence[PolicySpec], weights: Mapping[str, float]) -> None:
    names = [spec.name for spec in opponents]
    if policy.name in names:
        raise InputError(
            f"opponents: {policy.name!r} is the name of the policy that is measured; leave it out or rename one of them"
        )
    unknown = sorted(set(weights) - set(names))
    if unknown or any(not value >= 0 for value in weights.values()):
        raise InputError(f"weights: expected numbers >= 0 for {', '.join(names)}, got {dict(weights)}")
    if not sum(weights.get(name, 1.0) for name in names) > 0:
        raise InputError("weights: at least one opponent needs a weight above 0")


@contextmanager
def _opened(run: RunDirectory, wanted: dict[str, Any]) -> Iterator[IntervalKind]:
    """The directory, locked, with its config written; gives the kind of interval that is to be quoted."""
    if run.path.exists() and not run.path.is_dir():
        raise RunDirectoryError(f"{run.path} is not a directory; name a new or empty directory for the evaluation")
    with run.locked():
        path = run.path / "config.json"
        if run.is_new():
            config = wanted
        elif not path.exists():
            raise RunDirectoryError(
                f"{run.path} is not empty and has no config.json, so it is not an evaluation of pokenash; "
                "name a new or empty directory"
            )
        else:
            config = continued_config(run.path, wanted, _FREE)
        if not path.exists() or read_json(path) != config:
            write_json(path, config)
        yield config["interval"]
