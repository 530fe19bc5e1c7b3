"""The static tables say what the simulator's data says, under the observation's ids."""

from __future__ import annotations

import numpy as np
import pytest

from pokenash.errors import InputError
from pokenash.games.showdown.dex import PHYSICAL, SPECIAL, STATUS, Dex, load_dex


@pytest.fixture(scope="module")
def gen1() -> Dex:
    return load_dex("gen1ou")


def _move(dex: Dex, name: str) -> int:
    return dex.id("moves", name)


def test_species_of_generation_1(gen1: Dex) -> None:
    tauros, starmie = gen1.id("species", "Tauros"), gen1.id("species", "Starmie")
    assert gen1.species.base_stats[tauros].tolist() == [75, 100, 95, 70, 70, 110]
    types = [gen1.names["types"][t] for t in gen1.species.types[starmie]]
    assert types == ["Water", "Psychic"]
    assert gen1.species.types[tauros].tolist() == [gen1.id("types", "Normal"), 0]


def test_type_chart_is_the_generations_own(gen1: Dex) -> None:
    def factor(dex: Dex, attack: str, defend: str) -> float:
        return float(dex.type_chart[dex.id("types", attack), dex.id("types", defend)])

    gen9 = load_dex("gen9ou")
    assert factor(gen1, "Ghost", "Psychic") == 0
    assert factor(gen9, "Ghost", "Psychic") == 2
    assert factor(gen1, "Bug", "Poison") == 2
    assert factor(gen9, "Bug", "Poison") == 0.5
    assert factor(gen1, "Ice", "Fire") == 1
    assert factor(gen9, "Ice", "Fire") == 0.5
    assert factor(gen1, "Steel", "Ice") == 1, "generation 1 has no Steel"
    assert (gen1.type_chart[:2] == 1).all()
    assert (gen1.type_chart[:, :2] == 1).all()


def test_effectiveness_on_two_types(gen1: Dex) -> None:
    zapdos, rhydon = gen1.id("species", "Zapdos"), gen1.id("species", "Rhydon")
    table = gen1.effectiveness()
    assert table[gen1.id("types", "Ground"), zapdos] == 0
    assert table[gen1.id("types", "Water"), rhydon] == 4
    assert table[gen1.id("types", "Ice"), zapdos] == 2


def test_moves_of_generation_1(gen1: Dex) -> None:
    moves, statuses = gen1.moves, gen1.names["statuses"]
    slam, wave, beam = _move(gen1, "Body Slam"), _move(gen1, "Thunder Wave"), _move(gen1, "Hyper Beam")
    assert moves.base_power[slam] == 85
    assert statuses[moves.status[slam]] == "par"
    assert moves.status_chance[slam] == pytest.approx(0.3)
    assert moves.category[wave] == STATUS
    assert statuses[moves.status[wave]] == "par"
    assert moves.status_chance[wave] == 1
    assert moves.recharge[beam]
    assert moves.accuracy[beam] == pytest.approx(0.9)
    assert moves.self_destruct[_move(gen1, "Explosion")]
    assert not moves.self_destruct[slam]
    amnesia = _move(gen1, "Amnesia")
    assert moves.self_boosts[amnesia].tolist() == [0, 0, 2, 2, 0, 0, 0]
    assert moves.self_boost_chance[amnesia] == 1
    assert moves.heal[_move(gen1, "Recover")] == 0.5
    assert moves.heal[_move(gen1, "Rest")] == 1
    toss = _move(gen1, "Seismic Toss")
    assert gen1.names["damage_kinds"][moves.damage_kind[toss]] == "level"
    assert moves.damage_value[toss] == 1
    assert gen1.names["volatiles"][moves.volatile[_move(gen1, "Leech Seed")]] == "leechseed"
    assert gen1.names["volatiles"][moves.self_volatile[_move(gen1, "Reflect")]] == "reflect"
    assert moves.priority[_move(gen1, "Quick Attack")] == 1
    assert moves.hits[_move(gen1, "Double Kick")] == 2
    assert moves.critical_ratio[_move(gen1, "Slash")] == 2
    assert moves.pp[_move(gen1, "Hyper Beam")] == 5


