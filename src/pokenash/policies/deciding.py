"""Decisions of several battles by one policy: batched, and one battle's failure kept from the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.errors import IllegalActionError, InputError
from pokenash.games.core import Decisions
from pokenash.policies.core import DecisionRandom, Policy

__all__ = ["Decider", "Question"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """One open decision.

    Parameters
    ----------
    lane, episode, player, decision : int
        As in `Decisions`.
    observation : dict of arrays
        Of one row, without the axis of rows.
    action_mask : bool array, ``[A]``
    text : str
        As in `Decisions`.
    """

    lane: int
    episode: int
    player: int
    decision: int
    observation: dict[str, NDArray[Any]]
    action_mask: NDArray[np.bool_]
    text: str


class Decider:
    """Asks a policy, with its memory.

    Where the policy raises, nobody knows how far its memory had gone. So every battle of the batch is then asked about
    alone, from its first decision on; randomness being keyed by the decision, the memory comes out as it was, and only
    the battle that is to blame fails.

    Parameters
    ----------
    policy : Policy
    num_lanes : int
    seed : int
    extra_actions : tuple of int
        Legal though no mask has them, such as Showdown's forfeit.

    Attributes
    ----------
    largest_batch : int
        Most questions that the policy was asked at a time.
    """

    def __init__(self, policy: Policy, num_lanes: int, seed: int, extra_actions: tuple[int, ...] = ()) -> None:
        self._policy = policy
        self._extra_actions = extra_actions
        self._memory = policy.initial_memory(num_lanes)
        self._rng = DecisionRandom(seed)
        self._asked: dict[int, list[Question]] = {}
        self.largest_batch = 0

    def answer(self, questions: Sequence[Question]) -> list[int | Exception]:
        """One action that may be taken, or what went wrong, per question."""
        answers: list[int | Exception] = [0] * len(questions)
        waiting = list(enumerate(questions))
        while waiting:
            # A battle whose last decision was not waited for may ask twice; its decisions keep their order.
            wave: dict[int, tuple[int, Question]] = {}
            for index, question in waiting:
                wave.setdefault(question.lane, (index, question))
            chosen = self._answer_wave([question for _, question in wave.values()])
            for (index, _), answer in zip(wave.values(), chosen, strict=True):
                answers[index] = answer
            done = {index for index, _ in wave.values()}
            waiting = [entry for entry in waiting if entry[0] not in done]
        return answers

    def _answer_wave(self, questions: list[Question]) -> list[int | Exception]:
        """Questions of different lanes."""
        for question in questions:
            if question.decision == 0:
                self._asked[question.lane] = []
            self._asked[question.lane].append(question)
        self.largest_batch = max(self.largest_batch, len(questions))
        try:
            return list(self._ask(questions))
        except Exception as error:
            _log.debug("the policy raised %s in a batch of %d", type(error).__name__, len(questions))
        return [self._ask_alone(question.lane) for question in questions]

    def _ask_alone(self, lane: int) -> int | Exception:
        """The last decision of a battle, all before it played through again."""
        try:
            return [self._ask([question])[0] for question in self._asked[lane]][-1]
        except Exception as error:
            return error

    def _ask(self, questions: Sequence[Question]) -> list[int]:
        decisions = _decisions(questions, self._policy.needs_text)
        actions = np.asarray(self._policy.act(decisions, self._memory, self._rng))
        if actions.shape != (len(questions),) or actions.dtype.kind not in "iu":
            raise InputError(
                f"the policy returned an array of {actions.dtype} and shape {actions.shape}; expected one integer per "
                f"row, shape ({len(questions)},)"
            )
        for question, action in zip(questions, actions.tolist(), strict=True):
            legal = np.flatnonzero(question.action_mask).tolist()
            if action not in legal and action not in self._extra_actions:
                raise IllegalActionError("the policy", action, legal)
        return [int(action) for action in actions]


def _decisions(questions: Sequence[Question], text: bool) -> Decisions:
    """Questions as the rows of a batch."""
    names = questions[0].observation
    return Decisions(
        np.array([q.lane for q in questions], np.int64),
        np.array([q.episode for q in questions], np.int64),
        np.array([q.player for q in questions], np.int64),
        np.array([q.decision for q in questions], np.int64),
        {name: np.stack([q.observation[name] for q in questions]) for name in names},
        np.stack([q.action_mask for q in questions]),
        [q.text for q in questions] if text else None,
    )
