"""A directory of another kind than is expected is one sentence: what it is, and what was expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pokenash.cli import main
from pokenash.directory_words import directory_words
from pokenash.experiments.filtering import trajectory_root


def _made(folder: Path, kind: str) -> Path:
    """A directory as a command leaves it, as far as a reader of another kind looks."""
    folder.mkdir()
    if kind == "filter":
        (folder / "filter.json").write_text("{}")
    elif kind == "root":
        (folder / "gen1ou").mkdir()
        (folder / "gen1ou" / "1_1500_a_vs_b_01-01-2025_WIN.json.lz4").write_bytes(b"")
    elif kind == "fine-tuning":
        (folder / "fine_tune.json").write_text("{}")
    elif kind == "notes":
        (folder / "thesis.txt").write_text("mine")
    elif kind == "damaged":
        (folder / "config.json").write_text("{")
    elif kind != "empty":
        (folder / "config.json").write_text(json.dumps({"schema": 1, "kind": kind, "game": {}, "seed": 1}))
    return folder


_WORDS = {
    "evaluation": "is the directory of an evaluation",
    "psro": "is the directory of a run of PSRO",
    "exploit": "is the directory of a search for best responses",
    "filter": "is a root of trajectories that pokenash filter made",
    "root": "is a root of trajectories",
    "fine-tuning": "is the directory of a training",
    "empty": "is empty",
    "notes": "is no directory that pokenash wrote",
    "damaged": "has a config.json that is damaged",
    "thing": "has a config.json of something else",
}


@pytest.mark.parametrize("kind", _WORDS)
def test_a_directory_says_what_it_is(kind: str, tmp_path: Path) -> None:
    assert directory_words(_made(tmp_path / "it", kind)) == _WORDS[kind]


def test_what_is_no_directory_is_none(tmp_path: Path) -> None:
    assert directory_words(tmp_path / "gone") == "is not a directory"


_FILTER = "expected a root of trajectories (a folder that holds a folder per format) or the directory of a collection"
_RATINGS = "expected a match log (.jsonl), or the directory of a run of PSRO, a tournament or an evaluation"
_POLICY = "which has no mixture of policies; expected the directory of a run of PSRO"
_OUTPUT = "not a collection; name a new or empty directory"


@pytest.mark.parametrize(
    ("command", "kind", "expected"),
    [
        *(
            (("filter", "IT", "--output", "NEW"), kind, _FILTER)
            for kind in ("evaluation", "psro", "fine-tuning", "notes")
        ),
        (("train", "IT", "--fresh", "small_rnn", "--output", "NEW"), "evaluation", _FILTER),
        *((("ratings", "IT"), kind, _RATINGS) for kind in ("filter", "root", "exploit", "empty", "notes")),
        *((("collect", "IT", "--output", "NEW"), kind, _POLICY) for kind in ("filter", "root", "exploit", "notes")),
        (("collect", "uniform", "--opponents", "IT", "--output", "NEW"), "filter", _POLICY),
        *(
            (("collect", "uniform", "--output", "IT"), kind, _OUTPUT)
            for kind in ("filter", "root", "evaluation", "notes")
        ),
    ],
)
def test_a_command_that_is_pointed_at_it_says_so_and_writes_nothing(
    command: tuple[str, ...], kind: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    it, new = _made(tmp_path / "it", kind), tmp_path / "new"
    before = {path: path.is_file() and path.read_bytes() for path in it.rglob("*") if path.name != ".lock"}
    assert main([{"IT": str(it), "NEW": str(new)}.get(word, word) for word in command]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"{it} {_WORDS[kind]}" in said
    assert expected in said
    assert not new.exists()
    assert {path: path.is_file() and path.read_bytes() for path in it.rglob("*") if path.name != ".lock"} == before


def test_a_published_root_may_have_a_config_of_its_own(tmp_path: Path) -> None:
    root = _made(tmp_path / "root", "root")
    (root / "config.json").write_text("{}")
    assert trajectory_root(root) == root


def test_ratings_name_the_tournament_inside_of_what_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = _made(tmp_path / "loop", "self-play")
    (loop / "tournament").mkdir()
    assert main(["ratings", str(loop)]) == 2
    said = capsys.readouterr().err
    assert f"is the directory of a loop of self-play; {_RATINGS}, such as its own {loop / 'tournament'}" in said
