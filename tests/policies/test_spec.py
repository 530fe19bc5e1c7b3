"""Specs, the kinds that load them, and population files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.games.core import Game
from pokenash.policies import (
    Policy,
    PolicySpec,
    Uniform,
    check_population,
    load_policy,
    load_population,
    mixture_spec,
    policy_kinds,
    register_policy,
    save_population,
)
from pokenash.policies.spec import file_sha256


@pytest.fixture
def game() -> Game:
    return AECGame("pettingzoo.classic.tictactoe_v3:env")


class FromFactory(Uniform):
    def __init__(self, size: int, checkpoint: Path | None) -> None:
        self.size = size
        self.checkpoint = checkpoint


def factory(game: Game, size: int = 1, checkpoint: Path | None = None) -> Policy:
    assert game.num_actions == 9
    return FromFactory(size, checkpoint)


def not_a_policy(game: Game) -> str:
    return "nothing"


def test_a_spec_goes_to_json_and_back() -> None:
    full = PolicySpec("br_0.final+x-y", "network", {"depth": 2}, "a/b.safetensors", "00ff")
    assert PolicySpec.from_json(json.loads(json.dumps(full.to_json()))) == full
    assert PolicySpec("u", "uniform").to_json() == {"name": "u", "kind": "uniform"}


@pytest.mark.parametrize("data", [{}, {"name": "a"}, {"name": "a", "kind": "uniform", "more": 1}, [], "uniform"])
def test_what_is_no_spec_is_refused(data: Any) -> None:
    with pytest.raises(InputError, match="not a policy spec"):
        PolicySpec.from_json(data)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "-a", "é"])
def test_names_are_fit_for_file_names(name: str) -> None:
    with pytest.raises(InputError, match="expected letters, digits"):
        PolicySpec(name, "uniform")


def test_an_unknown_kind_is_answered_with_the_known_ones(game: Game) -> None:
    with pytest.raises(InputError, match=r"unknown policy kind 'unifrom'; known: .*uniform"):
        load_policy(PolicySpec("u", "unifrom"), game)


def test_a_live_policy_is_loaded_as_it_is(game: Game) -> None:
    policy = Uniform()
    assert load_policy(policy, game) is policy


def test_a_kind_is_registered_once() -> None:
    register_policy("uniform", "pokenash.policies.uniform:load")
    with pytest.raises(InputError, match="already registered"):
        register_policy("uniform", "elsewhere:load")
    assert "uniform" in policy_kinds()


def test_a_checkpoint_is_checked_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"weights")
    spec = PolicySpec("n", "network", checkpoint=str(path), sha256=file_sha256(path))
    assert spec.checkpoint_path() == path
    path.write_bytes(b"others")
    with pytest.raises(InputError, match=r"has SHA-256 .* expected"):
        spec.checkpoint_path()
    path.unlink()
    with pytest.raises(InputError, match=r"cannot read checkpoint .*No such file"):
        spec.checkpoint_path()
    with pytest.raises(InputError, match="needs a checkpoint and has none"):
        PolicySpec("n", "network").checkpoint_path()


def test_a_policy_of_the_users_own_is_made_by_its_factory(game: Game, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"weights")
    parameters = {"factory": f"{__name__}:factory", "size": 3}
    policy = load_policy(PolicySpec("own", "python", parameters, str(path)), game)
    assert isinstance(policy, FromFactory)
    assert (policy.size, policy.checkpoint) == (3, path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (None, "needs the parameter factory"),
        ("no_colon", "needs the parameter factory"),
        ("no.such.module:f", "cannot import"),
        (f"{__name__}:nothing_here", "cannot import"),
        (f"{__name__}:not_a_policy", "returned a str"),
    ],
)
def test_a_factory_that_cannot_be_used_is_refused(game: Game, name: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        load_policy(PolicySpec("own", "python", {} if name is None else {"factory": name}), game)


def test_a_population_is_read_as_it_was_written_and_moves_with_its_folder(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "iteration_1").mkdir(parents=True)
    weights = run / "weights.safetensors"
    weights.write_bytes(b"weights")
    network = PolicySpec("br", "network", {}, str(weights), file_sha256(weights))
    uniform = PolicySpec("u", "uniform")
    population = [uniform, network, mixture_spec("m", [uniform, network], [0.5, 0.5])]
    save_population(population, run / "iteration_1" / "population.json")
    assert load_population(run / "iteration_1" / "population.json") == population
    assert str(tmp_path) not in (run / "iteration_1" / "population.json").read_text()
    run.rename(tmp_path / "moved")
    moved = load_population(tmp_path / "moved" / "iteration_1" / "population.json")
    assert moved[1].checkpoint_path() == tmp_path / "moved" / "weights.safetensors"
    member = PolicySpec.from_json(moved[2].parameters["members"][1])
    assert member.checkpoint_path() == tmp_path / "moved" / "weights.safetensors"
    assert os.listdir(tmp_path / "moved" / "iteration_1") == ["population.json"]


def test_a_population_has_policies_of_different_names() -> None:
    with pytest.raises(InputError, match="at least one policy, got none"):
        check_population([])
    with pytest.raises(InputError, match="more than once: a"):
        check_population([PolicySpec("a", "uniform"), PolicySpec("b", "uniform"), PolicySpec("a", "max_power")])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "expected an object"),
        ('{"schema": 2, "policies": []}', "expected schema 1, got 2"),
        ('{"schema": 1, "policies": []}', "at least one policy"),
        ('{"schema": 1, "policies": [{"name": "a"}]}', "not a policy spec"),
        (None, "cannot read population file"),
    ],
)
def test_a_file_that_is_no_population_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "population.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=words):
        load_population(path)
