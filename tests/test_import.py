"""What `import pokenash` costs and offers."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import pokenash

HEAVY = ("torch", "pyspiel", "open_spiel", "matplotlib", "scipy", "poke_env", "ray")


def modules_after(statement: str) -> set[str]:
    """Names of the top-level modules that a fresh interpreter has loaded after the statement."""
    code = f"import sys; {statement}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_but_the_standard_library() -> None:
    loaded = modules_after("import pokenash") - modules_after("import importlib, typing, __future__")
    assert loaded <= {"pokenash", *sys.stdlib_module_names}


@pytest.mark.parametrize("part", ["games", "policies", "games.showdown"])
def test_games_and_policies_load_neither_torch_nor_open_spiel(part: str) -> None:
    names = [f"pokenash.{part}"]
    package = importlib.import_module(names[0])
    names += [module.name for module in pkgutil.iter_modules(package.__path__, f"{names[0]}.")]
    # Modules that exist to wrap a network or another package are loaded by name, when a spec asks for them.
    wrappers = {f"pokenash.policies.{name}" for name in ("network", "networks", "openspiel_agents")}
    wrappers |= {"pokenash.games.openspiel", "pokenash.games.openspiel_v0"}
    loaded = modules_after("import " + ", ".join(name for name in names if name not in wrappers))
    assert not loaded & set(HEAVY)


def test_every_public_name_is_there() -> None:
    for name in pokenash.__all__:
        assert getattr(pokenash, name) is not None
    assert set(pokenash.__all__) <= set(dir(pokenash))


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(AttributeError, match="no attribute 'gaems'"):
        pokenash.gaems  # type: ignore[attr-defined]  # noqa: B018
