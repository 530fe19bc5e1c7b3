"""What poke-env's tracker makes of the same lines and requests."""

from __future__ import annotations

import logging
from typing import Any

from poke_env.battle import Battle, Pokemon
from poke_env.data import to_id_str

from games.showdown.following import Decision

_QUIET = logging.getLogger("poke_env_view")
_QUIET.setLevel(logging.CRITICAL + 1)

_SKIPPED = {"t:", "request", "error", "bigerror", "win", "tie", "debug", ""}
SIDE_CONDITIONS = {
    "REFLECT": "reflect",
    "LIGHT_SCREEN": "light_screen",
    "AURORA_VEIL": "aurora_veil",
    "TAILWIND": "tailwind",
    "SAFEGUARD": "safeguard",
    "MIST": "mist",
    "SPIKES": "spikes",
    "TOXIC_SPIKES": "toxic_spikes",
    "STEALTH_ROCK": "stealth_rock",
    "STICKY_WEB": "sticky_web",
}
FIELDS = {"TRICK_ROOM": "trick_room", "GRAVITY": "gravity", "MAGIC_ROOM": "magic_room", "WONDER_ROOM": "wonder_room"}


class PokeEnvView:
    """One player's `Battle` of poke-env, fed without a server."""

    def __init__(self, gen: int, player: int) -> None:
        self.battle = Battle(f"battle-gen{gen}-1", f"Player {player + 1}", _QUIET, gen)

    def hear(self, decision: Decision) -> None:
        """Take the lines, then the request."""
        for line in decision.lines:
            parts = line.split("|")
            if len(parts) > 1 and parts[1] not in _SKIPPED:
                self.battle.parse_message(parts)
        self.battle.parse_request(decision.request)

    def team(self, *, own: bool) -> dict[str, Pokemon]:
        """Its Pokémon by name."""
        team = self.battle.team if own else self.battle.opponent_team
        return {ident[4:]: mon for ident, mon in team.items()}

    def field(self) -> dict[str, Any]:
        """Weather, terrain and other conditions under our observation's names."""
        battle = self.battle
        fields = {field.name for field in battle.fields}
        terrain = [to_id_str(name) for name in fields if name.endswith("_TERRAIN")]
        facts: dict[str, Any] = {
            "weather": to_id_str(next(iter(battle.weather)).name) if battle.weather else "",
            "terrain": terrain[0] if terrain else "",
        }
        facts |= {name: field in fields for field, name in FIELDS.items()}
        for side, conditions in (("own", battle.side_conditions), ("opponent", battle.opponent_side_conditions)):
            found = {condition.name: value for condition, value in conditions.items()}
            for condition, name in SIDE_CONDITIONS.items():
                layers = name in ("spikes", "toxic_spikes")
                facts[f"{side}_{name}"] = found.get(condition, 0) if layers else condition in found
        return facts
