"""A metamon network small enough for tests, and a vocabulary for it that the tests make themselves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.config import (
    ActorConfig,
    CriticConfig,
    MetamonConfig,
    TrajectoryEncoderConfig,
    TurnEncoderConfig,
)
from pokenash.metamon.observations import OBSERVATION_SPACES
from pokenash.metamon.tokenizer import Tokenizer

_WORDS = """\
<anychoice> <forcedswitch> <player> <opponent> <move> <switch> <moveset> <conditions> <player_prev> <opp_prev>
<blank> noitem unknownitem noability nostatus noeffect noweather noconditions nomove notype normal fire water
electric grass ice fighting poison ground flying psychic bug rock ghost dragon physical special status par slp
psn tox brn frz fnt tauros snorlax chansey exeggutor starmie alakazam rhydon zapdos jynx gengar bodyslam
hyperbeam blizzard earthquake thunderwave softboiled explosion psychic surf thunderbolt recover rest reflect
sleeppowder lovelykiss substitute"""


def vocabulary() -> dict[str, int]:
    """About a hundred words; all others are unknown."""
    return {word: i for i, word in enumerate(dict.fromkeys(["gen1ou", *_WORDS.split()]))}


@cache
def tokenizer() -> Tokenizer:
    """Of the vocabulary."""
    return Tokenizer(vocabulary(), "tiny")


def config(observation_space: str = "DefaultObservationSpace", actions: int = 9) -> MetamonConfig:
    """Of a network with some ten thousand weights."""
    spec = OBSERVATION_SPACES[observation_space]
    return MetamonConfig(
        vocabulary_size=len(tokenizer()),
        words=spec.num_words,
        numbers=spec.num_numbers,
        actions=actions,
        extra_embedding=4,
        max_seq_len=16,
        turn_encoder=TurnEncoderConfig("transformer", 12, 1, 2, 48, 2, 2),
        trajectory_encoder=TrajectoryEncoderConfig("transformer", 24, 2, 24, 2, 48),
        actor=ActorConfig(24),
        critic=CriticConfig("scalar", 2, 24),
        observation_space=observation_space,
        action_space="MinimalActionSpace" if actions == 9 else "DefaultActionSpace",
    )


def recurrent_config() -> MetamonConfig:
    """The same with a GRU over the turns."""
    return replace(config(), trajectory_encoder=TrajectoryEncoderConfig("gru", 24, 1, 16))


def game(format_id: str = "gen1ou", turn_limit: int | None = None) -> ShowdownGame:
    """Of a format with teams of its own. Random play takes long: a limit ends battles of which a part is enough."""
    return ShowdownGame(format_id, turn_limit=turn_limit)
