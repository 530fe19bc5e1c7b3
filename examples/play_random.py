"""Two random players battle on Pokémon Showdown: PettingZoo's AEC loop.

    python examples/play_random.py
    python examples/play_random.py --format gen9ou --seed 3 --replay battle.html

There is no server: the battle runs in the simulator that came with pokenash.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from pokenash.games import showdown_v0


@dataclass
class Settings:
    """Which battle."""

    format: str = "gen1ou"
    """any singles format with teams or random teams"""
    seed: int = 0
    """of the teams, the battle and both players"""
    replay: Path | None = None
    """write Showdown's replay page to this file"""


def main(settings: Settings) -> None:
    """Play one battle, telling it in words."""
    env = showdown_v0.env(format=settings.format, render_mode="ansi")
    env.reset(seed=settings.seed)
    for number, agent in enumerate(env.agents):
        env.action_space(agent).seed(settings.seed + number)

    for agent in env.agent_iter():
        observation, reward, termination, truncation, info = env.last()

        if termination or truncation:
            action = None
            print(f"{agent}: reward {reward:+.0f} ({info['reason']} after {info['turns']} turns)")
        else:
            # This is where your policy would go.
            action = env.action_space(agent).sample(observation["action_mask"])

        env.step(action)
        if story := env.render():
            print(story)

    if settings.replay is not None:
        env.save_replay(settings.replay)
        print(f"Replay: {settings.replay}")
    env.close()


if __name__ == "__main__":
    main(tyro.cli(Settings))
