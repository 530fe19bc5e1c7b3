from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from games.showdown.team_texts import METAMONS, NAMES, ONE, THREE, archive, folder, many
from pokenash.errors import InputError
from pokenash.games import load_game
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.node import simulator_version
from pokenash.games.showdown.team_files import read_weights
from pokenash.games.showdown.team_set import TeamSet, mix_team_sets, roster_key, team_sha256
from pokenash.games.showdown.team_sets import load_team_set
from pokenash.games.showdown.teams import default_teams, load_teams


@pytest.fixture(scope="module")
def shipped() -> TeamSet:
    teams = default_teams("gen1ou")
    assert teams is not None
    return teams


def test_uniform_sets_are_drawn_as_they_always_were(shipped: TeamSet) -> None:
    # Recorded with the first version that drew teams.
    drawn = [ShowdownGame().sample_options(rng) for rng in [np.random.default_rng(2026)] for _ in range(6)]
    rng = np.random.default_rng(2026)
    assert drawn == [{"teams": [int(i) for i in rng.integers(24, size=2)]} for _ in range(6)]
    assert drawn[0]["teams"] == GOLDEN_DRAWS[0]
    assert [one["teams"] for one in drawn] == GOLDEN_DRAWS


GOLDEN_DRAWS = [[20, 4], [0, 15], [8, 11], [1, 8], [15, 8], [19, 18]]


def test_weighted_sets_are_drawn_as_often_as_their_weights_say(shipped: TeamSet) -> None:
    game = ShowdownGame(teams=shipped[:4].with_weights([0, 1, 2, 5]))
    rng = np.random.default_rng(1)
    drawn = np.array([game.sample_options(rng)["teams"] for _ in range(4000)])
    for seat in (0, 1):
        counts = np.bincount(drawn[:, seat], minlength=4)
        assert counts[0] == 0
        # Five standard errors of a share of 1/8, the least certain relative to its size.
        assert np.allclose(counts / 4000, [0, 1 / 8, 2 / 8, 5 / 8], atol=5 * np.sqrt(0.25 / 4000))
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 5 / np.sqrt(4000), "the two teams are drawn independently"


def test_each_player_can_have_a_set_of_its_own(shipped: TeamSet) -> None:
    game = ShowdownGame(teams=shipped[:3], second_teams=shipped[10:15].with_weights([1, 0, 0, 0, 1]))
    assert game.teams is not None
    assert game.teams.packed == shipped.packed[:3] + shipped.packed[10:15]
    rng = np.random.default_rng(1)
    drawn = [game.sample_options(rng)["teams"] for _ in range(200)]
    assert {first for first, _ in drawn} == {0, 1, 2}
    assert {second for _, second in drawn} == {3, 7}
    again = load_game(json.loads(json.dumps(game.config())))
    assert again.config() == game.config()
    rng = np.random.default_rng(1)
    assert [again.sample_options(rng)["teams"] for _ in range(200)] == drawn
    with pytest.raises(InputError, match="draws its own teams"):
        ShowdownGame("gen1randombattle", second_teams=ONE)


@pytest.mark.parametrize("weights", [[1, 2], [1, -1, 2], [0, 0, 0], [1, float("nan"), 1], [1, float("inf"), 1]])
def test_weights_that_are_none_are_refused(shipped: TeamSet, weights: list[float]) -> None:
    with pytest.raises(InputError, match="weights"):
        shipped[:3].with_weights(weights)


def test_weights_are_read_by_name_from_json_and_csv(tmp_path: Path, shipped: TeamSet) -> None:
    three = shipped[:3]
    wanted = dict(zip(three.names, (1.0, 0.0, 3.0), strict=True))
    (tmp_path / "w.json").write_text(json.dumps(wanted))
    (tmp_path / "w.csv").write_text("name,weight\n" + "".join(f"{k},{v}\n" for k, v in wanted.items()))
    for path in (tmp_path / "w.json", str(tmp_path / "w.csv")):
        assert load_team_set(three, "gen1ou", weights=path).weights == (0.25, 0, 0.75)
        assert read_weights(path) == wanted
    with pytest.raises(InputError, match=f"1 teams have none .{three.names[0]}. and 1 names are of no team .nobody"):
        three.with_weights({**dict(list(wanted.items())[1:]), "nobody": 1})
    (tmp_path / "w.csv").write_text("name,weight\na,1\na,2\n")
    with pytest.raises(InputError, match="twice"):
        read_weights(tmp_path / "w.csv")
    (tmp_path / "w.csv").write_text("team,share\na,1\n")
    with pytest.raises(InputError, match="columns name and weight"):
        read_weights(tmp_path / "w.csv")


def test_a_mixture_of_sets_draws_each_as_often_as_its_share(tmp_path: Path) -> None:
    folder(tmp_path / "competitive")
    (tmp_path / "other" / "gen1ou").mkdir(parents=True)
    (tmp_path / "other" / "gen1ou" / "a.gen1ou_team").write_text(THREE)
    mixed = load_team_set("competitive=1, other=3", "gen1ou", root=tmp_path)
    assert mixed.names == (*NAMES, "a")
    assert mixed.weights == pytest.approx((1 / 12, 1 / 12, 1 / 12, 3 / 4))
    assert [one["share"] for one in (mixed.origin or {})["mixture"]] == [0.25, 0.75]
    with pytest.raises(InputError, match="takes no weights="):
        load_team_set("competitive=1,other=3", "gen1ou", root=tmp_path, weights=[1, 2, 3, 4])
    with pytest.raises(InputError, match="numbers >= 0 with a positive sum"):
        load_team_set("competitive=0,other=0", "gen1ou", root=tmp_path)
    with pytest.raises(InputError, match="one format"):
        mix_team_sets([])


