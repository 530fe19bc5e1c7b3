"""Two random players battle on Pokémon Showdown: PettingZoo's AEC loop.

python examples/play_random.py
python examples/play_random.py --format gen9ou --seed 3 --replay battle.html
"""

from __future__ import annotations

import argparse

from pokenash.games import showdown_v0


def main() -> None:
    """Play one battle, telling it in words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", default="gen1ou", help="any singles format with teams or random teams")
    parser.add_argument("--seed", type=int, default=0, help="fixes the teams, the battle and both players")
    parser.add_argument("--replay", help="write Showdown's replay page to this file")
    settings = parser.parse_args()

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

    if settings.replay:
        env.save_replay(settings.replay)
        print(f"Replay: {settings.replay}")
    env.close()


if __name__ == "__main__":
    main()
