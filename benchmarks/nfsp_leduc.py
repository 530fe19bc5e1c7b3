"""Neural fictitious self-play on Leduc poker: how fast it is against OpenSpiel's, and how far it comes.

    python benchmarks/nfsp_leduc.py --parts speed
    python benchmarks/nfsp_leduc.py --parts curve --seeds 1 --openspiel-minutes 5

``speed``: both play and learn in turn, slices of the same number of episodes, so that both are equally far when they
are timed. OpenSpiel's agents have the settings of its example ``nfsp_leduc_pytorch.py``: two learners, 128 hidden
units, batches of 128, plain SGD, learning every 64 of an agent's steps, of which each episode's end is one. pokenash's
learners have the same, and learn every 42 decisions, which makes no fewer steps per episode; both counts are printed.
One thread each.

``curve``: exact nash_conv over time with the settings that learn fastest here, and where ``--openspiel-minutes`` is
given, that of OpenSpiel's example. The uniform policy's nash_conv is 4.7472.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from curves import draw_curves
from measuring import machine, markdown_table, provenance, write_csv, write_page
from open_spiel.python import rl_environment
from open_spiel.python.pytorch import nfsp as openspiel_nfsp

from pokenash.algorithms.exact import nash_conv
from pokenash.algorithms.nfsp import NFSP, AverageSettings, BestResponseSettings, NFSPRound, NFSPSettings
from pokenash.games.openspiel import OpenSpielGame, information_states
from pokenash.policies.network_settings import MLPSettings

WANTED = 0.8
"""nash_conv, within the time that is given by default."""
EPISODES_PER_ROUND = 2000
"""So that a slice is a whole number of rounds."""

EQUAL_WORK = NFSPSettings(
    rounds=10**6,
    episodes_per_round=EPISODES_PER_ROUND,
    learn_every=42,
    best_response=BestResponseSettings(learning_rate=0.01, double_q=False, epsilon=0.06, final_epsilon=0.001),
    average=AverageSettings(learning_rate=0.01),
    network=MLPSettings((128,)),
    num_lanes=256,
)
LEARNING: dict[str, Any] = {"optimizer": "adam", "batch_size": 512, "final_learning_rate": 0.05}
FASTEST = NFSPSettings(
    # They pass in a quarter of an hour or so; the learning rates and exploration fall over them.
    rounds=1500,
    episodes_per_round=10_000,
    shared=True,
    learn_every=256,
    best_response=BestResponseSettings(target_update_every=300, learning_rate=3e-3, **LEARNING),
    average=AverageSettings(learning_rate=2e-3, **LEARNING),
    network=MLPSettings((128,)),
    num_lanes=512,
)


class OpenSpielNFSP:
    """OpenSpiel's example, with a count of the steps of its networks."""

    def __init__(self) -> None:
        self.env = rl_environment.Environment("leduc_poker", players=2)
        size = self.env.observation_spec()["info_state"][0]
        self.agents = [
            openspiel_nfsp.NFSP(
                player, size, self.env.action_spec()["num_actions"], [128],
                reservoir_buffer_capacity=2_000_000, replay_buffer_capacity=200_000, anticipatory_param=0.1,
                batch_size=128, learn_every=64, min_buffer_size_to_learn=1000, rl_learning_rate=0.01,
                sl_learning_rate=0.01, optimizer_str="sgd", loss_str="mse", update_target_network_every=19_200,
                discount_factor=1.0, epsilon_decay_duration=20_000_000, epsilon_start=0.06, epsilon_end=0.001,
            )
            for player in range(2)
        ]  # fmt: skip
        self.value_steps = self.average_steps = self.decisions = self.episodes = 0
        for agent in self.agents:
            agent._learn = self._counted(agent._learn, "average_steps")
            agent._rl_agent.learn = self._counted(agent._rl_agent.learn, "value_steps")

    def _counted(self, learn: Any, name: str) -> Any:
        def counting() -> Any:
            loss = learn()
            setattr(self, name, getattr(self, name) + (loss is not None))
            return loss

        return counting

    def play(self, episodes: int) -> None:
        """Play and learn, as the example does."""
        for _ in range(episodes):
            step = self.env.reset()
            while not step.last():
                output = self.agents[step.observations["current_player"]].step(step)
                step = self.env.step([output.action])
                self.decisions += 1
            for agent in self.agents:
                agent.step(step)
        self.episodes += episodes

    def nash_conv(self, game: OpenSpielGame) -> float:
        """Of the average policies, asked at every information state at once."""
        states = information_states(game)
        table = np.zeros(states.action_mask.shape)
        for player, agent in enumerate(self.agents):
            rows = states.player == player
            with torch.no_grad():
                scores = agent._avg_network(torch.from_numpy(states.observation[rows]))
                scores = scores.masked_fill(~torch.from_numpy(states.action_mask[rows]), -1e9)
                table[rows] = torch.softmax(scores.double(), 1).numpy()
        return nash_conv(game, table)


