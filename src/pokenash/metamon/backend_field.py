"""Weather, fields and side conditions as the backend ``poke-env-0.8.3`` follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pokenash.metamon.backend_names import FIELDS, SIDE_CONDITIONS, STACKED, WEATHERS
from pokenash.metamon.words import letters_word

__all__ = ["TrackedField"]


class TrackedField:
    """What lies on the field.

    Parameters
    ----------
    role : str
        The player's own side, ``"p1"`` or ``"p2"``.

    Attributes
    ----------
    turn : int
        The battle's turn, set by whoever follows the turns: what begins is marked with it.
    """

    def __init__(self, role: str) -> None:
        self.role = role
        self.turn = 0
        self._weather: str | None = None
        self._fields: dict[str, int] = {}
        self._own: dict[str, int] = {}
        self._other: dict[str, int] = {}

    @property
    def weather(self) -> str:
        """The weather's word."""
        return self._weather or "noweather"

    @property
    def battle_field(self) -> str:
        """The word of the field that began last; only one is named."""
        return _highest(self._fields, "nofield")

    @property
    def conditions(self) -> tuple[str, str]:
        """The words of the own and of the other side.

        Quirk: only one is named, that with the highest value, which is the number of layers for (Toxic) Spikes and
        the turn in which it began for every other one.
        """
        return _highest(self._own, "noconditions"), _highest(self._other, "noconditions")

    def read(self, parts: Sequence[str]) -> None:
        """Follow one protocol line that was split; lines of other kinds are left aside."""
        kind = parts[1]
        if kind == "-weather":
            name = _name(parts[2])
            self._weather = None if name == "none" else name if name in WEATHERS else "unknown"
        elif kind == "-fieldstart":
            self._start_field(_name(parts[2]))
        elif kind == "-fieldend":
            self._fields.pop(_name(parts[2]), None)
        elif kind == "-sidestart":
            self._start_condition(self._side(parts[2]), _name(parts[3]))
        elif kind == "-sideend":
            self._side(parts[2]).pop(_name(parts[3]), None)
        elif kind == "-swapsideconditions":
            self._own, self._other = self._other, self._own

    def _start_field(self, name: str) -> None:
        if name.endswith("terrain"):
            self._fields = {field: turn for field, turn in self._fields.items() if not field.endswith("terrain")}
        self._fields[name if name in FIELDS else "unknown"] = self.turn

    def _start_condition(self, conditions: dict[str, int], name: str) -> None:
        name = name if name in SIDE_CONDITIONS else "unknown"
        if name in STACKED:
            conditions[name] = conditions.get(name, 0) + 1
        else:
            conditions.setdefault(name, self.turn)

    def _side(self, side: str) -> dict[str, int]:
        return self._own if side[:2] == self.role else self._other


def _name(text: str) -> str:
    return text.replace("move: ", "").replace(" ", "").replace("-", "").lower()


def _highest(counters: Mapping[str, int], nothing: str) -> str:
    """The word of the entry with the highest counter, the oldest of several."""
    return letters_word(max(counters, key=counters.__getitem__)) if counters else nothing
