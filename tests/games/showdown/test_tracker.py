"""What the tracker makes of the protocol, told message by message."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from games.showdown.following import SCRIPTS, observation_of, vocabulary
from pokenash.games.showdown.node import node_environment, node_executable, script_directory
from pokenash.games.showdown.observation import Layout, decode

Tell = Callable[[str, list[Any]], list[dict[str, Any]]]

LOOK = {"look": True}


def mon(name: str, species: str = "", **settings: Any) -> dict[str, Any]:
    """A Pokémon as requests describe it."""
    details = f"{species or name}{settings.pop('details', '')}"
    entry: dict[str, Any] = {
        "ident": f"p1: {name}",
        "details": details,
        "condition": "300/300",
        "active": False,
        "stats": {"atk": 200, "def": 210, "spa": 220, "spd": 230, "spe": 240},
        "moves": ["tackle", "growl"],
        "baseAbility": "",
        "item": "",
    }
    return entry | settings


def request(*team: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A request for a move of the first of the team."""
    first = {**team[0], "active": True}
    moves = [{"move": name, "id": name, "pp": 56, "maxpp": 56, "disabled": False} for name in first["moves"]]
    asked = {"active": [{"moves": moves}], "side": {"id": "p1", "pokemon": [first, *team[1:]]}}
    return asked | settings


@pytest.fixture(scope="module")
def tell() -> Iterator[Tell]:
    """Tells a story to a tracker of p1: decoded observations at each look, with the ``"mask"``; and choices."""
    command = [str(node_executable()), str(SCRIPTS / "tell.js"), str(script_directory())]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=node_environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stories, answers = process.stdin, process.stdout

        def tell(format: str, story: list[Any]) -> list[dict[str, Any]]:
            stories.write(json.dumps({"format": format, "player": "p1", "story": story}) + "\n")
            stories.flush()
            told = []
            for answer in json.loads(answers.readline()):
                if "row" in answer:
                    seen = decode(observation_of(answer["row"]), vocabulary(format))
                    told.append(seen | {"mask": answer["mask"], "observation": observation_of(answer["row"])})
                else:
                    told.append(answer)
            return told

        yield tell
        stories.close()


def opponents(observation: dict[str, Any]) -> list[dict[str, Any]]:
    """The opponent's Pokémon that are known."""
    return [one for one in observation["pokemon"][6:] if one]


def moves_of(one: dict[str, Any]) -> list[str]:
    """Names of the moves that are known."""
    return [one[f"move_{slot}"] for slot in (1, 2, 3, 4) if one[f"move_{slot}"]]


GEN1 = [
    "|switch|p1a: Tauros|Tauros|300/300",
    "|switch|p2a: Chansey|Chansey|100/100",
    request(mon("Tauros"), mon("Snorlax")),
    "|turn|1",
]


def test_called_moves_are_not_the_callers_own(tell: Tell) -> None:
    (seen,) = tell(
        "gen1ou",
        [
            *GEN1,
            "|move|p2a: Chansey|Metronome|p2a: Chansey",
            "|move|p2a: Chansey|Surf|p1a: Tauros|[from] Metronome",
            "|move|p2a: Chansey|Struggle|p1a: Tauros",
            LOOK,
        ],
    )
    (chansey,) = opponents(seen)
    assert moves_of(chansey) == ["Metronome"]
    assert chansey["last_move"] == "Struggle"


def test_sleep_talk_shows_a_move_without_its_pp(tell: Tell) -> None:
    (seen,) = tell(
        "gen4ou",
        [
            *GEN1,
            "|move|p2a: Chansey|Sleep Talk|p2a: Chansey",
            "|move|p2a: Chansey|Softboiled|p2a: Chansey|[from] move: Sleep Talk",
            LOOK,
        ],
    )
    (chansey,) = opponents(seen)
    assert moves_of(chansey) == ["Sleep Talk", "Soft-Boiled"]
    assert chansey["pp_1"] < 1
    assert chansey["pp_2"] == 1


