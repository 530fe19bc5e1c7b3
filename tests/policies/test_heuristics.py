"""The heuristics: legal everywhere, the same in any batch, and sensible in positions whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.policies.decisions import check_legal_and_the_same_in_any_batch, of_random_battles

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games.core import Decisions
from pokenash.games.showdown.dex import Dex, load_dex
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy
from pokenash.policies.heuristics import Gen1OU, MaxPower, TypeAware
from pokenash.policies.heuristics.view import columns

RNG = DecisionRandom(3)


@pytest.fixture(scope="module")
def gen1() -> Dex:
    return load_dex("gen1ou")


# --- any battle -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "kinds"),
    [
        ("gen1ou", ["max_power", "type_aware", "gen1ou_heuristic"]),
        ("gen1randombattle", ["max_power", "type_aware", "gen1ou_heuristic"]),
        ("gen4randombattle", ["max_power", "type_aware"]),
        ("gen9ou", ["max_power", "type_aware"]),
    ],
)
def test_legal_and_the_same_in_any_batch(format: str, kinds: Sequence[str]) -> None:
    game = ShowdownGame(format=format)
    batches = of_random_battles(format, episodes=6, seed=500, every=8)
    assert sum(map(len, batches)) > 40
    for kind in kinds:
        check_legal_and_the_same_in_any_batch(load_policy(PolicySpec(kind, kind), game), batches, RNG)


def test_values_are_bitwise_the_same_in_any_batch(gen1: Dex) -> None:
    policy = Gen1OU(gen1)
    for decisions in of_random_battles("gen1ou", episodes=6, seed=500, every=8):
        values = policy.values(decisions)
        assert np.isfinite(values).all()
        alone = np.concatenate([policy.values(decisions.select(np.asarray([i]))) for i in range(len(decisions))])
        assert values.tobytes() == alone.tobytes()


# --- positions made by hand -----------------------------------------------------------------------------------------

_STATS = ("hp", "atk", "def", "spa", "spd", "spe")


class Position:
    """One decision of generation 1, said in words.

    A Pokémon is a mapping with ``species``, ``moves`` and optionally ``hp``, ``status`` and columns of the block
    ``pokemon``; the first of a side is on the field.
    """

    def __init__(self, dex: Dex, own: Sequence[Mapping[str, Any]], foes: Sequence[Mapping[str, Any]]) -> None:
        space = ShowdownGame(format="gen1ou").observation_space
        self.blocks = {name: np.zeros((1, *part.shape), part.dtype) for name, part in space.spaces.items()}  # type: ignore[attr-defined]
        self.dex, self.own = dex, own
        for row, pokemon in enumerate(own):
            self._write(row, pokemon, row == 0)
        for row, pokemon in enumerate(foes):
            self._write(6 + row, pokemon, row == 0)
        for slot, move in enumerate(own[0]["moves"]):
            self.blocks["move_ids"][0, slot] = dex.id("moves", move)
        self.mask = np.zeros((1, 10), np.bool_)
        self.mask[0, : len(own[0]["moves"])] = True
        for row, pokemon in enumerate(own[1:], 1):
            self.mask[0, 4 + row] = pokemon.get("hp", 1) > 0

    def _write(self, row: int, pokemon: Mapping[str, Any], active: bool) -> None:
        dex, ids, values = self.dex, self.blocks["pokemon_ids"][0, row], self.blocks["pokemon"][0, row]
        species = dex.id("species", pokemon["species"])
        named = {"species": species, "type_1": dex.species.types[species, 0], "type_2": dex.species.types[species, 1]}
        if "status" in pokemon:
            named["status"] = dex.id("statuses", pokemon["status"])
        for slot, move in enumerate(pokemon.get("moves", ())):
            named[f"move_{slot + 1}"] = dex.id("moves", move)
        for name, value in named.items():
            ids[columns("pokemon_ids", name)[0]] = value
        hp = pokemon.get("hp", 1.0)
        floats: dict[str, float] = {"known": 1, "revealed": 1, "active": float(active), "hp": hp, "level": 1}
        floats |= {"fainted": float(hp == 0), "turns_active": 0.5 if active else 0}
        if row < 6:
            for i, stat in enumerate(_STATS):
                base = dex.species.base_stats[species, i]
                floats[f"stat_{stat}"] = (base * 2 + 93 + (110 if stat == "hp" else 5)) / 100
        floats |= {k: v for k, v in pokemon.items() if k not in ("species", "moves", "hp", "status")}
        for name, value in floats.items():
            values[columns("pokemon", name)[0]] = value

    def forced(self) -> Position:
        """The same with only switches to choose from."""
        self.mask[0, :4] = False
        return self

    def choice(self, policy: Policy, episode: int = 0) -> str:
        """The chosen move or Pokémon, by name."""
        zero: NDArray[np.int64] = np.zeros(1, np.int64)
        decisions = Decisions(zero, zero + episode, zero, zero, self.blocks, self.mask)
        action = int(policy.act(decisions, None, RNG)[0])
        return str(self.own[0]["moves"][action] if action < 4 else self.own[action - 4]["species"])


TAUROS = {"species": "Tauros", "moves": ["Body Slam", "Hyper Beam", "Earthquake", "Blizzard"]}
CHANSEY = {"species": "Chansey", "moves": ["Ice Beam", "Thunderbolt", "Thunder Wave", "Soft-Boiled"]}
STARMIE = {"species": "Starmie", "moves": ["Surf", "Blizzard", "Thunder Wave", "Recover"]}
EXEGGUTOR = {"species": "Exeggutor", "moves": ["Sleep Powder", "Psychic", "Stun Spore", "Explosion"]}
RHYDON = {"species": "Rhydon", "moves": ["Earthquake", "Rock Slide", "Body Slam", "Substitute"]}
ZAPDOS = {"species": "Zapdos", "moves": ["Thunderbolt", "Drill Peck", "Thunder Wave", "Agility"]}


def _seen(pokemon: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The Pokémon as an opponent whose moves were not seen."""
    return {"species": pokemon["species"], **more}


