"""Battles on Showdown servers: a server on this machine, and what is kept of battles played on one.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.online.battle_timer import BattleTimer
    from pokenash.online.records import BattleRecord, append_record, read_records
    from pokenash.online.server import ShowdownServer
    from pokenash.online.server_install import install_server

_MODULES = {
    "BattleRecord": "records",
    "BattleTimer": "battle_timer",
    "ShowdownServer": "server",
    "append_record": "records",
    "install_server": "server_install",
    "read_records": "records",
}

__all__ = ["BattleRecord", "BattleTimer", "ShowdownServer", "append_record", "install_server", "read_records"]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
