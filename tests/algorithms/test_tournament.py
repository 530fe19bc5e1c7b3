"""Tournaments play what the log lacks, and end with the same log whatever happened on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from pokenash.algorithms import EmpiricalGame, MatchLog, play_tournament
from pokenash.arena import Arena, MatchResult
from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.policies import PolicySpec, mixture_spec

GAME = AECGame("pettingzoo.classic.tictactoe_v3:env")
FIRST_LEGAL = PolicySpec("first", "python", {"factory": f"{__name__}:first_legal"})
UNIFORM = PolicySpec("uniform", "uniform")
MIXED = mixture_spec("mixed", [UNIFORM, FIRST_LEGAL], [0.5, 0.5])


def first_legal(game):
    from pokenash.policies import Policy

    class FirstLegal(Policy):
        def act(self, decisions, memory, rng):
            return decisions.action_mask.argmax(axis=1)

    return FirstLegal()


def play(path: Path, population: list[PolicySpec], battles: int = 30, num_lanes: int = 16) -> EmpiricalGame:
    arena = Arena(GAME, num_lanes=num_lanes)
    return play_tournament(arena, MatchLog(path), population, battles=battles, seed=7, block_size=8)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("unbroken") / "log"
    play(path, [UNIFORM, FIRST_LEGAL, MIXED])
    return path.read_bytes()


def test_every_pair_is_played_in_both_seats(tmp_path: Path) -> None:
    game = play(tmp_path / "log", [UNIFORM, FIRST_LEGAL, MIXED])
    assert game.policies == ("uniform", "first", "mixed")
    ordered = game.counts.sum(axis=2)
    assert ordered.tolist() == [[0, 15, 15], [15, 0, 15], [15, 15, 0]]
    assert game.missing(30) == []


@pytest.mark.parametrize("num_lanes", [1, 50])
def test_the_log_does_not_depend_on_the_layout(tmp_path: Path, unbroken: bytes, num_lanes: int) -> None:
    play(tmp_path / "log", [UNIFORM, FIRST_LEGAL, MIXED], num_lanes=num_lanes)
    assert (tmp_path / "log").read_bytes() == unbroken


@pytest.mark.parametrize("share", [0.0, 0.2, 0.55, 0.999])
def test_a_killed_tournament_ends_with_the_log_of_an_unbroken_one(
    tmp_path: Path, unbroken: bytes, share: float
) -> None:
    path = tmp_path / "log"
    path.write_bytes(unbroken[: int(share * len(unbroken))])
    play(path, [UNIFORM, FIRST_LEGAL, MIXED])
    assert path.read_bytes() == unbroken


def test_a_newcomer_and_more_battles_extend_what_was_played(tmp_path: Path, unbroken: bytes) -> None:
    path = tmp_path / "log"
    play(path, [UNIFORM, FIRST_LEGAL])
    assert unbroken.startswith(path.read_bytes())
    play(path, [UNIFORM, FIRST_LEGAL, MIXED])
    assert path.read_bytes() == unbroken
    longer = play(path, [UNIFORM, FIRST_LEGAL, MIXED], battles=40)
    assert path.read_bytes().startswith(unbroken)
    assert longer.missing(40) == []
    at_once = play(tmp_path / "at_once", [UNIFORM, FIRST_LEGAL, MIXED], battles=40)
    assert (at_once.tallies == longer.tallies).all()


def test_nothing_is_played_that_is_there(tmp_path: Path, unbroken: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    path.write_bytes(unbroken)

    def refuse(*args: object, **kwargs: object) -> list[MatchResult]:
        raise AssertionError("played")

    monkeypatch.setattr(Arena, "play", refuse)
    assert play(path, [UNIFORM, FIRST_LEGAL, MIXED]).missing(30) == []


def test_members_of_mixtures_are_in_the_log(tmp_path: Path) -> None:
    play(tmp_path / "log", [UNIFORM, MIXED])
    seats = {(match.policies, match.members) for match in MatchLog(tmp_path / "log")}
    assert seats == {
        (("uniform", "mixed"), (None, "uniform")),
        (("uniform", "mixed"), (None, "first")),
        (("mixed", "uniform"), ("uniform", None)),
        (("mixed", "uniform"), ("first", None)),
    }


def test_bad_input_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one policy"):
        play(tmp_path / "log", [])
    with pytest.raises(InputError, match="more than once: uniform"):
        play(tmp_path / "log", [UNIFORM, UNIFORM])
    with pytest.raises(InputError, match="battles per pair"):
        play(tmp_path / "log", [UNIFORM, MIXED], battles=-2)
    assert not (tmp_path / "log").exists()
