"""Reading, recognising and fetching checkpoints."""

from __future__ import annotations

import json
import pickle
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.metamon.parity import FAMILIES, RECORDED

from pokenash.errors import InputError
from pokenash.metamon import checkpoints, registry
from pokenash.metamon.checkpoints import (
    download_checkpoint,
    fitting_configurations,
    from_pretrained,
    load_checkpoint,
    shapes_of,
)
from pokenash.metamon.config import ActorConfig, MetamonConfig
from pokenash.metamon.inferred_config import infer_config
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.registry import PUBLISHED


def saved(path: Path, config: MetamonConfig, seed: int = 0) -> MetamonNetwork:
    network = MetamonNetwork.random(config, seed)
    torch.save(network.state_dict(), path)
    return network


def zeros(path: Path, config: MetamonConfig) -> None:
    """A checkpoint of the right shapes that takes next to no room."""
    torch.save({name: torch.zeros(1).expand(shape) for name, shape in shapes_of(config).items()}, path)


@pytest.fixture
def two_small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two published models of toy size in place of the real ones."""
    models = {}
    for name, folder, family in (("Red", "red-rl", "scalar"), ("Blue", "blue-rl", "two_hot")):
        models[name] = registry.PublishedModel(name, folder, family, 3, FAMILIES[family])
    for module in (checkpoints, registry):
        monkeypatch.setattr(module, "PUBLISHED", models)
        monkeypatch.setattr(module, "FAMILIES", {})


@pytest.mark.parametrize("name", FAMILIES)
def test_saved_weights_come_back(tmp_path: Path, name: str) -> None:
    network = saved(tmp_path / "weights.pt", FAMILIES[name])
    loaded = load_checkpoint(tmp_path / "weights.pt", FAMILIES[name])
    assert loaded.config == FAMILIES[name]
    assert not loaded.training
    assert all(torch.equal(tensor, network.state_dict()[key]) for key, tensor in loaded.state_dict().items())
    trained = {key for key, parameter in loaded.named_parameters() if parameter.requires_grad}
    assert trained == {key for key, parameter in network.named_parameters() if parameter.requires_grad}


def test_half_precision_weights_are_read_as_float32(tmp_path: Path) -> None:
    network = MetamonNetwork.random(FAMILIES["scalar"], 0).bfloat16()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    loaded = load_checkpoint(tmp_path / "weights.pt", FAMILIES["scalar"])
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {torch.float32}


@pytest.mark.usefixtures("two_small_models")
def test_a_published_shape_is_recognised(tmp_path: Path) -> None:
    saved(tmp_path / "weights.pt", FAMILIES["two_hot"])
    assert load_checkpoint(tmp_path / "weights.pt").config == FAMILIES["two_hot"]
    assert load_checkpoint(tmp_path / "weights.pt", "Blue").config == FAMILIES["two_hot"]


@pytest.mark.usefixtures("two_small_models")
def test_imitation_learning_with_one_discount_is_recognised(tmp_path: Path) -> None:
    one = replace(FAMILIES["scalar"], discounts=FAMILIES["scalar"].discounts[-1:])
    saved(tmp_path / "weights.pt", one)
    assert load_checkpoint(tmp_path / "weights.pt").config == one
    assert load_checkpoint(tmp_path / "weights.pt", "Red").config == one


@pytest.mark.usefixtures("two_small_models")
def test_what_does_not_fit_is_named_with_what_would(tmp_path: Path) -> None:
    saved(tmp_path / "weights.pt", FAMILIES["two_hot"])
    told = (
        r"tensor .*head_scaler has shape \(1, 1, 2, 1\), expected \(1, 1, 4, 1\) \(and \d+ more .*it would fit 'Blue'"
    )
    with pytest.raises(InputError, match=told):
        load_checkpoint(tmp_path / "weights.pt", "Red")
    wide = replace(FAMILIES["scalar"], words=9, numbers=6)
    saved(tmp_path / "weights.pt", wide)
    told = r"nearest is Red, but tensor .*num_emb.weight has shape \(24, 9\), expected \(24, 8\); no registered"
    with pytest.raises(InputError, match=told):
        load_checkpoint(tmp_path / "weights.pt")
    missing = MetamonNetwork.random(FAMILIES["scalar"], 0).state_dict()
    del missing["popart._t"]
    torch.save(missing | {"extra": torch.zeros(2)}, tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"tensor popart._t is missing, expected shape \(3, 1\) \(and 1 more"):
        load_checkpoint(tmp_path / "weights.pt", "Red")


def test_a_configuration_beside_the_file_is_used(tmp_path: Path) -> None:
    saved(tmp_path / "weights.pt", FAMILIES["window"])
    (tmp_path / "config.json").write_text(json.dumps(FAMILIES["window"].to_dict()))
    assert load_checkpoint(tmp_path / "weights.pt").config == FAMILIES["window"]


def test_files_that_are_no_state_dict_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with pytest.raises(InputError, match="cannot read the checkpoint"):
        load_checkpoint(path)
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="weights_only=True"):
        load_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(InputError, match="expected tensors by name, got list"):
        load_checkpoint(path)


class _Runs:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path(self.target),))  # type: ignore[attr-defined]


def test_code_inside_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    payload = _Runs()
    payload.target = str(tmp_path / "ran")  # type: ignore[attr-defined]
    torch.save({"weight": payload}, tmp_path / "weights.pt", pickle_module=pickle)
    with pytest.raises(InputError, match="weights_only=True"):
        load_checkpoint(tmp_path / "weights.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_are_inferred_from_shapes(name: str) -> None:
    config, base = FAMILIES[name], FAMILIES["gru" if name == "scalar" else "scalar"]
    inferred = infer_config(shapes_of(config), base)
    # Heads of the turn encoder, window, context, bins' range and the observation's words are not in the shapes.
    expected = replace(
        config,
        turn_encoder=replace(config.turn_encoder, heads=base.turn_encoder.heads),
        trajectory_encoder=replace(config.trajectory_encoder, window=base.trajectory_encoder.window),
        critic=replace(config.critic, bin_min=-1100.0, bin_max=1100.0, symlog_bins=base.critic.symlog_bins),
    )
    assert inferred == expected
    with pytest.raises(InputError, match="not the tensors of a metamon network"):
        infer_config({"weight": (3, 4)}, config)


def test_a_checkpoint_of_other_sizes_loads_with_what_shapes_do_not_tell(tmp_path: Path) -> None:
    network = saved(tmp_path / "weights.pt", replace(FAMILIES["scalar"], actor=ActorConfig(17, 3), vocabulary_size=33))
    with pytest.raises(InputError, match="has shape"):
        load_checkpoint(tmp_path / "weights.pt", FAMILIES["scalar"])
    assert load_checkpoint(tmp_path / "weights.pt", FAMILIES["scalar"], infer=True).config == network.config
    with pytest.raises(InputError, match="infer=True needs a configuration"):
        load_checkpoint(tmp_path / "weights.pt", infer=True)


@pytest.mark.parametrize("folder", RECORDED)
def test_recorded_sizes_are_inferred(folder: Path) -> None:
    config = MetamonConfig.from_file(folder / "config.json")
    state = torch.load(folder / "policy_epoch_0.pt", weights_only=True)
    assert infer_config({name: tuple(tensor.shape) for name, tensor in state.items()}, config) == config


def test_every_published_configuration_is_recognised_by_its_shapes() -> None:
    for name in ("SmallRL", "SyntheticRLV2", "Minikazam", "Abra"):
        assert fitting_configurations(shapes_of(PUBLISHED[name].config)) == {
            next(m.name for m in PUBLISHED.values() if m.config == PUBLISHED[name].config): PUBLISHED[name].config
        }


def fake_hub(monkeypatch: pytest.MonkeyPatch, download: Any) -> None:
    hub, errors = types.ModuleType("huggingface_hub"), types.ModuleType("huggingface_hub.errors")
    errors.LocalEntryNotFoundError = type("LocalEntryNotFoundError", (FileNotFoundError,), {})  # type: ignore[attr-defined]
    errors.HfHubHTTPError = type("HfHubHTTPError", (OSError,), {})  # type: ignore[attr-defined]
    hub.hf_hub_download, hub.errors = download, errors  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)


@pytest.mark.usefixtures("two_small_models")
def test_a_published_model_is_fetched_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, asked = saved(tmp_path / "weights.pt", FAMILIES["two_hot"]), []

    def download(repository: str, file: str, **options: Any) -> str:
        asked.append((repository, file, options["revision"]))
        return str(tmp_path / "weights.pt")

    fake_hub(monkeypatch, download)
    loaded = from_pretrained("Blue", checkpoint=7, revision="abc123")
    assert asked == [("jakegrigsby/metamon", "blue-rl/ckpts/policy_weights/policy_epoch_7.pt", "abc123")]
    assert torch.equal(loaded.actor.base.in_layer.weight, network.actor.base.in_layer.weight)


@pytest.mark.usefixtures("two_small_models")
def test_offline_without_the_file_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise sys.modules["huggingface_hub.errors"].LocalEntryNotFoundError("not there")

    fake_hub(monkeypatch, download)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"policy_epoch_3.pt of jakegrigsby/metamon at .* and HF_HUB_OFFLINE is set"):
        download_checkpoint("Red")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r"pip install 'pokenash\[hub\]'"):
        download_checkpoint("SmallRL")


@pytest.mark.usefixtures("two_small_models")
def test_the_hubs_own_cache_is_used_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    commit, store = "0" * 40, tmp_path / "models--jakegrigsby--metamon"
    file = store / "snapshots" / commit / "red-rl" / "ckpts" / "policy_weights" / "policy_epoch_3.pt"
    file.parent.mkdir(parents=True)
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text(commit)
    saved(file, FAMILIES["scalar"])
    for revision in ("main", commit):
        assert download_checkpoint("Red", revision=revision, cache_dir=tmp_path) == file
    assert from_pretrained("Red", cache_dir=tmp_path).config == FAMILIES["scalar"]
    with pytest.raises(InputError, match="HF_HUB_OFFLINE is set"):
        download_checkpoint("Blue", cache_dir=tmp_path)
