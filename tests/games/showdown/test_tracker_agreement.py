"""The tracker agrees with poke-env's on everything that both know, and with the simulator on all that is public."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from poke_env.battle import Pokemon
from poke_env.data import to_id_str

from games.showdown.following import Decision, Reader, follow
from games.showdown.poke_env_view import PokeEnvView
from pokenash.games.showdown.teams import default_teams

BOOSTS = ("atk", "def", "spa", "spd", "spe", "accuracy", "evasion")
POKE_ENV_BATTLES = {"gen1ou": 20, "gen1randombattle": 6, "gen4randombattle": 6, "gen9randombattle": 6, "gen9ou": 6}
"""Battles that are compared with poke-env's tracker, by format."""

TRUTH_BATTLES = {f"gen{gen}randombattle": 3 for gen in range(1, 10)} | {"gen1ou": 6}
"""Battles that are compared with the simulator's state, by format."""

MANY = 15
"""How many times as many when asked for with ``-m slow``."""

FLOAT32 = 1e-6
"""More than a fraction below 1 loses when it is stored in 32 bits."""

TYPE_NAMES = {"THREE_QUESTION_MARKS": "???"}


def with_slow(battles: dict[str, int]) -> list[Any]:
    """Each format with a few battles, and with many."""
    few = [pytest.param(format, count, id=format) for format, count in battles.items()]
    many = [
        pytest.param(format, MANY * count, id=f"{format}-many", marks=[pytest.mark.slow, pytest.mark.timeout(3600)])
        for format, count in battles.items()
    ]
    return few + many


def battles_of(format: str, count: int) -> Iterator[list[Decision]]:
    """Random battles with the package's teams where there are some, else random ones."""
    teams = list(default_teams(format) or ()) or None
    return follow(format, count, seed=5, teams=teams)


class Differences:
    """Counts comparisons by name, and keeps what differed."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self.found: list[tuple[Any, ...]] = []

    def check(self, name: str, ours: Any, theirs: Any, *where: Any) -> None:
        """Compare one fact."""
        self.compared[name] += 1
        if ours != theirs:
            self.found.append((name, ours, theirs, *where))


def our_mon(team: list[dict[str, Any]], mon: Pokemon, species: str) -> dict[str, Any]:
    """Our row of a Pokémon of poke-env's; species tell them apart, whatever forme each shows."""
    for row in team:
        if to_id_str(row["species"]) in (mon.species, to_id_str(species)):
            return row
    return next(row for row in team if to_id_str(row["species"]).startswith(mon.base_species))


def known_moves(row: dict[str, Any]) -> set[str]:
    """Ids of the moves; every Hidden Power is the same, as in poke-env."""
    moves = {to_id_str(row[f"move_{slot}"]) for slot in (1, 2, 3, 4) if row[f"move_{slot}"]}
    return {"hiddenpower" if move.startswith("hiddenpower") else move for move in moves}


def compare_mon(differences: Differences, row: dict[str, Any], mon: Pokemon, own: bool, gen: int) -> None:
    """Facts of one Pokémon that both trackers hold."""
    side = "own" if own else "opponent"
    name = row["species"]

    def check(fact: str, ours: Any, theirs: Any) -> None:
        differences.check(f"{side} {fact}", ours, theirs, name)

    # Without a maximum poke-env knows no HP: not seen yet, or only as the shape of an Illusion.
    if mon.max_hp:
        check("hp", abs(row["hp"] - mon.current_hp / mon.max_hp) < FLOAT32, True)
    check("fainted", bool(row["fainted"]), mon.fainted)
    check("status", row["status"] or "", mon.status.name.lower() if mon.status else "")
    check("level", round(row["level"] * 100), mon.level)
    check("active", bool(row["active"]), bool(mon.active and not mon.fainted))
    check("terastallized", bool(row["terastallized"]), mon.is_terastallized)
    moves = {to_id_str(move) for move in mon.moves}
    # Imposter is no use of the move Transform.
    check("moves", moves - known_moves(row) <= ({"transform"} if row["ability"] == "Imposter" else set()), True)
    if row["fainted"]:
        return
    if mon.active and row["active"]:
        check("boosts", {stat: round(row[f"boost_{stat}"] * 6) for stat in BOOSTS}, mon.boosts)
        types = [row[f"type_{slot}"].lower() for slot in (1, 2, 3) if row[f"type_{slot}"]]
        check("types", types, [TYPE_NAMES.get(kind.name, kind.name.lower()) for kind in mon.types if kind])
    # poke-env also infers abilities from the species; ours are those that were shown. It misses some that are, and that
    # Transform copies the ability.
    if gen >= 3 and row["ability"] and mon.ability and not row["transform_species"]:
        check("ability", to_id_str(row["ability"]), mon.ability)
    if gen >= 2 and row["item_known"] and mon.item != "unknown_item":
        check("item", to_id_str(row["item"] or ""), mon.item or "")


