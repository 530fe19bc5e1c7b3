"""The damage that the gen1ou heuristic counts on is the damage that the simulator does."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown.dex import Dex, load_dex
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, PolicySpec, load_policy
from pokenash.policies.heuristics.gen1_sets import STANDARD_MOVES, standard_moves
from pokenash.policies.heuristics.gen1_tables import CRITICAL, MINIMUM_ROLL, Gen1Tables, gen1_tables

_SPOILERS = ("-boost", "-unboost", "-setboost", "-start", "-activate", "-status", "-curestatus")


@pytest.fixture(scope="module")
def gen1() -> Dex:
    return load_dex("gen1ou")


def _most(dex: Dex, tables: Gen1Tables, user: str, move: str, target: str) -> float:
    moves, species = tables.size
    row = dex.id("species", user) * moves + dex.id("moves", move)
    return float(tables.most[row * species + dex.id("species", target)])


def _stories(episodes: int) -> list[list[str]]:
    """What player 0 was told in battles of random against strong play, line by line."""
    game = ShowdownGame(format="gen1ou")
    policies = [load_policy(PolicySpec(kind, kind), game) for kind in ("uniform", "max_power")]
    rng, teams = DecisionRandom(1), np.random.default_rng(1)
    schedule = [EpisodeSetup(i, 900 + i, game.sample_options(teams), text=(True, False)) for i in range(episodes)]
    lines: list[list[str]] = [[] for _ in range(episodes)]
    with game.vector(episodes, 1) as vector:
        decisions, _ = vector.start(schedule)
        while len(decisions):
            actions = np.zeros(len(decisions), np.int64)
            for player, policy in enumerate(policies):
                rows = np.flatnonzero(decisions.player == player)
                actions[rows] = policy.act(decisions.select(rows), None, rng)
            assert decisions.text is not None
            for row in np.flatnonzero(decisions.player == 0):
                lines[int(decisions.episode[row])] += decisions.text[row].splitlines()
            decisions, _ = vector.step(actions)
    return lines


def _hits(lines: list[str]) -> list[tuple[str, str, str, float, bool]]:
    """Attacks on player 0 whose damage is plain: user, move, target, damage, whether a critical hit."""
    found = []
    hp: dict[str, int] = {}
    spoilt = {"p1a": False, "p2a": False}
    attack: tuple[str, str] | None = None
    critical = False
    for line in lines:
        words = line.split("|")
        kind = words[1] if len(words) > 1 else ""
        if kind == "request":
            for pokemon in json.loads(line.removeprefix("|request|"))["side"]["pokemon"]:
                hp.setdefault(pokemon["ident"].removeprefix("p1: "), int(re.match(r"\d+", pokemon["condition"])[0]))  # type: ignore[index]
        elif kind == "switch":
            spoilt[words[2][:3]] = False
        elif kind in _SPOILERS:
            spoilt[words[2][:3]] = True
        elif kind == "move":
            attack, critical = ((words[2], words[3]) if words[2].startswith("p2a") else None), False
        elif kind == "-crit":
            critical = True
        if kind in ("-damage", "-heal", "-sethp", "switch") and words[2].startswith("p1a: "):
            name = words[2].removeprefix("p1a: ")
            left = int(re.match(r"\d+", words[4 if kind == "switch" else 3])[0])  # type: ignore[index]
            plain = kind == "-damage" and attack is not None and "[from]" not in line and not any(spoilt.values())
            if plain and left > 0 and name in hp:
                assert attack is not None
                found.append((attack[0].removeprefix("p2a: "), attack[1], name, float(hp[name] - left), critical))
            hp[name] = left
            if kind == "-damage":
                attack = None
    return found


def test_damage_is_the_simulators(gen1: Dex) -> None:
    tables = gen1_tables(gen1)
    checked = 0
    for lines in _stories(24):
        for user, move, target, damage, critical in _hits(lines):
            index = gen1.id("moves", move)
            if gen1.moves.hits[index] > 1 or gen1.names["damage_kinds"][gen1.moves.damage_kind[index]] == "half":
                continue
            share = _most(gen1, tables, user, move, target) * (CRITICAL if critical else 1)
            most = share * float(tables.stats[gen1.id("species", target), 0])
            slack = 0.04 if critical else 0.015
            assert most * MINIMUM_ROLL * (1 - slack) - 2 <= damage <= most * (1 + slack) + 2, (user, move, target)
            checked += 1
    assert checked > 100


def test_status_chances(gen1: Dex) -> None:
    tables = gen1_tables(gen1)

    def chance(move: str, species: str, status: str) -> float:
        found = tables.status[gen1.id("moves", move), gen1.id("species", species), gen1.id("statuses", status)]
        return float(found)

    assert chance("Thunder Wave", "Tauros", "par") > 0.99
    assert chance("Thunder Wave", "Rhydon", "par") == 0, "Ground"
    assert chance("Thunder Wave", "Zapdos", "par") > 0.99, "only Ground is spared in generation 1"
    assert chance("Body Slam", "Tauros", "par") == 0, "a side effect spares the move's own type"
    assert chance("Body Slam", "Chansey", "par") == 0
    assert chance("Body Slam", "Starmie", "par") == pytest.approx(0.3, abs=0.01)
    assert chance("Ice Beam", "Jynx", "frz") == 0
    assert chance("Toxic", "Gengar", "tox") == 0


def test_standard_moves_exist_and_are_weighed(gen1: Dex) -> None:
    for species in STANDARD_MOVES:
        gen1.id("species", species)
        moves = standard_moves(species, ())
        assert len(moves) >= 3
        assert all(0 < chance <= 1 for chance in moves.values())
        for move in moves:
            gen1.id("moves", move)
    assert standard_moves("seaking", ("Water",)).keys() >= {"surf", "bodyslam"}
    tables = gen1_tables(gen1)
    assert np.isfinite(tables.prior).all()
    assert (tables.prior.max(axis=2)[2:, 2:] > 0).mean() > 0.98, "Normal attacks alone do nothing to Ghosts"
