"""poke-env's view of a battle, which a message that poke-env cannot take does not end."""

from __future__ import annotations

import logging
from typing import Any

from poke_env.battle import AbstractBattle, Battle

__all__ = ["View", "make_lenient"]

_log = logging.getLogger(__name__)


class View(Battle):
    """A battle whose tracker may fail.

    poke-env 0.16 raises on some battles, such as those of a team with two Zoroark. Whoever has another view of the
    battle goes on without it.
    """

    failed = False
    """Whether a message has failed since this was last set to False."""

    def parse_message(self, split_message: list[str]) -> None:
        """Take a line; a failure is noted."""
        try:
            super().parse_message(split_message)
        except Exception as error:
            self._fail(error)

    def parse_request(self, request: dict[str, Any], strict_battle_tracking: bool = False) -> None:
        """Take a request; a failure is noted, and what is asked for stands."""
        try:
            super().parse_request(request, strict_battle_tracking)
        except Exception as error:
            self._fail(error)
            self._wait = bool(request.get("wait"))
            self._teampreview = bool(request.get("teamPreview"))
            self._last_request = request

    def _fail(self, error: Exception) -> None:
        _log.debug("%s: poke-env cannot follow the battle: %r", self.battle_tag, error)
        self.failed = True


def make_lenient(battle: AbstractBattle) -> None:
    """Make a battle that poke-env has begun a `View`."""
    if type(battle) is Battle:
        battle.__class__ = View