def has_illusions(battle: list[Decision]) -> bool:
    """Whether someone in the battle may look like someone else.

    What is seen then is not so, and need not be. poke-env leaves what an Illusion did with the Pokémon that it
    looked like, and forgets that one's status.
    """
    members = [mon for decision in battle for mon in decision.truth["sides"][0]["pokemon"]]
    members += [mon for decision in battle for mon in decision.truth["sides"][1]["pokemon"]]
    return any(mon["ability"] == "illusion" for mon in members)


@pytest.mark.parametrize(("format", "battles"), with_slow(POKE_ENV_BATTLES))
def test_the_tracker_agrees_with_poke_env(format: str, battles: int) -> None:
    gen = int(format[3])
    reader, differences = Reader(format), Differences()
    for battle in battles_of(format, battles):
        if has_illusions(battle):
            continue
        views = [PokeEnvView(gen, player) for player in (0, 1)]
        for decision in battle:
            view = views[decision.player]
            view.hear(decision)
            # At a team preview poke-env calls the first Pokémon active, and others' HP 0.
            if "teamPreview" in decision.request:
                continue
            field = reader.field(decision)
            for name, value in view.field().items():
                ours = to_id_str(field[name] or "") if isinstance(value, str) else field[name]
                if name.endswith("_spikes"):
                    ours = round(ours * (2 if "toxic" in name else 3))
                differences.check(name, bool(ours) if isinstance(value, bool) else ours, value, field["turn"])
            for own in (True, False):
                team = reader.team(decision, own=own)
                for species, mon in view.team(own=own).items():
                    compare_mon(differences, our_mon(team, mon, species), mon, own, gen)
    assert differences.found == []
    assert sum(differences.compared.values()) > 10_000


VOLATILES = {
    "confusion": ("confusion",),
    "substitute": ("substitute",),
    "leech_seed": ("leechseed",),
    "focus_energy": ("focusenergy", "dragoncheer"),
    "must_recharge": ("mustrecharge",),
    "encore": ("encore",),
    "taunt": ("taunt",),
    "torment": ("torment",),
    "disable": ("disable",),
    "attract": ("attract",),
    "curse": ("curse",),
    "perish": ("perishsong",),
    "yawn": ("yawn",),
    "ingrain": ("ingrain",),
    "aqua_ring": ("aquaring",),
    "two_turn": ("twoturnmove",),
    "heal_block": ("healblock",),
    "foresight": ("foresight", "miracleeye"),
    "magnet_rise": ("magnetrise",),
    "smack_down": ("smackdown",),
    "flash_fire": ("flashfire",),
    "stockpile": ("stockpile",),
    "charge": ("charge",),
    "imprison": ("imprison",),
    "salt_cure": ("saltcure",),
    "syrup_bomb": ("syrupbomb",),
    "throat_chop": ("throatchop",),
    "trapped": ("trapped", "noretreat", "octolock"),
    "uproar": ("uproar",),
    "dynamax": ("dynamax",),
}
"""Volatiles whose beginning and end the protocol always announces, and the simulator's names of them."""

CONDITIONS = (
    "reflect light_screen aurora_veil tailwind safeguard mist spikes toxic_spikes stealth_rock sticky_web"
).split()


