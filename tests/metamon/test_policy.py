"""metamon's networks as members of a population."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.metamon import tiny

from pokenash.arena import Arena, paired_matches
from pokenash.errors import InputError
from pokenash.games import load_game
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.metamon import policy as policy_module
from pokenash.metamon import registry
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.observations import get_observation_space
from pokenash.metamon.policy import MetamonPolicy, metamon_spec
from pokenash.metamon.registry import PublishedModel
from pokenash.metamon.rewards import get_reward
from pokenash.metamon.seat import Seat
from pokenash.policies import PolicySpec, load_policy, mixture_spec
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.spec import file_sha256

UNIFORM = PolicySpec("uniform", "uniform")


class Recorder(Policy):
    """Keeps what a policy was asked and what it answered."""

    needs_text = True

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.asked: dict[tuple[int, int], list[tuple[str, np.ndarray, int]]] = {}

    def initial_memory(self, num_lanes: int) -> Any:
        return self.policy.initial_memory(num_lanes)

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> np.ndarray:
        actions = self.policy.act(decisions, memory, rng)
        assert decisions.text is not None
        for row, action in enumerate(actions.tolist()):
            key = int(decisions.episode[row]), int(decisions.player[row])
            entry = decisions.text[row], decisions.action_mask[row].copy(), action
            self.asked.setdefault(key, []).append(entry)
        return actions

    def chosen(self) -> dict[tuple[int, int], list[int]]:
        """The actions of every battle, by (episode, player)."""
        return {key: [action for _, _, action in told] for key, told in self.asked.items()}


def play(game: Any, policies: list[Any], battles: int, num_lanes: int) -> list[Any]:
    with Arena(game, num_lanes=num_lanes) as arena:
        matches = paired_matches(game, [(0, 1)], battles, 3)
        return arena.play(policies, matches, seed=5)


@pytest.fixture(scope="module")
def network() -> MetamonNetwork:
    torch.set_num_threads(1)
    return MetamonNetwork.random(tiny.config(), seed=1)


def test_it_plays_what_its_network_says_of_the_battle_as_metamon_sees_it(network: MetamonNetwork) -> None:
    """Every battle is followed a second time, alone, with the network as it is trained instead of as it is played."""
    game, config = tiny.game(), network.config
    recorder = Recorder(MetamonPolicy(network, game, tiny.tokenizer(), greedy=True))
    play(game, [recorder, UNIFORM], 12, num_lanes=5)
    assert len(recorder.asked) == 12
    for (_, player), told in recorder.asked.items():
        seat, space = Seat(player, "gen1ou"), get_observation_space("DefaultObservationSpace")
        memory, state, index = network.new_memory(1), None, 0
        for step, (text, mask, action) in enumerate(told):
            seat.feed(text.splitlines())
            before, state = state, seat.view.state()
            words, numbers = space(state)
            rl2 = torch.zeros(1, config.actions + 1)
            if before is not None:
                rl2[0, 0], rl2[0, 1 + index] = get_reward("DefaultShapedReward")(before, state), 1.0
            legal = seat.view.legal(get_action_space("MinimalActionSpace"))
            illegal = torch.ones(1, config.actions, dtype=torch.bool)
            illegal[0, legal] = False
            with torch.inference_mode():
                outputs = network.step(
                    torch.from_numpy(tiny.tokenizer().tokenize(words))[None], torch.from_numpy(numbers)[None], rl2,
                    illegal, torch.tensor([step == 0]), memory,
                )  # fmt: skip
            probabilities = outputs.probabilities[0, -1]
            if not legal:
                assert mask[action]
                index = int(probabilities.argmax())
                continue
            index = max(legal, key=lambda i: float(probabilities[i]))
            assert seat.action(index) == action


def test_names_may_hold_what_only_python_takes_for_the_end_of_a_line(network: MetamonNetwork) -> None:
    game = tiny.game()
    policy = MetamonPolicy(network, game, tiny.tokenizer(), greedy=True)
    with game.vector(1) as vector:
        decisions, _ = vector.start([EpisodeSetup(0, 7, {"teams": [0, 1]}, text=(True, True))])
    texts = decisions.text or []
    ident = json.loads(texts[0].rpartition("|request|")[2])["side"]["pokemon"][0]["ident"]
    named = [replace(decisions, text=[text.replace(ident, ident + end) for text in texts]) for end in ("xs", "x\x85s")]
    chosen = [policy.act(one, policy.initial_memory(1), DecisionRandom(1)).tolist() for one in named]
    assert chosen[0] == chosen[1]


def test_battles_do_not_depend_on_what_else_is_played(network: MetamonNetwork) -> None:
    game = tiny.game(turn_limit=25)
    chosen = []
    for lanes in (1, 7):
        recorder = Recorder(MetamonPolicy(network, game, tiny.tokenizer()))
        play(game, [recorder, UNIFORM], 8, num_lanes=lanes)
        chosen.append(recorder.chosen())
    assert len(chosen[0]) == 8
    assert chosen[0] == chosen[1]


def test_without_a_game_it_plays_the_format_that_the_battle_tells(network: MetamonNetwork) -> None:
    game, tokenizer = tiny.game("gen4randombattle", turn_limit=25), tiny.tokenizer()
    told, untold = (Recorder(MetamonPolicy(network, known, tokenizer)) for known in (game, None))
    for recorder in (told, untold):
        play(game, [recorder, UNIFORM], 4, num_lanes=2)
    assert told.chosen() == untold.chosen()
    with pytest.raises(InputError, match="not 'gen7randombattle'"):
        play(tiny.game("gen7randombattle"), [MetamonPolicy(network, None, tokenizer), UNIFORM], 2, num_lanes=1)


def test_it_draws_from_its_distribution_and_never_what_is_illegal(network: MetamonNetwork) -> None:
    game = tiny.game(turn_limit=40)
    recorder = Recorder(MetamonPolicy(network, game, tiny.tokenizer()))
    play(game, [recorder, UNIFORM], 8, num_lanes=8)
    assert all(mask[action] for told in recorder.asked.values() for _, mask, action in told)
    assert len({action for told in recorder.asked.values() for _, _, action in told}) > 4


@pytest.mark.parametrize(
    ("format_id", "observation_space", "actions"),
    [
        ("gen1randombattle", "DefaultObservationSpace", 9),
        ("gen3randombattle", "ExpandedObservationSpace", 9),
        ("gen9randombattle", "TeamPreviewObservationSpace", 13),
        ("gen9randombattle", "OpponentMoveObservationSpace", 13),
    ],
)
def test_other_formats_and_observation_spaces_are_played(format_id: str, observation_space: str, actions: int) -> None:
    game = tiny.game(format_id)
    network = MetamonNetwork.random(tiny.config(observation_space, actions), seed=2)
    policy = MetamonPolicy(network, game, tiny.tokenizer())
    results = play(game, [policy, MetamonPolicy(network, game, tiny.tokenizer(), greedy=True)], 6, num_lanes=4)
    assert all(result.counted for result in results)


def test_a_spec_makes_it_again_and_it_joins_mixtures(network: MetamonNetwork, tmp_path: Path) -> None:
    game = tiny.game(turn_limit=25)
    torch.save(network.state_dict(), tmp_path / "policy_epoch_0.pt")
    words = tmp_path / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    spec = metamon_spec("tiny", tmp_path / "policy_epoch_0.pt", config=network.config, vocabulary=words, greedy=True)
    again = PolicySpec.from_json(spec.to_json())
    live = Recorder(MetamonPolicy(network, game, tiny.tokenizer(), greedy=True))
    loaded = Recorder(load_policy(again, game))
    for recorder, lanes in ((live, 2), (loaded, 4)):
        play(game, [recorder, UNIFORM], 4, num_lanes=lanes)
    assert live.chosen() == loaded.chosen()
    mixture = mixture_spec("mixed", [spec, UNIFORM], [0.5, 0.5])
    assert len(play(game, [mixture, UNIFORM], 4, num_lanes=4)) == 4
    for change, message in (
        ({"dtype": "float16"}, "unknown parameters"),
        ({"precision": "float16"}, "precision"),
        ({"battle_backend": "poke-env-1"}, "unknown battle backend"),
        ({"vocabulary": str(tmp_path / "none.json")}, "cannot read the vocabulary"),
    ):
        wrong = PolicySpec("wrong", "metamon", {**spec.parameters, **change}, spec.checkpoint, spec.sha256)
        with pytest.raises(InputError, match=f"policy 'wrong'.*{message}"):
            load_policy(wrong, game)


def test_a_published_model_has_the_weights_that_were_meant(
    network: MetamonNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "policy_epoch_7.pt"
    torch.save(network.state_dict(), path)
    published = PublishedModel("Tiny", "tiny", "tiny", 7, network.config, reward="BinaryReward")
    monkeypatch.setattr(registry, "PUBLISHED", {"Tiny": published})
    monkeypatch.setattr(policy_module, "download_checkpoint", lambda *_, **__: path)
    words = tmp_path / "words.json"
    words.write_text(json.dumps(tiny.vocabulary()))
    game = tiny.game(turn_limit=25)
    spec = metamon_spec("tiny", pretrained="Tiny", vocabulary=words, sha256=file_sha256(path))
    live = MetamonPolicy(network, game, tiny.tokenizer(), reward="BinaryReward")
    by_name, by_hand = Recorder(load_policy(spec, game)), Recorder(live)
    for recorder in (by_name, by_hand):
        play(game, [recorder, UNIFORM], 4, num_lanes=4)
    assert by_name.chosen() == by_hand.chosen()
    other = metamon_spec("tiny", pretrained="Tiny", vocabulary=words, sha256="0" * 64)
    with pytest.raises(InputError, match="expected 0000"):
        load_policy(other, game)


def test_what_it_cannot_play_is_refused(network: MetamonNetwork) -> None:
    with pytest.raises(InputError, match="generations 1 to 4 and 9"):
        MetamonPolicy(network, tiny.game("gen7randombattle"), tiny.tokenizer())
    with pytest.raises(InputError, match="Showdown's formats"):
        MetamonPolicy(network, load_game({"game": "matrix", "payoffs": "rock_paper_scissors"}), tiny.tokenizer())
    with pytest.raises(InputError, match="was trained with"):
        MetamonPolicy(network, tiny.game(), type(tiny.tokenizer())({"one": 0}, "small"))
    with pytest.raises(InputError, match="either a checkpoint or pretrained"):
        metamon_spec("neither")
