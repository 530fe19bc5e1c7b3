"""A filter: what the rules keep, and a reason for every file that they drop."""

from __future__ import annotations

import errno
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pokenash.arena import Arena, paired_matches
from pokenash.cli import filter as command
from pokenash.errors import InputError
from pokenash.experiments import filtering, filtering_reading
from pokenash.experiments.collection import collect
from pokenash.experiments.filtering import FilterResult, filter_trajectories
from pokenash.experiments.filtering_rules import FilterRules, measure, team_species
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon import dataset_index
from pokenash.metamon.recording import TrajectoryRecorder
from pokenash.metamon.trajectories import TrajectoryName, read_trajectory, write_trajectory
from pokenash.policies import PolicySpec, load_policy

TIME = datetime(2026, 1, 2, 3, 4, 5)
SPACE = "DefaultActionSpace"


@pytest.fixture(scope="module")
def battle(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One real trajectory, from which others are made."""
    root, game = tmp_path_factory.mktemp("battle"), ShowdownGame("gen1ou")
    player = load_policy(PolicySpec("max_power", "max_power"), game)
    recorder = TrajectoryRecorder(player, game, root, name="a", opponent="b", time=TIME)
    with Arena(game, num_lanes=2) as arena:
        matches = paired_matches(game, [(0, 1)], 2, 3)
        arena.play([recorder, PolicySpec("uniform", "uniform")], matches, seed=1, on_result=recorder.on_result)
    return read_trajectory(recorder.files[0])


def write(
    root: Path, battle: Any, number: int, won: bool, *, turns: int = 8, refused: int = 0, rating: str = "Unrated",
    player: str = "a", lead: str | None = None,
) -> Path:  # fmt: skip
    """A trajectory of so many turns, the first of them refused."""
    state = battle.states[0]
    if lead is not None:
        state = replace(state, player_active_pokemon=replace(state.player_active_pokemon, name=lead))
    states = [replace(state, forced_switch=False)] * (turns + 1)
    name = TrajectoryName(f"battle-{number}", rating, player, "b", TIME, won)
    return write_trajectory(root, name, states, [-1] * refused + [0] * (turns - refused))


def numbers(root: Path) -> list[int]:
    return sorted(int(path.name.split("_")[0].removeprefix("battle-")) for path in root.glob("*/*.json.lz4"))


def apply(tmp_path: Path, **rules: Any) -> FilterResult:
    return filter_trajectories([tmp_path / "root"], tmp_path / "out", FilterRules(**rules))


@pytest.mark.parametrize(
    ("rules", "kept", "reasons"),
    [
        ({}, [0, 1, 2, 3, 4, 5], {}),
        ({"max_refused_rate": 0.25}, [0, 1, 3, 4, 5], {"refused choices": 1}),
        ({"min_turns": 5, "max_turns": 10}, [0, 2, 3, 5], {"too few turns": 1, "too many turns": 1}),
        ({"min_turns": 8, "max_turns": 8}, [0, 2, 3, 5], {"too few turns": 1, "too many turns": 1}),
        ({"min_rating": 1300.0, "max_rating": 1500.0}, [4], {"unrated": 4, "rating too high": 1}),
        ({"min_rating": 1400.0}, [4, 5], {"unrated": 4}),
        ({"min_rating": 1401.0}, [5], {"unrated": 4, "rating too low": 1}),
        ({"max_rating": 1400.0}, [4], {"unrated": 4, "rating too high": 1}),
        ({"result": "win"}, [0, 1, 4], {"other result": 3}),
        ({"result": "loss"}, [2, 3, 5], {"other result": 3}),
        ({"players": ("c d",)}, [5], {"other player": 5}),
        ({"players": ("a", "c-d")}, [0, 1, 2, 3, 4, 5], {}),
        ({"players": ("c-d",), "opponents": ("b",), "formats": ("gen1ou",)}, [5], {"other player": 5}),
        ({"with_species": ("Mewtwo",)}, [3], {"lacks a species": 5}),
        ({"without_species": ("mewtwo",)}, [0, 1, 2, 4, 5], {"has an unwanted species": 1}),
        ({"with_species": ("mewtwo",), "without_species": ("mewtwo", "abra"), "min_turns": 5}, None, None),
        ({"most_per_team": 1}, None, {"more of the team than wanted": 4}),
        ({"most_per_team": 5}, [0, 1, 2, 3, 4, 5], {}),
        # The first rule that drops a file is its reason.
        ({"result": "win", "max_refused_rate": 0.25, "min_turns": 9}, [4], {"other result": 3, "too few turns": 2}),
    ],
)
def test_each_rule_keeps_what_it_says_and_names_what_it_drops(
    tmp_path: Path, battle: Any, rules: dict[str, Any], kept: list[int] | None, reasons: dict[str, int] | None
) -> None:
    root = tmp_path / "root"
    write(root, battle, 0, True, refused=2)
    write(root, battle, 1, True, turns=4)
    write(root, battle, 2, False, refused=3)
    write(root, battle, 3, False, lead="mewtwo")
    write(root, battle, 4, True, turns=12, rating="1400")
    write(root, battle, 5, False, rating="1600", player="c-d")
    before = {path: path.read_bytes() for path in root.rglob("*.lz4")}
    if reasons is None:
        with pytest.raises(InputError, match="left of 6; dropped: 4 lacks a species, 1 too few turns, 1 has an unw"):
            apply(tmp_path, **rules)
        return
    result = apply(tmp_path, **rules)
    assert result.dropped == reasons
    assert result.kept == 6 - sum(reasons.values()) == len(numbers(result.root))
    if kept is not None:
        assert numbers(result.root) == kept
    rows = [json.loads(line) for line in (tmp_path / "out" / "dropped.jsonl").read_text().splitlines()]
    assert Counter(row["reason"] for row in rows) == reasons
    assert not {Path(row["file"]).name for row in rows} & {path.name for path in result.root.glob("*/*")}
    # What is kept is the same data, and what is read stays.
    for path in result.root.glob("*/*.json.lz4"):
        assert path.read_bytes() == before[root / "gen1ou" / path.name]
    assert before == {path: path.read_bytes() for path in root.rglob("*.lz4")}


def test_outcomes_are_balanced_in_all_or_for_every_pair(tmp_path: Path, battle: Any) -> None:
    for number in range(6):
        write(tmp_path / "root", battle, number, number < 5)
    for number in range(6, 10):
        write(tmp_path / "root", battle, number, number < 7, player="c")
    whole = filter_trajectories([tmp_path / "root"], tmp_path / "all", FilterRules(balance="all"))
    assert (whole.kept, whole.wins, whole.dropped) == (8, 4, {"balance of outcomes": 2})
    pairs = filter_trajectories([tmp_path / "root"], tmp_path / "pairs", FilterRules(balance="matchup"))
    assert (pairs.kept, pairs.wins, pairs.dropped) == (4, 2, {"balance of outcomes": 6})
    assert sum(number < 6 for number in numbers(tmp_path / "pairs")) == 2
    # The seed decides who goes; the same seed, the same ones.
    chosen = set()
    for seed in range(8):
        filter_trajectories([tmp_path / "root"], tmp_path / f"{seed}", FilterRules(balance="all", seed=seed))
        filter_trajectories([tmp_path / "root"], tmp_path / f"again{seed}", FilterRules(balance="all", seed=seed))
        assert numbers(tmp_path / f"{seed}") == numbers(tmp_path / f"again{seed}")
        chosen.add(tuple(numbers(tmp_path / f"{seed}")))
    assert len(chosen) > 1


def test_files_that_cannot_be_used_are_dropped_by_name(tmp_path: Path, battle: Any) -> None:
    root = tmp_path / "root"
    good = write(root, battle, 0, True)
    (good.parent / "notes.txt").write_text("mine")
    torn = write(root, battle, 1, True)
    torn.write_bytes(torn.read_bytes()[:40])
    write(tmp_path / "second", battle, 0, True)
    # One that cannot be read gives way to one of its name that can.
    write(tmp_path / "second", battle, 1, True)
    result = filter_trajectories([root, tmp_path / "second"], tmp_path / "out", FilterRules())
    assert result.dropped == {
        "misnamed": 1,
        "damaged": 1,
        "another file of the name came before": 1,
    }
    assert numbers(result.root) == [0, 1]
    assert (result.root / "gen1ou" / good.name).samefile(good)


def test_a_filter_is_whole_or_not_there_and_goes_on_from_what_it_has_read(
    tmp_path: Path, battle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write(tmp_path / "root", battle, number, True)
    read: list[str] = []

    def reading(path: str, action_space: str) -> Any:
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append(Path(path).name)
        return measure(path, action_space)

    monkeypatch.setattr(filtering_reading, "measure", reading)
    with pytest.raises(KeyboardInterrupt):
        apply(tmp_path)
    assert not (tmp_path / "out").exists()
    with (tmp_path / "out.filtering" / "measured.jsonl").open("a") as file:
        file.write('["a line that was cut')
    again: list[str] = []

    def reading_again(path: str, action_space: str) -> Any:
        again.append(Path(path).name)
        return measure(path, action_space)

    monkeypatch.setattr(filtering_reading, "measure", reading_again)
    assert apply(tmp_path).kept == 5
    assert sorted(read + again) == sorted(path.name for path in (tmp_path / "root").glob("*/*"))
    assert not (tmp_path / "out.filtering").exists()
    # Done already; other rules want another place.
    assert apply(tmp_path).kept == 5
    assert len(again) == 2
    with pytest.raises(InputError, match="other rules"):
        apply(tmp_path, min_turns=3)
    # Wherever all of it is moved to.
    (tmp_path / "moved").mkdir()
    for name in ("root", "out"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    assert apply(tmp_path / "moved").kept == 5
    for name in ("root", "out"):
        (tmp_path / "moved" / name).rename(tmp_path / name)
    # What was made of other files is not taken for what would be made now.
    write(tmp_path / "root", battle, 5, True)
    with pytest.raises(InputError, match="files came or went since"):
        apply(tmp_path)


def test_several_processes_find_what_one_finds(tmp_path: Path, battle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering_reading, "_FEW", 1)
    monkeypatch.setattr(filtering_reading, "_BATCH", 4)
    root = tmp_path / "root"
    for number in range(12):
        write(root, battle, number, number % 3 == 0, turns=3 + number, refused=number % 4)
    write(root, battle, 12, True).write_bytes(b"torn")
    rules = FilterRules(max_refused_rate=0.2, min_turns=5, balance="all")
    one = filter_trajectories([root], tmp_path / "one", rules)
    two = filter_trajectories([root], tmp_path / "two", rules, num_workers=2)
    assert replace(two, root=one.root) == one
    assert one.dropped["damaged"] == 1
    for name in ("dropped.jsonl", "filter.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert numbers(tmp_path / "one") == numbers(tmp_path / "two")


def test_files_are_hard_links_or_copies_where_there_are_none(
    tmp_path: Path, battle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "root", battle, 0, True)
    (tmp_path / "out").mkdir()
    assert (apply(tmp_path).root / "gen1ou" / path.name).samefile(path)

    def fail(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("os.link", fail)
    copied = filter_trajectories([tmp_path / "root"], tmp_path / "other", FilterRules()).root / "gen1ou" / path.name
    assert not copied.samefile(path)
    assert copied.read_bytes() == path.read_bytes()


def test_a_full_disk_is_one_error_and_leaves_no_output(
    tmp_path: Path, battle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        write(tmp_path / "root", battle, number, True)
    link, room = filtering._link, iter(range(2))

    def full(source: Path, target: Path) -> None:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        link(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(filtering, "_link", full)
        with pytest.raises(InputError, match=r"cannot make .*out: No space left on device: .*lz4"):
            apply(tmp_path)
    assert not (tmp_path / "out").exists()
    assert apply(tmp_path).kept == 4


def test_a_species_that_no_team_has_is_told_of(tmp_path: Path, battle: Any, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "root", battle, 0, True)
    with caplog.at_level("WARNING", logger="pokenash"):
        assert apply(tmp_path, without_species=("Mewtoo",)).kept == 1
    assert "no team of the files that were read has Mewtoo" in caplog.text


def test_a_large_root_is_indexed(tmp_path: Path, battle: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filtering, "INDEXED_FROM", 3)
    monkeypatch.setattr(dataset_index, "_SETTLED_SECONDS", 0.0)
    for number in range(3):
        write(tmp_path / "root", battle, number, True)
    assert apply(tmp_path).kept == 3
    # The index holds where the root was moved to.
    monkeypatch.setattr(dataset_index, "_list", None)
    assert len(dataset_index.folder_names(tmp_path / "out", "gen1ou").names) == 3


def test_what_leaves_nothing_or_cannot_be_is_refused(tmp_path: Path, battle: Any) -> None:
    write(tmp_path / "root", battle, 0, True)
    with pytest.raises(InputError, match="no trajectory is left of 1; dropped: 1 too few turns"):
        apply(tmp_path, min_turns=100)
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="lies in a root"):
        filter_trajectories([tmp_path / "root"], tmp_path / "root" / "new", FilterRules())
    with pytest.raises(InputError, match="not a directory"):
        filter_trajectories([tmp_path / "nothing"], tmp_path / "out", FilterRules())
    with pytest.raises(InputError, match="expected each root once"):
        filter_trajectories([tmp_path / "root", tmp_path / "root"], tmp_path / "out", FilterRules())
    with pytest.raises(InputError, match="expected at least one root and one worker, got 0 and 1"):
        filter_trajectories([], tmp_path / "out", FilterRules())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    for there in ("mine", "mine/thesis.txt"):
        with pytest.raises(InputError, match="was not made by this filter"):
            filter_trajectories([tmp_path / "root"], tmp_path / there, FilterRules())
    for rules in ({"max_refused_rate": 1.5}, {"min_turns": 5, "max_turns": 4}, {"result": "win", "balance": "all"}):
        with pytest.raises(InputError, match="filter: "):
            FilterRules(**rules)


def test_own_teams_are_told_from_their_species(tmp_path: Path, battle: Any) -> None:
    path = write(tmp_path / "root", battle, 0, True)
    measured = measure(path, SPACE)
    assert measured is not None
    game = ShowdownGame("gen1ou")
    assert game.teams is not None
    known = team_species(game.teams)
    assert all(len(team) == 6 for team in known)
    assert measured.team in known
    assert apply(tmp_path, teams=known).kept == 1
    with pytest.raises(InputError, match="1 other team"):
        filter_trajectories([tmp_path / "root"], tmp_path / "other", FilterRules(teams=known - {measured.team}))


def test_the_command_tells_what_it_dropped_and_why(
    tmp_path: Path, battle: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "root", battle, 0, True)
    write(tmp_path / "root", battle, 1, False, refused=4)
    command.run([str(tmp_path / "root"), "--output", str(tmp_path / "out"), "--max-refused-rate", "0.05"])
    told = capsys.readouterr().out
    assert "dropped: refused choices  1      50.0%" in told
    assert "kept: 1 wins, 0 losses and ties" in told
    assert (tmp_path / "out" / "settings.toml").exists()
    command.run(["--config", str(tmp_path / "out" / "settings.toml")])
    assert "kept: 1 wins" in capsys.readouterr().out


@pytest.mark.parametrize("format_id", ["gen1ou", "gen9ou"])
def test_the_teams_of_a_set_are_those_that_battles_show(tmp_path: Path, format_id: str) -> None:
    game = ShowdownGame(format_id, turn_limit=2)
    assert game.teams is not None
    known = team_species(game.teams)
    uniform = PolicySpec("uniform", "uniform")
    with Arena(game, num_lanes=6) as arena:
        collect(tmp_path, game, uniform, battles=12, seed=1, arena=arena)
    teams = {measured.team for path in tmp_path.glob("trajectories/*/*") if (measured := measure(path, SPACE))}
    assert len(teams) > 4
    assert teams <= known
