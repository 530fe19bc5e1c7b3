"""What a training starts from, and where its trajectories lie, as people name them on a command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pokenash.algorithms.oracles.metamon.starts import choose_start
from pokenash.algorithms.oracles.settings import STRONGEST
from pokenash.errors import InputError
from pokenash.experiments.filtering import trajectory_root
from pokenash.experiments.fresh_network import VOCABULARY_FILE
from pokenash.metamon.dataset import TrajectorySource
from pokenash.metamon.dataset_index import folder_names, trajectory_folders
from pokenash.metamon.policy import metamon_spec
from pokenash.metamon.registry import PUBLISHED, find_published, published_spec
from pokenash.metamon.training.files import read_json
from pokenash.policies.populations import load_population
from pokenash.policies.sources import is_run, read_run
from pokenash.policies.spec import PolicySpec

__all__ = ["commonest_format", "start_spec", "trajectory_source"]

_KIND = "metamon"
_CHECKPOINTS = (".safetensors", ".pt", ".pth")
_LAST = Path("ckpts") / "last.safetensors"


def trajectory_source(text: str) -> TrajectorySource:
    """The root and its weight of ``ROOT`` or ``ROOT=WEIGHT``; a collection's directory stands for what it holds.

    Raises
    ------
    InputError
        If there is no such directory, or the weight is no number of at least 0.
    """
    if Path(text).is_dir():
        return TrajectorySource(trajectory_root(text))
    root, equals, weight = text.rpartition("=")
    if not equals or not Path(root).is_dir():
        raise InputError(f"roots: {root or text} is not a directory of trajectories, nor that of a collection")
    try:
        value = float(weight)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"roots: {text}: expected a number of at least 0 as the weight of {root}, got {weight!r}")
    return TrajectorySource(trajectory_root(root), value)


def commonest_format(sources: list[TrajectorySource]) -> str:
    """The format of the most trajectories, whatever their weights.

    Raises
    ------
    InputError
        If there are none.
    """
    counts: dict[str, int] = {}
    for source in sources:
        for folder in trajectory_folders(source.root):
            counts[folder] = counts.get(folder, 0) + len(folder_names(source.root, folder).names)
    if not any(counts.values()):
        raise InputError(f"no trajectories in {', '.join(str(source.root) for source in sources)}")
    return max(sorted(counts), key=lambda name: counts[name])


def start_spec(source: str, vocabulary: str | None = None) -> PolicySpec:
    """The metamon policy that a source names.

    Parameters
    ----------
    source : str
        A published model (``SyntheticRLV2``, with or without ``metamon:``), a checkpoint's file, the directory of an
        earlier training, a population's ``.json`` file or a run's directory. Of the last two ``SOURCE:NAME`` names a
        member; alone, the run's strongest metamon policy is meant (of the largest probability in its mixture), or the
        population's only one.
    vocabulary : str, optional
        A name or a file, in place of what is known of the policy.

    Raises
    ------
    InputError
        If it is none of these, or names no metamon policy.
    """
    spec = _known(source)
    if vocabulary is None:
        return spec
    return replace(spec, parameters={**spec.parameters, "vocabulary": vocabulary})


def _known(source: str) -> PolicySpec:
    named = source.removeprefix(f"{_KIND}:")
    if find_published(named) is not None:
        return published_spec(named)
    if source.endswith(_CHECKPOINTS):
        return _checkpoint(Path(source))
    place, _, member = source.rpartition(":") if not Path(source).exists() else (source, "", "")
    path = Path(place)
    if place and path.is_dir() and (path / _LAST).exists() and not (path / "population.json").exists():
        # An oracle's training, or one that is not over.
        return _checkpoint(path / _LAST, path.resolve().name)
    if place and is_run(path):
        run = read_run(path)
        return choose_start(member or STRONGEST, run.mixture, run.population)
    if place and (path.is_dir() or path.suffix == ".json"):
        return _member(load_population(path / "population.json" if path.is_dir() else path), member, place)
    raise InputError(
        f"start: {source!r} is unknown; expected a published model ({', '.join(PUBLISHED)}), a checkpoint "
        f"({', '.join(_CHECKPOINTS)}), the directory of a training or of a run, or a population's .json file"
    )


def _checkpoint(path: Path, name: str | None = None) -> PolicySpec:
    """A file; of the training's directory that it lies in it has the vocabulary and the reward."""
    if not path.exists():
        raise InputError(f"start: there is no checkpoint {path}")
    directory, parameters = path.parent.parent, {}
    if (directory / VOCABULARY_FILE).exists():
        parameters["vocabulary"] = str(directory / VOCABULARY_FILE)
    if (reward := (read_json(directory / "fine_tune.json") or {}).get("reward")) is not None:
        parameters["reward"] = str(reward)
    return metamon_spec(name or path.stem, path, **parameters)


def _member(population: list[PolicySpec], member: str, place: str) -> PolicySpec:
    found = [spec for spec in population if spec.kind == _KIND and member in ("", spec.name)]
    if len(found) != 1:
        names = ", ".join(f"{spec.name} ({spec.kind})" for spec in population)
        wanted = f"has no metamon policy {member!r}" if member else f"holds {len(found)} metamon policies"
        raise InputError(f"start: {place} {wanted}; name one as {place}:NAME, of {names}")
    return found[0]
