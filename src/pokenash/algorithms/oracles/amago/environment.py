"""The environment that AMAGO trains in: an interpreter with packages that do not fit beside pokenash's own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pokenash.algorithms.oracles.amago.process import AmagoError
from pokenash.errors import InputError

__all__ = ["AMAGO_VERSION", "AmagoEnvironment", "EnvironmentReport"]

AMAGO_VERSION = "3.1.1"
"""What metamon's training code was written for; 3.3.0 refuses its settings."""

_MAX_GYMNASIUM = (0, 29, 1)
_POKE_ENV = "0.8.3."
_PROBE_SECONDS = 300.0
_TAIL_LINES = 15
# Of this process's variables, what would make the other interpreter find this one's packages.
_NOT_HANDED_ON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
_HELP = "the page 'AMAGO in an environment of its own' of pokenash's documentation has the steps"

# Runs in the other interpreter: first what is installed, which imports nothing, then whether the module can be
# imported, as far as that shows without running it, and which of its configuration files are there.
_PROBE = """\
import importlib.metadata, importlib.util, json, os, sys
module, models, trainings = sys.argv[1:4]
found = {}
for package in sys.argv[4:]:
    try:
        found[package] = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        found[package] = None
print("@versions " + json.dumps(found), flush=True)
if importlib.util.find_spec(module) is None:
    raise ModuleNotFoundError(f"No module named {module!r}")
import metamon.rl
folders = metamon.rl.MODEL_CONFIG_DIR, metamon.rl.TRAINING_CONFIG_DIR
paths = [os.path.join(folder, name) for folder, name in zip(folders, (models, trainings))]
print("@configurations " + json.dumps([[path, os.path.isfile(path)] for path in paths]), flush=True)
"""
_PACKAGES = ("amago", "gymnasium", "poke-env", "metamon", "torch")


@dataclass(frozen=True)
class EnvironmentReport:
    """What an environment said of itself.

    Parameters
    ----------
    versions : dict of str to str
        By package.
    model_gin_config, train_gin_config : Path
        Where the configurations that were asked for are.
    """

    versions: Mapping[str, str]
    model_gin_config: Path
    train_gin_config: Path