def test_two_turn_moves_cost_one_pp_and_a_continued_wrap_none(tell: Tell) -> None:
    (seen,) = tell(
        "gen1ou",
        [
            *GEN1,
            "|move|p2a: Chansey|Dig|p1a: Tauros|[still]",
            "|-prepare|p2a: Chansey|Dig",
            "|turn|2",
            "|move|p2a: Chansey|Dig|p1a: Tauros|[from] Dig",
            "|turn|3",
            "|move|p2a: Chansey|Wrap|p1a: Tauros",
            "|turn|4",
            "|move|p2a: Chansey|Wrap|p1a: Tauros|[from] Wrap",
            LOOK,
        ],
    )
    (chansey,) = opponents(seen)
    assert round(chansey["pp_1"] * 16) == 15
    assert round(chansey["pp_2"] * 32) == 31


def test_what_is_seen_while_mimicking_is_remembered_and_mimic_comes_back(tell: Tell) -> None:
    mimicking, after = tell(
        "gen1ou",
        [
            *GEN1,
            "|move|p2a: Chansey|Mimic|p1a: Tauros",
            "|-start|p2a: Chansey|Mimic|Body Slam",
            "|move|p2a: Chansey|Body Slam|p1a: Tauros",
            "|move|p2a: Chansey|Sing|p1a: Tauros",
            LOOK,
            "|switch|p2a: Gengar|Gengar|100/100",
            LOOK,
        ],
    )
    assert moves_of(opponents(mimicking)[0]) == ["Body Slam", "Sing"]
    assert moves_of(opponents(after)[0]) == ["Mimic", "Sing"]
    assert round(opponents(after)[0]["pp_1"] * 16) == 14


def test_a_transformed_pokemon_has_the_others_moves_until_it_leaves(tell: Tell) -> None:
    transformed, back = tell(
        "gen1ou",
        [
            "|switch|p1a: Tauros|Tauros|300/300",
            "|switch|p2a: Ditto|Ditto|100/100",
            request(mon("Tauros", moves=["bodyslam", "blizzard"])),
            "|move|p2a: Ditto|Transform|p1a: Tauros",
            "|-transform|p2a: Ditto|p1a: Tauros",
            "|move|p2a: Ditto|Blizzard|p1a: Tauros",
            LOOK,
            "|switch|p2a: Gengar|Gengar|100/100",
            LOOK,
        ],
    )
    ditto = opponents(transformed)[0]
    assert (ditto["species"], ditto["transform_species"], ditto["type_1"]) == ("Ditto", "Tauros", "Normal")
    assert moves_of(ditto) == ["Body Slam", "Blizzard"]
    assert round(ditto["pp_2"] * 5) == 4
    assert moves_of(opponents(back)[0]) == ["Transform"]
    assert opponents(back)[0]["transform_species"] is None


def test_a_lead_that_transforms_before_the_first_request_has_transformed(tell: Tell) -> None:
    (seen,) = tell(
        "gen9ou",
        [
            "|switch|p1a: Ditto|Ditto|225/225",
            "|switch|p2a: Espeon|Espeon, M|100/100",
            "|-transform|p1a: Ditto|p2a: Espeon|[from] ability: Imposter",
            request(mon("Ditto", moves=["psychic", "yawn"]), mon("Tauros")),
            LOOK,
        ],
    )
    ditto = seen["pokemon"][0]
    assert (ditto["species"], ditto["transform_species"], ditto["type_1"]) == ("Ditto", "Espeon", "Psychic")
    assert moves_of(ditto) == ["Psychic", "Yawn"]


def test_pressure_that_is_known_doubles_the_cost(tell: Tell) -> None:
    story = [
        "|switch|p1a: Suicune|Suicune|300/300",
        "|switch|p2a: Chansey|Chansey|100/100",
        request(mon("Suicune", baseAbility="pressure")),
        "|move|p2a: Chansey|Seismic Toss|p1a: Suicune",
        "|move|p2a: Chansey|Wish|p2a: Chansey",
        LOOK,
    ]
    (seen,) = tell("gen4ou", story)
    (chansey,) = opponents(seen)
    assert round(chansey["pp_1"] * 32) == 30
    assert round(chansey["pp_2"] * 16) == 15


