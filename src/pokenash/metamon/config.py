"""Sizes of metamon's networks, as typed values that go to JSON and back.

Everything that a state dict does not say about itself is here: attention heads of the turn encoder, context length,
attention window, discounts, the constants of the action distribution and of the critics. Sources: the recorded
``config.json`` files of the real system and the state dicts of published models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from pokenash.errors import InputError

__all__ = ["ActorConfig", "CriticConfig", "MetamonConfig", "TrajectoryEncoderConfig", "TurnEncoderConfig"]

_SCHEMA = 1
DISCOUNTS = (0.1, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999)


@dataclass(frozen=True, slots=True)
class TurnEncoderConfig:
    """The encoder of one turn's words and numbers.

    Parameters
    ----------
    kind : {"transformer", "perceiver"}
    width, layers, heads, feedforward : int
    output_tokens : int
        Scratch tokens (transformer) or latents (Perceiver), which are read out.
    number_tokens : int
        Tokens made of the numbers.
    position_rows : int
        Rows of the Perceiver's learned table of positions; later tokens share the last row. 0 for the transformer,
        whose positions are fixed sines.
    layer_norm_eps : float
    """

    kind: Literal["transformer", "perceiver"]
    width: int
    layers: int
    heads: int
    feedforward: int
    output_tokens: int
    number_tokens: int
    position_rows: int = 0
    layer_norm_eps: float = 1e-5

    @property
    def output_dim(self) -> int:
        """Width of a turn's embedding."""
        return self.output_tokens * self.width


@dataclass(frozen=True, slots=True)
class TrajectoryEncoderConfig:
    """The encoder of the turns so far.

    Parameters
    ----------
    kind : {"transformer", "gru"}
    width, layers : int
    output_dim : int
        Width of what actor and critics see; `width` for the transformer.
    heads, feedforward : int
        0 for the GRU.
    window : int, optional
        A step attends to itself and so many steps before it; by default to all that the cache holds.
    layer_norm_eps : float
    """

    kind: Literal["transformer", "gru"]
    width: int
    layers: int
    output_dim: int
    heads: int = 0
    feedforward: int = 0
    window: int | None = None
    layer_norm_eps: float = 1e-5


@dataclass(frozen=True, slots=True)
class ActorConfig:
    """The policy head: a multilayer perceptron with ``hidden_layers`` layers of `width` units."""

    width: int
    hidden_layers: int = 2


@dataclass(frozen=True, slots=True)
class CriticConfig:
    """The ensemble of critics.

    Parameters
    ----------
    kind : {"scalar", "two_hot"}
        One number per discount and action, or a distribution over bins for a given discount and action.
    critics, width, hidden_layers : int
    bins : int
        Of the two-hot critics.
    bin_min, bin_max : float
        Returns at the first and the last bin, in units of multiplied rewards.
    symlog_bins : bool
        Whether bins are evenly spaced in ``sign(x) log(1 + |x|)`` of the return rather than in the return.
    bin_probability_low, bin_probability_high : float
        Probabilities of bins are clipped to this range and renormalised.
    """

    kind: Literal["scalar", "two_hot"]
    critics: int
    width: int
    hidden_layers: int = 2
    bins: int = 0
    bin_min: float = -1100.0
    bin_max: float = 1100.0
    symlog_bins: bool = False
    bin_probability_low: float = 1e-6
    bin_probability_high: float = 0.999


