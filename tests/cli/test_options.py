"""What ``--help`` tells of options: all of it, as plain text, and every default once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from tyro.conf import Positional

from pokenash.cli import COMMANDS, main
from pokenash.cli.options import option_texts, parsed_options

# These are parsed by argparse, with help of their own.
_OTHERS = ("doctor", "metamon", "sessions", "teams")


def _help(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in _OTHERS])
def test_help_is_plain_text_and_says_what_every_option_is(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = _help(command, capsys)
    for blemish in ("`", "{None}", "None", "(default: )"):
        assert blemish not in told
    for option in re.split(r"^│ (?=--|[A-Z]{2})", told, flags=re.MULTILINE)[1:]:
        words = option.replace("│", " ").split()
        assert any(re.fullmatch(r"[a-z'-]{2,}[.,;:]?", word) for word in words[1:]), f"{words[0]} has no help"
        assert len(re.findall(r"\bdefault: ", " ".join(words), re.IGNORECASE)) <= 1


@dataclass(frozen=True)
class _Base:
    """A base.

    Parameters
    ----------
    number : int
        Of the base.
    width, height : int
        Of ``both``: so
        `broad` and so high.
    """

    number: int = 1
    width: int = 2
    height: int = 3


@dataclass(frozen=True, kw_only=True)
class _Some(_Base):
    """Some options.

    Parameters
    ----------
    names : tuple of str
        Who.
    number : int
        Of the rest, such as
        ``.json`` files.
    limit : int, optional
        How many. Default: all.
    part : str, optional
        Which part.

    Raises
    ------
    Nothing
        At all.
    """

    names: Positional[tuple[str, ...]]
    limit: int | None = None
    part: Literal["some", "rest"] | None = None
    root: Path | None = Path("there")


def test_a_docstring_is_read_as_its_author_means_it() -> None:
    assert option_texts(_Some) == {
        "names": "Who.",
        "number": "Of the rest, such as .json files.",
        "width": "Of both: so broad and so high.",
        "height": "Of both: so broad and so high.",
        "limit": "How many. Default: all.",
        "part": "Which part.",
    }


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({}, ["--limit INT How many. Default: all.", "--part {some,rest} Which part. (default: not set)"]),
        ({"limit": 7, "part": "rest"}, ["--limit INT|None How many. Default: all. (default: 7)", "(default: rest)"]),
        ({}, ["--root PATH|None (default: there)", "Who. (required)"]),
        ({"root": None}, ["--root PATH (default: not set)"]),
    ],
)
def test_a_default_is_told_once_as_it_is_for_this_call(
    given: dict[str, object], lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed_options(_Some, ["--help"], command="some", given=given)
    told = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for line in lines:
        assert line in told


def test_flags_make_the_value_that_was_asked_for() -> None:
    found = parsed_options(_Some, ["a", "b", "--limit", "3", "--root", "None"], command="some", given={"width": 5})
    assert found == _Some(names=("a", "b"), limit=3, width=5, root=None)
    assert type(found) is _Some
