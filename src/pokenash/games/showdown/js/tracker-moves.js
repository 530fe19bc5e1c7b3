'use strict';
/** Protocol messages about moves: used, prepared, prevented. */
const {V, S} = require('./layout.js');
const {attribute} = require('./attributes.js');
const {learnEffect, learnFrom, learnMove} = require('./reveals.js');

/** Reasons of `cant` after which the message names a move that the Pokémon itself meant to use. */
const PREVENTED_OWN = new Set(['disable', 'taunt', 'gravity', 'healblock', 'imprison', 'throatchop', 'focuspunch',
  'shelltrap', 'nopp']);

/** Moves that leave something for later, which no message announces. */
const PROMISES = {
  __proto__: null,
  wish(tracker, side) {
    if (tracker.turn - side.wishTurn > 1) side.wishTurn = tracker.turn;
  },
  healingwish(tracker, side) {
    side.conditions[S.healing_wish] = 1;
  },
  lunardance(tracker, side) {
    side.conditions[S.healing_wish] = 1;
  },
};

/** How a move came to be used: by choice, continued under a lock, or called by something else. */
function wayOf(tracker, parts, move) {
  const from = attribute(parts, 4, 'from');
  if (from === null) return 'chosen';
  const source = tracker.known.effect(from);
  if (source.id === 'lockedmove') return 'continued';
  // Generation 1 writes a continued move as coming from itself; later on that is Pursuit, which is chosen.
  if (source.id === move.key) return tracker.gen === 1 ? 'continued' : 'chosen';
  return source.kind !== 'ability' && tracker.known.move(source.name).callsOwn ? 'called own' : 'called';
}

/** PP that this use costs: generation 1 charges two-turn moves when they strike, later ones when they begin. */
function costOf(tracker, side, move, way) {
  if (tracker.gen === 1) return (way === 'continued') === move.twoTurn && way !== 'called' ? 1 : 0;
  if (way !== 'chosen' || (tracker.gen === 2 && lockedBefore(side, move))) return 0;
  const foe = side.foe.active;
  const pressed = move.pressured && foe !== null && !foe.fainted && foe.ability > 0 &&
    foe.ability === tracker.known.lookup.abilities('Pressure');
  return pressed ? 2 : 1;
}

/** Generation 2 does not say that a move is continued, and charges none that its user is held to. */
function lockedBefore(side, move) {
  const flags = side.volatiles;
  if (flags[V.two_turn] !== 0) return true;
  return flags[V.locked_move] !== 0 && side.active !== null && side.active.lastMove === move.id;
}

function moved(tracker, parts) {
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  const move = tracker.known.move(parts[3]);
  const way = wayOf(tracker, parts, move);
  if (move.own && way !== 'called') {
    const cost = costOf(tracker, side, move, way);
    learnMove(tracker, mon, move, cost);
    if (!side.own) side.used.push({move, cost});
  }
  mon.lastMove = move.id;
  side.lastMove = move.id;
  endedByMoving(tracker, side, move);
  lockedByMoving(tracker, side, parts, move, way);
  if (move.key in PROMISES) PROMISES[move.key](tracker, side);
}

function endedByMoving(tracker, side, move) {
  const flags = side.volatiles;
  flags[V.must_recharge] = 0;
  flags[V.two_turn] = 0;
  flags[V.destiny_bond] = 0;
  flags[V.glaive_rush] = 0;
  if (tracker.gen > 1) flags[V.rage] = 0;
  if (!move.stalling) flags[V.protect_count] = 0;
  if (flags[V.lock_on] !== 0 && tracker.turn > side.lockOnTurn) flags[V.lock_on] = 0;
}

function lockedByMoving(tracker, side, parts, move, way) {
  const flags = side.volatiles;
  side.rolls = move.rolling ? (side.rolls % 5) + 1 : 0;
  flags[V.locked_move] = (move.locking || (side.rolls > 0 && side.rolls < 5)) && way !== 'called' ? 1 : 0;
  if (tracker.gen > 1) return;
  // Generation 1 announces neither Rage nor what a binding move does.
  if (move.key === 'rage') flags[V.rage] = 1;
  const foe = side.foe;
  const missed = attribute(parts, 4, 'miss') !== null || attribute(parts, 4, 'notarget') !== null;
  foe.volatiles[V.partially_trapped] = move.binding && !missed ? 1 : 0;
  if (move.binding) foe.volatiles[V.must_recharge] = 0;
}

function cannot(tracker, parts) {
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  const reason = tracker.known.effect(parts[3]);
  learnEffect(tracker, mon, reason);
  if (parts[4] && PREVENTED_OWN.has(reason.id)) {
    const move = tracker.known.move(parts[4]);
    if (move.own) learnMove(tracker, mon, move, 0);
  }
  if (reason.id === 'slp' || reason.id === 'frz') mon.statusTurns++;
  const flags = side.volatiles;
  if (reason.id === 'recharge' || (tracker.gen === 1 && reason.id === 'flinch')) flags[V.must_recharge] = 0;
  flags[V.two_turn] = 0;
  flags[V.protect_count] = 0;
  flags[V.destiny_bond] = 0;
  flags[V.locked_move] = 0;
  if (tracker.gen === 1) side.foe.volatiles[V.partially_trapped] = 0;
}

function missed(tracker, parts) {
  if (!parts[2]) return;
  const side = tracker.side(parts[2]);
  if (tracker.gen >= 5 || side.rolls > 0) side.volatiles[V.locked_move] = 0;
  side.rolls = 0;
}

/** A move, or an effect on the Pokémon, failed; perhaps an ability or item prevented it. */
function fail(tracker, parts) {
  if (!parts[2]) return;
  learnFrom(tracker, parts, tracker.mon(parts[2]), true);
  tracker.side(parts[2]).volatiles[V.protect_count] = 0;
}

function prepare(tracker, parts) {
  tracker.side(parts[2]).volatiles[V.two_turn] = 1;
}

/** A move that strikes at once after all: Power Herb, Solar Beam in the sun. */
function strike(tracker, parts) {
  tracker.side(parts[2]).volatiles[V.two_turn] = 0;
}

function recharge(tracker, parts) {
  tracker.side(parts[2]).volatiles[V.must_recharge] = 1;
}

function zPower(tracker, parts) {
  tracker.side(parts[2]).conditions[S.zmove_used] = 1;
}

module.exports = {
  'move': moved,
  'cant': cannot,
  '-miss': missed,
  '-fail': fail,
  '-prepare': prepare,
  '-anim': strike,
  '-mustrecharge': recharge,
  '-zpower': zPower,
};
