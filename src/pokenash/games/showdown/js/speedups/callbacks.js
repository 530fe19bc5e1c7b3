'use strict';
// Which callbacks the effects that have come into play in a battle define.
//
// The simulator asks every effect on the field for its handler of every event, by names composed on the spot
// (`onAllyBasePower`, ...); nearly always there is none. Every effect enters a battle through
// `Battle.initEffectState`, so a battle can keep the set of callbacks that any effect seen in it could answer to, and
// which effects those are. The set only grows: it may hold a callback that is no longer there, never miss one that is.

const ON = 1;
const ALLY = 2;
const ANY = 4;
const FOE = 8;
const SOURCE = 16;
const ALL = ON | ALLY | ANY | FOE | SOURCE;

/** Longest table of events that a battle may need; there are about 400 in the data of all generations. */
const MAX_EVENTS = 2048;

/** Events which are never asked for under a prefix. */
const WITHOUT_PREFIX = new Set(['BeforeTurn', 'Update', 'Weather', 'WeatherChange', 'TerrainChange']);

const PREFIXES = [['Ally', ALLY], ['Any', ANY], ['Foe', FOE], ['Source', SOURCE]];

/** Mods whose own scripts put effects into play in no other way; other mods run with every callback assumed. */
const KNOWN_MODS = new Set([
  'base', 'gen9', 'gen8', 'gen7', 'gen6', 'gen5', 'gen4', 'gen3', 'gen2', 'gen1', 'gen1stadium', 'gen1jpn', 'gen2stadium2', 'gen3rs',
  'gen3frlg', 'gen3colosseum', 'gen4pt', 'gen5bw1', 'gen6xy', 'gen7sm', 'gen7letsgo', 'gen8bdsp', 'gen8dlc1',
  'gen9dlc1', 'gen9predlc',
]);

const OVERRIDES = ['battle', 'pokemon', 'side', 'field', 'actions', 'queue'];

/** Key of a battle's table; a symbol, so that saving a battle as JSON does not see it. */
const IN_PLAY = Symbol('callbacks in play');
const ANSWERING = Symbol('effects by plain callback');
const SEEN = Symbol('effects seen');

/** Of more effects than this, a holder's own few are asked instead. */
const MANY = 6;
const NOBODY = Object.freeze([]);

const events = new Map();
const callbacks = new Map();

/** The names of an event's callbacks and its place in the tables. */
function eventOf(name) {
  let event = events.get(name);
  if (event === undefined) {
    event = {
      index: events.size,
      prefixed: !WITHOUT_PREFIX.has(name),
      on: `on${name}`, ally: `onAlly${name}`, any: `onAny${name}`, foe: `onFoe${name}`, source: `onSource${name}`,
    };
    if (event.index >= MAX_EVENTS) throw new Error(`more than ${MAX_EVENTS} kinds of events; the last is ${name}`);
    events.set(name, event);
  }
  return event;
}

/** The event whose plain callback has this name. */
function eventOfCallback(callbackName) {
  let event = callbacks.get(callbackName);
  if (event === undefined) {
    event = eventOf(callbackName.slice(2));
    callbacks.set(callbackName, event);
  }
  return event;
}

/** Append `[index, bit]` pairs for every callback that an effect defines. */
function collect(effect, pairs) {
  if (!effect) return;
  for (const key in effect) {
    if (!key.startsWith('on') || effect[key] === undefined) continue;
    const name = key.slice(2);
    pairs.push([eventOf(name).index, ON]);
    for (const [prefix, bit] of PREFIXES) {
      if (name.startsWith(prefix)) pairs.push([eventOf(name.slice(prefix.length)).index, bit]);
    }
    // From gen 5 an ability or item starts in the SwitchIn event.
    if (key === 'onStart') pairs.push([eventOf('SwitchIn').index, ON]);
  }
}

const pairsOfDex = new WeakMap();

/** The callbacks of whatever an id may stand for: a condition, an ability, an item or a species. */
function pairsOf(dex, id) {
  let known = pairsOfDex.get(dex);
  if (known === undefined) pairsOfDex.set(dex, (known = new Map()));
  let pairs = known.get(id);
  if (pairs === undefined) {
    pairs = [];
    for (const kind of [dex.conditions, dex.abilities, dex.items, dex.species]) collect(kind.getByID(id), pairs);
    known.set(id, pairs);
  }
  return pairs;
}

function trusted(battle) {
  if (battle.deserialized || !KNOWN_MODS.has(battle.dex.currentMod)) return false;
  return OVERRIDES.every((name) => !battle.format[name]);
}

/** Begin the table of a battle. */
function begin(battle) {
  const table = new Uint8Array(MAX_EVENTS);
  const seen = new Set(['']);
  battle[IN_PLAY] = table;
  battle[SEEN] = seen;
  battle[ANSWERING] = null;
  if (trusted(battle)) battle[ANSWERING] = [];
  else table.fill(ALL);
  const pairs = [];
  collect(battle.format, pairs);
  for (const [index, bit] of pairs) table[index] |= bit;
}

/** An effect comes into play. */
function enter(battle, id) {
  if (battle[IN_PLAY] === undefined) begin(battle);
  const seen = battle[SEEN];
  if (seen.has(id)) return;
  seen.add(id);
  const table = battle[IN_PLAY];
  const answering = battle[ANSWERING];
  for (const [index, bit] of pairsOf(battle.dex, id)) {
    table[index] |= bit;
    if (answering === null || bit !== ON) continue;
    if (answering[index] === undefined) answering[index] = [id];
    else if (!answering[index].includes(id)) answering[index].push(id);
  }
  // Gen 2 turns bad poison into poison by a plain assignment.
  if (id === 'tox') enter(battle, 'psn');
}

/** The few effects in play with a plain callback for an event; null if they are many, or not known. */
function answering(battle, index) {
  const lists = battle[ANSWERING];
  if (lists === null) return null;
  const ids = lists[index];
  if (ids === undefined) return NOBODY;
  return ids.length <= MANY ? ids : null;
}

module.exports = {
  ON, ALLY, ANY, FOE, SOURCE, IN_PLAY, KNOWN_MODS, answering, eventOf, eventOfCallback, enter,
};
