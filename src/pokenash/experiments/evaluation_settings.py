"""Settings of an evaluation as one flat value: what ``pokenash evaluate`` offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from pokenash.errors import InputError
from pokenash.experiments.anchors import load_anchors
from pokenash.experiments.evaluation import StoppingRule, evaluate
from pokenash.experiments.evaluation_result import EvaluationResult
from pokenash.experiments.executor_settings import ExecutorName, open_arena
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.policies.sources import is_run, policy_specs, read_run
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["ANCHORS", "MEMBERS", "EvaluationSettings"]

ANCHORS = "anchors"
"""As an opponent: all players whose ratings are known."""

MEMBERS = "members:"
"""Before a run's directory: every member of its population, each by itself, in place of the mixture."""


@dataclass(frozen=True)
class EvaluationSettings:
    """An evaluation on Showdown battles.

    Parameters
    ----------
    policy : str
        Who is measured: a run directory (its mixture), a policy's name such as ``gen1ou_heuristic``,
        ``metamon:SyntheticRLV2`` or ``oak:1024``, a ``.safetensors`` checkpoint, or a ``population.json`` with one
        policy.
    opponents : tuple of str
        Whom it plays, named in the same way; a ``population.json`` stands for all of its policies, ``members:RUN`` for
        all members of a run's population, and ``anchors`` for the players whose ratings are known.
    output : Path
        Directory. If it holds an evaluation of the same policy, game and seed, that one goes on.
    format : str, optional
        Any singles format of the simulator. Default: the run's, or gen1ou.
    teams : str, optional
        Team set: a file or directory of teams, or the name of a set. Default: the run's, or the format's.
    team_split : str
        The part of the set that is played: ``all``, ``train`` or ``held-out``. For a run that trained on one part,
        --teams names the whole set.
    turn_limit : int, optional
        Turns after which a battle is a tie. Default: the run's, or the simulator's own 1,000.
    battles : int
        Against each opponent, half of them from each seat; with --width the most.
    width : float, optional
        Stop against an opponent as soon as the interval of the score is no wider (0.05: 5 percentage points in all).
    minimum : int
        Battles against each opponent before the first look, with --width.
    level : float
        Of the intervals.
    seed : int
        Of everything.
    executor : str
        Where battles are played: ``local``, this machine, or ``ray``, a Ray cluster; results do not depend on it.
    address : str, optional
        Of the cluster: ``auto``, ``HOST:PORT``. Default: the one that Ray finds, or a new one on this machine.
    workers : int
        Simulator processes, or workers in the whole cluster; results do not depend on it.
    lanes : int
        Battles in play at a time, on a cluster on each worker; results do not depend on it.
    worker_gpus : float
        The part of a GPU that each worker of a cluster takes, for networks that play on one.
    device : str, optional
        Where metamon's networks play whose specs do not say it, such as ``cuda``. Default: the CPU.
    """

    policy: Annotated[Positional[str], arg(metavar="POLICY")]
    opponents: tuple[str, ...] = (ANCHORS,)
    output: Path = Path("runs/evaluation")
    format: str | None = None
    teams: str | None = None
    team_split: TeamSplit = "all"
    turn_limit: int | None = None
    battles: int = 400
    width: float | None = None
    minimum: int = 100
    level: float = 0.95
    seed: int = 0
    executor: ExecutorName = "local"
    address: str | None = None
    workers: int = 2
    lanes: int = 128
    worker_gpus: float = 0.0
    device: str | None = None

    def rule(self) -> StoppingRule:
        """When to stop; refuses numbers that are out of range."""
        return StoppingRule(self.battles, self.minimum, self.width, self.level)

    def game(self) -> ShowdownGame:
        """What is played: the run's game where a run is measured, changed as the settings say."""
        game: Game | None = None
        if is_run(self.policy):
            game = read_run(self.policy).game
        if not isinstance(game, ShowdownGame):
            return ShowdownGame(
                self.format or "gen1ou", self.teams, team_split=self.team_split, turn_limit=self.turn_limit
            )
        if self.format is None and self.teams is None and self.turn_limit is None and self.team_split == "all":
            return game
        limit = game.turn_limit if self.turn_limit is None else self.turn_limit
        if self.teams is not None or self.format not in (None, game.format):
            return ShowdownGame(self.format or game.format, self.teams, team_split=self.team_split, turn_limit=limit)
        if self.team_split != "all" and game.teams is not None and "split" in (game.teams.origin or {}):
            raise InputError(
                f"{self.policy} was played with a part of a team set: name the whole set with --teams, of which "
                f"--team-split {self.team_split} is then a part"
            )
        return ShowdownGame.from_config({**game.config(), "turn_limit": limit, "team_split": self.team_split})

    def players(self, format: str) -> tuple[PolicySpec, list[PolicySpec]]:
        """The policy and its opponents.

        Raises
        ------
        InputError
            If one is unknown, two opponents have the same name, or the policy is not a single one.
        """
        measured = policy_specs([self.policy], "policy")
        if len(measured) != 1:
            raise InputError(
                f"policy: {self.policy!r} holds {len(measured)} policies; name one of them, or a run for its mixture"
            )
        found: list[PolicySpec] = []
        for source in self.opponents:
            found += [spec for spec in _opponents(source, format, measured[0]) if spec not in found]
        if not found:
            raise InputError("opponents: there is none besides the policy itself")
        return measured[0], found

    def run(
        self,
        *,
        progress: bool = False,
        on_look: Callable[[EvaluationResult], None] | None = None,
        on_begin: Callable[[Path], object] | None = None,
    ) -> EvaluationResult:
        """Play in `output`, or go on with what is there; `on_look` and `on_begin` as for `evaluate`.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        rule, game = self.rule(), self.game()
        policy, opponents = self.players(game.format)
        for spec in [policy, *opponents]:
            # Who cannot be loaded is refused now, not after battles were played.
            load_policy(spec, game)
        with open_arena(self, game, progress=progress, device=self.device) as arena:
            return evaluate(
                self.output,
                game,
                policy,
                opponents,
                rule=rule,
                seed=self.seed,
                on_look=on_look,
                on_begin=on_begin,
                arena=arena,
            )


def _opponents(source: str, format: str, policy: PolicySpec) -> Sequence[PolicySpec]:
    """The opponents that one word names; of the anchors, those that are not the policy itself."""
    if source == ANCHORS:
        anchors = load_anchors(format)
        if anchors is None:
            raise InputError(f"opponents: no anchors for {format} come with pokenash; name opponents")
        own = anchors.index(policy)
        return [spec for index, spec in enumerate(anchors.policies) if index != own]
    if source.startswith(MEMBERS):
        return read_run(source.removeprefix(MEMBERS)).population
    return policy_specs([source], "opponents")
