"""``pokenash collect``: battles of self-play, or against others, as metamon's trajectory files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.collection_result import CollectionResult

__all__ = ["run"]

_DESCRIPTION = (
    "Trajectories of a policy that plays itself, other policies or a run's meta-strategy. A collection that was "
    "interrupted goes on when the same command is given again; more battles and further opponents extend it."
)


def run(arguments: Sequence[str]) -> None:
    """Play or go on, then print what there is."""
    from pokenash.experiments.collection_settings import CollectionSettings

    settings = command_settings(CollectionSettings, arguments, command="collect", description=_DESCRIPTION)
    result = settings.run(progress=sys.stderr.isatty(), on_open=lambda: save_settings(settings.output, settings))
    print(_table(result))


def _table(result: CollectionResult) -> str:
    """The collection in a few lines."""
    rows = [("opponent", "battles", "trajectories", "errors", "win rate", "95% interval")]
    for row in result.opponents:
        rate = row.win_rate
        known = rate is not None and rate.win_rate is not None
        rows.append(
            (
                f"{row.name} (self-play)" if row.self_play else row.name,
                str(row.battles),
                str(row.trajectories),
                str(row.errors),
                f"{rate.win_rate:.1%}" if rate is not None and known else "–",
                f"[{rate.lower:.1%}, {rate.upper:.1%}]" if rate is not None and known else "–",
            )
        )
    lines = aligned(rows)
    if result.new_battles:
        lines.append(
            f"\n{result.new_battles} new battles in {result.seconds:.1f} s: {result.battles_per_second:.1f} battles/s, "
            f"{result.decisions_per_second:.0f} decisions/s"
        )
    else:
        lines.append("\nall of them were there already")
    lines.append(f"trajectories: {result.root}")
    return "\n".join(lines)