def test_generation_1_binding_holds_until_the_binder_does_something_else(tell: Tell) -> None:
    bound, free = tell(
        "gen1ou",
        [
            *GEN1,
            "|move|p2a: Chansey|Wrap|p1a: Tauros",
            "|-damage|p1a: Tauros|290/300",
            LOOK,
            "|turn|2",
            "|move|p2a: Chansey|Body Slam|p1a: Tauros",
            LOOK,
        ],
    )
    assert bound["pokemon"][0]["partially_trapped"]
    assert not free["pokemon"][0]["partially_trapped"]


def test_generation_1_haze_ends_screens_and_seeds_but_not_substitutes(tell: Tell) -> None:
    before, after = tell(
        "gen1ou",
        [
            *GEN1,
            "|-start|p2a: Chansey|Reflect",
            "|-start|p2a: Chansey|move: Leech Seed",
            "|-start|p2a: Chansey|Substitute",
            "|-boost|p2a: Chansey|spa|2",
            LOOK,
            "|-activate|p2a: Chansey|move: Haze",
            "|-clearallboost|[silent]",
            "|-end|p2a: Chansey|move: Leech Seed|[silent]",
            "|-end|p2a: Chansey|Reflect|[silent]",
            LOOK,
        ],
    )
    (chansey,) = opponents(before)
    assert (chansey["reflect"], chansey["leech_seed"], chansey["substitute"], chansey["boost_spa"]) == (
        True,
        True,
        True,
        2,
    )
    (chansey,) = opponents(after)
    assert (chansey["reflect"], chansey["leech_seed"], chansey["substitute"], chansey["boost_spa"]) == (
        False,
        False,
        True,
        0,
    )


def test_sleep_turns_are_counted_and_forgotten_when_it_wakes(tell: Tell) -> None:
    asleep, awake = tell(
        "gen1ou",
        [
            *GEN1,
            "|-status|p2a: Chansey|slp|[from] move: Sing",
            "|cant|p2a: Chansey|slp",
            "|cant|p2a: Chansey|slp",
            LOOK,
            "|-curestatus|p2a: Chansey|slp|[msg]",
            LOOK,
        ],
    )
    assert opponents(asleep)[0]["status"] == "slp"
    assert opponents(asleep)[0]["status_turns"] == 2
    assert opponents(awake)[0]["status"] is None
    assert opponents(awake)[0]["status_turns"] == 0


def test_what_ends_with_a_switch_ends_and_baton_pass_hands_on(tell: Tell) -> None:
    passed, switched = tell(
        "gen4ou",
        [
            *GEN1,
            "|-boost|p2a: Chansey|def|2",
            "|-start|p2a: Chansey|Substitute",
            "|-start|p2a: Chansey|Encore",
            "|switch|p2a: Ninjask|Ninjask|100/100|[from] Baton Pass",
            LOOK,
            "|switch|p2a: Chansey|Chansey|100/100",
            LOOK,
        ],
    )
    ninjask = opponents(passed)[1]
    assert (ninjask["active"], ninjask["boost_def"], ninjask["substitute"], ninjask["encore"]) == (True, 2, True, False)
    chansey = opponents(switched)[0]
    assert (chansey["active"], chansey["boost_def"], chansey["substitute"]) == (True, 0, False)


