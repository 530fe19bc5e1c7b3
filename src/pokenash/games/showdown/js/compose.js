'use strict';
/**
 * A battle in the middle, made from a description. A real battle of the two teams is begun, and then the simulator's
 * own methods bring its Pokémon to the described state one after the other, so that whatever becomes known to the
 * players is said in the simulator's own words. Nothing random decides anything; counters that are hidden from both
 * players are drawn by `drawHidden`.
 */
const {toID} = require('pokemon-showdown/dist/sim');

const SLEEP = 'slp';
const LONGEST_SLEEP = 7;
const STATE = new Set(['hp', 'status', 'slept', 'rested', 'seen', 'pp', 'boosts', 'recharge']);

/** A side's Pokémon by the name that its team gives it. */
function member(side, name) {
  const found = side.pokemon.find(pokemon => pokemon.name === name);
  if (!found) throw new Error(`there is no ${name} in the team of ${side.name}`);
  return found;
}

function check(condition, message) {
  if (!condition) throw new Error(message);
}

/** Refuse a state that says what this file does not know, or sleep without end. */
function checkState(name, state) {
  check(state !== null && typeof state === 'object' && !Array.isArray(state), `the state of ${name} is no mapping`);
  const unknown = Object.keys(state).filter(key => !STATE.has(key));
  check(!unknown.length, `the state of ${name} has the unknown ${unknown.join(', ')}; known: ${[...STATE].join(', ')}`);
  const slept = state.slept === undefined ? 0 : state.slept;
  check(Number.isInteger(slept) && slept >= 0 && slept < LONGEST_SLEEP, `${name} cannot still be asleep after ${slept} turns`);
}

/** The names that the other side has seen, in the order in which they came in: lead, described ones, the active one. */
function revealed(side, {active, states}) {
  const names = side.pokemon.map(pokemon => pokemon.name);
  const seen = names.filter((name, place) => name !== active && (place === 0 || states[name]));
  return [...seen, active];
}

/** Say that a Pokémon has used a move, and take what that costs. */
function use(battle, pokemon, name) {
  const id = toID(name);
  const slot = pokemon.moveSlots.findIndex(one => one.id === id);
  check(slot >= 0, `${pokemon.name} has no move ${name}`);
  pokemon.moveSlots[slot].pp -= 1;
  check(pokemon.moveSlots[slot].pp >= 0, `${pokemon.name} cannot have used ${name} so often`);
  battle.addMove('move', pokemon, pokemon.moveSlots[slot].move, pokemon.side.foe.active[0]);
}

/** Uses that are seen: one of each move in `seen`, and as many as the PP that are gone. */
function useMoves(battle, pokemon, state) {
  for (const move of state.seen || []) {
    if (!(state.pp && Object.keys(state.pp).some(name => toID(name) === toID(move)))) use(battle, pokemon, move);
  }
  for (const [move, left] of Object.entries(state.pp || {})) {
    const slot = pokemon.moveSlots.find(one => one.id === toID(move));
    check(slot, `${pokemon.name} has no move ${move}`);
    check(Number.isInteger(left) && left >= 0 && left <= slot.pp, `${pokemon.name}'s ${move} cannot have ${left} PP`);
    while (slot.pp > left) use(battle, pokemon, move);
  }
}

function setHp(battle, pokemon, hp) {
  if (hp === undefined || hp === pokemon.hp) return;
  const possible = Number.isInteger(hp) && hp >= 0 && hp <= pokemon.maxhp;
  check(possible, `${pokemon.name} cannot have ${hp} of ${pokemon.maxhp} HP`);
  if (hp === 0) {
    pokemon.faint(pokemon.side.foe.active[0]);
    battle.faintMessages(false, false, false);
    return;
  }
  pokemon.sethp(hp);
  battle.add('-damage', pokemon, pokemon.getHealth);
}

