"""Metamon networks of fresh weights, with a vocabulary of their own, as policies to train from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pokenash.errors import InputError
from pokenash.experiments.run_directory import write_bytes
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.observations import get_observation_space
from pokenash.metamon.registry import get_family
from pokenash.metamon.rewards import get_reward
from pokenash.metamon.vocabularies import VOCABULARIES, load_vocabulary
from pokenash.metamon.vocabulary_building import build_vocabulary
from pokenash.policies.spec import PolicySpec, file_sha256

__all__ = [
    "DATA",
    "VOCABULARY_FILE",
    "FreshStart",
    "fresh_policy",
    "start_config",
    "vocabulary_sha256",
    "with_own_vocabulary",
]

DATA = "data"
"""As a vocabulary: the words of the trajectories that are learned from."""

VOCABULARY_FILE = "vocabulary.json"
"""Where a directory keeps the vocabulary of its policy, unless that is a published one."""

_DEFAULT_REWARD = "DefaultShapedReward"


@dataclass(frozen=True)
class FreshStart:
    """A training that starts from random weights.

    Parameters
    ----------
    family : str or MetamonConfig
        Name of a family or of a published model (only its sizes are taken), or sizes of one's own.
    vocabulary : str or Path
        Name of a published one, a file, or ``"data"``: that of the words in the trajectories that are learned from.
    observation_space, action_space : str, optional
        metamon's names; by default those of the family.
    name : str
        Of the policy that random weights make.
    """

    family: str | MetamonConfig
    vocabulary: str | Path = DATA
    observation_space: str | None = None
    action_space: str | None = None
    name: str = "fresh"

    def config(self) -> MetamonConfig:
        """The sizes, those of the vocabulary aside.

        Raises
        ------
        InputError
            If a name is unknown, or the sizes do not fit the observation or action space.
        """
        config = get_family(self.family) if isinstance(self.family, str) else self.family
        space, actions = self.observation_space or config.observation_space, self.action_space or config.action_space
        if not space or not actions:
            raise InputError("the configuration names no observation space and action space: say which")
        spec, num_actions = get_observation_space(space).spec, get_action_space(actions).num_actions
        wanted = replace(
            config,
            words=spec.num_words,
            numbers=spec.num_numbers,
            actions=num_actions,
            observation_space=space,
            action_space=actions,
        )
        own = self.observation_space is None and self.action_space is None
        if own and (config.words, config.numbers, config.actions) != (wanted.words, wanted.numbers, wanted.actions):
            raise InputError(
                f"the configuration has {config.words} words, {config.numbers} numbers and {config.actions} actions, "
                f"but {space} and {actions} have {wanted.words}, {wanted.numbers} and {wanted.actions}"
            )
        return wanted

    def to_json(self) -> dict[str, Any]:
        """What its weights depend on, the trajectories that words come from aside."""
        named = self.vocabulary == DATA or str(self.vocabulary) in VOCABULARIES
        return {
            "name": self.name,
            "config": {key: value for key, value in self.config().to_dict().items() if key not in _OF_VOCABULARY},
            "words": str(self.vocabulary) if named else vocabulary_sha256(self.vocabulary),
        }

    def make(
        self,
        directory: Path,
        *,
        reward: str,
        seed: int,
        roots: Sequence[str | Path] = (),
        formats: Sequence[str] | None = None,
    ) -> PolicySpec:
        """Write it, as `fresh_policy`; a vocabulary that was made of the trajectories before is used as it is."""
        vocabulary = self.vocabulary
        if vocabulary == DATA:
            vocabulary = directory / VOCABULARY_FILE
            if not vocabulary.exists():
                build_vocabulary(roots, vocabulary, observation_space=self.config().observation_space, formats=formats)
        return fresh_policy(directory, self.config(), vocabulary, reward=reward, seed=seed, name=self.name)


_OF_VOCABULARY = frozenset({"vocabulary_size", "tokenizer"})


def fresh_policy(
    directory: str | Path,
    family: str | MetamonConfig,
    vocabulary: str | Path,
    *,
    reward: str = _DEFAULT_REWARD,
    seed: int = 0,
    name: str = "fresh",
    observation_space: str | None = None,
    action_space: str | None = None,
) -> PolicySpec:
    """Write a network of fresh weights; the same arguments give the same files.

    ``<name>.safetensors`` with ``<name>.json`` and, unless the vocabulary is a published one, ``vocabulary.json`` lie
    in the directory then.

    Parameters
    ----------
    directory : str or Path
        Is made.
    family, observation_space, action_space, name
        As of `FreshStart`.
    vocabulary : str or Path
        Name of a published one that has been fetched, or a file, such as `build_vocabulary` writes.
    reward : str
        metamon's name of the reward function that the policy plays with: its last reward is an input.
    seed : int
        Of the weights.

    Returns
    -------
    PolicySpec
        Of kind ``"metamon"``.

    Raises
    ------
    InputError
        If a name is unknown, sizes do not fit, or the vocabulary cannot be used.
    RunDirectoryError
        If a file cannot be written.
    """
    from pokenash.metamon.networks import MetamonNetwork
    from pokenash.metamon.policy import metamon_spec
    from pokenash.metamon.training.weights import save_weights

    get_reward(reward)
    start = FreshStart(family, vocabulary, observation_space, action_space, name)
    tokenizer = load_vocabulary(vocabulary)
    published = str(vocabulary) in VOCABULARIES
    config = replace(start.config(), vocabulary_size=len(tokenizer), tokenizer=str(vocabulary) if published else "")
    directory = Path(directory)
    kept = str(vocabulary) if published else str(_keep(directory, vocabulary))
    path = save_weights(MetamonNetwork.random(config, seed), directory / f"{name}.safetensors")
    return metamon_spec(name, path, vocabulary=kept, reward=reward)


def vocabulary_sha256(vocabulary: str | Path) -> str:
    """Of a vocabulary's file, in hex."""
    try:
        return file_sha256(Path(vocabulary))
    except OSError as error:
        raise InputError(f"cannot read the vocabulary {vocabulary}: {error.strerror}") from error


def start_config(start: PolicySpec | FreshStart) -> dict[str, Any]:
    """What a start is, for the config of a run: its vocabulary by its hash, wherever the file lies."""
    if isinstance(start, FreshStart):
        return {"fresh": start.to_json()}
    given = start.to_json()
    vocabulary = given.get("parameters", {}).get("vocabulary")
    if vocabulary is not None:
        named = str(vocabulary) in VOCABULARIES
        given["words"] = str(vocabulary) if named else vocabulary_sha256(vocabulary)
    return given


def with_own_vocabulary(spec: PolicySpec, directory: Path) -> PolicySpec:
    """The policy with a copy of its vocabulary's file in the directory, so that this can be moved as a whole."""
    vocabulary = spec.parameters.get("vocabulary")
    if vocabulary is None or str(vocabulary) in VOCABULARIES:
        return spec
    return replace(spec, parameters={**spec.parameters, "vocabulary": str(_keep(directory, vocabulary))})


def _keep(directory: Path, vocabulary: str | Path) -> Path:
    """The file's copy in the directory."""
    kept, given = directory / VOCABULARY_FILE, Path(vocabulary)
    try:
        data = given.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the vocabulary {given}: {error.strerror}") from error
    if not kept.exists() or kept.read_bytes() != data:
        write_bytes(kept, data)
    return kept