def test_category_follows_the_type_before_generation_4() -> None:
    for format, category in (("gen3ou", PHYSICAL), ("gen4ou", SPECIAL)):
        dex = load_dex(format)
        assert dex.moves.category[_move(dex, "Shadow Ball")] == category


def test_later_generations_effects() -> None:
    dex = load_dex("gen9ou")
    moves, names = dex.moves, dex.names
    assert names["side_conditions"][moves.side_condition[_move(dex, "Stealth Rock")]] == "stealthrock"
    assert names["weathers"][moves.weather[_move(dex, "Rain Dance")]] == "RainDance"
    assert moves.self_boosts[_move(dex, "Close Combat")].tolist() == [0, -1, 0, -1, 0, 0, 0]
    assert moves.target_boosts[_move(dex, "Icy Wind")].tolist() == [0, 0, 0, 0, -1, 0, 0]
    assert moves.self_switch[_move(dex, "U-turn")]
    assert moves.force_switch[_move(dex, "Roar")]
    assert moves.drain[_move(dex, "Giga Drain")] == 0.5
    assert moves.stalling[_move(dex, "Protect")]
    fewest = [int(moves.min_hits[_move(dex, name)]) for name in ("Rock Blast", "Double Kick", "Triple Axel", "Surf")]
    assert fewest == [2, 2, 3, 1]


def test_abilities_of_species() -> None:
    def abilities(format: str, species: str) -> list[str]:
        dex = load_dex(format)
        row = dex.species.abilities[dex.id("species", species)]
        return [dex.names["abilities"][ability] for ability in row]

    assert abilities("gen4randombattle", "Gengar") == ["Levitate", "", ""]
    assert abilities("gen9ou", "Gengar") == ["Cursed Body", "", ""]
    assert abilities("gen9ou", "Snorlax") == ["Immunity", "Thick Fat", "Gluttony"]
    assert not load_dex("gen1ou").species.abilities.any()


@pytest.mark.parametrize("format", ["gen1ou", "gen4randombattle", "gen9ou"])
def test_tables_fit_the_vocabulary(format: str) -> None:
    dex = load_dex(format)
    assert len(dex.species.weight) == len(dex.names["species"])
    assert len(dex.moves.base_power) == len(dex.names["moves"])
    assert dex.type_chart.shape == (len(dex.names["types"]),) * 2
    real = np.asarray([not name.startswith("MissingNo") for name in dex.names["species"]])
    real[:2] = False
    assert (dex.species.base_stats[real] > 0).all()
    assert (dex.species.types[real, 0] >= 2).all()
    assert (dex.moves.base_power[:2] == 0).all()
    assert (dex.moves.status_chance[:2] == 0).all()
    assert ((dex.moves.accuracy >= 0) & (dex.moves.accuracy <= 1)).all()
    assert load_dex(format) is dex, "kept for the life of the process"


@pytest.mark.parametrize("format", ["gen1ou", "gen9ou"])
def test_features(format: str) -> None:
    dex = load_dex(format)
    species, moves = dex.species_features(), dex.move_features()
    assert species.dtype == moves.dtype == np.float32
    assert species.shape == (len(dex.names["species"]), 7 + len(dex.names["types"]))
    assert moves.shape == (len(dex.names["moves"]), len(dex.move_feature_names()))
    assert np.isfinite(species).all()
    assert np.isfinite(moves).all()
    assert np.abs(species).max() <= 2
    assert np.abs(moves).max() <= 2
    column = dex.move_feature_names().index("type=Fire")
    assert moves[_move(dex, "Flamethrower"), column] == 1
    assert moves[_move(dex, "Surf"), column] == 0
    different = len(np.unique(moves[2:], axis=0))
    assert different > 0.5 * len(moves[2:]), "most moves can be told apart by their features"


def test_tables_cannot_be_changed(gen1: Dex) -> None:
    with pytest.raises(ValueError, match="read-only"):
        gen1.moves.base_power[0] = 1


def test_unknown_names_and_formats(gen1: Dex) -> None:
    with pytest.raises(InputError, match="Crunch"):
        gen1.id("moves", "Crunch")
    with pytest.raises(InputError, match="gen1uo"):
        load_dex("gen1uo")
