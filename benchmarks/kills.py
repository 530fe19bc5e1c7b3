"""How often the tests kill what they test, and that all of it goes on: the tests below, run with every kill counted.

Counted is what the tests themselves send to other processes: SIGKILL, and SIGSTOP, after which a process hangs. What
the library sends (it ends its simulators with SIGKILL), and what processes send to themselves, is not. A kill counts as
survived when its test passes: the tests compare what is there afterwards with an undisturbed run.

    python benchmarks/kills.py
    python benchmarks/kills.py --slow

With ``--only`` some of the files are run, and the results of the others stay as they were.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from measuring import RESULTS, machine, markdown_table, provenance, write_csv, write_page

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "simulators in the middle of battles": "games/showdown/test_worker_faults.py",
    "simulators in battles from positions": "games/showdown/test_positions.py",
    "simulators that follow battles of a server": "games/showdown/test_following.py",
    "programs, whose simulators must end too": "games/showdown/test_orphans.py",
    "PSRO runs": "experiments/test_psro_kill.py",
    "evaluations": "experiments/test_evaluation.py",
    "self-play runs on small games": "algorithms/test_self_play.py",
    "the self-play loop": "experiments/test_self_play.py",
    "trainings": "experiments/test_training.py",
    "workers on Ray": "arena/test_ray.py",
    "tournaments, evaluations and PSRO on Ray": "experiments/test_on_ray.py",
    "collections on Ray": "experiments/test_collection_on_ray.py",
    "a node of a Ray cluster": "arena/test_ray_nodes.py",
    "servers with a hundred battles": "online/test_hundred_battles.py",
    "servers": "online/test_server.py",
}
"""What is killed, and the tests that do it."""
COUNTED = (signal.SIGKILL, signal.SIGSTOP)
LIBRARY = sysconfig.get_path("stdlib")


class Kills:
    """A pytest plugin that counts kills and outcomes by file."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.hangs: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._file = ""

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Which test is next."""
        self._file = nodeid.partition("::")[0]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """How a test ended; its set-up and its end count if they fail."""
        if report.when == "call" or not report.passed:
            self.outcomes[report.nodeid.partition("::")[0], report.outcome] += 1

    def watch(self, send: Callable[[int, int], None]) -> Callable[[int, int], None]:
        """A function that sends signals, counting those that a test asks for."""

        def sending(process: int, number: int) -> None:
            if number in COUNTED and _asked_by_a_test():
                (self.kills if number == signal.SIGKILL else self.hangs)[self._file] += 1
            send(process, number)

        return sending


def _asked_by_a_test() -> bool:
    """Whether the innermost caller beyond Python's own library is a test."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(LIBRARY) and frame.f_back:
        if "site-packages" in frame.f_code.co_filename:
            return False
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(str(ROOT / "tests"))


def main() -> None:
    """Run the tests, and write ``results/kills.csv`` and ``kills.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", action="store_true", help="the slow tests too")
    parser.add_argument("--only", nargs="+", help="files whose names contain one of these")
    parser.add_argument("--no-results", action="store_true", help="print, and leave benchmarks/results alone")
    arguments = parser.parse_args()
    files = {
        what: f"tests/{file}"
        for what, file in TESTS.items()
        if (ROOT / "tests" / file).exists() and any(part in file for part in arguments.only or [""])
    }
    plugin, before = Kills(), (os.kill, os.killpg)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.kill, os.killpg = plugin.watch(os.kill), plugin.watch(os.killpg)
    start = time.perf_counter()
    try:
        options = ["-m", "slow or not slow"] if arguments.slow else []
        code = pytest.main(["-q", "-p", "no:randomly", *options, *files.values()], plugins=[plugin])
    finally:
        os.kill, os.killpg = before
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        sys.exit(f"pytest ended with {code!r}: nothing was counted")
    rows: list[dict[str, Any]] = [
        {
            "what is killed": what,
            "tests passed": plugin.outcomes[file, "passed"],
            "failed": plugin.outcomes[file, "failed"],
            "kills": plugin.kills[file],
            "made to hang": plugin.hangs[file],
            "file": f"`{file}`",
            "machine": machine(),
        }
        for what, file in files.items()
    ]
    print(markdown_table(rows, list(rows[0])), f"{time.perf_counter() - start:.0f} s, exit status {code}")
    if not arguments.no_results:
        write_results(rows)


def write_results(rows: list[dict[str, Any]]) -> None:
    """Write the rows, with those of the files that were run by an earlier call."""
    path = RESULTS / "kills.csv"
    earlier: list[dict[str, Any]] = []
    if path.exists():
        with path.open(encoding="utf-8") as file:
            earlier = [{k: int(v) if v.isdigit() else v for k, v in row.items()} for row in csv.DictReader(file)]
    found = {row["what is killed"]: row for row in [*earlier, *rows]}
    told = [found[what] for what in TESTS if what in found]
    write_csv("kills", told)
    counted = [row for row in told if row["kills"] + row["made to hang"]]
    sums = {name: sum(row[name] for row in counted) for name in ("tests passed", "failed", "kills", "made to hang")}
    table = [*counted, {"what is killed": "together", **sums, "file": ""}]
    write_page("kills", markdown_table(table, ["what is killed", *sums, "file"]), provenance())


if __name__ == "__main__":
    main()