def test_an_illusion_is_put_right_when_it_ends(tell: Tell) -> None:
    fooled, knowing = tell(
        "gen9ou",
        [
            request(mon("Tauros"), teamPreview=True, active=None),
            "|poke|p2|Zoroark-Hisui, M|",
            "|poke|p2|Garchomp, M|",
            "|teampreview",
            "|switch|p1a: Tauros|Tauros|300/300",
            "|switch|p2a: Chomp|Garchomp, M|100/100",
            request(mon("Tauros")),
            "|turn|1",
            "|move|p2a: Chomp|Shadow Ball|p1a: Tauros",
            "|-damage|p2a: Chomp|90/100|[from] item: Life Orb",
            LOOK,
            "|move|p1a: Tauros|Tackle|p2a: Chomp",
            "|-damage|p2a: Chomp|40/100",
            "|replace|p2a: Fox|Zoroark-Hisui, M",
            "|-end|p2a: Fox|Illusion",
            LOOK,
        ],
    )
    zoroark, garchomp = opponents(fooled)
    assert (garchomp["active"], zoroark["active"], garchomp["hp"] < 1) == (True, False, True)
    assert moves_of(garchomp) == ["Shadow Ball"]
    zoroark, garchomp = opponents(knowing)
    assert (garchomp["active"], garchomp["hp"], moves_of(garchomp), garchomp["item"]) == (False, 1, [], None)
    assert (zoroark["active"], round(zoroark["hp"], 2), moves_of(zoroark)) == (True, 0.4, ["Shadow Ball"])
    assert (zoroark["ability"], zoroark["item"]) == ("Illusion", "Life Orb")
    assert not garchomp["item_known"]


def test_own_illusions_take_their_boosts_from_the_request_that_names_them(tell: Tell) -> None:
    (seen,) = tell(
        "gen9ou",
        [
            "|switch|p1a: Tauros|Tauros|300/300",
            "|-boost|p1a: Tauros|spa|2",
            request(mon("Zoroark"), mon("Tauros")),
            LOOK,
        ],
    )
    zoroark, tauros = seen["pokemon"][:2]
    assert (zoroark["active"], zoroark["boost_spa"]) == (True, 2)
    assert (tauros["active"], tauros["boost_spa"]) == (False, 0)


def test_items_that_change_hands_are_known_on_both_sides(tell: Tell) -> None:
    (seen,) = tell(
        "gen2ou",
        [*GEN1, "|-item|p1a: Tauros|Leftovers|[from] move: Thief|[of] p2a: Chansey", LOOK],
    )
    (chansey,) = opponents(seen)
    assert (chansey["item"], chansey["item_known"], chansey["last_item"]) == (None, True, "Leftovers")


def test_abilities_belong_to_whom_the_message_means(tell: Tell) -> None:
    # Healing by an ability names the attacker after [of]; damage by one names the holder.
    (seen,) = tell(
        "gen4ou",
        [
            *GEN1,
            "|-heal|p2a: Chansey|100/100|[from] ability: Water Absorb|[of] p1a: Tauros",
            "|switch|p2a: Garchomp|Garchomp|100/100",
            "|-damage|p1a: Tauros|270/300|[from] ability: Rough Skin|[of] p2a: Garchomp",
            "|-weather|Sandstorm|[from] ability: Sand Stream|[of] p2a: Garchomp",
            LOOK,
        ],
    )
    chansey, garchomp = opponents(seen)
    assert chansey["ability"] == "Water Absorb"
    assert garchomp["ability"] == "Sand Stream"
    assert seen["pokemon"][0]["ability"] is None


def test_screens_and_hazards_go_with_their_side_and_court_change_swaps_them(tell: Tell) -> None:
    before, after = tell(
        "gen9ou",
        [
            *GEN1,
            "|-sidestart|p2: Opponent|Spikes",
            "|-sidestart|p2: Opponent|Spikes",
            "|-sidestart|p1: Me|Reflect",
            "|turn|2",
            LOOK,
            "|-swapsideconditions",
            LOOK,
        ],
    )
    assert (before["global"]["opponent_spikes"], before["global"]["own_reflect"]) == (2, 2)
    assert (after["global"]["own_spikes"], after["global"]["opponent_reflect"]) == (2, 2)
    assert after["global"]["opponent_spikes"] == 0


def test_own_slots_keep_the_order_of_the_first_request(tell: Tell) -> None:
    first, second = tell(
        "gen1ou",
        [
            *GEN1,
            LOOK,
            "|switch|p1a: Snorlax|Snorlax|300/300",
            request(mon("Snorlax"), mon("Tauros", condition="200/300 par")),
            LOOK,
        ],
    )
    assert [one["species"] for one in first["pokemon"][:2]] == ["Tauros", "Snorlax"]
    assert [one["species"] for one in second["pokemon"][:2]] == ["Tauros", "Snorlax"]
    assert second["pokemon"][0]["status"] == "par"
    assert second["pokemon"][1]["active"]
    assert (first["mask"][4:6], second["mask"][4:6]) == ([0, 1], [1, 0])


