"""Makes each notebook here from the script of its name.

    python docs/notebooks/make_notebooks.py

In the scripts ``# %%`` begins a cell of code and ``# %% [markdown]`` one of text, whose lines are comments. The
notebooks hold no results: those are made where they are run, and a test runs them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CELL = "# %%"


def notebook(script: str) -> dict[str, Any]:
    """A script as a notebook of format 4.5."""
    before, *parts = ("\n" + script).split("\n" + CELL)
    if before.strip():
        raise ValueError(f"a notebook's script must begin with {CELL!r}, got {before.strip()[:60]!r}")
    return {
        "cells": [cell(part, number) for number, part in enumerate(parts, 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def cell(part: str, number: int) -> dict[str, Any]:
    """What follows ``# %%`` as one cell; its id depends on its place alone, so that differences stay small."""
    kind, _, text = part.partition("\n")
    lines = text.strip().splitlines()
    if kind.strip() == "[markdown]":
        if wrong := [line for line in lines if not line.startswith("#")]:
            raise ValueError(f"a line of a cell of text must begin with '#', got {wrong[0]!r}")
        lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
        return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": _source(lines)}
    if kind.strip():
        raise ValueError(f"a cell is '# %%' or '# %% [markdown]', got '{CELL}{kind}'")
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": f"cell-{number}",
        "metadata": {},
        "outputs": [],
        "source": _source(lines),
    }


def text(script: Path) -> str:
    """What belongs into the notebook's file."""
    made = notebook(script.read_text("utf-8"))
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def scripts() -> list[Path]:
    """The scripts that notebooks are made from."""
    return [path for path in sorted(FOLDER.glob("*.py")) if path != Path(__file__)]


def _source(lines: list[str]) -> list[str]:
    """Lines as the format wants them: each but the last with its end."""
    return [line + "\n" for line in lines[:-1]] + lines[-1:]


if __name__ == "__main__":
    for path in scripts():
        path.with_suffix(".ipynb").write_text(text(path), "utf-8")
