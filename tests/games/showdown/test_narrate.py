from __future__ import annotations

import re

import pytest
from tests.games.showdown.playing import schedule
from tests.games.showdown.telling import told_battles

from pokenash.games.showdown import ShowdownGame
from pokenash.games.showdown.narrate import _TELLERS, narrate

PLAYERS = ["|player|p1|Alice||", "|player|p2|Bob||"]

# Messages with nothing in them for a person to follow: the setup, the clock, animations, and what goes without saying.
NOT_TOLD = set(
    "gametype gen tier rule rated teamsize clearpoke teampreview upkeep t: split -anim -combine -waiting -center "
    "-mustrecharge swap debug seed inactive inactiveoff request error raw html uhtml c j l n".split()
)


def told(*lines: str) -> list[str]:
    return narrate([*PLAYERS, *lines])


def test_a_turn_is_told_as_a_person_would() -> None:
    assert told(
        "|turn|3",
        "|switch|p2a: Starmie|Starmie|100/100",
        "|move|p1a: Tauros|Body Slam|p2a: Starmie",
        "|-supereffective|p2a: Starmie",
        "|-crit|p2a: Starmie",
        "|-damage|p2a: Starmie|55/100",
        "|-status|p2a: Starmie|par",
        "|-damage|p2a: Starmie|0 fnt|[from] psn",
        "|faint|p2a: Starmie",
        "|win|Alice",
    ) == [
        "",
        "Turn 3",
        "Bob sent out Starmie!",
        "Alice's Tauros used Body Slam!",
        "It's super effective!",
        "A critical hit!",
        "Bob's Starmie lost 45% of its health (55% left).",
        "Bob's Starmie is paralyzed! It may be unable to move!",
        "Bob's Starmie lost 55% of its health from poison (nothing left).",
        "Bob's Starmie fainted!",
        "",
        "Alice won the battle!",
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("|switch|p1a: Bully|Tauros, M|353/353", "Alice sent out Bully (Tauros)!"),
        ("|drag|p1a: Bully|Tauros, M|353/353", "Alice's Bully was dragged out!"),
        ("|cant|p1a: Bully|slp", "Alice's Bully is fast asleep."),
        ("|cant|p1a: Bully|Disable|Earthquake", "Alice's Bully's Earthquake is disabled!"),
        ("|-boost|p2a: Slowbro|spa|2", "Bob's Slowbro's Special Attack rose sharply!"),
        ("|-unboost|p2a: Slowbro|def|1", "Bob's Slowbro's Defense fell!"),
        ("|-boost|p2a: Slowbro|spe|0", "Bob's Slowbro's Speed won't go any higher!"),
        ("|-setboost|p2a: Azumarill|atk|6|[from] move: Belly Drum", "Bob's Azumarill's Attack was set to +6!"),
        ("|-weather|RainDance", "It started to rain!"),
        ("|-weather|Sandstorm|[upkeep]", "The sandstorm is raging."),
        ("|-weather|none", "The weather returned to normal."),
        ("|-sidestart|p1: Alice|move: Stealth Rock", "Pointed stones float in the air around Alice's team!"),
        ("|-sideend|p1: Alice|Reflect", "Alice's team's Reflect wore off!"),
        ("|-fieldstart|move: Trick Room|[of] p1a: X", "The dimensions were twisted!"),
        ("|-start|p1a: Jynx|confusion", "Alice's Jynx became confused!"),
        ("|-start|p1a: Jynx|Disable|Blizzard", "Alice's Jynx's Blizzard was disabled!"),
        ("|-start|p1a: Valiant|quarkdrivespe", "Alice's Valiant's Speed was heightened!"),
        ("|-start|p1a: Jynx|Some New Thing", "Alice's Jynx is under the effect of Some New Thing!"),
        ("|-end|p1a: Jynx|Substitute", "Alice's Jynx's substitute faded!"),
        ("|-activate||move: Splash", "But nothing happened!"),
        ("|-activate|p1a: Jynx|Substitute|[damage]", "The substitute took damage for Alice's Jynx!"),
        ("|-item|p1a: Jynx|Leftovers|[from] move: Trick", "Alice's Jynx has Leftovers from Trick!"),
        ("|-enditem|p1a: Jynx|Sitrus Berry|[eat]", "Alice's Jynx ate its Sitrus Berry!"),
        (
            "|-enditem|p1a: Jynx|Leftovers|[from] move: Knock Off|[of] p2a: X",
            "Alice's Jynx's Leftovers was knocked off!",
        ),
        ("|-ability|p1a: Gyarados|Intimidate|boost", "Alice's Gyarados has Intimidate!"),
        ("|-terastallize|p1a: Jynx|Fairy", "Alice's Jynx terastallized into the Fairy type!"),
        ("|-mega|p1a: Gengar|Gengar|Gengarite", "Alice's Gengar Mega Evolved!"),
        ("|-transform|p1a: Ditto|p2a: Tauros", "Alice's Ditto transformed into Tauros!"),
        ("|detailschange|p1a: Gengar|Gengar-Mega, M", "Alice's Gengar transformed into Gengar-Mega!"),
        ("|-fail|p1a: Jynx|par", "Alice's Jynx already has a status!"),
        ("|-fail|p1a: Jynx", "But it failed!"),
        ("|-miss|p1a: Jynx|p2a: X", "Alice's Jynx's attack missed!"),
        ("|-immune|p2a: Gengar", "It doesn't affect Bob's Gengar..."),
        ("|-hitcount|p2a: Gengar|3", "The Pokémon was hit 3 times!"),
        ("|-prepare|p1a: Zapdos|Sky Attack", "Alice's Zapdos became cloaked in a harsh light!"),
        ("|-heal|p1a: Chansey|353/703", "Alice's Chansey regained health (now 50%)."),
        ("|-sethp|p1a: Chansey|50/100|[from] move: Pain Split", "Alice's Chansey now has 50% of its health."),
        ("|-curestatus|p1a: Chansey|slp|[msg]", "Alice's Chansey woke up!"),
        ("|-message|What the simulator says.", "What the simulator says."),
    ],
)
def test_one_message_is_told_in_these_words(line: str, words: str) -> None:
    assert told(line) == [words]


