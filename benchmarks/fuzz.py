"""Mangled protocol against everything that reads a server: how many inputs were tried, and what became of them.

Whatever is no clear refusal (a crash, a hang, an error of another class, a battle that notices the others) ends the
run with its traceback.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import markdown_table, provenance, write_csv, write_page

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.security import test_follower, test_play_client, test_readers
from tests.security.mangling import FORMATS

COLUMNS = ("what reads", "format", "battles", "updates", "refused", "failed", "seconds")


def main() -> None:
    """Try all readers and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--battles", type=int, default=2000, help="mangled battles of each format and reader")
    parser.add_argument("--seed", type=int, default=2026)
    settings = parser.parse_args()
    # Every refusal is logged, and there are thousands.
    logging.disable(logging.CRITICAL)
    rows: list[dict[str, Any]] = []
    for format in FORMATS:
        for name, fuzz, battles in (
            ("the trackers", test_follower.fuzz, settings.battles),
            ("metamon's view", test_readers.fuzz_view, settings.battles),
            ("a poke-env member behind the trackers", test_readers.fuzz_poke_env, settings.battles // 4),
        ):
            began = time.perf_counter()
            counts = fuzz(format, battles, settings.seed)
            rows.append({"what reads": name, "format": format, **counts, "seconds": time.perf_counter() - began})
            print(rows[-1], flush=True)
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        counts = test_play_client.fuzz_session(Path(directory) / "session", settings.battles // 8, settings.seed)
        row = {"what reads": "pokenash play, every fourth battle untouched", "format": "gen1ou"}
        rows.append({**row, **counts, "refused": counts["given up"], "seconds": time.perf_counter() - began})
        print(rows[-1], flush=True)
    write_csv("fuzz", rows)
    note = (
        "An update is what a server tells before a decision. Refused: updates (for the play client, battles) that were "
        "answered with an error of ours; the others were read as far as they made sense. Failed: decisions at which a "
        "policy of poke-env's raised; only that battle was given up."
    )
    write_page("fuzz", markdown_table(rows, COLUMNS), note, "", provenance(settings.seed))


if __name__ == "__main__":
    main()
