"""The notebooks of the docs are those of their scripts, and run from the first cell to the last."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
SECONDS_PER_CELL = 120


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    """The script that makes them, as a module."""
    spec = importlib.util.spec_from_file_location("make_notebooks", NOTEBOOKS / "make_notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_notebook_is_what_its_script_makes(maker: ModuleType) -> None:
    assert [path.stem for path in maker.scripts()] == [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    for script in maker.scripts():
        written = script.with_suffix(".ipynb").read_text("utf-8")
        assert written == maker.text(script), f"run docs/notebooks/make_notebooks.py: {script.name} was changed"
        nbformat.validate(nbformat.reads(written, as_version=4))


def test_a_script_that_is_no_notebook_is_refused(maker: ModuleType) -> None:
    with pytest.raises(ValueError, match="must begin with"):
        maker.notebook("import numpy\n# %%\n")
    with pytest.raises(ValueError, match=r"got 'x = 1'"):
        maker.notebook("# %% [markdown]\n# text\nx = 1\n")
    with pytest.raises(ValueError, match="raw"):
        maker.notebook("# %% [raw]\n# text\n")


def test_the_quickstart_runs_and_shows_what_it_promises(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=SECONDS_PER_CELL, kernel_name="python3", resources=resources).execute()
    printed = [
        "".join(output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stdout")
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    imports, battle, batches, match, psro = printed
    assert imports == ""
    assert battle.count("\n") == 14
    assert " won the battle!\n{'player_0': " in battle
    assert batches.endswith("wins of the first player in 20\n")
    assert match.endswith("of 20 battles\n")
    assert psro.endswith("nash_conv 0.000\n")
    kinds = [output.output_type for output in notebook.cells[-2].outputs]
    assert "image/png" in notebook.cells[-2].outputs[kinds.index("display_data")].data
