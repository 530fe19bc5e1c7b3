"""``pokenash probes``: asks policies for their plan in positions where the right one is known."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from pokenash.cli.output import aligned
from pokenash.cli.settings import command_settings, save_settings

if TYPE_CHECKING:
    from pokenash.experiments.probes.report import ProbeReport

__all__ = ["run"]

_DESCRIPTION = "Ask policies for their plan in positions where the right one is known."


@dataclass(frozen=True)
class _Probes:
    """Ask policies for their plan in positions where the right one is known.

    Parameters
    ----------
    policies : tuple of str
        Kinds such as type_aware, poke_env:SimpleHeuristicsPlayer or metamon:SyntheticRLV2, .safetensors checkpoints,
        populations' .json files, or run directories, whose mixtures are reported by member.
    output : Path, optional
        Directory for probes.json and report.html. Default: the table alone.
    probes : Path, optional
        File of probes instead of those that come with pokenash.
    group : tuple of str
        Only these groups (sleep, sacrifice, recharge, freeze, endgame). Default: all.
    rollouts : int
        Battles per action by which values are estimated anew; 0 for the figures that come with the probes.
    draws : int
        How often a policy is asked that cannot say its probabilities.
    seed : int
        Of draws and rollouts.
    workers : int
        Simulator processes of the rollouts.
    """

    policies: Annotated[Positional[tuple[str, ...]], arg(metavar="POLICIES")]
    output: Path | None = None
    probes: Path | None = None
    group: tuple[str, ...] = field(default_factory=tuple)
    rollouts: int = 0
    draws: int = 256
    seed: int = 0
    workers: int = 1


def run(arguments: Sequence[str]) -> None:
    """Ask, print the table, and write the report where one is wanted."""
    from pokenash.errors import InputError
    from pokenash.experiments.probes import load_probes, run_probes, write_probe_report
    from pokenash.policies.sources import policy_specs

    settings = command_settings(_Probes, arguments, command="probes", description=_DESCRIPTION)
    probes = load_probes(settings.probes)
    unknown = sorted(set(settings.group) - {probe.group for probe in probes})
    if unknown:
        known = ", ".join(dict.fromkeys(probe.group for probe in probes))
        raise InputError(f"--group: there is no {', '.join(unknown)}; expected some of {known}")
    report = run_probes(
        policy_specs(settings.policies),
        [probe for probe in probes if not settings.group or probe.group in settings.group],
        draws=settings.draws,
        rollouts=settings.rollouts,
        seed=settings.seed,
        num_workers=settings.workers,
    )
    for line in _tables(report):
        print(line)
    if settings.output is not None:
        save_settings(settings.output, settings)
        print(f"\nreport: {write_probe_report(report, settings.output)}")
    sys.stdout.flush()


def _tables(report: ProbeReport) -> list[str]:
    """Each probe with its values and what the policies do; the means last."""
    lines: list[str] = []
    for probe in report.probes:
        values = sorted(probe.values.items(), key=lambda pair: -pair[1])
        shown = ", ".join(f"{word} {value:.3f}" for word, value in values)
        lines += [f"{probe.name} ({probe.group}): {probe.plan}", f"  win rates ({probe.value_kind}): {shown}"]
        rows = [["policy", "right plan", "95% interval", "regret", "actions"]]
        for one in report.of(probe.name):
            interval = one.interval(probe.right)
            taken = sorted(((p, word) for word, p in one.probabilities.items() if p >= 5e-4), reverse=True)
            rows.append(
                [
                    one.policy,
                    f"{one.on(probe.right):.1%}",
                    "" if interval is None else f"[{interval[0]:.1%}, {interval[1]:.1%}]",
                    f"{one.regret(probe.values):.3f}",
                    ", ".join(f"{p:.1%} {word}" for p, word in taken),
                ]
            )
        lines += [*(f"  {line}" for line in aligned(rows)), ""]
    rows = [["policy", "right plan", "regret"]]
    rows += [[name, f"{report.mean_weight(name):.1%}", f"{report.mean_regret(name):.3f}"] for name in report.policies]
    return [*lines, *aligned(rows)]