class OwnNFSP:
    """pokenash's, with the same work per episode."""

    def __init__(self, game: OpenSpielGame) -> None:
        self.nfsp = NFSP(game, EQUAL_WORK, seed=1)
        self.steps = 0.0
        self.decisions = self.episodes = 0

    def play(self, episodes: int) -> None:
        """Play and learn; a whole number of rounds."""
        until = self.nfsp.round + episodes // EPISODES_PER_ROUND

        def count(nfsp: NFSP, entry: NFSPRound) -> bool:
            self.steps = entry.steps * len(nfsp.learners)
            self.decisions, self.episodes = entry.decisions, entry.episodes
            return nfsp.round == until

        self.nfsp.run(count)


def speed(game: OpenSpielGame, slices: int, episodes: int) -> list[dict[str, Any]]:
    """Alternate slices of both; one row per implementation, medians over the slices."""
    theirs, own = OpenSpielNFSP(), OwnNFSP(game)
    # Until the memories are full enough to learn from.
    warm_up = 4 * EPISODES_PER_ROUND
    theirs.play(warm_up)
    own.play(warm_up)
    rates: dict[str, list[float]] = {"OpenSpiel": [], "pokenash": []}
    before = {
        "OpenSpiel": (theirs.value_steps, theirs.average_steps, theirs.decisions),
        "pokenash": (own.steps, own.steps, own.decisions),
    }
    for _ in range(slices):
        for name, player in (("OpenSpiel", theirs), ("pokenash", own)):
            start = time.perf_counter()
            player.play(episodes)
            rates[name].append(episodes / (time.perf_counter() - start))
    after = {
        "OpenSpiel": (theirs.value_steps, theirs.average_steps, theirs.decisions),
        "pokenash": (own.steps, own.steps, own.decisions),
    }
    rows = []
    for name, measured in rates.items():
        made = [(late - early) / (slices * episodes) for early, late in zip(before[name], after[name], strict=True)]
        rows.append(
            {
                "implementation": name,
                "episodes_per_second": statistics.median(measured),
                "value_steps_per_episode": made[0],
                "average_steps_per_episode": made[1],
                "decisions_per_episode": made[2],
                "ratio": statistics.median(measured) / statistics.median(rates["OpenSpiel"]),
            }
        )
    return rows


def curve(game: OpenSpielGame, settings: NFSPSettings, minutes: float, seed: int) -> list[dict[str, Any]]:
    """Exact nash_conv of the average policy as it learns; the time excludes its computation."""
    rows: list[dict[str, Any]] = []
    start, spent = time.perf_counter(), 0.0
    every = minutes * 60 / 60

    def measure(nfsp: NFSP, entry: NFSPRound) -> bool:
        nonlocal spent
        now = time.perf_counter()
        seconds = now - start - spent
        last = rows[-1]["seconds"] if rows else 0.0
        over = seconds >= minutes * 60
        if seconds - last >= every or over:
            value = nash_conv(game, nfsp.average_policy())
            rows.append(_point("pokenash", seed, seconds, entry.episodes, entry.decisions, value))
            print(f"seed {seed}: {seconds:6.0f} s, {entry.episodes:9d} episodes, nash_conv {value:.3f}", flush=True)
            spent += time.perf_counter() - now
        return over

    NFSP(game, settings, seed=seed).run(measure)
    return rows


