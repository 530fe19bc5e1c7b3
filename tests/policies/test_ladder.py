"""The ladder of heuristics: legal everywhere, the same in any batch, and right in positions worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from tests.policies.decisions import check_legal_and_the_same_in_any_batch, of_random_battles
from tests.policies.positions import GEN2, GEN3, GEN4, GEODUDE, SKARMORY, SNORLAX, STARMIE, SWAMPERT, Board, load_player

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, PolicySpec

RNG = DecisionRandom(3)
LADDER = (
    "bug_catcher", "trainer", "boss_ai", "basic_switcher", "grunt", "gym_leader", "emerald_kaizo", "kaizo_plus",
)  # fmt: skip
FORMATS = (
    "gen1ou", "gen1randombattle", "gen2randombattle", "gen3randombattle", "gen4randombattle", "gen9ou",
    "gen9randombattle",
)  # fmt: skip


# --- any battle -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_legal_and_the_same_in_any_batch(format: str) -> None:
    batches = of_random_battles(format, episodes=5, seed=700, every=9)
    assert sum(map(len, batches)) > 25
    for kind in LADDER:
        check_legal_and_the_same_in_any_batch(load_player(kind, format), batches, RNG)


# --- the simple ones ------------------------------------------------------------------------------------------------


def test_bug_catcher_does_the_least() -> None:
    player = load_player("bug_catcher", GEN3)
    own = {"species": "Starmie", "moves": ["Surf", "Psychic", "Rapid Spin"]}
    assert Board(GEN3, [own, SKARMORY], [{"species": "Snorlax"}]).choice(player) == "Rapid Spin"
    forced = Board(GEN3, [{**own, "hp": 0.0}, SKARMORY, GEODUDE, SWAMPERT], [{"species": "Milotic"}])
    assert forced.forced().choice(player) == "Geodude"


def test_trainer_moves_at_random_and_sends_the_first() -> None:
    shares = Board(GEN3, [STARMIE, SWAMPERT], [{"species": "Snorlax"}]).shares(load_player("trainer", GEN3))
    assert set(shares) == {"Surf", "Psychic", "Thunderbolt", "Recover"}
    assert max(shares.values()) < 0.35
    fainted = {**STARMIE, "hp": 0.0}
    forced = Board(GEN3, [fainted, GEODUDE, SWAMPERT], [{"species": "Milotic"}]).forced()
    assert forced.choice(load_player("trainer", GEN3)) == "Geodude"
    assert forced.choice(load_player("trainer", GEN3, good_switching=True)) == "Swampert"


def test_boss_ai_counts_from_ten() -> None:
    player = load_player("boss_ai", "gen1ou")
    own = {"species": "Starmie", "moves": ["Surf", "Psychic", "Thunder Wave", "Blizzard"]}
    plain = Board("gen1ou", [own, GEODUDE], [{"species": "Rhydon"}]).shares(player)
    assert set(plain) == {"Surf", "Psychic", "Blizzard"}, "Thunder Wave does not affect Ground: 11"
    ill = Board("gen1ou", [own, GEODUDE], [{"species": "Tauros", "status": "par"}]).shares(player)
    assert set(ill) == {"Surf", "Psychic", "Blizzard"}, "10 + 5 - 1 for Thunder Wave"
    set_up = {"species": "Starmie", "moves": ["Surf", "Psychic", "Light Screen"]}
    first = Board("gen1ou", [{**set_up, "turns_active": 0.1}, GEODUDE], [{"species": "Tauros"}]).shares(player)
    assert set(first) == {"Light Screen"}
    later = Board("gen1ou", [set_up, GEODUDE], [{"species": "Tauros"}]).shares(player)
    assert set(later) == {"Surf", "Psychic", "Light Screen"}


def test_basic_switcher_leaves_for_better_types_but_not_at_once() -> None:
    player = load_player("basic_switcher", GEN3)
    own = {"species": "Charizard", "moves": ["Flamethrower", "Wing Attack"]}
    board = Board(GEN3, [own, SKARMORY, SWAMPERT], [{"species": "Golem"}])
    assert board.choice(player) == "Swampert"
    fresh = Board(GEN3, [{**own, "turns_active": 0.1}, SKARMORY, SWAMPERT], [{"species": "Golem"}])
    assert fresh.choice(player) in ("Flamethrower", "Wing Attack")
    stays = Board(GEN3, [SWAMPERT, own], [{"species": "Golem"}])
    assert stays.choice(player) == "Surf"


def test_grunt_draws_its_rolls() -> None:
    """Two attacks a few percent apart are both used, one that is far behind never; and accuracy counts for nothing."""
    own = {"species": "Blissey", "moves": ["Thunderbolt", "Ice Beam", "Water Pulse"]}
    shares = Board(GEN3, [own, SWAMPERT], [{"species": "Snorlax"}]).shares(load_player("grunt", GEN3))
    assert set(shares) == {"Thunderbolt", "Ice Beam"}
    assert min(shares.values()) > 0.3
    gambler = {"species": "Starmie", "moves": ["Hydro Pump", "Surf"]}
    assert Board(GEN3, [gambler, SWAMPERT], [{"species": "Snorlax"}]).choice(load_player("grunt", GEN3)) == "Hydro Pump"


# --- gym leader -----------------------------------------------------------------------------------------------------


def test_a_certain_knock_out_comes_first_and_with_priority_when_slower() -> None:
    player = load_player("gym_leader")
    own = {"species": "Scizor", "moves": ["Superpower", "Bullet Punch", "Swords Dance"], "turns_active": 0.1}
    foe = {"species": "Weavile", "hp": 0.1}
    assert Board(GEN4, [own, SWAMPERT], [foe]).shares(player, 30) == {"Bullet Punch": 1.0}


def test_gym_leader_prefers_a_sure_knock_out_to_a_stronger_gamble() -> None:
    own = {"species": "Starmie", "moves": ["Hydro Pump", "Surf"]}
    board = Board(GEN3, [own, SWAMPERT], [{"species": "Snorlax", "hp": 0.18}])
    assert board.shares(load_player("gym_leader", GEN3), 30) == {"Surf": 1.0}


def test_gym_leader_sets_up_half_the_time_on_its_first_turn() -> None:
    player = load_player("gym_leader", GEN3)
    own = {"species": "Snorlax", "moves": ["Body Slam", "Curse"], "turns_active": 0.1}
    foe = {"species": "Milotic"}
    assert Board(GEN3, [own, SWAMPERT], [foe]).shares(player)["Curse"] == pytest.approx(0.5, abs=0.08)
    later = Board(GEN3, [{**own, "turns_active": 0.2}, SWAMPERT], [foe])
    hurt = Board(GEN3, [{**own, "hp": 0.85}, SWAMPERT], [foe])
    full = Board(GEN3, [{**own, "boost_atk": 1.0, "boost_def": 1.0}, SWAMPERT], [foe])
    for board in (later, hurt, full):
        assert board.shares(player, 40) == {"Body Slam": 1.0}


def test_gym_leader_leaves_before_the_song_ends() -> None:
    player = load_player("gym_leader", GEN3)
    singing = {**SNORLAX, "perish": 1.0}
    assert Board(GEN3, [singing, SWAMPERT], [{"species": "Milotic"}]).choice(player) == "Swampert"
    early = {**SNORLAX, "perish": 0.5}
    assert Board(GEN3, [early, SWAMPERT], [{"species": "Milotic"}]).choice(player) == "Body Slam"


# --- Emerald Kaizo --------------------------------------------------------------------------------------------------


def test_kaizo_wastes_no_move() -> None:
    """What would do nothing is never used while anything else is there."""
    player = load_player("emerald_kaizo", GEN4)
    cases = [
        ("Thunder Wave", {"species": "Swampert"}, {}),
        ("Toxic", {"species": "Metagross"}, {}),
        ("Will-O-Wisp", {"species": "Heatran"}, {}),
        ("Toxic", {"species": "Milotic", "status": "par"}, {}),
        ("Leech Seed", {"species": "Celebi"}, {}),
        ("Hypnosis", {"species": "Milotic", "substitute": 1}, {}),
        ("Thunder Wave", {"species": "Milotic"}, {"opponent_safeguard": 0.25}),
        ("Earthquake", {"species": "Gengar"}, {}),
        ("Earthquake", {"species": "Gengar", "ability": "Levitate"}, {}),
        ("Surf", {"species": "Vaporeon"}, {}),
        ("Stealth Rock", {"species": "Milotic"}, {"opponent_stealth_rock": 1}),
        ("Spikes", {"species": "Milotic"}, {"opponent_spikes": 1}),
        ("Reflect", {"species": "Snorlax"}, {"own_reflect": 0.25}),
        ("Rain Dance", {"species": "Milotic"}, {"weather": "RainDance"}),
        ("Dream Eater", {"species": "Milotic"}, {}),
        ("Sleep Talk", {"species": "Milotic"}, {}),
        ("Recover", {"species": "Milotic"}, {}),
        ("Splash", {"species": "Milotic"}, {}),
        ("Fake Out", {"species": "Snorlax"}, {}),
        ("Perish Song", {"species": "Milotic", "perish": 0.5}, {}),
    ]  # fmt: skip
    for move, foe, field in cases:
        own = {"species": "Mew", "moves": [move, "Swift"]}
        board = Board(GEN4, [own, SWAMPERT], [foe], **field)
        if foe["species"] == "Gengar":
            own["moves"] = [move, "Psychic"]
            board = Board(GEN4, [own, SWAMPERT], [foe], **field)
        assert move not in board.shares(player, 40), (move, foe, field)


@pytest.mark.parametrize(
    ("species", "moves", "foe", "allowed", "forbidden"),
    [
        ({"species": "Starmie", "stat_spe": 0.5}, ["Thunder Wave", "Surf"], {"species": "Jolteon"}, GEN4, "gen9ou"),
        ({"species": "Breloom"}, ["Spore", "Mach Punch"], {"species": "Celebi"}, GEN4, "gen9ou"),
        ({"species": "Arcanine"}, ["Roar", "Body Slam"], {"species": "Slowbro", "boost_spd": 0.34}, GEN2, "gen1ou"),
    ],
)
def test_kaizo_knows_what_each_generation_forbids(
    species: dict[str, object], moves: list[str], foe: dict[str, object], allowed: str, forbidden: str
) -> None:
    own = {**species, "moves": moves}
    for format, is_used in ((allowed, True), (forbidden, False)):
        shares = Board(format, [own, GEODUDE], [foe]).shares(load_player("emerald_kaizo", format), 40)
        assert (moves[0] in shares) == is_used, format


def test_kaizo_sleeps_one_and_not_two() -> None:
    player = load_player("emerald_kaizo", "gen1ou")
    own = {"species": "Exeggutor", "moves": ["Sleep Powder", "Psychic"]}
    awake = Board("gen1ou", [own, GEODUDE], [{"species": "Chansey"}, {"species": "Starmie"}]).shares(player, 100)
    assert awake["Sleep Powder"] > 0.6
    asleep = [{"species": "Chansey"}, {"species": "Starmie", "status": "slp"}]
    assert Board("gen1ou", [own, GEODUDE], asleep).shares(player, 40) == {"Psychic": 1.0}


def test_kaizo_takes_the_knock_out() -> None:
    player = load_player("emerald_kaizo", GEN4)
    own = {"species": "Scizor", "moves": ["X-Scissor", "Bullet Punch", "Swords Dance"], "turns_active": 0.1}
    assert Board(GEN4, [own, SWAMPERT], [{"species": "Weavile", "hp": 0.1}]).shares(player, 40) == {"Bullet Punch": 1.0}


def test_kaizo_lays_hazards_early_and_not_for_the_last() -> None:
    player = load_player("emerald_kaizo", GEN4)
    own = {"species": "Skarmory", "moves": ["Spikes", "Drill Peck"], "turns_active": 0.1}
    foe = {"species": "Snorlax"}
    assert Board(GEN4, [own, SWAMPERT], [foe]).shares(player, 60)["Spikes"] > 0.7
    assert "Spikes" not in Board(GEN4, [own, SWAMPERT], [foe], opponent_remaining=1 / 6).shares(player, 40)


def test_the_last_pokemon_terastallizes() -> None:
    own = {"species": "Garchomp", "moves": ["Earthquake", "Dragon Claw"]}
    foe = {"species": "Heatran"}
    for kind in ("grunt", "gym_leader", "emerald_kaizo", "kaizo_plus"):
        player = load_player(kind, "gen9ou")
        assert Board("gen9ou", [own], [foe]).gimmick().choice(player) == "Earthquake+", kind
        assert Board("gen9ou", [own], [foe]).choice(player) == "Earthquake", f"{kind}: not allowed"
        assert Board("gen9ou", [own, SWAMPERT], [foe]).gimmick().choice(player) == "Earthquake", kind


def test_kaizo_plus_leaves_for_a_check_and_bad_stages() -> None:
    player = load_player("kaizo_plus", GEN3)
    own = {"species": "Charizard", "moves": ["Flamethrower"]}
    foe = {"species": "Tyranitar", "moves": ["Rock Slide"]}
    assert Board(GEN3, [own, SWAMPERT], [foe]).choice(player) == "Swampert"
    assert Board(GEN3, [SWAMPERT, own], [foe]).choice(player) in SWAMPERT["moves"]
    slammer = {"species": "Snorlax", "moves": ["Body Slam", "Earthquake"]}
    porygon = {"species": "Porygon2", "moves": ["Tackle"]}
    assert Board(GEN3, [slammer, STARMIE], [porygon]).choice(player) in slammer["moves"]
    assert Board(GEN3, [{**slammer, "boost_atk": -0.5}, STARMIE], [porygon]).choice(player) == "Starmie"


# --- against each other, and refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["gen1ou", "gen9ou"])
def test_each_rung_beats_a_much_lower_one(format: str) -> None:
    game = ShowdownGame(format=format)
    kinds = ("uniform", "trainer", "grunt", "gym_leader", "emerald_kaizo", "kaizo_plus")
    specs = [PolicySpec(kind, kind) for kind in kinds]
    pairs = [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)]
    with Arena(game, num_lanes=64, num_workers=1) as arena:
        results = arena.play(specs, paired_matches(game, pairs, 40, seed=78), seed=5)
    for better, worse in pairs:
        score = [
            r.result.returns[r.match.policies.index(better)]
            for r in results
            if set(r.match.policies) == {better, worse} and r.counted
        ]
        assert len(score) == 40
        assert np.mean(score) > 0.1, (kinds[better], kinds[worse])


@pytest.mark.parametrize("kinds", [LADDER])
def test_refusals(kinds: Sequence[str]) -> None:
    for kind in kinds:
        with pytest.raises(InputError, match=r"unknown parameters \['luck'\]"):
            load_player(kind, luck=1)
    with pytest.raises(InputError, match="'good_switching' is 1, expected true or false"):
        load_player("trainer", good_switching=1)
    with pytest.raises(InputError, match="'epsilon' is 'often', expected a number"):
        load_player("max_power", epsilon="often")
    with pytest.raises(InputError, match="epsilon is 2"):
        load_player("max_power", epsilon=2)
    assert load_player("max_power", epsilon=0.1) is not None
