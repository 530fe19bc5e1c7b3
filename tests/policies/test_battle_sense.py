"""What the ladder's players know of damage, speed and generations; and that the originals' faults are not repeated."""

from __future__ import annotations

import pytest
from tests.policies.positions import GEN3, GEN4, GEODUDE, STARMIE, SWAMPERT, Board, load_player

from pokenash.games.showdown.dex import load_dex
from pokenash.policies.heuristics import duds, modifiers, move_groups, powers

# --- the faults of the originals ------------------------------------------------------------------------------------


def test_hp_shares_are_compared_with_shares() -> None:
    """A player that took 70 for 70% would heal at any HP; one that took a share for a percentage never would."""
    for kind, often in (("gym_leader", 0.75), ("emerald_kaizo", 1.0)):
        healer = {"species": "Starmie", "moves": ["Surf", "Recover"]}
        foe = {"species": "Snorlax", "moves": ["Body Slam"]}
        hurt = Board(GEN3, [{**healer, "hp": 0.32}, SWAMPERT], [foe]).shares(load_player(kind, GEN3))
        assert hurt.get("Recover", 0) == pytest.approx(often, abs=0.07), kind
        for hp in (0.7, 0.9):
            whole = Board(GEN3, [{**healer, "hp": hp}, SWAMPERT], [foe]).shares(load_player(kind, GEN3), 60)
            assert whole.get("Recover", 0) < 0.1, (kind, hp)


def test_damage_is_compared_with_hp_in_the_same_unit() -> None:
    """Surf takes more than 80 HP from Snorlax, and far less than 80% of it: not a knock-out at 80%."""
    board = Board(GEN3, [STARMIE, SWAMPERT], [{"species": "Snorlax", "hp": 0.8}])
    tactician = load_player("gym_leader", GEN3).tactician
    prospects = tactician.prospects(tactician.scene(board.blocks))
    health = 2 * 160 + 52 + 110
    assert prospects.hits.low[0, 0] * health > 80
    assert not prospects.sure[0].any()
    assert prospects.chance[0, 0] == 0
    weak = Board(GEN3, [STARMIE, SWAMPERT], [{"species": "Snorlax", "hp": 0.15}])
    assert tactician.prospects(tactician.scene(weak.blocks)).sure[0, 0]


def test_damage_rolls_worked_out_by_hand() -> None:
    """Gen 3: Starmie's Surf on Snorlax. (42 * 95 * 252 / 272 / 50 + 2) * 1.5 is 113.9, the lowest roll 85% of it."""
    board = Board(GEN3, [STARMIE, SWAMPERT], [{"species": "Snorlax"}])
    tactician = load_player("grunt", GEN3).tactician
    hits = tactician.hits(tactician.scene(board.blocks))
    health = 160 * 2 + 52 + 110
    attack, defense = 100 * 2 + 57, 110 * 2 + 57
    highest = (42 * 95 * attack / defense / 50 + 2) * 1.5
    assert hits.high[0, 0] * health == pytest.approx(highest, rel=1e-4)
    assert hits.low[0, 0] == pytest.approx(0.85 * hits.high[0, 0], rel=1e-4)
    assert hits.expected[0, 0] == pytest.approx(0.925 * hits.high[0, 0] * (1 + 1 / 16), rel=1e-4)


def test_critical_hits_are_scaled_by_accuracy() -> None:
    """Expected damage is accuracy times everything: a term for critical hits beside it would survive any miss."""
    own = {"species": "Starmie", "moves": ["Hydro Pump", "Surf"]}
    tactician = load_player("gym_leader", GEN3).tactician

    def expected(evasion: float) -> float:
        board = Board(GEN3, [own, SWAMPERT], [{"species": "Snorlax", "boost_evasion": evasion}])
        hits = tactician.hits(tactician.scene(board.blocks))
        assert hits.expected[0, 0] == pytest.approx(hits.accuracy[0, 0] * hits.mean[0, 0] * (1 + 1 / 16), rel=1e-5)
        return float(hits.expected[0, 0])

    assert expected(1.0) == pytest.approx(expected(0.0) / 3, rel=1e-4)


