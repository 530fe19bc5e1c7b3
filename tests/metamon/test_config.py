"""Configurations of metamon's networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.metamon.parity import FAMILIES, RECORDED

from pokenash.errors import InputError
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.registry import PUBLISHED


@pytest.mark.parametrize("name", FAMILIES)
def test_a_configuration_survives_json(name: str) -> None:
    config = FAMILIES[name]
    assert MetamonConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_every_published_configuration_survives_json() -> None:
    for model in PUBLISHED.values():
        assert MetamonConfig.from_dict(json.loads(json.dumps(model.config.to_dict()))) == model.config


@pytest.mark.parametrize("folder", RECORDED)
def test_a_recorded_configuration_is_read_with_all_its_sizes(folder: Path) -> None:
    said = json.loads((folder / "config.json").read_text())
    config = MetamonConfig.from_file(folder / "config.json")
    assert config.tokens_per_turn == said["text_words"] + said["turn_encoder"]["numerical_tokens"]
    assert config.turn_encoder.output_dim == said["turn_encoder"]["output_dim"]
    assert config.trajectory_encoder.output_dim == said["trajectory_encoder"]["output_dim"]
    assert config.trajectory_encoder.window == said["trajectory_encoder"].get("window")
    assert config.discounts == tuple(said["gammas"])
    assert config.critic.bins == said["critic"].get("output_bins", 0)
    assert MetamonConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    config = FAMILIES["scalar"]
    with pytest.raises(InputError, match="width 12 cannot have 5 heads"):
        replace(config, turn_encoder=replace(config.turn_encoder, heads=5))


def test_a_file_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        MetamonConfig.from_file(tmp_path / "config.json")
    (tmp_path / "config.json").write_text('{"hidden_size": 3}')
    with pytest.raises(InputError, match="not a metamon configuration"):
        MetamonConfig.from_file(tmp_path / "config.json")
    data = FAMILIES["scalar"].to_dict()
    for damaged, told in ((data | {"color": 1}, "does not have color"), (data | {"actor": 3}, "not a metamon")):
        with pytest.raises(InputError, match=told):
            MetamonConfig.from_dict(damaged)
    with pytest.raises(InputError, match="lacks 'actor'"):
        MetamonConfig.from_dict({name: value for name, value in data.items() if name != "actor"})
