"""Recorded protocol of real battles, and what a broken or hostile server might make of it."""

from __future__ import annotations

import copy
import json
import os
import random
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.games.showdown.playing import schedule, uniform

from pokenash.games.showdown import ShowdownGame

__all__ = ["FORMATS", "Recording", "inputs", "mangled", "recordings"]

FORMATS = ("gen1ou", "gen4randombattle", "gen9randombattle")
"""Generation 1 with its traps, one with abilities and items, one with team preview's successor of gimmicks."""

_NUMBER = "POKENASH_FUZZ"

_JUNK = (
    "",
    "|",
    "||",
    "p1a: ",
    "p2a: nobody",
    "p3a: Chansey",
    "p1",
    "x" * 900,
    "y" * 5000,
    "\0",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eevil",
    "\ud7ff\U0001f4a9é",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "../../../etc/passwd",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "NaN",
    "-1",
    "0",
    "-0/0",
    "1e999",
    "99999999999999999999",
    "-5/100 psn",
    "100/0",
    "0 fnt",
    "1/2/3 brn slp",
    "Tauros, L-5, M",
    "Tauros, L999999999",
    "Missingno",
    "[from] move: ",
    "[of] p9z: X",
    "[silent]",
    "move: move: move: x",
    "move: __proto__",
    "ability: constructor",
    "item: toString",
)
_KINDS = """
    -ability -activate -boost -clearallboost -clearboost -copyboost -curestatus -cureteam -damage -end -endability
    -enditem -fieldstart -fieldend -formechange -heal -hitcount -immune -invertboost -item -mega -mustrecharge -prepare
    -primal -setboost -sethp -sidestart -sideend -singlemove -singleturn -start -status -swapboost -swapsideconditions
    -terastallize -transform -unboost -weather -zpower cant clearpoke detailschange drag faint gametype gen move player
    poke replace start swap switch teampreview teamsize tie turn upkeep win __proto__ constructor -hasOwnProperty
""".split()
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        3.5,
        10**30,
        1e308,
        "",
        "x" * 3000,
        [],
        {},
        [[]],
        [None],
        {"": {}},
        "p1",
        "p1: X",
        "0 fnt",
    ),
    *(
        {"__proto__": {"x": 1}},
        {"id": "p1"},
        [{"id": "__proto__"}],
        [True, True, True],
        "constructor",
        "-1/100",
        ["\0"],
    ),
)


def inputs(default: int) -> int:
    """How many mangled battles a test tries: ``POKENASH_FUZZ`` times as many as by default."""
    return max(1, round(default * float(os.environ.get(_NUMBER, "1"))))


@dataclass(frozen=True)
class Recording:
    """What one player was told of a battle: the lines before each of its decisions, the request last."""

    format: str
    player: int
    updates: tuple[tuple[str, ...], ...]


@cache
def recordings(format: str, battles: int = 4) -> tuple[Recording, ...]:
    """Both players' sides of some battles at random, in the real simulator."""
    game, act = ShowdownGame(format), uniform()
    found = []
    with game.vector(1) as vector:
        for setup in schedule(game, battles, seed=21, text=(True, True)):
            told: tuple[list[tuple[str, ...]], list[tuple[str, ...]]] = ([], [])
            decisions, results = vector.start([setup])
            while len(decisions):
                for player, text in zip(decisions.player, decisions.text or [], strict=True):
                    told[player].append(tuple(text.split("\n")))
                decisions, results = vector.step(act(decisions))
            for player, text in enumerate(results[0].info["text"]):
                told[player].append(tuple(text.split("\n")))
                found.append(Recording(format, player, tuple(told[player])))
    return tuple(found)


def mangled(recording: Recording, seed: int, *, updates: int = 25) -> list[list[str]]:
    """A battle that begins as it was recorded and goes wrong somewhere, from there on more and more often.

    Parameters
    ----------
    recording : Recording
    seed : int
    updates : int
        How many of the battle at most.
    """
    rng = random.Random(seed)
    told = [list(update) for update in recording.updates[: rng.randint(1, updates)]]
    first = rng.randrange(len(told))
    for number in range(first, len(told)):
        if number == first or rng.random() < 0.4:
            for _ in range(rng.randint(1, 4)):
                _mangle_update(told, number, rng)
    return told


def _mangle_update(told: list[list[str]], number: int, rng: random.Random) -> None:
    update = told[number]
    place = rng.randrange(len(update)) if update else 0
    what = rng.random()
    if what < 0.30 and update:
        update[place] = _mangle_line(update[place], rng)
    elif what < 0.50:
        requests = [i for i, line in enumerate(update) if line.startswith("|request|{")]
        if requests:
            update[requests[-1]] = _mangle_request(update[requests[-1]], rng)
    elif what < 0.65:
        fields = [rng.choice(_JUNK) for _ in range(rng.randint(0, 5))]
        update.insert(place, "|".join(["", rng.choice(_KINDS), *fields]))
    elif what < 0.72 and update:
        del update[place]
    elif what < 0.79 and update:
        update.insert(rng.randrange(len(update) + 1), update[place])
    elif what < 0.86:
        rng.shuffle(update)
    elif what < 0.92:
        # Another part of the battle in the midst of this one.
        update[place:place] = told[rng.randrange(len(told))][: rng.randint(1, 20)]
    elif what < 0.96:
        update[place:place] = [rng.choice(_JUNK)] * rng.choice((1, 3, 200))
    else:
        update.insert(
            place, "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(0xD800)))) for _ in range(60))
        )


def _mangle_line(line: str, rng: random.Random) -> str:
    parts = line.split("|")
    place = rng.randrange(len(parts))
    what = rng.randrange(6)
    if what == 0:
        parts[place] = rng.choice(_JUNK)
    elif what == 1:
        del parts[place]
    elif what == 2:
        parts.insert(place, rng.choice(_JUNK))
    elif what == 3 and len(parts) > 2:
        other = rng.randrange(len(parts))
        parts[place], parts[other] = parts[other], parts[place]
    elif what == 4:
        return line[: rng.randrange(len(line) + 1)]
    else:
        cut = rng.randrange(len(line) + 1)
        return line[:cut] + rng.choice(_JUNK) + line[cut + rng.randrange(3) :]
    return "|".join(parts)


def _mangle_request(line: str, rng: random.Random) -> str:
    text = line.removeprefix("|request|")
    what = rng.randrange(8)
    if what == 0:
        return "|request|" + text[: rng.randrange(len(text) + 1)]
    if what == 1:
        return "|request|" + rng.choice(
            ("null", "[]", "3", '"x"', "{}", "NaN", "[" * 20_000, '{"side":' * 3000, "{" * 200)
        )
    try:
        request = json.loads(text)
    except (ValueError, RecursionError):
        return line
    for _ in range(rng.randint(1, 3)):
        _mangle_json(request, rng)
    return "|request|" + json.dumps(request, separators=(",", ":"))


def _mangle_json(value: Any, rng: random.Random) -> None:
    """Change something somewhere inside of a JSON object or list."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.7:
            value = value[key]
            continue
        what = rng.random()
        if what < 0.6:
            value[key] = copy.deepcopy(rng.choice(_VALUES))
        elif what < 0.8:
            del value[key]
        elif isinstance(value, list):
            value.extend([value[key]] * rng.choice((1, 2, 50)))
        else:
            value[rng.choice(("__proto__", "constructor", "wait", "teamPreview", "forceSwitch", "active", "x"))] = (
                value[key]
            )
        return