def test_a_switch_is_to_the_one_that_was_worked_out() -> None:
    """The best on the bench comes in, wherever it sits in the team."""
    stuck = {"species": "Jolteon", "moves": ["Thunderbolt"]}
    foe = {"species": "Flygon", "moves": ["Earthquake"]}
    bench = [
        {"species": "Magneton", "moves": ["Flash Cannon"]},
        GEODUDE,
        {"species": "Gyarados", "moves": ["Ice Fang", "Waterfall"]},
    ]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        board = Board(GEN4, [stuck, *(bench[i] for i in order)], [foe])
        assert board.choice(load_player("gym_leader", GEN4)) == "Gyarados"
        shares = board.shares(load_player("emerald_kaizo", GEN4))
        assert shares.get("Gyarados", 0) == pytest.approx(0.9, abs=0.05)
        assert board.forced().choice(load_player("emerald_kaizo", GEN4)) == "Gyarados"


# --- speed order, weather and screens -------------------------------------------------------------------------------


def _own_first(format: str, own: dict[str, object], foe: dict[str, object], **field: object) -> bool:
    tactician = load_player("gym_leader", format).tactician
    board = Board(format, [{"moves": ["Tackle"], **own}, GEODUDE], [foe], **field)
    return bool(tactician.speeds.own_first(tactician.scene(board.blocks))[0])


def test_who_is_faster() -> None:
    tauros, starmie = {"species": "Tauros"}, {"species": "Starmie"}
    assert not _own_first(GEN4, tauros, starmie)
    assert _own_first(GEN4, tauros, {**starmie, "status": "par"})
    assert _own_first(GEN4, {**tauros, "item": "Choice Scarf"}, starmie)
    assert _own_first(GEN4, {**tauros, "boost_spe": 1 / 6}, starmie)
    assert _own_first(GEN4, tauros, starmie, trick_room=0.25)
    assert _own_first(GEN4, tauros, starmie, own_tailwind=0.25)
    assert _own_first(GEN4, {"species": "Ludicolo", "ability": "Swift Swim"}, starmie, weather="RainDance")
    half = {"species": "Jolteon", "status": "par"}
    assert _own_first("gen9ou", half, {"species": "Snorlax"}), "a half of the speed from generation 7 on"
    assert not _own_first(GEN4, half, {"species": "Tyranitar"}), "a quarter before"


def test_screens_weather_burns_and_items_change_damage() -> None:
    tactician = load_player("gym_leader", GEN4).tactician

    def high(own: dict[str, object], foe: dict[str, object], **field: object) -> float:
        board = Board(
            GEN4,
            [{"species": "Mew", "moves": ["Surf", "Return", "Low Kick"], **own}, GEODUDE],
            [foe],
            **field,
        )
        hits = tactician.hits(tactician.scene(board.blocks))
        return float(hits.high[0, 0]), float(hits.high[0, 1]), float(hits.high[0, 2])

    foe = {"species": "Machamp"}
    surf, return_, kick = high({}, foe)
    assert return_ > 1.05 * surf, "Return has a power of 102"
    assert high({}, foe, weather="RainDance")[0] == pytest.approx(1.5 * surf)
    assert high({}, foe, opponent_light_screen=0.25)[:2] == pytest.approx((0.5 * surf, return_))
    assert high({"status": "brn"}, foe)[1] == pytest.approx(0.5 * return_, rel=0.02)
    assert high({"item": "Choice Band"}, foe)[1] == pytest.approx(1.5 * return_, rel=0.02)
    assert high({"ability": "Huge Power"}, foe)[1] == pytest.approx(2 * return_, rel=0.02)
    _, light_return, light_kick = high({}, {"species": "Machop"})
    assert (kick / return_) / (light_kick / light_return) == pytest.approx(100 / 40, rel=0.05), "130 and 19.5 kg"


def test_every_name_in_the_tables_is_a_name_of_the_simulator() -> None:
    dexes = [load_dex(format) for format in ("gen1ou", "gen2randombattle", "gen4randombattle", "gen9ou")]

    def known(*kinds: str) -> set[str]:
        return {name for dex in dexes for kind in kinds for name in dex.names[kind]}

    effects = [*modifiers._ATTACK, *modifiers._DEFENSE, *modifiers._SPEED, *modifiers._TYPE_ITEMS]
    effects += [name for name, _ in (*modifiers._SOFTENING, *modifiers._WEATHER_SPEED, *modifiers._SPECIES_ITEMS)]
    effects += [name for words in modifiers._ABSORBING.values() for name in words.split(", ")]
    effects += [name for words in duds._IMMUNE_ABILITIES.values() for name in words.split(", ")]
    assert set(effects) <= known("abilities", "items")
    moves = [name.strip() for words in move_groups._BY_NAME.values() for name in words.split(",")]
    moves += [*powers._USUAL, *powers._WHEN_WEAK, *powers._WHEN_WHOLE, *powers._IN_STORM]
    assert set(moves) <= known("moves")