def test_a_limit_takes_the_same_teams_every_time(tmp_path: Path, shipped: TeamSet) -> None:
    ten = load_team_set(shipped, "gen1ou", limit=10)
    assert len(ten) == 10
    assert ten == load_team_set(shipped, "gen1ou", limit=10)
    assert set(ten) < set(load_team_set(shipped, "gen1ou", limit=11))
    assert len(load_team_set(archive(tmp_path / "a.tar.gz", METAMONS), "gen1ou", limit=2)) == 2
    with pytest.raises(InputError, match="limit"):
        load_team_set(shipped, "gen1ou", limit=0)


def test_the_two_parts_are_the_set_and_share_no_roster(shipped: TeamSet) -> None:
    train, held_out = shipped.split("train"), shipped.split("held-out")
    assert sorted(train.packed + held_out.packed) == sorted(shipped.packed)
    assert not {roster_key(one) for one in train} & {roster_key(one) for one in held_out}
    assert shipped.split("all") is shipped
    assert (train.origin or {})["split"] == {"part": "train", "fraction": 0.2, "seed": 0, "teams_before": 24}
    assert shipped.split("train", seed=1) != train


def test_a_team_stays_on_its_side_when_others_join_or_leave() -> None:
    texts = tuple(many(400))
    large = TeamSet("gen1ou", tuple(map(str, range(400))), texts)
    small = large[100:200]
    assert set(small.split("held-out")) == set(large.split("held-out")) & set(small)
    # A share of 0.2 of 400, within five standard errors.
    assert abs(len(large.split("held-out")) - 80) < 5 * np.sqrt(400 * 0.2 * 0.8)


def test_near_duplicates_are_on_one_side() -> None:
    stats = "EVs: 248 HP / 252 Atk / 252 Def / 252 SpA / 252 SpD / 252 Spe"
    text = f"Nick (Tauros) @ Leftovers\n{stats}\n- Body Slam\n- Earthquake\n\nChansey\n- Rest\n"
    other = "Chansey\n- Rest\n\nBull (Tauros)\n- Earthquake\n- Body Slam\n"
    different = "Chansey\n- Rest\n\nBull (Tauros)\n- Earthquake\n- Hyper Beam\n"
    first, second, third = (load_teams(one, "gen2ou")[0] for one in (text, other, different))
    assert first != second
    assert roster_key(first) == roster_key(second) != roster_key(third)
    pair = TeamSet("gen2ou", ("a", "b"), (first, second))
    sides = {seed: {part for part in ("train", "held-out") if _has(pair, part, seed)} for seed in range(20)}
    assert all(len(side) == 1 for side in sides.values())
    assert len({next(iter(side)) for side in sides.values()}) == 2


def _has(teams: TeamSet, part: Any, seed: int) -> bool:
    try:
        return len(teams.split(part, 0.5, seed)) == 2
    except InputError:
        return False


def test_splits_that_cannot_be_made_are_refused(shipped: TeamSet) -> None:
    with pytest.raises(InputError, match="expected one of all, train, held-out"):
        shipped.split("test")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="between 0 and 1"):
        shipped.split("train", 1.0)
    with pytest.raises(InputError, match="no team of 1 is in the part"):
        [shipped[:1].split(part) for part in ("train", "held-out")]
    with pytest.raises(InputError, match="draws its own teams"):
        ShowdownGame("gen1randombattle", team_split="train")


def test_a_game_plays_the_part_that_it_is_given_and_says_so(shipped: TeamSet) -> None:
    game = ShowdownGame(team_split="held-out")
    assert game.teams == shipped.split("held-out")
    config = json.loads(json.dumps(game.config()))
    assert config["teams"]["origin"]["split"]["part"] == "held-out"
    again = load_game(config)
    assert isinstance(again, ShowdownGame)
    assert again.teams == game.teams
    assert again.config() == game.config()


def test_a_game_that_was_written_down_before_there_were_sets_is_the_same_game(shipped: TeamSet) -> None:
    written = {
        "game": "showdown",
        "format": "gen1ou",
        "teams": {"names": list(shipped.names), "packed": list(shipped.packed)},
        "turn_limit": None,
        "speedups": True,
        "batch_lanes": None,
        "timeout": 60.0,
        "simulator": simulator_version(),
    }
    game = load_game(written)
    assert game.config() == written
    assert ShowdownGame().config() == written, "a run of the default set goes on"
    rng = np.random.default_rng(2026)
    assert [game.sample_options(rng)["teams"] for _ in range(6)] == GOLDEN_DRAWS
    random_teams = {**written, "format": "gen1randombattle", "teams": None}
    assert load_game(random_teams).config() == random_teams


def test_weights_survive_the_config_bit_for_bit(shipped: TeamSet) -> None:
    game = ShowdownGame(teams=shipped.with_weights(np.random.default_rng(3).random(24).tolist()))
    again = load_game(json.loads(json.dumps(game.config())))
    assert isinstance(again, ShowdownGame)
    assert again.teams == game.teams
    first, second = np.random.default_rng(4), np.random.default_rng(4)
    assert [game.sample_options(first) for _ in range(50)] == [again.sample_options(second) for _ in range(50)]


def test_a_battle_is_played_with_the_teams_of_its_indices(shipped: TeamSet) -> None:
    game = ShowdownGame(teams=shipped[:2], second_teams=shipped[5:7])
    with game.vector(2) as vector:
        decisions, _ = vector.start([EpisodeSetup(0, 1, {"teams": [1, 3]}, record=True)])
        results: list[Any] = []
        while not results:
            decisions, results = vector.step(decisions.action_mask.argmax(1))
    assert results[0].record["teams"] == [shipped[1], shipped[6]]
    assert team_sha256(shipped[1]) == hashlib.sha256(shipped[1].encode()).hexdigest()
