"""What the backend ``poke-env-0.8.3`` knows by name: effects, side conditions, fields and weathers.

A name that is not listed reads ``unknown``, even where a later simulator or poke-env knows it: the words are what
metamon's checkpoints were trained on, so the lists belong to the backend's version and never grow.
"""

from __future__ import annotations

__all__ = [
    "EFFECTS",
    "ENDS_WITH_TURN",
    "FIELDS",
    "SIDE_CONDITIONS",
    "STACKED",
    "TURN_COUNTED",
    "USE_COUNTED",
    "WEATHERS",
]

EFFECTS = frozenset(
    """
    aftermath afteryou aquaring aromatherapy aromaveil attract autotomize baddreams banefulbunker battlebond
    beakblast beatup bide bind burningbulwark burnup celebrate charge clamp commander confusion courtchange
    craftyshield cudchew curse custapberry dancer defensecurl destinybond disable disguise doomdesire dragoncheer
    dynamax eeriespell electricterrain electrify embargo emergencyexit encore endure fairylock fallen fallen1
    fallen2 fallen3 fallen4 fallen5 feint ficklebeam firespin flashfire flinch flowerveil focusband focusenergy
    focuspunch followme foresight forewarn futuresight gastroacid glaiverush gmaxcentiferno gmaxchistrike
    gmaxoneblow gmaxrapidflow gmaxsandblast gooey gravity grudge guardsplit gulpmissile hadronengine haze healbell
    healblock healer helpinghand hydration hyperspacefury hyperspacehole iceface illusion immunity imprison
    infestation ingrain innardsout insomnia instruct ironbarbs kingsshield laserfocus leechseed leppaberry
    lightningrod lightscreen limber liquidooze lockedmove lockon magiccoat magmastorm magnetrise magnitude matblock
    maxguard mimic mimicry mindreader minimize miracleeye mist mistyterrain mudsport mummy mustrecharge mysteryberry
    neutralizinggas nightmare noretreat oblivious obstruct octolock orichalcumpulse owntempo partiallytrapped
    pastelveil perish0 perish1 perish2 perish3 phantomforce poltergeist powder powerconstruct powershift powersplit
    powertrick protect protectivepads protosynthesis protosynthesisatk protosynthesisdef protosynthesisspa
    protosynthesisspd protosynthesisspe psychicterrain pursuit quarkdrive quarkdriveatk quarkdrivedef quarkdrivespa
    quarkdrivespd quarkdrivespe quash quickclaw quickdraw quickguard rage ragepowder rampage reflect ripen roost
    roughskin safeguard safetygoggles saltcure sandtomb screencleaner shadowforce shedskin silktrap sketch skillswap
    skydrop slowstart smackdown snaptrap snatch sparklingaria speedswap spikyshield spite spotlight stickyhold
    stickyweb stockpile stockpile1 stockpile2 stockpile3 stormdrain struggle substitute suctioncups supremeoverlord
    sweetveil symbiosis synchronize syrupbomb tarshot taunt telekinesis telepathy terashell terashift
    thermalexchange throatchop thundercage tidyup torment toxicdebris trapped trick typeadd typechange uproar
    vitalspirit wanderingspirit waterbubble waterveil whirlpool wideguard wimpout wrap yawn zerotohero
    """.split()
)
"""What `-start`, `-activate`, `-singleturn` and `-singlemove` may put on a Pokémon."""

ENDS_WITH_TURN = frozenset(
    """
    afteryou banefulbunker beakblast burningbulwark craftyshield custapberry feint flinch focuspunch followme
    instruct kingsshield magiccoat mindreader obstruct protect quash quickclaw quickdraw quickguard ragepowder roost
    spikyshield spotlight wideguard
    """.split()
)
"""Effects that are forgotten when the next turn begins."""

TURN_COUNTED = frozenset(
    """
    bide bind clamp disable doomdesire dynamax embargo encore firespin futuresight gmaxcentiferno gmaxsandblast
    gravity healblock infestation magmastorm magnetrise sandtomb skydrop slowstart snaptrap taunt telekinesis
    throatchop thundercage uproar whirlpool wrap
    """.split()
)
"""Effects whose counter goes up every turn."""

USE_COUNTED = frozenset(("rage", "stockpile"))
"""Effects whose counter goes up every time they are started again."""

SIDE_CONDITIONS = frozenset(
    """
    auroraveil craftyshield firepledge gmaxcannonade gmaxsteelsurge gmaxvinelash gmaxvolcalith gmaxwildfire
    grasspledge lightscreen luckychant matblock mist quickguard reflect safeguard spikes stealthrock stickyweb
    tailwind toxicspikes waterpledge wideguard
    """.split()
)
"""Conditions of one side."""

STACKED = frozenset(("spikes", "toxicspikes"))
"""Side conditions whose value is the number of layers; that of the others is the turn in which they began."""

FIELDS = frozenset(
    """
    electricterrain grassyterrain gravity healblock magicroom mistyterrain mudsport mudspot psychicterrain trickroom
    watersport wonderroom
    """.split()
)
"""Terrains, rooms and the like."""

WEATHERS = frozenset(
    """
    deltastream desolateland hail primordialsea raindance sandstorm snow snowscape sunnyday
    """.split()
)
"""Weathers."""
