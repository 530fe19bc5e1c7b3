"""Oak's search as a policy: what it is told, what it guesses, and that it plays."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.experiments.evaluation import StoppingRule, evaluate
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, PolicySpec, load_policy, mixture_spec, policy_kinds, register_policy
from pokenash.policies import oak as oak_module
from pokenash.policies.heuristics.view import OWN, blocks, columns
from pokenash.policies.oak import OakPolicy, OakSettings, load, named
from pokenash.policies.oak_battle import build_battle
from pokenash.policies.oak_guesses import guess_from_teams, guess_team, team_members
from pokenash.policies.oak_state import read_position, remember_rest

try:
    import oak as engine
except ImportError:
    engine = None

needs_oak = pytest.mark.skipif(engine is None, reason="the package oak-lab is not installed")

TAUROS = "Tauros||||bodyslam,hyperbeam,earthquake,blizzard|||||||"
SNORLAX = "Snorlax||||bodyslam,reflect,rest,icebeam|||||||"
CHANSEY = "Chansey||||softboiled,thunderwave,icebeam,sing|||||||"
STARMIE = "Starmie||||recover,thunderwave,blizzard,psychic|||||||"
# The same Pokémon in front, three moves of it the same; everything else differs.
ONE = "]".join([TAUROS, SNORLAX, CHANSEY])
OTHER = "]".join([TAUROS.replace("blizzard", "fireblast"), STARMIE, CHANSEY.replace("sing", "reflect")])


def first_decisions(game: ShowdownGame, teams: tuple[int, int], seed: int = 3) -> Decisions:
    with game.vector(1) as vector:
        decisions, _ = vector.start([EpisodeSetup(0, seed, {"teams": list(teams)})])
        return decisions.select(np.arange(len(decisions)))


def played(game: ShowdownGame, names: tuple[str, str], battles: int, seed: int) -> Iterator[Decisions]:
    """All decisions of some battles between two policies."""
    players = [load_policy(PolicySpec(name, name), game) for name in names]
    rng = DecisionRandom(seed)
    setups = [match.setup for match in paired_matches(game, [(0, 1)], battles, seed)]
    with game.vector(battles) as vector:
        decisions, _ = vector.start(setups)
        while len(decisions):
            yield decisions
            actions = np.empty(len(decisions), np.int64)
            for player, policy in enumerate(players):
                rows = np.flatnonzero(decisions.player == player)
                if len(rows):
                    actions[rows] = policy.act(decisions.select(rows), None, rng)
            decisions, _ = vector.step(actions)


@pytest.fixture(scope="module")
def policy() -> OakPolicy:
    return load(PolicySpec("oak", "oak", {"iterations": 64, "guesses": 2}), ShowdownGame("gen1ou"))


@needs_oak
def test_nothing_that_is_hidden_enters_the_search() -> None:
    game = ShowdownGame("gen1ou", [ONE, OTHER])
    player = load(PolicySpec("oak", "oak"), game)

    def searched(opponent: int, row: int) -> list[bytes]:
        """What the engine is given in the first decision, guess by guess."""
        decisions = first_decisions(game, (0, opponent))
        position = read_position(blocks(decisions.observation), row, player._names)
        rng = np.random.default_rng(1)
        guesses = [player.guess(position, rng) for _ in range(5)]
        built = [build_battle(engine, position, guess, player._names) for guess in guesses]
        return [battle.bytes() + durations.bytes() for battle, durations, _ in built]

    assert searched(0, row=0) == searched(1, row=0)
    # The one whose team it is knows the difference.
    assert searched(0, row=1) != searched(1, row=1)


@needs_oak
@pytest.mark.parametrize("names", [("uniform", "uniform"), ("gen1ou_heuristic", "type_aware")])
def test_the_engine_offers_exactly_the_actions_that_are_legal(policy: OakPolicy, names: tuple[str, str]) -> None:
    checked = 0
    for decisions in played(ShowdownGame("gen1ou"), names, 6, seed=11):
        view = blocks(decisions.observation)
        for row in range(len(decisions)):
            mask = decisions.action_mask[row]
            if mask.sum() == 1:
                continue
            position = read_position(view, row, policy._names)
            guess = policy.guess(position, np.random.default_rng(checked))
            battle, _, result = build_battle(engine, position, guess, policy._names)
            order = list(battle.side(0).order)
            offered = {oak_module._action(choice, order, mask) for choice in engine.choices(battle, result)[0]}
            assert offered == set(np.flatnonzero(mask).tolist()), (position, mask)
            checked += 1
    assert checked > 200


@needs_oak
def test_what_was_told_is_in_the_engines_battle(policy: OakPolicy) -> None:
    seen: set[str] = set()
    rested = policy.initial_memory(8)
    for decisions in played(ShowdownGame("gen1ou"), ("gen1ou_heuristic", "gen1ou_heuristic"), 8, seed=4):
        view = blocks(decisions.observation)
        for row in range(len(decisions)):
            noted = rested[decisions.lane[row], decisions.player[row]]
            remember_rest(view, row, policy._names, noted)
            position = read_position(view, row, policy._names, noted)
            battle, durations, _ = build_battle(
                engine, position, policy.guess(position, np.random.default_rng(0)), policy._names
            )
            for player in (0, 1):
                for index, member in enumerate(position.members[player]):
                    pokemon = battle.side(player).pokemon(index)
                    assert engine.species_id(pokemon.species).lower() == member.species
                    assert pokemon.hp == pytest.approx(member.hp * pokemon.stats().hp, abs=0.51)
                    assert (pokemon.hp == 0) == (member.hp <= 0)
                    shown = [engine.move_id(pokemon.move(i).id).lower() for i in range(len(member.moves))]
                    assert shown == [move for move, _ in member.moves]
                    # The highest bit tells the engine that the sleep is the Pokémon's own.
                    assert bool(pokemon.status & 0x80) == (member.rested or member.status == "tox")
                    if member.rested:
                        assert "rest" in shown
                        seen.add("rested" if index == position.active[player].index else "rested on the bench")
                    elif member.status == "slp":
                        place = list(battle.side(player).order).index(index + 1)
                        assert durations.get(player).sleep(place) == min(member.status_turns + 1, 7)
                    seen.add(member.status)
                flags = battle.side(player).active.volatiles()
                assert flags.reflect == ("reflect" in position.active[player].flags)
                seen |= position.active[player].flags
            assert len([i for i in battle.side(1).order if i]) == position.size
    assert {"", "par", "slp", "reflect", "rested", "rested on the bench"} <= seen


@needs_oak
def test_a_knock_out_in_reach_is_taken(policy: OakPolicy) -> None:
    game = ShowdownGame("gen1ou", ["]".join([TAUROS, SNORLAX]), "]".join([CHANSEY, STARMIE])])
    decisions = first_decisions(game, (0, 1))
    view = {name: value.copy() for name, value in blocks(decisions.observation).items()}
    view["pokemon"][0, OWN.stop, columns("pokemon", "hp")[0]] = 0.05
    position = read_position(view, 0, policy._names)
    visits = policy.visits(position, decisions.action_mask[0], np.random.default_rng(0))
    assert visits[:4].sum() > 0.8
    assert visits.sum() == pytest.approx(1.0)


@needs_oak
def test_it_wins_against_a_weak_player() -> None:
    game = ShowdownGame("gen1ou")
    player = load(PolicySpec("oak", "oak", {"iterations": 200, "guesses": 2}), game)
    with Arena(game, num_lanes=12) as arena:
        matches = paired_matches(game, [(0, 1)], 12, seed=8)
        results = arena.play([player, PolicySpec("max_power", "max_power")], matches, seed=8)
    # About 0.95 a battle; with 0.9, eight or fewer of twelve would be seen once in 180 times.
    assert sum(r.result.returns[r.match.policies.index(0)] > 0 for r in results) >= 8


@needs_oak
def test_words_that_oak_does_not_know_are_refused_when_it_is_loaded(tmp_path: Path) -> None:
    game = ShowdownGame("gen1ou")
    with pytest.raises(InputError, match="oak does not take these settings: Could not parse bandit"):
        load(PolicySpec("oak", "oak", {"bandit": "luck"}), game)
    (tmp_path / "no.net").write_bytes(b"nothing")
    with pytest.raises(InputError, match="oak does not take these settings"):
        load(PolicySpec("oak", "oak", checkpoint=str(tmp_path / "no.net")), game)
    assert load(PolicySpec("oak", "oak", {"milliseconds": 2}), game).settings.budget == "2ms"


@needs_oak
def test_an_action_does_not_wait_for_a_search_where_there_is_no_choice(
    policy: OakPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = first_decisions(ShowdownGame("gen1ou"), (0, 1))
    mask = np.zeros_like(decisions.action_mask)
    mask[:, 2] = True
    forced = Decisions(
        decisions.lane, decisions.episode, decisions.player, decisions.decision, decisions.observation, mask
    )
    monkeypatch.setattr(policy, "visits", None)
    assert policy.act(forced, policy.initial_memory(1), DecisionRandom(0)).tolist() == [2, 2]


@needs_oak
def test_an_evaluation_with_it_is_marked_as_one_that_cannot_be_repeated(tmp_path: Path, policy: OakPolicy) -> None:
    if "oak" not in policy_kinds():
        register_policy("oak", "pokenash.policies.oak:load")
    searcher = PolicySpec("oak-16", "oak", {"iterations": 16, "guesses": 1})
    opponents = [PolicySpec("uniform", "uniform"), mixture_spec("mixed", [searcher], [1.0])]
    players = (PolicySpec("max_power", "max_power"), opponents)
    result = evaluate(tmp_path, ShowdownGame("gen1ou"), *players, rule=StoppingRule(battles=2), num_lanes=4)
    assert [row.reproducible for row in result.opponents] == [True, False]


def test_guesses_hold_what_was_shown_and_are_whole_teams() -> None:
    rng = np.random.default_rng(5)
    shown = [("snorlax", ["amnesia"]), ("chansey", ["sing", "softboiled", "counter", "seismictoss"])]
    species = set()
    for _ in range(200):
        team = guess_team(shown, 6, {}, ("mew", "mewtwo"), rng)
        names = [one.species for one in team]
        assert len(team) == 6
        assert len(set(names)) == 6
        assert names[:2] == ["snorlax", "chansey"]
        assert team[0].moves[0] == "amnesia"
        assert team[1].moves == ("sing", "softboiled", "counter", "seismictoss")
        assert all(len(set(one.moves)) == len(one.moves) <= 4 for one in team)
        species |= set(names)
    assert "tauros" in species
    assert species.isdisjoint({"mew", "mewtwo"})


def test_a_team_is_guessed_among_those_that_hold_what_was_shown() -> None:
    teams = [team_members(ONE), team_members(OTHER)]
    rng = np.random.default_rng(0)
    found = {
        tuple(one.species for one in guess_from_teams([("tauros", ["bodyslam"])], teams, rng) or ()) for _ in range(40)
    }
    assert found == {("tauros", "snorlax", "chansey"), ("tauros", "starmie", "chansey")}
    certain = guess_from_teams([("tauros", ["fireblast"])], teams, rng)
    assert certain is not None
    assert certain[0].moves == ("fireblast", "bodyslam", "hyperbeam", "earthquake")
    assert guess_from_teams([("mew", [])], teams, rng) is None


def test_what_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named("4096-mc").parameters == {"iterations": 4096, "evaluation": "mc"}
    for wrong in ("", "fast", "0", "100-best"):
        with pytest.raises(InputError, match="oak:"):
            named(wrong)
    with pytest.raises(InputError, match="hidden"):
        OakSettings(hidden="all")
    game = ShowdownGame("gen1ou")
    for wrong_parameters, told in (
        ({"depth": 3}, "unknown parameters"),
        ({"milliseconds": 0.5}, "expected a int"),
        ({"evaluation": "elsewhere.net"}, "checkpoint of the spec"),
    ):
        with pytest.raises(InputError, match=told):
            load(PolicySpec("oak", "oak", wrong_parameters), game)
    with pytest.raises(InputError, match="cannot read checkpoint"):
        load(PolicySpec("oak", "oak", checkpoint="nowhere.net"), game)
    with pytest.raises(InputError, match="generation 1"):
        load(PolicySpec("oak", "oak"), ShowdownGame("gen4randombattle"))

    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"pip install 'pokenash\[oak\]'"):
        load(PolicySpec("oak", "oak"), ShowdownGame("gen1ou"))
