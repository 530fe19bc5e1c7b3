"""The command line: ``pokenash psro`` runs PSRO on Showdown battles, ``pokenash report`` makes a run's report again,
``pokenash metamon`` fetches what metamon's models need.

Whatever cannot be used (an unknown format, a damaged run, a full disk) is one sentence on standard error and exit
code 2.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pokenash
from pokenash.errors import PokenashError

if TYPE_CHECKING:
    from pokenash.algorithms.psro_result import PSROIteration, PSROResult

__all__ = ["main"]

_USAGE = """usage: pokenash [--version] COMMAND [OPTIONS]

commands:
  psro      find, train and add best responses on Showdown battles (pokenash psro --help)
  report    make the report of a run again (pokenash report --help)
  metamon   metamon's vocabularies and models (pokenash metamon --help)
"""
_EXIT_INPUT, _EXIT_INTERRUPTED = 2, 130
_LOG_LEVELS = ("debug", "info", "warning", "error")


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


def _psro(arguments: Sequence[str]) -> None:
    # While torch's threads wait for each other the simulators want the cores; by default the wait is a busy one.
    # Must be set before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import tyro

    from pokenash.experiments.psro_settings import PRESETS, PSROSettings, preset
    from pokenash.experiments.report import write_report

    shared = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    shared.add_argument("--preset")
    shared.add_argument("--log-level", choices=_LOG_LEVELS, default="info")
    known, rest = shared.parse_known_args(arguments)
    chosen = PSROSettings() if known.preset is None else preset(known.preset)
    description = (
        "PSRO on Showdown battles: tournament, meta-strategy, best response, fresh evaluation, and again. A run that "
        "was interrupted goes on when the same command is given again.\n\n"
        f"--preset {{{','.join(PRESETS)}}} sets the defaults; "
        f"--log-level {{{','.join(_LOG_LEVELS)}}} says how much is told."
    )
    settings = tyro.cli(PSROSettings, args=rest, default=chosen, prog="pokenash psro", description=description)
    _follow_logging(known.log_level)
    result = settings.run(progress=sys.stderr.isatty(), on_iteration=_tell)
    path = write_report(settings.output)
    print(_table(result))
    print(f"\nreport: {path}")


def _report(arguments: Sequence[str]) -> None:
    import tyro

    from pokenash.experiments.report import write_report

    settings = tyro.cli(_Report, args=arguments, prog="pokenash report", config=(tyro.conf.PositionalRequiredArgs,))
    print(write_report(settings.run, settings.title))


def _metamon(arguments: Sequence[str]) -> None:
    from pokenash.metamon.registry import PUBLISHED
    from pokenash.metamon.vocabularies import VOCABULARIES, fetch_vocabulary

    parser = argparse.ArgumentParser(prog="pokenash metamon", description="metamon's vocabularies and models.")
    commands = parser.add_subparsers(dest="command", required=True)
    fetch = commands.add_parser(
        "fetch-vocabulary", help="download a vocabulary from metamon's repository, if it is not there already"
    )
    fetch.add_argument("name", help=f"one of {', '.join(VOCABULARIES)}")
    fetch.add_argument("--directory", type=Path, help="where to put it; by default the user's cache")
    fetch.add_argument("--url", help="a mirror's address of the file; its SHA-256 must be the pinned one")
    commands.add_parser("models", help="list the published models that can be played by name")
    chosen = parser.parse_args(arguments)
    if chosen.command == "fetch-vocabulary":
        print(fetch_vocabulary(chosen.name, chosen.directory, chosen.url))
        return
    rows = [("model", "folder", "epoch", "observation space", "action space", "vocabulary", "reward")]
    for model in PUBLISHED.values():
        interface = (model.observation_space, model.action_space, model.tokenizer, model.reward)
        rows.append((model.name, model.folder, str(model.checkpoint), *interface))
    print("\n".join(_aligned(rows)))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of a table whose first row is the header."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return lines


def _follow_logging(level: str) -> None:
    """What the library logs goes to standard error, with the time of day."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logger = logging.getLogger("pokenash")
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False


def _mixture(names: Sequence[str], probabilities: Sequence[float]) -> str:
    shown = sorted(((p, name) for name, p in zip(names, probabilities, strict=True) if p >= 5e-4), reverse=True)
    return ", ".join(f"{p:.1%} {name}" for p, name in shown)


def _entries(iteration: PSROIteration) -> list[dict[str, Any]]:
    """What the summary says of every best response of an iteration."""
    if iteration.summary is None:
        return []
    entries: list[dict[str, Any]] = iteration.summary.get("best_responses", [iteration.summary["best_response"]])
    return entries


def _tell(iteration: PSROIteration) -> None:
    """One line for people when an iteration is done."""
    mixture = _mixture([spec.name for spec in iteration.population], iteration.meta_strategy.tolist())
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
    lines = _aligned(rows)
    last = result.iterations[-1]
    value = last.analysis["restricted_nash_conv"]
    lines += [
        "",
        f"final mixture: {_mixture([spec.name for spec in result.population], result.meta_strategy.tolist())}",
        (
            f"restricted nash_conv (posterior): {value['posterior_mean']:.3f} "
            f"[{value['lower']:.3f}, {value['upper']:.3f}] among {len(result.population)} policies"
        ),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code: 0, 2 for input that cannot be used, 130 after Ctrl-C.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"psro": _psro, "report": _report, "metamon": _metamon}
    if arguments in (["--version"], ["-V"]):
        print(f"pokenash {pokenash.__version__}")
        return 0
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return 0 if arguments else _EXIT_INPUT
    if arguments[0] not in commands:
        print(f"pokenash: unknown command {arguments[0]!r}; expected one of: {', '.join(commands)}", file=sys.stderr)
        return _EXIT_INPUT
    try:
        commands[arguments[0]](arguments[1:])
    except PokenashError as error:
        print(f"pokenash: error: {error}", file=sys.stderr)
        return _EXIT_INPUT
    except OSError as error:
        # Such as a full disk where no part of the package could say more.
        print(f"pokenash: error: {error.strerror or error}: {error.filename or 'no file named'}", file=sys.stderr)
        return _EXIT_INPUT
    except KeyboardInterrupt:
        print("pokenash: interrupted; the same command goes on from here", file=sys.stderr)
        return _EXIT_INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
