"""The report of probes: every policy's actions in every probe beside what they are worth: JSON and one HTML page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pokenash.errors import InputError
from pokenash.experiments.probes.behaviour import Behaviour, ProbeDecision, probe_decisions, probe_game, probe_policy
from pokenash.experiments.probes.probe import Probe, RolloutValues
from pokenash.experiments.probes.rollouts import Start, roll_out
from pokenash.experiments.run_directory import write_bytes
from pokenash.games.showdown import ShowdownGame
from pokenash.policies.core import Policy
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["ROLLOUT_POLICY", "ProbeReport", "run_probes", "write_probe_report"]

REPORT_SCHEMA = 1
ROLLOUT_POLICY = "gen1ou_heuristic"
"""Who plays on in rollouts, on both sides."""


@dataclass(frozen=True)
class ProbeReport:
    """What some policies do in some probes.

    Parameters
    ----------
    probes : tuple of Probe
    behaviours : tuple of Behaviour
        Policy by policy, each in the order of the probes.
    seed : int
    """

    probes: tuple[Probe, ...]
    behaviours: tuple[Behaviour, ...]
    seed: int

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies, members of mixtures included, in order."""
        return tuple(dict.fromkeys(one.policy for one in self.behaviours))

    def of(self, probe: str) -> tuple[Behaviour, ...]:
        """All policies' behaviour in one probe."""
        return tuple(one for one in self.behaviours if one.probe == probe)

    def mean_weight(self, policy: str) -> float:
        """Mean over the probes of a policy's weight on the right plan."""
        right = {probe.name: probe.right for probe in self.probes}
        weights = [one.on(right[one.probe]) for one in self.behaviours if one.policy == policy]
        return sum(weights) / len(weights)

    def mean_regret(self, policy: str) -> float:
        """Mean over the probes of what a policy loses in win rate against the best action."""
        values = {probe.name: probe.values for probe in self.probes}
        regrets = [one.regret(values[one.probe]) for one in self.behaviours if one.policy == policy]
        return sum(regrets) / len(regrets)

    def to_json(self) -> dict[str, Any]:
        """As a JSON-able dict, without the positions."""
        probes = []
        for probe in self.probes:
            data = probe.to_json()
            data["position"] = {"name": probe.position.name, "sha256": probe.position.sha256}
            data["values"] = {"kind": probe.value_kind, "win_rates": probe.values}
            data["policies"] = [_behaviour_json(one, probe) for one in self.of(probe.name)]
            probes.append(data)
        means = {
            name: {"weight_on_right": self.mean_weight(name), "regret": self.mean_regret(name)}
            for name in self.policies
        }
        return {"schema": REPORT_SCHEMA, "kind": "probes", "seed": self.seed, "policies": means, "probes": probes}


def run_probes(
    specs: Sequence[PolicySpec],
    probes: Sequence[Probe],
    *,
    draws: int = 256,
    rollouts: int = 0,
    seed: int = 0,
    num_workers: int = 1,
) -> ProbeReport:
    """Ask policies what they do in probes.

    Parameters
    ----------
    specs : sequence of PolicySpec
        A mixture is reported as a whole and member by member.
    probes : sequence of Probe
    draws : int
        For policies that cannot say their probabilities: how often each is asked.
    rollouts : int
        Battles per action by which its value is estimated anew, both sides played by `ROLLOUT_POLICY`. 0 for the
        figures that come with the probes.
    seed : int
        Of the draws and the rollouts.
    num_workers : int
        Simulator processes of the rollouts.

    Raises
    ------
    InputError
        If there is nothing to do, a number is out of range, or a policy cannot play the probes' format.
    """
    if not specs or not probes:
        raise InputError(f"probes: got {len(specs)} policies and {len(probes)} probes, expected at least one of each")
    if draws < 1 or rollouts < 0:
        raise InputError(f"probes: got {draws} draws and {rollouts} rollouts, expected at least 1 and 0")
    game = probe_game(probes)
    policies = [load_policy(spec, game) for spec in specs]
    asked = probe_decisions(game, probes)
    behaviours: list[Behaviour] = []
    for spec, policy in zip(specs, policies, strict=True):
        behaviours += probe_policy(spec.name, policy, asked, draws=draws, seed=seed)
    if rollouts:
        asked = _valued(game, asked, rollouts, seed, num_workers)
    return ProbeReport(tuple(one.probe for one in asked), tuple(behaviours), seed)


