"""Networks as policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.policies.decisions import batch

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions, Game
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, PolicySpec, Uniform, load_policy
from pokenash.policies.network import NetworkPolicy, save_network_policy
from pokenash.policies.network_settings import MLPSettings, TransformerSettings
from pokenash.policies.networks import build_network, copy_network, load_network, save_network


class Recorder(Uniform):
    """Plays uniformly and keeps what it was asked."""

    def __init__(self) -> None:
        self.seen: list[Decisions] = []

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> np.ndarray:
        self.seen.append(decisions.select(np.arange(len(decisions))))
        return super().act(decisions, memory, rng)


def decisions_of(game: Game, battles: int = 4) -> Decisions:
    """Real decisions of uniform play, all in one batch."""
    recorder = Recorder()
    with Arena(game, num_lanes=battles) as arena:
        arena.play([recorder, Uniform()], paired_matches(game, [(0, 1)], battles, seed=5), seed=6)
    parts = recorder.seen
    observation = {name: np.concatenate([d.observation[name] for d in parts]) for name in parts[0].observation}
    keys = [np.concatenate([getattr(d, name) for d in parts]) for name in ("lane", "episode", "player", "decision")]
    return Decisions(*keys, observation, np.concatenate([d.action_mask for d in parts]))


@pytest.fixture(scope="module")
def gen1() -> ShowdownGame:
    return ShowdownGame("gen1ou")


@pytest.fixture(scope="module")
def gen9() -> ShowdownGame:
    return ShowdownGame("gen9randombattle")


@pytest.fixture(scope="module")
def battles(gen1: ShowdownGame) -> Decisions:
    return decisions_of(gen1)


def sharp(game: Game, seed: int = 3) -> NetworkPolicy:
    """A fresh network whose scores differ enough for a wrong one to be noticed."""
    network = build_network(game, seed=seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "head" in name:
                parameter.normal_(0, 0.5, generator=torch.Generator().manual_seed(seed))
    return NetworkPolicy(network)


@pytest.fixture(scope="module")
def policy(gen1: ShowdownGame) -> NetworkPolicy:
    return sharp(gen1)


def test_a_saved_network_plays_exactly_as_before(
    tmp_path: Path, gen1: ShowdownGame, policy: NetworkPolicy, battles: Decisions
) -> None:
    spec = save_network_policy("net", policy.network, tmp_path / "net.safetensors", temperature=0.7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "net.safetensors"]
    again = load_policy(PolicySpec.from_json(json.loads(json.dumps(spec.to_json()))), gen1)
    before = NetworkPolicy(policy.network, temperature=0.7).action_probabilities(battles, None)
    np.testing.assert_array_equal(again.action_probabilities(battles, None), before)
    assert len(set(before.round(6).ravel())) > len(battles)


def test_weights_carry_the_static_facts_of_the_generation(
    tmp_path: Path, policy: NetworkPolicy, battles: Decisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_network(policy.network, tmp_path / "net.safetensors")
    monkeypatch.setenv("POKENASH_NODE", "/there/is/no/node")
    network = load_network(tmp_path / "net.safetensors")
    assert network.get_buffer("tokens.matchup.moves").abs().sum() > 0
    np.testing.assert_array_equal(
        NetworkPolicy(network).action_probabilities(battles, None), policy.action_probabilities(battles, None)
    )


def test_illegal_actions_have_probability_zero(policy: NetworkPolicy, battles: Decisions) -> None:
    probabilities = policy.action_probabilities(battles, None)
    assert (probabilities[~battles.action_mask] == 0).all()
    assert (probabilities[battles.action_mask] > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@settings(max_examples=25)
@given(data=st.data())
def test_a_decision_does_not_depend_on_its_batch(
    policy: NetworkPolicy, battles: Decisions, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(battles) - 1), min_size=1, max_size=70))
    part = battles.select(np.array(rows))
    whole = policy.action_probabilities(battles, None)
    np.testing.assert_array_equal(policy.action_probabilities(part, None), whole[rows])
    rng = DecisionRandom(4)
    np.testing.assert_array_equal(policy.act(part, None, rng), policy.act(battles, None, rng)[rows])


def swapped(decisions: Decisions, first: int, second: int, blocks: tuple[str, ...], actions: list[int]) -> Decisions:
    """The same decisions with two rows of some blocks, and the actions that belong to them, exchanged."""
    observation = {name: array.copy() for name, array in decisions.observation.items()}
    for name in blocks:
        observation[name][:, [first, second]] = observation[name][:, [second, first]]
    mask = decisions.action_mask.copy()
    for start in actions:
        pair = [start + first, start + second]
        mask[:, pair] = mask[:, pair[::-1]]
    keys = (decisions.lane, decisions.episode, decisions.player, decisions.decision)
    return Decisions(*keys, observation, mask)


def check_exchange(
    policy: NetworkPolicy, decisions: Decisions, first: int, second: int, blocks: tuple[str, ...], actions: list[int]
) -> None:
    before = policy.action_probabilities(decisions, None)
    after = policy.action_probabilities(swapped(decisions, first, second, blocks, actions), None)
    expected = before.copy()
    for start in actions:
        pair = [start + first, start + second]
        expected[:, pair] = before[:, pair[::-1]]
    # Sums over tokens are in another order now.
    np.testing.assert_allclose(after, expected, atol=1e-5)


def test_the_order_of_the_team_is_irrelevant(policy: NetworkPolicy, battles: Decisions) -> None:
    check_exchange(policy, battles, 1, 4, ("pokemon_ids", "pokemon"), [4])


def test_the_order_of_the_moves_is_irrelevant(policy: NetworkPolicy, battles: Decisions) -> None:
    check_exchange(policy, battles, 0, 3, ("move_ids", "moves"), [0])


def test_a_gimmick_is_scored_with_its_move(gen9: ShowdownGame) -> None:
    policy, decisions = sharp(gen9), decisions_of(gen9, battles=2)
    assert decisions.action_mask[:, 10:14].any()
    check_exchange(policy, decisions, 1, 2, ("move_ids", "moves"), [0, 10])
    probabilities = policy.action_probabilities(decisions, None)
    free = decisions.action_mask[:, 10:14] & decisions.action_mask[:, :4]
    assert (probabilities[:, 10:14][free] != probabilities[:, :4][free]).all()


def test_estimated_damage_is_known_to_the_network(gen1: ShowdownGame, battles: Decisions) -> None:
    """An electric attack on Starmie takes several times what it takes from Rhydon: nothing."""
    dex, tokens = gen1.dex, build_network(gen1, seed=0).tokens
    ids = {name: dex.id("species", name) for name in ("Jolteon", "Starmie", "Rhydon")}
    side = type(tokens._sides(torch.zeros(1, 12, 11).long(), torch.zeros(1, 12, 40))[0])
    ones = torch.ones(1, 1)

    def pokemon(name: str) -> Any:
        types = torch.from_numpy(dex.species.types[ids[name]].astype(np.int64)).view(1, 1, 2)
        return side(torch.tensor([[ids[name]]]), types, ones, torch.ones(1, 1, 4), ones)

    move = torch.tensor([[[dex.id("moves", "Thunderbolt"), dex.id("moves", "Double Kick"), dex.id("moves", "Rest")]]])
    on_starmie, _ = tokens.matchup.damage(pokemon("Jolteon"), move, pokemon("Starmie"))
    on_rhydon, multiplier = tokens.matchup.damage(pokemon("Jolteon"), move, pokemon("Rhydon"))
    assert 0.6 < on_starmie[0, 0, 0] < 1.2
    assert on_rhydon[0, 0, 0] == 0
    assert multiplier[0, 0].tolist() == [0, 2, 0]
    assert on_starmie[0, 0, 2] == on_rhydon[0, 0, 2] == 0


def test_temperature_and_greed(policy: NetworkPolicy, battles: Decisions) -> None:
    plain = policy.action_probabilities(battles, None)
    cold = NetworkPolicy(policy.network, temperature=0.25).action_probabilities(battles, None)
    greedy = NetworkPolicy(policy.network, greedy=True)
    choices = battles.action_mask.sum(axis=1) > 1
    assert (cold.max(axis=1)[choices] > plain.max(axis=1)[choices]).all()
    np.testing.assert_array_equal(greedy.act(battles, None, DecisionRandom(1)), plain.argmax(axis=1))
    np.testing.assert_array_equal(greedy.action_probabilities(battles, None).max(axis=1), 1)


def test_copies_are_independent(policy: NetworkPolicy) -> None:
    copy = copy_network(policy.network)
    before = [parameter.clone() for parameter in policy.network.parameters()]
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, policy.network.parameters(), strict=True))


def test_tables_follow_the_weights(gen1: ShowdownGame, policy: NetworkPolicy, battles: Decisions) -> None:
    """What is kept between forward passes must not outlive the weights that it was made from."""
    network = copy_network(policy.network)
    NetworkPolicy(network).action_probabilities(battles, None)
    network.train()
    with torch.no_grad():
        network.get_parameter("tokens.names.of_moves.learned").add_(1.0)
    fresh = copy_network(network)
    np.testing.assert_array_equal(
        NetworkPolicy(network).action_probabilities(battles, None),
        NetworkPolicy(fresh).action_probabilities(battles, None),
    )


def test_torchs_own_generator_is_left_alone(gen1: ShowdownGame, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    first, second = build_network(gen1, seed=1), build_network(gen1, seed=1)
    other = build_network(gen1, seed=2)
    save_network(first, tmp_path / "a.safetensors")
    load_network(tmp_path / "a.safetensors")
    assert torch.equal(before, torch.get_rng_state())
    weights = [network.get_parameter("move_head.weight") for network in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_what_is_damaged_or_meant_for_another_game_is_refused(
    tmp_path: Path, gen1: ShowdownGame, gen9: ShowdownGame, policy: NetworkPolicy
) -> None:
    path = tmp_path / "net.safetensors"
    spec = save_network_policy("net", policy.network, path)
    for game in (gen9, AECGame("pettingzoo.classic.tictactoe_v3:env")):
        with pytest.raises(InputError, match=game.name):
            load_policy(spec, game)
    with pytest.raises(InputError, match="warmth"):
        load_policy(PolicySpec("net", "network", {"warmth": 1}, str(path)), gen1)
    with pytest.raises(InputError, match="temperature"):
        load_policy(PolicySpec("net", "network", {"temperature": 0}, str(path)), gen1)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(InputError, match="SHA-256"):
        load_policy(spec, gen1)
    path.write_bytes(data[:1000])
    with pytest.raises(InputError, match=r"net\.safetensors"):
        load_network(path)
    path.write_bytes(data)
    path.with_suffix(".json").write_text('{"schema": 1, "architecture": "perceptron"}')
    with pytest.raises(InputError, match="perceptron"):
        load_network(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(InputError, match=r"net\.json"):
        load_network(path)


def test_sizes_are_checked() -> None:
    with pytest.raises(InputError, match="heads"):
        TransformerSettings(width=96, heads=5)
    with pytest.raises(InputError, match="hidden"):
        MLPSettings(hidden=())


class Made(Game):
    """A game of which only the spaces matter."""

    name = "made"
    num_actions = 3

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = space

    def vector(self, num_lanes: int, num_workers: int = 1) -> Any:
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("space", "observation", "width"),
    [
        (spaces.Discrete(4), np.array([0, 3]), 4),
        (spaces.Box(0, 255, (2, 2), np.uint8), np.full((2, 2, 2), 255, np.uint8), 4),
        (spaces.Box(-np.inf, np.inf, (3,), np.float32), np.ones((2, 3), np.float32), 3),
        (
            spaces.Dict({"b": spaces.MultiBinary(2), "a": spaces.MultiDiscrete([5, 3])}),
            {"a": np.array([[4, 2], [0, 0]]), "b": np.ones((2, 2), np.int8)},
            4,
        ),
    ],
)
def test_the_perceptron_reads_arrays_and_flat_dicts(space: Any, observation: Any, width: int) -> None:
    network = build_network(Made(space), MLPSettings((8,)), seed=1)
    inputs = network.prepare(observation)["features"]
    assert inputs.shape == (2, width)
    assert inputs.dtype == np.float32
    assert inputs.max() == 1.0
    decisions = batch([[1, 0, 1], [0, 1, 0]])
    decisions = Decisions(
        decisions.lane, decisions.episode, decisions.player, decisions.decision, observation, decisions.action_mask
    )
    assert NetworkPolicy(network).action_probabilities(decisions, None)[1].tolist() == [0, 1, 0]


def test_a_game_of_other_observations_is_refused_in_one_line() -> None:
    network = build_network(Made(spaces.Box(0, 2, (4,), np.float32)), MLPSettings((8,)), seed=1)
    network.check_game(Made(spaces.Box(0, 2, (4,), np.float32)))
    with pytest.raises(InputError, match=r"^.* sizes \[4\] and 3 actions; .* sizes \[30\] and 3 actions$"):
        network.check_game(Made(spaces.Box(0, 2, (30,), np.float32)))
    with pytest.raises(InputError, match="other names or bounds"):
        network.check_game(Made(spaces.Box(0, 3, (4,), np.float32)))


def test_observations_that_no_network_reads_are_refused() -> None:
    with pytest.raises(InputError, match="Text"):
        build_network(Made(spaces.Text(5)), seed=1)
    with pytest.raises(InputError, match="Showdown"):
        build_network(Made(spaces.Discrete(2)), TransformerSettings(), seed=1)
