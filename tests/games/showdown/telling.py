"""Single battles in tests, with everything that the players were told."""

from __future__ import annotations

import numpy as np
from tests.games.showdown.playing import uniform

from pokenash.games import EpisodeResult, EpisodeSetup
from pokenash.games.showdown import FORFEIT, ShowdownGame


def told_battles(
    game: ShowdownGame, setups: list[EpisodeSetup], forfeit_at: int = -1
) -> list[tuple[EpisodeResult, tuple[list[str], list[str]]]]:
    """Battles at random, one after the other, with what both players were told (requests left out)."""
    act = uniform()
    battles = []
    with game.vector(1) as vector:
        for setup in setups:
            told: tuple[list[str], list[str]] = ([], [])
            decisions, results = vector.start([setup])
            while len(decisions):
                for player, text in zip(decisions.player, decisions.text or [], strict=True):
                    told[player].extend(text.split("\n"))
                actions = act(decisions)
                if forfeit_at >= 0 and decisions.decision[0] >= forfeit_at:
                    actions = np.array([*actions[:-1], FORFEIT])
                decisions, results = vector.step(actions)
            for player, text in enumerate(results[0].info["text"]):
                told[player].extend(text.split("\n"))
            battles.append((results[0], (_heard(told[0]), _heard(told[1]))))
    return battles


def told_battle(
    game: ShowdownGame, setup: EpisodeSetup, forfeit_at: int = -1
) -> tuple[EpisodeResult, tuple[list[str], list[str]]]:
    """One battle at random, with what both players were told."""
    return told_battles(game, [setup], forfeit_at)[0]


def _heard(lines: list[str]) -> list[str]:
    return [line for line in lines if line and not line.startswith(("|request|", "|error|"))]
