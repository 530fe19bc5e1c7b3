"""What a state dict says of its own sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pokenash.errors import InputError
from pokenash.metamon.config import (
    ActorConfig,
    CriticConfig,
    MetamonConfig,
    TrajectoryEncoderConfig,
    TurnEncoderConfig,
)

__all__ = ["infer_config"]

_TURN, _TRAJECTORY = "tstep_encoder.turn_embedding", "traj_encoder"
Shapes = Mapping[str, tuple[int, ...]]


def infer_config(shapes: Shapes, base: MetamonConfig) -> MetamonConfig:
    """`base` with every size that the shapes of a state dict tell.

    What they do not tell stays as it is in `base`: heads of the turn encoder, words of the observation, context length,
    attention window, values of the discounts and the bins, clipping, dropout, names of the interface.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of every tensor by its name.
    base : MetamonConfig

    Raises
    ------
    InputError
        If these are not the tensors of a metamon network, or its number of discounts is neither that of `base` nor 1.
    """
    try:
        turn, trajectory = _turn(shapes, base.turn_encoder), _trajectory(shapes, base.trajectory_encoder)
        extra, inputs = shapes["tstep_encoder.extra_emb.weight"]
        fused = shapes[f"{_TURN}.multimodal_fuse.num_emb.weight"]
        hidden = _count(shapes, "actor.base.layers")
        inferred = replace(
            base,
            vocabulary_size=shapes[f"{_TURN}.token_embedding.text_emb.weight"][0] - 1,
            numbers=fused[1] - extra,
            actions=inputs - 1,
            extra_embedding=extra,
            turn_encoder=turn,
            trajectory_encoder=trajectory,
            actor=ActorConfig(shapes["actor.base.in_layer.weight"][0], hidden + 1),
            critic=_critic(shapes, base.critic, trajectory.output_dim),
        )
        num_discounts = shapes["popart.mu"][0]
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise InputError(f"these are not the tensors of a metamon network: {error} is missing or odd") from error
    if num_discounts == len(base.discounts):
        return inferred
    if num_discounts == 1:
        return replace(inferred, discounts=base.discounts[-1:])
    raise InputError(f"the checkpoint has {num_discounts} discounts and the configuration {len(base.discounts)}")


def _count(shapes: Shapes, prefix: str) -> int:
    """Length of the module list of that name."""
    return len({name[len(prefix) + 1 :].partition(".")[0] for name in shapes if name.startswith(f"{prefix}.")})


def _turn(shapes: Shapes, base: TurnEncoderConfig) -> TurnEncoderConfig:
    width = shapes[f"{_TURN}.token_embedding.text_emb.weight"][1]
    number_tokens = shapes[f"{_TURN}.multimodal_fuse.num_emb.weight"][0] // width
    common = replace(base, width=width, number_tokens=number_tokens)
    if f"{_TURN}.perceiver.latents" in shapes:
        return replace(
            common,
            kind="perceiver",
            layers=_count(shapes, f"{_TURN}.perceiver.cross_blocks"),
            feedforward=shapes[f"{_TURN}.perceiver.cross_blocks.0.ff.0.weight"][0],
            output_tokens=shapes[f"{_TURN}.perceiver.latents"][0],
            position_rows=shapes[f"{_TURN}.learned_pos.pos_emb.weight"][0],
        )
    layers = f"{_TURN}.tformer_embedding.emb_transformer.layers"
    recurrent = f"{_TRAJECTORY}.rnn.weight_ih_l0"
    output_dim = shapes[recurrent if recurrent in shapes else f"{_TRAJECTORY}.tformer.inp.weight"][1]
    return replace(
        common,
        kind="transformer",
        layers=_count(shapes, layers),
        feedforward=shapes[f"{layers}.0.linear1.weight"][0],
        output_tokens=output_dim // width,
        position_rows=0,
    )


def _trajectory(shapes: Shapes, base: TrajectoryEncoderConfig) -> TrajectoryEncoderConfig:
    if f"{_TRAJECTORY}.rnn.weight_hh_l0" in shapes:
        layers = sum(name.startswith(f"{_TRAJECTORY}.rnn.weight_hh_l") for name in shapes)
        width = shapes[f"{_TRAJECTORY}.rnn.weight_hh_l0"][1]
        return TrajectoryEncoderConfig("gru", width, layers, shapes[f"{_TRAJECTORY}.out.weight"][0])
    layer, width = f"{_TRAJECTORY}.tformer.layers", shapes[f"{_TRAJECTORY}.tformer.inp.weight"][0]
    return replace(
        base,
        kind="transformer",
        width=width,
        output_dim=width,
        layers=_count(shapes, layer),
        heads=shapes[f"{layer}.0.attention_layer.head_scaler"][2],
        feedforward=shapes[f"{layer}.0.ff1.weight"][0],
    )


def _critic(shapes: Shapes, base: CriticConfig, state_dim: int) -> CriticConfig:
    critics, inputs, width = shapes["critics.net.inp_layer.weight"]
    common = replace(base, critics=critics, width=width, hidden_layers=_count(shapes, "critics.net.core_layers") + 1)
    if inputs == state_dim:
        return replace(common, kind="scalar", bins=0)
    return replace(common, kind="two_hot", bins=shapes["critics.net.output_layer.weight"][2])
