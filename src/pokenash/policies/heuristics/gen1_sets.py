"""What a Pokémon of generation 1 OU probably carries, before its moves are seen.

The shares are one player's knowledge of the tier, not counts of any collection; they only weigh threats.
"""

from __future__ import annotations

__all__ = ["STAB_MOVES", "STANDARD_MOVES", "standard_moves"]

STANDARD_MOVES: dict[str, str] = {
    "tauros": "bodyslam 100 hyperbeam 95 earthquake 95 blizzard 85 fireblast 10",
    "snorlax": "bodyslam 95 selfdestruct 60 reflect 45 rest 50 amnesia 35 hyperbeam 35 earthquake 35 icebeam 20",
    "chansey": "softboiled 100 thunderwave 85 icebeam 80 thunderbolt 45 seismictoss 20 sing 20 reflect 30 counter 10",
    "exeggutor": "sleeppowder 95 psychic 95 explosion 90 stunspore 50 megadrain 25 doubleedge 30 hyperbeam 10",
    "starmie": "recover 95 thunderwave 90 blizzard 65 thunderbolt 45 psychic 50 surf 35",
    "alakazam": "psychic 100 recover 95 thunderwave 95 seismictoss 45 reflect 45 counter 10",
    "zapdos": "thunderbolt 100 drillpeck 100 thunderwave 75 agility 50 rest 30 lightscreen 20",
    "jynx": "lovelykiss 100 blizzard 100 psychic 90 rest 50 bodyslam 20 counter 10 substitute 10",
    "gengar": "hypnosis 95 thunderbolt 95 explosion 85 psychic 35 nightshade 50 megadrain 20 confuseray 10",
    "rhydon": "earthquake 100 rockslide 90 bodyslam 70 substitute 60 rest 20",
    "golem": "earthquake 100 explosion 95 rockslide 90 bodyslam 80",
    "lapras": "blizzard 100 thunderbolt 80 bodyslam 50 sing 60 confuseray 30 rest 30",
    "jolteon": "thunderbolt 100 thunderwave 90 doublekick 50 pinmissile 40 rest 40 agility 10",
    "cloyster": "blizzard 100 explosion 100 clamp 70 surf 30 rest 30 hyperbeam 10",
    "slowbro": "amnesia 95 surf 95 thunderwave 90 rest 90 psychic 10 reflect 10",
    "dragonite": "wrap 70 agility 85 blizzard 70 hyperbeam 80 bodyslam 40 thunderwave 10",
    "victreebel": "razorleaf 100 sleeppowder 90 wrap 70 stunspore 50 swordsdance 40 hyperbeam 30 bodyslam 20",
    "articuno": "blizzard 100 icebeam 60 agility 70 hyperbeam 70 rest 30 doubleedge 30 reflect 20",
    "moltres": "fireblast 100 firespin 60 agility 70 hyperbeam 70 doubleedge 20",
    "persian": "slash 100 bubblebeam 80 thunderbolt 60 hyperbeam 90 bodyslam 30",
    "electrode": "thunderbolt 100 thunderwave 100 explosion 100 lightscreen 30",
    "hypno": "psychic 100 hypnosis 80 thunderwave 80 rest 60 seismictoss 30 reflect 20",
    "porygon": "recover 100 thunderwave 100 blizzard 90 thunderbolt 50 psychic 20 doubleedge 30",
    "dodrio": "drillpeck 100 bodyslam 90 hyperbeam 90 agility 80",
    "kangaskhan": "bodyslam 100 hyperbeam 80 earthquake 90 rockslide 40 counter 20 surf 20",
    "tentacruel": "wrap 70 surf 60 hydropump 40 blizzard 90 swordsdance 60 hyperbeam 60",
    "poliwrath": "hypnosis 90 amnesia 80 surf 80 blizzard 70 submission 20 psychic 30 bodyslam 20",
    "charizard": "fireblast 100 earthquake 80 swordsdance 80 hyperbeam 90 slash 30 bodyslam 30 firespin 20",
    "sandslash": "earthquake 100 rockslide 90 bodyslam 80 swordsdance 70",
    "venusaur": "razorleaf 100 sleeppowder 100 bodyslam 70 swordsdance 40 hyperbeam 40 stunspore 20",
    "gyarados": "blizzard 90 thunderbolt 70 bodyslam 60 hyperbeam 60 surf 50 hydropump 40",
    "vaporeon": "surf 90 blizzard 90 rest 60 bodyslam 40 acidarmor 20 hydropump 20",
    "machamp": "submission 90 bodyslam 80 earthquake 90 hyperbeam 70 rockslide 50",
    "nidoking": "earthquake 100 blizzard 90 thunderbolt 60 bodyslam 60 rockslide 40 substitute 20",
    "nidoqueen": "earthquake 100 blizzard 90 thunderbolt 60 bodyslam 70",
    "aerodactyl": "hyperbeam 90 doubleedge 80 fireblast 80 skyattack 40 agility 50",
    "dugtrio": "earthquake 100 rockslide 90 slash 90 bodyslam 30",
    "raichu": "thunderbolt 100 thunderwave 90 surf 60 hyperbeam 50 bodyslam 40 agility 30",
    "clefable": "bodyslam 80 blizzard 90 thunderwave 80 thunderbolt 50 sing 60 hyperbeam 40",
    "wigglytuff": "bodyslam 90 blizzard 80 thunderwave 70 sing 70 hyperbeam 40",
    "arcanine": "fireblast 100 bodyslam 90 hyperbeam 80 rest 40 agility 20",
    "ninetales": "fireblast 100 confuseray 70 bodyslam 70 firespin 60 hyperbeam 40",
    "rapidash": "fireblast 100 agility 60 hyperbeam 70 firespin 60 bodyslam 50",
    "dewgong": "blizzard 100 surf 70 rest 70 bodyslam 80 hyperbeam 30",
    "omastar": "surf 60 blizzard 90 hydropump 50 bodyslam 50 rest 40",
    "kabutops": "swordsdance 90 slash 90 surf 60 hydropump 40 hyperbeam 70 submission 20",
    "golduck": "amnesia 90 surf 80 blizzard 90 rest 50 hydropump 20",
    "slowpoke": "amnesia 90 surf 90 thunderwave 80 rest 80 earthquake 30",
    "blastoise": "surf 80 blizzard 90 rest 60 earthquake 60 bodyslam 60",
    "magneton": "thunderbolt 100 thunderwave 90 rest 30 hyperbeam 20",
    "muk": "explosion 90 sludge 90 fireblast 60 megadrain 40 thunderbolt 40",
    "weezing": "explosion 95 sludge 80 fireblast 80 thunderbolt 60",
    "hitmonlee": "highjumpkick 90 bodyslam 90 meditate 40 rollingkick 20 counter 20",
    "primeape": "submission 80 rockslide 60 bodyslam 90 hyperbeam 60 thunderbolt 40",
    "fearow": "drillpeck 100 doubleedge 70 hyperbeam 80 agility 80",
    "scyther": "slash 100 swordsdance 90 hyperbeam 80 agility 60 wingattack 30",
    "pinsir": "swordsdance 90 slash 90 hyperbeam 90 submission 40 bodyslam 40",
    "kadabra": "psychic 100 recover 95 thunderwave 95 seismictoss 50 reflect 30",
    "mrmime": "psychic 100 thunderwave 80 thunderbolt 60 seismictoss 40 barrier 30",
    "tangela": "sleeppowder 90 stunspore 60 megadrain 90 bodyslam 70 growth 30",
    "parasect": "spore 100 stunspore 50 swordsdance 60 hyperbeam 50 slash 70 megadrain 60 bodyslam 40",
    "vileplume": "sleeppowder 100 stunspore 50 megadrain 90 swordsdance 40 bodyslam 70",
    "haunter": "hypnosis 95 thunderbolt 95 explosion 85 psychic 40 nightshade 50 megadrain 30",
    "lickitung": "swordsdance 80 bodyslam 90 hyperbeam 80 earthquake 80",
    "marowak": "earthquake 100 bodyslam 80 blizzard 80 swordsdance 10 seismictoss 20",
    "farfetchd": "slash 100 swordsdance 90 agility 80 bodyslam 60",
    "mew": "swordsdance 60 explosion 60 softboiled 70 psychic 60 earthquake 60 bodyslam 60 thunderwave 50 hyperbeam 30",
    "mewtwo": "amnesia 90 psychic 95 recover 80 thunderwave 60 blizzard 50 thunderbolt 50 icebeam 30 rest 20",
}

