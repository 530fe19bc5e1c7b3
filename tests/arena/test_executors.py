"""What executors share: chunks of a schedule, workers that play them, and exceptions that travel."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator

import pytest

from arena.games import Rounds
from pokenash.arena import Arena, Match, round_robin
from pokenash.arena.executors import EXECUTORS, RayArena, make_executor
from pokenash.arena.executors.chunks import Chunks
from pokenash.arena.executors.worker import ChunkWorker, Delivery, Failure
from pokenash.errors import ClusterError, IllegalActionError, InputError, SimulatorError
from pokenash.games import load_game
from pokenash.games.core import EpisodeSetup
from pokenash.policies import PolicySpec, Uniform, mixture_spec

LEDUC = load_game({"game": "openspiel", "name": "leduc_poker", "parameters": {}})
UNIFORM = PolicySpec("u", "uniform")
SPECS = [UNIFORM, mixture_spec("m", [PolicySpec("a", "uniform"), PolicySpec("b", "uniform")], [0.3, 0.7])]


def single(num: int, policies: tuple[int, int] = (0, 1)) -> list[Match]:
    return [Match(EpisodeSetup(i, i), policies) for i in range(num)]


def drawn(chunks: Chunks) -> list[list[int]]:
    found = []
    while not chunks.is_empty:
        found.append(list(chunks.take()))
    return found


def test_chunks_hold_every_match_once_and_in_order() -> None:
    assert drawn(Chunks(single(7), 3, 2, 0)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert drawn(Chunks([], 3, 2, 0)) == []


def test_chunks_draw_the_schedule_lazily() -> None:
    asked: list[int] = []

    def schedule() -> Iterator[Match]:
        for match in single(100):
            asked.append(match.setup.episode)
            yield match

    chunks = Chunks(schedule(), 10, 2, 0)
    chunks.take()
    assert len(asked) == 11


def test_what_is_given_back_goes_out_again_before_the_rest() -> None:
    chunks = Chunks(single(6), 3, 2, 1)
    chunk = chunks.take()
    del chunk[1]
    chunks.give_back(chunk, "killed")
    assert drawn(chunks) == [[0], [2], [3, 4, 5]]


def test_a_match_that_takes_its_workers_with_it_is_given_up_and_no_other() -> None:
    chunks, played = Chunks(single(9), 8, 2, 3), list[int]()

    def play() -> None:
        while not chunks.is_empty:
            chunk = chunks.take()
            if 0 in chunk:
                chunks.give_back(chunk, "killed")
            else:
                played.extend(chunk)

    with pytest.raises(ClusterError, match=r"1 matches lost their worker 4 times, episode 0 among them.*killed"):
        play()
    # In chunks of 8, 4, 2 and 1, it took seven others with it at first, and none at last.
    assert played == [4, 5, 6, 7, 2, 3]


def test_a_schedule_that_makes_no_sense_is_refused_across_chunks() -> None:
    chunks = Chunks([*single(2), *single(1)], 2, 2, 0)
    chunks.take()
    with pytest.raises(InputError, match="episode 0 is in the schedule twice"):
        chunks.take()
    with pytest.raises(InputError, match="policy index 1, expected one of 0 to 0"):
        Chunks(single(2), 2, 1, 0).take()


def test_a_worker_plays_its_chunks_as_the_local_arena_plays_the_schedule() -> None:
    matches = round_robin(LEDUC, 2, 60, seed=1)
    with Arena(LEDUC, num_lanes=16) as arena:
        expected = arena.play(SPECS, matches, seed=5)
    worker = ChunkWorker(LEDUC.config(), num_lanes=7)
    told = []
    for begin in range(0, len(matches), 11):
        for delivery in worker.play([s.to_json() for s in SPECS], matches[begin : begin + 11], 5):
            assert delivery.failure is None
            # As they travel.
            told += pickle.loads(pickle.dumps(delivery)).results  # noqa: S301
    worker.close()
    assert sorted(told, key=lambda r: r[0].episode) == [(r.result, r.members, r.recorded) for r in expected]


def test_a_worker_loads_a_policy_once_and_forgets_what_is_not_played_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    import pokenash.arena.executors.worker as module

    loads: list[str] = []
    load = module.load_policy
    monkeypatch.setattr(module, "load_policy", lambda spec, game: loads.append(spec.name) or load(spec, game))
    worker = ChunkWorker(LEDUC.config(), num_lanes=4)
    for names in ("ab", "ab", "bc", "ab"):
        specs = [PolicySpec(name, "uniform").to_json() for name in names]
        assert sum(len(d.results) for d in worker.play(specs, single(5), 0)) == 5
    assert "".join(loads) == "abca"


def test_a_failure_comes_after_what_was_finished_and_the_worker_plays_on() -> None:
    worker = ChunkWorker(LEDUC.config(), num_lanes=2)
    specs = [UNIFORM.to_json()] * 2
    wrong = [*single(4), Match(EpisodeSetup(9, 9), (0, 5))]
    deliveries = list(worker.play(specs, wrong, 0))
    assert deliveries[-1].failure is not None
    assert not deliveries[-1].failure.of_the_worker
    with pytest.raises(InputError, match="policy index 5"):
        raise deliveries[-1].failure.exception()
    assert sum(len(d.results) for d in worker.play(specs, single(4), 0)) == 4


def test_an_unknown_policy_is_told_as_the_local_arena_tells_it() -> None:
    (delivery,) = ChunkWorker(LEDUC.config(), 2).play([PolicySpec("x", "nobody").to_json()] * 2, single(1), 0)
    assert delivery.failure is not None
    with pytest.raises(InputError, match="unknown policy kind 'nobody'"):
        raise delivery.failure.exception()


def test_exceptions_travel_as_plain_data() -> None:
    def sent(error: Exception) -> Exception:
        failure = Delivery((), Failure.of(error)).failure
        return pickle.loads(pickle.dumps(failure)).exception()  # noqa: S301

    illegal = sent(IllegalActionError("policy 'a'", 3, [0, 1]))
    assert isinstance(illegal, IllegalActionError)
    assert (illegal.agent, illegal.action, illegal.legal_actions) == ("policy 'a'", 3, (0, 1))
    assert str(illegal) == str(IllegalActionError("policy 'a'", 3, [0, 1]))
    of_python = sent(KeyError("weights"))
    assert type(of_python) is KeyError
    assert of_python.args == ("weights",)
    assert of_python.__notes__[0].startswith("in a worker:")

    class OddError(Exception):
        """Nothing that the driver knows."""

    unknown = sent(OddError("weights"))
    assert type(unknown) is RuntimeError
    assert str(unknown) == "a worker failed: OddError: weights"
    assert Failure.of(SimulatorError("node is gone")).of_the_worker
    assert Failure.of(OSError("disk")).of_the_worker
    assert not Failure.of(KeyError("weights")).of_the_worker


def test_a_stream_that_nobody_draws_on_leaves_an_arena_that_plays() -> None:
    game = Rounds()
    with Arena(game, num_lanes=3) as arena:
        stream = arena.stream([Uniform(), Uniform()], single(20), seed=0)
        next(stream)
        stream.close()
        assert len(arena.play([Uniform(), Uniform()], single(20), seed=0)) == 20
        assert game.made == 2


def test_executors_go_by_name() -> None:
    assert EXECUTORS == ("local", "ray")
    with make_executor("local", LEDUC, num_lanes=3) as executor:
        assert isinstance(executor, Arena)
        assert executor.num_lanes == 3
    with pytest.raises(InputError, match="unknown executor 'slurm'; expected one of local, ray"):
        make_executor("slurm", LEDUC)
    with pytest.raises(InputError, match="the executor 'local' has no options address"):
        make_executor("local", LEDUC, address="auto")


def test_without_ray_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"needs Ray: pip install 'pokenash\[ray\]'"):
        RayArena(LEDUC)