def compare_active(differences: Differences, row: dict[str, Any], side: dict[str, Any], gen: int) -> None:
    """The Pokémon on the field with what it is in the simulator."""
    where = row["species"]
    differences.check("boosts", {stat: round(row[f"boost_{stat}"] * 6) for stat in BOOSTS}, side["boosts"], where)
    for column, names in VOLATILES.items():
        there = any(name in side["volatiles"] for name in names)
        differences.check(column, bool(row[column]), there, where)
    if gen == 1:
        for column, name in (("reflect", "reflect"), ("light_screen", "lightscreen"), ("mist", "mist")):
            differences.check(column, bool(row[column]), name in side["volatiles"], where)
    if not row["terastallized"]:
        types = [row[f"type_{slot}"] for slot in (1, 2, 3) if row[f"type_{slot}"]]
        differences.check("types", types, side["types"], where)


def compare_team(
    differences: Differences, team: list[dict[str, Any]], side: dict[str, Any], own: bool, gen: int
) -> None:
    """What is said of a team's members must be so."""
    label = "own" if own else "opponent"
    by_species = {to_id_str(row["species"]): row for row in team}
    for mon in side["pokemon"]:
        row = by_species.get(to_id_str(mon["species"]))
        if row is None or not (own or row["revealed"]):
            continue
        where = mon["name"]
        # HP is shown in percent, rounded up, or in 48 pixels; and Regenerator (or who traced it) heals out of sight.
        if own:
            differences.check("own hp", abs(row["hp"] - mon["hp"]) < FLOAT32, True, where)
        elif mon["ability"] not in ("regenerator", "trace"):
            differences.check("opponent hp", abs(row["hp"] - mon["hp"]) < 1 / 48 + 1e-6, True, where)
        differences.check(f"{label} status", row["status"] or "", mon["status"], where)
        if mon["fainted"]:
            continue
        differences.check(f"{label} moves", known_moves(row) <= set(mon["moves"]), True, where)
        if row["item_known"]:
            differences.check(f"{label} item", to_id_str(row["item"] or ""), mon["item"], where)
        if row["ability"]:
            differences.check(f"{label} ability", to_id_str(row["ability"]), mon["ability"], where)


def is_mid_turn(decision: Decision) -> bool:
    """A switch is asked for in the middle of a turn, when effects of that turn alone are still there."""
    return "forceSwitch" in decision.request


@pytest.mark.parametrize(("format", "battles"), with_slow(TRUTH_BATTLES))
def test_what_is_public_is_as_in_the_simulator(format: str, battles: int) -> None:
    gen = int(format[3])
    reader, differences = Reader(format), Differences()
    for battle in battles_of(format, battles):
        if has_illusions(battle):
            continue
        for decision in battle:
            if is_mid_turn(decision):
                continue
            field, truth = reader.field(decision), decision.truth
            differences.check("weather", to_id_str(field["weather"] or ""), truth["weather"])
            differences.check("terrain", to_id_str(field["terrain"] or ""), truth["terrain"])
            differences.check("turn", round(field["turn"] * 100), truth["turn"])
            for name in ("trick_room", "gravity", "magic_room", "wonder_room"):
                differences.check(name, bool(field[name]), name.replace("_", "") in truth["fields"])
            for own in (True, False):
                side = truth["sides"][decision.player if own else 1 - decision.player]
                prefix = "own" if own else "opponent"
                for name in CONDITIONS:
                    layers = {"spikes": 3, "toxic_spikes": 2}.get(name, 0)
                    value = field[f"{prefix}_{name}"]
                    real = side["conditions"].get(name.replace("_", ""), 0)
                    ours = round(value * layers) if layers else bool(value)
                    differences.check(name, ours, real if layers else bool(real))
                team = reader.team(decision, own=own)
                active = [row for row in team if row["active"]]
                if active:
                    compare_active(differences, active[0], side, gen)
                compare_team(differences, team, side, own, gen)
    assert differences.found == []
    assert sum(differences.compared.values()) > 10_000
