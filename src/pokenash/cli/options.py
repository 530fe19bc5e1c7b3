"""Options that are parsed and told from a dataclass: what its docstring says of a field is the help, as plain text.

tyro does both; what it takes from NumPy docstrings is theirs for the reference: markup in double backticks, breaks of
lines, one text for several names. What a person reads in a terminal is made here, for all commands alike.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, make_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["default_value", "option_texts", "parsed_options"]

T = TypeVar("T", bound="DataclassInstance")

_HEADING = "Parameters"
_MARKUP = re.compile(r"(`{1,2})(.+?)\1")
_TELLS_DEFAULT = re.compile(r"\bdefault\b", re.IGNORECASE)
_WORDS = {str: "STR", int: "INT", float: "FLOAT", Path: "PATH"}


def parsed_options(
    kind: type[T],
    arguments: Sequence[str],
    *,
    command: str,
    description: str | None = None,
    given: Mapping[str, Any] | None = None,
) -> T:
    """The value of a dataclass that flags ask for.

    Parameters
    ----------
    kind : dataclass
        Flat; its fields are the flags, and their help is what its docstring says of them.
    arguments : sequence of str
    command : str
        Its name, for the help.
    description : str, optional
        For the help; by default the docstring before its parameters.
    given : mapping of str to Any, optional
        Values by names of fields, in place of their defaults.

    Raises
    ------
    SystemExit
        If the flags cannot be understood, or ask for help.
    """
    import tyro

    # What has no default is left for the flags to say.
    values = {field.name: default_value(field) for field in fields(kind)} | dict(given or {})
    values = {name: tyro.MISSING if value is MISSING else value for name, value in values.items()}
    shown = _plainly_told(kind, values)
    found = tyro.cli(
        shown,
        args=arguments,
        default=shown(**values),
        prog=f"pokenash {command}",
        description=description,
    )
    return kind(**{field.name: getattr(found, field.name) for field in fields(kind)})


def default_value(field: Field[Any]) -> Any:
    """What a field is unless something else is said; `dataclasses.MISSING` where that is required."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def option_texts(kind: type) -> dict[str, str]:
    """What docstrings say of each field, by its name, as text without markup; a subclass's word goes before."""
    texts: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        texts.update(_parameters(one.__dict__.get("__doc__") or ""))
    return texts


def _parameters(docstring: str) -> dict[str, str]:
    """The section of parameters of a NumPy docstring; names that share an entry share its text."""
    lines = inspect.cleandoc(docstring).splitlines()
    if _HEADING not in lines:
        return {}
    found: dict[str, list[str]] = {}
    names: list[str] = []
    begin = lines.index(_HEADING) + 2
    for line, following in zip(lines[begin:], [*lines[begin + 1 :], ""], strict=True):
        if following and set(following) == {"-"}:
            break
        if line and not line[0].isspace():
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
        else:
            for name in names:
                found.setdefault(name, []).append(line.strip())
    return {name: _MARKUP.sub(r"\2", " ".join(filter(None, said))) for name, said in found.items()}


def _plainly_told(kind: type[DataclassInstance], values: Mapping[str, Any]) -> Any:
    """A dataclass of the same fields, all required, which bear their help."""
    hints, texts = get_type_hints(kind, include_extras=True), option_texts(kind)
    told = [
        (field.name, Annotated[hints[field.name], _told(hints[field.name], texts.get(field.name, ""), value)])
        for field in fields(kind)
        for value in [values[field.name]]
    ]
    made = make_dataclass(kind.__name__, told, kw_only=True, frozen=True)
    made.__doc__ = kind.__doc__
    return made


def _told(hint: Any, text: str, value: Any) -> Any:
    """An option's help, the word for its value, and what is said of its default."""
    import tyro

    plain, told = (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
    metavar = None if any(getattr(one, "metavar", None) for one in told) else _metavar(plain, value)
    default: str | None = None
    if value is tyro.MISSING:
        # Nothing would do for tyro where there may be several.
        default = "(required)" if get_origin(plain) is tuple else None
    elif value is None or value == ():
        default = "" if _TELLS_DEFAULT.search(text) else "(default: not set)"
    return tyro.conf.arg(help=text or None, metavar=metavar, help_behavior_hint=default)


def _metavar(kind: Any, value: Any) -> str | None:
    """The word for a value that may be none: that is said only where it is not so already."""
    options = get_args(kind)
    if get_origin(kind) not in (Union, UnionType) or NoneType not in options:
        return None
    words = [
        "{" + ",".join(map(str, get_args(one))) + "}" if get_origin(one) is Literal else _WORDS.get(one)
        for one in options
        if one is not NoneType
    ]
    if None in words:
        return None
    return "|".join([*map(str, words), *([] if value is None else ["None"])])
