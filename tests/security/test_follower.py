"""The trackers read whatever a server sends: what makes no sense ends that battle, and no other."""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.security.mangling import FORMATS, Recording, inputs, mangled, recordings

from pokenash.errors import BattleFollowError
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.following import Follower

_CHOICE = re.compile(r"(move [1-9]( [a-z]+)?|switch [1-6]|team [1-9]+(,[1-9]+)*)")
"""Nothing that a server wrote may come back as part of a command."""
_LANES = 9


def fuzz(format: str, battles: int, seed: int) -> dict[str, int]:
    """Follow mangled battles beside an untouched one, and count what became of them."""
    rng = random.Random(seed)
    counts = {"battles": 0, "updates": 0, "refused": 0, "restarts": 0}
    with Follower(ShowdownGame(format), _LANES) as follower:
        pid = follower.worker_pid
        while counts["battles"] < battles:
            clean = recordings(format)[rng.randrange(len(recordings(format)))]
            wrong = [mangled(rng.choice(recordings(format)), rng.randrange(2**60)) for _ in range(_LANES - 1)]
            refused = _follow(follower, clean, wrong, rng)
            counts["battles"] += len(wrong)
            counts["updates"] += sum(map(len, wrong))
            counts["refused"] += refused
            counts["restarts"] += follower.worker_pid != pid
            pid = follower.worker_pid
    return counts


def _follow(follower: Follower, clean: Recording, wrong: list[list[list[str]]], rng: random.Random) -> int:
    """All battles at once; the untouched one is seen as if it were alone. Returns how many were refused."""
    alone = _alone(clean)
    follower.begin(0, clean.player)
    for lane in range(1, _LANES):
        follower.begin(lane)
    refused: set[int] = set()
    for number in range(max(len(clean.updates) - 1, *map(len, wrong))):
        if number < len(clean.updates) - 1:
            follower.feed(0, clean.updates[number])
        for lane in set(range(1, _LANES)) - refused:
            if number < len(wrong[lane - 1]) and not _told(follower, lane, wrong[lane - 1][number]):
                refused.add(lane)
        for lane in set(range(1, _LANES)) - refused:
            if not _answers(follower, lane, rng):
                refused.add(lane)
        if number < len(clean.updates) - 1:
            observation, mask = follower.rows([0])
            assert _digest(observation, mask) == alone[number], "the untouched battle must not notice"
            assert _CHOICE.fullmatch(follower.choice(0, int(np.flatnonzero(mask[0])[0])) or "team 1")
    return len(refused)


def _digest(observation: dict[str, Any], mask: Any) -> str:
    digest = hashlib.sha256(mask.tobytes())
    for block in observation.values():
        digest.update(block.tobytes())
    return digest.hexdigest()


@cache
def _alone(clean: Recording) -> tuple[str, ...]:
    """What a follower of this battle alone shows at each decision."""
    with Follower(ShowdownGame(clean.format), 1) as follower:
        follower.begin(0, clean.player)
        seen = []
        for update in clean.updates[:-1]:
            follower.feed(0, update)
            seen.append(_digest(*follower.rows([0])))
    return tuple(seen)


def _told(follower: Follower, lane: int, lines: list[str]) -> bool:
    try:
        follower.feed(lane, lines)
    except BattleFollowError:
        return False
    return True


def _answers(follower: Follower, lane: int, rng: random.Random) -> bool:
    """Whether a lane still shows a row; if so, one that a policy can act on, and an action that is a plain choice."""
    try:
        observation, mask = follower.rows([lane])
    except BattleFollowError as error:
        refusal = error
    else:
        refusal = None
    if refusal is not None:
        assert refusal.lane == lane
        # A battle that waits for nothing is not over.
        return "no open request" in refusal.reason
    assert all(np.isfinite(block).all() for block in observation.values())
    legal = np.flatnonzero(mask[0])
    assert len(legal)
    try:
        choice = follower.choice(lane, int(rng.choice(legal.tolist())))
    except BattleFollowError:
        return False
    assert choice is None or _CHOICE.fullmatch(choice), choice
    return True


@pytest.mark.parametrize("format", FORMATS)
def test_mangled_battles_end_with_a_clear_error_and_others_go_on(format: str) -> None:
    counts = fuzz(format, inputs(48), seed=501)
    assert counts["battles"] >= 48
    assert counts["refused"] > 0
    # The worker answers for every line itself; being replaced is for what nobody foresaw.
    assert counts["restarts"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_many_mangled_battles(format: str) -> None:
    assert fuzz(format, inputs(2000), seed=502)["restarts"] == 0


@pytest.fixture(scope="module")
def follower() -> object:
    with Follower(ShowdownGame("gen1ou"), 2) as made:
        yield made


@settings(max_examples=inputs(150))
@given(
    lines=st.lists(
        st.one_of(
            st.text(max_size=40),
            st.builds(
                "|".join,
                st.tuples(
                    st.just(""),
                    st.sampled_from(
                        "move switch -damage -boost -start -end -status turn request error faint -sethp".split()
                    ),
                    st.text(max_size=20),
                    st.sampled_from(["p1a: Tauros", "p2a: Tauros", "p1: x", "", "p2"]),
                    st.text(max_size=20),
                ),
            ),
        ),
        max_size=8,
    )
)
def test_any_text_is_followed_or_refused(follower: Follower, lines: list[str]) -> None:
    pid = follower.worker_pid
    follower.begin(0, 0)
    if _told(follower, 0, lines):
        _answers(follower, 0, random.Random(0))
    assert follower.worker_pid == pid


def test_a_flood_is_refused_before_it_fills_the_memory() -> None:
    with Follower(ShowdownGame("gen1ou"), 2) as follower:
        follower.begin(0, 0)
        line = f"|-damage|p2a: {'x' * 200}|1/1"
        assert sum(_told(follower, 0, [line] * 1000) for _ in range(120)) < 120
        with pytest.raises(BattleFollowError):
            follower.rows([0])
        # What was told is let go, and the lane can be used again.
        follower.begin(0, recordings("gen1ou")[0].player)
        follower.feed(0, recordings("gen1ou")[0].updates[0])
        assert follower.rows([0])[1].any()


@pytest.mark.parametrize("size", [2_000, 70_000, 2_000_000])
def test_lines_and_requests_that_are_too_long_are_refused(size: int) -> None:
    with Follower(ShowdownGame("gen1ou"), 1) as follower:
        for line in (
            f"|move|p1a: {'x' * size}|Surf|p2a: y",
            '|request|{"side":{"id":"p1","name":"' + "x" * size + '"}}',
        ):
            follower.begin(0, 0)
            if size < 60_000 and line.startswith("|request|"):
                continue
            with pytest.raises(BattleFollowError, match="characters"):
                follower.feed(0, [line])
