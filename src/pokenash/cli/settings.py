"""Settings of a command: dataclasses filled from, in rising order, defaults, a preset, a TOML file and flags.

``--config FILE.toml`` stands for flags: its keys are the flags' names, with dashes or underscores, and flags that are
given besides win over it. `save_settings` writes settings as such a file, beside the ``config.json`` of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pokenash.cli.options import default_value, parsed_options
from pokenash.cli.output import LOG_LEVELS, follow_logging
from pokenash.errors import InputError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["SETTINGS", "check_seed", "command_settings", "read_settings_file", "save_settings", "settings_toml"]

SETTINGS = "settings.toml"
"""Where a run's settings are written; a valid ``--config``."""

# Where an option has a default of its own, the word that says "none", as for flags.
_NONE = "None"

Presets = Mapping[str, Mapping[str, Any]]
T = TypeVar("T", bound="DataclassInstance")


def command_settings(
    kind: type[T], arguments: Sequence[str], *, command: str, description: str, presets: Presets | None = None
) -> T:
    """The settings that a command's arguments ask for; what the library logs is followed from now on.

    Parameters
    ----------
    kind : dataclass
        Its fields are the flags; it must not check them when it is made, as what is required is still missing then, and
        flags would be reworded. Those of `tyro.conf.Positional` are told by place, and by name in a file.
    arguments : sequence of str
        Of the command line, without the command's name.
    command : str
        Its name, for the help.
    description : str
        For the help.
    presets : mapping, optional
        What each ``--preset`` changes of the defaults. A file may name one too, with the key ``preset``.

    Raises
    ------
    InputError
        If there is no such preset, or the file cannot be read, has a key that is no option of the command, or a value
        of the wrong kind: the message names the file and the key. If the command has a seed that is negative.
    SystemExit
        If the flags cannot be understood, or ask for help.
    """
    # While torch's threads wait for each other the simulators want the cores; by default the wait is a busy one.
    # Must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    shared = argparse.ArgumentParser(add_help=False, allow_abbrev=False, prog=f"pokenash {command}")
    shared.add_argument("--config", type=Path)
    shared.add_argument("--log-level", choices=LOG_LEVELS)
    if presets is not None:
        shared.add_argument("--preset")
    known, rest = shared.parse_known_args(arguments)
    extra = {"log_level": Literal[LOG_LEVELS]} | ({} if presets is None else {"preset": str})
    given = {} if known.config is None else read_settings_file(known.config, kind, extra)
    level, name = given.pop("log_level", "info"), given.pop("preset", None)
    if presets is not None:
        name = name if known.preset is None else known.preset
        if name is not None and name not in presets:
            raise InputError(f"unknown preset {name!r}; expected one of: {', '.join(presets)}")
        given = {**({} if name is None else presets[name]), **given}
    about = f"{description}\n\n{_about_shared(presets)}"
    settings = parsed_options(kind, rest, command=command, description=about, given=given)
    check_seed(getattr(settings, "seed", None))
    follow_logging(known.log_level or level)
    return settings


def check_seed(seed: int | None) -> None:
    """Refuse a negative seed, for every command alike: some generators would refuse it, after hours or at once.

    Raises
    ------
    InputError
        If it is negative.
    """
    if seed is not None and seed < 0:
        raise InputError(f"seed: expected an integer >= 0, got {seed}")


def _about_shared(presets: Presets | None) -> str:
    """The help of what every command takes."""
    about = "" if presets is None else f"--preset {{{','.join(presets)}}} sets the defaults; "
    return (
        f"Shared options: {about}--config FILE.toml stands for flags, with their names as keys, and flags win over it; "
        f"--log-level {{{','.join(LOG_LEVELS)}}} says how much is told."
    )


