"""What is installed on this machine, whether it works, and what is missing for which feature.

Nothing is fetched, and torch is imported only where its devices are asked for. Nothing here may need more than the
standard library before it has said what is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pokenash
from pokenash.cli.installed_packages import feature_findings, installed_distribution, package_findings
from pokenash.errors import PokenashError

__all__ = ["Diagnosis", "Finding", "diagnose"]

VARIABLES = (
    "POKENASH_NODE",
    "POKENASH_SERVER",
    "POKENASH_TEAMS",
    "POKENASH_VOCABULARIES",
    "METAMON_CACHE_DIR",
    "HF_HUB_OFFLINE",
    "RAY_ADDRESS",
    "WANDB_MODE",
)
"""Environment variables that lead pokenash elsewhere. Accounts and passwords are not among what is told."""

_OLDEST_PYTHON = (3, 11)
_TOOL_SECONDS = 60
_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        Of the part, package or feature.
    state : {"ok", "absent", "broken"}
        ``"absent"`` is for what may be missing, ``"broken"`` for what is there and cannot be used, and for what is
        needed and missing.
    found : str
        Version, place, or what is wrong and what to do.
    needed : bool
        Whether pokenash plays no battles without it.
    purpose : str
        What a feature is for.
    remedy : str
        How to get what is absent.
    """

    name: str
    state: Literal["ok", "absent", "broken"]
    found: str
    needed: bool = True
    purpose: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All findings.

    Parameters
    ----------
    parts : tuple of Finding
        pokenash, Python, the system, Node and the simulator.
    packages : tuple of Finding
        The Python packages that pokenash cannot do without.
    features : tuple of Finding
        What pokenash does beyond battles on the CPU; never `needed`.
    variables : mapping of str to str
        Those of `VARIABLES` that are set.
    """

    parts: tuple[Finding, ...]
    packages: tuple[Finding, ...]
    features: tuple[Finding, ...]
    variables: Mapping[str, str]

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What is needed and cannot be used."""
        return tuple(one for one in (*self.parts, *self.packages) if one.needed and one.state != "ok")

    @property
    def healthy(self) -> bool:
        """Whether everything that is needed is there and works."""
        return not self.broken

    def as_json(self) -> dict[str, Any]:
        """The findings as JSON-able values, under a ``schema`` number."""
        return {
            "schema": _SCHEMA,
            "healthy": self.healthy,
            "parts": [asdict(one) for one in self.parts],
            "packages": [asdict(one) for one in self.packages],
            "features": [asdict(one) for one in self.features],
            "variables": dict(self.variables),
        }


def diagnose(*, accelerator: bool = False) -> Diagnosis:
    """Look at everything.

    Takes about a second, most of it for a question to the simulator. Nothing is raised for what is missing or broken:
    it is among the findings.

    Parameters
    ----------
    accelerator : bool
        Import torch, which takes seconds, and ask it what it can compute on.
    """
    node = _looked("Node", _node)
    return Diagnosis(
        parts=(
            _looked("pokenash", _package),
            _looked("Python", _python),
            _looked("system", _system),
            node,
            _looked("simulator", _simulator if node.state == "ok" else _simulator_without_node),
        ),
        packages=tuple(_required(*one) for one in package_findings()),
        features=(
            _looked("accelerator", _torch_devices if accelerator else _visible_devices, needed=False),
            _looked("Showdown server", _server, needed=False),
            _looked("vocabularies", _vocabularies, needed=False),
            *(_optional(*one) for one in feature_findings()),
        ),
        variables={name: os.environ[name] for name in VARIABLES if name in os.environ},
    )


