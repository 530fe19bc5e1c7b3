"""What Oak's engine makes of a battle agrees with what the simulator makes of it: the battle was written right."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from tests.policies.test_oak import engine, needs_oak

from pokenash.arena import paired_matches
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, PolicySpec, load_policy
from pokenash.policies.heuristics.view import blocks
from pokenash.policies.oak import OakPolicy, _action, load
from pokenash.policies.oak_battle import build_battle
from pokenash.policies.oak_guesses import Guess
from pokenash.policies.oak_state import MOVE_REQUEST, OakPosition, read_position, remember_rest

SIMULATIONS = 24


def open_position(own: OakPosition, other: OakPosition) -> OakPosition:
    """The battle as it is, from what each side knows of itself."""
    return replace(
        own,
        members=(own.members[0], other.members[0]),
        active=(own.active[0], other.active[0]),
        requests=(own.requests[0], other.requests[0]),
        size=len(other.members[0]),
    )


def changes(position: OakPosition, policy: OakPolicy, chosen: list[tuple[int, np.ndarray]], seed: int) -> np.ndarray:
    """Change of the sides' HP (whole = 1 a Pokémon) in simulated turns, ``[SIMULATIONS, 2]``."""
    guess = [Guess(member.species, tuple(move for move, _ in member.moves)) for member in position.members[1]]
    battle, durations, result = build_battle(engine, position, guess, policy._names)
    choices = []
    for player, (action, mask) in enumerate(chosen):
        order = list(battle.side(player).order)
        offered = engine.choices(battle, result)[player]
        choices.append(next(choice for choice in offered if _action(choice, order, mask) == action))
    before, written, lasting = hp(battle), battle.bytes(), durations.bytes()
    rng = np.random.default_rng(seed)
    found = np.empty((SIMULATIONS, 2))
    for simulation in range(SIMULATIONS):
        turn, durations = engine.Battle(written), engine.Durations(lasting)
        turn.rng = int(rng.integers(2**63))
        for player in (0, 1):
            for slot in range(6):
                slept = durations.get(player).sleep(slot)
                if slept:
                    turn.side(player).slot(slot + 1).status = int(rng.integers(1, 9 - slept))
        engine.update(turn, durations, *choices)
        found[simulation] = hp(turn) - before
    return found


def hp(battle: Any) -> np.ndarray:
    """HP of both sides, ``[2]``."""
    sides = [[battle.side(player).pokemon(i) for i in range(6)] for player in (0, 1)]
    return np.array([sum(one.hp / max(one.stats().hp, 1) for one in side) for side in sides])


@needs_oak
def test_turns_in_the_engine_go_as_in_the_simulator() -> None:
    game = ShowdownGame("gen1ou")
    policy = load(PolicySpec("oak", "oak"), game)
    players = [load_policy(PolicySpec(name, name), game) for name in ("gen1ou_heuristic", "type_aware")]
    rng, battles = DecisionRandom(5), 10
    rested = policy.initial_memory(battles)
    simulated: dict[tuple[int, int], tuple[np.ndarray, float]] = {}
    compared: list[tuple[float, np.ndarray]] = []
    with game.vector(battles) as vector:
        decisions, _ = vector.start([match.setup for match in paired_matches(game, [(0, 1)], battles, 77)])
        while len(decisions):
            view = blocks(decisions.observation)
            actions = np.empty(len(decisions), np.int64)
            for player, one in enumerate(players):
                rows = np.flatnonzero(decisions.player == player)
                if len(rows):
                    actions[rows] = one.act(decisions.select(rows), None, rng)
            open_rows: dict[int, dict[int, tuple[int, OakPosition]]] = defaultdict(dict)
            for row in range(len(decisions)):
                episode, player = int(decisions.episode[row]), int(decisions.player[row])
                noted = rested[decisions.lane[row], player]
                remember_rest(view, row, policy._names, noted)
                position = read_position(view, row, policy._names, noted)
                open_rows[episode][player] = (row, position)
                if (episode, player) in simulated:
                    expected, before = simulated.pop((episode, player))
                    compared.append((sum(member.hp for member in position.members[0]) - before, expected))
            for episode, both in open_rows.items():
                simulated = {key: value for key, value in simulated.items() if key[0] != episode}
                if len(both) == 2 and all(position.requests[0] == MOVE_REQUEST for _, position in both.values()):
                    position = open_position(both[0][1], both[1][1])
                    chosen = [(int(actions[row]), decisions.action_mask[row]) for row, _ in (both[0], both[1])]
                    found = changes(position, policy, chosen, episode * 1000 + position.turn)
                    for player in (0, 1):
                        hp_before = sum(member.hp for member in position.members[player])
                        simulated[episode, player] = (found[:, player], hp_before)
            decisions, _ = vector.step(actions)
    actual = np.array([change for change, _ in compared])
    expected = np.array([changes.mean() for _, changes in compared])
    assert len(compared) > 300
    error = actual - expected
    # Four standard errors: no kind of turn costs more or less than in the simulator on average.
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
    assert np.corrcoef(actual, expected)[0, 1] > 0.8
    # A result that 24 simulated turns do not span: rolls and critical hits leave a few.
    outside = [change < found.min() - 0.02 or change > found.max() + 0.02 for change, found in compared]
    assert np.mean(outside) < 0.05
    assert expected.min() < -0.3