def test_max_power_uses_the_highest_base_power(gen1: Dex) -> None:
    assert Position(gen1, [TAUROS, CHANSEY], [_seen(STARMIE)]).choice(MaxPower(gen1)) == "Hyper Beam"


def test_max_power_draws_among_equals_and_among_forced_switches(gen1: Dex) -> None:
    policy = MaxPower(gen1)
    equal = {"species": "Starmie", "moves": ["Thunderbolt", "Ice Beam", "Thunder Wave", "Recover"]}
    found = {Position(gen1, [equal], [_seen(TAUROS)]).choice(policy, e) for e in range(40)}
    assert found == {"Thunderbolt", "Ice Beam"}
    forced = Position(gen1, [{**TAUROS, "hp": 0.0}, CHANSEY, STARMIE], [_seen(RHYDON)]).forced()
    assert {forced.choice(policy, e) for e in range(40)} == {"Chansey", "Starmie"}


@pytest.mark.parametrize("policy", [TypeAware, Gen1OU])
def test_types_matter(gen1: Dex, policy: type[TypeAware | Gen1OU]) -> None:
    player = policy(gen1)
    zapdos = {**ZAPDOS, "moves": ["Thunderbolt", "Drill Peck"]}
    assert Position(gen1, [zapdos], [_seen(RHYDON)]).choice(player) == "Drill Peck"
    assert Position(gen1, [zapdos], [_seen(STARMIE)]).choice(player) == "Thunderbolt"
    tauros = {**TAUROS, "moves": ["Body Slam", "Earthquake", "Blizzard"]}
    assert Position(gen1, [tauros], [{"species": "Gengar"}]).choice(player) == "Earthquake"


def test_type_aware_counts_damage_only_up_to_the_hp_left(gen1: Dex) -> None:
    """Hyper Beam does more, but Body Slam knocks out as well and never misses."""
    position = Position(gen1, [TAUROS], [_seen(CHANSEY, hp=0.1)])
    assert position.choice(TypeAware(gen1)) == "Body Slam"


@pytest.mark.parametrize("policy", [TypeAware, Gen1OU])
def test_forced_switch_minds_the_match_up(gen1: Dex, policy: type[TypeAware | Gen1OU]) -> None:
    zapdos_in = Position(gen1, [{**TAUROS, "hp": 0.0}, STARMIE, RHYDON], [_seen(ZAPDOS, moves=["Thunderbolt"])])
    assert zapdos_in.forced().choice(policy(gen1)) == "Rhydon"