@pytest.mark.parametrize(
    "line",
    ["", "|", "|upkeep", "|-start|p1a: X|typechange|Water|[silent]", "|no such message|x", "words", "|c|Eve|hello"],
)
def test_what_says_nothing_to_a_person_is_left_out(line: str) -> None:
    assert told(line) == []


def test_a_tie_and_health_too_small_for_a_percent_are_told() -> None:
    assert told("|switch|p1a: X|Jynx|300/300", "|-damage|p1a: X|1/300")[1] == (
        "Alice's X lost 100% of its health (less than 1% left)."
    )
    assert told("|tie") == ["", "The battle ended in a tie!"]


def test_what_happened_silently_still_counts() -> None:
    lines = ["|switch|p1a: X|Jynx|100/100", "|-damage|p1a: X|60/100|[silent]", "|-damage|p1a: X|50/100"]
    assert told(*lines)[1:] == ["Alice's X lost 10% of its health (50% left)."]


def test_the_public_half_of_a_split_is_told_once() -> None:
    lines = ["|split|p1", "|switch|p1a: X|Jynx|333/333", "|switch|p1a: X|Jynx|100/100"]
    assert told(*lines) == ["Alice sent out X (Jynx)!"]


def test_names_cannot_command_a_terminal() -> None:
    assert told("|faint|p1a: \x1b[31mRed\x07{mon}\x9b") == ["Alice's [31mRed{mon} fainted!"]


@pytest.mark.parametrize("generation", range(1, 10))
def test_whole_battles_of_every_generation_are_told(generation: int) -> None:
    """Every message of the simulator is either told or known to say nothing, and health adds up."""
    game = ShowdownGame(f"gen{generation}randombattle")
    for result, views in told_battles(game, schedule(game, 4, text=(True, True))):
        for lines in views:
            kinds = {line.split("|")[1] for line in lines if line.count("|") > 1}
            assert kinds <= set(_TELLERS) | NOT_TOLD | {""}
            words = narrate(lines)
            assert len(words) > result.info["turns"]
            assert not any(re.search(r"[{}|]|None|\[from\]|\bp[12]a?:", line) for line in words)
            shares = [int(found) for line in words for found in re.findall(r"(\d+)%", line)]
            assert all(0 <= share <= 100 for share in shares)
