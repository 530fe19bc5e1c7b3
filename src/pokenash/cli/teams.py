"""``pokenash teams``: lists, fetches, validates and splits team sets, and reports win rates by team."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned, follow_logging
from pokenash.cli.settings import check_seed

if TYPE_CHECKING:
    from pokenash.games.showdown.team_set import TeamSet
    from pokenash.games.showdown.teams import OnIllegal

__all__ = ["run"]

_SOURCE = "a name, a mixture (name=share,name=share), a file, a directory or a .tar.gz"
_MOST_LETTERS = 2000
"""Of what the validator says of one team."""


def run(arguments: Sequence[str]) -> None:
    """List, fetch, validate, split or report."""
    follow_logging("warning")
    chosen = _parser().parse_args(arguments)
    chosen.run(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pokenash teams", description="Team sets and what comes of them.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("list", help="list the sets that are known by name")
    one.add_argument("--format", help="only those that have teams for this format")
    one.set_defaults(run=_list)

    one = commands.add_parser("fetch", help="download one of metamon's sets, pin its SHA-256 and validate it")
    one.add_argument("name")
    one.add_argument("format")
    _add_places(one)
    one.set_defaults(run=_fetch)

    one = commands.add_parser("validate", help="have the simulator judge every team of a set")
    one.add_argument("source", help=_SOURCE)
    one.add_argument("format")
    _add_places(one)
    one.add_argument("--weights", type=Path, help="how often each is drawn: CSV (name,weight) or a JSON object")
    one.add_argument("--output", type=Path, help="write the legal ones to this JSON file, which is a team set")
    one.set_defaults(run=_validate)

    one = commands.add_parser("split", help="split a set into a part to train on and a held-out part")
    one.add_argument("source", help=_SOURCE)
    one.add_argument("format")
    one.add_argument("--fraction", type=float, default=0.2, help="share of the rosters that is held out (0.2)")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--output", type=Path, help="directory for train.json and held-out.json")
    _add_places(one)
    one.set_defaults(run=_split)

    one = commands.add_parser("report", help="win rates by team of a run, an evaluation or a session on a server")
    one.add_argument("directory", type=Path)
    one.add_argument("--policy", action="append", help="only this policy; may be given several times")
    one.add_argument("--level", type=float, default=0.95, help="of the intervals (0.95)")
    one.add_argument("--rows", type=int, default=10, help="teams from either end of each table (10)")
    one.add_argument("--output", type=Path, help="directory for the CSV files and the page; default: the run's")
    one.set_defaults(run=_report)
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, help="look for named sets here first, as NAME/FORMAT")
    parser.add_argument("--revision", help="of metamon's repository")
    parser.add_argument("--sha256", help="what the archive must have")


def _load(
    chosen: argparse.Namespace, source: str, on_illegal: OnIllegal | None = None, weights: Path | None = None
) -> TeamSet:
    from pokenash.games.showdown.team_sets import load_team_set

    return load_team_set(
        source,
        chosen.format,
        root=chosen.root,
        revision=chosen.revision,
        sha256=chosen.sha256,
        weights=weights,
        on_illegal=on_illegal,
    )


def _list(chosen: argparse.Namespace) -> None:
    from pokenash.games.showdown.team_downloads import locked_archives
    from pokenash.games.showdown.team_sets import TEAM_SETS
    from pokenash.games.showdown.teams import shipped_team_sets

    fetched = [key.partition("@")[2].partition("/")[2] for key in locked_archives()]
    rows = [("set", "from", "formats", "fetched", "what it is")]
    rows += [
        (name, "pokenash", name, "comes with it", "played where no teams are named")
        for name in shipped_team_sets()
        if chosen.format in (None, name)
    ]
    for one in TEAM_SETS.values():
        if chosen.format is None or chosen.format in one.formats:
            here = [format for format in one.formats if one.archive(format) in fetched]
            rows.append((one.name, "metamon", ", ".join(one.formats), ", ".join(here) or "–", one.description))
    print("\n".join(aligned(rows)))


def _fetch(chosen: argparse.Namespace) -> None:
    from pokenash.errors import InputError
    from pokenash.games.showdown.team_sets import TEAM_SETS

    if chosen.name not in TEAM_SETS:
        raise InputError(f"there is no published team set {chosen.name!r}; expected one of {', '.join(TEAM_SETS)}")
    _tell(_load(chosen, chosen.name))


def _validate(chosen: argparse.Namespace) -> None:
    from pokenash.games.showdown.team_files import write_team_set

    teams = _load(chosen, chosen.source, "skip", chosen.weights)
    _tell(teams)
    if chosen.output is not None:
        print(write_team_set(teams, chosen.output))


def _tell(teams: TeamSet) -> None:
    """A set in a few lines: its origin, what was refused, and how many teams are the same."""
    from pokenash.games.showdown.team_set import roster_key
    from pokenash.terminal import printable

    for name, value in (teams.origin or {}).items():
        print(printable(f"{name}: {value}"))
    rosters = len({roster_key(one) for one in teams})
    print(f"{len(teams)} legal teams, {len(set(teams))} different, {rosters} different rosters (species and moves)")
    if teams.refused:
        print(f"{len(teams.refused)} refused by the simulator's validator:")
        for one in teams.refused:
            print(f"  {printable(one.name)}: {printable(' '.join(one.problems), _MOST_LETTERS)}")


def _split(chosen: argparse.Namespace) -> None:
    from pokenash.games.showdown.team_files import write_team_set

    check_seed(chosen.seed)
    teams = _load(chosen, chosen.source)
    for part in ("train", "held-out"):
        some = teams.split(part, chosen.fraction, chosen.seed)
        print(f"{part}: {len(some)} of {len(teams)} teams")
        if chosen.output is not None:
            print(write_team_set(some, chosen.output / f"{part}.json"))


def _report(chosen: argparse.Namespace) -> None:
    from pokenash.errors import InputError
    from pokenash.experiments.team_report import read_team_games, team_report
    from pokenash.experiments.team_tables import team_report_lines, write_team_report
    from pokenash.online.records import RECORDS_NAME

    if chosen.rows < 1:
        raise InputError(f"--rows: expected a positive number, got {chosen.rows}")
    if (chosen.directory / RECORDS_NAME).exists():
        from pokenash.online.team_games import read_session_games

        teams, games, left_out = read_session_games(chosen.directory)
    else:
        teams, games, left_out = read_team_games(chosen.directory)
    report = team_report(games, teams, policies=chosen.policy, left_out=left_out, level=chosen.level)
    print("\n".join(team_report_lines(report, chosen.rows)))
    for path in write_team_report(report, chosen.output or chosen.directory):
        print(path)
