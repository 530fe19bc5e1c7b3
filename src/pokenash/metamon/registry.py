"""The published metamon models: their sizes, their interfaces and their checkpoints.

`FAMILIES` holds one configuration an architecture, `PUBLISHED` one entry a model, by its class name in metamon. Sizes
are those of the published state dicts; the files are in the Hugging Face repository `REPOSITORY`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from pokenash.errors import InputError
from pokenash.metamon.config import (
    ActorConfig,
    CriticConfig,
    MetamonConfig,
    TrajectoryEncoderConfig,
    TurnEncoderConfig,
)
from pokenash.policies.spec import PolicySpec

__all__ = [
    "FAMILIES",
    "PUBLISHED",
    "REPOSITORY",
    "PublishedModel",
    "find_published",
    "get_family",
    "get_published",
    "published_spec",
]

REPOSITORY = "jakegrigsby/metamon"

# Words and numbers of each observation space, number of actions, words of each tokenizer.
_SPACES = {
    "DefaultObservationSpace": (87, 48),
    "ExpandedObservationSpace": (100, 55),
    "TeamPreviewObservationSpace": (106, 55),
    "OpponentMoveObservationSpace": (106, 55),
}
_ACTIONS = {"MinimalActionSpace": 9, "DefaultActionSpace": 13}
_VOCABULARIES = {"allreplays-v3": 1407, "DefaultObservationSpace-v0": 1454, "DefaultObservationSpace-v1": 2541}


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One published model.

    Parameters
    ----------
    name : str
        Its class in metamon.
    folder : str
        Its folder in the repository.
    family : str
        Key of `FAMILIES`.
    checkpoint : int
        Epoch that is played by default.
    config : MetamonConfig
    reward : str
        Name of the reward function, whose rewards are also an input of the network.
    battle_backend : str
        The tracker whose quirks the weights know.
    trained_dtype : str
        Precision of training and of the original's play where that was not float32.
    """

    name: str
    folder: str
    family: str
    checkpoint: int
    config: MetamonConfig
    reward: str = "DefaultShapedReward"
    battle_backend: str = "poke-env-0.8.3"
    trained_dtype: str = "float32"

    @property
    def observation_space(self) -> str:
        return self.config.observation_space

    @property
    def action_space(self) -> str:
        return self.config.action_space

    @property
    def tokenizer(self) -> str:
        return self.config.tokenizer

    def file(self, checkpoint: int | None = None) -> str:
        """Path of a checkpoint inside the repository."""
        epoch = self.checkpoint if checkpoint is None else checkpoint
        return f"{self.folder}/ckpts/policy_weights/policy_epoch_{epoch}.pt"


def _with_interface(config: MetamonConfig, observation_space: str, action_space: str, tokenizer: str) -> MetamonConfig:
    words, numbers = _SPACES[observation_space]
    return replace(
        config,
        vocabulary_size=_VOCABULARIES[tokenizer],
        words=words,
        numbers=numbers,
        actions=_ACTIONS[action_space],
        observation_space=observation_space,
        action_space=action_space,
        tokenizer=tokenizer,
    )


def _transformer(
    turn: tuple[int, int, int, int],
    trajectory: tuple[int, int, int],
    max_seq_len: int,
    actor: int,
    critic: CriticConfig,
) -> MetamonConfig:
    """Two transformers: `turn` is width, layers, heads and scratch tokens, `trajectory` width, layers and heads."""
    width, layers, heads, scratch = turn
    wide, deep, split = trajectory
    config = MetamonConfig(
        vocabulary_size=0,
        words=0,
        numbers=0,
        actions=0,
        extra_embedding=18,
        max_seq_len=max_seq_len,
        turn_encoder=TurnEncoderConfig("transformer", width, layers, heads, 4 * width, scratch, 6),
        trajectory_encoder=TrajectoryEncoderConfig("transformer", wide, deep, wide, split, 4 * wide),
        actor=ActorConfig(actor),
        critic=critic,
        dropout=0.05,
    )
    return _with_interface(config, "DefaultObservationSpace", "MinimalActionSpace", "allreplays-v3")


def _recurrent(turn: TurnEncoderConfig, observation_space: str, tokenizer: str) -> MetamonConfig:
    config = MetamonConfig(
        vocabulary_size=0,
        words=0,
        numbers=0,
        actions=0,
        extra_embedding=12,
        max_seq_len=64,
        turn_encoder=turn,
        trajectory_encoder=TrajectoryEncoderConfig("gru", 400, 2, 300),
        actor=ActorConfig(256),
        critic=CriticConfig("scalar", 4, 256),
        dropout=0.05,
    )
    return _with_interface(config, observation_space, "DefaultActionSpace", tokenizer)


