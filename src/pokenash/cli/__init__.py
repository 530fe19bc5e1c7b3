"""The command line: ``pokenash COMMAND``, one module of this package per command.

Whatever cannot be used (an unknown format, a damaged run, a full disk) is one sentence on standard error and exit
code 2.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import pokenash
from pokenash.errors import PokenashError

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "psro": "find, train and add best responses on Showdown battles",
    "nfsp": "train by neural fictitious self-play, on Showdown or a game with a known answer",
    "selfplay": "collect, filter, train and evaluate, for several generations",
    "exploit": "train best responses against a policy: what it can lose at least",
    "collect": "play battles and write them as trajectories",
    "filter": "choose trajectories, and say what was dropped and why",
    "train": "train a network on trajectories, fresh or from a checkpoint",
    "tournament": "play policies against each other, all pairs alike or where it tells most",
    "evaluate": "measure a policy against opponents that it has not seen",
    "ratings": "Bradley-Terry and Elo ratings of what was played",
    "probes": "ask policies for their plan in positions where the right one is known",
    "report": "make the report of a run again",
    "play": "play a policy or a run's mixture on a Showdown server",
    "sessions": "results of what was played on a server, with intervals",
    "server": "start a Showdown server on this machine",
    "teams": "list, fetch, validate and split team sets, and report win rates by team",
    "metamon": "metamon's vocabularies and models",
    "doctor": "what is installed, whether it works, and what is missing for which feature",
}
"""What each command does; the module of its name holds ``run(arguments)``."""

_GO_ON = ("psro", "nfsp", "selfplay", "exploit", "collect", "filter", "train", "tournament", "evaluate")
"""Commands that go on where they were interrupted when they are given again."""

_EXIT_INPUT, _EXIT_INTERRUPTED = 2, 130


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: pokenash [--version] COMMAND [OPTIONS]",
            "",
            "commands (pokenash COMMAND --help says more):",
            *lines,
            "",
        ]
    )


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
    if arguments in (["--version"], ["-V"]):
        print(f"pokenash {pokenash.__version__}")
        return 0
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage(), end="")
        return 0 if arguments else _EXIT_INPUT
    if arguments[0] not in COMMANDS:
        print(f"pokenash: unknown command {arguments[0]!r}; expected one of: {', '.join(COMMANDS)}", file=sys.stderr)
        return _EXIT_INPUT
    try:
        importlib.import_module(f"pokenash.cli.{arguments[0]}").run(arguments[1:])
    except PokenashError as error:
        print(f"pokenash: error: {error}", file=sys.stderr)
        return _EXIT_INPUT
    except OSError as error:
        # Such as a full disk where no part of the package could say more.
        print(f"pokenash: error: {error.strerror or error}: {error.filename or 'no file named'}", file=sys.stderr)
        return _EXIT_INPUT
    except KeyboardInterrupt:
        rest = "; the same command goes on from what was saved" if arguments[0] in _GO_ON else ""
        print(f"pokenash: interrupted{rest}", file=sys.stderr)
        return _EXIT_INTERRUPTED
    return 0
