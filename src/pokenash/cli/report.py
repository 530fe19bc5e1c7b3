"""``pokenash report``: makes the report and the figures of a run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["run"]


@dataclass(frozen=True)
class _Report:
    """Make the report and the figures of a run again.

    Parameters
    ----------
    run : Path
        Run directory.
    title : str, optional
        Heading of the page.
    """

    run: Path
    title: str | None = None


def run(arguments: Sequence[str]) -> None:
    """Write the report again and print where it is."""
    import tyro

    from pokenash.experiments.report import write_report

    settings = tyro.cli(_Report, args=arguments, prog="pokenash report", config=(tyro.conf.PositionalRequiredArgs,))
    print(write_report(settings.run, settings.title))
