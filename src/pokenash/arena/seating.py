"""One run through a schedule: who sits in which lane, and whose rows are whose."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.arena.matches import Match, MatchResult
from pokenash.errors import IllegalActionError, InputError
from pokenash.games.core import Decisions, EpisodeResult, EpisodeSetup
from pokenash.policies.core import DecisionRandom, Policy
from pokenash.policies.mixture import Mixture

__all__ = ["Seating"]

_log = logging.getLogger(__name__)

_FORFEIT = -1


class Seating:
    """Seats the policies of a schedule and answers open decisions with them.

    A mixture's seat is taken by the member that is drawn for the episode, so rows go to members directly. One
    live object is one player of rows, however many seats it has.

    Parameters
    ----------
    policies : sequence of Policy
    names : sequence of str
        For messages, one per policy.
    matches : iterable of Match
        Drawn lazily by `setups`.
    rng : DecisionRandom
    num_lanes : int
    """

    def __init__(
        self,
        policies: Sequence[Policy],
        names: Sequence[str],
        matches: Iterable[Match],
        rng: DecisionRandom,
        num_lanes: int,
    ) -> None:
        self._policies = policies
        self._matches = matches
        self._rng = rng
        self._num_lanes = num_lanes
        self._actors: list[Policy] = []
        self._actor_names: list[str] = []
        self._memories: dict[int, Any] = {}
        index_of: dict[int, int] = {}
        # For each policy its actors: itself, or the members of a mixture.
        self._actors_of: list[list[int]] = []
        for policy, name in zip(policies, names, strict=True):
            mixture = isinstance(policy, Mixture)
            members = zip(policy.members, policy.names, strict=True) if isinstance(policy, Mixture) else [(policy, "")]
            actors = []
            for member, member_name in members:
                if id(member) not in index_of:
                    index_of[id(member)] = len(self._actors)
                    self._actors.append(member)
                    self._actor_names.append(f"{name}, member {member_name}" if mixture else name)
                actors.append(index_of[id(member)])
            self._actors_of.append(actors)
        self._seen: set[int] = set()
        self._open: dict[int, tuple[Match, tuple[int, int], tuple[str | None, str | None]]] = {}
        self._lane_episode: NDArray[np.int64] = np.full(num_lanes, -1, np.int64)
        self._lane_actors: NDArray[np.int64] = np.full((num_lanes, 2), -1, np.int64)

    def setups(self) -> Iterator[EpisodeSetup]:
        """The schedule as the game wants it; each match is seated when it is drawn."""
        for match in self._matches:
            episode = match.setup.episode
            if episode in self._seen:
                raise InputError(f"episode {episode} is in the schedule twice; episode numbers must differ")
            self._seen.add(episode)
            first = self._take_seat(match, 0)
            second = self._take_seat(match, 1)
            self._open[episode] = (match, (first[0], second[0]), (first[1], second[1]))
            text = match.setup.text
            wanted = (
                text[0] or self._actors[first[0]].needs_text,
                text[1] or self._actors[second[0]].needs_text,
            )
            yield match.setup if wanted == text else replace(match.setup, text=wanted)

    def _take_seat(self, match: Match, player: int) -> tuple[int, str | None]:
        """The actor of one seat, and the member's name if one was drawn."""
        index = match.policies[player]
        if not 0 <= index < len(self._policies):
            raise InputError(
                f"episode {match.setup.episode}: policy index {index}, expected one of 0 to {len(self._policies) - 1}"
            )
        policy = self._policies[index]
        if not isinstance(policy, Mixture):
            return self._actors_of[index][0], None
        drawn = policy.draw(np.array([match.setup.episode]), np.array([player]), self._rng)
        member = int(drawn[0])
        return self._actors_of[index][member], policy.names[member]

    def answer(self, decisions: Decisions) -> NDArray[np.int64]:
        """One legal action per row, ``[B]``."""
        lane, player = decisions.lane, decisions.player
        moved_in = self._lane_episode[lane] != decisions.episode
        if moved_in.any():
            for row in np.flatnonzero(moved_in).tolist():
                episode = int(decisions.episode[row])
                self._lane_episode[lane[row]] = episode
                self._lane_actors[lane[row]] = self._open[episode][1]
        actor = self._lane_actors[lane, player]
        first = int(actor[0])
        if (actor == first).all():
            return self._ask(first, decisions)
        actions = np.empty(len(decisions), np.int64)
        order = np.argsort(actor, kind="stable")
        cuts = np.flatnonzero(np.diff(actor[order])) + 1
        for rows in np.split(order, cuts):
            actions[rows] = self._ask(int(actor[rows[0]]), decisions.select(rows))
        return actions

    def _ask(self, actor: int, decisions: Decisions) -> NDArray[np.int64]:
        """Let one actor answer rows that are all its own, and check what it says."""
        policy = self._actors[actor]
        if actor not in self._memories:
            self._memories[actor] = policy.initial_memory(self._num_lanes)
        try:
            actions = np.asarray(policy.act(decisions, self._memories[actor], self._rng))
        except Exception as error:
            error.add_note(f"while policy {self._actor_names[actor]} chose actions")
            raise
        if actions.shape != (len(decisions),) or actions.dtype.kind not in "iu":
            raise InputError(
                f"policy {self._actor_names[actor]} returned an array of {actions.dtype} and shape {actions.shape}; "
                f"expected one integer action per row, shape ({len(decisions)},)"
            )
        self._check_legal(actor, decisions, actions)
        return actions

    def _check_legal(self, actor: int, decisions: Decisions, actions: NDArray[np.integer[Any]]) -> None:
        """Refuse masked actions under the policy's name. Whether a game knows forfeits is its own affair."""
        mask = decisions.action_mask
        known = (actions >= 0) & (actions < mask.shape[1])
        legal = mask[np.arange(len(actions)), np.where(known, actions, 0)] & known
        if legal.all():
            return
        wrong = np.flatnonzero(~legal & (actions != _FORFEIT))
        if wrong.size:
            row = int(wrong[0])
            who = (
                f"policy {self._actor_names[actor]} (player {int(decisions.player[row])}, "
                f"episode {int(decisions.episode[row])}, decision {int(decisions.decision[row])})"
            )
            raise IllegalActionError(who, int(actions[row]), np.flatnonzero(mask[row]).tolist())

    def finish(self, result: EpisodeResult) -> MatchResult:
        """The result of an episode together with who played it."""
        match, _, members = self._open.pop(result.episode)
        finished = MatchResult(match, result, members)
        if not finished.counted:
            _log.warning("episode %d ended with an error and does not count: %s", result.episode, dict(result.info))
        return finished

    @property
    def unfinished(self) -> int:
        """How many matches were begun and have not ended."""
        return len(self._open)
