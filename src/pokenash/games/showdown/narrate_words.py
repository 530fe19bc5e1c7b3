"""The words of `pokenash.games.showdown.narrate`: sentences by protocol effect, ``{mon}`` standing for the Pokémon."""

from __future__ import annotations

__all__ = [
    "ACTIVATED",
    "BOOSTS",
    "CANNOT",
    "CURED",
    "ENDED",
    "FIELD_ENDED",
    "FIELD_STARTED",
    "FROM",
    "PREPARED",
    "SIDE_ENDED",
    "SIDE_STARTED",
    "STARTED",
    "STATS",
    "STATUSES",
    "TURN_EFFECTS",
    "WEATHERS",
    "WEATHER_ENDED",
    "WEATHER_GOES_ON",
]

STATS = {
    "atk": "Attack",
    "def": "Defense",
    "spa": "Special Attack",
    "spd": "Special Defense",
    "spe": "Speed",
    "spc": "Special",
    "accuracy": "accuracy",
    "evasion": "evasiveness",
}

BOOSTS = {1: "rose", 2: "rose sharply", 3: "rose drastically", -1: "fell", -2: "fell harshly", -3: "fell severely"}

STATUSES = {
    "brn": "{mon} was burned!",
    "par": "{mon} is paralyzed! It may be unable to move!",
    "slp": "{mon} fell asleep!",
    "frz": "{mon} was frozen solid!",
    "psn": "{mon} was poisoned!",
    "tox": "{mon} was badly poisoned!",
}

CURED = {
    "brn": "{mon}'s burn was healed.",
    "par": "{mon} was cured of paralysis.",
    "slp": "{mon} woke up!",
    "frz": "{mon} thawed out!",
    "psn": "{mon} was cured of its poisoning.",
    "tox": "{mon} was cured of its poisoning.",
    "confusion": "{mon} snapped out of its confusion!",
}

CANNOT = {
    "slp": "{mon} is fast asleep.",
    "par": "{mon} is paralyzed! It can't move!",
    "frz": "{mon} is frozen solid!",
    "flinch": "{mon} flinched and couldn't move!",
    "recharge": "{mon} must recharge!",
    "partiallytrapped": "{mon} can't move!",
    "attract": "{mon} is immobilized by love!",
    "nopp": "{mon} used {move}, but there was no PP left for the move!",
    "truant": "{mon} is loafing around!",
    "focuspunch": "{mon} lost its focus and couldn't move!",
    "shelltrap": "{mon}'s shell trap didn't work!",
    "disable": "{mon}'s {move} is disabled!",
    "taunt": "{mon} can't use {move} after the taunt!",
    "imprison": "{mon} can't use its sealed {move}!",
    "gravity": "{mon} can't use {move} because of gravity!",
    "healblock": "{mon} was prevented from healing!",
    "throatchop": "{mon} can't use {move} because of Throat Chop!",
}

FROM = {
    "psn": "poison",
    "tox": "poison",
    "brn": "its burn",
    "confusion": "its confusion",
    "drain": "drained energy",
    "recoil": "recoil",
    "sandstorm": "the sandstorm",
    "hail": "the hail",
    "partiallytrapped": "being trapped",
    "silent": "",
}

