"""OpenSpiel's own DQN agent on one of pokenash's games, measured with pokenash.

    python examples/openspiel_agent.py
    python examples/openspiel_agent.py --game showdown --episodes 200

OpenSpiel's agent needs the package dm-tree.

One agent per seat learns to beat uniform random play. On an OpenSpiel game its value is then compared with that of the
exact best response; on Showdown it plays fresh battles. Takes ten seconds on Leduc poker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import tyro
from open_spiel.python.pytorch.dqn import DQN

from pokenash.algorithms import WinRate
from pokenash.arena import Arena, paired_matches
from pokenash.games import Game
from pokenash.games.openspiel import OpenSpielGame
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import Uniform
from pokenash.policies.openspiel_agents import AgentPolicy, RLEnvironment


@dataclass
class Settings:
    """What is played, and for how long."""

    game: str = "leduc_poker"
    """a game of OpenSpiel, or "showdown" """
    format: str = "gen1randombattle"
    """battle format, with --game showdown"""
    episodes: int = 4000
    """of learning, for each seat"""
    battles: int = 200
    """of evaluation, with --game showdown"""
    hidden: int = 64
    """units of the two hidden layers"""
    learning_rate: float = 1e-3
    """of Adam"""
    seed: int = 1
    """of everything"""


def learn(environment: RLEnvironment, seat: int, settings: Settings) -> Any:
    """Train an agent for one seat against uniform random play."""
    num_actions = environment.action_spec()["num_actions"]
    agent = DQN(
        seat,
        environment.observation_spec()["info_state"][0],
        num_actions,
        [settings.hidden, settings.hidden],
        learning_rate=settings.learning_rate,
        optimizer_str="adam",
        update_target_network_every=200,
        weight_update_coeff=0.0,
        epsilon_decay_duration=2 * settings.episodes,
        seed=settings.seed + seat,
    )
    rng = np.random.default_rng([settings.seed, seat])
    for _ in range(settings.episodes):
        step = environment.reset()
        while not step.last():
            player = step.current_player()
            legal = step.observations["legal_actions"][player]
            action = agent.step(step).action if player == seat else rng.choice(legal)
            step = environment.step([action])
        agent.step(step)
    return agent


def report_exact(game: OpenSpielGame, policy: AgentPolicy) -> None:
    """Print the agents' value against uniform play beside that of the exact best response."""
    from pokenash.algorithms.exact import best_response, expected_returns

    for seat in (0, 1):
        pair = (policy, Uniform()) if seat == 0 else (Uniform(), policy)
        value = expected_returns(game, *pair)[seat]
        best = best_response(game, Uniform(), seat).value
        print(f"player {seat}: DQN {value:+.3f}, exact best response {best:+.3f} against uniform play")


def report_battles(game: Game, policy: AgentPolicy, settings: Settings) -> None:
    """Print how often the agents win fresh battles."""
    matches = paired_matches(game, [(0, 1)], settings.battles, seed=settings.seed + 1)
    with Arena(game, num_lanes=16) as arena:
        results = arena.play([policy, Uniform()], matches, seed=settings.seed)
    returns = [one.result.returns[one.match.policies.index(0)] for one in results if one.counted]
    wins, draws, losses = (sum(bool(np.sign(value) == sign) for value in returns) for sign in (1, 0, -1))
    rate = WinRate.from_counts(wins, draws, losses)
    print(f"DQN won {wins} of {rate.battles} battles against uniform play, tied {draws}")
    if rate.win_rate is not None:
        print(f"win rate {rate.win_rate:.3f}, 95% interval {rate.lower:.3f} to {rate.upper:.3f}")


def main(settings: Settings) -> None:
    """Learn in both seats, then measure."""
    torch.set_num_threads(1)
    torch.manual_seed(settings.seed)
    on_showdown = settings.game == "showdown"
    game: Game = ShowdownGame(settings.format) if on_showdown else OpenSpielGame(settings.game)
    # Showdown's ids are numbers without an order, which a plain network cannot read.
    arrays = ("pokemon", "moves", "global") if on_showdown else None
    environment = RLEnvironment(game, seed=settings.seed, arrays=arrays)
    policy = AgentPolicy([learn(environment, seat, settings) for seat in (0, 1)], arrays=arrays)
    environment.close()
    if isinstance(game, OpenSpielGame):
        report_exact(game, policy)
    else:
        report_battles(game, policy, settings)


if __name__ == "__main__":
    main(tyro.cli(Settings))
