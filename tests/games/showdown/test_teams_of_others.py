"""Teams, sets and weights that others wrote, damaged or meant to do harm: each is refused in one sentence."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from games.showdown.team_texts import ONE, THREE, TWO, folder
from pokenash.errors import InputError, TeamError
from pokenash.games.showdown.team_archives import read_archive
from pokenash.games.showdown.team_files import read_team_set, read_weights
from pokenash.games.showdown.team_set import TeamSet
from pokenash.games.showdown.team_sets import load_team_set
from pokenash.games.showdown.teams import load_teams

NESTED = "[" * 100_000


def test_json_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TeamError, match="not valid JSON"):
        load_teams(NESTED, "gen1ou")
    path = tmp_path / "teams.json"
    path.write_text('{"kind": ' + NESTED)
    with pytest.raises(TeamError):
        load_team_set(path, "gen1ou")
    assert read_team_set(path, "gen1ou") is None
    with pytest.raises(InputError, match="cannot be read as weights"):
        read_weights(path)


def test_a_number_with_thousands_of_digits_is_refused() -> None:
    with pytest.raises(TeamError, match="not valid JSON"):
        load_teams(f'[{{"species": "Starmie", "level": {"9" * 5000}}}]', "gen1ou")


def test_names_in_an_archive_may_hold_numbers_of_any_length(tmp_path: Path) -> None:
    path = tmp_path / "teams.tar.gz"
    names = ["team_" + "9" * 5000, "team_10", "team_9"]
    with tarfile.open(path, "w:gz") as archive:
        for name, text in zip(names, (ONE, TWO, THREE), strict=True):
            member = tarfile.TarInfo(f"{name}.gen1ou_team")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    assert [one.name for one in read_archive(path, "gen1ou")] == names[::-1]


def test_text_that_no_file_can_hold_is_refused() -> None:
    with pytest.raises(TeamError, match="not a text"):
        load_teams(f"Starmie\ud800\n{ONE}", "gen1ou")


@pytest.mark.parametrize("load", [load_teams, load_team_set])
def test_a_source_that_is_too_long_for_a_path_is_no_set(load: Any) -> None:
    with pytest.raises(TeamError, match="neither"):
        load("a" * 5000, "gen1ou")


@pytest.mark.parametrize("origin", ["a text", ["a", "list"], 3])
def test_an_origin_that_is_no_mapping_is_refused(origin: Any, tmp_path: Path) -> None:
    data = {"schema": 1, "kind": "team set", "format": "gen1ou", "names": ["a"], "packed": ["b"], "origin": origin}
    (tmp_path / "set.json").write_text(json.dumps(data))
    with pytest.raises(TeamError, match="origin"):
        read_team_set(tmp_path / "set.json", "gen1ou")


@pytest.mark.parametrize("weights", [[1e308, 1e308], ["much", 1.0], [float("nan"), 1.0], [None, 1.0], [1.0]])
def test_weights_that_are_no_shares_are_refused(weights: Any) -> None:
    with pytest.raises(InputError, match="weights"):
        TeamSet("gen1ou", ("a", "b"), ("A", "B")).with_weights(weights)
    with pytest.raises(InputError, match="weights"):
        TeamSet("gen1ou", ("a", "b"), ("A", "B")).with_weights(
            {"a": weights[0]} | dict(zip("b", weights[1:], strict=False))
        )


@pytest.mark.parametrize("source", ["gen1ou", ONE, [ONE]])
def test_a_hash_of_what_has_none_is_refused_and_not_passed_over(source: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is for archives"):
        load_team_set(source, "gen1ou", sha256="0" * 64)
    loaded = load_team_set(folder(tmp_path / "mine"), "gen1ou")
    with pytest.raises(InputError, match="is for archives"):
        load_team_set(loaded, "gen1ou", sha256="0" * 64)