def test_sleep_first_but_only_one_sleeper(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    assert Position(gen1, [EXEGGUTOR, TAUROS], [_seen(CHANSEY)]).choice(player) == "Sleep Powder"
    sleeper = _seen(STARMIE, status="slp")
    assert Position(gen1, [EXEGGUTOR, TAUROS], [_seen(CHANSEY), sleeper]).choice(player) != "Sleep Powder"
    assert Position(gen1, [EXEGGUTOR, TAUROS], [_seen(CHANSEY, status="par")]).choice(player) != "Sleep Powder"


def test_no_status_on_the_immune_or_the_afflicted(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    weak = {"species": "Chansey", "moves": ["Thunder Wave", "Ice Beam"]}
    assert Position(gen1, [weak], [_seen(TAUROS)]).choice(player) == "Thunder Wave"
    assert Position(gen1, [weak], [_seen(TAUROS, status="par")]).choice(player) == "Ice Beam"
    assert Position(gen1, [weak], [_seen(RHYDON)]).choice(player) == "Ice Beam"


def test_hyper_beam_is_for_knocking_out(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    tauros = {**TAUROS, "moves": ["Body Slam", "Hyper Beam"]}
    assert Position(gen1, [tauros], [_seen(STARMIE)]).choice(player) == "Body Slam"
    assert Position(gen1, [tauros], [_seen(STARMIE, hp=0.6)]).choice(player) == "Hyper Beam"


def test_recovers_when_hurt_and_not_when_whole(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    foe = _seen(STARMIE, status="par", moves=["Surf", "Blizzard", "Thunder Wave", "Recover"])
    assert Position(gen1, [{**CHANSEY, "hp": 0.4}], [foe]).choice(player) == "Soft-Boiled"
    assert Position(gen1, [CHANSEY], [foe]).choice(player) != "Soft-Boiled"


def test_knocks_out_rather_than_anything_else(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    assert Position(gen1, [{**STARMIE, "hp": 0.3}], [_seen(RHYDON, hp=0.2)]).choice(player) == "Surf"


def test_leaves_a_lost_match_up_and_keeps_a_good_one(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    foe = _seen(ZAPDOS, moves=["Thunderbolt", "Drill Peck", "Thunder Wave"])
    water = {"species": "Starmie", "moves": ["Surf", "Recover"], "hp": 0.7}
    assert Position(gen1, [water, RHYDON], [foe]).choice(player) == "Rhydon"
    assert Position(gen1, [RHYDON, water], [foe]).choice(player) == "Rock Slide"


def test_explodes_when_it_pays(gen1: Dex) -> None:
    player = Gen1OU(gen1)
    golem = {"species": "Golem", "moves": ["Earthquake", "Rock Slide", "Body Slam", "Explosion"]}
    dying = {**golem, "hp": 0.08, "status": "par"}
    assert Position(gen1, [dying, TAUROS], [_seen(TAUROS)]).choice(player) == "Explosion"
    ghost = _seen({"species": "Gengar"})
    assert Position(gen1, [dying, TAUROS], [ghost]).choice(player) != "Explosion"
    assert Position(gen1, [golem, TAUROS], [_seen(ZAPDOS)]).choice(player) != "Explosion"


# --- against each other, and refusals -------------------------------------------------------------------------------


def test_each_beats_the_simpler_one() -> None:
    game = ShowdownGame(format="gen1ou")
    specs = [PolicySpec(kind, kind) for kind in ("gen1ou_heuristic", "type_aware", "max_power", "uniform")]
    pairs = [(0, 1), (1, 2), (2, 3)]
    with Arena(game, num_lanes=64, num_workers=1) as arena:
        results = arena.play(specs, paired_matches(game, pairs, 40, seed=77), seed=5)
    for better, worse in pairs:
        score = [
            r.result.returns[r.match.policies.index(better)]
            for r in results
            if set(r.match.policies) == {better, worse}
        ]
        assert len(score) == 40
        # With an even chance of winning, 28 of 40 happens less than once in 100 runs; and the seeds are fixed.
        assert np.mean(score) > 0.4, (specs[better].name, specs[worse].name)


def test_refusals() -> None:
    gen4, gen1ou = ShowdownGame(format="gen4randombattle"), ShowdownGame(format="gen1ou")
    with pytest.raises(InputError, match="generation 1"):
        load_policy(PolicySpec("x", "gen1ou_heuristic"), gen4)
    with pytest.raises(InputError, match="unknown parameters"):
        load_policy(PolicySpec("x", "max_power", {"power": 1}), gen1ou)
    with pytest.raises(InputError, match=r"unknown parameters \['luck'\]; known: .*switch_cost"):
        load_policy(PolicySpec("x", "gen1ou_heuristic", {"luck": 1}), gen1ou)
    policy = load_policy(PolicySpec("x", "max_power"), gen1ou)
    zero: NDArray[np.int64] = np.zeros(1, np.int64)
    with pytest.raises(InputError, match="tensor"):
        policy.act(Decisions(zero, zero, zero, zero, np.zeros((1, 3)), np.ones((1, 10), np.bool_)), None, RNG)
