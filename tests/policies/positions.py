"""Positions of any generation said in words, for tests of players that read the tensor observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pokenash.games.core import Decisions
from pokenash.games.showdown.dex import load_dex
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy
from pokenash.policies.heuristics.view import columns

GEN2, GEN3, GEN4 = "gen2randombattle", "gen3randombattle", "gen4randombattle"
SNORLAX = {"species": "Snorlax", "moves": ["Body Slam", "Rest", "Curse", "Earthquake"]}
STARMIE = {"species": "Starmie", "moves": ["Surf", "Psychic", "Thunderbolt", "Recover"]}
SKARMORY = {"species": "Skarmory", "moves": ["Drill Peck", "Spikes", "Roar", "Whirlwind"]}
SWAMPERT = {"species": "Swampert", "moves": ["Earthquake", "Surf", "Ice Beam", "Protect"]}
GEODUDE = {"species": "Geodude", "moves": ["Rock Slide"]}

STATS = ("hp", "atk", "def", "spa", "spd", "spe")
_NAMED = {"ability": "abilities", "item": "items", "tera_type": "types", "last_move": "moves"}
_FIELD_NAMED = {"weather": "weathers", "own_last_move": "moves", "opponent_last_move": "moves"}


class Board:
    """One decision, said in words.

    A Pokémon is a mapping with ``species``, ``moves`` and optionally ``hp``, ``status``, ``ability``, ``item``,
    ``types`` and columns of the block ``pokemon``; the first of a side is on the field.

    Parameters
    ----------
    format : str
    own, foes : sequence of mapping
    **field
        Columns of the block ``global``, and ``weather``.
    """

    def __init__(
        self, format: str, own: Sequence[Mapping[str, Any]], foes: Sequence[Mapping[str, Any]], **field: Any
    ) -> None:
        game = ShowdownGame(format=format)
        space = game.observation_space
        self.dex = load_dex(format)
        self.blocks = {name: np.zeros((1, *part.shape), part.dtype) for name, part in space.spaces.items()}  # type: ignore[attr-defined]
        self.own = own
        for row, pokemon in enumerate(own):
            self._write(row, pokemon, row == 0)
        for row, pokemon in enumerate(foes):
            self._write(6 + row, pokemon, row == 0)
        for slot, move in enumerate(own[0]["moves"]):
            self.blocks["move_ids"][0, slot] = self.dex.id("moves", move)
        self.mask = np.zeros((1, game.num_actions), np.bool_)
        self.mask[0, : len(own[0]["moves"])] = True
        for row, pokemon in enumerate(own[1:], 1):
            self.mask[0, 4 + row] = pokemon.get("hp", 1) > 0
        counts = {"own_remaining": len(own) / 6, "opponent_remaining": 1.0}
        for name, value in {**counts, **field}.items():
            if name in _FIELD_NAMED:
                value = self.dex.id(_FIELD_NAMED[name], value)
                self.blocks["global_ids"][0, columns("global_ids", name)[0]] = value
            else:
                self.blocks["global"][0, columns("global", name)[0]] = value

    def _write(self, row: int, pokemon: Mapping[str, Any], active: bool) -> None:
        dex, ids, values = self.dex, self.blocks["pokemon_ids"][0, row], self.blocks["pokemon"][0, row]
        species = dex.id("species", pokemon["species"])
        types = dex.species.types[species].tolist()
        if "types" in pokemon:
            types = [dex.id("types", name) for name in pokemon["types"]] + [0]
        named = {"species": species, "type_1": types[0], "type_2": types[1]}
        if "status" in pokemon:
            named["status"] = dex.id("statuses", pokemon["status"])
        named |= {name: dex.id(kind, pokemon[name]) for name, kind in _NAMED.items() if name in pokemon}
        for slot, move in enumerate(pokemon.get("moves", ())):
            named[f"move_{slot + 1}"] = dex.id("moves", move)
        for name, number in named.items():
            ids[columns("pokemon_ids", name)[0]] = number
        hp = pokemon.get("hp", 1.0)
        floats: dict[str, float] = {"known": 1, "revealed": 1, "active": float(active), "hp": hp, "level": 1}
        floats |= {"fainted": float(hp == 0), "turns_active": 0.5 if active else 0}
        if row < 6:
            trained = 93 if dex.generation <= 2 else 52
            for i, stat in enumerate(STATS):
                points = float(dex.species.base_stats[species, i]) * 2 + trained + (110 if i == 0 else 5)
                floats[f"stat_{stat}"] = points / 100
        skip = {"species", "moves", "hp", "status", "types", *_NAMED}
        floats |= {name: value for name, value in pokemon.items() if name not in skip}
        for name, value in floats.items():
            values[columns("pokemon", name)[0]] = value

    def forced(self) -> Board:
        """The same with only switches to choose from."""
        self.mask[0, :4] = False
        return self

    def gimmick(self) -> Board:
        """The same with the format's gimmick allowed for every move."""
        self.mask[0, 10 : 10 + len(self.own[0]["moves"])] = True
        return self

    def decisions(self, episode: int = 0) -> Decisions:
        """The position as a batch of one row."""
        zero: NDArray[np.int64] = np.zeros(1, np.int64)
        return Decisions(zero, zero + episode, zero, zero, self.blocks, self.mask)

    def _said(self, action: int) -> str:
        if action >= 10:
            return f"{self.own[0]['moves'][action - 10]}+"
        return str(self.own[0]["moves"][action] if action < 4 else self.own[action - 4]["species"])

    def choice(self, policy: Policy, episode: int = 0) -> str:
        """The chosen move or Pokémon by name; with ``+`` behind a move that takes the gimmick."""
        return self._said(int(policy.act(self.decisions(episode), None, DecisionRandom(3))[0]))

    def shares(self, policy: Policy, episodes: int = 400) -> dict[str, float]:
        """How often each choice is made over so many episodes."""
        rows = self.decisions().select(np.zeros(episodes, np.int64))
        batch = replace(rows, episode=np.arange(episodes))
        found = [self._said(int(action)) for action in policy.act(batch, None, DecisionRandom(3))]
        return {name: found.count(name) / episodes for name in set(found)}


def load_player(kind: str, format: str = GEN4, **parameters: object) -> Any:
    """A player by its kind."""
    return load_policy(PolicySpec(kind, kind, parameters), ShowdownGame(format=format))
