"""The configuration in the words of recordings of the real system, beside remarks for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pokenash.errors import InputError
from pokenash.metamon.config import (
    ActorConfig,
    CriticConfig,
    MetamonConfig,
    TrajectoryEncoderConfig,
    TurnEncoderConfig,
)

__all__ = ["config_of_recording"]

# Files of vocabularies that are not called as their tokenizer is.
_TOKENIZERS = {"allreplaysv3": "allreplays-v3"}


def config_of_recording(data: Mapping[str, Any]) -> MetamonConfig:
    """What a recording's ``config.json`` says; KeyError, TypeError or ValueError where it lacks something."""
    last = int(data["num_gammas"]) - 1
    if int(data["token_index_shift"]) != 1 or int(data["acting_gamma_index"]) not in (-1, last):
        raise InputError("expected token_index_shift 1 and acting_gamma_index -1: other networks were never published")
    actor, critic = data["actor"], data["critic"]
    vocabulary = str(data["vocabulary"]).removesuffix(".json")
    return MetamonConfig(
        vocabulary_size=int(data["embedding_rows"]) - 1,
        words=int(data["text_words"]),
        numbers=int(data["numbers_dim"]),
        actions=int(data["num_actions"]),
        extra_embedding=int(data["extra_emb_dim"]),
        max_seq_len=int(data["max_seq_len"]),
        turn_encoder=_turn(data["turn_encoder"]),
        trajectory_encoder=_trajectory(data["trajectory_encoder"]),
        actor=ActorConfig(int(actor["d_hidden"]), int(actor["linear_layers"]) - 1),
        critic=_critic(critic),
        discounts=tuple(float(x) for x in data["gammas"]),
        probability_low=float(data["clip_prob_low"]),
        probability_high=float(data["clip_prob_high"]),
        reward_multiplier=float(critic["reward_multiplier"]),
        target_rate=float(critic["tau"]),
        td_critics=int(critic["num_critics_td"]),
        observation_space=str(data["observation_space"]),
        action_space=str(data["action_space"]),
        tokenizer=_TOKENIZERS.get(vocabulary, vocabulary),
    )


def _turn(data: Mapping[str, Any]) -> TurnEncoderConfig:
    perceiver = data["kind"] == "perceiver"
    width = int(data["d_model"])
    return TurnEncoderConfig(
        kind=data["kind"],
        width=width,
        layers=int(data["layers"]),
        heads=int(data["heads"]),
        feedforward=int(data.get("d_ff", 4 * width)),
        output_tokens=int(data["latent_tokens" if perceiver else "scratch_tokens"]),
        number_tokens=int(data["numerical_tokens"]),
        position_rows=int(data["max_tokens_per_turn"]) if perceiver else 0,
        layer_norm_eps=float(data["layer_norm_eps"]),
    )


def _trajectory(data: Mapping[str, Any]) -> TrajectoryEncoderConfig:
    if data["kind"] == "gru":
        return TrajectoryEncoderConfig("gru", int(data["d_hidden"]), int(data["layers"]), int(data["output_dim"]))
    if not str(data["kind"]).startswith("causal transformer"):
        raise InputError(f"unknown trajectory encoder {data['kind']!r}; known: gru, causal transformer")
    window = data.get("window")
    return TrajectoryEncoderConfig(
        kind="transformer",
        width=int(data["d_model"]),
        layers=int(data["layers"]),
        output_dim=int(data["output_dim"]),
        heads=int(data["heads"]),
        feedforward=int(data["d_ff"]),
        window=None if window is None else int(window),
        layer_norm_eps=float(data["layer_norm_eps"]),
    )


def _critic(data: Mapping[str, Any]) -> CriticConfig:
    kinds = {"NCritics": "scalar", "NCriticsTwoHot": "two_hot"}
    if data["kind"] not in kinds:
        raise InputError(f"unknown critics {data['kind']!r}; known: {', '.join(kinds)}")
    config = CriticConfig("scalar", int(data["num_critics"]), int(data["d_hidden"]), int(data["hidden_layers"]))
    if kinds[data["kind"]] == "scalar":
        return config
    low, high = data["bin_probability_clip"]
    return replace(
        config,
        kind="two_hot",
        bins=int(data["output_bins"]),
        bin_min=float(data["bin_min"]),
        bin_max=float(data["bin_max"]),
        symlog_bins=bool(data["use_symlog"]),
        bin_probability_low=float(low),
        bin_probability_high=float(high),
    )
