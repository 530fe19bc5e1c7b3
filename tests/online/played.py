"""Sessions for tests: records of battles, and their logs from battles of the real simulator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.games.showdown.playing import schedule
from tests.games.showdown.telling import told_battle

from pokenash.games.showdown import ShowdownGame
from pokenash.online.records import RECORDS_NAME, BattleRecord, append_record

DAY = 86_400.0
BEGIN = 1_800_000_000.0


def record(number: int = 0, opponent: str | None = "Some One", **fields: Any) -> BattleRecord:
    """A record of a battle, won unless said otherwise."""
    values: dict[str, Any] = {
        "battle": f"battle-gen1ou-{number}",
        "number": number,
        "format": "gen1ou",
        "server": "localhost:8000",
        "account": "Our Account",
        "opponent": opponent,
        "seat": 0,
        "policy": "mixture",
        "member": "type_aware",
        "probabilities_sha256": None,
        "seed": 7,
        "episode": number,
        "team": 0,
        "team_name": "rhydon",
        "outcome": "win",
        "reason": "played",
        "turns": 30,
        "decisions": 33,
        "started": BEGIN + 600 * number,
        "ended": BEGIN + 600 * number + 300,
    }
    return BattleRecord(**{**values, **fields})


def write_session(directory: Path, records: Sequence[BattleRecord], log: Sequence[str] = ()) -> Path:
    """A session's directory as `pokenash play` leaves it; every battle that names a log has the one given."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps({"schema": 1, "kind": "play", "format": "gen1ou"}))
    for one in records:
        append_record(directory / RECORDS_NAME, one)
        if one.log is not None:
            path = directory / one.log
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(log) + "\n", encoding="utf-8")
    return directory


def server_log(ours: str, theirs: str, *, nickname: str, forfeit_at: int = 40) -> list[str]:
    """What player 1 of a server is told: a simulator's battle with the server's own lines around it."""
    game = ShowdownGame()
    _, (told, _) = told_battle(game, schedule(game, 1, text=(True, True))[0], forfeit_at=forfeit_at)
    first = next(line.split("|")[2].split(": ")[1] for line in told if line.startswith("|switch|p2a"))
    lines = []
    for line in told:
        line = line.replace("Player 1", ours).replace("Player 2", theirs).replace(f"a: {first}|", f"a: {nickname}|")
        lines.append(line)
    return [
        ">battle-gen1ou-1",
        "|init|battle",
        f"|title|{ours} vs. {theirs}",
        f"|j|☆{theirs}",
        f"|player|p1|{ours}|265|1200",
        f"|player|p2|{theirs}|#custom-portrait|1304",
        '|request|{"active":[],"side":{"name":"x"}}',
        *lines,
        f"|c|☆{theirs}|I am {theirs} <b>from here</b>",
        f"|inactive|{theirs} has 30 seconds left.",
        f'|raw|<a href="//pokemonshowdown.com/users/x">{theirs}</a> gained 20 points',
        f"|-message|{theirs} forfeited.",
        f"|win|{ours}",
    ]
