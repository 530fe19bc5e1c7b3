"""Enumerated endgames: probabilities and values that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from games.showdown.test_positions import STARMIE_TAUROS
from pokenash.errors import InputError
from pokenash.experiments.probes import solve_endgame
from pokenash.experiments.probes.exact import tree_value
from pokenash.games.showdown import Position
from pokenash.games.showdown.endgame import FIRST_WINS, SECOND_WINS, GameTree, enumerate_endgame

TAUROS = "Tauros\n- Body Slam\n- Hyper Beam\n- Earthquake\n- Blizzard\n"
SNORLAX = "Snorlax\n- Body Slam\n- Rest\n- Reflect\n- Self-Destruct\n"


def last_two(tauros: dict[str, object], snorlax: dict[str, object]) -> Position:
    """Tauros against Snorlax, nobody else left."""
    return Position.compose((TAUROS, SNORLAX), ("Tauros", "Snorlax"), ({"Tauros": tauros}, {"Snorlax": snorlax}))


def test_one_hit_decides_by_its_accuracy() -> None:
    """Both fall to any hit and Tauros is faster: it wins unless its move misses, 1 time in 256 for Body Slam."""
    tree = enumerate_endgame(last_two({"hp": 1}, {"hp": 1}), max_states=1)
    first, second = tree.choices[0]
    assert first is not None
    assert second is not None
    slam, beam = (tree.transitions[0][first.index(f"move {name}")] for name in ("Body Slam", "Hyper Beam"))
    theirs = second.index("move Body Slam")
    assert dict(slam[theirs])[FIRST_WINS] == pytest.approx(255 / 256)
    assert dict(beam[theirs])[FIRST_WINS] == pytest.approx(229 / 256)
    # After a miss Snorlax hits, or misses too and everything is as it was.
    assert dict(slam[theirs])[SECOND_WINS] == pytest.approx(255 / 256 / 256)
    for state in tree.transitions:
        for row in state:
            for cell in row:
                assert sum(probability for _, probability in cell) == pytest.approx(1)


def test_a_frozen_opponent_is_a_won_game() -> None:
    """Nothing but fire thaws it, and this Tauros has none: whatever is played, the value is 1."""
    value = solve_endgame(last_two({"hp": 50}, {"hp": 100, "status": "frz"}), seconds=30)
    assert value.exact
    assert value.low == pytest.approx(1, abs=1e-4)
    assert value.num_states < 60


def test_a_sleeper_wakes_with_the_hazard_of_one_to_seven_turns() -> None:
    """One that has slept k turns wakes in its next with probability 1 / (7 - k)."""
    for slept in (0, 3, 6):
        position = last_two({"hp": 1}, {"hp": 523, "status": "slp", "slept": slept})
        tree = enumerate_endgame(position, max_states=1)
        first = tree.choices[0][0]
        assert first is not None
        # Blizzard may freeze, so what is asked is whether Snorlax can choose among its moves afterwards.
        quake = tree.transitions[0][first.index("move Earthquake")][0]
        woken = sum(probability for state, probability in quake if len(tree.choices[state][1] or ()) == 4)
        assert woken == pytest.approx(1 / (7 - slept))


def test_equal_choices_of_both_make_a_matrix_game() -> None:
    """Matching pennies in the first state: the value is 0 and both sides of it are played half the time."""
    pennies = [[[(FIRST_WINS, 1.0)], [(SECOND_WINS, 1.0)]], [[(SECOND_WINS, 1.0)], [(FIRST_WINS, 1.0)]]]
    value = tree_value(GameTree([[["heads", "tails"], ["heads", "tails"]]], [pennies], 0))
    assert (value.low, value.high) == pytest.approx((0, 0))
    assert value.strategy == pytest.approx((0.5, 0.5))
    assert value.exact


def test_a_game_that_may_go_on_for_ever_has_bounds() -> None:
    """Whoever stops loses, so nobody does: the value is anything between defeat and victory."""
    game = [[[(0, 1.0)], [(FIRST_WINS, 1.0)]], [[(SECOND_WINS, 1.0)], [(0, 1.0)]]]
    value = tree_value(GameTree([[["go on", "stop"], ["go on", "stop"]]], [game], 0))
    assert not value.exact
    assert (value.low, value.high) == pytest.approx((-1, 1))


def test_a_tree_that_is_cut_off_bounds_the_value() -> None:
    """The bounds of a larger tree lie within those of a smaller one."""
    position = last_two({"hp": 90}, {"hp": 130})
    small, large = (solve_endgame(position, max_states=states, damage_rolls=2) for states in (1, 8))
    assert not small.exact
    assert small.low - 1e-6 <= large.low <= large.high <= small.high + 1e-6
    assert np.isfinite(large.action_low).all()


def test_what_cannot_be_enumerated_is_refused() -> None:
    """Numbers out of range."""
    position = Position.compose((STARMIE_TAUROS, SNORLAX), ("Tauros", "Snorlax"))
    for settings in ({"max_states": 0}, {"damage_rolls": 39}, {"damage_rolls": 0}):
        with pytest.raises(InputError, match="expected at least 1 state"):
            enumerate_endgame(position, **settings)