def test_bringing_three_of_six_asks_three_times_and_switches_by_team_slot(tell: Tell) -> None:
    team = [mon(name) for name in ("Tauros", "Snorlax", "Chansey", "Starmie", "Alakazam", "Exeggutor")]
    preview = request(*team, teamPreview=True, maxChosenTeamSize=3, active=None)
    answers = tell(
        "gen9bssregi",
        [
            preview,
            {"choose": 4 + 3},
            LOOK,
            {"choose": 4 + 0},
            {"choose": 4 + 5},
            "|switch|p1a: Starmie|Starmie|300/300",
            request(team[3], team[0], team[5]),
            LOOK,
            {"choose": 4 + 5},
        ],
    )
    assert [answer["choice"] for answer in answers if "choice" in answer] == [None, None, "team 4,1,6", "switch 3"]
    picking, playing = (answer for answer in answers if "mask" in answer)
    assert picking["mask"][4:10] == [1, 1, 1, 0, 1, 1]
    assert picking["pokemon"][3]["active"]
    assert playing["mask"][4:10] == [1, 0, 0, 0, 0, 1]
    assert [bool(one) for one in playing["pokemon"][:6]] == [True, False, False, True, False, True]
    assert (playing["global"]["own_team_size"], playing["global"]["own_remaining"]) == (3, 3)


def test_a_preview_shows_the_opponents_team_and_how_many_it_brings(tell: Tell) -> None:
    preview = request(mon("Tauros"), teamPreview=True, maxChosenTeamSize=3, active=None)
    shown = ["Arceus-*", "Urshifu-*, M", "Tauros, M", "Snorlax, L50, F"]
    story = [*(f"|poke|p2|{details}|" for details in shown), "|teampreview|3", preview, LOOK]
    before, after = tell(
        "gen9bssregi",
        [
            *story,
            "|switch|p2a: Bear|Urshifu-Rapid-Strike, M|100/100",
            "|-damage|p2a: Bear|0 fnt",
            "|faint|p2a: Bear",
            LOOK,
        ],
    )
    assert [one["species"] for one in opponents(before)] == ["Arceus", "Urshifu", "Tauros", "Snorlax"]
    assert [one["revealed"] for one in opponents(before)] == [False] * 4
    assert before["global"]["opponent_team_size"] == 3
    assert [one["species"] for one in opponents(after)] == ["Arceus", "Urshifu-Rapid-Strike", "Tauros", "Snorlax"]
    assert opponents(after)[1]["fainted"]
    assert after["global"]["opponent_remaining"] == 2


def test_pokemon_of_one_nickname_are_told_apart_by_species(tell: Tell) -> None:
    (seen,) = tell(
        "gen1ou",
        [
            *GEN1,
            "|switch|p2a: Chansey|Gengar|80/100",
            "|switch|p2a: Chansey|Chansey|90/100",
            LOOK,
        ],
    )
    chansey, gengar = opponents(seen)
    assert (chansey["species"], chansey["active"], round(chansey["hp"], 2)) == ("Chansey", True, 0.9)
    assert (gengar["species"], gengar["active"], round(gengar["hp"], 2)) == ("Gengar", False, 0.8)


def test_trapped_pokemon_may_not_switch_and_perhaps_trapped_ones_may(tell: Tell) -> None:
    trapped, perhaps = request(mon("Tauros"), mon("Snorlax")), request(mon("Tauros"), mon("Snorlax"))
    trapped["active"][0]["trapped"] = True
    perhaps["active"][0]["maybeTrapped"] = True
    first, second = tell("gen9ou", [trapped, LOOK, perhaps, LOOK])
    assert first["mask"][4:10] == [0, 0, 0, 0, 0, 0]
    assert second["mask"][4:10] == [0, 1, 0, 0, 0, 0]
    assert (first["global"]["trapped"], second["global"]["maybe_trapped"]) == (True, True)


