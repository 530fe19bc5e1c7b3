"""The API reference names every public name; the documentation's build refuses one that lacks."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("sphinx")

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def complete_reference() -> ModuleType:
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        return importlib.import_module("complete_reference")
    finally:
        sys.path.remove(str(DOCS / "_ext"))


def all_names(complete_reference: ModuleType) -> set[str]:
    names = set()
    for module in complete_reference.public_modules():
        names |= {f"{module}.{name}" for name in getattr(importlib.import_module(module), "__all__", ())}
    return names


def test_a_name_that_is_described_nowhere_is_found(complete_reference: ModuleType) -> None:
    names = all_names(complete_reference)
    assert complete_reference.undescribed(names) == []
    gone = "wilson_interval"
    found = complete_reference.undescribed({name for name in names if not name.endswith(f".{gone}")})
    assert found == ["pokenash.algorithms.wilson_interval", "pokenash.algorithms.intervals.wilson_interval"]


def test_a_reexport_is_described_where_it_lives(complete_reference: ModuleType) -> None:
    names = all_names(complete_reference) - {"pokenash.algorithms.wilson_interval", "pokenash.PSRO"}
    assert complete_reference.undescribed(names) == []


def test_a_constant_of_that_name_elsewhere_is_not_taken_for_it(complete_reference: ModuleType) -> None:
    names = {name for name in all_names(complete_reference) if not name.endswith(".META_SOLVERS")}
    found = complete_reference.undescribed(names | {"pokenash.games.META_SOLVERS"})
    assert "pokenash.algorithms.META_SOLVERS" in found


def test_every_public_module_lies_below_the_reference(complete_reference: ModuleType) -> None:
    page = (DOCS / "reference" / "index.md").read_text("utf-8")
    roots = re.findall(r"^   (pokenash\.\w+)$", page, re.MULTILINE)
    for module in complete_reference.public_modules():
        named = importlib.import_module(module)
        if getattr(named, "__all__", ()) and module != "pokenash":
            assert any(f"{module}.".startswith(f"{root}.") for root in roots), module
