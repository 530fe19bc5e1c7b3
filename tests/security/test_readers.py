"""Whatever else reads a server's protocol: metamon's view, poke-env's players, the narrator and replay pages."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.security.mangling import FORMATS, Recording, inputs, mangled, recordings

from pokenash.errors import BattleFollowError, PokenashError
from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.following import Follower
from pokenash.games.showdown.narrate import narrate
from pokenash.games.showdown.replay import replay_html
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.backend import BattleView
from pokenash.online.battle_logs import anonymous_log, battle_lines
from pokenash.policies.deciding import Decider, Question
from pokenash.policies.poke_env import PokeEnvPlayer

_LANES = 6
ANY_LINE = st.one_of(
    st.text(max_size=60),
    st.builds("|".join, st.lists(st.text(max_size=12), max_size=7).map(lambda parts: ["", *parts])),
)


class _Tags(HTMLParser):
    """Elements and attributes that could run something, and what stands in scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def fuzz_view(format: str, battles: int, seed: int) -> dict[str, int]:
    """Have metamon's view read mangled battles; it may refuse, in words, and nothing else."""
    rng = random.Random(seed)
    space = get_action_space("DefaultActionSpace")
    counts = {"battles": 0, "updates": 0, "refused": 0}
    for _ in range(battles):
        recording = rng.choice(recordings(format))
        view = BattleView(recording.player, format)
        counts["battles"] += 1
        for update in mangled(recording, rng.randrange(2**60)):
            counts["updates"] += 1
            try:
                view.feed(update)
                view.state()
                for index in view.legal(space):
                    assert re.fullmatch(r"(move|switch) [a-z0-9]+( terastallize)?", view.choice(index) or "move 1")
            except PokenashError:
                counts["refused"] += 1
    return counts


def fuzz_poke_env(format: str, battles: int, seed: int, player: str = "SimpleHeuristicsPlayer") -> dict[str, int]:
    """Have a poke-env player decide mangled battles as `pokenash play` has it: behind the follower, in batches.

    The first lane's battle is untouched, and must be decided as it is alone.
    """
    rng = random.Random(seed)
    game = ShowdownGame(format)
    policy = PokeEnvPlayer(player, game.generation, game.gimmicks, format=format)
    counts = {"battles": 0, "updates": 0, "refused": 0, "failed": 0}
    clean = recordings(format)[0]
    with Follower(game, _LANES) as follower:
        alone = _decided(follower, policy, [clean.updates[:-1]], {clean: 0}, counts)
        counts = dict.fromkeys(counts, 0)
        while counts["battles"] < battles:
            wrong = [mangled(rng.choice(recordings(format)), rng.randrange(2**60)) for _ in range(_LANES - 1)]
            counts["battles"] += len(wrong)
            counts["updates"] += sum(map(len, wrong))
            assert _decided(follower, policy, [clean.updates[:-1], *wrong], {clean: 0}, counts) == alone
    return counts


def _decided(
    follower: Follower,
    policy: PokeEnvPlayer,
    told: Sequence[Sequence[Sequence[str]]],
    seats: dict[Recording, int],
    counts: dict[str, int],
) -> list[int | Exception]:
    """The decisions of the first lane."""
    decider = Decider(policy, _LANES, 7)
    decided: list[int | Exception] = []
    (clean,) = seats
    for lane in range(len(told)):
        follower.begin(lane, clean.player if lane == 0 else None)
    going = dict.fromkeys(range(len(told)), 0)
    for number in range(max(map(len, told))):
        questions = []
        for lane in list(going):
            if number >= len(told[lane]):
                continue
            try:
                follower.feed(lane, told[lane][number])
                observation, mask = follower.rows([lane])
            except BattleFollowError:
                counts["refused"] += 1
                del going[lane]
                continue
            row = {name: block[0] for name, block in observation.items()}
            text = "\n".join(line for line in told[lane][number] if not line.startswith("|request|"))
            request = [line for line in told[lane][number] if line.startswith("|request|{")]
            text = "\n".join([text, *request[-1:]])
            seat = follower.player(lane) or 0
            questions.append(Question(lane, lane, seat, going[lane], row, mask[0], text))
            going[lane] += 1
        for question, answer in zip(questions, decider.answer(questions), strict=True):
            if question.lane == 0:
                decided.append(answer)
            if isinstance(answer, Exception):
                counts["failed"] += 1
                del going[question.lane]
            else:
                assert question.action_mask[answer]
    return decided


@pytest.mark.parametrize("format", FORMATS)
def test_metamons_view_reads_or_refuses(format: str) -> None:
    counts = fuzz_view(format, inputs(150), seed=601)
    assert 0 < counts["refused"] < counts["updates"]


@pytest.mark.parametrize("format", FORMATS)
def test_a_member_that_reads_mangled_battles_decides_the_others_as_ever(format: str) -> None:
    counts = fuzz_poke_env(format, inputs(40), seed=602)
    assert counts["refused"] > 0
    assert counts["failed"] < counts["updates"]


@settings(max_examples=inputs(200))
@given(lines=st.lists(ANY_LINE, max_size=10))
def test_any_text_is_read_or_refused_by_metamons_view(lines: list[str]) -> None:
    view = BattleView(0, "gen9ou")
    try:
        view.feed(lines)
        view.state()
    except PokenashError as error:
        assert str(error)  # noqa: PT017


@settings(max_examples=inputs(200))
@given(lines=st.lists(ANY_LINE, max_size=10), format=st.text(max_size=20))
def test_any_text_becomes_a_page_without_anything_to_run(lines: list[str], format: str) -> None:
    for told in (lines, battle_lines(lines), anonymous_log(lines, str)):
        page = _Tags(replay_html(told, format))
        assert page.tags.count("script") == 2
        assert not page.handlers
        assert set(page.tags) <= {"html", "head", "meta", "title", "style", "body", "div", "input", "h1", "script"}


@pytest.mark.parametrize("format", FORMATS)
def test_mangled_battles_become_words_and_pages(format: str) -> None:
    rng = random.Random(603)
    for _ in range(inputs(60)):
        recording = rng.choice(recordings(format))
        lines = [line for update in mangled(recording, rng.randrange(2**60)) for line in update]
        words = narrate(lines)
        assert all(line.isprintable() for line in words)
        page = _Tags(replay_html(lines, format))
        assert page.tags.count("script") == 2
        assert not page.handlers
        told = anonymous_log(lines, lambda seat: f"seat {seat}")
        assert len(told) <= len(battle_lines(lines))


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_many_mangled_battles(format: str) -> None:
    fuzz_view(format, inputs(3000), seed=604)
    fuzz_poke_env(format, inputs(1000), seed=605)
