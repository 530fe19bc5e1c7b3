"""What a training starts from, as a policy's spec says it, and the spec of what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.metamon.checkpoints import REVISION, download_checkpoint, load_checkpoint
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.registry import find_published
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.vocabularies import load_vocabulary
from pokenash.policies.spec import PolicySpec, file_sha256

__all__ = ["StartingPoint", "load_start", "reward_of", "trained_spec"]

_DEFAULT_REWARD = "DefaultShapedReward"
# Of where the weights came from, not of how they are played.
_ORIGIN = ("config", "pretrained", "epoch", "revision")


@dataclass(frozen=True)
class StartingPoint:
    """A network that is about to be trained.

    Parameters
    ----------
    spec : PolicySpec
        Of kind ``"metamon"``.
    network : MetamonNetwork
    tokenizer : Tokenizer
    reward : str
        What the policy plays with.
    """

    spec: PolicySpec
    network: MetamonNetwork
    tokenizer: Tokenizer
    reward: str


def load_start(spec: PolicySpec) -> StartingPoint:
    """The network of a policy, in the form that trains.

    Parameters
    ----------
    spec : PolicySpec
        As `pokenash.metamon.policy.metamon_spec` makes it.

    Raises
    ------
    InputError
        If it is of another kind, or its weights or vocabulary cannot be used.
    """
    if spec.kind != "metamon":
        raise InputError(f"policy {spec.name!r} is of kind {spec.kind!r}; a metamon network is needed")
    parameters = spec.parameters
    config: Mapping[str, Any] | str | None = parameters.get("config")
    try:
        if spec.checkpoint is None:
            network = _published(spec)
        else:
            read = MetamonConfig.from_dict(config) if isinstance(config, Mapping) else config
            network = load_checkpoint(spec.checkpoint_path(), read)
        vocabulary = parameters.get("vocabulary") or network.config.tokenizer
        if not vocabulary:
            raise InputError("the checkpoint does not say its vocabulary: give vocabulary=, a name or a file")
        tokenizer = load_vocabulary(vocabulary)
    except InputError as error:
        raise InputError(f"policy {spec.name!r}: {error}") from error
    return StartingPoint(spec, network, tokenizer, reward_of(spec))


def reward_of(spec: PolicySpec) -> str:
    """Metamon's name of the reward that a policy plays with."""
    parameters = spec.parameters
    named = parameters.get("pretrained", parameters.get("config"))
    published = find_published(named if isinstance(named, str) else None)
    return str(parameters.get("reward", published.reward if published is not None else _DEFAULT_REWARD))


def _published(spec: PolicySpec) -> MetamonNetwork:
    """A published model's network; where the spec says a hash, the checkpoint must have it."""
    parameters = spec.parameters
    path = download_checkpoint(
        parameters["pretrained"], checkpoint=parameters.get("epoch"), revision=parameters.get("revision", REVISION)
    )
    if spec.sha256 is not None and (digest := file_sha256(path)) != spec.sha256:
        raise InputError(f"the checkpoint {path} has SHA-256 {digest}, expected {spec.sha256}")
    return load_checkpoint(path, parameters["pretrained"])


def trained_spec(name: str, start: PolicySpec, checkpoint: str | Path, reward: str) -> PolicySpec:
    """The policy that a training has made: played as `start` is, with new weights, under the reward of the training."""
    parameters = {key: value for key, value in start.parameters.items() if key not in _ORIGIN}
    named = start.parameters.get("pretrained", start.parameters.get("config"))
    published = find_published(named if isinstance(named, str) else None)
    if published is not None:
        parameters.setdefault("battle_backend", published.battle_backend)
    return metamon_spec(name, checkpoint, **{**parameters, "reward": reward})
