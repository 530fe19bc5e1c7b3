"""What it costs that no action of metamon's maps to generation 1's pseudo-move ``fight``.

A sleeping, frozen or trapped Pokémon is offered only that move. With the faithful battle backend a policy can then only
switch, and where it cannot, a random order is played; ``poke-env-0.8.3-fight`` lets any move index mean it. Here a
heuristic plays itself: both sides see the same battle and may choose only what metamon's actions can say, one side
with each backend. Seeds, teams and seats are paired.

    python benchmarks/metamon_fight.py --battles 2000

The measured difference is the heuristic's; a network that learnt with the faithful backend may have learnt to live
with it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
from measuring import machine, markdown_table, provenance, write_csv, write_page
from numpy.typing import NDArray

from pokenash.algorithms.intervals import wilson_interval
from pokenash.arena import Arena, paired_matches
from pokenash.games.core import Decisions
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.seat import Seat
from pokenash.policies import PolicySpec, load_policy
from pokenash.policies.core import DecisionRandom, Policy

FAITHFUL, MAPPED = "poke-env-0.8.3", "poke-env-0.8.3-fight"


class ThroughMetamon(Policy):
    """A policy that may choose only what metamon's actions can say."""

    needs_text = True

    def __init__(self, policy: Policy, game: ShowdownGame, backend: str) -> None:
        self._policy, self._game, self._backend = policy, game, backend
        self._space = get_action_space("MinimalActionSpace")
        self.decisions = self.narrowed = self.unsaid = 0

    def initial_memory(self, num_lanes: int) -> dict[str, Any]:
        return {"own": self._policy.initial_memory(num_lanes), "seats": {}}

    def act(self, decisions: Decisions, memory: dict[str, Any], rng: DecisionRandom) -> NDArray[np.int64]:
        assert decisions.text is not None
        mask = decisions.action_mask.copy()
        for row in range(len(decisions)):
            key = int(decisions.lane[row]), int(decisions.player[row])
            if decisions.decision[row] == 0:
                memory["seats"][key] = Seat(key[1], self._game.format, self._backend)
            seat = memory["seats"][key]
            seat.feed(decisions.text[row].splitlines())
            said = [seat.action(index) for index in seat.view.legal(self._space)]
            allowed = np.zeros(mask.shape[1], np.bool_)
            allowed[[action for action in said if action is not None]] = True
            self.decisions += 1
            if not (allowed & mask[row]).any():
                # The original sends a random order.
                self.unsaid += 1
                legal = np.flatnonzero(mask[row])
                allowed[legal[int(rng.uniform(decisions, stream=77)[row, 0] * len(legal))]] = True
            self.narrowed += bool((mask[row] & ~allowed).any())
            mask[row] &= allowed
        return self._policy.act(replace(decisions, action_mask=mask), memory["own"], rng)


def measure(kind: str, battles: int, seed: int) -> dict[str, Any]:
    """A heuristic with the mapped backend against itself with the faithful one."""
    game = ShowdownGame("gen1ou")
    sides = [ThroughMetamon(load_policy(PolicySpec(kind, kind), game), game, name) for name in (MAPPED, FAITHFUL)]
    with Arena(game, num_lanes=64) as arena:
        results = arena.play(sides, paired_matches(game, [(0, 1)], battles, seed), seed=seed)
    earned = np.array([r.result.returns[r.match.policies.index(0)] for r in results if r.counted])
    wins, losses = int((earned > 0).sum()), int((earned < 0).sum())
    draws = len(earned) - wins - losses
    low, high = wilson_interval(wins + draws / 2, len(earned))
    return {
        "policy": kind,
        "battles": len(earned),
        "wins": wins,
        "draws": draws,
        "losses": losses,
        "win_rate": f"{(wins + draws / 2) / len(earned):.1%}",
        "interval": f"[{low:.1%}, {high:.1%}]",
        "decisions_narrowed_by_the_faithful_backend": f"{sides[1].narrowed / sides[1].decisions:.1%}",
        "random_orders": f"{sides[1].unsaid / sides[1].decisions:.2%}",
    }


def main() -> None:
    """Play, print, and write ``results/metamon_fight.csv`` and ``.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--battles", type=int, default=2000, help="of each policy")
    parser.add_argument("--policies", nargs="+", default=["gen1ou_heuristic", "type_aware", "max_power"])
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = []
    for kind in arguments.policies:
        rows.append(measure(kind, arguments.battles, arguments.seed))
        print(rows[-1], flush=True)
    write_csv("metamon_fight", [{**row, "seed": arguments.seed, "machine": machine()} for row in rows])
    write_page("metamon_fight", markdown_table(rows, list(rows[0])), provenance(arguments.seed))


if __name__ == "__main__":
    main()