def read_settings_file(
    path: Path, kind: type[DataclassInstance], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Values of a settings file by the names of the dataclass's fields.

    Parameters
    ----------
    path : Path
    kind : dataclass
    extra : mapping of str to type, optional
        Keys that are allowed besides its fields.

    Raises
    ------
    InputError
        If it cannot be read, is not TOML, has an unknown key or a value of the wrong kind.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the settings file {path} is not TOML: {error}") from error
    types = {**_types(kind), **(extra or {})}
    names = {name: name for name in types} | {_flag(kind, field): field.name for field in fields(kind)}
    found: dict[str, Any] = {}
    for key, value in data.items():
        name = names.get(key.replace("-", "_"))
        if name is None:
            # The value is not repeated: it may be a password that was put where it does not belong.
            known = ", ".join(sorted({_flag(kind, field) for field in fields(kind)} | set(extra or {})))
            raise InputError(f"{path}: unknown key {key!r}; expected some of {known}")
        if name in found:
            raise InputError(f"{path}: the key {key!r} is there twice, with a dash and with an underscore; keep one")
        try:
            found[name] = _typed(value, types[name])
        except ValueError:
            raise InputError(f"{path}: {key} is {value!r}, expected {_in_words(types[name])}") from None
    return found


def save_settings(directory: Path, settings: DataclassInstance) -> Path:
    """Write settings to ``settings.toml`` in a directory, which is made; the path.

    The file as ``--config`` gives the same settings again, whatever the defaults become.

    Raises
    ------
    RunDirectoryError
        If it cannot be written.
    """
    from pokenash.experiments.run_directory import write_bytes

    path = directory / SETTINGS
    write_bytes(path, settings_toml(settings).encode())
    return path


def settings_toml(settings: DataclassInstance) -> str:
    """Settings as the text of a TOML file; an option that is not used, and is not by default, is left out."""
    kind, lines = type(settings), []
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value is None:
            if default_value(field) in (None, MISSING):
                continue
            value = _NONE
        lines.append(f"{_flag(kind, field)} = {_toml(value, field.name)}\n")
    return "".join(lines)


def _types(kind: type) -> dict[str, Any]:
    """Types of the fields, without what tyro is told by annotations."""
    return get_type_hints(kind)


def _flag(kind: type[DataclassInstance], field: Field[Any]) -> str:
    """The name of a field's flag, with underscores: its own unless an annotation gives another."""
    annotation = get_type_hints(kind, include_extras=True)[field.name]
    told = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    # What `tyro.conf.arg` makes; the other markers have no metavar.
    renamed = [one.name for one in told if hasattr(one, "metavar") and one.name is not None]
    return str(renamed[0] if renamed else field.name).replace("-", "_")


def _typed(value: Any, kind: Any) -> Any:
    """A value of a TOML file as one of a field's type; ValueError if it is none."""
    origin, options = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value == _NONE and NoneType in options:
            return None
        for option in options:
            if option is not NoneType:
                try:
                    return _typed(value, option)
                except ValueError:
                    continue
        raise ValueError
    if origin is Literal:
        if any(value == option and type(value) is type(option) for option in options):
            return value
    elif origin is tuple:
        if isinstance(value, list) and options[1:] == (Ellipsis,):
            return tuple(_typed(item, options[0]) for item in value)
        if isinstance(value, list) and len(value) == len(options):
            return tuple(_typed(item, option) for item, option in zip(value, options, strict=True))
    elif kind is Path:
        if isinstance(value, str):
            return Path(value)
    elif kind is float:
        if type(value) in (int, float):
            return float(value)
    elif kind in (str, int, bool):
        # A bool is an int in Python, but not in TOML.
        if type(value) is kind:
            return value
    else:
        raise TypeError(f"settings of type {kind!r} cannot be told in a file")
    raise ValueError


def _in_words(kind: Any) -> str:
    """What a person is to write for a type."""
    origin, options = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(_in_words(option) for option in options if option is not NoneType)
    if origin is Literal:
        return f"one of {', '.join(map(repr, options))}"
    if origin is tuple:
        return f"a list, each item {_in_words(options[0])}"
    words = {Path: "a path in quotes", str: "text in quotes", int: "a whole number", float: "a number"}
    return words.get(kind, "true or false")


def _toml(value: Any, name: str) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | Path):
        text = str(value)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{name} is {text!r}, which is not Unicode text and cannot be written down") from error
        # JSON's strings are TOML's, but for one control character.
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(item, name) for item in value)}]"
    raise TypeError(f"{name}: settings of type {type(value).__name__} cannot be written down")
