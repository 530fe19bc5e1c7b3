"""Two battles that look the same to a player so far give the same observations, whatever is hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown import ShowdownGame, ShowdownVectorGame
from pokenash.policies import DecisionRandom

VARIANTS = 30
USUAL = 0.8
"""Share of leads with the usual stats: with others, the damage that they take soon tells battles apart."""

# The first move of each is used; all else may be anything.
GEN1 = {
    "Tauros": ["bodyslam", "hyperbeam", "earthquake", "blizzard", "fireblast", "substitute", "thunderbolt", "rest"],
    "Chansey": ["icebeam", "thunderwave", "softboiled", "sing", "reflect", "thunderbolt", "counter"],
    "Snorlax": ["bodyslam", "selfdestruct", "amnesia", "rest", "earthquake", "hyperbeam", "surf"],
    "Starmie": ["surf", "recover", "thunderwave", "blizzard", "psychic", "thunderbolt"],
    "Exeggutor": ["psychic", "sleeppowder", "explosion", "stunspore", "megadrain", "doubleedge"],
    "Alakazam": ["psychic", "recover", "thunderwave", "seismictoss", "reflect", "counter"],
    "Rhydon": ["earthquake", "rockslide", "bodyslam", "substitute", "surf", "tailwhip"],
    "Zapdos": ["drillpeck", "thunderbolt", "thunderwave", "agility", "rest", "doubleedge"],
}
GEN9 = {
    "Garchomp": ["earthquake", "dragonclaw", "swordsdance", "stealthrock", "fireblast", "stoneedge", "spikes"],
    "Gholdengo": ["shadowball", "makeitrain", "nastyplot", "recover", "thunderwave", "trick"],
    "Dragapult": ["dracometeor", "shadowball", "uturn", "flamethrower", "thunderwave", "hex"],
    "Kingambit": ["kowtowcleave", "suckerpunch", "swordsdance", "ironhead", "lowkick"],
    "Toxapex": ["surf", "recover", "haze", "toxic", "toxicspikes", "sludgebomb"],
    "Corviknight": ["bravebird", "roost", "defog", "uturn", "bulkup", "bodypress"],
}
ABILITIES = {
    "Garchomp": ["roughskin"],
    "Gholdengo": ["goodasgold"],
    "Dragapult": ["infiltrator", "clearbody", "cursedbody"],
    "Kingambit": ["defiant", "supremeoverlord", "pressure"],
    "Toxapex": ["regenerator", "merciless", "limber"],
    "Corviknight": ["pressure", "mirrorarmor", "unnerve"],
}
ITEMS = ["heavydutyboots", "lumberry", "covertcloak", "leftovers", "assaultvest", "expertbelt", "weaknesspolicy"]
TYPES = ["Fire", "Water", "Fairy", "Ghost", "Steel", "Dragon"]


def moves(known: list[str], rng: np.random.Generator) -> str:
    """The first move and three others, as packed."""
    return ",".join([known[0], *rng.choice(known[1:], 3, replace=False)])


def gen1_team(rng: np.random.Generator) -> str:
    """Tauros first; any others, with any stats, in any order behind it."""
    others = rng.choice(list(GEN1)[1:], 5, replace=False)
    packed = []
    for name in ["Tauros", *others]:
        usual = name == "Tauros" and rng.random() < USUAL
        dvs = [30] * 4 if usual else [2 * int(dv) for dv in rng.integers(0, 16, 4)]
        attack, defence, speed, special = dvs
        hp = 2 * sum(
            (dv // 2 % 2) << bit for dv, bit in zip((attack, defence, speed, special), (3, 2, 1, 0), strict=True)
        )
        ivs = f"{hp},{attack},{defence},{special},{special},{speed}"
        evs = ",".join(["252"] * 6 if usual or rng.random() < 0.5 else ["0", "252", "100", "252", "252", "252"])
        packed.append(f"{name}|||none|{moves(GEN1[name], rng)}||{evs}||{ivs}||100|")
    return "]".join(packed)


def gen9_team(rng: np.random.Generator) -> str:
    """The six that the preview shows; items, abilities, moves, natures, EVs and tera types may be anything."""
    packed = []
    for name, known in GEN9.items():
        item, ability = rng.choice(ITEMS), rng.choice(ABILITIES[name])
        nature = rng.choice(["Serious", "Hardy", "Jolly", "Bold"])
        evs = ",".join(str(int(ev)) for ev in 4 * rng.integers(0, 21, 6))
        if name == "Garchomp" and rng.random() < USUAL:
            nature, evs = "Jolly", "80,252,0,0,0,176"
            item = rng.choice(ITEMS[:3])
        packed.append(f"{name}||{item}|{ability}|{moves(known, rng)}|{nature}|{evs}|N||||,,,,,{rng.choice(TYPES)}")
    return "]".join(packed)


@dataclass
class Sight:
    """What the observer was told, and how that was encoded, at each of its decisions."""

    told: list[str]
    encoded: list[tuple[bytes, ...]]


def watch(vector: ShowdownVectorGame, observer: int, variants: tuple[int, int], seed: int) -> tuple[Sight, Sight]:
    """Two battles that differ in the team of the observer's opponent only, played alike for as long as that goes."""
    random = DecisionRandom(seed)
    sights = (Sight([], []), Sight([], []))
    setups = []
    for episode, variant in enumerate(variants):
        teams = [0, variant] if observer == 0 else [variant, 0]
        setups.append(EpisodeSetup(episode, seed, {"teams": teams}, text=(observer == 0, observer == 1)))
    decisions, _ = vector.start(setups)
    while len(decisions):
        actions = np.argmax(decisions.action_mask, axis=1)
        for row in np.flatnonzero(decisions.player == observer):
            sight = sights[decisions.episode[row]]
            assert decisions.text is not None
            assert isinstance(decisions.observation, dict)
            sight.told.append(decisions.text[row])
            arrays = (decisions.action_mask, *decisions.observation.values())
            sight.encoded.append(tuple(array[row].tobytes() for array in arrays))
            actions[row] = draw(decisions, int(row), random)
        decisions, _ = vector.step(actions)
    return sights


