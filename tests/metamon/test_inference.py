"""The arrangement for speed computes the same function as the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.metamon.parity import FAMILIES, RECORDED, arrays, random_inputs, shaken
from torch.nn import functional

from pokenash.errors import InputError
from pokenash.metamon import inference_layers
from pokenash.metamon.checkpoints import load_checkpoint
from pokenash.metamon.inference import InferenceNetwork
from pokenash.metamon.networks import MetamonNetwork

PROBABILITY, NUMBER = 5e-6, 2e-5
KEYS = ("tokens", "numbers", "rl2", "illegal")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def small(name: str, seed: int = 1) -> MetamonNetwork:
    network = MetamonNetwork.random(FAMILIES[name], seed)
    shaken(network, seed)
    return network


@pytest.mark.parametrize("folder", RECORDED)
def test_a_recorded_rollout_is_reproduced(folder: Path) -> None:
    network = InferenceNetwork.from_network(load_checkpoint(folder / "policy_epoch_0.pt"))
    rollout = arrays(folder / "rollout.npz")
    lanes = np.arange(rollout["tokens"].shape[1])
    memory = network.new_memory(len(lanes))
    for t in range(len(rollout["tokens"])):
        now = [rollout[key][t] for key in KEYS]
        outputs = network.outputs(*now, lanes, rollout["reset"][t], memory, remask=False)
        assert torch.allclose(outputs.turns, rollout["tstep_emb"][t], rtol=0, atol=NUMBER)
        assert torch.allclose(outputs.states, rollout["traj_emb"][t], rtol=0, atol=NUMBER)
        assert torch.allclose(outputs.probabilities, rollout["probs_all_gammas"][t], rtol=0, atol=PROBABILITY)


def differences(name: str, dtype: torch.dtype = torch.float32) -> float:
    """Largest difference of probabilities while lanes come, go, begin anew and outgrow the cache."""
    network, lanes, rng = small(name), 7, np.random.default_rng(3)
    folded = InferenceNetwork.from_network(network, dtype=dtype)
    memories = [network.new_memory(1) for _ in range(lanes)]
    memory, largest = folded.new_memory(lanes), 0.0
    for t in range(25):
        chosen = rng.permutation(lanes)[: rng.integers(1, lanes + 1)]
        inputs, reset = random_inputs(network.config, len(chosen), t), rng.random(len(chosen)) < 0.1
        given = folded.step(*(inputs[key] for key in KEYS), chosen, reset, memory, remask=False)
        for row, lane in enumerate(chosen):
            one = [torch.from_numpy(inputs[key][row : row + 1]) for key in KEYS]
            plain = network.step(*one, torch.from_numpy(reset[row : row + 1]), memories[lane])
            largest = max(largest, float((plain.probabilities[0, -1] - given[row]).abs().max()))
    return largest


@pytest.mark.parametrize("name", FAMILIES)
def test_any_lanes_in_any_order_play_as_if_each_were_alone(name: str) -> None:
    assert differences(name) < PROBABILITY


@pytest.mark.skipif(not inference_layers._can_pack(torch.empty(0)), reason="promised for oneDNN only")
@pytest.mark.parametrize("name", FAMILIES)
def test_a_row_has_the_same_bits_in_any_batch(name: str) -> None:
    network, lanes = InferenceNetwork.from_network(small(name)), 5
    together, alone = network.new_memory(lanes), network.new_memory(lanes)
    for t in range(12):
        inputs, reset = random_inputs(network.config, lanes, t), np.full(lanes, t == 0)
        reset[t % 7 :: 7] = True
        given = network.step(*(inputs[key] for key in KEYS), np.arange(lanes), reset, together)
        for i in range(lanes):
            one = [inputs[key][i : i + 1] for key in KEYS]
            assert torch.equal(network.step(*one, np.array([i]), reset[i : i + 1], alone)[0], given[i])


@pytest.mark.parametrize("name", FAMILIES)
def test_bfloat16_plays_nearly_the_same(name: str) -> None:
    # Eight bits of mantissa: a per cent or two of probability, an order below what a wrong layer would do.
    assert differences(name, torch.bfloat16) < 0.1


@pytest.mark.parametrize("name", FAMILIES)
def test_without_packed_weights_the_function_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_layers, "_can_pack", lambda like: False)
    assert differences(name) < PROBABILITY


def test_both_ways_to_attend_agree() -> None:
    # Accelerators take torch's fused attention, CPUs plain products; the former is asked here on the CPU too.
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, length, 8, generator=generator) for length in (1, 5, 5))
    bias = torch.zeros(2, 1, 1, 5)
    bias[1, ..., 3:] = -torch.inf
    fused = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
    assert torch.allclose(inference_layers.attend(query, key, value, bias), fused, atol=1e-6)


def test_a_step_touches_only_its_own_lanes_memory() -> None:
    for name in ("scalar", "gru"):
        network = InferenceNetwork.from_network(small(name))
        memory = network.new_memory(6)
        for t in range(3):
            inputs = random_inputs(network.config, 6, t)
            network.step(*(inputs[key] for key in KEYS), np.arange(6), np.full(6, t == 0), memory)
        before = [part.clone() for part in (*memory.keys, *memory.values, *memory.hidden, memory.time)]
        places = [part.data_ptr() for part in (*memory.keys, *memory.values, *memory.hidden)]
        inputs = random_inputs(network.config, 2, 9)
        network.step(*(inputs[key] for key in KEYS), np.array([4, 1]), np.array([False, True]), memory)
        after = [*memory.keys, *memory.values, *memory.hidden, memory.time]
        assert [part.data_ptr() for part in after[:-1]] == places
        for old, new in zip(before, after, strict=True):
            changed = {i for i in range(6) if not torch.equal(old[i], new[i])}
            assert changed == {1, 4}


def test_illegal_actions_are_never_played_unless_asked_for() -> None:
    network = InferenceNetwork.from_network(small("two_hot"))
    inputs = random_inputs(network.config, 8, 5)
    arguments = (*(inputs[key] for key in KEYS), np.arange(8), np.ones(8, bool))
    clean = network.step(*arguments, network.new_memory(8)).numpy()
    original = network.step(*arguments, network.new_memory(8), remask=False).numpy()
    some = ~inputs["illegal"].all(1)
    assert (clean[some][inputs["illegal"][some]] == 0).all()
    assert (original[some][inputs["illegal"][some]] > 0).all()
    assert (clean[~some] > 0).all()
    assert np.allclose(clean.sum(1), 1, atol=1e-6)


def test_weights_are_those_of_the_moment() -> None:
    network = small("scalar")
    folded = InferenceNetwork.from_network(network)
    inputs = random_inputs(network.config, 2, 0)
    arguments = (*(inputs[key] for key in KEYS), np.arange(2), np.ones(2, bool))
    before = folded.step(*arguments, folded.new_memory(2))
    shaken(network, 8)
    assert torch.equal(folded.step(*arguments, folded.new_memory(2)), before)


def test_a_window_needs_a_short_ring_only() -> None:
    window = FAMILIES["window"].trajectory_encoder.window
    assert window is not None
    memory = InferenceNetwork.from_network(small("window")).new_memory(3)
    assert memory.keys[0].shape[2] == window + 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tokens": np.zeros((2, 6), np.int32)}, r"tokens: expected shape \(2, 7\), got \(2, 6\)"),
        ({"illegal": np.zeros((1, 4), bool)}, r"illegal: expected shape \(2, 4\), got \(1, 4\)"),
        ({"lanes": np.array([1, 1])}, r"different lanes of 3, got \[1, 1\]"),
        ({"lanes": np.array([0, 3])}, r"different lanes of 3, got \[0, 3\]"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change: dict[str, np.ndarray], told: str) -> None:
    network = InferenceNetwork.from_network(small("scalar"))
    inputs = random_inputs(network.config, 2, 0) | {"lanes": np.arange(2), "reset": np.ones(2, bool)} | change
    with pytest.raises(InputError, match=told):
        network.step(**inputs, memory=network.new_memory(3))


def test_other_precisions_are_refused() -> None:
    with pytest.raises(InputError, match="float32 or bfloat16"):
        InferenceNetwork.from_network(small("scalar"), dtype=torch.float16)
