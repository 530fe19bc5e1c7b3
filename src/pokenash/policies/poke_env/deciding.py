"""Decisions of battles on a server, answered in batches by a policy."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pokenash.errors import BattleFollowError
from pokenash.games.showdown import FORFEIT, ShowdownGame
from pokenash.games.showdown.following import Follower
from pokenash.games.showdown.told import room_line
from pokenash.policies.core import Policy
from pokenash.policies.deciding import Decider, Question
from pokenash.policies.seats import drawn_member

__all__ = ["BattleText", "RoomDecider", "RoomQuestion"]

_log = logging.getLogger(__name__)


@dataclass
class RoomQuestion:
    """A battle that waits for a choice.

    Parameters
    ----------
    lane : int
        Its place; free for other battles when it has ended.
    episode : int
        Its number, by which the policy's randomness is keyed.
    decision : int
        How many decisions the policy has made in it; 0 begins the battle. Counted up by the answer.
    messages : list of list of str
        Everything that the room told since the last question, as lines, requests included. A message with ``|init|``
        tells the whole log.
    """

    lane: int
    episode: int
    decision: int
    messages: list[list[str]] = field(default_factory=list)
    choice: str | None = None
    """The answer: a choice such as ``"move 1"``, or None to forfeit."""
    failure: str | None = None
    """Why it is forfeited, where the policy did not want that."""


class RoomDecider:
    """A policy, its memory, and a `Follower` that shows it the battles. For one thread.

    Parameters
    ----------
    game : ShowdownGame
    policy : Policy
    num_lanes : int
    seed : int
        Of the policy's random numbers.
    """

    def __init__(self, game: ShowdownGame, policy: Policy, num_lanes: int, seed: int) -> None:
        self.policy = policy
        self._seed = seed
        self._decider = Decider(policy, num_lanes, seed, (FORFEIT,))
        self._texts = [BattleText() for _ in range(num_lanes)]
        self.follower = Follower(game, num_lanes)

    def close(self) -> None:
        """End the follower's process."""
        self.follower.close()

    def member(self, episode: int, player: int) -> str | None:
        """The member of a mixture that plays an episode in a seat; None where the policy is no mixture."""
        return drawn_member(self.policy, episode, player, self._seed)[0]

    def answer(self, questions: Sequence[RoomQuestion]) -> None:
        """Fill in the choices. A battle that cannot be followed, or on which the policy fails, is to be forfeited."""
        for question in questions:
            try:
                self._hear(question)
            except BattleFollowError as error:
                self._give_up(question, error.reason)
        left = [question for question in questions if question.failure is None]
        texts = {question.lane: self._texts[question.lane].take() for question in left if self.policy.needs_text}
        while left:
            left = self._answer_once(left, texts)

    def _hear(self, question: RoomQuestion) -> None:
        """Tell the follower what was told, and keep it for a policy that reads it."""
        lane = question.lane
        if question.decision == 0:
            self.follower.begin(lane)
            self._texts[lane] = BattleText()
        begun = question.decision > 0
        for message in question.messages:
            again = begun and any(line.startswith("|init|") for line in message)
            if again:
                self.follower.rejoin(lane, message)
            else:
                self.follower.feed(lane, message)
            if self.policy.needs_text:
                self._texts[lane].add(message, again)
            begun = True

    def _answer_once(self, questions: list[RoomQuestion], texts: dict[int, str]) -> list[RoomQuestion]:
        """Answer what can be; returns the team previews that need another pick."""
        lanes = [question.lane for question in questions]
        try:
            observation, mask = self.follower.rows(lanes)
        except BattleFollowError as error:
            return self._without(questions, error)
        rows = [
            Question(
                question.lane,
                question.episode,
                self.follower.player(question.lane) or 0,
                question.decision,
                {name: block[row] for name, block in observation.items()},
                mask[row],
                texts.get(question.lane, ""),
            )
            for row, question in enumerate(questions)
        ]
        playing = []
        for question, answer in zip(questions, self._decider.answer(rows), strict=True):
            question.decision += 1
            if isinstance(answer, Exception):
                self._give_up(question, f"the policy failed with {type(answer).__name__}: {answer}")
            elif answer != FORFEIT:
                playing.append((question, answer))
        again = []
        for question, choice in self._choices(playing):
            question.choice = choice
            if choice is None:
                texts[question.lane] = texts.get(question.lane, "").rpartition("\n")[2]
                again.append(question)
        return again

    def _choices(self, playing: list[tuple[RoomQuestion, int]]) -> list[tuple[RoomQuestion, str | None]]:
        """The actions in the server's words; all at once, or one by one if a battle has failed meanwhile."""
        try:
            texts = self.follower.choices([question.lane for question, _ in playing], [action for _, action in playing])
            return [(question, text) for (question, _), text in zip(playing, texts, strict=True)]
        except BattleFollowError as error:
            if len(playing) == 1:
                self._give_up(playing[0][0], error.reason)
                return []
        return [made for one in playing for made in self._choices([one])]

    def _without(self, questions: list[RoomQuestion], error: BattleFollowError) -> list[RoomQuestion]:
        """All but the one that has failed."""
        for question in questions:
            if question.lane == error.lane:
                self._give_up(question, error.reason)
        return [question for question in questions if question.failure is None]

    @staticmethod
    def _give_up(question: RoomQuestion, reason: str) -> None:
        _log.error("battle %d is forfeited: %s", question.episode, reason)
        question.failure = reason


class BattleText:
    """What a policy with ``needs_text`` is given: what the simulator told since the last decision, and the request.

    What the room itself says is left out, and what it tells again.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._taken = 0
        self._request = ""

    def add(self, message: Sequence[str], again: bool) -> None:
        """Take a message of the room; `again` if it is the whole log."""
        lines = []
        for line in message:
            if line.startswith("|request|"):
                self._request = _unnumbered(line.removeprefix("|request|")) or self._request
            elif not room_line(line):
                lines.append(line)
        # Refusals are told to one player alone, and are no part of the log.
        known = [line for line in self._lines if not line.startswith("|error|")] if again else []
        if again and lines[: len(known)] == known:
            lines = lines[len(known) :]
        self._lines += lines

    def take(self) -> str:
        """The text of a decision."""
        lines, self._taken = self._lines[self._taken :], len(self._lines)
        return "\n".join([*lines, f"|request|{self._request}"])


def _unnumbered(request: str) -> str:
    """A request as the simulator has it, without the server's number; empty where there is none."""
    data = json.loads(request) if request else None
    if not isinstance(data, dict):
        return ""
    data.pop("rqid", None)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
