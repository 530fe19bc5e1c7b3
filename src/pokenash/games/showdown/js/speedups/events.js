'use strict';
// The event system, which is most of a battle's time, without asking for callbacks that no effect in play has.

const { ON, ALLY, ANY, FOE, SOURCE, IN_PLAY, answering, eventOf, eventOfCallback, enter } = require('./callbacks');

const REPLACED = [
  'initEffectState', 'runEvent', 'singleEvent', 'findEventHandlers', 'findPokemonEventHandlers',
  'findFieldEventHandlers', 'findSideEventHandlers', 'findBattleEventHandlers',
];

/** The simulator joins the lists that it is given to others and never changes them. */
const NONE = Object.freeze([]);

function append(handlers, found) {
  for (let i = 0; i < found.length; i++) handlers.push(found[i]);
}

/** What `runEvent` gives when no handler answers. */
function unanswered(battle, target, relayVar) {
  if (Array.isArray(target)) return Array.isArray(relayVar) ? relayVar : target.map(() => true);
  if (relayVar === undefined || relayVar === null) return true;
  if (typeof relayVar === 'number' && relayVar === Math.abs(Math.floor(relayVar))) return battle.modify(relayVar, 1);
  return relayVar;
}

/** Handlers of an event that happens to a Pokémon, of its own and of the other active ones. */
function gatherFromActive(battle, handlers, target, event, inPlay) {
  if (inPlay & ON) append(handlers, battle.findPokemonEventHandlers(target, event.on));
  if (!event.prefixed) return;
  if (inPlay & (ALLY | ANY)) {
    for (const active of target.alliesAndSelf()) {
      if (inPlay & ALLY) append(handlers, battle.findPokemonEventHandlers(active, event.ally));
      if (inPlay & ANY) append(handlers, battle.findPokemonEventHandlers(active, event.any));
    }
  }
  if (inPlay & (FOE | ANY)) {
    for (const active of target.foes()) {
      if (inPlay & FOE) append(handlers, battle.findPokemonEventHandlers(active, event.foe));
      if (inPlay & ANY) append(handlers, battle.findPokemonEventHandlers(active, event.any));
    }
  }
}

/** Handlers of the sides' conditions, and of everybody active where the event happens to a whole side. */
function gatherFromSides(battle, handlers, target, event, wholeSide) {
  for (const side of battle.sides) {
    const own = side === target || side === target.allySide;
    if (wholeSide) {
      for (const active of side.active) {
        if (own) append(handlers, battle.findPokemonEventHandlers(active, event.on));
        else if (event.prefixed) append(handlers, battle.findPokemonEventHandlers(active, event.foe));
        if (event.prefixed) append(handlers, battle.findPokemonEventHandlers(active, event.any));
      }
    }
    // Two players of one team share their conditions, which count once.
    if (side.n >= 2 && side.allySide) continue;
    if (own) append(handlers, battle.findSideEventHandlers(side, event.on));
    else if (event.prefixed) append(handlers, battle.findSideEventHandlers(side, event.foe));
    if (event.prefixed) append(handlers, battle.findSideEventHandlers(side, event.any));
  }
}

/** Whether a Pokémon has any of some effects. */
function pokemonHas(pokemon, ids) {
  const slot = pokemon.side.slotConditions[pokemon.position];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (
      pokemon.volatiles[id] !== undefined || pokemon.status === id || pokemon.ability === id || pokemon.item === id ||
      pokemon.baseSpecies.id === id || (slot !== undefined && slot[id] !== undefined)
    ) return true;
  }
  return false;
}

/** Whether some effects are up on the whole field. */
function fieldHas(field, ids) {
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (field.pseudoWeather[id] !== undefined || field.weather === id || field.terrain === id) return true;
  }
  return false;
}

/** Whether some effects are up on a side. */
function sideHas(side, ids) {
  for (let i = 0; i < ids.length; i++) if (side.sideConditions[ids[i]] !== undefined) return true;
  return false;
}

const FINDERS = [
  ['findPokemonEventHandlers', pokemonHas], ['findFieldEventHandlers', fieldHas], ['findSideEventHandlers', sideHas],
];

function install(sim) {
  const { Battle, Pokemon, Side } = sim;
  const { prototype } = Battle;
  const original = Object.fromEntries(REPLACED.map((name) => [name, prototype[name]]));

  prototype.initEffectState = function initEffectState(state, effectOrder) {
    if (state.id) enter(this, state.id);
    return original.initEffectState.call(this, state, effectOrder);
  };

  prototype.runEvent = function runEvent(eventid, target, source, sourceEffect, relayVar, onEffect, fastExit) {
    // Custom handlers, a move as its own handler and the report of a runaway recursion are left to the simulator.
    if (this[IN_PLAY][eventOf(eventid).index] === 0 && !onEffect && this.events === null && this.eventDepth < 8) {
      return unanswered(this, target, relayVar);
    }
    return original.runEvent.call(this, eventid, target, source, sourceEffect, relayVar, onEffect, fastExit);
  };

  prototype.singleEvent = function singleEvent(
    eventid, effect, state, target, source, sourceEffect, relayVar, customCallback
  ) {
    // In debug mode even what is not answered may be logged.
    if (
      !customCallback && effect[eventOf(eventid).on] === undefined && !this.debugMode && this.eventDepth < 8 &&
      this.log.length - this.sentLogPos <= 1000
    ) {
      return relayVar === undefined ? true : relayVar;
    }
    return original.singleEvent.call(
      this, eventid, effect, state, target, source, sourceEffect, relayVar, customCallback
    );
  };

  prototype.findEventHandlers = function findEventHandlers(target, eventName, source) {
    if (Array.isArray(target)) return original.findEventHandlers.call(this, target, eventName, source);
    const handlers = [];
    const event = eventOf(eventName);
    const inPlay = this[IN_PLAY][event.index];
    if (inPlay === 0 && this.events === null) return handlers;
    const wholeSide = target instanceof Side;
    let side = wholeSide ? target : null;
    if (target instanceof Pokemon && (target.isActive || source?.isActive)) {
      gatherFromActive(this, handlers, target, event, inPlay);
      side = target.side;
    }
    if (source && event.prefixed && inPlay & SOURCE) {
      append(handlers, this.findPokemonEventHandlers(source, event.source));
    }
    if (side !== null) gatherFromSides(this, handlers, side, event, wholeSide);
    append(handlers, this.findFieldEventHandlers(this.field, event.on));
    append(handlers, this.findBattleEventHandlers(event.on));
    return handlers;
  };

  for (const [name, has] of FINDERS) {
    const find = original[name];
    prototype[name] = function (holder, callbackName, getKey, customHolder) {
      // With a key, effects that last a number of turns are found without having a callback.
      if (!getKey) {
        const { index } = eventOfCallback(callbackName);
        if (!(this[IN_PLAY][index] & ON)) return NONE;
        const ids = answering(this, index);
        if (ids !== null && !has(holder, ids)) return NONE;
      }
      return find.call(this, holder, callbackName, getKey, customHolder);
    };
  }

  prototype.findBattleEventHandlers = function findBattleEventHandlers(callbackName, getKey, customHolder) {
    if (!getKey && this.events === null && !(this[IN_PLAY][eventOfCallback(callbackName).index] & ON)) return NONE;
    return original.findBattleEventHandlers.call(this, callbackName, getKey, customHolder);
  };
}

module.exports = { install };