STARTED = {
    "confusion": "{mon} became confused!",
    "substitute": "{mon} put in a substitute!",
    "leechseed": "{mon} was seeded!",
    "lightscreen": "{mon}'s protected against special attacks!",
    "reflect": "{mon} gained armor!",
    "mist": "{mon}'s shrouded in mist!",
    "focusenergy": "{mon} is getting pumped!",
    "bide": "{mon} is storing energy!",
    "disable": "{mon}'s {detail} was disabled!",
    "mimic": "{mon} learned {detail}!",
    "typechange": "{mon}'s type changed to {detail}!",
    "typeadd": "{mon} gained the {detail} type!",
    "encore": "{mon} must do an encore!",
    "taunt": "{mon} fell for the taunt!",
    "torment": "{mon} was subjected to torment!",
    "attract": "{mon} fell in love!",
    "curse": "{mon} was cursed!",
    "nightmare": "{mon} began having a nightmare!",
    "yawn": "{mon} grew drowsy!",
    "ingrain": "{mon} planted its roots!",
    "aquaring": "{mon} surrounded itself with a veil of water!",
    "perish3": "{mon} will faint in three turns.",
    "perish2": "{mon}'s perish count fell to 2.",
    "perish1": "{mon}'s perish count fell to 1.",
    "perish0": "{mon}'s perish count fell to 0.",
    "futuresight": "{mon} foresaw an attack!",
    "doomdesire": "{mon} chose Doom Desire as its destiny!",
    "dynamax": "{mon} grew huge (Dynamax)!",
    "flashfire": "The power of {mon}'s Fire-type moves rose!",
    "slowstart": "{mon} can't get it going!",
    "healblock": "{mon} was prevented from healing!",
    "embargo": "{mon} can't use items anymore!",
    "magnetrise": "{mon} levitated with electromagnetism!",
    "telekinesis": "{mon} was hurled into the air!",
    "smackdown": "{mon} fell straight down!",
    "saltcure": "{mon} is being salt cured!",
    "throatchop": "{mon} can't use sound moves!",
}

ENDED = {
    "confusion": "{mon} snapped out of its confusion!",
    "substitute": "{mon}'s substitute faded!",
    "leechseed": "{mon} was freed from Leech Seed!",
    "disable": "{mon} is no longer disabled!",
    "bide": "{mon} unleashed its energy!",
    "encore": "{mon}'s encore ended!",
    "taunt": "{mon} shook off the taunt!",
    "futuresight": "{mon} took the Future Sight attack!",
    "doomdesire": "{mon} took the Doom Desire attack!",
    "dynamax": "{mon} returned to normal (its Dynamax ended).",
    "illusion": "{mon}'s illusion wore off!",
    "slowstart": "{mon} finally got its act together!",
    "attract": "{mon} got over its infatuation.",
}

TURN_EFFECTS = {
    "protect": "{mon} protected itself!",
    "endure": "{mon} braced itself!",
    "destinybond": "{mon} is hoping to take its attacker down with it!",
    "focuspunch": "{mon} is tightening its focus!",
    "roost": "{mon} landed on the ground.",
    "rage": "{mon}'s rage is building.",
    "magiccoat": "{mon} shrouded itself with Magic Coat!",
}

ACTIVATED = {
    "confusion": "{mon} is confused!",
    "substitute": "The substitute took damage for {mon}!",
    "protect": "{mon} protected itself!",
    "bide": "{mon} is storing energy!",
    "endure": "{mon} endured the hit!",
    "mist": "{mon} is protected by the mist!",
    "safeguard": "{mon} is protected by Safeguard!",
    "splash": "But nothing happened!",
    "struggle": "{mon} has no moves left!",
    "attract": "{mon} is in love!",
    "destinybond": "{mon} took its attacker down with it!",
    "trapped": "{mon} can no longer escape!",
    "wrap": "{mon} was wrapped!",
    "bind": "{mon} was squeezed!",
    "clamp": "{mon} was clamped!",
    "firespin": "{mon} became trapped in the fiery vortex!",
    "haze": "All status changes were eliminated!",
    "sturdy": "{mon} endured the hit with Sturdy!",
    "focussash": "{mon} hung on using its Focus Sash!",
    "focusband": "{mon} hung on using its Focus Band!",
    "healbell": "A bell chimed!",
    "aromatherapy": "A soothing aroma wafted through the area!",
    "courtchange": "{mon} swapped the battle effects affecting each side!",
    "trick": "{mon} switched items with its target!",
}

