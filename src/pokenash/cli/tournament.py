"""``pokenash tournament``: policies against each other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned, mixture_text
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.tournament_run import TournamentResult

__all__ = ["run"]

_DESCRIPTION = (
    "Policies against each other, every drawn start in both seats: win rates with intervals, ratings, and the Nash "
    "mixture. A tournament that was interrupted goes on when the same command is given again; more battles and further "
    "policies extend it."
)


def run(arguments: Sequence[str]) -> None:
    """Play or go on, then print the tables."""
    from pokenash.experiments.tournament_settings import TournamentSettings

    settings = command_settings(TournamentSettings, arguments, command="tournament", description=_DESCRIPTION)
    result = settings.run(progress=sys.stderr.isatty(), on_begin=lambda directory: save_settings(directory, settings))
    print(_tables(result))
    files = f"{settings.output / 'tournament.json'}, {settings.output / 'tournament.csv'}"
    print(f"\nresults: {files} (pokenash report {settings.output} makes a page of them)")


def _tables(result: TournamentResult) -> str:
    """Every pair, then every policy, best first."""
    interval = f"{result.level:.0%} interval"
    rows = [("policy", "opponent", "battles", "won/drawn/lost", "win rate", interval)]
    policies = result.game.policies
    for row in result.rows():
        if policies.index(row["policy"]) < policies.index(row["opponent"]):
            rows.append(
                (
                    row["policy"],
                    row["opponent"],
                    str(row["battles"]),
                    f"{row['wins']}/{row['draws']}/{row['losses']}",
                    f"{row['win_rate']:.1%}",
                    f"[{row['lower']:.1%}, {row['upper']:.1%}]",
                )
            )
    lines = [*aligned(rows), "win rate: a draw is half a win; Wilson's interval, over single battles"]
    ratings = result.ratings
    standing = sorted(
        zip(ratings.ratings, ratings.lower, ratings.upper, policies, result.meta_strategy, strict=True), reverse=True
    )
    standings = [("policy", "rating", interval, "Nash")]
    standings += [
        (name, f"{rating:.0f}", f"[{low:.0f}, {up:.0f}]", f"{p:.1%}") for rating, low, up, name, p in standing
    ]
    lines += ["", *aligned(standings)]
    value = result.analysis.restricted_nash_conv
    lines += [
        "",
        f"Nash mixture: {mixture_text(policies, result.meta_strategy)}",
        (
            f"restricted nash_conv (posterior): {value.mean:.3f} [{value.lower:.3f}, {value.upper:.3f}] among "
            f"{len(policies)} policies"
        ),
    ]
    return "\n".join(lines)
