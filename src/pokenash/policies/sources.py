"""Where policies come from when people name them: kinds, checkpoints, population files and run directories."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pokenash.directory_words import directory_words
from pokenash.errors import InputError, RunDirectoryError
from pokenash.games.core import Game
from pokenash.games.loading import load_game
from pokenash.policies.mixture import mixture_spec
from pokenash.policies.populations import check_population, load_population
from pokenash.policies.seats import seats_spec
from pokenash.policies.spec import PolicySpec, file_sha256, named_spec, policy_words

__all__ = ["RunMixture", "directory_name", "is_run", "policy_specs", "read_run"]

# What a directory holds from which one policy came: a training's, or NFSP's.
_OWN = "population.json"
_PSRO = "psro"


@dataclass(frozen=True)
class RunMixture:
    """What a run has found.

    Parameters
    ----------
    game : Game
        What was played, teams included.
    mixture : PolicySpec
        The meta-strategy over the population, called as the run's directory.
    population : tuple of PolicySpec
    iteration : int
        The last one that has a meta-strategy.
    seed : int
        The run's.
    """

    game: Game
    mixture: PolicySpec
    population: tuple[PolicySpec, ...]
    iteration: int
    seed: int


def policy_specs(sources: Sequence[str], what: str = "policies") -> list[PolicySpec]:
    """Specs of the policies that a command line names.

    Parameters
    ----------
    sources : sequence of str
        Each a kind such as ``type_aware``, ``poke_env:SimpleHeuristicsPlayer`` or ``metamon:SyntheticRLV2``; a
        ``.safetensors`` checkpoint; a population's ``.json`` file, for all its members; the directory of a run, for its
        mixture; or that of a training, for the policy that it made.
    what : str
        Begins the message of an error.

    Raises
    ------
    InputError
        If one is none of these or cannot be read, or two have the same name.
    """
    specs: list[PolicySpec] = []
    for source in sources:
        named = named_spec(source)
        if named is not None:
            specs.append(named)
        elif source.endswith(".json"):
            specs += load_population(Path(source))
        elif source.endswith(".safetensors"):
            specs.append(_checkpoint_spec(Path(source), what))
        elif source and Path(source).is_dir():
            specs += [read_run(source).mixture] if is_run(source) else load_population(Path(source) / _OWN)
        else:
            raise InputError(
                f"{what}: {source!r} is unknown; expected one of {', '.join(policy_words())} (a colon is followed by a "
                "name, as in poke_env:SimpleHeuristicsPlayer), a .safetensors checkpoint, a population's .json file, "
                "or the directory of a run"
            )
    return check_population(specs, what)


def is_run(source: str | Path) -> bool:
    """Whether a source is the directory of a run, which `read_run` reads, and not that of a training of one policy."""
    path = Path(source)
    return str(source) != "" and path.is_dir() and not (path / _OWN).exists()


def _checkpoint_spec(path: Path, what: str) -> PolicySpec:
    try:
        digest = file_sha256(path)
    except OSError as error:
        raise InputError(f"{what}: cannot read checkpoint {path}: {error.strerror}") from error
    return PolicySpec(path.stem, "network", checkpoint=str(path), sha256=digest)


def read_run(directory: str | Path) -> RunMixture:
    """Read what a run has found so far; nothing in it is changed, and it may be running.

    Raises
    ------
    RunDirectoryError
        If the directory is not that of a run, has no meta-strategy yet, or is damaged.
    """
    path = Path(directory)
    there = (path / "config.json").is_file()
    config = _read(path / "config.json") if there else {}
    if not there or config.get("kind", _PSRO) != _PSRO:
        raise RunDirectoryError(
            f"{path} {directory_words(path)}, which has no mixture of policies; expected the directory of a run of PSRO"
        )
    if not isinstance(config.get("game"), dict) or not isinstance(config.get("seed"), int):
        raise RunDirectoryError(f"{path / 'config.json'} is not the config of a run: it names no game and no seed")
    iteration = max((number for number in _iterations(path)), default=None)
    if iteration is None:
        raise RunDirectoryError(f"{path} has no meta-strategy yet: no iteration of it has been played")
    folder = path / f"iteration_{iteration}"
    strategy, population = _read(folder / "meta_strategy.json"), load_population(folder / "population.json")
    if strategy.get("policies") != [spec.name for spec in population]:
        raise RunDirectoryError(f"{folder / 'meta_strategy.json'} is not about the policies of population.json")
    # Where each seat has its own strategy, the plain one is only the mean of the two.
    probabilities = strategy.get("probabilities_by_seat", strategy.get("probabilities"))
    mixture = _mixture(directory_name(path), population, probabilities)
    return RunMixture(load_game(config["game"]), mixture, tuple(population), iteration, config["seed"])


def _iterations(run: Path) -> list[int]:
    """Numbers of the iterations that have a meta-strategy."""
    found = (re.fullmatch(r"iteration_(\d+)", entry.name) for entry in run.iterdir())
    return [int(match[1]) for match in found if match and (run / match[0] / "meta_strategy.json").exists()]


def _mixture(name: str, population: Sequence[PolicySpec], probabilities: Any) -> PolicySpec:
    """The mixture; of a run that is not symmetric one for each seat."""
    if isinstance(probabilities, list) and len(probabilities) == 2 and isinstance(probabilities[0], list):
        first, second = (mixture_spec(f"{name}-{seat}", population, row) for seat, row in enumerate(probabilities))
        return seats_spec(name, first, second)
    return mixture_spec(name, population, probabilities)


def directory_name(run: Path) -> str:
    """A directory's name as that of a policy."""
    name = re.sub(r"[^A-Za-z0-9._+-]+", "-", run.resolve().name).lstrip("._+-")
    return name or "run"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise RunDirectoryError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RunDirectoryError(f"{path} is damaged: not JSON ({error})") from error
    if not isinstance(data, dict):
        raise RunDirectoryError(f"{path} is damaged: expected a JSON object")
    return data
