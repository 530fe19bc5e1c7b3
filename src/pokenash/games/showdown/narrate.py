"""A battle in words: Showdown's protocol as a person would tell it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from pokenash.games.showdown import narrate_words as words
from pokenash.games.showdown.narrate_lines import (
    Message,
    effect_id,
    effect_name,
    ident_key,
    nickname,
    number,
    percent,
    read_line,
    species_name,
)

__all__ = ["Narrator", "narrate"]

_HEALTH = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:/([0-9]{1,9}))?")


def narrate(lines: Iterable[str]) -> list[str]:
    """Tell a whole battle.

    Parameters
    ----------
    lines : iterable of str
        Protocol lines, of one player's view or the spectators'. Of ``|split|`` blocks the public line is told.

    Returns
    -------
    list of str
        Lines of text; an empty one before each turn.
    """
    narrator = Narrator()
    told: list[str] = []
    for line in lines:
        told += narrator.tell(line)
    return told


class Narrator:
    """Tells a battle line by line, remembering who is called what and how healthy everybody is.

    HP are told in percent, whichever way the protocol gives them. What has no words is not told: messages that
    only a client needs, and chat. Lines that make no sense are told as far as they do, and never raise.
    """

    def __init__(self) -> None:
        self._players: dict[str, str] = {}
        self._health: dict[str, float] = {}
        self._split = 0

    def tell(self, line: str) -> list[str]:
        """The words for one protocol line; none, one or several lines."""
        if line.startswith("|split|"):
            self._split = 2
            return []
        if self._split:
            self._split -= 1
            if self._split:
                return []
        # Names come from team files and from other people: nothing in them shall reach a terminal as a command.
        parts = "".join(char for char in line if char.isprintable()).split("|")
        if len(parts) < 2:
            return []
        told = _TELLERS.get(parts[1])
        if told is None:
            return []
        message = read_line(parts[2:])
        if "silent" in message.attributes and parts[1] not in _EVEN_SILENT:
            return []
        text = told(self, message)
        return [text] if isinstance(text, str) else list(text)

    # The tellers: each gives a sentence, or several, or none.

    def _player(self, m: Message) -> list[str]:
        if m.arg(1):
            self._players[m.arg(0)] = m.arg(1)
        return []

    def _turn(self, m: Message) -> list[str]:
        return ["", f"Turn {m.arg(0)}"]

    def _poke(self, m: Message) -> str:
        return f"{self._owner(m.arg(0))} has {species_name(m.arg(1))}."

    def _start_of_battle(self, m: Message) -> str:
        return f"Battle between {self._owner('p1')} and {self._owner('p2')}!"

    def _switch(self, m: Message) -> str:
        self._remember(m.arg(0), m.arg(2))
        species, name = species_name(m.arg(1)), nickname(m.arg(0))
        called = species if name in (species, "") else f"{name} ({species})"
        return f"{self._owner(m.arg(0))} sent out {called}!"

    def _drag(self, m: Message) -> str:
        self._remember(m.arg(0), m.arg(2))
        return f"{self._mon(m)} was dragged out!"

    def _replace(self, m: Message) -> str:
        return f"{self._mon(m)} was {species_name(m.arg(1))} in disguise!"

    def _change_of_forme(self, m: Message) -> str:
        return f"{self._mon(m)} transformed into {species_name(m.arg(1))}!"

    def _move(self, m: Message) -> list[str]:
        if "notarget" in m.attributes:
            return [f"{self._mon(m)} used {m.arg(1)}!", "But there was no target..."]
        return [f"{self._mon(m)} used {m.arg(1)}!"]

    def _cannot(self, m: Message) -> str:
        template = words.CANNOT.get(effect_id(m.arg(1)), "{mon} can't move!")
        return template.format(mon=self._mon(m), move=m.arg(2) or "its move")

    def _faint(self, m: Message) -> str:
        self._health[ident_key(m.arg(0))] = 0.0
        return f"{self._mon(m)} fainted!"

    def _damage(self, m: Message) -> list[str]:
        before, now = self._remember(m.arg(0), m.arg(1))
        if "silent" in m.attributes:
            return []
        why = self._why(m)
        lost = "" if before is None else f" lost {percent(before - now)} of its health"
        left = "nothing left" if now == 0 else f"{percent(now)} left"
        return [f"{self._mon(m)}{lost or ' was hurt'}{why} ({left})."]

    def _heal(self, m: Message) -> list[str]:
        before, now = self._remember(m.arg(0), m.arg(1))
        if "silent" in m.attributes:
            return []
        gained = "" if before is None else f" {percent(now - before)} of its health"
        return [f"{self._mon(m)} regained{gained or ' health'}{self._why(m)} (now {percent(now)})."]

    def _set_hp(self, m: Message) -> list[str]:
        told = []
        for ident, condition in zip(m.args[::2], m.args[1::2], strict=False):
            _, now = self._remember(ident, condition)
            told.append(f"{self._called(ident)} now has {percent(now)} of its health.")
        return [] if "silent" in m.attributes else told

    def _status(self, m: Message) -> str:
        template = words.STATUSES.get(m.arg(1), "{mon} got the status {detail}.")
        return template.format(mon=self._mon(m), detail=m.arg(1))

    def _cure(self, m: Message) -> str:
        return words.CURED.get(m.arg(1), "{mon} was cured.").format(mon=self._mon(m))

    def _boost(self, m: Message, sign: int = 1) -> str:
        stat, amount = words.STATS.get(m.arg(1), m.arg(1)), number(m.arg(2))
        if amount == 0:
            return f"{self._mon(m)}'s {stat} won't go any {'higher' if sign > 0 else 'lower'}!"
        return f"{self._mon(m)}'s {stat} {words.BOOSTS[sign * min(max(amount, 1), 3)]}!"

    def _unboost(self, m: Message) -> str:
        return self._boost(m, -1)

    def _set_boost(self, m: Message) -> str:
        return f"{self._mon(m)}'s {words.STATS.get(m.arg(1), m.arg(1))} was set to {number(m.arg(2)):+d}!"

    def _weather(self, m: Message) -> str | list[str]:
        weather = effect_id(m.arg(0))
        if "upkeep" in m.attributes:
            return words.WEATHER_GOES_ON.get(weather, [])
        if weather == "none":
            return "The weather returned to normal."
        return words.WEATHERS.get(weather, f"The weather became {m.arg(0)}!")

    def _side(self, m: Message, table: dict[str, str], otherwise: str) -> str:
        side = f"{self._owner(m.arg(0))}'s team"
        return table.get(effect_id(m.arg(1)), otherwise).format(side=side, effect=effect_name(m.arg(1)))

    def _field(self, m: Message, table: dict[str, str], otherwise: str) -> str:
        return table.get(effect_id(m.arg(0)), otherwise).format(effect=effect_name(m.arg(0)))

    def _started(self, m: Message) -> str:
        heightened = re.match(r"(?:quarkdrive|protosynthesis)([a-z]{2,3})$", m.arg(1))
        if heightened:
            return f"{self._mon(m)}'s {words.STATS.get(heightened[1], heightened[1])} was heightened!"
        fallen = re.match(r"fallen(\d)$", m.arg(1))
        if fallen:
            return f"{self._mon(m)} gained strength from {fallen[1]} fallen!"
        stockpile = re.match(r"stockpile(\d)$", m.arg(1))
        if stockpile:
            return f"{self._mon(m)} stockpiled {stockpile[1]}!"
        return self._effect(m, words.STARTED, "{mon} is under the effect of {effect}!")

    def _effect(self, m: Message, table: dict[str, str], otherwise: str) -> str:
        template = table.get(effect_id(m.arg(1)), otherwise)
        return template.format(mon=self._mon(m), effect=effect_name(m.arg(1)), detail=m.arg(2) or "move")

    def _activate(self, m: Message) -> str | list[str]:
        effect = effect_id(m.arg(1))
        if effect in words.ACTIVATED:
            return words.ACTIVATED[effect].format(mon=self._mon(m))
        if not m.arg(1):
            return []
        if not m.arg(0):
            return f"{effect_name(m.arg(1))} took effect!"
        return f"{self._mon(m)}'s {effect_name(m.arg(1))} took effect!"

    def _fail(self, m: Message) -> str:
        status = m.arg(1)
        if status in words.STATUSES:
            return f"{self._mon(m)} already has a status!" if status != "slp" else f"{self._mon(m)} is already asleep!"
        if effect_id(status) == "substitute":
            return "But it does not have enough HP left to make a substitute!"
        return "But it failed!"

    def _hit_count(self, m: Message) -> str:
        return f"The Pokémon was hit {m.arg(1)} time{'' if m.arg(1) == '1' else 's'}!"

    def _item(self, m: Message) -> str:
        return f"{self._mon(m)} has {m.arg(1)}{self._why(m)}!"

    def _end_item(self, m: Message) -> str:
        if "eat" in m.attributes:
            return f"{self._mon(m)} ate its {m.arg(1)}!"
        if effect_id(m.attributes.get("from", "")) == "knockoff":
            return f"{self._mon(m)}'s {m.arg(1)} was knocked off!"
        return f"{self._mon(m)} lost its {m.arg(1)}!"

    def _transform(self, m: Message) -> str:
        return f"{self._mon(m)} transformed into {nickname(m.arg(1))}!"

    def _immune(self, m: Message) -> str:
        return f"{self._mon(m)} is unaffected!" if "ohko" in m.attributes else f"It doesn't affect {self._mon(m)}..."

    def _win(self, m: Message) -> list[str]:
        return ["", f"{m.arg(0)} won the battle!"]

    def _tie(self, m: Message) -> list[str]:
        return ["", "The battle ended in a tie!"]

    # What the tellers share.

    def _remember(self, ident: str, condition: str) -> tuple[float | None, float]:
        """Note a Pokémon's health; (before, now) as fractions."""
        before = self._health.get(ident_key(ident))
        found = _HEALTH.match(condition)
        now = float(found[1]) / max(float(found[2] or 100), 1.0) if found else before or 0.0
        self._health[ident_key(ident)] = now
        return before, now

    def _owner(self, ident: str) -> str:
        side = ident[:2]
        return self._players.get(side, f"Player {side[1:]}")

    def _called(self, ident: str) -> str:
        return f"{self._owner(ident)}'s {nickname(ident)}"

    def _mon(self, m: Message) -> str:
        return self._called(m.arg(0))

    def _why(self, m: Message) -> str:
        cause = m.attributes.get("from")
        if not cause:
            return ""
        word = words.FROM.get(effect_id(cause), effect_name(cause))
        return f" from {word}" if word else ""