def _looked(name: str, look: Callable[[str], Finding], *, needed: bool = True) -> Finding:
    """A finding, also where looking is what fails: a doctor does not fall ill of the patient."""
    try:
        return look(name)
    except (PokenashError, ImportError, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
        return Finding(name=name, state="broken", found=" ".join(str(error).split()), needed=needed)


def _required(name: str, works: bool, found: str, remedy: str) -> Finding:
    return Finding(name=name, state="ok" if works else "broken", found=found, remedy=remedy)


def _optional(name: str, works: bool, found: str, purpose: str, remedy: str) -> Finding:
    state: Literal["ok", "absent"] = "ok" if works else "absent"
    return Finding(name=name, state=state, found=found, needed=False, purpose=purpose, remedy=remedy)


def _package(name: str) -> Finding:
    folder = Path(pokenash.__file__).parent
    version = installed_distribution().version
    if version != pokenash.__version__:
        found = f"{pokenash.__version__} in {folder}, but installed as {version}; install it again"
        return Finding(name=name, state="broken", found=found)
    return Finding(name=name, state="ok", found=f"{version} in {folder}")


def _python(name: str) -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        return Finding(name=name, state="ok", found=found)
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    return Finding(name=name, state="broken", found=f"{found}; expected {oldest} or newer")


def _system(name: str) -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = f"{platform.platform()}, {cores} cores for this process"
    if os.name == "posix":
        return Finding(name=name, state="ok", found=found)
    return Finding(name=name, state="broken", found=f"{found}; expected Linux or macOS (on Windows: WSL)")


def _node(name: str) -> Finding:
    from pokenash.games.showdown.node import node_environment, node_executable

    executable = node_executable()
    done = subprocess.run(
        [executable, "--version"],
        capture_output=True,
        text=True,
        timeout=_TOOL_SECONDS,
        check=True,
        env=node_environment(),
        stdin=subprocess.DEVNULL,
    )
    return Finding(name=name, state="ok", found=f"{done.stdout.strip().removeprefix('v')}, {executable}")


def _simulator(name: str) -> Finding:
    """Whether its files are those of the lock, and whether it answers where it plays: in Node's sandbox."""
    from pokenash.games.showdown.node import run_tool, script_directory, simulator_directory, simulator_version

    modules = simulator_directory().parent
    stamp = json.loads((modules / ".pokenash-stamp.json").read_text(encoding="utf-8"))
    lock = (script_directory() / "simulator-lock.json").read_bytes()
    version = simulator_version()
    if stamp.get("lock_sha256") != hashlib.sha256(lock).hexdigest():
        found = f"{version} is not the one that simulator-lock.json names; install pokenash again"
        return Finding(name=name, state="broken", found=found)
    answer = run_tool("tool.js", {"command": "format", "format": "gen1ou"}, timeout=_TOOL_SECONDS)
    if not answer["exists"]:
        return Finding(name=name, state="broken", found=f"{version} does not know gen1ou; install pokenash again")
    return Finding(name=name, state="ok", found=f"pokemon-showdown {version}, as locked; answers in Node's sandbox")


def _simulator_without_node(name: str) -> Finding:
    from pokenash.games.showdown.node import simulator_version

    return Finding(name=name, state="broken", found=f"pokemon-showdown {simulator_version()}, but no Node to run it")


def _server(name: str) -> Finding:
    from pokenash.online.server_install import installed_server, npm_command

    purpose = "battles against people and other bots on this machine"
    place = installed_server()
    if place is not None:
        return Finding(name=name, state="ok", found=str(place), needed=False, purpose=purpose)
    npm = npm_command()[-1]
    remedy = "pokenash server --install-only (needs the npm registry, 154 MB)"
    return Finding(name=name, state="absent", found=f"npm: {npm}", needed=False, purpose=purpose, remedy=remedy)


def _vocabularies(name: str) -> Finding:
    """Which of metamon's are on this machine, unchanged."""
    from pokenash.metamon.vocabularies import VOCABULARIES, vocabulary_directory

    purpose, folder = "metamon's published models", vocabulary_directory()
    paths = {known.name: folder / known.file_name for known in VOCABULARIES.values()}
    there = [one for one, path in paths.items() if path.is_file()]
    remedy = f"pokenash metamon fetch-vocabulary {next(iter(VOCABULARIES))}"
    if not there:
        found = f"none in {folder}"
        return Finding(name=name, state="absent", found=found, needed=False, purpose=purpose, remedy=remedy)
    changed = [one for one in there if hashlib.sha256(paths[one].read_bytes()).hexdigest() != VOCABULARIES[one].sha256]
    if changed:
        found = f"{paths[changed[0]]} is not {changed[0]} as published; delete it and fetch it again"
        return Finding(name=name, state="broken", found=found, needed=False, purpose=purpose)
    return Finding(name=name, state="ok", found=f"{', '.join(there)} in {folder}", needed=False, purpose=purpose)


_COMPUTING = "training and inference of networks faster than on the CPU"
_ASK = "pokenash doctor --accelerator asks torch"


def _visible_devices(name: str) -> Finding:
    """What the system shows without torch; whether torch can use it is another question."""
    devices = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if devices:
        found = f"{', '.join(devices)} in /dev; {_ASK} whether it can use it"
        return Finding(name=name, state="ok", found=found, needed=False, purpose=_COMPUTING)
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Finding(name=name, state="ok", found=f"Apple GPU; {_ASK}", needed=False, purpose=_COMPUTING)
    return Finding(name=name, state="absent", found="none seen", needed=False, purpose=_COMPUTING, remedy=_ASK)


def _torch_devices(name: str) -> Finding:
    import torch

    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        found = ", ".join(f"{card.name} ({card.total_memory / 2**30:.0f} GiB)" for card in cards)
        return Finding(name=name, state="ok", found=f"cuda: {found}", needed=False, purpose=_COMPUTING)
    if torch.backends.mps.is_available():
        return Finding(name=name, state="ok", found="mps: Apple GPU", needed=False, purpose=_COMPUTING)
    remedy = "a GPU and a build of torch for it (https://pytorch.org/get-started)"
    found = f"torch {torch.__version__} computes on the CPU"
    return Finding(name=name, state="absent", found=found, needed=False, purpose=_COMPUTING, remedy=remedy)