def test_only_fainted_pokemon_can_be_revived(tell: Tell) -> None:
    team = [mon("Tauros", reviving=True), mon("Snorlax", condition="0 fnt"), mon("Chansey")]
    asked = request(*team, forceSwitch=[True])
    del asked["active"]
    (seen,) = tell("gen9ou", [asked, LOOK])
    assert seen["mask"][:10] == [0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert seen["global"]["request"] == "revive"


def test_gimmicks_take_the_four_actions_after_the_switches(tell: Tell) -> None:
    asked = request(mon("Tauros", teraType="Water"))
    asked["active"][0]["canTerastallize"] = "Water"
    asked["active"][0]["moves"][1]["disabled"] = True
    seen, chosen = tell("gen9ou", [asked, LOOK, {"choose": 10}])
    assert seen["mask"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert [move["gimmick_1"] for move in seen["moves"]] == [True, False]
    assert seen["pokemon"][0]["tera_type"] == "Water"
    assert chosen == {"choice": "move 1 terastallize"}


def test_unknown_messages_and_names_change_nothing(tell: Tell) -> None:
    before, after = tell(
        "gen1ou",
        [
            *GEN1,
            LOOK,
            "|-newmessage|p2a: Chansey|what is this",
            "|-start|p2a: Chansey|Some New Effect",
            "|-activate||move: Splash",
            "|-sidestart|p2: Opponent|Some New Condition",
            "no protocol at all",
            "|",
            "",
            LOOK,
        ],
    )
    del before["observation"], after["observation"]
    assert before == after


WORDS = st.sampled_from(
    [
        *("", "p1a: Tauros", "p2a: Chansey", "p2: Gengar", "p1: Me", "p3a: Who", "null", "Tauros, L50, F", "Zoroark"),
        *("50/100", "300/100 slp", "0 fnt", "abc", "-1", "7", "99", "atk", "spe", "evasion", "none", "RainDance"),
        *(
            "[from] ability: Trace",
            "[from] item: Leftovers",
            "[of] p2a: Chansey",
            "[from]",
            "[of]",
            "[silent]",
            "[miss]",
        ),
        *("move: Reflect", "Spikes", "typechange", "typeadd", "Water/???", "Mimic", "Disable", "Substitute", "perish3"),
        *(
            "stockpile3",
            "Dynamax",
            "Future Sight",
            "constructor",
            "__proto__",
            "Skill Swap",
            "ability: Mummy",
            "trapped",
        ),
        *("Protect", "Wish", "Transform", "Rollout", "[consumed]", "protosynthesisspe", "Trick Room", "Wrap", "Water"),
    ]
)
KINDS = st.sampled_from(
    (
        "switch drag replace detailschange -formechange -transform -mega -primal -burst -terastallize faint poke "
        "teampreview teamsize move cant -miss -fail -prepare -anim -mustrecharge -zpower -damage -heal -sethp -status "
        "-curestatus -cureteam -boost -unboost -setboost -swapboost -copyboost -invertboost -clearboost "
        "-clearpositiveboost -clearnegativeboost -clearallboost -ability -endability -item -enditem -immune -block "
        "-start -end -singleturn -singlemove -activate -weather -fieldstart -fieldend -sidestart -sideend "
        "-swapsideconditions turn"
    ).split()
)
MESSAGES = st.lists(st.tuples(KINDS, st.lists(WORDS, max_size=5)), max_size=40)


@given(MESSAGES)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_however_odd_leads_out_of_the_observation_space(
    tell: Tell, told: list[tuple[str, list[str]]]
) -> None:
    sizes = {kind: len(names) for kind, names in vocabulary("gen9ou").items()}
    space = Layout.load().observation_space(sizes)
    lines = ["|".join(["", kind, *words]) for kind, words in told]
    (seen,) = tell("gen9ou", [request(mon("Tauros"), mon("Snorlax")), *lines, LOOK])
    assert space.contains(seen["observation"])
