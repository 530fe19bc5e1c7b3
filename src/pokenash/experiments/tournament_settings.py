"""Settings of a tournament as one flat value: what ``pokenash tournament`` offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from pokenash.algorithms.adaptive_sampling import AdaptiveSampler
from pokenash.errors import InputError
from pokenash.experiments.executor_settings import ExecutorName, open_arena
from pokenash.experiments.tournament_run import TournamentResult, run_tournament
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.policies.sources import policy_specs
from pokenash.policies.spec import load_policy

__all__ = ["TournamentSettings"]


@dataclass(frozen=True)
class TournamentSettings:
    """A tournament on Showdown battles.

    Parameters
    ----------
    policies : tuple of str
        Who meets, two or more: policy kinds such as ``type_aware``, ``poke_env:SimpleHeuristicsPlayer`` or
        ``metamon:SyntheticRLV2``, ``.safetensors`` checkpoints, ``population.json`` files, run directories, whose
        mixtures play.
    output : Path
        Directory. If it holds a tournament of the same game and seed whose policies come first here, that one goes on:
        more battles and further policies extend it.
    format : str
        Any singles format of the simulator.
    teams : str, optional
        Team set: a file or directory of teams, or the name of a set. Default: the format's.
    team_split : str
        The part of the set that is played: ``all``, ``train`` or ``held-out``.
    turn_limit : int, optional
        Turns after which a battle is a tie. Default: the simulator's own 1,000.
    battles : int
        Of every pair, half of them with the seats exchanged; with adaptive sampling their mean over pairs, at most.
    sampling : str
        ``uniform``: every pair as often (a round robin); ``adaptive``: battles go to the pairs that narrow the interval
        of the meta-strategy's restricted nash_conv.
    width : float, optional
        With adaptive sampling: end as soon as that interval is no wider.
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

    policies: Annotated[Positional[tuple[str, ...]], arg(metavar="POLICIES")]
    output: Path = Path("runs/tournament")
    format: str = "gen1ou"
    teams: str | None = None
    team_split: TeamSplit = "all"
    turn_limit: int | None = None
    battles: int = 200
    sampling: Literal["uniform", "adaptive"] = "uniform"
    width: float | None = None
    level: float = 0.95
    seed: int = 0
    executor: ExecutorName = "local"
    address: str | None = None
    workers: int = 2
    lanes: int = 128
    worker_gpus: float = 0.0
    device: str | None = None

    def game(self) -> ShowdownGame:
        """What is played; refuses unknown formats and illegal teams."""
        return ShowdownGame(self.format, teams=self.teams, team_split=self.team_split, turn_limit=self.turn_limit)

    def sampler(self) -> AdaptiveSampler | Literal["uniform"]:
        """Which pairs play; refuses numbers that are out of range."""
        if self.sampling == "adaptive":
            return AdaptiveSampler(width=self.width, level=self.level)
        if self.width is not None:
            raise InputError("--width ends a tournament of --sampling adaptive; leave one out or give both")
        return "uniform"

    def run(self, *, progress: bool = False, on_begin: Callable[[Path], object] | None = None) -> TournamentResult:
        """Play it in `output`, or go on with the tournament that is there.

        `on_begin` is called with the directory once it is known to be this tournament's.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        sampling, policies, game = self.sampler(), policy_specs(self.policies, "policies"), self.game()
        for spec in policies:
            # Who cannot be loaded is refused now, not after battles were played.
            load_policy(spec, game)
        with open_arena(self, game, progress=progress, device=self.device) as arena:
            return run_tournament(
                self.output,
                game,
                policies,
                battles=self.battles,
                sampling=sampling,
                level=self.level,
                seed=self.seed,
                on_begin=on_begin,
                arena=arena,
            )
