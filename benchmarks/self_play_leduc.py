"""Regularised self-play where the answer is known: how exploitable its policies are after how many minutes.

Leduc poker and liar's dice, several seeds each, one after the other. Every so many seconds `nash_conv` is computed
exactly for the last iterate, for the averaged weights, and for the time average; the clock of the curve runs on
meanwhile. The time average is named in advance as the policy that counts.

    python benchmarks/self_play_leduc.py                        # three seeds of 15 minutes each, both games
    python benchmarks/self_play_leduc.py --games leduc_poker --seeds 1 --minutes 2

The curves go to ``results/self_play_leduc.csv``, the table to ``results/self_play_leduc.md``. Exit status 1 if a seed
of Leduc poker ends above `--wanted`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro
from curves import draw_curves
from measuring import markdown_table, provenance, write_csv, write_page

from pokenash.algorithms.damping import DampingSettings, PowerLaw
from pokenash.algorithms.exact_game import exact_nash_conv
from pokenash.algorithms.self_play import AVERAGE, LAST, LOGITS, WEIGHTS, SelfPlay, SelfPlaySettings
from pokenash.games.openspiel import OpenSpielGame
from pokenash.policies.network_settings import MLPSettings

TITLES = {"leduc_poker": "Leduc poker", "liars_dice": "liar's dice"}

TRAINING = SelfPlaySettings(
    updates=10**6,
    episodes_per_update=4096,
    epochs=1,
    batch_size=4096,
    objective=LOGITS,
    gae_lambda=0.5,
    max_gradient_norm=10.0,
    # The magnet is the uniform policy, and the entropy's weight its strength: without a KL divergence from a network.
    damping=DampingSettings(PowerLaw(3e-3), PowerLaw(0.0), PowerLaw(0.2, 300, 0.5)),
    network=MLPSettings((128, 128)),
    weights_decay=0.99,
    average_members=80,
    num_lanes=4096,
    num_workers=1,
    checkpoint_every=100,
)


@dataclass
class Settings:
    """What is measured."""

    games: tuple[str, ...] = ("leduc_poker", "liars_dice")
    """games of OpenSpiel"""
    seeds: tuple[int, ...] = (1, 2, 3)
    """each is a training of its own"""
    minutes: float = 15.0
    """of each training, on the wall"""
    every: float = 60.0
    """seconds between measurements"""
    wanted: float = 0.4
    """nash_conv that Leduc poker shall reach"""
    threads: int = 2
    """threads of torch"""


class Curve:
    """Measures a training as it goes on.

    Parameters
    ----------
    training : SelfPlay
    every : float
        Seconds between measurements.
    about : mapping
        Goes into every row.
    """

    def __init__(self, training: SelfPlay, every: float, about: Mapping[str, Any]) -> None:
        self.rows: list[dict[str, Any]] = []
        self._training = training
        self._every = every
        self._about = about
        self._start = time.perf_counter()
        self._episodes = 0

    def on_update(self, entry: Mapping[str, Any]) -> None:
        """Take a line of the training's log, and measure when it is time."""
        self._episodes += entry["episodes"]
        if time.perf_counter() - self._start >= self._every * (len(self.rows) + 1):
            self.measure(entry)

    def measure(self, entry: Mapping[str, Any]) -> None:
        """Compute `nash_conv` of all three policies."""
        seconds = time.perf_counter() - self._start
        game, policies = self._training.game, self._training.policies()
        found = {f"nash_conv_{kind}": exact_nash_conv(game, policies[kind]) for kind in (LAST, WEIGHTS, AVERAGE)}
        shown = ("kl_to_old", "kl_to_reference", "learning_rate", "entropy_weight", "entropy")
        counts = {"seconds": seconds, "updates": entry["update"] + 1, "episodes": self._episodes}
        self.rows.append({**self._about, **counts, **found, **{name: entry[name] for name in shown}})
        print(", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in self.rows[-1].items()))


def train(name: str, seed: int, settings: Settings) -> list[dict[str, Any]]:
    """One training and its curve."""
    entries: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory() as directory:
        training_settings = replace(TRAINING, torch_threads=settings.threads)
        training = SelfPlay(OpenSpielGame(name), training_settings, Path(directory), seed=seed)
        curve = Curve(training, settings.every, {"game": name, "seed": seed})

        def on_update(entry: Mapping[str, Any]) -> None:
            entries[:] = [entry]
            curve.on_update(entry)

        training.run(seconds=60 * settings.minutes, on_update=on_update)
        curve.measure(entries[0])
    return curve.rows


def draw(rows: list[dict[str, Any]], wanted: float) -> None:
    """The time averages' curves as ``docs/_static/self_play_leduc.svg``, one panel for each game."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        curves = panels.setdefault(TITLES.get(row["game"], row["game"]), {})
        curves.setdefault(f"seed {row['seed']}", []).append((row["seconds"] / 60, row["nash_conv_average"]))
    draw_curves("self_play_leduc", panels, x_label="minutes", wanted={TITLES["leduc_poker"]: wanted})


def main(settings: Settings) -> None:
    """Train, print every measurement, and write the results."""
    rows, ends = [], []
    for name in settings.games:
        for seed in settings.seeds:
            curve = train(name, seed, settings)
            rows += curve
            ends.append({**curve[-1], "minutes": curve[-1]["seconds"] / 60})
            write_csv("self_play_leduc", rows)
    draw(rows, settings.wanted)
    columns = ["game", "seed", "minutes", "updates", "episodes", *(f"nash_conv_{k}" for k in (LAST, WEIGHTS, AVERAGE))]
    for end in ends:
        end |= {column: f"{end[column]:.3f}" for column in columns if column.startswith("nash_conv")}
    table = markdown_table(ends, columns)
    write_page("self_play_leduc", table, provenance(settings.seeds))
    print(table)
    missed = [end for end in ends if end["game"] == "leduc_poker" and float(end["nash_conv_average"]) > settings.wanted]
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main(tyro.cli(Settings))
