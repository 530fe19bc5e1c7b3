'use strict';
/** Protocol messages about effects on a Pokémon that last while it stays on the field, or for a move or a turn. */
const {V, S} = require('./layout.js');
const {attribute} = require('./attributes.js');
const {changeAbility, learnAbility, learnEffect, learnFrom, learnItem, learnMove, loseItem, slotOf} =
  require('./reveals.js');

/** Effects of `-start` and `-end` that are a flag of the layout and nothing else. */
const FLAGS = new Map(Object.entries({
  confusion: V.confusion,
  substitute: V.substitute,
  leechseed: V.leech_seed,
  reflect: V.reflect,
  lightscreen: V.light_screen,
  mist: V.mist,
  focusenergy: V.focus_energy,
  dragoncheer: V.focus_energy,
  bide: V.bide,
  encore: V.encore,
  taunt: V.taunt,
  torment: V.torment,
  attract: V.attract,
  curse: V.curse,
  nightmare: V.nightmare,
  yawn: V.yawn,
  ingrain: V.ingrain,
  aquaring: V.aqua_ring,
  healblock: V.heal_block,
  embargo: V.embargo,
  foresight: V.foresight,
  odorsleuth: V.foresight,
  miracleeye: V.foresight,
  telekinesis: V.telekinesis,
  magnetrise: V.magnet_rise,
  smackdown: V.smack_down,
  flashfire: V.flash_fire,
  slowstart: V.slow_start,
  charge: V.charge,
  imprison: V.imprison,
  saltcure: V.salt_cure,
  syrupbomb: V.syrup_bomb,
  throatchop: V.throat_chop,
  noretreat: V.trapped,
  octolock: V.trapped,
  uproar: V.uproar,
  powertrick: V.power_trick,
  tarshot: V.tar_shot,
  laserfocus: V.laser_focus,
  autotomize: V.autotomize,
  disable: V.disable,
}));

const PARADOX = /^(?:protosynthesis|quarkdrive)(atk|def|spa|spd|spe)$/;
const COUNTED = /^(perish|stockpile)(\d)$/;

/** Effects of `-start` that say more than that they are there. */
const START = {
  __proto__: null,
  typechange(tracker, side, mon, parts) {
    const of = attribute(parts, 4, 'of');
    side.volatiles[V.type_change] = 1;
    mon.type3 = 0;
    if (parts[4] && parts[4][0] !== '[') setTypes(tracker, mon, parts[4].split('/'));
    else if (of !== null) copyTypes(mon, tracker.mon(of)); // Reflect Type
  },
  typeadd(tracker, side, mon, parts) {
    side.volatiles[V.type_change] = 1;
    mon.type3 = tracker.known.lookup.types(parts[4] || '');
  },
  disable(tracker, side, mon, parts) {
    const move = tracker.known.move(parts[4] || '');
    side.volatiles[V.disable] = 1;
    side.disabledMove = move.id;
    if (move.own) learnMove(tracker, mon, move, 0);
  },
  dynamax(tracker, side) {
    side.dynamaxTurns = 3;
    side.volatiles[V.dynamax] = 1;
    side.conditions[S.dynamax_used] = 1;
  },
  futuresight(tracker, side) {
    side.foe.futureTurn = tracker.turn;
  },
  doomdesire(tracker, side) {
    side.foe.futureTurn = tracker.turn;
  },
  mimic(tracker, side, mon, parts) {
    takeMove(tracker, mon, tracker.known.move('Mimic'), tracker.known.move(parts[4] || ''));
  },
  confusion(tracker, side, mon, parts) {
    side.volatiles[V.confusion] = 1;
    // Thrash, Outrage and the like end in it; generation 1 says so by being silent about it.
    if (attribute(parts, 4, 'fatigue') !== null || tracker.gen === 1) side.volatiles[V.locked_move] = 0;
  },
};

const END = {
  __proto__: null,
  typechange(tracker, side, mon) {
    side.volatiles[V.type_change] = 0;
    if (mon.species) tracker.resetTypes(mon);
  },
  disable(tracker, side) {
    side.volatiles[V.disable] = 0;
    side.disabledMove = 0;
  },
  dynamax(tracker, side) {
    side.dynamaxTurns = 0;
    side.volatiles[V.dynamax] = 0;
  },
  futuresight(tracker, side) {
    side.futureTurn = -9;
  },
  doomdesire(tracker, side) {
    side.futureTurn = -9;
  },
  stockpile(tracker, side) {
    side.volatiles[V.stockpile] = 0;
  },
  protosynthesis(tracker, side) {
    side.paradoxStat = 0;
  },
  quarkdrive(tracker, side) {
    side.paradoxStat = 0;
  },
};

function setTypes(tracker, mon, names) {
  mon.type1 = tracker.known.lookup.types(names[0]);
  mon.type2 = names.length > 1 ? tracker.known.lookup.types(names[1]) : 0;
}

function copyTypes(mon, model) {
  mon.type1 = model.type1;
  mon.type2 = model.type2;
  mon.type3 = model.type3;
}

/** One move gives way to another until its user leaves the field; generation 1 goes on with the old one's PP. */
function takeMove(tracker, mon, old, move) {
  const slot = slotOf(tracker, mon, old);
  if (slot < 0) return;
  mon.keepMoves(slot);
  mon.moves[slot] = move.id;
  mon.maxpp[slot] = move.pp;
  if (tracker.gen > 1) mon.pp[slot] = Math.min(5, move.pp);
}

function counted(tracker, side, kind, count) {
  if (kind === 'stockpile') side.volatiles[V.stockpile] = count / 3;
  else side.volatiles[V.perish] = (4 - count) / 4;
}