@dataclass(frozen=True)
class AmagoEnvironment:
    """An interpreter that can run metamon's training, and how it is called.

    Parameters
    ----------
    python : path-like
        The interpreter of the environment, such as ``~/amago/bin/python``.
    cache_dir : path-like, optional
        metamon's folder for what it downloads (``METAMON_CACHE_DIR``); by default that variable's value.
    module : str
        What is run with ``-m``: ``metamon.rl.train``, or another module that takes the same flags.
    launcher : sequence of str
        Arguments between the interpreter and ``-m``, such as ``("-m", "accelerate.commands.launch",
        "--num_processes", "4")``.
    variables : mapping of str to str
        Further environment variables, which win over those set here.
    amago_version : str, optional
        The only version of AMAGO that is accepted; None accepts any.
    """

    python: str | Path
    cache_dir: str | Path | None = None
    module: str = "metamon.rl.train"
    launcher: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    amago_version: str | None = AMAGO_VERSION

    def interpreter(self) -> Path:
        """The interpreter's path, made absolute.

        Raises
        ------
        InputError
            If there is no file that can be run.
        """
        # The link that a virtual environment's python is must not be resolved: what it leads to knows nothing of it.
        path = Path(os.path.abspath(Path(self.python).expanduser()))
        if not path.is_file() or not os.access(path, os.X_OK):
            raise InputError(
                f"python: there is no interpreter at {path}; give that of the environment in which AMAGO is "
                f"installed ({_HELP})"
            )
        return path

    def command(self, flags: Sequence[str]) -> list[str]:
        """The whole command line of a training with those flags."""
        return [str(self.interpreter()), *self.launcher, "-m", self.module, *flags]

    def environment(self, *, log_to_wandb: bool = False) -> dict[str, str]:
        """All variables of a training's process.

        Raises
        ------
        InputError
            If metamon's cache directory is not known.
        """
        inherited = {name: value for name, value in os.environ.items() if name not in _NOT_HANDED_ON}
        cache = self.cache_dir or self.variables.get("METAMON_CACHE_DIR") or inherited.get("METAMON_CACHE_DIR")
        if not cache:
            raise InputError(
                "metamon needs a folder for what it downloads: give cache_dir, or set METAMON_CACHE_DIR to one"
            )
        own = {
            "METAMON_CACHE_DIR": os.path.abspath(Path(cache).expanduser()),
            # metamon accepts one patch version of its own fork; which ones are accepted is checked here.
            "METAMON_ALLOW_ANY_POKE_ENV": "1",
            # Nothing in the working directory may stand for a package.
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            # Compiling needs a C compiler, and what AMAGO compiles was seen to fail under torch 2.13.
            "TORCHDYNAMO_DISABLE": inherited.get("TORCHDYNAMO_DISABLE", "1"),
        }
        if not log_to_wandb:
            own["WANDB_MODE"] = "disabled"
        return {**inherited, **own, **self.variables}

    def check(self, model_gin_config: str, train_gin_config: str) -> EnvironmentReport:
        """Ask the interpreter what is installed, before hours are spent on it.

        Parameters
        ----------
        model_gin_config, train_gin_config : str
            Files of metamon's, or paths.

        Returns
        -------
        EnvironmentReport

        Raises
        ------
        InputError
            If the interpreter is missing, a package is missing or has a version that will not do, or a
            configuration is not there.
        AmagoError
            If the interpreter does not answer as Python does, or the module cannot be imported.
        """
        output, status = self._ask([self.module, model_gin_config, train_gin_config, *_PACKAGES])
        versions = _answer(output, "@versions")
        if versions is None:
            raise AmagoError(f"{self.python} does not answer as a Python interpreter does{_said(output)}")
        if wrong := self._wrong(versions):
            raise InputError(f"the environment of {self.python} cannot train: {'; '.join(wrong)} ({_HELP})")
        found = _answer(output, "@configurations")
        if status or found is None:
            raise AmagoError(
                f"{self.module} cannot be imported in the environment of {self.python} ({_HELP}){_said(output)}"
            )
        if missing := [path for path, there in found if not there]:
            raise InputError(f"no gin configuration {' nor '.join(missing)}: give a name of metamon's or a path")
        return EnvironmentReport(versions, *(Path(path) for path, _ in found))

    def _ask(self, arguments: Sequence[str]) -> tuple[str, int]:
        """What the probe says, and its exit status."""
        command = [str(self.interpreter()), "-c", _PROBE, *arguments]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # Older Pythons look for packages in the working directory.
                cwd=os.sep,
                env=self.environment(),
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = _said((error.stdout or b"").decode(errors="replace"))
            raise AmagoError(f"{self.python} gave no answer within {_PROBE_SECONDS:g} s{said}") from error
        except OSError as error:
            raise InputError(f"python: {self.python} cannot be run: {error.strerror}") from error
        return done.stdout.decode(errors="replace"), done.returncode

    def _wrong(self, versions: Mapping[str, str | None]) -> list[str]:
        """What is missing or of a wrong version, in words."""
        expected = {
            "amago": f"version {self.amago_version}" if self.amago_version else "any version",
            "gymnasium": "version 0.29.1 or older",
            "poke-env": "metamon's fork, version 0.8.3.x",
            "metamon": "the repository, installed with pip install -e",
            "torch": "any version",
        }
        wrong = []
        for package, wanted in expected.items():
            version = versions[package]
            if version is None:
                wrong.append(f"{package} is not installed, expected {wanted}")
            elif not self._fits(package, version):
                wrong.append(f"{package} is of version {version}, expected {wanted}")
        return wrong

    def _fits(self, package: str, version: str) -> bool:
        if package == "amago":
            return self.amago_version in (None, version)
        if package == "gymnasium":
            return tuple(int(number) for number in re.findall(r"\d+", version)[:3]) <= _MAX_GYMNASIUM
        if package == "poke-env":
            return version.startswith(_POKE_ENV)
        return True


def _answer(output: str, key: str) -> Any:
    """The JSON after a key that begins a line; None without one."""
    for line in output.splitlines():
        if line.startswith(f"{key} "):
            return json.loads(line.removeprefix(key))
    return None


def _said(output: str) -> str:
    """The last lines of what was said."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip() and not line.startswith("@")]
    if not lines:
        return "; it said nothing"
    return "; it said:\n" + "\n".join(f"  | {line[:300]}" for line in lines[-_TAIL_LINES:])
