"""Settings from defaults, presets, a TOML file and flags, and back to a file."""

from __future__ import annotations

import tempfile
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tyro.conf import Positional, arg

from pokenash.cli import COMMANDS, main
from pokenash.cli.settings import command_settings, read_settings_file, save_settings, settings_toml
from pokenash.errors import InputError
from pokenash.experiments.evaluation_settings import EvaluationSettings
from pokenash.experiments.psro_settings import PRESETS, PSROSettings, preset
from pokenash.online.settings import PlaySettings


@dataclass(frozen=True)
class _Every:
    """Every kind of option that commands have.

    Parameters
    ----------
    who : str
        Told by place.
    """

    who: Positional[str]
    output: Path = Path("runs/every")
    part: Literal["all", "train"] = "all"
    names: tuple[str, ...] = ("one",)
    sizes: tuple[int, ...] = ()
    number: int = 3
    share: float = 0.5
    fresh: bool = False
    limit: int | None = None
    width: float | None = 0.1
    sender: Annotated[str | None, arg(name="from")] = None


def _settings(*arguments: str, kind: Any = _Every, **options: Any) -> Any:
    return command_settings(kind, arguments, command="every", description="Every.", **options)


def _file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "settings-of-mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


_FULL = """
who = "me"
part = "train"
names = ["a", "b"]
sizes = [1, 2]
number = 7
share = 1
fresh = true
limit = 5
width = "None"
from = "ash"
"""


def test_a_file_stands_for_flags(tmp_path: Path) -> None:
    flags = "me --part train --names a b --sizes 1 2 --number 7 --share 1 --fresh --limit 5 --width None --from ash"
    assert _settings("--config", _file(tmp_path, _FULL)) == _settings(*flags.split())


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    presets = {"large": {"number": 100, "share": 0.9, "limit": 9}}
    path = _file(tmp_path, 'who = "me"\nnumber = 7\nlimit = 8\n')
    found = _settings("--config", path, "--preset", "large", "--limit", "6", presets=presets)
    assert (found.number, found.share, found.limit) == (7, 0.9, 6)
    assert _settings("you", "--config", path).who == "you"
    fresh = _file(tmp_path, 'who = "me"\nfresh = true\n')
    assert not _settings("--config", fresh, "--no-fresh").fresh


def test_a_file_may_name_the_preset_and_the_level_of_the_log(tmp_path: Path) -> None:
    presets = {"large": {"number": 100}, "small": {"number": 1}}
    path = _file(tmp_path, 'who = "me"\npreset = "large"\nlog-level = "error"\n')
    assert _settings("--config", path, presets=presets).number == 100
    assert _settings("--config", path, "--preset", "small", presets=presets).number == 1


def test_keys_may_have_dashes(tmp_path: Path) -> None:
    path = _file(tmp_path, "battles-per-matchup = 8\nteam_split = 'train'\n")
    found = _settings("--config", path, kind=PSROSettings)
    assert (found.battles_per_matchup, found.team_split) == (8, "train")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("numbr = 7", "unknown key 'numbr'"),
        ("[number]\nvalue = 7", "number is"),
        ('number = "seven"', "number is 'seven', expected a whole number"),
        ("number = true", "number is True, expected a whole number"),
        ("number = 1.5", "expected a whole number"),
        ("fresh = 1", "expected true or false"),
        ("names = 'a'", "expected a list"),
        ("names = [1]", "expected a list"),
        ("part = 'test'", "expected one of 'all', 'train'"),
        ("limit = 'None'\nwidth = 'wide'", "width is 'wide', expected a number"),
        ("preset = 'large'", "unknown key 'preset'"),
        ("log_level = 'loud'", "log_level is 'loud'"),
        ("number = 1\nnumber = 2", "is not TOML"),
        ("number", "is not TOML"),
        ("a_b = 1\n", "unknown key 'a_b'"),
    ],
)
def test_what_a_file_gets_wrong_is_one_sentence_that_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError) as error:
        _settings("me", "--config", _file(tmp_path, text))
    assert words in str(error.value)
    assert "settings-of-mine.toml" in str(error.value)


def test_a_key_in_both_spellings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.toml"
    path.write_text("battles-per-matchup = 8\nbattles_per_matchup = 10\n")
    with pytest.raises(InputError, match="twice"):
        read_settings_file(path, PSROSettings)


