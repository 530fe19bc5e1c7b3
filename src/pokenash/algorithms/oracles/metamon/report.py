"""What a fine-tuning is judged by: first of all whether it beats what it started from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["fine_tune_report"]

_SCHEMA = 1
_MEASURES = (
    "loss", "actor_loss", "policy_loss", "critic_loss", "filter", "advantage", "entropy", "gradient_norm", "divergence",
    "kl_to_old", "win_rate", "mean_reward",
)  # fmt: skip
_WORDS = {
    "better": "beats its base: the whole interval is above one half",
    "worse": "LOSES to its base: the whole interval is below one half",
    "undecided": "is neither better nor worse than its base for sure: the interval holds one half",
}


def fine_tune_report(
    log: Path,
    record: Mapping[str, Any],
    versus: Mapping[str, Any] | None,
    collection: Mapping[str, Any] | None = None,
    mixture: Mapping[str, float] | None = None,
    *,
    name: str = "the trained policy",
) -> tuple[dict[str, Any], str]:
    """The report of a fine-tuning, as a JSON-able dict and as text for people.

    Parameters
    ----------
    log : Path
        The training's ``fine_tune.jsonl``.
    record : mapping
        Its ``fine_tune.json``: the reward, and how many trajectories of which sources were learned from.
    versus : mapping, optional
        What `head_to_head` gave; None where the new policy did not play its start.
    collection : mapping, optional
        What `collect_trajectories` gave.
    mixture : mapping of str to float, optional
        Probabilities of the opponent's members.
    name : str
        Of the new policy, where `versus` does not tell it.

    Returns
    -------
    report : dict
        ``verdict`` is ``"better"``, ``"worse"`` or ``"undecided"``, by the interval of ``head_to_head``, and
        ``"unknown"`` without one.
    text : str
    """
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    measures = {
        name: _ends([float(entry[name]) for entry in lines])
        for name in _MEASURES
        if lines and all(name in entry for entry in lines)
    }
    if versus is None:
        verdict, summary = "unknown", f"{name} was not played against its base: whether it is better is not known"
    else:
        verdict = _verdict(versus)
        summary = f"{versus['policy']} {_WORDS[verdict]} ({_rate(versus)} against {versus['base']})"
    report = {
        "schema": _SCHEMA,
        "summary": summary,
        "verdict": verdict,
        "head_to_head": None if versus is None else dict(versus),
        "reward": record["reward"],
        "trajectories": record["trajectories"],
        "skipped_files": record["skipped_files"],
        "sources": record["data"]["sources"],
        "steps": lines[-1]["step"] if lines else 0,
        "measures": measures,
        "collection": None if collection is None else dict(collection),
        "opponent": None if mixture is None else dict(mixture),
    }
    return report, _text(report)


def _ends(values: list[float]) -> dict[str, float]:
    """Means of the first and the last tenth."""
    part = max(1, len(values) // 10)
    return {"first": float(np.mean(values[:part])), "last": float(np.mean(values[-part:]))}


def _verdict(versus: Mapping[str, Any]) -> str:
    lower, upper = versus["lower"], versus["upper"]
    if lower is None or lower <= 0.5 <= upper:
        return "undecided"
    return "better" if lower > 0.5 else "worse"


def _rate(counts: Mapping[str, Any]) -> str:
    if not counts["battles"]:
        return "no battle counted"
    return (
        f"{100 * counts['win_rate']:.1f}% of {counts['battles']} battles, "
        f"{100 * counts['level']:.0f}% interval {100 * counts['lower']:.1f}% to {100 * counts['upper']:.1f}%"
    )


def _text(report: Mapping[str, Any]) -> str:
    sources = "".join(f"\n  {source['root']}: weight {source['weight']:.3g}" for source in report["sources"])
    measures = "".join(
        f"\n  {name}: {values['first']:.4g} in the first tenth, {values['last']:.4g} in the last"
        for name, values in report["measures"].items()
    )
    text = (
        f"{report['summary']}\n\n"
        "Fresh paired battles against the policy that the training started from are what counts: losses may fall, and\n"
        "heuristics be beaten, while a fine-tuning loses strength.\n\n"
        f"Reward of all data and of the policy: {report['reward']}\n"
        f"{report['trajectories']} trajectories; misnamed or damaged and not used: {report['skipped_files']}{sources}\n"
    )
    collection = report["collection"]
    if collection is not None:
        text += (
            f"Fresh battles of {collection['policy']} against {collection['opponent']}: "
            f"{_rate(collection['win_rate'])}\n"
        )
    if report["opponent"] is not None:
        members = ", ".join(f"{name} {weight:.3f}" for name, weight in report["opponent"].items())
        text += f"The opponent's members: {members}\n"
    return f"{text}{report['steps']} steps{measures}\n"
