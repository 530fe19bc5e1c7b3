"""The observation ``tensor``: its layout, its space, its words, and that it says what the player was told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from poke_env.data import to_id_str

from games.showdown.following import Decision, decoded, follow, vocabulary
from pokenash.errors import InputError
from pokenash.games.showdown.node import script_directory
from pokenash.games.showdown.observation import VOCABULARY_OF, Layout, decode, describe

FORMATS = ("gen1randombattle", "gen5randombattle", "gen9randombattle")


@pytest.fixture(scope="module", params=FORMATS)
def played(request: pytest.FixtureRequest) -> tuple[str, list[list[Decision]]]:
    """A few battles of a format."""
    return request.param, list(follow(request.param, 3, seed=3))


def test_every_column_has_a_name_of_its_own_and_a_description() -> None:
    layout = Layout.load()
    for block, columns in layout.blocks.items():
        assert len(set(columns)) == len(columns)
        assert list(layout.descriptions[block]) == list(columns)
        assert all(layout.descriptions[block].values())


def test_every_id_column_has_its_vocabulary() -> None:
    layout = Layout.load()
    ids = {name for block, columns in layout.blocks.items() if block.endswith("_ids") for name in columns}
    assert ids == set(VOCABULARY_OF)
    assert set(VOCABULARY_OF.values()) <= set(vocabulary("gen9ou"))


def test_a_vocabulary_begins_with_nothing_and_the_unknown() -> None:
    for names in (vocabulary("gen1ou"), vocabulary("gen9ou")):
        for kind in set(VOCABULARY_OF.values()):
            assert names[kind][:2] == ["", "unknown"]
            assert len(set(names[kind])) == len(names[kind])


def test_generation_1_knows_its_own_and_no_later_ones() -> None:
    names = vocabulary("gen1ou")
    assert names["species"][2:6] == ["MissingNo.", "Bulbasaur", "Ivysaur", "Venusaur"]
    assert {"Mewtwo", "Mew"} <= set(names["species"])
    assert "Chikorita" not in names["species"]
    assert {"Body Slam", "Struggle", "Recharge", "Fight"} <= set(names["moves"])
    assert "Crunch" not in names["moves"]
    assert names["items"] == names["abilities"] == ["", "unknown"]


def test_unknown_columns_and_blocks_are_refused_with_what_there_is() -> None:
    layout = Layout.load()
    assert layout.blocks["pokemon"][layout.column("pokemon", "hp")] == "hp"
    with pytest.raises(InputError, match=r"no column 'health'.*fainted"):
        layout.column("pokemon", "health")
    with pytest.raises(InputError, match=r"no block 'mons'.*pokemon_ids"):
        layout.column("mons", "hp")


def test_observations_lie_in_their_space(played: tuple[str, list[list[Decision]]]) -> None:
    format, battles = played
    sizes = {kind: len(names) for kind, names in vocabulary(format).items()}
    space = Layout.load().observation_space(sizes)
    for battle in battles:
        for decision in battle:
            assert space.contains(decision.observation)


def test_whoever_owes_a_choice_has_one(played: tuple[str, list[list[Decision]]]) -> None:
    for battle in played[1]:
        assert all(any(decision.mask) for decision in battle)


def test_own_team_is_as_the_request_says_and_in_the_first_requests_order(
    played: tuple[str, list[list[Decision]]],
) -> None:
    format, battles = played
    for battle in battles:
        order: dict[int, list[str]] = {}
        for decision in battle:
            entries = {entry["ident"]: entry for entry in decision.request["side"]["pokemon"]}
            slots = order.setdefault(decision.player, list(entries))
            for row, ident in zip(decoded(decision, format)["pokemon"][:6], slots, strict=True):
                entry = entries[ident]
                hp, _, status = entry["condition"].partition(" ")
                current, _, maximum = hp.partition("/")
                assert row["hp"] == pytest.approx(int(current) / int(maximum) if maximum else 0)
                assert (row["status"] or "") == status
                assert row["stat_atk"] == entry["stats"]["atk"]
                assert to_id_str(row["item"] or "") == entry["item"]
                levels = [int(part[1:]) for part in entry["details"].split(", ")[1:] if part[0] == "L"]
                assert [row["level"]] == (levels or [100])
                assert row["active"] == (entry["active"] and status != "fnt")
                if "ability" in entry:
                    assert to_id_str(row["ability"] or "") == entry["ability"]


def test_move_slots_are_those_of_the_request(played: tuple[str, list[list[Decision]]]) -> None:
    format, battles = played
    for decision in battles[0]:
        moves = decoded(decision, format)["moves"]
        asked = decision.request["active"][0]["moves"] if "active" in decision.request else []
        assert len(moves) == len(asked)
        for slot, (ours, theirs) in enumerate(zip(moves, asked, strict=True)):
            assert to_id_str(ours["move"]).startswith(theirs["id"])
            assert ours["enabled"] == (not theirs.get("disabled")) == bool(decision.mask[slot])
            if "pp" in theirs:
                assert ours["pp"] == pytest.approx(theirs["pp"] / theirs["maxpp"])


def test_only_the_own_rows_have_stats(played: tuple[str, list[list[Decision]]]) -> None:
    layout = Layout.load()
    stats = slice(layout.column("pokemon", "stat_hp"), layout.column("pokemon", "stat_spe") + 1)
    for decision in played[1][0]:
        assert (decision.observation["pokemon"][:6, stats] > 0).all()
        assert not decision.observation["pokemon"][6:, stats].any()


def test_the_opponents_rows_fill_in_the_order_of_revelation(played: tuple[str, list[list[Decision]]]) -> None:
    layout = Layout.load()
    species = layout.column("pokemon_ids", "species")
    for battle in played[1]:
        known: dict[int, int] = {}
        for decision in battle:
            rows = decision.observation["pokemon_ids"][6:, species] > 0
            count = int(rows.sum())
            assert rows[:count].all()
            assert count >= known.get(decision.player, 1)
            known[decision.player] = count


def test_decoding_needs_one_row(played: tuple[str, list[list[Decision]]]) -> None:
    format, battles = played
    batch = {block: array[np.newaxis] for block, array in battles[0][0].observation.items()}
    with pytest.raises(InputError, match=r"expected \(12, \d+\): one row"):
        decode(batch, vocabulary(format))


def test_a_description_names_what_matters(played: tuple[str, list[list[Decision]]]) -> None:
    format, battles = played
    decision = battles[0][0]
    text = describe(decision.observation, vocabulary(format))
    assert "turn 1: move is asked" in text
    for entry in decision.request["side"]["pokemon"]:
        assert entry["details"].split(",")[0].split("-")[0] in text
    for move in decision.request["active"][0]["moves"]:
        assert move["move"].split(" ")[0] in text


def test_the_same_story_is_encoded_the_same() -> None:
    first, again = (list(follow("gen1randombattle", 1, seed=9)) for _ in range(2))
    for one, other in zip(first[0], again[0], strict=True):
        assert all(np.array_equal(array, other.observation[block]) for block, array in one.observation.items())


def test_the_layout_on_disk_is_what_python_reads() -> None:
    layout = json.loads((script_directory() / "layout.json").read_text(encoding="utf-8"))
    assert {block: list(columns) for block, columns in Layout.load().blocks.items()} == {
        block: columns for block, columns in layout.items() if block != "schema"
    }
