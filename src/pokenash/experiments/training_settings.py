"""Settings of a training as one flat value, and presets: what ``pokenash train`` offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from pokenash.errors import InputError
from pokenash.experiments.tracking.settings import TrackerName, settings_tracker
from pokenash.experiments.training_fields import DampingFields, LearningFields, training_presets
from pokenash.experiments.training_progress import TrainingProgress
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.training.settings import TrainingData
from pokenash.policies.sources import directory_name
from pokenash.policies.spec import PolicySpec

if TYPE_CHECKING:
    from pokenash.experiments.training import FreshStart, HeadToHead, Trained

__all__ = ["PRESETS", "TrainingRunSettings"]

_DEFAULT_REWARD = "DefaultShapedReward"


@dataclass(frozen=True, kw_only=True)
class TrainingRunSettings(DampingFields, LearningFields):
    """A training of one of metamon's networks on trajectories.

    Parameters
    ----------
    roots : tuple of str
        Roots of trajectory files or directories of collections, each with ``=WEIGHT`` or of weight 1: sequences are
        drawn from them in proportion to their weights, whatever their sizes (metamon's --parsed_replay_dir of weight
        1 - w and --custom_replay_dir of weight w, its --custom_replay_sample_weight).
    output : Path
        Directory (metamon's --save_dir and --run_name). If it holds the same training, that one goes on.
    start : str, optional
        Whose weights are trained (metamon's --init_from_checkpoint): a published model such as ``SyntheticRLV2``, a
        ``.safetensors`` or ``.pt`` checkpoint, the directory of an earlier training, a run's directory (its strongest
        metamon policy) or a ``population.json``; ``SOURCE:NAME`` names a member of the last two. Give a preset with it:
        the defaults are those of fresh weights.
    fresh : str, optional
        Train random weights instead: the name of a family or of a published model whose sizes they have, such as
        ``small_agent``, or the ``.json`` file of a configuration (metamon's --model_gin_config).
    vocabulary : str, optional
        A published vocabulary's name, a file, or ``data`` for the words of the trajectories (metamon's --tokenizer).
        Default: the start's own; of fresh weights ``data``.
    observation_space : str, optional
        Of fresh weights (metamon's --obs_space). Default: that of the configuration.
    action_space : str, optional
        Of fresh weights (metamon's too). Default: that of the configuration.
    name : str, optional
        Of the trained policy. Default: the directory's name.
    reward : str, optional
        What all trajectories are labelled with and the policy plays with (metamon's --reward_function). Default: what
        the start plays with.
    formats : tuple of str
        Only trajectories of these formats (metamon's --formats). Default: all.
    result : str
        Only trajectories of battles that were won (``win``) or not won (``loss``).
    processes : int
        Processes that train together, each on a device of its own where there are several; more than one needs
        accelerate.
    head_to_head : int
        Fresh battles of the trained policy against its start, an even number; 0 for none.
    format : str, optional
        Of these battles. Default: the first of the formats, or the one of most trajectories.
    teams : str, optional
        For these battles: a file or directory of teams, or the name of a set. Default: the format's.
    team_split : str
        The part of the set that is played: ``all``, ``train`` or ``held-out``.
    workers : int
        Simulator processes of these battles; results do not depend on it.
    lanes : int
        Battles in play at a time; results do not depend on it.
    seed : int
        Of everything.
    track : tuple of str
        Where to show the run's numbers while it runs, beside ``tracking/metrics.jsonl``: ``tensorboard``, ``wandb``,
        ``trackio``, or several (metamon's --log). Results do not depend on it.
    track_offline : bool
        Whether W&B writes files only, which ``wandb sync`` sends later.
    track_project : str
        The project's name on W&B and trackio.
    """

    roots: Annotated[Positional[tuple[str, ...]], arg(metavar="ROOTS")] = ()
    output: Path = Path("runs/training")
    start: str | None = None
    fresh: str | None = None
    vocabulary: str | None = None
    observation_space: str | None = None
    action_space: str | None = None
    name: str | None = None
    reward: str | None = None
    formats: tuple[str, ...] = ()
    result: Literal["any", "win", "loss"] = "any"
    processes: int = 1
    head_to_head: int = 400
    format: str | None = None
    teams: str | None = None
    team_split: TeamSplit = "all"
    workers: int = 2
    lanes: int = 64
    seed: int = 0
    track: tuple[TrackerName, ...] = ()
    track_offline: bool = False
    track_project: str = "pokenash"

    def sources(self) -> list[TrajectorySource]:
        """Roots and their weights; refuses what is no directory."""
        from pokenash.experiments.training_start import trajectory_source

        if not self.roots:
            raise InputError("roots: name at least one root of trajectories, such as one that pokenash collect made")
        return [trajectory_source(root) for root in self.roots]

    def starting_point(self) -> PolicySpec | FreshStart:
        """Whose weights are trained; refuses what is unknown."""
        from pokenash.experiments.training_start import start_spec

        if (self.start is None) == (self.fresh is None):
            raise InputError("name either --start, whose weights are trained, or --fresh, the sizes of random weights")
        if self.fresh is not None:
            return self._fresh(self.fresh)
        if self.observation_space is not None or self.action_space is not None:
            raise InputError("observation_space and action_space are of fresh weights; a start has its own")
        assert self.start is not None
        return start_spec(self.start, self.vocabulary)

    def _fresh(self, sizes: str) -> FreshStart:
        from pokenash.experiments.fresh_network import DATA, FreshStart
        from pokenash.metamon.config import MetamonConfig

        family = MetamonConfig.from_file(sizes) if sizes.endswith(".json") else sizes
        start = FreshStart(family, self.vocabulary or DATA, self.observation_space, self.action_space)
        start.config()
        return start

    def data(self, start: PolicySpec | FreshStart) -> TrainingData:
        """What is learned from."""
        from pokenash.metamon.rewards import get_reward
        from pokenash.metamon.training.start import reward_of

        reward = self.reward or (reward_of(start) if isinstance(start, PolicySpec) else _DEFAULT_REWARD)
        get_reward(reward)
        return TrainingData(self.sources(), reward, self.formats or None, None if self.result == "any" else self.result)

    def versus(self) -> HeadToHead | None:
        """The battles against the start, if there are any."""
        if self.head_to_head == 0:
            return None
        from pokenash.experiments.training import HeadToHead
        from pokenash.experiments.training_start import commonest_format

        played = self.format or (self.formats[0] if self.formats else commonest_format(self.sources()))
        game = ShowdownGame(played, self.teams, team_split=self.team_split)
        return HeadToHead(game, self.head_to_head, self.lanes, self.workers, self.device)

    def run(
        self,
        *,
        progress: bool = False,
        on_begin: Callable[[Path], object] | None = None,
        on_end: Callable[[TrainingProgress], object] | None = None,
    ) -> Trained:
        """Train in `output`, or go on with the training that is there.

        `on_begin` is called with the directory once it is known to be this training's, `on_end` with how fast it went.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        settings, damping = self.learning(), self.damping(self.learning_rate)
        start = self.starting_point()
        data, versus = self.data(start), self.versus()
        from pokenash.experiments.training import train
        from pokenash.metamon.training.state import saved_step

        name = self.name or directory_name(self.output)
        with settings_tracker(self, self.output) as tracker:
            speed = TrainingProgress(settings.steps, processes=self.processes, shown=progress, others=[tracker])

            def begin(directory: Path) -> None:
                tracker.start()
                if on_begin is not None:
                    on_begin(directory)
                speed.begin(saved_step(directory / "fine_tune_state.safetensors"))

            try:
                trained = train(
                    self.output,
                    start,
                    data,
                    settings,
                    name=name,
                    damping=damping,
                    damping_check_every=self.control_every,
                    processes=self.processes,
                    seed=self.seed,
                    head_to_head=versus,
                    tracker=speed,
                    on_begin=begin,
                )
            finally:
                speed.close()
        if on_end is not None:
            on_end(speed)
        return trained


PRESETS = training_presets()
"""What each preset changes of the defaults of `TrainingRunSettings`."""