def _valued(
    game: ShowdownGame, asked: Sequence[ProbeDecision], battles: int, seed: int, num_workers: int
) -> list[ProbeDecision]:
    """The probes with values by fresh rollouts."""
    pair = [_rollout_policy(game) for _ in range(2)]
    starts = [Start(one.probe.position.name, one.probe.player, action) for one in asked for action in one.words]
    rates = roll_out(game, starts, (pair[0], pair[1]), battles=battles, seed=seed, num_workers=num_workers)
    found = iter(rates)
    valued = []
    for one in asked:
        actions = {word: next(found) for word in one.words.values()}
        probe = replace(one.probe, rollouts=RolloutValues(ROLLOUT_POLICY, seed, actions))
        valued.append(replace(one, probe=probe))
    return valued


def _rollout_policy(game: ShowdownGame) -> Policy:
    return load_policy(PolicySpec(ROLLOUT_POLICY, ROLLOUT_POLICY), game)


def write_probe_report(report: ProbeReport, output: Path) -> Path:
    """Write ``probes.json`` and ``report.html`` to a directory, which is made if need be; returns the page's path.

    Raises
    ------
    RunDirectoryError
        If they cannot be written.
    """
    write_bytes(output / "probes.json", (json.dumps(report.to_json(), indent=1) + "\n").encode())
    # Names of policies come from files: everything is escaped.
    environment = Environment(
        loader=PackageLoader("pokenash.experiments"), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    page = environment.get_template("probes.html.j2").render(_page(report))
    write_bytes(output / "report.html", page.encode())
    return output / "report.html"


def _page(report: ProbeReport) -> dict[str, Any]:
    """What the template shows."""
    means = [
        {"name": name, "weight": f"{report.mean_weight(name):.1%}", "regret": f"{report.mean_regret(name):.3f}"}
        for name in report.policies
    ]
    return {"means": means, "probes": [_section(report, probe) for probe in report.probes], "seed": report.seed}


def _section(report: ProbeReport, probe: Probe) -> dict[str, Any]:
    words = sorted(probe.rollouts.actions, key=lambda word: -probe.values.get(word, 0.0))
    rows = []
    for one in report.of(probe.name):
        interval = one.interval(probe.right)
        rows.append(
            {
                "policy": one.policy,
                "weight": f"{one.weight:.1%}",
                "right": f"{one.on(probe.right):.1%}",
                "interval": "as it says" if interval is None else f"[{interval[0]:.1%}, {interval[1]:.1%}]",
                "draws": "" if one.draws is None else str(one.draws),
                "regret": f"{one.regret(probe.values):.3f}",
                "actions": [_share(one.probabilities.get(word, 0.0)) for word in words],
            }
        )
    values = [_value_row(probe, word) for word in words]
    endgame = None
    if probe.endgame is not None:
        endgame = {**vars(probe.endgame), "low": f"{probe.endgame.low:.4f}", "high": f"{probe.endgame.high:.4f}"}
    return {"probe": probe, "words": words, "rows": rows, "values": values, "endgame": endgame}


def _share(probability: float) -> str:
    return f"{probability:.1%}" if probability > 0 else ""


def _value_row(probe: Probe, word: str) -> dict[str, Any]:
    rate = probe.rollouts.actions[word]
    bounds = None if probe.endgame is None else probe.endgame.actions.get(word)
    return {
        "word": word,
        "right": word in probe.right,
        "rate": "" if rate.win_rate is None else f"{rate.win_rate:.3f}",
        "interval": f"[{rate.lower:.3f}, {rate.upper:.3f}]",
        "battles": rate.battles,
        "endgame": "" if bounds is None else _bounds_text(*bounds),
    }


def _bounds_text(low: float, high: float) -> str:
    return f"{low:.4f}" if high - low < 1e-4 else f"{low:.4f} to {high:.4f}"


def _behaviour_json(one: Behaviour, probe: Probe) -> dict[str, Any]:
    return {
        "policy": one.policy,
        "mixture_weight": one.weight,
        "draws": one.draws,
        "probabilities": dict(one.probabilities),
        "weight_on_right": one.on(probe.right),
        "interval": one.interval(probe.right),
        "regret": one.regret(probe.values),
    }
