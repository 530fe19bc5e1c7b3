"""``pokenash filter``: chooses among trajectories, and says what it dropped and why."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.filtering import FilterResult

__all__ = ["run"]

_DESCRIPTION = (
    "A new root with those trajectories that all rules keep; without rules, those that can be read. The roots that are "
    "read stay as they are. A filter that was interrupted goes on when the same command is given again."
)


def run(arguments: Sequence[str]) -> None:
    """Choose, then print how many were dropped for which reason."""
    from pokenash.experiments.filtering_settings import FilterSettings

    settings = command_settings(FilterSettings, arguments, command="filter", description=_DESCRIPTION)
    result = settings.run(progress=sys.stderr.isatty())
    save_settings(settings.output, settings)
    print(_table(result))


def _table(result: FilterResult) -> str:
    """The filter in a few lines."""
    rows = [("trajectories", "files", "share")]
    counts = {"read": result.read, "kept": result.kept, **{f"dropped: {k}": n for k, n in result.dropped.items()}}
    rows += [(name, str(number), f"{number / result.read:.1%}") for name, number in counts.items()]
    lines = aligned(rows)
    lines.append(f"\nkept: {result.wins} wins, {result.kept - result.wins} losses and ties")
    lines.append(f"{result.root} (every dropped file, with its reason: {result.root / 'dropped.jsonl'})")
    return "\n".join(lines)