def openspiel_curve(game: OpenSpielGame, minutes: float) -> list[dict[str, Any]]:
    """The same of OpenSpiel's example."""
    theirs, rows, seconds = OpenSpielNFSP(), [], 0.0
    while seconds < minutes * 60:
        start = time.perf_counter()
        theirs.play(2000)
        seconds += time.perf_counter() - start
        value = theirs.nash_conv(game)
        rows.append(_point("OpenSpiel", 42, seconds, theirs.episodes, theirs.decisions, value))
        print(f"OpenSpiel: {seconds:6.0f} s, {theirs.episodes:9d} episodes, nash_conv {value:.3f}", flush=True)
    return rows


def _point(name: str, seed: int, seconds: float, episodes: int, decisions: int, value: float) -> dict[str, Any]:
    return {
        "implementation": name,
        "seed": seed,
        "seconds": round(seconds, 1),
        "episodes": episodes,
        "decisions": decisions,
        "nash_conv": value,
    }


def draw(rows: Sequence[dict[str, Any]], wanted: float) -> None:
    """Curves over the time on the wall as ``docs/_static/nfsp_leduc.svg``."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        label = f"pokenash, seed {row['seed']}" if row["implementation"] == "pokenash" else "OpenSpiel's example"
        curves.setdefault(label, []).append((row["seconds"] / 60, row["nash_conv"]))
    title = "NFSP on Leduc poker"
    draw_curves("nfsp_leduc", {title: curves}, x_label="minutes", wanted={title: wanted})


def last_points(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where each seed of pokenash's ends."""
    return list({row["seed"]: row for row in points if row["implementation"] == "pokenash"}.values())


def thinned(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """About half a dozen points of every curve, its last one among them."""
    chosen = []
    for key in dict.fromkeys((row["implementation"], row["seed"]) for row in points):
        own = [row for row in points if (row["implementation"], row["seed"]) == key]
        chosen += own[:: -max(1, len(own) // 6)][::-1]
    return [{**row, "seconds": round(row["seconds"]), "nash_conv": f"{row['nash_conv']:.3f}"} for row in chosen]


def main() -> None:
    """Measure the parts that were asked for and write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=["speed", "curve"], default=["speed", "curve"])
    parser.add_argument("--slices", type=int, default=7)
    parser.add_argument("--episodes", type=int, default=4000, help=f"per slice, a multiple of {EPISODES_PER_ROUND}")
    parser.add_argument("--minutes", type=float, default=30.0, help="of every curve, at most")
    parser.add_argument("--openspiel-minutes", type=float, default=0.0, help="of OpenSpiel's curve; 0 for none")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    arguments = parser.parse_args()
    if arguments.episodes < 1 or arguments.episodes % EPISODES_PER_ROUND:
        parser.error(f"--episodes: expected a multiple of {EPISODES_PER_ROUND}, got {arguments.episodes}")
    torch.set_num_threads(1)
    game = OpenSpielGame("leduc_poker")
    if "speed" in arguments.parts:
        rows = speed(game, arguments.slices, arguments.episodes)
        write_csv("nfsp_speed", [{**row, "machine": machine()} for row in rows])
        columns = [column for column in rows[0] if column != "machine"]
        write_page("nfsp_speed", markdown_table(rows, columns), provenance(1))
        print(markdown_table(rows, columns))
    if "curve" in arguments.parts:
        points = [row for seed in arguments.seeds for row in curve(game, FASTEST, arguments.minutes, seed)]
        points += openspiel_curve(game, arguments.openspiel_minutes)
        write_csv("nfsp_leduc", [{**row, "machine": machine()} for row in points])
        draw(points, WANTED)
        write_page("nfsp_leduc", markdown_table(thinned(points), list(points[0])), provenance(arguments.seeds))
        if any(row["nash_conv"] > WANTED for row in last_points(points)):
            raise SystemExit(f"a curve ends above a nash_conv of {WANTED}")


if __name__ == "__main__":
    main()
