"""The report of what was played on a server: one HTML page, and a page to watch every battle on.

Everything that came from the server is escaped; nothing on the report's page is a script, and its content security
policy forbids any.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from pokenash.errors import InputError, RunDirectoryError
from pokenash.files import replace_file
from pokenash.games.showdown.replay import replay_html
from pokenash.online.battle_logs import anonymous_log, battle_lines, read_log
from pokenash.online.battle_rows import BattleRow, battle_rows, rows_csv
from pokenash.online.pseudonyms import Pseudonyms
from pokenash.online.records import BattleRecord
from pokenash.online.report_words import page_context
from pokenash.online.results import PlayedBattle, SessionResults, analyse

__all__ = ["write_battles_csv", "write_sessions_report"]

_log = logging.getLogger(__name__)


def write_sessions_report(
    battles: Sequence[PlayedBattle],
    path: str | os.PathLike[str],
    *,
    pseudonyms: Pseudonyms | None = None,
    title: str = "Battles on a server",
    replays: bool = True,
    level: float = 0.95,
    seed: int = 0,
) -> SessionResults:
    """Write the page, and beside it a folder with a replay page and the log of every battle.

    Parameters
    ----------
    battles : sequence of PlayedBattle
        From `pokenash.online.results.read_battles`.
    path : path
        Of the page. The folder of the battles is called as it is, without the suffix and with ``-battles``.
    pseudonyms : Pseudonyms, optional
        If given, people have pseudonyms wherever they are named: on the page, on the pages of the battles and in
        their logs; chat, times of day and links to the server are left out.
    title : str
        Heading of the page.
    replays : bool
        Whether the folder of the battles is written.
    level : float
        Of all intervals.
    seed : int
        Of the bootstrap.

    Returns
    -------
    SessionResults
        What the page shows.

    Raises
    ------
    RunDirectoryError
        If something cannot be written.
    """
    page = Path(path)
    shown = [(_hidden(one.record, pseudonyms), one) for one in battles]
    shown.sort(key=lambda pair: (pair[0].ended, pair[0].server, pair[0].battle))
    records = [record for record, _ in shown]
    results = analyse(records, level=level, seed=seed)
    rows = battle_rows(records, anonymous=pseudonyms is not None)
    folder = page.with_name(f"{page.stem}-battles")
    links = [("", "")] * len(rows)
    if replays:
        links = [
            _write_battle(folder, row, record, one, pseudonyms) for row, (record, one) in zip(rows, shown, strict=True)
        ]
    environment = Environment(
        loader=PackageLoader("pokenash.online"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    context = page_context(results, rows, links, title, anonymous=pseudonyms is not None)
    _write(page, environment.get_template("sessions.html.j2").render(context))
    return results


def write_battles_csv(
    battles: Sequence[PlayedBattle], path: str | os.PathLike[str], *, pseudonyms: Pseudonyms | None = None
) -> None:
    """Write the list of battles, those that do not count included, as CSV.

    Parameters
    ----------
    battles, pseudonyms
        As in `write_sessions_report`.
    path : path
    """
    records = [_hidden(one.record, pseudonyms) for one in battles]
    _write(Path(path), rows_csv(battle_rows(records, anonymous=pseudonyms is not None)))


def _hidden(record: BattleRecord, pseudonyms: Pseudonyms | None) -> BattleRecord:
    return record if pseudonyms is None else pseudonyms.record(record)


def _write_battle(
    folder: Path, row: BattleRow, shown: BattleRecord, source: PlayedBattle, pseudonyms: Pseudonyms | None
) -> tuple[str, str]:
    """Write a battle's page and log; their addresses as seen from the report, empty without a log."""
    try:
        lines = read_log(source.directory, source.record.log)
    except InputError as error:
        _log.warning("battle %s has no page: %s", row.battle, error)
        return "", ""
    if pseudonyms is None:
        lines = battle_lines(lines)
    else:
        ours, theirs = shown.account or "player", shown.opponent or "opponent"
        lines = anonymous_log(lines, lambda seat: ours if seat == shown.seat else theirs)
    name = f"{row.number:05d}"
    _write(folder / f"{name}.html", replay_html(lines, row.format))
    _write(folder / f"{name}.log", "\n".join(lines) + "\n")
    return f"{quote(folder.name)}/{name}.html", f"{quote(folder.name)}/{name}.log"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise RunDirectoryError(f"cannot write {path}: {error.strerror}") from error
