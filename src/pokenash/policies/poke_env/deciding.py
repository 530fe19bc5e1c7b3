"""Decisions of battles on a server, answered in batches by a policy."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pokenash.errors import BattleFollowError
from pokenash.games.core import Decisions
from pokenash.games.showdown import FORFEIT, ShowdownGame
from pokenash.games.showdown.following import Follower
from pokenash.games.showdown.told import room_line
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.mixture import Mixture
from pokenash.policies.seats import Seats

__all__ = ["Decider", "Question", "policy_text"]

_log = logging.getLogger(__name__)


@dataclass
class Question:
    """A battle that waits for a choice.

    Parameters
    ----------
    lane : int
        Its place; free for other battles when it has ended.
    episode : int
        Its number, by which the policy's randomness is keyed.
    decision : int
        How many decisions the policy has made in it; 0 begins the battle. Counted up by the answer.
    lines : list of str
        Everything that the room told since the last question, requests included.
    """

    lane: int
    episode: int
    decision: int
    lines: list[str] = field(default_factory=list)
    choice: str | None = None
    """The answer: a choice such as ``"move 1"``, or None to forfeit."""
    failure: str | None = None
    """Why it is forfeited, where the policy did not want that."""


class Decider:
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
        self._random = DecisionRandom(seed)
        self._memory = policy.initial_memory(num_lanes)
        self.follower = Follower(game, num_lanes)

    def close(self) -> None:
        """End the follower's process."""
        self.follower.close()

    def member(self, episode: int, player: int) -> str | None:
        """The member of a mixture that plays an episode in a seat; None where the policy is no mixture."""
        policy = self.policy.seats[player] if isinstance(self.policy, Seats) else self.policy
        if not isinstance(policy, Mixture):
            return None
        drawn = policy.draw(np.array([episode], np.int64), np.array([player], np.int64), self._random)
        return policy.names[int(drawn[0])]

    def answer(self, questions: Sequence[Question]) -> None:
        """Fill in the choices. A battle that cannot be followed is to be forfeited; the others are answered."""
        texts = {question.lane: "" for question in questions}
        for question in questions:
            if question.decision == 0:
                self.follower.begin(question.lane)
            if self.policy.needs_text:
                texts[question.lane] = policy_text(question.lines)
            try:
                self.follower.feed(question.lane, question.lines)
            except BattleFollowError as error:
                self._give_up(question, error)
        left = [question for question in questions if question.failure is None]
        while left:
            left = self._answer_once(left, texts)

    def _answer_once(self, questions: list[Question], texts: dict[int, str]) -> list[Question]:
        """Answer what can be; returns the team previews that need another pick."""
        lanes = [question.lane for question in questions]
        try:
            observation, mask = self.follower.rows(lanes)
        except BattleFollowError as error:
            return self._without(questions, error)
        decisions = Decisions(
            np.array(lanes, np.int64),
            np.array([question.episode for question in questions], np.int64),
            np.array([self.follower.player(lane) for lane in lanes], np.int64),
            np.array([question.decision for question in questions], np.int64),
            observation,
            mask,
            [texts[lane] for lane in lanes] if self.policy.needs_text else None,
        )
        actions = self.policy.act(decisions, self._memory, self._random).tolist()
        for question in questions:
            question.decision += 1
        playing = [(q, action) for q, action in zip(questions, actions, strict=True) if action != FORFEIT]
        choices = self.follower.choices([q.lane for q, _ in playing], [action for _, action in playing])
        again = []
        for (question, _), choice in zip(playing, choices, strict=True):
            question.choice = choice
            if choice is None:
                texts[question.lane] = texts[question.lane].rpartition("\n")[2]
                again.append(question)
        return again

    def _without(self, questions: list[Question], error: BattleFollowError) -> list[Question]:
        """All but the one that has failed."""
        for question in questions:
            if question.lane == error.lane:
                self._give_up(question, error)
        return [question for question in questions if question.failure is None]

    @staticmethod
    def _give_up(question: Question, error: BattleFollowError) -> None:
        _log.error("battle %d is forfeited: %s", question.episode, error)
        question.failure = error.reason


def policy_text(lines: Sequence[str]) -> str:
    """What the simulator told, as policies with ``needs_text`` are given it: without what the room itself says.

    Parameters
    ----------
    lines : sequence of str
        As the server sent them. Of the requests the last one is kept, at the end and without its number.
    """
    request = ""
    kept = []
    for line in lines:
        if line.startswith("|request|"):
            request = line if line.removeprefix("|request|") not in ("", "null") else request
        elif not room_line(line):
            kept.append(line)
    if request:
        data = json.loads(request.removeprefix("|request|"))
        if isinstance(data, dict):
            data.pop("rqid", None)
        kept.append("|request|" + json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return "\n".join(kept)