Teller = Callable[[Narrator, Message], str | list[str]]


def _said(text: str) -> Teller:
    """A teller that gives one sentence about the first Pokémon, ``{mon}``, and the second argument, ``{detail}``."""
    return lambda narrator, m: text.format(
        mon=narrator._called(m.arg(0)) if m.arg(0) else "", detail=effect_name(m.arg(1)), text=m.arg(0)
    )


def _from_table(method: Callable[..., str], table: dict[str, str], otherwise: str) -> Teller:
    return lambda narrator, m: method(narrator, m, table, otherwise)


_EVEN_SILENT = frozenset({"-damage", "-heal", "-sethp"})

_TELLERS: dict[str, Teller] = {
    "player": Narrator._player,
    "turn": Narrator._turn,
    "poke": Narrator._poke,
    "start": Narrator._start_of_battle,
    "switch": Narrator._switch,
    "drag": Narrator._drag,
    "replace": Narrator._replace,
    "detailschange": Narrator._change_of_forme,
    "-formechange": Narrator._change_of_forme,
    "move": Narrator._move,
    "cant": Narrator._cannot,
    "faint": Narrator._faint,
    "-damage": Narrator._damage,
    "-heal": Narrator._heal,
    "-sethp": Narrator._set_hp,
    "-status": Narrator._status,
    "-curestatus": Narrator._cure,
    "-cureteam": _said("{mon} cured its whole team!"),
    "-boost": Narrator._boost,
    "-unboost": Narrator._unboost,
    "-setboost": Narrator._set_boost,
    "-swapboost": _said("{mon} switched stat changes with its target!"),
    "-invertboost": _said("{mon}'s stat changes were inverted!"),
    "-clearboost": _said("{mon}'s stat changes were removed!"),
    "-clearallboost": _said("All stat changes were eliminated!"),
    "-clearpositiveboost": _said("{mon}'s raised stats were lost!"),
    "-clearnegativeboost": _said("{mon}'s lowered stats were restored!"),
    "-copyboost": _said("{mon} copied stat changes!"),
    "-weather": Narrator._weather,
    "-sidestart": _from_table(Narrator._side, words.SIDE_STARTED, "{effect} took effect for {side}!"),
    "-sideend": _from_table(Narrator._side, words.SIDE_ENDED, "{side}'s {effect} ended."),
    "-swapsideconditions": _said("The effects on the two sides were swapped!"),
    "-fieldstart": _from_table(Narrator._field, words.FIELD_STARTED, "{effect} took effect!"),
    "-fieldend": _from_table(Narrator._field, words.FIELD_ENDED, "{effect} ended."),
    "-fieldactivate": _from_table(Narrator._field, {}, "{effect} took effect!"),
    "-start": Narrator._started,
    "-end": _from_table(Narrator._effect, words.ENDED, "{mon} is freed of {effect}."),
    "-singleturn": _from_table(Narrator._effect, words.TURN_EFFECTS, "{mon} is using {effect}!"),
    "-singlemove": _from_table(Narrator._effect, words.TURN_EFFECTS, "{mon} is using {effect}!"),
    "-prepare": _from_table(Narrator._effect, words.PREPARED, "{mon} is preparing {effect}!"),
    "-activate": Narrator._activate,
    "-fail": Narrator._fail,
    "-block": _said("{mon} was protected by {detail}!"),
    "-notarget": _said("But there was no target..."),
    "-miss": _said("{mon}'s attack missed!"),
    "-crit": _said("A critical hit!"),
    "-supereffective": _said("It's super effective!"),
    "-resisted": _said("It's not very effective..."),
    "-immune": Narrator._immune,
    "-ohko": _said("It's a one-hit KO!"),
    "-hitcount": Narrator._hit_count,
    "-item": Narrator._item,
    "-enditem": Narrator._end_item,
    "-ability": _said("{mon} has {detail}!"),
    "-endability": _said("{mon}'s ability was suppressed!"),
    "-transform": Narrator._transform,
    "-mega": _said("{mon} Mega Evolved!"),
    "-primal": _said("{mon} reverted to its primal form!"),
    "-burst": _said("{mon} regained its true power with Ultra Burst!"),
    "-zpower": _said("{mon} surrounded itself with its Z-Power!"),
    "-zbroken": _said("{mon} couldn't fully protect itself!"),
    "-terastallize": _said("{mon} terastallized into the {detail} type!"),
    "-nothing": _said("But nothing happened!"),
    "-hint": _said("({text})"),
    "-message": _said("{text}"),
    "message": _said("{text}"),
    "win": Narrator._win,
    "tie": Narrator._tie,
}
