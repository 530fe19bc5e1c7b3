"""The published models."""

from __future__ import annotations

import pytest
import torch

from pokenash.errors import InputError
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.registry import FAMILIES, PUBLISHED, get_family, get_published

# Numbers of parameters of the published state dicts: all of them, and those of the encoders and the actor.
PARAMETERS = {
    "small_agent": (13_913_956, 10_492_837),
    "small_multitask": (13_953_568, 10_492_837),
    "medium_agent": (50_483_744, 44_071_325),
    "medium_multitask": (57_535_116, 44_200_225),
    "large_agent": (194_608_592, 182_247_581),
    "synthetic_agent": (200_313_674, 182_247_581),
    "synthetic_multitask": (200_710_556, 182_247_581),
    "small_rnn": (4_402_226, 2_241_171),
    "minikazam": (4_761_778, 2_600_723),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_family_has_as_many_parameters_as_its_published_models(name: str) -> None:
    with torch.device("meta"):
        network = MetamonNetwork(FAMILIES[name])
    total = sum(parameter.numel() for parameter in network.parameters())
    assert (total, network.inference_parameters()) == PARAMETERS[name]


def test_every_family_is_counted() -> None:
    assert set(PARAMETERS) == set(FAMILIES)
    assert {model.family for model in PUBLISHED.values()} <= set(FAMILIES)


def test_the_strongest_model_is_where_it_was_published() -> None:
    model = get_published("SyntheticRLV2")
    assert model.file() == "synthetic-rl-v2/ckpts/policy_weights/policy_epoch_48.pt"
    assert (model.observation_space, model.action_space, model.tokenizer, model.reward) == (
        "DefaultObservationSpace",
        "MinimalActionSpace",
        "allreplays-v3",
        "DefaultShapedReward",
    )
    assert model.file(40).endswith("policy_epoch_40.pt")


def test_generation_9_models_have_their_window_and_interface() -> None:
    for name in ("Abra", "SmallRLGen9Beta"):
        model = PUBLISHED[name]
        assert model.config.trajectory_encoder.window == 32
        assert (model.config.words, model.config.numbers, model.config.actions) == (106, 55, 13)
        assert model.config.vocabulary_size == 2541
        assert model.trained_dtype == "bfloat16"


def test_models_are_found_by_class_and_by_folder() -> None:
    assert get_published("minikazam") is PUBLISHED["Minikazam"]
    assert get_published("Minikazam").reward == "AggressiveShapedReward"
    assert get_family("medium-rl-maxq") == FAMILIES["medium_agent"]
    assert get_family("small_rnn") == FAMILIES["small_rnn"]


def test_folders_are_different() -> None:
    assert len({model.folder for model in PUBLISHED.values()}) == len(PUBLISHED)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="'Kadabra'; known: SmallIL"):
        get_published("Kadabra")
    with pytest.raises(InputError, match="no metamon configuration is called 'tiny'"):
        get_family("tiny")
