"""Settings of neural fictitious self-play as one flat value, and presets: what ``pokenash nfsp`` offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pokenash.algorithms.nfsp.settings import AverageSettings, BestResponseSettings, NFSPSettings
from pokenash.errors import InputError
from pokenash.experiments.named_game import SHOWDOWN, named_game
from pokenash.experiments.tracking.settings import TrackerName, settings_tracker
from pokenash.games.core import Game
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.policies.network_settings import MLPSettings, TransformerSettings

if TYPE_CHECKING:
    from pokenash.algorithms.nfsp import NFSPRound

__all__ = ["PRESETS", "NFSPRunSettings"]


@dataclass(frozen=True)
class NFSPRunSettings:
    """A run of neural fictitious self-play.

    Parameters
    ----------
    output : Path
        Run directory. If it holds a run of the same settings, that run goes on; more rounds extend it.
    game : str
        ``showdown``, or OpenSpiel's name of a two-player zero-sum game, such as ``leduc_poker``.
    format : str
        Of Showdown: any singles format of the simulator.
    teams : str, optional
        Of Showdown: a file or directory of teams, or the name of a set. Default: the format's.
    team_split : str
        Of Showdown: the part of the set that is played, ``all``, ``train`` or ``held-out``.
    turn_limit : int, optional
        Of Showdown: turns after which a battle is a tie. Default: the simulator's own 1,000.
    rounds : int
        After each the run is logged and can be saved; over all of them learning rates and exploration fall.
    episodes_per_round : int
        Games of a round.
    anticipatory : float
        Probability that a player follows its best response in a game, and its average policy otherwise.
    shared : bool
        Whether one learner serves both players.
    shared_trunk : bool
        Whether best response and average policy are two heads on one network.
    learn_every : int
        Decisions of a learner per step of its networks.
    warm_up : int
        Decisions that are gathered before anything is learnt.
    replay_capacity : int
        Decisions that the best response's memory holds.
    reservoir_capacity : int
        Decisions that the average policy's memory holds.
    batch_size : int
        Decisions per step.
    optimizer : str
        ``adam`` or ``sgd``.
    best_response_learning_rate : float
        Of the best response, at the start.
    average_learning_rate : float
        Of the average policy, at the start.
    final_learning_rate : float
        As a share of both; they fall linearly to there.
    target_update_every : int
        Steps after which the best response's target network is renewed.
    epsilon : float
        Probability of a uniform action in place of the best response's, at the start.
    final_epsilon : float
        That probability at the end.
    max_gradient_norm : float, optional
        Gradients are scaled down to it. Default: never.
    width : int
        Of the networks: an MLP, for Showdown a transformer.
    layers : int
        Of the networks.
    nash_conv_every : int
        Rounds after which the average policy's exact nash_conv is computed, in OpenSpiel's games that are small enough;
        0 for never.
    checkpoint_every : int
        Rounds after which the run is saved; what is lost, at most, when it is killed.
    seed : int
        Of everything.
    workers : int
        Worker processes.
    lanes : int
        Games in play at a time.
    track : tuple of str
        Where to show the run's numbers while it runs, beside ``tracking/metrics.jsonl``: ``tensorboard``, ``wandb``,
        ``trackio``, or several. Results do not depend on it.
    track_offline : bool
        Whether W&B writes files only, which ``wandb sync`` sends later.
    track_project : str
        The project's name on W&B and trackio.
    """

    output: Path = Path("runs/nfsp")
    game: str = SHOWDOWN
    format: str = "gen1ou"
    teams: str | None = None
    team_split: TeamSplit = "all"
    turn_limit: int | None = None
    rounds: int = 100
    episodes_per_round: int = 1024
    anticipatory: float = 0.1
    shared: bool = True
    shared_trunk: bool = False
    learn_every: int = 256
    warm_up: int = 1000
    replay_capacity: int = 200_000
    reservoir_capacity: int = 1_000_000
    batch_size: int = 256
    optimizer: Literal["adam", "sgd"] = "adam"
    best_response_learning_rate: float = 1e-3
    average_learning_rate: float = 1e-3
    final_learning_rate: float = 0.05
    target_update_every: int = 300
    epsilon: float = 0.06
    final_epsilon: float = 0.0
    max_gradient_norm: float | None = None
    width: int = 64
    layers: int = 2
    nash_conv_every: int = 5
    checkpoint_every: int = 5
    seed: int = 0
    workers: int = 2
    lanes: int = 128
    track: tuple[TrackerName, ...] = ()
    track_offline: bool = False
    track_project: str = "pokenash"

    def played_game(self) -> Game:
        """What is played; refuses unknown games and formats, and illegal teams."""
        return named_game(
            self.game,
            format=self.format,
            teams=self.teams,
            team_split=self.team_split,
            turn_limit=self.turn_limit,
        )

    def learning(self) -> NFSPSettings:
        """The algorithm's settings; refuses numbers that are out of range."""
        return NFSPSettings(
            rounds=self.rounds,
            episodes_per_round=self.episodes_per_round,
            anticipatory=self.anticipatory,
            shared=self.shared,
            shared_trunk=self.shared_trunk,
            learn_every=self.learn_every,
            warm_up=self.warm_up,
            max_gradient_norm=self.max_gradient_norm,
            best_response=BestResponseSettings(
                replay_capacity=self.replay_capacity,
                batch_size=self.batch_size,
                learning_rate=self.best_response_learning_rate,
                final_learning_rate=self.final_learning_rate,
                optimizer=self.optimizer,
                target_update_every=self.target_update_every,
                epsilon=self.epsilon,
                final_epsilon=self.final_epsilon,
            ),
            average=AverageSettings(
                reservoir_capacity=self.reservoir_capacity,
                batch_size=self.batch_size,
                learning_rate=self.average_learning_rate,
                final_learning_rate=self.final_learning_rate,
                optimizer=self.optimizer,
            ),
            network=self._network(),
            num_lanes=self.lanes,
            num_workers=self.workers,
            checkpoint_every=self.checkpoint_every,
        )

    def _network(self) -> MLPSettings | TransformerSettings:
        if self.layers < 1:
            raise InputError(f"layers: expected a number above 0, got {self.layers}")
        if self.game == SHOWDOWN:
            return TransformerSettings(
                width=self.width, layers=self.layers, feedforward=4 * self.width, embedding=self.width
            )
        return MLPSettings((self.width,) * self.layers)

    def run(
        self,
        *,
        on_begin: Callable[[Path], object] | None = None,
        on_round: Callable[[NFSPRound, float | None], object] | None = None,
    ) -> dict[str, Any]:
        """Run it in `output`, or go on with the run that is there; the summary, as ``nfsp_summary.json`` holds it.

        `on_begin` is called with the directory once it is known to be this run's, `on_round` after each round with the
        exact nash_conv where it was computed.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        learning, game = self.learning(), self.played_game()
        if self.nash_conv_every < 0:
            raise InputError(f"nash_conv_every: expected a number of at least 0, got {self.nash_conv_every}")
        from pokenash.experiments.nfsp_run import run_nfsp

        with settings_tracker(self, self.output) as tracker:

            def begin(directory: Path) -> None:
                tracker.start()
                if on_begin is not None:
                    on_begin(directory)

            return run_nfsp(
                self.output,
                game,
                learning,
                seed=self.seed,
                nash_conv_every=self.nash_conv_every,
                on_begin=begin,
                on_round=on_round,
                tracker=tracker,
            )


PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Those of examples/nfsp_leduc.py, which brings uniform play's 4.75 to about 1.4.
        "leduc": {
            "game": "leduc_poker",
            "rounds": 120,
            "episodes_per_round": 10_000,
            "batch_size": 512,
            "reservoir_capacity": 2_000_000,
            "best_response_learning_rate": 3e-3,
            "average_learning_rate": 2e-3,
            "width": 128,
            "layers": 1,
            "lanes": 512,
            "checkpoint_every": 10,
        },
        # That it runs, in minutes, not that it plays well.
        "demo": {
            "rounds": 8,
            "episodes_per_round": 512,
            "shared_trunk": True,
            "max_gradient_norm": 1.0,
            "replay_capacity": 50_000,
            "reservoir_capacity": 50_000,
            "epsilon": 0.1,
            "width": 32,
            "layers": 1,
            "lanes": 64,
            "checkpoint_every": 2,
        },
    }
)
"""What each preset changes of the defaults of `NFSPRunSettings`."""
