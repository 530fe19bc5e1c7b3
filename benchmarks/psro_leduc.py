"""PSRO on Leduc poker: wall time to a `nash_conv` of 0.7 with exact best responses, against OpenSpiel's ``psro_v2``.

    python benchmarks/psro_leduc.py --parts exact --limit 240
    python benchmarks/psro_leduc.py --parts oracles --limit 240

Both start from the uniform policy, keep a population for each seat, add exact best responses of both seats in every
iteration, and solve the population's game for a Nash equilibrium. OpenSpiel estimates payoffs by as many simulations
per entry as its example does (1000), and, to its favour, by fewer; it also runs with exact payoffs in place of its
simulations, computed by OpenSpiel's own C++. Its time is that of its iterations alone: the `nash_conv` by which the
end is seen is not counted. That of pokenash counts everything: enumerating the game, writing policies to disk, and
the exact `nash_conv` of every iteration.

``oracles`` follows both with oracles that learn from games, payoffs being played too, for the same time. OpenSpiel's is
the DQN of its example ``psro_v2_example.py`` with the settings there, except that it trains on 1,000 episodes an
iteration, which is its oracle's default, instead of 10,000, and plays 100 simulations per entry instead of 1,000: both
let it make more iterations in the time. The `nash_conv` of both is exact and its computation not timed.

Needs the extra ``bench``: ``psro_v2`` solves with cvxpy and ecos. Its learning oracles
need JAX, the extra ``bench-jax``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from curves import draw_curves
from measuring import markdown_table, provenance, write_csv, write_page

from pokenash.algorithms import PSRO
from pokenash.algorithms.exact_game import exact_nash_conv
from pokenash.algorithms.exploitability import ppo_attempts, tabular_attempts
from pokenash.algorithms.nash import equilibrium_vertex
from pokenash.algorithms.oracles import Oracle
from pokenash.algorithms.oracles.exact_oracle import ExactOracle
from pokenash.algorithms.sequence_form import sequence_form
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies import PolicySpec

GAME = "leduc_poker"
GOAL = 0.7
UNIFORM = PolicySpec("uniform", "uniform")
# Leduc poker pays up to 13; most games pay less.
RETURN_SCALE = 5.0
DQN_EPISODES = 1000
DQN_SIMULATIONS = 100


def pokenash_curve(oracle: Oracle, limit: float, seed: int, **settings: Any) -> Iterator[tuple[float, float]]:
    """Seconds and `nash_conv` of each iteration's mixture."""
    start = time.perf_counter()
    game = OpenSpielGame(GAME)
    psro = PSRO(game, [UNIFORM], oracle, iterations=1000, symmetric=False, seed=seed, **settings)
    spent = 0.0
    with psro:
        for state in psro.states():
            seconds = time.perf_counter() - start - spent
            known = state.analysis.get("exact_nash_conv")
            value = exact_nash_conv(game, state.mixture()) if known is None else known
            # What only the benchmark wants to know is not part of the run.
            spent += time.perf_counter() - start - spent - seconds if known is None else 0.0
            yield seconds, value
            if seconds > limit:
                return


def exact_responder(game: Any) -> tuple[Any, list[Any]]:
    """OpenSpiel's exact best responses, and the policies that ``psro_v2`` begins with."""
    from open_spiel.python import policy
    from open_spiel.python.algorithms.psro_v2 import best_response_oracle

    return best_response_oracle.BestResponseOracle(game=game), [policy.TabularPolicy(game) for _ in range(2)]


def dqn_responder(game: Any) -> tuple[Any, list[Any]]:
    """The same with OpenSpiel's DQN, as in its example."""
    from open_spiel.python import rl_environment
    from open_spiel.python.algorithms.psro_v2 import rl_oracle, rl_policy

    env = rl_environment.Environment(game)
    settings = {
        "state_representation_size": env.observation_spec()["info_state"][0],
        "num_actions": env.action_spec()["num_actions"],
        "hidden_layers_sizes": [256] * 4,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "update_target_network_every": 1000,
        "learn_every": 10,
        "optimizer_str": "adam",
    }
    agents = [rl_policy.DQNPolicy(env, player, **settings) for player in range(2)]
    for agent in agents:
        agent.freeze()
    return rl_oracle.RLOracle(env, rl_policy.DQNPolicy, settings, number_training_episodes=DQN_EPISODES), agents