STAB_MOVES: dict[str, str] = {
    "Normal": "bodyslam 90 hyperbeam 60",
    "Fire": "fireblast 90",
    "Water": "surf 90 blizzard 80",
    "Electric": "thunderbolt 95 thunderwave 70",
    "Grass": "razorleaf 60 megadrain 50",
    "Ice": "blizzard 95",
    "Fighting": "submission 80",
    "Poison": "sludge 40",
    "Ground": "earthquake 95",
    "Flying": "drillpeck 60",
    "Psychic": "psychic 95",
    "Bug": "pinmissile 40",
    "Rock": "rockslide 80",
    "Ghost": "nightshade 70",
    "Dragon": "hyperbeam 40",
}
"""For species that are rarely seen: what their types suggest; nearly all of them also have a good Normal move."""


def standard_moves(species: str, types: tuple[str, ...]) -> dict[str, float]:
    """Probability of each move that a species of these types may carry, by move id.

    Parameters
    ----------
    species : str
        Its id: lower case letters and digits.
    types : tuple of str
        Names of its types.
    """
    found = STANDARD_MOVES.get(species)
    text = (
        found if found is not None else " ".join(["bodyslam 70 hyperbeam 30", *(STAB_MOVES.get(t, "") for t in types)])
    )
    words = text.split()
    moves: dict[str, float] = {}
    for move, percent in zip(words[::2], words[1::2], strict=True):
        moves[move] = max(moves.get(move, 0.0), int(percent) / 100)
    return moves