def test_a_file_that_is_not_there_or_not_text_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for name in ("gone.toml", "bytes.toml"):
        assert main(["psro", "--config", str(tmp_path / name)]) == 2
        err = capsys.readouterr().err
        assert name in err
        assert "Traceback" not in err


def test_a_password_in_a_file_is_refused_and_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "type_aware", "--config", _file(tmp_path, 'password = "hunter2"\n')]) == 2
    err = capsys.readouterr().err
    assert "password" in err
    assert "hunter2" not in err


def test_what_is_required_is_missed_by_the_flags_not_by_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        _settings("--config", _file(tmp_path, "number = 7\n"))
    assert error.value.code == 2
    assert "Missing" in capsys.readouterr().err


def test_positional_policies_of_the_commands_may_stand_in_a_file(tmp_path: Path) -> None:
    path = _file(tmp_path, 'policy = "type_aware"\naccept = true\nfrom = "ash"\n')
    found = _settings("--config", path, kind=PlaySettings)
    assert (found.policy, found.accept, found.sender) == ("type_aware", True, "ash")
    path = _file(tmp_path, 'policy = "type_aware"\nopponents = ["uniform"]\n')
    assert _settings("--config", path, kind=EvaluationSettings) == EvaluationSettings("type_aware", ("uniform",))


@pytest.mark.parametrize(
    ("command", "key"),
    [
        *(("collect", "POLICY"), ("evaluate", "POLICY"), ("exploit", "POLICY"), ("play", "POLICY")),
        *(("filter", "SOURCES"), ("ratings", "SOURCES"), ("tournament", "POLICIES"), ("probes", "POLICIES")),
        *(("train", "ROOTS"), ("selfplay", "START")),
    ],
)
def test_help_shows_what_is_told_by_place_under_its_name_in_a_file(
    command: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    usage = capsys.readouterr().out.splitlines()[0]
    assert usage.split()[-1] == key


_SEEDED = (
    *(("psro",), ("nfsp",), ("selfplay", "start"), ("exploit", "uniform"), ("collect", "uniform")),
    *(("filter", "."), ("train", "."), ("tournament", "uniform", "max_power"), ("evaluate", "uniform")),
    *(
        ("probes", "uniform"),
        ("play", "uniform", "--accept"),
        ("sessions", "."),
        ("teams", "split", "sample", "gen1ou"),
    ),
)


@pytest.mark.parametrize("command", _SEEDED)
def test_a_negative_seed_is_the_same_error_for_every_command_and_nothing_is_written(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    assert main([*command, "--seed", "-1", "--output", str(output)]) == 2
    assert capsys.readouterr().err == "pokenash: error: seed: expected an integer >= 0, got -1\n"
    assert not output.exists()


def test_every_command_with_a_seed_is_among_those(capsys: pytest.CaptureFixture[str]) -> None:
    seeded = set()
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, *(["split"] if command == "teams" else []), "--help"])
        if "--seed " in capsys.readouterr().out:
            seeded.add(command)
    assert {words[0] for words in _SEEDED} == seeded


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_that_is_saved_is_the_same_settings_without_it(name: str, tmp_path: Path) -> None:
    settings = replace(preset(name), output=tmp_path, turn_limit=300)
    path = save_settings(tmp_path / "new" / "run", settings)
    assert path.name == "settings.toml"
    assert _settings("--config", str(path), kind=PSROSettings) == settings


_TEXT = st.text(st.characters(codec="utf-8"))


@given(
    st.builds(
        _Every,
        who=_TEXT,
        output=_TEXT.map(Path),
        names=st.lists(_TEXT).map(tuple),
        sizes=st.lists(st.integers()).map(tuple),
        number=st.integers(),
        share=st.floats(allow_nan=False),
        fresh=st.booleans(),
        limit=st.none() | st.integers(),
        width=st.none() | st.floats(allow_nan=False),
        sender=st.none() | _TEXT.filter(lambda text: text != "None"),
    )
)
def test_any_settings_come_back_from_their_file(settings: _Every) -> None:
    text = settings_toml(settings)
    data = tomllib.loads(text)
    assert set(data) <= {"from", *(field.name for field in fields(settings))}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        path.write_bytes(text.encode())
        assert _Every(**read_settings_file(path, _Every)) == settings


def test_text_that_is_not_unicode_cannot_be_written_down() -> None:
    with pytest.raises(InputError, match="who"):
        settings_toml(_Every("\udcff"))
