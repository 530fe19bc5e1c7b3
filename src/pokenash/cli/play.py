"""``pokenash play``: a policy or a run's mixture on a Showdown server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings

if TYPE_CHECKING:
    from pokenash.online.records import BattleRecord

__all__ = ["run"]

_DESCRIPTION = (
    "Play a policy or a run's Nash mixture on a Showdown server. The user name and the password come from "
    "POKENASH_USERNAME and POKENASH_PASSWORD, or are asked for. Ctrl-C once finishes the battles in play, twice "
    "forfeits them."
)
_SECRETS = ("--password", "--pass", "--username", "--user")


def run(arguments: Sequence[str]) -> None:
    """Play, with a line for every battle and a summary at the end."""
    _refuse_secrets(arguments)
    from pokenash.online.playing import play
    from pokenash.online.settings import PlaySettings

    # Not saved as a file of settings: they may name users, and an anonymous session keeps no names.
    settings = command_settings(PlaySettings, arguments, command="play", description=_DESCRIPTION)
    told: list[BattleRecord] = []

    def tell(record: BattleRecord) -> None:
        told.append(record)
        print(_line(record, len(told), settings.wanted), flush=True)

    try:
        told = play(settings, on_battle=tell)
    finally:
        print(_summary(told), flush=True)


def _refuse_secrets(arguments: Sequence[str]) -> None:
    """Names and passwords given as options: other users of the machine can read those, and shells keep them."""
    from pokenash.errors import InputError

    if any(argument.split("=")[0] in _SECRETS for argument in arguments):
        # What was given is not repeated.
        raise InputError(
            "user names and passwords are never taken from the command line: set the environment variables "
            "POKENASH_USERNAME and POKENASH_PASSWORD, or wait to be asked"
        )


def _line(record: BattleRecord, number: int, wanted: int | None) -> str:
    """One battle in a line."""
    parts = [f"{number}{'' if wanted is None else f'/{wanted}'}  {record.outcome}"]
    if record.opponent is not None:
        parts.append(f"against {record.opponent}")
    if record.member is not None:
        parts.append(f"as {record.member}")
    parts.append(f"{record.turns} turns")
    if record.reason != "played":
        parts.append(record.reason)
    if record.rating_before is not None and record.rating_after is not None:
        parts.append(f"rating {record.rating_before:.0f} to {record.rating_after:.0f}")
    if record.reconnections:
        parts.append(f"{record.reconnections} reconnections")
    if record.fallbacks:
        parts.append(f"{record.fallbacks} of {record.decisions} choices at random")
    if record.error is not None:
        parts.append(record.error)
    return ", ".join([*parts, record.replay or record.battle])


def _summary(records: Sequence[BattleRecord]) -> str:
    """All battles of the session in a few lines."""
    from pokenash.algorithms.intervals import wilson_interval

    counted = [record for record in records if record.counts]
    if not records:
        return "no battle was played"
    rows: list[tuple[str, ...]] = [("member", "battles", "won", "lost", "tied", "win rate", "95% interval")]
    groups: list[tuple[str, list[BattleRecord]]] = [("all", counted)]
    members = sorted({record.member for record in counted if record.member is not None})
    groups += [(name, [record for record in counted if record.member == name]) for name in members]
    for name, group in groups:
        outcomes = Counter(record.outcome for record in group)
        won = outcomes["win"] + outcomes["tie"] / 2
        lower, upper = wilson_interval(won, len(group))
        rate = ("-", "-") if not group else (f"{won / len(group):.1%}", f"[{lower:.1%}, {upper:.1%}]")
        numbers = (len(group), outcomes["win"], outcomes["loss"], outcomes["tie"])
        rows.append((name, *map(str, numbers), *rate))
    lines = ["", *aligned(rows)]
    reasons = Counter(record.reason for record in records if record.reason != "played")
    if reasons:
        lines += ["", "ended otherwise: " + ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))]
    if len(counted) < len(records):
        lines.append(f"{len(records) - len(counted)} battles were lost with the server and do not count")
    return "\n".join(lines)
