"""``pokenash doctor``: what is installed, whether it works, and what is missing for which feature."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from pokenash.cli.diagnosis import Diagnosis, Finding, diagnose
from pokenash.cli.output import aligned

__all__ = ["run"]


def run(arguments: Sequence[str]) -> None:
    """Say what was found.

    Raises
    ------
    SystemExit
        With code 1 if something that is needed is missing or broken.
    """
    chosen = _parser().parse_args(arguments)
    diagnosis = diagnose(accelerator=chosen.accelerator)
    print(json.dumps(diagnosis.as_json(), indent=2) if chosen.json else "\n".join(_lines(diagnosis)))
    if not diagnosis.healthy:
        raise SystemExit(1)


def _parser() -> argparse.ArgumentParser:
    # Not tyro as the other commands: it may be what is missing.
    parser = argparse.ArgumentParser(
        prog="pokenash doctor",
        description="Versions, Node, the simulator, the accelerator, and what is missing for which feature. Nothing is "
        "fetched. Exit code 1 if something that is needed is missing or broken.",
    )
    parser.add_argument("--json", action="store_true", help="for programs, and for reports of bugs")
    parser.add_argument("--accelerator", action="store_true", help="import torch and ask what it can compute on")
    return parser


def _lines(diagnosis: Diagnosis) -> list[str]:
    lines = _table("needed", diagnosis.parts)
    lines += ["", *_table("Python package", diagnosis.packages)]
    rows = [("feature", "state", "for", "found, or how to get it")]
    rows += [(one.name, one.state, one.purpose, _found_or_remedy(one)) for one in diagnosis.features]
    lines += ["", *aligned(rows)]
    if diagnosis.variables:
        lines += ["", *aligned([("variable", "value"), *diagnosis.variables.items()])]
    if diagnosis.healthy:
        return [*lines, "", "Everything that is needed is there and works."]
    return [*lines, "", "Missing or broken, and needed: " + ", ".join(one.name for one in diagnosis.broken) + "."]


def _found_or_remedy(finding: Finding) -> str:
    return f"{finding.found}; {finding.remedy}" if finding.remedy else finding.found


def _table(head: str, findings: Sequence[Finding]) -> list[str]:
    return aligned([(head, "state", "found"), *((one.name, one.state, _found_or_remedy(one)) for one in findings)])
