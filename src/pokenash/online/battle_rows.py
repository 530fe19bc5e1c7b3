"""The list of battles: one row each, for the report and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from pokenash.online.records import BattleRecord
from pokenash.online.results import score
from pokenash.spreadsheets import csv_cell
from pokenash.terminal import printable

__all__ = ["BattleRow", "battle_rows", "rows_csv"]

# Finer ratings would let anybody look up in the ladder's list whose they are.
_ROUNDED_TO = 50
_RESULTS = {1.0: "win", 0.5: "tie", 0.0: "loss", None: "does not count"}


@dataclass(frozen=True, slots=True)
class BattleRow:
    """A battle as the list shows it; text is printable and on one line, numbers are as on record.

    Parameters
    ----------
    number : int
        From 1 on, in the order in which battles ended.
    battle, format, opponent, policy, member, team : str
        Empty where nothing is on record.
    result : str
        ``"win"``, ``"tie"``, ``"loss"`` or ``"does not count"``, as the tables count it.
    reason : str
        How it ended.
    turns, decisions, reconnections : int
    ended : str
        Date and time, UTC; of anonymous battles the hours since the first one.
    rating_before, rating_after, opponent_rating_before : float or None
        The server's; of anonymous battles the opponent's is rounded to 50 points and ours is left out.
    replay : str
        Address on the server; empty if there is none or the battles are anonymous.
    """

    number: int
    battle: str
    format: str
    opponent: str
    policy: str
    member: str
    team: str
    seat: int
    result: str
    reason: str
    turns: int
    decisions: int
    reconnections: int
    ended: str
    rating_before: float | None
    rating_after: float | None
    opponent_rating_before: float | None
    replay: str


def battle_rows(records: Sequence[BattleRecord], *, anonymous: bool = False) -> list[BattleRow]:
    """Rows of battles, in the order in which they ended.

    Parameters
    ----------
    records : sequence of BattleRecord
    anonymous : bool
        Whether times and ratings are blurred as well; names are pseudonyms already.
    """
    ordered = sorted(records, key=lambda record: (record.ended, record.server, record.battle))
    first = ordered[0].ended if ordered else 0.0
    return [_row(number, record, first if anonymous else None) for number, record in enumerate(ordered, 1)]


def rows_csv(rows: Sequence[BattleRow]) -> str:
    """Rows as CSV with a header.

    A text that a spreadsheet would take for a formula has a ``'`` put before it (OWASP, "CSV Injection").
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(BattleRow.__slots__)
    for row in rows:
        writer.writerow([csv_cell(value) for value in asdict(row).values()])
    return out.getvalue()


def _row(number: int, record: BattleRecord, first: float | None) -> BattleRow:
    hidden = first is not None
    opponents = record.opponent_rating_before
    if hidden and opponents is not None:
        opponents = float(_ROUNDED_TO * round(opponents / _ROUNDED_TO))
    return BattleRow(
        number=number,
        battle=printable(record.battle),
        format=printable(record.format),
        opponent=printable(record.opponent or ""),
        policy=printable(record.policy),
        member=printable(record.member or ""),
        team=printable(record.team_name or ("" if record.team is None else f"team {record.team}")),
        seat=record.seat,
        result=_RESULTS[score(record)],
        reason=record.reason,
        turns=record.turns,
        decisions=record.decisions,
        reconnections=record.reconnections,
        ended=_clock(record.ended) if first is None else f"+{(record.ended - first) / 3600:.1f} h",
        rating_before=None if hidden else record.rating_before,
        rating_after=None if hidden else record.rating_after,
        opponent_rating_before=opponents,
        replay=_link(record.replay),
    )


def _clock(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "unknown"


def _link(address: str | None) -> str:
    """An address that a page may link to; what is no plain web address is not linked."""
    plain = printable(address or "", 500)
    safe = plain.startswith(("https://", "http://")) and not set(plain) & set("\"'<>` \\")
    return plain if safe else ""