function start(tracker, parts) {
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  const effect = tracker.known.effect(parts[3]);
  learnEffect(tracker, mon, effect);
  if (parts.length > 4) learnFrom(tracker, parts, mon, effect.id !== 'typechange');
  if (effect.id in START) {
    START[effect.id](tracker, side, mon, parts);
    return;
  }
  const flag = FLAGS.get(effect.id);
  if (flag !== undefined) {
    side.volatiles[flag] = 1;
    return;
  }
  const count = COUNTED.exec(effect.id);
  if (count) counted(tracker, side, count[1], Number(count[2]));
  const paradox = PARADOX.exec(effect.id);
  if (paradox) side.paradoxStat = tracker.known.lookup.stats(paradox[1]);
}

function end(tracker, parts) {
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  const effect = tracker.known.effect(parts[3]);
  if (parts.length > 4) learnFrom(tracker, parts, mon, true);
  if (effect.id in END) END[effect.id](tracker, side, mon);
  const flag = FLAGS.get(effect.id);
  if (flag !== undefined) side.volatiles[flag] = 0;
  else if (attribute(parts, 4, 'partiallytrapped') !== null) side.volatiles[V.partially_trapped] = 0;
  if (effect.id === 'octolock') side.volatiles[V.trapped] = 0;
}

const PROTECTIONS = new Set(['protect', 'endure', 'quickguard', 'wideguard', 'maxguard', 'craftyshield', 'matblock']);

function singleTurn(tracker, parts) {
  const side = tracker.side(parts[2]);
  const effect = tracker.known.effect(parts[3]);
  if (PROTECTIONS.has(effect.id)) {
    side.volatiles[V.protect_count] = Math.min(1, Math.round(3 * side.volatiles[V.protect_count] + 1) / 3);
  } else if (effect.id === 'focuspunch' || effect.id === 'beakblast' || effect.id === 'shelltrap') {
    learnMove(tracker, tracker.mon(parts[2]), tracker.known.move(effect.name), 0);
  }
}

const SINGLE_MOVES = new Map(Object.entries({
  destinybond: V.destiny_bond,
  grudge: V.destiny_bond,
  rage: V.rage,
  glaiverush: V.glaive_rush,
}));

function singleMove(tracker, parts) {
  const flag = SINGLE_MOVES.get(tracker.known.effect(parts[3]).id);
  if (flag !== undefined) tracker.side(parts[2]).volatiles[flag] = 1;
}

/** Effects of `-activate` that change what is known; abilities and items are learned from it besides. */
const ACTIVATE = {
  __proto__: null,
  confusion(tracker, side) {
    side.volatiles[V.confusion] = 1;
  },
  trapped(tracker, side) {
    side.volatiles[V.trapped] = 1;
  },
  lockon: aim,
  mindreader: aim,
  mimic(tracker, side, mon, parts) {
    takeMove(tracker, mon, tracker.known.move('Mimic'), tracker.known.move(parts[4] || ''));
  },
  skillswap(tracker, side, mon, parts) {
    if (!parts[4] || !parts[5]) return;
    const foe = side.foe.active;
    learnAbilityBefore(tracker, mon, parts[5]);
    changeAbility(tracker, mon, parts[4]);
    if (foe === null) return;
    learnAbilityBefore(tracker, foe, parts[4]);
    changeAbility(tracker, foe, parts[5]);
  },
  mummy: spread,
  lingeringaroma: spread,
  wanderingspirit(tracker, side, mon, parts) {
    if (parts[4] && parts[4][0] !== '[') changeAbility(tracker, mon, parts[4]);
  },
  poltergeist(tracker, side, mon, parts) {
    if (!mon.own && parts[4]) learnItem(tracker, mon, parts[4]);
  },
  forewarn(tracker, side, mon, parts) {
    const of = attribute(parts, 4, 'of');
    const target = of === null ? side.foe.active : tracker.mon(of);
    if (target !== null && parts[4]) learnMove(tracker, target, tracker.known.move(parts[4]), 0);
  },
  spite: drain,
  eeriespell: drain,
  gmaxdepletion: drain,
};

function aim(tracker, side) {
  side.volatiles[V.lock_on] = 1;
  side.lockOnTurn = tracker.turn;
}

function drain(tracker, side, mon, parts) {
  if (parts[4] && parts[4][0] !== '[') learnMove(tracker, mon, tracker.known.move(parts[4]), Number(parts[5]) || 0);
}

function learnAbilityBefore(tracker, mon, name) {
  if (!mon.own && mon.innate === 0 && mon.ability === 0) learnAbility(tracker, mon, name);
}

/** Mummy and Lingering Aroma: the attacker's ability becomes the same. */
function spread(tracker, side, mon, parts) {
  const other = parts[4] && parts[4][0] !== '[' ? tracker.mon(parts[4]) : side.foe.active;
  if (other === null) return;
  const had = attribute(parts, 4, 'ability');
  if (had) learnAbilityBefore(tracker, other, had);
  changeAbility(tracker, other, tracker.known.effect(parts[3]).name);
}

function activate(tracker, parts) {
  if (!parts[2] || !parts[3]) return;
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  const effect = tracker.known.effect(parts[3]);
  if (attribute(parts, 4, 'consumed') !== null) loseItem(tracker, mon, effect.name);
  else learnEffect(tracker, mon, effect);
  if (effect.id in ACTIVATE) ACTIVATE[effect.id](tracker, side, mon, parts);
  else if (effect.kind === 'move' && tracker.known.move(effect.name).binding) side.volatiles[V.partially_trapped] = 1;
}

module.exports = {
  '-start': start,
  '-end': end,
  '-singleturn': singleTurn,
  '-singlemove': singleMove,
  '-activate': activate,
};
