"""Settings of a collection as one flat value: what ``pokenash collect`` offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from pokenash.errors import InputError
from pokenash.experiments.collection import Recorded, collect
from pokenash.experiments.collection_result import CollectionResult
from pokenash.experiments.executor_settings import ExecutorName, open_arena
from pokenash.games.showdown.game import ShowdownGame
from pokenash.games.showdown.team_set import TeamSplit
from pokenash.policies.sources import is_run, policy_specs, read_run
from pokenash.policies.spec import PolicySpec, load_policy, named_spec

__all__ = ["SELF", "CollectionSettings"]

SELF = "self"
"""As an opponent: the policy itself."""


@dataclass(frozen=True)
class CollectionSettings:
    """A collection of trajectories of Showdown battles.

    Parameters
    ----------
    policy : str
        Who plays: a policy's name such as ``gen1ou_heuristic``, ``metamon:SyntheticRLV2`` or ``oak:1024``, a
        ``.safetensors`` checkpoint, a ``population.json`` with one policy, or a run directory (its mixture).
    opponents : tuple of str
        Whom it plays: ``self`` for self-play, a run directory for its meta-strategy, or anything that can be the
        policy; a ``population.json`` stands for all of its policies, each by itself.
    output : Path
        Directory. If it holds a collection of the same policy, game and seed, that one goes on.
    battles : int
        Against each opponent; an odd number is rounded up.
    record : str
        Whose trajectories are written where two policies meet: ``policy`` or ``both``. Of self-play always both sides.
    format : str, optional
        A singles format of generations 1 to 4 or 9. Default: that of the first run directory that is named, or gen1ou.
    teams : str, optional
        Team set: a file or directory of teams, or the name of a set. Default: the run's, or the format's.
    team_split : str
        The part of the set that is played: ``all``, ``train`` or ``held-out``.
    turn_limit : int, optional
        Turns after which a battle is a tie. Default: the run's, or the simulator's own 1,000.
    action_space : str
        metamon's name of the one that the actions in the files are of.
    seed : int
        Of everything.
    executor : str
        Where battles are played: ``local``, this machine, or ``ray``, a Ray cluster; all files are written here.
    address : str, optional
        Of the cluster: ``auto``, ``HOST:PORT``. Default: the one that Ray finds, or a new one on this machine.
    workers : int
        Simulator processes (parallel instances), or workers in the whole cluster; what is collected does not depend on
        it.
    lanes : int
        Battles in play at a time, on a cluster on each worker; what is collected does not depend on it.
    worker_gpus : float
        The part of a GPU that each worker of a cluster takes, for networks.
    device : str, optional
        Where metamon's networks play whose specs do not say it, such as ``cuda``. Default: the CPU.
    """

    policy: Annotated[Positional[str], arg(metavar="POLICY")]
    opponents: tuple[str, ...] = (SELF,)
    output: Path = Path("runs/collection")
    battles: int = 1000
    record: Recorded = "policy"
    format: str | None = None
    teams: str | None = None
    team_split: TeamSplit = "all"
    turn_limit: int | None = None
    action_space: str = "DefaultActionSpace"
    seed: int = 0
    executor: ExecutorName = "local"
    address: str | None = None
    workers: int = 2
    lanes: int = 128
    worker_gpus: float = 0.0
    device: str | None = None

    def game(self) -> ShowdownGame:
        """What is played: the game of the first run that is named, changed as the settings say."""
        for source in (self.policy, *self.opponents):
            is_known = source == SELF or named_spec(source) is not None
            game = read_run(source).game if not is_known and is_run(source) else None
            if isinstance(game, ShowdownGame) and self.format in (None, game.format):
                break
        else:
            game = None
        if not isinstance(game, ShowdownGame) or self.teams is not None:
            chosen = self.format or (game.format if isinstance(game, ShowdownGame) else "gen1ou")
            limit = self.turn_limit
            if limit is None and isinstance(game, ShowdownGame):
                limit = game.turn_limit
            return ShowdownGame(chosen, self.teams, team_split=self.team_split, turn_limit=limit)
        if self.team_split != "all" and game.teams is not None and "split" in (game.teams.origin or {}):
            raise InputError(
                "collect: the run was played with a part of a team set: name the whole set with --teams, of which "
                f"--team-split {self.team_split} is then a part"
            )
        limit = game.turn_limit if self.turn_limit is None else self.turn_limit
        return ShowdownGame.from_config({**game.config(), "turn_limit": limit, "team_split": self.team_split})

    def players(self) -> tuple[PolicySpec, list[PolicySpec]]:
        """The policy and its opponents; the policy is among them for self-play.

        Raises
        ------
        InputError
            If one is unknown, two have the same name, or the policy is not a single one.
        """
        asked = policy_specs([self.policy], "policy")
        if len(asked) != 1:
            raise InputError(f"policy: {self.policy!r} holds {len(asked)} policies; name one of them")
        found: list[PolicySpec] = []
        for source in self.opponents:
            specs = asked if source == SELF else policy_specs([source], "opponents")
            found += [spec for spec in specs if spec not in found]
        return asked[0], found

    def run(self, *, progress: bool = False, on_open: Callable[[], object] | None = None) -> CollectionResult:
        """Play in `output`, or go on with what is there.

        Raises
        ------
        InputError, RunDirectoryError, TeamError
            Before anything is written, if a setting, a file or the directory cannot be used.
        """
        game = self.game()
        policy, opponents = self.players()
        for spec in [policy, *opponents]:
            # Who cannot be loaded is refused now, not after battles were played.
            load_policy(spec, game)
        with open_arena(self, game, device=self.device) as arena:
            return collect(
                self.output,
                game,
                policy,
                opponents,
                battles=self.battles,
                record=self.record,
                action_space=self.action_space,
                seed=self.seed,
                progress=progress,
                on_open=on_open,
                arena=arena,
            )
