"""What may be kept of matches besides their results, wherever they are played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pokenash.games.core import EpisodeResult, Game
from pokenash.policies.core import Policy

__all__ = ["Recorder", "Recording"]


class Recorder(Protocol):
    """Records live policies while a schedule is played.

    Attributes
    ----------
    policies : sequence of Policy
        Play in the place of those that are recorded.
    """

    @property
    def policies(self) -> Sequence[Policy]: ...

    def finish(self, result: EpisodeResult) -> tuple[EpisodeResult, tuple[bytes | None, bytes | None]]:
        """The result of an episode as it is to be told, and what was recorded of each seat."""
        ...


class Recording(Protocol):
    """Says what to record. Plain data that can be pickled: an executor may send it to the machines that play.

    `pokenash.metamon.recording.TrajectoryRecording` is one.
    """

    def start(self, policies: Sequence[Policy], game: Game) -> Recorder:
        """Begin to record the live policies of a schedule."""
        ...
