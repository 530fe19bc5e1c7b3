"""What is published: an sdist and a wheel that play battles where there is no npm and nothing to fetch."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import pokenash

ROOT = Path(__file__).parents[1]
MODULES = "src/pokenash/games/showdown/js/node_modules"
NOWHERE = "http://127.0.0.1:9/"

SMOKE = """
import sys
import pokenash
from pokenash.games import showdown_v0

assert pokenash.__file__.startswith(sys.prefix), pokenash.__file__
env = showdown_v0.env(format="gen1ou")
env.reset(seed=1)
rewards = dict.fromkeys(env.agents, 0.0)
for agent in env.agent_iter():
    observation, reward, termination, truncation, info = env.last()
    rewards[agent] += reward
    over = termination or truncation
    env.step(None if over else env.action_space(agent).sample(observation["action_mask"]))
env.close()
print(sorted(rewards.values()))
"""


@dataclass(frozen=True)
class Release:
    """What `python -m build` left."""

    sdist: Path
    wheel: Path


def bare(home: Path, *folders: Path) -> dict[str, str]:
    """An environment with no npm on the path, and an npm registry that nobody answers for."""
    certificates = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    path = os.pathsep.join(map(str, folders))
    return {**certificates, "PATH": path, "HOME": str(home), "npm_config_registry": NOWHERE}


def called(
    command: Sequence[str | Path], env: dict[str, str], folder: Path, seconds: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; what it said is in the failure otherwise."""
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=seconds)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """An sdist of this tree, and the wheel that is built from that sdist."""
    home = tmp_path_factory.mktemp("home")
    out = tmp_path_factory.mktemp("dist")
    # Without isolation, so that the package index is not asked either; the versions are checked all the same.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT]
    called(command, bare(home, home), ROOT)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Release(sdist, wheel)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds pip and nothing else."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    return folder


def smoke(venv: Path, home: Path) -> None:
    """One battle to its end and the doctor, in an environment where pokenash was installed, far from this tree."""
    env = bare(home, venv / "bin")
    assert shutil.which("npm", path=env["PATH"]) is None
    battle = called([venv / "bin" / "python", "-c", SMOKE], env, home)
    assert battle.stdout in ("[-1.0, 1.0]\n", "[0.0, 0.0]\n")
    assert called([venv / "bin" / "pokenash", "--version"], env, home).stdout == f"pokenash {pokenash.__version__}\n"
    diagnosis = json.loads(called([venv / "bin" / "pokenash", "doctor", "--json"], env, home).stdout)
    assert diagnosis["healthy"]


def test_the_sdist_holds_the_simulator_and_what_tests_and_docs_need(release: Release) -> None:
    with tarfile.open(release.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / MODULES).rglob("*") if path.is_file()}
    assert there <= names
    assert {"LICENSE", "CHANGELOG.md", "pyproject.toml", "hatch_build.py", "constraints.txt", "docs/conf.py"} <= names
    assert "tests/test_release.py" in names
    assert not [name for name in names if name.startswith((".venv", "runs/", "dist/", ".git/"))]


def test_a_wheel_from_the_sdist_holds_every_file_of_the_package(release: Release) -> None:
    package = ROOT / "src" / "pokenash"
    data = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(release.wheel) as archive:
        names = set(archive.namelist())
    assert {f"pokenash/{path.relative_to(package).as_posix()}" for path in data} <= names


def test_the_wheel_plays_without_npm_and_without_any_network(release: Release, empty: Path, tmp_path: Path) -> None:
    env = bare(tmp_path, empty / "bin")
    pip = [empty / "bin" / "python", "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    called([*pip, release.wheel], env, tmp_path)
    # What it depends on is lent by this environment, behind the new one's own packages; this pokenash is not lent,
    # for the files by which editable installs are found are not read there.
    (own,) = empty.glob("lib/python*/site-packages")
    (own / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    smoke(empty, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_installs_from_the_package_index_alone(release: Release, kind: str, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120)
    env = bare(tmp_path, venv / "bin")
    pip = [venv / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt"]
    called([*pip, getattr(release, kind)], env, tmp_path, seconds=1500)
    smoke(venv, tmp_path)


def test_all_places_that_name_the_version_name_the_same() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {pokenash.__version__}\n" in citation
    changes = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert changes[0] == "Unreleased"
    assert len(changes) == 1 or changes[1] == pokenash.__version__
