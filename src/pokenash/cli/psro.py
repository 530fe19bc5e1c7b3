"""``pokenash psro``: PSRO on Showdown battles."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pokenash.cli.output import aligned, mixture_text
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.algorithms.psro_result import PSROIteration, PSROResult

__all__ = ["run"]

_DESCRIPTION = (
    "PSRO on Showdown battles: tournament, meta-strategy, best response, fresh evaluation, and again. A run that was "
    "interrupted goes on when the same command is given again."
)


def run(arguments: Sequence[str]) -> None:
    """Run or go on with a run, then write its report and print its table."""
    from pokenash.experiments.psro_settings import PRESETS, PSROSettings
    from pokenash.experiments.report import write_report

    settings = command_settings(PSROSettings, arguments, command="psro", description=_DESCRIPTION, presets=PRESETS)
    result = settings.run(
        progress=sys.stderr.isatty(),
        on_begin=lambda directory: save_settings(directory, settings),
        on_iteration=_tell,
    )
    path = write_report(settings.output)
    print(_table(result))
    print(f"\nreport: {path}")


def _entries(iteration: PSROIteration) -> list[dict[str, Any]]:
    """What the summary says of every best response of an iteration."""
    if iteration.summary is None:
        return []
    entries: list[dict[str, Any]] = iteration.summary.get("best_responses", [iteration.summary["best_response"]])
    return entries


def _tell(iteration: PSROIteration) -> None:
    """One line for people when an iteration is done."""
    mixture = mixture_text([spec.name for spec in iteration.population], iteration.meta_strategy.tolist())
    text = f"iteration {iteration.iteration}: mixture {mixture}"
    for entry in _entries(iteration):
        fresh = entry["fresh_evaluation"]
        text += (
            f"; {entry['name']} beats it in {fresh['win_rate']:.1%} "
            f"[{fresh['lower']:.1%}, {fresh['upper']:.1%}] of {fresh['battles']} fresh battles"
        )
    logging.getLogger("pokenash").info(text)


def _table(result: PSROResult) -> str:
    """The run in a few lines."""
    header = ("iteration", "best response", "battles", "won/drawn/lost", "win rate against its mixture", "95% interval")
    rows = [header]
    entries = [(iteration, entry) for iteration in result.iterations for entry in _entries(iteration)]
    for iteration, best_response in entries:
        fresh = best_response["fresh_evaluation"]
        rows.append(
            (
                str(iteration.iteration),
                best_response["name"],
                str(fresh["battles"]),
                f"{fresh['wins']}/{fresh['draws']}/{fresh['losses']}",
                f"{fresh['win_rate']:.1%}",
                f"[{fresh['lower']:.1%}, {fresh['upper']:.1%}]",
            )
        )
    lines = aligned(rows)
    last = result.iterations[-1]
    value = last.analysis["restricted_nash_conv"]
    lines += [
        "",
        f"final mixture: {mixture_text([spec.name for spec in result.population], result.meta_strategy.tolist())}",
        (
            f"restricted nash_conv (posterior): {value['posterior_mean']:.3f} "
            f"[{value['lower']:.3f}, {value['upper']:.3f}] among {len(result.population)} policies"
        ),
    ]
    return "\n".join(lines)
