"""``pokenash evaluate``: measures a policy against opponents that it has not seen."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.evaluation_result import EvaluationResult

__all__ = ["run"]

_DESCRIPTION = (
    "Fresh battles of a policy, or of a run's mixture, against opponents that were not in its population. Every drawn "
    "start is played both ways. An evaluation that was interrupted goes on when the same command is given again; more "
    "battles, a narrower width and further opponents extend it."
)


def run(arguments: Sequence[str]) -> None:
    """Play or go on, then write the report and print the table."""
    from pokenash.experiments.evaluation_report import write_evaluation_report
    from pokenash.experiments.evaluation_settings import EvaluationSettings

    settings = command_settings(EvaluationSettings, arguments, command="evaluate", description=_DESCRIPTION)
    result = settings.run(
        progress=sys.stderr.isatty(), on_look=_tell, on_begin=lambda directory: save_settings(directory, settings)
    )
    path = write_evaluation_report(settings.output)
    print(_table(result))
    print(f"\nreport: {path}")


def _tell(result: EvaluationResult) -> None:
    """One line for people after a look."""
    battles = sum(row.score.battles for row in result.opponents)
    widest = max(result.opponents, key=lambda row: row.score.width)
    logging.getLogger("pokenash").info(
        "%d battles; widest interval against %s: %.3f", battles, widest.name, widest.score.width
    )


def _percents(lower: float | None, upper: float | None) -> str:
    return "–" if lower is None or upper is None else f"[{lower:.1%}, {upper:.1%}]"


def _table(result: EvaluationResult) -> str:
    """The evaluation in a few lines; whatever number stands here says what it rests on."""
    from pokenash.experiments.evaluation_report import POOL_REMARK, SCALE_REMARK

    level = f"{result.opponents[0].score.level:.0%}"
    rows = [("opponent", "battles", "won/drawn/lost", "score", f"{level} interval")]
    for row in result.opponents:
        score = row.score
        rows.append(
            (
                row.name,
                str(score.battles),
                f"{score.wins}/{score.draws}/{score.losses}",
                "–" if score.score is None else f"{score.score:.1%}",
                _percents(*row.bounds(result.interval)),
            )
        )
    lines = aligned(rows)
    left_out = sum(row.left_out for row in result.opponents)
    if left_out:
        lines.append(f"left out: {left_out} battles that ended with an error, or whose partner did")
    when = "holds at any time" if result.interval == "any time" else "number of battles fixed before"
    lines.append(f"score: a draw is half a win; interval over pairs of battles, {when}")
    if result.pool is not None:
        pool = result.pool
        members = ", ".join(f"{row.name} {row.weight:.0%}" for row in result.opponents)
        lines.append(
            f"\nGXE {pool.score:.1%} {_percents(pool.lower, pool.upper)}: expected score over the pool "
            f"({members}; {pool.battles} battles)"
        )
        lines.append(POOL_REMARK)
    if result.scale is not None:
        scale = result.scale
        lines.append(
            f"rating {scale.rating:.0f} [{scale.lower:.0f}, {scale.upper:.0f}] from {scale.battles} battles against "
            f"{', '.join(scale.anchors)} ({result.scale_about})"
        )
        lines.append(SCALE_REMARK)
    else:
        lines.append(f"no rating: {result.scale_refusal}")
    return "\n".join(lines)
