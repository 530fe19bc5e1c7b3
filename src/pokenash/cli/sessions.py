"""``pokenash sessions``: results of what was played on a server, with intervals."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned, follow_logging
from pokenash.cli.settings import check_seed
from pokenash.terminal import printable

if TYPE_CHECKING:
    from pokenash.online.ratings import RatingTrace
    from pokenash.online.results import ResultRow, SessionResults

__all__ = ["run"]

_DESCRIPTION = """Results of the battles that `pokenash play` saved: win rates by member, team and opponent, ratings,
and the list of battles. The interval allows for opponents who were met more than once. Our own forfeits, timeouts and
battles that were not understood count as losses; battles that the server lost do not count and are listed apart."""
_MOST_OPPONENTS = 20


def run(arguments: Sequence[str]) -> None:
    """Print the tables; write the report and the list of battles where asked."""
    parser = argparse.ArgumentParser(prog="pokenash sessions", description=_DESCRIPTION)
    parser.add_argument("directories", nargs="+", type=Path, metavar="DIRECTORY", help="of a session")
    parser.add_argument(
        "--anonymous",
        action="store_true",
        help="pseudonyms for people and accounts in the tables, the report, its battles and the CSV",
    )
    parser.add_argument(
        "--salt",
        type=Path,
        help="file of the key of the pseudonyms, made if it is not there; keep it, and share it with nobody "
        "(default: $POKENASH_SALT, else ~/.local/share/pokenash/pseudonyms.salt)",
    )
    parser.add_argument("--output", type=Path, metavar="HTML", help="write the report, and a folder of battles by it")
    parser.add_argument("--no-replays", action="store_true", help="write the report without the folder of battles")
    parser.add_argument("--csv", type=Path, help="write the list of battles")
    parser.add_argument("--title", default="Battles on a server", help="heading of the report")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals (default: 0.95)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")
    options = parser.parse_args(arguments)
    check_seed(options.seed)
    follow_logging("warning")

    from pokenash.online.pseudonyms import Pseudonyms
    from pokenash.online.report import write_battles_csv, write_sessions_report
    from pokenash.online.results import analyse, read_battles

    battles = read_battles(options.directories)
    pseudonyms = None
    if options.anonymous:
        written = [path.parent for path in (options.output, options.csv) if path is not None]
        pseudonyms = Pseudonyms.from_file(options.salt, shared=[*options.directories, *written])
    records = [pseudonyms.record(one.record) if pseudonyms else one.record for one in battles]
    print("\n".join(_tables(analyse(records, level=options.level, seed=options.seed))))
    if options.output is not None:
        write_sessions_report(
            battles,
            options.output,
            pseudonyms=pseudonyms,
            title=options.title,
            replays=not options.no_replays,
            level=options.level,
            seed=options.seed,
        )
        print(f"\nreport: {options.output}")
    if options.csv is not None:
        write_battles_csv(battles, options.csv, pseudonyms=pseudonyms)
        print(f"battles: {options.csv}")


def _tables(results: SessionResults) -> list[str]:
    lines = [
        f"{len(results.counted)} battles count, {len(results.not_counted)} do not"
        + (f"; {results.unnamed_opponents} opponents are not on record" if results.unnamed_opponents else "")
    ]
    if results.overall is None:
        return lines
    overall = [row for row in (results.overall, results.played_out) if row is not None]
    for heading, rows in (
        ("", overall),
        ("by policy", results.by_policy if len(results.by_policy) > 1 else ()),
        ("by format", results.by_format if len(results.by_format) > 1 else ()),
        ("by member", results.by_member),
        ("by team", results.by_team),
        ("by opponent", results.by_opponent[:_MOST_OPPONENTS]),
    ):
        if rows:
            cells = [_cells(row, of_person=heading == "by opponent") for row in rows]
            lines += ["", *aligned([_header(heading, results.level), *cells])]
    if len(results.by_opponent) > _MOST_OPPONENTS:
        lines.append(f"... and {len(results.by_opponent) - _MOST_OPPONENTS} more opponents, in the report")
    lines += ["", *aligned([("ended by", "won", "drawn", "lost"), *[tuple(map(str, row)) for row in results.endings]])]
    lines += ["", *aligned([_RATINGS, *(_rating(trace, results.level) for trace in results.traces)])]
    return lines


_RATINGS = ("ratings of", "format", "battles", "server", "Glicko-1", "interval", "GXE in this pool", "interval")


def _header(heading: str, level: float) -> tuple[str, ...]:
    interval = f"{level:.0%} interval"
    return heading, "battles", "won/drawn/lost", "win rate", interval, "if independent", "opponents", "worth battles"


def _cells(row: ResultRow, of_person: bool) -> tuple[str, ...]:
    rate, found = row.rate, row.clustered
    # Of one person nothing but that person's battles is asked: there is no spread between people to allow for.
    of_person = of_person and found.opponents == 1
    return (
        printable(row.name),
        str(rate.battles),
        f"{rate.wins}/{rate.draws}/{rate.losses}",
        f"{found.win_rate:.1%}",
        "–" if of_person else f"[{found.lower:.1%}, {found.upper:.1%}]",
        f"[{rate.lower:.1%}, {rate.upper:.1%}]",
        str(found.opponents),
        "–" if of_person else f"{found.effective_battles:.1f}",
    )


def _rating(trace: RatingTrace, level: float) -> tuple[str, ...]:
    lower, upper = trace.glicko.interval(level)
    low, high = trace.glicko.gxe_interval(level)
    return (
        printable(" ".join(part for part in (trace.policy, trace.account) if part)),
        printable(trace.format),
        str(len(trace.points)),
        "–" if trace.server_rating is None else f"{trace.server_rating:.0f}",
        f"{trace.glicko.rating:.0f} ± {trace.glicko.deviation:.0f}",
        f"[{lower:.0f}, {upper:.0f}]",
        f"{trace.glicko.gxe():.1%}",
        f"[{low:.1%}, {high:.1%}]",
    )