function setStatus(battle, pokemon, state) {
  if (!state.status) return;
  // Sleep that nobody else put it into is Rest's, which Sleep Clause does not count.
  const source = state.rested ? pokemon : pokemon.side.foe.active[0];
  check(pokemon.setStatus(state.status, source), `${pokemon.name} cannot have the status ${state.status}`);
  for (let turn = 0; turn < (state.slept || 0); turn++) battle.add('cant', pokemon, SLEEP);
  if (battle.gen === 1 && state.status === 'par') pokemon.modifyStat('spe', 0.25);
  if (battle.gen === 1 && state.status === 'brn') pokemon.modifyStat('atk', 0.5);
}

function bring(battle, pokemon, state) {
  if (!pokemon.isActive) {
    check(battle.actions.switchIn(pokemon, 0), `${pokemon.name} cannot come in`);
    battle.queue.clear();
    battle.actions.runSwitch(pokemon);
  }
  useMoves(battle, pokemon, state);
  // In this order, because nothing can be done to a Pokémon that has fainted.
  setStatus(battle, pokemon, state);
  // A move of its own is given as the reason because without one the line would name an undefined effect.
  if (state.boosts) battle.boost(state.boosts, pokemon, pokemon, battle.dex.getActiveMove('amnesia'));
  setHp(battle, pokemon, state.hp);
}

/** It has just used a move after which it must rest. */
function recharge(battle, pokemon, move) {
  const used = battle.dex.moves.get(move);
  use(battle, pokemon, move);
  pokemon.lastMove = battle.dex.getActiveMove(used.id);
  pokemon.side.lastMove = pokemon.lastMove;
  pokemon.side.lastSelectedMove = used.id;
  pokemon.addVolatile('mustrecharge');
  battle.add('-mustrecharge', pokemon);
}

/**
 * Bring a battle that has just begun to the described state, and have both players asked for a move.
 *
 * @param battle on its first turn
 * @param composition {turn, sides: [2] of {active, states: {name: {hp, status, rested, slept, pp, boosts, seen,
 *   recharge}}}}; a Pokémon without a state (other than the lead and the active one) has not been seen
 */
function compose(battle, composition) {
  const {turn, sides} = composition;
  check(battle.requestState === 'move', 'a composed position needs a format without team preview');
  // Whatever is told happens in the turn before; it is no part of a turn's course.
  battle.turn = turn - 1;
  battle.add('turn', battle.turn);
  battle.sides.forEach((side, player) => {
    const description = sides[player];
    for (const [name, state] of Object.entries(description.states)) {
      member(side, name);
      checkState(name, state);
    }
    const seen = revealed(side, description);
    for (const name of seen) bring(battle, member(side, name), description.states[name] || {});
    check(side.active[0].hp > 0, `${side.active[0].name} of ${side.name} is to be on the field and has fainted`);
  });
  battle.sides.forEach((side, player) => {
    const {active, states} = sides[player];
    if (states[active] && states[active].recharge) recharge(battle, member(side, active), states[active].recharge);
  });
  battle.queue.clear();
  battle.clearActiveMove();
  battle.endTurn();
  battle.queue.clear();
  check(!battle.ended, 'the battle has ended');
}

/**
 * Draw the counters that neither player can know, given what both have seen: in generation 1, after how many of the
 * one to seven turns a sleeper wakes, of which it has slept `slept`.
 */
function drawHidden(battle, composition) {
  battle.sides.forEach((side, player) => {
    for (const [name, state] of Object.entries(composition.sides[player].states)) {
      if (state.status !== SLEEP || battle.gen !== 1) continue;
      const {statusState} = member(side, name);
      const slept = state.slept || 0;
      check(slept < (state.rested ? 2 : LONGEST_SLEEP), `${name} cannot still be asleep after ${slept} turns`);
      const last = state.rested ? 2 : battle.prng.random(slept + 1, LONGEST_SLEEP + 1);
      statusState.startTime = last;
      statusState.time = last - slept;
    }
  });
}

module.exports = {compose, drawHidden, LONGEST_SLEEP};
