"""The Python on the README and on the pages of the docs runs as it stands, and the commands there are ones we have."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
import tomllib
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tyro

from pokenash.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Built pages, pages made from docstrings, and notebooks (which have a test of their own) are not written by hand.
MADE = {"_build", "_static", "_templates", "generated", "notebooks"}
PAGES = [
    ROOT / "README.md",
    *sorted(page for page in DOCS.rglob("*.md") if not MADE & set(page.relative_to(DOCS).parts)),
]
# ```python, or a file of the reader's own: ```{code-block} python with the file's name as its caption.
CODE = re.compile(
    r"^```(?:python|\{code-block\} python\n:caption: (?P<file>\w+\.py)\n)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
# Shown, not run: what needs a server, a GPU or a download.
SHOWN = re.compile(r"^```(?:py|\{code-block\} python\n:class: no-test\n)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```(?:console|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOML = re.compile(r"^```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# These commands read their arguments with argparse; in the others it is only a part of the reading.
WITHOUT_TYRO = {"doctor", "metamon", "sessions", "teams"}
CALL = re.compile(r"^(\$ )?(\w+=\S+ |\w+=\"[^\"]*\" )*(\S*/)?pokenash ")
ASSIGNMENT = re.compile(r"[A-Z_]+=")


class UnderstoodError(Exception):
    """The arguments of a command were read; what it would do is not done."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT if page.parent == ROOT else DOCS).with_suffix(""))


def pages_with(pattern: re.Pattern[str]) -> list[pytest.param]:
    return [pytest.param(page, id=name_of(page)) for page in PAGES if pattern.search(page.read_text("utf-8"))]


@pytest.fixture
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory from which files of the page can be imported, and are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name, module in sys.modules.items() if str(tmp_path) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


@pytest.mark.parametrize("page", pages_with(CODE))
def test_the_python_on_the_page_runs(page: Path, own_modules: Path) -> None:
    text = page.read_text("utf-8")
    names: dict[str, object] = {"__name__": "page"}
    for block in CODE.finditer(text):
        # Line numbers of the page, so that a traceback leads there.
        source = "\n" * text[: block.start("code")].count("\n") + block["code"]
        if block["file"]:
            (own_modules / block["file"]).write_text(source, "utf-8")
            importlib.invalidate_caches()
        else:
            exec(compile(source, str(page), "exec"), names)


@pytest.mark.parametrize("page", pages_with(SHOWN))
def test_python_that_is_only_shown_is_python(page: Path) -> None:
    for block in SHOWN.finditer(page.read_text("utf-8")):
        compile(block["code"], str(page), "exec")


@pytest.mark.parametrize("page", pages_with(TOML))
def test_settings_files_on_the_page_are_toml(page: Path) -> None:
    for block in TOML.finditer(page.read_text("utf-8")):
        tomllib.loads(block[1])


def commands_of(page: Path) -> list[list[str]]:
    """Arguments of all calls of pokenash on a page, without settings files, which are not there."""
    found = []
    for block in CONSOLE.findall(page.read_text("utf-8")):
        for line in filter(CALL.search, block.replace("\\\n", " ").splitlines()):
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and ASSIGNMENT.match(words[0]):
                del words[0]
            if words and Path(words[0]).name == "pokenash":
                arguments = [word for word in words[1:] if word != "&"]
                while "--config" in arguments:
                    del arguments[(at := arguments.index("--config")) : at + 2]
                found.append(arguments)
    return found


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in PAGES if commands_of(page)])
def test_commands_on_the_page_are_understood(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop_after(parse: Callable[..., Any]) -> Callable[..., Any]:
        def parse_and_stop(*args: Any, **kwargs: Any) -> None:
            parse(*args, **kwargs)
            raise UnderstoodError

        return parse_and_stop

    settings, plain = stop_after(tyro.cli), stop_after(ArgumentParser.parse_args)
    for arguments in commands_of(page):
        if "--help" in arguments:
            continue
        with monkeypatch.context() as patch:
            patch.setattr(tyro, "cli", settings)
            if arguments[0] in WITHOUT_TYRO:
                patch.setattr(ArgumentParser, "parse_args", plain)
            with pytest.raises(UnderstoodError):
                main(arguments)


def test_what_is_recovered_on_leduc_is_quoted_as_it_was_measured() -> None:
    measured = (ROOT / "benchmarks" / "results" / "exploitability_calibration.md").read_text("utf-8")
    table = measured.split("What is reported")[0]
    rows = [line for line in table.splitlines() if line.startswith("| leduc_poker")]
    page = (DOCS / "explanation" / "exploitability.md").read_text("utf-8").splitlines()
    assert rows
    assert [line for line in page if line.startswith("| leduc_poker")] == rows
