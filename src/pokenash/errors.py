"""The package's own errors.

Every error that pokenash raises on purpose derives from `PokenashError`, so that a caller (the command line, a
notebook) can tell a clear refusal from a bug.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "BattleFollowError",
    "ClusterError",
    "IllegalActionError",
    "InputError",
    "PokenashError",
    "RunDirectoryError",
    "ServerError",
    "SimulatorError",
    "TeamError",
]


class PokenashError(Exception):
    """Base class of all errors raised by pokenash."""


class InputError(PokenashError, ValueError):
    """An argument, option or file that cannot be used; the message says what was got and what was expected."""


class IllegalActionError(InputError):
    """An action that the action mask forbids. The environment is left as it was.

    Parameters
    ----------
    agent : str
        Who chose.
    action : int
        What was chosen.
    legal_actions : sequence of int
        What could have been chosen.
    """

    def __init__(self, agent: str, action: int, legal_actions: Sequence[int]) -> None:
        self.agent = agent
        self.action = action
        self.legal_actions = tuple(int(a) for a in legal_actions)
        super().__init__(f"{agent} chose action {action}, which is not legal now; legal: {list(self.legal_actions)}")


class BattleFollowError(PokenashError):
    """A battle on a server that cannot be followed: what was told of it is malformed, too large, or makes no sense.

    Parameters
    ----------
    lane : int
        Of the follower; its other lanes are as they were.
    reason : str
        What is wrong.
    """

    def __init__(self, lane: int, reason: str) -> None:
        self.lane = lane
        self.reason = reason
        super().__init__(f"the battle in lane {lane} cannot be followed: {reason}")


class ClusterError(PokenashError, RuntimeError):
    """Workers of a cluster that cannot be reached or started, or that are lost again and again."""


class TeamError(InputError):
    """A team that cannot be read or that the simulator's validator refuses, in the validator's words."""


class SimulatorError(PokenashError, RuntimeError):
    """Node or the simulator is missing, too old, or failed in a way that could not be recovered from."""


class RunDirectoryError(InputError):
    """A run directory that is damaged or was written by another run; nothing in it was changed."""


class ServerError(PokenashError, RuntimeError):
    """A Showdown server that cannot be reached, started or logged in to, or that refuses what it is asked for."""
