"""Checkpoints of metamon's networks: reading them, finding out what they are of, and fetching the published ones.

A checkpoint is a plain state dict as the original writes it, and is read with ``weights_only=True`` always; or a
``.safetensors`` file of pokenash's own trainings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pokenash.errors import InputError
from pokenash.hub import fetch_hub_file
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inferred_config import infer_config
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.registry import FAMILIES, PUBLISHED, REPOSITORY, get_family, get_published

__all__ = ["REVISION", "download_checkpoint", "fitting_configurations", "from_pretrained", "load_checkpoint"]

REVISION = "main"
"""Revision of the repository that is fetched by default. Give a commit's SHA for files that can never change."""

Shapes = Mapping[str, tuple[int, ...]]


def load_checkpoint(
    path: Path | str, config: MetamonConfig | str | None = None, *, infer: bool = False
) -> MetamonNetwork:
    """A network with the weights of a file, in float32 on the CPU, ready for inference.

    Parameters
    ----------
    path : Path or str
        A state dict that torch saved, such as ``policy_epoch_40.pt``, or a ``.safetensors`` file.
    config : MetamonConfig or str, optional
        What the weights are of, or the name of a published model or a family. By default the ``.json`` of the same
        stem or the ``config.json`` beside the file, and without one the published configuration whose shapes are the
        file's. For other sizes see `pokenash.metamon.inferred_config.infer_config`.

    Raises
    ------
    InputError
        If the file cannot be read or does not fit; the message names a tensor, its shape, the shape expected and the
        registered configurations that would fit.
    """
    path = Path(path)
    state = read_state_dict(path)
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if infer:
        if config is None:
            raise InputError("infer=True needs a configuration for what shapes do not tell, such as attention heads")
        config = infer_config(shapes, get_family(config) if isinstance(config, str) else config)
    config = _chosen_config(path, shapes, config)
    if difference := _difference(shapes, shapes_of(config)):
        raise InputError(f"{path}: {difference}; {_advice(shapes)}")
    with torch.device("meta"):
        network = MetamonNetwork(config)
    network.load_state_dict({name: tensor.float() for name, tensor in state.items()}, strict=True, assign=True)
    for frozen in (network.target_critics, network.maximized_critics, network.target_actor):
        frozen.requires_grad_(False)
    return network.eval()


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by their names.

    Raises
    ------
    InputError
        If the file cannot be read or holds anything but named tensors.
    """
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except OSError as error:
            raise InputError(f"cannot read the checkpoint {path}: {error.strerror or error}") from error
        except SafetensorError as error:
            raise InputError(f"the checkpoint {path} is damaged: {error}") from error
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read the checkpoint {path}: {error.strerror or error}") from error
    except Exception as error:  # torch's readers raise whatever the damage leads to
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise InputError(f"{path} is not a checkpoint that torch can read with weights_only=True: {reason}") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(f"{path} does not hold a state dict: expected tensors by name, got {type(state).__name__}")
    return state


def shapes_of(config: MetamonConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of a network of that configuration; no memory is taken for them."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in MetamonNetwork(config).state_dict().items()}


def fitting_configurations(shapes: Shapes) -> dict[str, MetamonConfig]:
    """The registered configurations with exactly these tensors, by name; one name for each different configuration."""
    fitting: dict[str, MetamonConfig] = {}
    for name, config in _registered():
        for variant in (config, _single_discount(config)):
            if variant not in fitting.values() and _difference(shapes, shapes_of(variant)) is None:
                fitting[name] = variant
    return fitting


def _registered() -> Iterator[tuple[str, MetamonConfig]]:
    seen: list[MetamonConfig] = []
    for name, model in PUBLISHED.items():
        if model.config not in seen:
            seen.append(model.config)
            yield name, model.config
    published = {model.family for model in PUBLISHED.values()}
    yield from ((name, config) for name, config in FAMILIES.items() if name not in published)


def _single_discount(config: MetamonConfig) -> MetamonConfig:
    """Imitation learning in the original keeps only the discount that plays."""
    return replace(config, discounts=config.discounts[-1:])


def _chosen_config(path: Path, shapes: Shapes, config: MetamonConfig | str | None) -> MetamonConfig:
    if isinstance(config, MetamonConfig):
        return config
    if config is not None:
        named = get_family(config)
        return _single_discount(named) if shapes.get("popart.mu") == (1, 1) else named
    if (beside := _config_beside(path)) is not None:
        return beside
    fitting = fitting_configurations(shapes)
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise InputError(f"{path} fits several configurations: {', '.join(fitting)}; say which with config=")
    nearest = min((named for _, named in _registered()), key=lambda known: _num_differences(shapes, shapes_of(known)))
    name = next(name for name, known in _registered() if known == nearest)
    difference = _difference(shapes, shapes_of(nearest))
    raise InputError(f"{path} fits no registered configuration; nearest is {name}, but {difference}; {_advice(shapes)}")


def _config_beside(path: Path) -> MetamonConfig | None:
    """The configuration in the file's folder; other programs' files of that name are not meant."""
    for beside in (path.with_suffix(".json"), path.with_name("config.json")):
        try:
            data = json.loads(beside.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(data, dict) and "turn_encoder" in data and "trajectory_encoder" in data:
            return MetamonConfig.from_file(beside)
    return None


def _num_differences(shapes: Shapes, expected: Shapes) -> int:
    return sum(shapes.get(name) != expected.get(name) for name in {*shapes, *expected})


def _difference(shapes: Shapes, expected: Shapes) -> str | None:
    """The first tensor that differs, in words, and how many more do."""
    found = []
    for name, shape in expected.items():
        if name not in shapes:
            found.append(f"tensor {name} is missing, expected shape {shape}")
        elif shapes[name] != shape:
            found.append(f"tensor {name} has shape {shapes[name]}, expected {shape}")
    found += [f"tensor {name} of shape {shapes[name]} is not expected" for name in shapes if name not in expected]
    if not found:
        return None
    return found[0] + (f" (and {len(found) - 1} more tensors differ)" if len(found) > 1 else "")


def _advice(shapes: Shapes) -> str:
    fitting = fitting_configurations(shapes)
    if fitting:
        return f"it would fit {' or '.join(repr(name) for name in fitting)}"
    return "no registered configuration would fit: give a MetamonConfig with its sizes"


def download_checkpoint(
    name: str, *, checkpoint: int | None = None, revision: str = REVISION, cache_dir: Path | str | None = None
) -> Path:
    """Fetch a published checkpoint, or find it in the cache of Hugging Face's hub.

    Parameters
    ----------
    name : str
        Key of `PUBLISHED`.
    checkpoint : int, optional
        Epoch; by default the one the model is published with.
    revision : str
        Commit SHA, tag or branch of the repository.
    cache_dir : Path or str, optional
        By default the hub's own (``HF_HOME``). With ``HF_HUB_OFFLINE=1`` nothing is fetched.

    Raises
    ------
    InputError
        If there is no such model, the extra ``hub`` is not installed, or the file cannot be had.
    """
    model = get_published(name)
    return fetch_hub_file(
        REPOSITORY, model.file(checkpoint), revision=revision, what="published models", cache_dir=cache_dir
    )


def from_pretrained(
    name: str, *, checkpoint: int | None = None, revision: str = REVISION, cache_dir: Path | str | None = None
) -> MetamonNetwork:
    """A published model's network; arguments and errors as of `download_checkpoint` and `load_checkpoint`."""
    path = download_checkpoint(name, checkpoint=checkpoint, revision=revision, cache_dir=cache_dir)
    return load_checkpoint(path, config=name)
