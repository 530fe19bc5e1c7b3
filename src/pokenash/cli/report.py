"""``pokenash report``: the report and the figures of whatever a command wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from pokenash.cli.options import parsed_options

__all__ = ["run"]


@dataclass(frozen=True)
class _Report:
    """Make the report and the figures of a directory: a run of psro, nfsp or selfplay, a training, an evaluation, a
    tournament, a search for best responses.

    Parameters
    ----------
    directory : Path
        As the command wrote it, finished or not.
    title : str, optional
        Heading of the page.
    """

    directory: Annotated[Positional[Path], arg(metavar="DIRECTORY")]
    title: str | None = None


def run(arguments: Sequence[str]) -> None:
    """Write the report and print where it is."""
    from pokenash.experiments.reports import write_any_report

    settings = parsed_options(_Report, arguments, command="report")
    print(write_any_report(settings.directory, settings.title))
