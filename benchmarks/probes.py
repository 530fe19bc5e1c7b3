"""Makes the probes that come with pokenash: composes their positions, measures what their actions are worth, and writes
``src/pokenash/experiments/probes/data`` and ``benchmarks/results/probes.csv``.

    python benchmarks/probes.py --seed 20261121 --battles 2000

Each action's value is its win rate over seeded battles that both sides play on with the strong heuristic; where the
endgame is small, also the value of the enumerated game. A probe whose right plan is not shown to be the best by these
figures is left out. They are described in ``benchmarks/probes.json``.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from measuring import RESULTS, provenance, write_csv

from pokenash.experiments.probes.behaviour import ProbeDecision, probe_decisions, probe_game
from pokenash.experiments.probes.exact import solve_endgame
from pokenash.experiments.probes.probe import GROUPS, PROBE_SCHEMA, EndgameBounds, Probe, RolloutValues
from pokenash.experiments.probes.report import ROLLOUT_POLICY
from pokenash.experiments.probes.rollouts import Start, roll_out
from pokenash.games.showdown import Position
from pokenash.games.showdown.endgame import DAMAGE_ROLLS
from pokenash.policies import PolicySpec, load_policy

DESCRIPTIONS = Path(__file__).with_suffix(".json")
DATA = Path(__file__).parents[1] / "src/pokenash/experiments/probes/data"
TEAM = 6

_LOG = logging.getLogger("probes")


def side(described: Mapping[str, Any], sets: Mapping[str, Sequence[str]], fainted: Sequence[str]) -> tuple[str, Any]:
    """A team as export text, and its states: those that are described, after as many fainted ones as complete it."""
    alive = described["pokemon"]
    fill = [name for name in fainted if name not in alive][: TEAM - len(alive)]
    moves = {name: alive.get(name, {}).get("moves", sets.get(name)) for name in [*fill, *alive]}
    text = "\n\n".join("\n".join([name, *(f"- {move}" for move in own)]) for name, own in moves.items())
    states = {name: {key: value for key, value in one.items() if key != "moves"} for name, one in alive.items()}
    return text, {name: {"hp": 0} for name in fill} | states


def compose(one: Mapping[str, Any], sets: Mapping[str, Sequence[str]], fainted: Sequence[str]) -> Probe:
    """A probe without its measurements."""
    (team, states), (other_team, other_states) = (side(described, sets, fainted) for described in one["sides"])
    position = Position.compose(
        (team, other_team),
        (one["sides"][0]["active"], one["sides"][1]["active"]),
        (states, other_states),
        turn=one.get("turn", 40),
        name=one["name"],
        description=one["title"],
    )
    words = {key: one[key] for key in ("name", "group", "title", "plan", "why")}
    return Probe(**words, position=position, right=tuple(one["right"]), rollouts=RolloutValues(ROLLOUT_POLICY, 0, {}))


def rollouts(asked: Sequence[ProbeDecision], battles: int, seed: int, workers: int) -> list[RolloutValues]:
    """The value of every action by playing on."""
    game = probe_game([one.probe for one in asked])
    pair = [load_policy(PolicySpec(ROLLOUT_POLICY, ROLLOUT_POLICY), game) for _ in range(2)]
    starts = [Start(one.probe.position.name, 0, action) for one in asked for action in one.words]
    begin = time.perf_counter()
    rates = iter(roll_out(game, starts, (pair[0], pair[1]), battles=battles, seed=seed, num_workers=workers))
    _LOG.info("%d battles in %.0f s", battles * len(starts), time.perf_counter() - begin)
    return [RolloutValues(ROLLOUT_POLICY, seed, {word: next(rates) for word in one.words.values()}) for one in asked]


def endgame(probe: Probe, settings: Mapping[str, Any]) -> EndgameBounds:
    """What the enumerated endgame says, in win rates."""
    value = solve_endgame(probe.position, **settings)
    bounds = zip(value.actions, value.action_low, value.action_high, strict=True)
    return EndgameBounds(
        low=(1 + value.low) / 2,
        high=(1 + value.high) / 2,
        actions={word: ((1 + low) / 2, (1 + high) / 2) for word, low, high in bounds},
        exact=value.exact,
        damage_rolls=settings.get("damage_rolls") or DAMAGE_ROLLS,
        num_states=value.num_states,
    )


def rows(probe: Probe) -> list[dict[str, Any]]:
    """One row of the table per action."""
    found = []
    for word, rate in sorted(probe.rollouts.actions.items(), key=lambda pair: -(pair[1].win_rate or 0)):
        low, high = (None, None) if probe.endgame is None else probe.endgame.actions[word]
        found.append(
            {
                "probe": probe.name,
                "group": probe.group,
                "action": word,
                "right": int(word in probe.right),
                "wins": rate.wins,
                "draws": rate.draws,
                "losses": rate.losses,
                "win_rate": round(rate.win_rate or 0, 4),
                "lower": round(rate.lower or 0, 4),
                "upper": round(rate.upper or 0, 4),
                "endgame_low": "" if low is None else round(low, 6),
                "endgame_high": "" if high is None else round(high, 6),
                "endgame_exact": "" if probe.endgame is None else int(probe.endgame.exact),
                "endgame_states": "" if probe.endgame is None else probe.endgame.num_states,
                "endgame_damage_rolls": "" if probe.endgame is None else probe.endgame.damage_rolls,
            }
        )
    return found


def main() -> None:
    """Measure, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--battles", type=int, default=2000, help="per action")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print the figures and write nothing")
    parser.add_argument("--only", nargs="*", help="names of probes; implies --dry")
    parser.add_argument("--no-endgames", action="store_true", help="implies --dry")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    described = json.loads(DESCRIPTIONS.read_text(encoding="utf-8"))
    wanted = [one for one in described["probes"] if not arguments.only or one["name"] in arguments.only]
    asked = probe_decisions_of(wanted, described)
    probes = []
    for one, found, values in zip(
        wanted, asked, rollouts(asked, arguments.battles, arguments.seed, arguments.workers), strict=True
    ):
        bounds = None
        if "endgame" in one and not arguments.no_endgames:
            begin = time.perf_counter()
            bounds = endgame(found.probe, one["endgame"])
            _LOG.info("%s: %d states in %.0f s", one["name"], bounds.num_states, time.perf_counter() - begin)
        probes.append(Probe(**{**vars(found.probe), "rollouts": values, "endgame": bounds}))
    table = [row for probe in probes for row in rows(probe)]
    for row in table:
        _LOG.info("%s", "  ".join(str(value) for value in row.values()))
    for probe in probes:
        if probe.proof is None:
            _LOG.warning("left out, because its plan is not shown to be the best: %s", probe.name)
    probes = [probe for probe in probes if probe.proof is not None]
    table = [row for probe in probes for row in rows(probe)]
    if arguments.dry or arguments.only or arguments.no_endgames:
        return
    write_csv("probes", table)
    (RESULTS / "probes.md").write_text(provenance(arguments.seed), encoding="utf-8")
    for group in GROUPS:
        own = [probe.to_json() for probe in probes if probe.group == group]
        text = json.dumps({"schema": PROBE_SCHEMA, "probes": own}, indent=1, ensure_ascii=False)
        (DATA / f"{group}.json").write_text(text + "\n", encoding="utf-8")


def probe_decisions_of(wanted: Sequence[Mapping[str, Any]], described: Mapping[str, Any]) -> list[ProbeDecision]:
    """The described probes and what they ask, after the check that the right actions are legal."""
    composed = [compose(one, described["sets"], described["fainted"]) for one in wanted]
    return probe_decisions(probe_game(composed), composed)


if __name__ == "__main__":
    main()
