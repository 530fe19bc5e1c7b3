"""``pokenash selfplay``: a metamon network plays itself, learns from it, is measured, and again."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.self_play_generation import Generation
    from pokenash.experiments.self_play_result import SelfPlayResult

__all__ = ["run"]

_DESCRIPTION = (
    "Self-play in generations: collect, filter, train, evaluate, and again, with damping or without. A loop that was "
    "interrupted goes on when the same command is given again; more generations extend it."
)


def run(arguments: Sequence[str]) -> None:
    """Run or go on with a loop, then write its report and print its table."""
    from pokenash.experiments.self_play_report import write_self_play_report
    from pokenash.experiments.self_play_settings import PRESETS, SelfPlayRunSettings

    settings = command_settings(
        SelfPlayRunSettings, arguments, command="selfplay", description=_DESCRIPTION, presets=PRESETS
    )
    result = settings.run(
        progress=sys.stderr.isatty(),
        on_begin=lambda directory: save_settings(directory, settings),
        on_generation=_tell,
    )
    path = write_self_play_report(settings.output)
    print(_table(result))
    print(f"\nreport: {path}\npolicies: {settings.output / 'population.json'}")


def _tell(generation: Generation) -> None:
    """One line for people when a generation is done."""
    met = generation.summary["against"][0]
    logging.getLogger("pokenash").info(
        "%s against the start: %s %s of %d battles", generation.policy.name, *_score(met), met["battles"]
    )


def _table(result: SelfPlayResult) -> str:
    """The loop in a few lines."""
    rows = [("policy", "rating", "interval", "against the start", "interval", "refused", "KL", "entropy")]
    for row in result.rows:
        met = row.get("against_start")
        rows.append(
            (
                row["policy"],
                f"{row['rating']:+.0f}",
                "–" if met is None else f"[{row['rating_lower']:+.0f}, {row['rating_upper']:+.0f}]",
                *_score(met),
                *(_number(row.get(name), form) for name, form in _SHOWN.items()),
            )
        )
    about = "against the start: a draw is half a win; interval over pairs of battles, one start from both seats"
    return "\n".join([*aligned(rows), about])


def _score(met: Mapping[str, Any] | None) -> tuple[str, str]:
    """A score and its interval; neither for the start, nor where no battle counts."""
    if met is None or met["score"] is None:
        return "–", "–"
    return f"{met['score']:.1%}", f"[{met['lower']:.1%}, {met['upper']:.1%}]"


_SHOWN = {"refused_rate": ".1%", "divergence": ".4f", "entropy": ".3f"}


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