def _families() -> dict[str, MetamonConfig]:
    small, medium, large = (100, 3, 5, 4), (100, 3, 5, 6), (160, 5, 8, 11)
    to_512, to_768, to_1280 = (512, 3, 8), (768, 6, 8), (1280, 9, 20)
    medium_multitask = _transformer(medium, to_768, 200, 400, CriticConfig("two_hot", 6, 512, bins=96))
    preview = ("TeamPreviewObservationSpace", "DefaultActionSpace", "DefaultObservationSpace-v1")
    rnn = TurnEncoderConfig("transformer", 64, 2, 4, 256, 3, 3)
    perceiver = TurnEncoderConfig("perceiver", 64, 3, 4, 256, 5, 3, position_rows=64)
    synthetic_bins = CriticConfig("two_hot", 6, 512, bins=96)
    return {
        "small_agent": _transformer(small, to_512, 200, 300, CriticConfig("scalar", 4, 300)),
        "small_multitask": _transformer(small, to_512, 200, 300, CriticConfig("two_hot", 4, 300, bins=64)),
        "medium_agent": _transformer(medium, to_768, 200, 400, CriticConfig("scalar", 4, 400)),
        "medium_multitask": _with_interface(medium_multitask, *preview),
        "large_agent": _transformer(large, to_1280, 128, 512, CriticConfig("scalar", 4, 512)),
        "synthetic_agent": _transformer(large, to_1280, 128, 512, CriticConfig("scalar", 6, 512)),
        "synthetic_multitask": _transformer(large, to_1280, 128, 512, synthetic_bins),
        "small_rnn": _recurrent(rnn, "DefaultObservationSpace", "DefaultObservationSpace-v1"),
        "minikazam": _recurrent(perceiver, "OpponentMoveObservationSpace", "DefaultObservationSpace-v1"),
    }


FAMILIES: Mapping[str, MetamonConfig] = MappingProxyType(_families())
"""Every architecture, with the interface of its first published model."""


def _published() -> dict[str, PublishedModel]:
    models: list[PublishedModel] = []

    def add(family: str, names: str, checkpoint: int = 40, **different: str) -> None:
        for name in names.split():
            class_name, folder = name.split("=")
            models.append(PublishedModel(class_name, folder, family, checkpoint, FAMILIES[family], **different))

    add("small_agent", "SmallIL=small-il SmallILFA=small-il-filled-actions SmallRL=small-rl SmallRL_Aug=small-rl-aug")
    add("small_agent", "SmallRL_BinaryFilter=small-rl-binary SmallRL_MaxQ=small-rl-maxq")
    add("small_agent", "SmallRL_ExtremeFilter=small-rl-exp-extreme", 38)
    add("medium_agent", "MediumIL=medium-il MediumRL=medium-rl MediumRL_Aug=medium-rl-aug MediumRL_MaxQ=medium-rl-maxq")
    add("large_agent", "LargeIL=large-il LargeRL=large-rl")
    add("synthetic_agent", "SyntheticRLV0=synthetic-rl-v0 SyntheticRLV1=synthetic-rl-v1")
    add("synthetic_agent", "SyntheticRLV1_SelfPlay=synthetic-rl-v1+sp", 48)
    add("synthetic_agent", "SyntheticRLV1_PlusPlus=synthetic-rl-v1++", 38)
    add("synthetic_multitask", "SyntheticRLV2=synthetic-rl-v2", 48)
    add("minikazam", "Minikazam=minikazam", reward="AggressiveShapedReward")
    add("small_multitask", "SmallRLGen9Beta=small-rl-gen9beta", 24, trained_dtype="bfloat16")
    add("medium_multitask", "Abra=abra", trained_dtype="bfloat16")
    return {model.name: _as_published(model) for model in models}


def _as_published(model: PublishedModel) -> PublishedModel:
    """The family's configuration with what this one model has of its own."""
    config = model.config
    if model.name in ("SmallRLGen9Beta", "Abra"):
        window = replace(config.trajectory_encoder, window=32)
        config = _with_interface(
            replace(config, trajectory_encoder=window),
            "TeamPreviewObservationSpace",
            "DefaultActionSpace",
            "DefaultObservationSpace-v1",
        )
    return replace(model, config=config)


PUBLISHED: Mapping[str, PublishedModel] = MappingProxyType(_published())
"""Every published model that is known, by its class name."""


def get_published(name: str) -> PublishedModel:
    """A published model by its class name or its folder's name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    model = find_published(name)
    if model is None:
        raise InputError(f"no published metamon model is called {name!r}; known: {', '.join(PUBLISHED)}")
    return model


def published_spec(name: str) -> PolicySpec:
    """The policy that ``metamon:NAME`` names; as `get_published`."""
    model = get_published(name).name
    return PolicySpec(model, "metamon", {"pretrained": model})


def find_published(name: str | None) -> PublishedModel | None:
    """As `get_published`, and None where there is none of that name."""
    return next((model for model in PUBLISHED.values() if name in (model.name, model.folder)), None)


def get_family(name: str) -> MetamonConfig:
    """A configuration by the name of a family or a published model.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if (model := find_published(name)) is not None:
        return model.config
    known = ", ".join([*FAMILIES, *PUBLISHED])
    raise InputError(f"no metamon configuration is called {name!r}; known: {known}")