def openspiel_curve(
    sims_per_entry: int | None, limit: float, seed: int, responder: Callable[[Any], tuple[Any, list[Any]]]
) -> Iterator[tuple[float, float]]:
    """The same of ``psro_v2``; without simulations, payoffs are exact."""
    import pyspiel
    from open_spiel.python import policy
    from open_spiel.python.algorithms.psro_v2 import psro_v2

    class Solver(psro_v2.PSROSolver):  # type: ignore[misc]
        """Payoffs computed by OpenSpiel's expected returns, if no simulations are asked for."""

        def sample_episodes(self, policies: list[Any], num_episodes: int) -> Any:
            if sims_per_entry is not None:
                return super().sample_episodes(policies, num_episodes)
            tables = [pyspiel_policy(one) for one in policies]
            return np.array(pyspiel.expected_returns(self._game.new_initial_state(), tables, -1, True))

    converted: dict[int, tuple[Any, Any]] = {}

    def pyspiel_policy(one: Any) -> Any:
        if id(one) not in converted:
            table = policy.tabular_policy_from_callable(game, lambda state: one.action_probabilities(state))
            converted[id(one)] = one, policy.python_policy_to_pyspiel_policy(table)
        return converted[id(one)][1]

    form = sequence_form(OpenSpielGame(GAME))
    states = [state for state in policy.TabularPolicy(pyspiel.load_game(GAME)).states if not state.is_chance_node()]
    row = {name: index for index, name in enumerate(form.states.strings)}
    plans: dict[tuple[int, int], tuple[Any, Any]] = {}

    def plan(one: Any, player: int) -> Any:
        """Realisation plan of a policy of OpenSpiel's in a seat: for the `nash_conv`, which is not timed."""
        if (id(one), player) not in plans:
            probabilities = np.zeros(form.states.action_mask.shape)
            for state in states:
                if state.current_player() == player:
                    for action, probability in one.action_probabilities(state).items():
                        probabilities[row[state.information_state_string()], action] = probability
            plans[id(one), player] = one, form.plan_of(probabilities, player)
        return plans[id(one), player][1]

    np.random.seed(seed)  # noqa: NPY002
    start = time.perf_counter()
    game = pyspiel.load_game(GAME)
    with contextlib.redirect_stdout(io.StringIO()):
        oracle, agents = responder(game)
        solver = Solver(
            game, oracle, initial_policies=agents, training_strategy_selector="probabilistic", rectifier="",
            sims_per_entry=sims_per_entry or 1, number_policies_selected=1, meta_strategy_method="nash",
            sample_from_marginals=True, symmetric_game=False,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    while seconds < limit:
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            solver.iteration()
        seconds += time.perf_counter() - begin
        mixed = [
            sum(weight * plan(one, player) for one, weight in zip(policies, weights, strict=True))
            for player, (policies, weights) in enumerate(
                zip(solver.get_policies(), solver.get_meta_strategies(), strict=True)
            )
        ]
        yield seconds, form.nash_conv(*mixed)


def draw(name: str, rows: list[dict[str, Any]]) -> None:
    """The curves as ``docs/_static/NAME.svg``."""
    runs = dict.fromkeys(row["run"] for row in rows)
    curves = {run: [(row["seconds"], row["nash_conv"]) for row in rows if row["run"] == run] for run in runs}
    draw_curves(name, {"Leduc poker": curves}, x_scale="log", wanted={"Leduc poker": GOAL})


def follow(name: str, curve: Iterator[tuple[float, float]], goal: float, seed: int) -> list[dict[str, Any]]:
    """The curve down to the goal, as rows."""
    rows: list[dict[str, Any]] = []
    for iteration, (seconds, value) in enumerate(curve):
        rows.append({"run": name, "seed": seed, "iteration": iteration, "seconds": seconds, "nash_conv": value})
        print(f"{name:32} iteration {iteration:3} {seconds:8.2f} s  nash_conv {value:.3f}", flush=True)
        if value <= goal:
            break
    return rows


def exact(limit: float, seed: int, simulations: list[int]) -> None:
    """Time to the goal with exact best responses."""
    runs = {"pokenash": pokenash_curve(ExactOracle(), limit, seed, meta_solver=equilibrium_vertex, payoffs="exact")}
    runs["psro_v2, exact payoffs"] = openspiel_curve(None, limit, seed, exact_responder)
    for games in simulations:
        runs[f"psro_v2, {games} simulations"] = openspiel_curve(games, limit, seed, exact_responder)
    rows = [row for name, curve in runs.items() for row in follow(name, curve, GOAL, seed)]
    write_csv("psro_leduc_exact", rows)
    draw("psro_leduc_exact", rows)
    last = {row["run"]: row for row in rows}
    ours = last["pokenash"]["seconds"]
    table = [
        {
            "run": name,
            "iterations": row["iteration"],
            "seconds": row["seconds"],
            "nash_conv": f"{row['nash_conv']:.3f}",
            "reached": "yes" if row["nash_conv"] <= GOAL else "not yet",
            "pokenash's_time_/_its_time": f"{'' if row['nash_conv'] <= GOAL else '< '}{ours / row['seconds']:.4f}",
        }
        for name, row in last.items()
    ]
    text = markdown_table(table, list(table[0]))
    print(text)
    write_page("psro_leduc_exact", text, provenance(seed))


def oracles(limit: float, seed: int) -> None:
    """The curves of oracles that learn, for the same time."""
    played = {"battles_per_matchup": 2000, "evaluation_battles": 2000, "num_lanes": 512, "meta_solver": "nash"}
    made = {
        "pokenash, tabular, 100,000 games": tabular_attempts((100_000,))[0].oracle,
        "pokenash, PPO, 40,960 games": ppo_attempts((40_960,), return_scale=RETURN_SCALE)[0].oracle,
    }
    runs = {name: pokenash_curve(oracle, limit, seed, **played) for name, oracle in made.items()}
    theirs = f"psro_v2, DQN, {DQN_EPISODES:,} games"
    runs[theirs] = openspiel_curve(DQN_SIMULATIONS, limit, seed, dqn_responder)
    rows = [row for name, curve in runs.items() for row in follow(name, curve, 0.0, seed)]
    write_csv("psro_leduc_oracles", rows)
    draw("psro_leduc_oracles", rows)
    shares = (1 / 8, 1 / 4, 1 / 2, 1)
    table = []
    for name in runs:
        own = [row for row in rows if row["run"] == name]
        values = {f"after_{share * limit:.0f}_s": _value_at(own, share * limit) for share in shares}
        table.append({"run": name, "iterations": own[-1]["iteration"], **values})
    text = markdown_table(table, list(table[0]))
    print(text)
    write_page("psro_leduc_oracles", text, provenance(seed))


def _value_at(rows: list[dict[str, Any]], seconds: float) -> str:
    """The `nash_conv` that a run had by then; nothing if its first iteration took longer."""
    before = [row["nash_conv"] for row in rows if row["seconds"] <= seconds]
    return f"{before[-1]:.3f}" if before else "none yet"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=("exact", "oracles"), default=["exact", "oracles"])
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each run")
    parser.add_argument("--simulations", nargs="*", type=int, default=[100, 1000], help="per entry, of psro_v2")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if "exact" in arguments.parts:
        exact(arguments.limit, arguments.seed, arguments.simulations)
    if "oracles" in arguments.parts:
        oracles(arguments.limit, arguments.seed)


if __name__ == "__main__":
    main()