def draw(decisions: Decisions, row: int, random: DecisionRandom) -> int:
    """A legal action by the number of the decision alone, the same in both battles."""
    key: NDArray[np.int64] = np.zeros(1, np.int64)
    uniform = random.uniform_at(key, key, decisions.decision[row : row + 1])[0, 0]
    legal = np.flatnonzero(decisions.action_mask[row])
    return int(legal[int(uniform * len(legal))])


def same_for_as_long_as_told_the_same(first: Sight, second: Sight) -> int:
    """Check the property; returns at how many decisions there was something to compare."""
    for decision, (one, other) in enumerate(zip(first.told, second.told, strict=False)):
        if one != other:
            return decision
        assert first.encoded[decision] == second.encoded[decision], f"decision {decision} after:\n{one}"
    return min(len(first.told), len(second.told))


@pytest.fixture(scope="module", params=["gen1ou", "gen9ou"])
def vector(request: pytest.FixtureRequest) -> Iterator[ShowdownVectorGame]:
    """A game whose team 0 is the observer's and whose others are what the opponent may have."""
    rng = np.random.default_rng(20)
    make = {"gen1ou": gen1_team, "gen9ou": gen9_team}[request.param]
    game = ShowdownGame(request.param, teams=[make(rng) for _ in range(VARIANTS)], turn_limit=12)
    with game.vector(2) as vector:
        yield vector


variants = st.tuples(st.integers(0, VARIANTS - 1), st.integers(0, VARIANTS - 1))


@settings(max_examples=60)
@given(observer=st.integers(0, 1), variants=variants, seed=st.integers(0, 2**64 - 1))
def test_what_is_hidden_is_not_in_the_observation(
    vector: ShowdownVectorGame, observer: int, variants: tuple[int, int], seed: int
) -> None:
    """Unrevealed Pokémon, moves, items, abilities, tera types, stats and exact HP of the opponent."""
    same_for_as_long_as_told_the_same(*watch(vector, observer, variants, seed))


def test_there_is_something_to_compare(vector: ShowdownVectorGame) -> None:
    """Battles with other hidden things do look the same for a while, and not forever."""
    compared = [
        same_for_as_long_as_told_the_same(*watch(vector, seed % 2, (1 + seed, 2 + seed), seed)) for seed in range(12)
    ]
    assert min(compared) >= 1
    assert sum(compared) >= 40
    assert min(compared) < max(compared)
