"""Battles on Showdown servers: playing there, a server on this machine, and what is kept of battles played on one.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.online.account import Account
    from pokenash.online.battle_timer import BattleTimer
    from pokenash.online.playing import open_session, play
    from pokenash.online.pseudonyms import Pseudonyms
    from pokenash.online.records import BattleRecord, append_record, read_records
    from pokenash.online.report import write_battles_csv, write_sessions_report
    from pokenash.online.results import SessionResults, analyse, read_battles
    from pokenash.online.server import ShowdownServer
    from pokenash.online.server_install import install_server
    from pokenash.online.session import Session
    from pokenash.online.settings import PlaySettings

_MODULES = {
    "Account": "account",
    "BattleRecord": "records",
    "BattleTimer": "battle_timer",
    "PlaySettings": "settings",
    "Pseudonyms": "pseudonyms",
    "Session": "session",
    "SessionResults": "results",
    "ShowdownServer": "server",
    "analyse": "results",
    "append_record": "records",
    "install_server": "server_install",
    "open_session": "playing",
    "play": "playing",
    "read_battles": "results",
    "read_records": "records",
    "write_battles_csv": "report",
    "write_sessions_report": "report",
}

__all__ = [
    "Account",
    "BattleRecord",
    "BattleTimer",
    "PlaySettings",
    "Pseudonyms",
    "Session",
    "SessionResults",
    "ShowdownServer",
    "analyse",
    "append_record",
    "install_server",
    "open_session",
    "play",
    "read_battles",
    "read_records",
    "write_battles_csv",
    "write_sessions_report",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