@dataclass(frozen=True, slots=True)
class MetamonConfig:
    """Everything that a network of metamon's families is built from.

    Parameters
    ----------
    vocabulary_size : int
        Words of the tokenizer; the embedding has one row more, the first, for unknown words.
    words, numbers, actions : int
        Widths of the observation and number of actions.
    extra_embedding : int
        Width of the embedding of the previous reward and action.
    max_seq_len : int
        Steps that the trajectory transformer's cache holds, the current one among them.
    turn_encoder, trajectory_encoder, actor, critic
        Configurations of the parts.
    discounts : tuple of float
        The last one plays.
    probability_low, probability_high : float
        Action probabilities are clipped to this range and renormalised.
    reward_multiplier : float
        Rewards are multiplied by it before critics learn from them.
    target_rate : float
        Rate of the moving averages that the target networks are.
    td_critics : int
        Critics drawn for a temporal-difference target.
    dropout : float
        In training only.
    observation_space, action_space, tokenizer : str
        Names of the interface that the network was made for; empty where unknown.
    """

    vocabulary_size: int
    words: int
    numbers: int
    actions: int
    extra_embedding: int
    max_seq_len: int
    turn_encoder: TurnEncoderConfig
    trajectory_encoder: TrajectoryEncoderConfig
    actor: ActorConfig
    critic: CriticConfig
    discounts: tuple[float, ...] = DISCOUNTS
    probability_low: float = 0.001
    probability_high: float = 0.99
    reward_multiplier: float = 10.0
    target_rate: float = 0.004
    td_critics: int = 2
    dropout: float = 0.0
    observation_space: str = field(default="")
    action_space: str = field(default="")
    tokenizer: str = field(default="")

    def __post_init__(self) -> None:
        turn, trajectory = self.turn_encoder, self.trajectory_encoder
        if turn.kind not in ("transformer", "perceiver") or turn.width % turn.heads:
            raise InputError(f"a turn encoder {turn.kind!r} of width {turn.width} cannot have {turn.heads} heads")
        if trajectory.kind == "transformer":
            if trajectory.heads < 1 or trajectory.width % trajectory.heads:
                raise InputError(
                    f"a trajectory encoder of width {trajectory.width} cannot have {trajectory.heads} heads"
                )
        elif trajectory.kind != "gru":
            raise InputError(f"unknown trajectory encoder {trajectory.kind!r}; known: transformer, gru")
        if not self.discounts or not 0 <= self.probability_low < self.probability_high <= 1:
            raise InputError(
                "a network needs at least one discount, and probabilities clipped to a range within [0, 1]"
            )
        if self.critic.kind == "two_hot" and self.critic.bins < 2:
            raise InputError(f"two-hot critics need two bins or more, got {self.critic.bins}")

    @property
    def tokens_per_turn(self) -> int:
        """Tokens of a turn that are made of its words and numbers."""
        return self.words + self.turn_encoder.number_tokens

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; the inverse of `from_dict`."""
        return {"schema": _SCHEMA, **asdict(self), "discounts": list(self.discounts)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MetamonConfig:
        """Read what `to_dict` gave, or the layout that recordings of the real system have.

        Raises
        ------
        InputError
            If something is missing, of the wrong type or unknown.
        """
        try:
            if data.get("schema") == _SCHEMA:
                return _own_layout(data)
            if "embedding_rows" in data:
                # That file builds what this one defines.
                from pokenash.metamon.recorded_config import config_of_recording

                return config_of_recording(data)
        except InputError:
            raise
        except KeyError as error:
            raise InputError(f"a metamon configuration lacks {error}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"not a metamon configuration: {error}") from error
        raise InputError(f"not a metamon configuration: expected schema {_SCHEMA}, got {data.get('schema')!r}")

    @classmethod
    def from_file(cls, path: Path | str) -> MetamonConfig:
        """Read a JSON file in either layout of `from_dict`.

        Raises
        ------
        InputError
            If the file cannot be read or holds something else.
        """
        try:
            data = json.loads(Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"cannot read the configuration {path}: {error.strerror or error}") from error
        except ValueError as error:
            raise InputError(f"{path} is not JSON: {error}") from error
        if not isinstance(data, dict):
            raise InputError(f"{path} is not a metamon configuration")
        return cls.from_dict(data)


def _own_layout(data: Mapping[str, Any]) -> MetamonConfig:
    values = {name: value for name, value in data.items() if name != "schema"}
    if unknown := sorted(set(values) - {f.name for f in fields(MetamonConfig)}):
        raise InputError(f"a metamon configuration does not have {', '.join(unknown)}")
    parts: dict[str, Callable[..., Any]] = {
        "turn_encoder": TurnEncoderConfig,
        "trajectory_encoder": TrajectoryEncoderConfig,
        "actor": ActorConfig,
        "critic": CriticConfig,
    }
    values |= {name: part(**values[name]) for name, part in parts.items()}
    return MetamonConfig(**values | {"discounts": tuple(float(x) for x in values["discounts"])})
