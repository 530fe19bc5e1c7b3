"""What actions are worth by playing on: many battles from one position, each with random numbers of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pokenash.algorithms.intervals import WinRate
from pokenash.errors import InputError
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.policies.core import DecisionRandom, Policy

__all__ = ["Start", "roll_out"]


@dataclass(frozen=True)
class Start:
    """An action whose value is asked for.

    Parameters
    ----------
    position : str
        Name of one of the game's positions.
    player : int
        Who takes the action.
    action : int
    """

    position: str
    player: int
    action: int


def roll_out(
    game: ShowdownGame,
    starts: Sequence[Start],
    policies: tuple[Policy, Policy],
    *,
    battles: int,
    seed: int,
    num_lanes: int = 64,
    num_workers: int = 1,
) -> list[WinRate]:
    """Play on after each of some actions.

    The player takes the action; the opponent's choice of that turn, and all later ones, are the policies'. The k-th
    battle of every start has the same random numbers as far as they go, so that differences are less noisy.

    Parameters
    ----------
    game : ShowdownGame
        With the positions.
    starts : sequence of Start
    policies : tuple of Policy
        Who plays on for the first and for the second player.
    battles : int
        For each start.
    seed : int
    num_lanes, num_workers : int

    Returns
    -------
    list of WinRate
        One per start, of the player who took the action, with its 95 % interval.

    Raises
    ------
    InputError
        If there is nothing to play, or an action is not legal.
    """
    if battles < 1:
        raise InputError(f"rollouts: got {battles} battles for each action, expected at least 1")
    counts = np.zeros((len(starts), 3), np.int64)
    rng = DecisionRandom(seed)
    seeds = np.random.default_rng(seed).integers(2**64, size=battles, dtype=np.uint64)
    needs_text = policies[0].needs_text, policies[1].needs_text

    def schedule() -> Iterator[EpisodeSetup]:
        for index, start in enumerate(starts):
            for number in range(battles):
                options = {"position": start.position}
                yield EpisodeSetup(index * battles + number, int(seeds[number]), options, text=needs_text)

    with game.vector(num_lanes, num_workers) as vector:
        memories = [policy.initial_memory(vector.num_lanes) for policy in policies]
        decisions, ended = vector.start(schedule())
        while True:
            for result in ended:
                index = result.episode // battles
                if result.reason == "error":
                    raise InputError(f"a rollout from {starts[index].position!r} failed: {result.info['error']}")
                counts[index, 1 - int(result.returns[starts[index].player])] += 1
            if not len(decisions):
                break
            decisions, ended = vector.step(_answer(decisions, starts, battles, policies, memories, rng))
    return [WinRate.from_counts(*row) for row in counts.tolist()]


def _answer(
    decisions: Decisions,
    starts: Sequence[Start],
    battles: int,
    policies: tuple[Policy, Policy],
    memories: list[object],
    rng: DecisionRandom,
) -> NDArray[np.int64]:
    """The policies' choices, and the given action where a battle begins."""
    actions = np.zeros(len(decisions), np.int64)
    for player, (policy, memory) in enumerate(zip(policies, memories, strict=True)):
        rows = np.flatnonzero(decisions.player == player)
        if len(rows):
            actions[rows] = policy.act(decisions.select(rows), memory, rng)
    for row in np.flatnonzero(decisions.decision == 0).tolist():
        start = starts[int(decisions.episode[row]) // battles]
        if start.player == decisions.player[row]:
            actions[row] = start.action
    return actions