SIDE_STARTED = {
    "reflect": "Reflect made {side} stronger against physical moves!",
    "lightscreen": "Light Screen made {side} stronger against special moves!",
    "auroraveil": "Aurora Veil made {side} stronger against physical and special moves!",
    "spikes": "Spikes were scattered around {side}!",
    "toxicspikes": "Poison spikes were scattered around {side}!",
    "stealthrock": "Pointed stones float in the air around {side}!",
    "stickyweb": "A sticky web spreads out around {side}!",
    "tailwind": "The tailwind blew from behind {side}!",
    "safeguard": "{side} cloaked itself in a mystical veil!",
    "mist": "{side} became shrouded in mist!",
    "luckychant": "Lucky Chant shielded {side} from critical hits!",
}

SIDE_ENDED = {
    "reflect": "{side}'s Reflect wore off!",
    "lightscreen": "{side}'s Light Screen wore off!",
    "auroraveil": "{side}'s Aurora Veil wore off!",
    "spikes": "The spikes disappeared from around {side}!",
    "toxicspikes": "The poison spikes disappeared from around {side}!",
    "stealthrock": "The pointed stones disappeared from around {side}!",
    "stickyweb": "The sticky web disappeared from around {side}!",
    "tailwind": "The tailwind behind {side} petered out!",
    "safeguard": "{side} is no longer protected by Safeguard!",
    "mist": "{side} is no longer protected by mist!",
}

FIELD_STARTED = {
    "trickroom": "The dimensions were twisted!",
    "gravity": "Gravity intensified!",
    "electricterrain": "An electric current ran across the battlefield!",
    "grassyterrain": "Grass grew to cover the battlefield!",
    "mistyterrain": "Mist swirled around the battlefield!",
    "psychicterrain": "The battlefield got weird!",
    "magicroom": "Items lost their effects in a bizarre area!",
    "wonderroom": "Defense and Special Defense were swapped in a bizarre area!",
}

FIELD_ENDED = {
    "trickroom": "The twisted dimensions returned to normal!",
    "gravity": "Gravity returned to normal!",
    "electricterrain": "The electricity disappeared from the battlefield.",
    "grassyterrain": "The grass disappeared from the battlefield.",
    "mistyterrain": "The mist disappeared from the battlefield.",
    "psychicterrain": "The weirdness disappeared from the battlefield.",
    "magicroom": "The items' effects returned to normal.",
    "wonderroom": "The effects of Wonder Room wore off.",
}

WEATHERS = {
    "raindance": "It started to rain!",
    "sunnyday": "The sunlight turned harsh!",
    "sandstorm": "A sandstorm kicked up!",
    "hail": "It started to hail!",
    "snow": "It started to snow!",
    "snowscape": "It started to snow!",
    "desolateland": "The sunlight turned extremely harsh!",
    "primordialsea": "A heavy rain began to fall!",
    "deltastream": "Strong winds blow!",
}

WEATHER_GOES_ON = {
    "raindance": "Rain continues to fall.",
    "sunnyday": "The sunlight is strong.",
    "sandstorm": "The sandstorm is raging.",
    "hail": "The hail is crashing down.",
    "snow": "Snow continues to fall.",
    "snowscape": "Snow continues to fall.",
}

WEATHER_ENDED = {
    "raindance": "The rain stopped.",
    "sunnyday": "The sunlight faded.",
    "sandstorm": "The sandstorm subsided.",
    "hail": "The hail stopped.",
    "snow": "The snow stopped.",
    "snowscape": "The snow stopped.",
}

PREPARED = {
    "fly": "{mon} flew up high!",
    "dig": "{mon} burrowed underground!",
    "solarbeam": "{mon} absorbed light!",
    "skyattack": "{mon} became cloaked in a harsh light!",
    "razorwind": "{mon} whipped up a whirlwind!",
    "skullbash": "{mon} tucked in its head!",
    "dive": "{mon} hid underwater!",
    "bounce": "{mon} sprang up!",
}
