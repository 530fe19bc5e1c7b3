"""Settings of the oracle that lets AMAGO train, checked when they are made. Imports without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.registry import PUBLISHED, PublishedModel, get_family
from pokenash.metamon.rewards import get_reward
from pokenash.policies.spec import PolicySpec

__all__ = ["AmagoSettings"]

_SCRATCH = "scratch"
_OF_PLAYING = ("head_to_head_battles", "vocabulary", "battle_backend", "policy")


@dataclass(frozen=True)
class AmagoSettings:
    """What `AmagoOracle` asks metamon's ``rl.train`` for. Names that metamon resolves are not checked here.

    Parameters
    ----------
    model : str
        Published model or family whose architecture and interface are trained, a key of
        `pokenash.metamon.registry.PUBLISHED` or `FAMILIES`.
    config : MetamonConfig, optional
        Sizes and interface, if `model_gin_config` is of none of those; `model` is then only a name.
    init_from_checkpoint : str, optional
        Name in metamon's registry of models whose weights training starts from, or ``"scratch"``. By default the model
        itself, if it is a published one.
    player : str or PolicySpec, optional
        Who plays the fresh battles, and whom the new policy is measured against: the name of a member, ``"strongest"``
        or ``"latest"`` (metamon members), the name of a published model, or a spec. By default what training starts
        from.
    battles : int
        Fresh battles of the player against the mixture, half of them from each seat.
    battles_per_block : int
        They are kept in blocks of so many; a killed collection goes on after the last whole one.
    head_to_head_battles : int
        Fresh battles of the new policy against the player; 0 leaves them out.
    parsed_replay_dir : path-like, optional
        Root of other trajectories to learn from besides. Without it the fresh ones are all there is.
    custom_replay_sample_weight : float
        Share of each batch that is drawn from the fresh ones, if there are others.
    formats : sequence of str, optional
        Folders of the roots to read; by default the game's format.
    epochs : int
        Of 25,000 steps each in metamon, which saves the weights after the first and every second one from there: of an
        even number of epochs the last one leaves nothing.
    batch_size_per_gpu, grad_accum : int
        Sequences a batch, batches a step.
    dloader_workers : int
        Processes that read trajectories.
    model_gin_config : str, optional
        metamon's file of the architecture, or a path; by default the model's.
    train_gin_config : str
        metamon's file of losses and optimizer, or a path.
    reward_function : str, optional
        metamon's name of what the data is labelled with and the new policy plays with; by default the model's.
    vocabulary : str, optional
        For playing: name or file; by default that of the model's tokenizer.
    battle_backend : str, optional
        For playing; by default the model's.
    policy : mapping
        Further settings of the new policy, such as ``{"device": "cuda", "precision": "bfloat16"}``.
    log : bool
        Whether metamon logs to Weights & Biases.
    extra_arguments : sequence of str
        Further flags of ``rl.train``.
    num_lanes, num_workers : int
        Of the arena.
    """

    model: str = "SyntheticRLV2"
    config: MetamonConfig | None = None
    init_from_checkpoint: str | None = None
    player: str | PolicySpec | None = None
    battles: int = 2000
    battles_per_block: int = 200
    head_to_head_battles: int = 400
    parsed_replay_dir: str | Path | None = None
    custom_replay_sample_weight: float = 0.5
    formats: Sequence[str] | None = None
    epochs: int = 3
    batch_size_per_gpu: int = 16
    grad_accum: int = 1
    dloader_workers: int = 8
    model_gin_config: str | None = None
    train_gin_config: str = "psro_oracle.gin"
    reward_function: str | None = None
    vocabulary: str | Path | None = None
    battle_backend: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    log: bool = False
    extra_arguments: Sequence[str] = ()
    num_lanes: int = 64
    num_workers: int = 1

    def __post_init__(self) -> None:
        for name in ("battles", "battles_per_block"):
            if getattr(self, name) < 2 or getattr(self, name) % 2:
                raise InputError(f"{name}: expected an even number of at least 2, got {getattr(self, name)}")
        if self.head_to_head_battles < 0 or self.head_to_head_battles % 2:
            raise InputError(
                f"head_to_head_battles: expected an even number of at least 0, got {self.head_to_head_battles}"
            )
        for name in ("epochs", "batch_size_per_gpu", "grad_accum", "num_lanes", "num_workers"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: expected a number of at least 1, got {getattr(self, name)}")
        if self.dloader_workers < 0:
            raise InputError(f"dloader_workers: expected a number of at least 0, got {self.dloader_workers}")
        if not 0 < self.custom_replay_sample_weight <= 1:
            raise InputError(
                "custom_replay_sample_weight: expected a share above 0 and at most 1, got "
                f"{self.custom_replay_sample_weight}"
            )
        if self.config is not None and self.model_gin_config is None:
            raise InputError("config: a network of other sizes than the model's needs its own model_gin_config")
        network = self.network()
        if not (network.observation_space and network.action_space and network.tokenizer):
            raise InputError("config: expected names of observation_space, action_space and tokenizer, got none")
        get_reward(self.reward())
        if self.player is None and self.starts_from() not in PUBLISHED:
            start = self.starts_from()
            what = f"from {start!r}, which only metamon knows" if start else "from fresh weights"
            raise InputError(f"player: training starts {what}, so say who plays the fresh battles")

    def network(self) -> MetamonConfig:
        """Sizes and interface of what is trained."""
        return self.config if self.config is not None else get_family(self.model)

    def published(self) -> PublishedModel | None:
        """The model, if it is a published one."""
        return PUBLISHED.get(self.model)

    def reward(self) -> str:
        """Name of the reward function."""
        published = self.published()
        return self.reward_function or (published.reward if published else "DefaultShapedReward")

    def starts_from(self) -> str | None:
        """Name in metamon's registry of the weights that training starts from; None for fresh ones."""
        if self.init_from_checkpoint == _SCRATCH:
            return None
        if self.init_from_checkpoint is not None:
            return self.init_from_checkpoint
        return self.model if self.published() and self.config is None else None

    def architecture_file(self) -> str:
        """Name of metamon's file of the architecture, or a path."""
        if self.model_gin_config is not None:
            return _configuration(self.model_gin_config)
        published = self.published()
        family = published.family if published else self.model
        return f"{family}agent.gin" if family.endswith("multitask") else f"{family}.gin"

    def flags(
        self, format_id: str, trajectories: Path, save_dir: Path, run_name: str, model_gin_config: Path | None = None
    ) -> list[str]:
        """Command-line flags of ``rl.train``, all but those that say where to begin.

        Parameters
        ----------
        format_id : str
            Of the fresh trajectories.
        trajectories : Path
            Their root.
        save_dir : Path
        run_name : str
            metamon writes below ``<save_dir>/<run_name>/ckpts``.
        model_gin_config : Path, optional
            In place of the file of the architecture.
        """
        network = self.network()
        pairs: dict[str, Any] = {
            "run_name": run_name,
            "save_dir": save_dir,
            "epochs": self.epochs,
            "batch_size_per_gpu": self.batch_size_per_gpu,
            "grad_accum": self.grad_accum,
            "dloader_workers": self.dloader_workers,
            "model_gin_config": model_gin_config or self.architecture_file(),
            "train_gin_config": _configuration(self.train_gin_config),
            "obs_space": network.observation_space,
            "reward_function": self.reward(),
            "action_space": network.action_space,
            "tokenizer": network.tokenizer,
            # Without a root metamon downloads all human replays.
            "parsed_replay_dir": trajectories,
        }
        if self.parsed_replay_dir is not None:
            pairs |= {
                "parsed_replay_dir": _absolute(self.parsed_replay_dir),
                "custom_replay_dir": trajectories,
                "custom_replay_sample_weight": self.custom_replay_sample_weight,
            }
        flags = [text for name, value in pairs.items() for text in (f"--{name}", str(value))]
        # No generations to evaluate on: that would need a Showdown server, and pokenash measures the result itself.
        return [
            *flags,
            *("--formats", *(self.formats or (format_id,)), "--eval_gens"),
            *(["--log"] if self.log else []),
            *self.extra_arguments,
        ]

    def to_json(self) -> dict[str, Any]:
        """All that a result depends on, JSON-able."""
        return {
            "model": self.model,
            "config": None if self.config is None else self.config.to_dict(),
            "init_from_checkpoint": self.starts_from() or _SCRATCH,
            "player": self.player.to_json() if isinstance(self.player, PolicySpec) else self.player,
            "battles": self.battles,
            "battles_per_block": self.battles_per_block,
            "head_to_head_battles": self.head_to_head_battles,
            "parsed_replay_dir": None if self.parsed_replay_dir is None else str(self.parsed_replay_dir),
            "custom_replay_sample_weight": self.custom_replay_sample_weight,
            "formats": None if self.formats is None else list(self.formats),
            "epochs": self.epochs,
            "batch_size_per_gpu": self.batch_size_per_gpu,
            "grad_accum": self.grad_accum,
            "model_gin_config": self.architecture_file(),
            "train_gin_config": self.train_gin_config,
            "reward_function": self.reward(),
            "vocabulary": None if self.vocabulary is None else str(self.vocabulary),
            "battle_backend": self.battle_backend,
            "policy": dict(self.policy),
            "extra_arguments": list(self.extra_arguments),
        }

    def of_training(self) -> dict[str, Any]:
        """The part of `to_json` that the weights depend on."""
        return {name: value for name, value in self.to_json().items() if name not in _OF_PLAYING}


def _configuration(name: str) -> str:
    """A name is looked up among metamon's own files; a path must not depend on where metamon runs."""
    return str(_absolute(name)) if Path(name).expanduser().is_file() else name


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()
