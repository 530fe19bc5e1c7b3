"""The arena plays a schedule with the same results in any layout."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from arena.games import ACTIONS, Rounds
from pokenash.arena import Arena, Match, MatchResult, paired_matches, round_robin
from pokenash.errors import IllegalActionError, InputError
from pokenash.games.aec import AECGame
from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.policies import DecisionRandom, Mixture, Policy, PolicySpec, Uniform, mixture_spec

Act = Callable[[Decisions, Any, DecisionRandom], Any]


class Scripted(Policy):
    """Acts as a function says."""

    def __init__(self, act: Act, needs_text: bool = False) -> None:
        self._act = act
        self.needs_text = needs_text

    def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return self._act(decisions, memory, rng)


class Counting(Policy):
    """Chooses by how often it was asked in this episode before, which it keeps in its memory."""

    def initial_memory(self, num_lanes: int) -> NDArray[np.int64]:
        return np.full((num_lanes, 2), 1000)

    def act(self, decisions: Decisions, memory: NDArray[np.int64], rng: DecisionRandom) -> NDArray[np.int64]:
        seat = decisions.lane, decisions.player
        memory[seat] = np.where(decisions.decision == 0, 0, memory[seat] + 1)
        assert np.array_equal(memory[seat], decisions.decision)
        preference = (np.arange(ACTIONS) + memory[seat][:, None]) % ACTIONS
        return np.argmax(np.where(decisions.action_mask, preference, -1), axis=1)


def lowest(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
    return decisions.action_mask.argmax(axis=1)


def population() -> list[Policy]:
    mixture = Mixture(["count", "low"], [Counting(), Scripted(lowest)], [0.3, 0.7])
    return [Uniform(), Counting(), Scripted(lowest), mixture]


def single(num: int, policies: tuple[int, int] = (0, 1)) -> list[Match]:
    return [Match(EpisodeSetup(i, i), policies) for i in range(num)]


@settings(max_examples=30)
@given(
    num_lanes=st.integers(1, 40),
    num_workers=st.integers(1, 5),
    order=st.randoms(use_true_random=False),
)
def test_results_do_not_depend_on_lanes_workers_or_order(num_lanes: int, num_workers: int, order: Any) -> None:
    game = Rounds()
    matches = round_robin(game, 4, 6, seed=1)
    expected = Arena(game, num_lanes=7).play(population(), matches, seed=5)
    order.shuffle(shuffled := list(matches))
    arena = Arena(game, num_lanes=num_lanes, num_workers=num_workers)
    assert arena.play(population(), shuffled, seed=5) == expected
    assert [r.match for r in expected] == matches


@pytest.mark.parametrize("env", ["pettingzoo.classic.tictactoe_v3:env", "pettingzoo.classic.rps_v2:env"])
def test_any_aec_game_is_played_alike_in_any_layout(env: str) -> None:
    game = AECGame(env)
    policies = [PolicySpec("u", "uniform"), PolicySpec("v", "uniform")]
    matches = paired_matches(game, [(0, 1)], 20, seed=2)
    results = [Arena(game, num_lanes=n).play(policies, matches, seed=3) for n in (1, 6, 64)]
    assert results[0] == results[1] == results[2]
    assert all(sum(r.result.returns) == 0 for r in results[0])
    assert {r.result.returns for r in results[0]} > {(1.0, -1.0)}


def test_another_seed_plays_otherwise() -> None:
    game = Rounds()
    matches = single(30)
    arena = Arena(game, num_lanes=4)
    policies = [Uniform(), Uniform()]
    first, again, other = (arena.play(policies, matches, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_seats_are_taken_by_the_policies_that_the_match_names() -> None:
    seen: dict[str, set[tuple[int, int]]] = {"a": set(), "b": set()}

    def watching(name: str) -> Policy:
        def act(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
            seen[name] |= set(zip(decisions.episode.tolist(), decisions.player.tolist(), strict=True))
            return lowest(decisions, memory, rng)

        return Scripted(act)

    matches = paired_matches(Rounds(), [(0, 1)], 20, seed=0)
    Arena(Rounds(), num_lanes=3).play([watching("a"), watching("b")], matches, seed=0)
    assert {player for episode, player in seen["a"] if episode % 2 == 0} == {0}
    assert {player for episode, player in seen["a"] if episode % 2 == 1} == {1}
    assert not seen["a"] & seen["b"]
    assert {episode for episode, _ in seen["a"] | seen["b"]} == set(range(20))


def test_rows_of_one_policy_come_as_one_batch_and_as_they_are() -> None:
    sizes: list[int] = []

    def act(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        sizes.append(len(decisions))
        assert decisions.observation.base is None
        return lowest(decisions, memory, rng)

    policy = Scripted(act)
    Arena(Rounds(rounds=1), num_lanes=8).play([policy, policy], single(8), seed=0)
    assert sizes == [16]


def test_a_mixture_draws_per_episode_and_the_member_is_recorded() -> None:
    asked: dict[str, set[int]] = {"x": set(), "y": set()}

    def member(name: str) -> Policy:
        def act(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
            asked[name] |= set(decisions.episode.tolist())
            return lowest(decisions, memory, rng)

        return Scripted(act)

    mixture = Mixture(["x", "y"], [member("x"), member("y")], [0.4, 0.6])
    results = Arena(Rounds(), num_lanes=5).play([Uniform(), mixture], single(200), seed=9)
    assert all(r.members[0] is None for r in results)
    recorded = {name: {r.result.episode for r in results if r.members[1] == name} for name in "xy"}
    # An episode of which the mixture's seat is never asked shows in no batch.
    assert all(asked[name] <= recorded[name] for name in "xy")
    assert len(asked["x"] | asked["y"]) > 190
    # 200 draws of probability 0.4 have a standard deviation of 6.9.
    assert abs(len(recorded["x"]) - 80) < 35


def test_a_mixture_in_the_arena_plays_as_the_same_mixture_called_directly() -> None:
    def direct(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return mixture.act(decisions, memory, rng)

    mixture = Mixture(["u", "low"], [Uniform(), Scripted(lowest)], [0.5, 0.5])
    wrapped = Scripted(direct)
    wrapped.initial_memory = mixture.initial_memory  # type: ignore[method-assign]
    arena = Arena(Rounds(), num_lanes=6)
    seated = arena.play([mixture, Uniform()], single(50), seed=4)
    called = arena.play([wrapped, Uniform()], single(50), seed=4)
    assert [r.result for r in seated] == [r.result for r in called]


def test_a_mixture_may_be_given_as_a_spec() -> None:
    spec = mixture_spec("m", [PolicySpec("a", "uniform"), PolicySpec("b", "uniform")], [0.5, 0.5])
    results = Arena(Rounds(), num_lanes=6).play([spec, PolicySpec("u", "uniform")], single(40), seed=4)
    assert {r.members for r in results} == {("a", None), ("b", None)}


def test_text_is_asked_for_where_the_policy_needs_it_only() -> None:
    texts: list[Any] = []

    def reading(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        texts.append(decisions.text)
        return lowest(decisions, memory, rng)

    without: list[Any] = []

    def not_reading(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        without.extend(decisions.text or [])
        return lowest(decisions, memory, rng)

    matches = paired_matches(Rounds(), [(0, 1)], 20, seed=0)
    Arena(Rounds(), num_lanes=4).play([Scripted(reading, needs_text=True), Scripted(not_reading)], matches, seed=0)
    assert texts
    assert all(line.startswith("round ") for text in texts for line in text)
    assert set(without) <= {""}


def test_the_schedule_is_drawn_lazily() -> None:
    ended: list[int] = []
    ahead: list[int] = []

    def schedule() -> Iterator[Match]:
        for match in single(60):
            ahead.append(match.setup.episode - len(ended))
            yield match

    arena = Arena(Rounds(), num_lanes=4)
    arena.play([Uniform(), Uniform()], schedule(), seed=0, on_result=lambda r: ended.append(r.result.episode))
    # At most the 4 lanes' episodes are open, and each of them may have ended in the step that draws the next ones.
    assert max(ahead) <= 8
    assert sorted(ended) == list(range(60))


def test_results_are_told_as_they_come_and_given_back_in_order() -> None:
    told: list[MatchResult] = []
    results = Arena(Rounds(), num_lanes=8).play([Uniform(), Uniform()], single(50), seed=0, on_result=told.append)
    assert [r.result.episode for r in results] == list(range(50))
    assert sorted(told, key=lambda r: r.result.episode) == results
    assert told != results


def test_errors_do_not_count_and_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    arena = Arena(Rounds(error_every=10), num_lanes=8)
    with caplog.at_level(logging.WARNING, logger="pokenash"):
        results = arena.play([Uniform(), Uniform()], single(50), seed=0)
    assert [r.result.episode for r in results if not r.counted] == [0, 10, 20, 30, 40]
    assert arena.num_errors == 5
    assert sum("ended with an error and does not count" in message for message in caplog.messages) == 5


def test_throughput_is_kept_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    arena = Arena(Rounds(), num_lanes=8)
    assert arena.battles_per_second == arena.decisions_per_second == 0
    with caplog.at_level(logging.INFO, logger="pokenash"):
        results = arena.play([Uniform(), Uniform()], single(50), seed=0)
    decisions = sum(r.result.length for r in results)
    assert arena.decisions_per_second / arena.battles_per_second == pytest.approx(decisions / 50)
    assert any(f"50 battles (0 with errors), {decisions} decisions" in message for message in caplog.messages)


def test_a_progress_bar_shows_only_if_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    Arena(Rounds()).play([Uniform(), Uniform()], single(5), seed=0)
    assert capsys.readouterr() == ("", "")
    Arena(Rounds(), progress=True).play([Uniform(), Uniform()], single(5), seed=0)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "5/5" in shown.err


@pytest.mark.parametrize("action", [ACTIONS, 10**9, -2])
def test_an_illegal_action_is_refused_under_the_policys_name(action: int) -> None:
    def act(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        return np.where(decisions.episode == 3, action, lowest(decisions, memory, rng))

    arena = Arena(Rounds(), num_lanes=8)
    with pytest.raises(
        IllegalActionError, match=rf"policy 1 \(Scripted\) \(player 1, episode 3.*chose action {action}"
    ):
        arena.play([Uniform(), Scripted(act)], single(10), seed=0)


def test_a_masked_action_is_refused_with_the_legal_ones() -> None:
    masks: list[NDArray[np.bool_]] = []

    def act(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        masks.append(decisions.action_mask)
        return decisions.action_mask.argmin(axis=1)

    with pytest.raises(IllegalActionError) as caught:
        Arena(Rounds(), num_lanes=1).play([Scripted(act), Uniform()], single(50), seed=0)
    assert caught.value.legal_actions == tuple(np.flatnonzero(masks[-1][0]))
    assert caught.value.action not in caught.value.legal_actions


@pytest.mark.parametrize(
    "answer",
    [
        lambda d, m, r: lowest(d, m, r)[:-1],
        lambda d, m, r: lowest(d, m, r)[:, None],
        lambda d, m, r: lowest(d, m, r).astype(float),
        lambda d, m, r: None,
    ],
)
def test_an_answer_of_the_wrong_form_is_refused_under_the_policys_name(answer: Act) -> None:
    mixture = Mixture(["bad"], [Scripted(answer)], [1.0])
    with pytest.raises(InputError, match=r"policy 0 \(Mixture\), member bad returned an array of"):
        Arena(Rounds()).play([mixture, Uniform()], single(3), seed=0)


def test_an_exception_in_a_policy_says_whose_it_is() -> None:
    def act(decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
        raise KeyError("weights")

    with pytest.raises(KeyError) as caught:
        Arena(Rounds()).play([Uniform(), Scripted(act)], single(3), seed=0)
    assert caught.value.__notes__ == ["while policy 1 (Scripted) chose actions"]


def test_a_schedule_that_makes_no_sense_is_refused() -> None:
    arena = Arena(Rounds())
    with pytest.raises(InputError, match="policy index 2, expected one of 0 to 1"):
        arena.play([Uniform(), Uniform()], single(3, (0, 2)), seed=0)
    with pytest.raises(InputError, match="episode 1 is in the schedule twice"):
        arena.play([Uniform(), Uniform()], [*single(3), *single(2)[1:]], seed=0)
    assert arena.play([Uniform(), Uniform()], [], seed=0) == []
    with pytest.raises(InputError, match="0 lanes and 1 workers"):
        Arena(Rounds(), num_lanes=0)


def test_the_workers_stay_up_between_plays_and_go_after_a_failure() -> None:
    game = Rounds()
    with Arena(game, num_lanes=4) as arena:
        arena.play([Uniform(), Uniform()], single(5), seed=0)
        arena.play([Uniform(), Uniform()], single(5), seed=1)
        assert game.made == 1
        vector = arena._vector
        with pytest.raises(InputError):
            arena.play([Uniform(), Uniform()], single(5, (0, 7)), seed=1)
        assert vector is not None
        assert vector.closed
        arena.play([Uniform(), Uniform()], single(5), seed=1)
        assert game.made == 2
        vector = arena._vector
    assert vector is not None
    assert vector.closed


def test_a_live_policy_keeps_what_it_recorded() -> None:
    class Recorder(Uniform):
        def __init__(self) -> None:
            self.rows = 0

        def act(self, decisions: Decisions, memory: Any, rng: DecisionRandom) -> NDArray[np.int64]:
            self.rows += len(decisions)
            return super().act(decisions, memory, rng)

    recorder = Recorder()
    results = Arena(Rounds(), num_lanes=4).play([recorder, recorder], single(30), seed=0)
    assert recorder.rows == sum(r.result.length for r in results)
