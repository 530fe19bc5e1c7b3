'use strict';
/** Protocol messages about the field, the two sides of it, and the passing of turns. */
const {F, S, V} = require('./layout.js');
const {learnFrom} = require('./reveals.js');

const TERRAINS = new Set(['electricterrain', 'grassyterrain', 'mistyterrain', 'psychicterrain']);

const PSEUDO_WEATHERS = new Map(Object.entries({
  trickroom: F.trick_room,
  gravity: F.gravity,
  magicroom: F.magic_room,
  wonderroom: F.wonder_room,
  mudsport: F.mud_sport,
  watersport: F.water_sport,
}));

const LASTING = new Map(Object.entries({
  reflect: S.reflect,
  lightscreen: S.light_screen,
  auroraveil: S.aurora_veil,
  tailwind: S.tailwind,
  safeguard: S.safeguard,
  mist: S.mist,
  luckychant: S.lucky_chant,
  firepledge: S.residual_damage,
  gmaxwildfire: S.residual_damage,
  gmaxvinelash: S.residual_damage,
  gmaxcannonade: S.residual_damage,
  gmaxvolcalith: S.residual_damage,
  grasspledge: S.swamp,
  waterpledge: S.rainbow,
}));

/** Hazards, and how many layers each may have. */
const LAYERS = new Map(Object.entries({
  spikes: [S.spikes, 3],
  toxicspikes: [S.toxic_spikes, 2],
  stealthrock: [S.stealth_rock, 1],
  stickyweb: [S.sticky_web, 1],
  gmaxsteelsurge: [S.steelsurge, 1],
}));

/** Conditions that Court Change leaves where they are: promises and what is used up. */
const PERSONAL = [S.healing_wish, S.mega_used, S.zmove_used, S.dynamax_used, S.terastallize_used];

/** What is set before the first turn lasts as if set in it. */
const now = (tracker) => Math.max(1, tracker.turn);

function weather(tracker, parts) {
  if (parts[3] === '[upkeep]') return;
  const id = parts[2] === 'none' ? 0 : tracker.known.lookup.weathers(parts[2]);
  tracker.weather = id;
  tracker.weatherSince = now(tracker);
  if (parts.length > 3) learnFrom(tracker, parts, tracker.nobody, true);
}

function fieldStart(tracker, parts) {
  const effect = tracker.known.effect(parts[2]);
  if (TERRAINS.has(effect.id)) {
    tracker.terrain = tracker.known.lookup.terrains(effect.name);
    tracker.terrainSince = now(tracker);
  } else {
    const place = PSEUDO_WEATHERS.get(effect.id);
    if (place !== undefined) tracker.pseudoWeathers[place] = now(tracker);
  }
  if (parts.length > 3) learnFrom(tracker, parts, tracker.nobody, true);
}

function fieldEnd(tracker, parts) {
  const {id} = tracker.known.effect(parts[2]);
  if (TERRAINS.has(id)) tracker.terrain = 0;
  const place = PSEUDO_WEATHERS.get(id);
  if (place !== undefined) tracker.pseudoWeathers[place] = 0;
}

function sideStart(tracker, parts) {
  const {conditions} = tracker.side(parts[2]);
  const {id} = tracker.known.effect(parts[3]);
  const place = LASTING.get(id);
  if (place !== undefined) conditions[place] = now(tracker);
  const layers = LAYERS.get(id);
  if (layers !== undefined) conditions[layers[0]] = Math.min(layers[1], conditions[layers[0]] + 1);
}

function sideEnd(tracker, parts) {
  const {conditions} = tracker.side(parts[2]);
  const {id} = tracker.known.effect(parts[3]);
  const place = LASTING.get(id);
  if (place !== undefined) conditions[place] = 0;
  const layers = LAYERS.get(id);
  if (layers !== undefined) conditions[layers[0]] = 0;
}

function swapSides(tracker) {
  const {own, opponent} = tracker;
  [own.conditions, opponent.conditions] = [opponent.conditions, own.conditions];
  for (const i of PERSONAL) {
    [own.conditions[i], opponent.conditions[i]] = [opponent.conditions[i], own.conditions[i]];
  }
}

function turn(tracker, parts) {
  tracker.turn = Number(parts[2]) || 0;
  for (const side of [tracker.own, tracker.opponent]) {
    if (side.dynamaxTurns > 0) {
      side.dynamaxTurns--;
      side.volatiles[V.dynamax] = side.dynamaxTurns / 3;
    }
  }
}

module.exports = {
  '-weather': weather,
  '-fieldstart': fieldStart,
  '-fieldend': fieldEnd,
  '-sidestart': sideStart,
  '-sideend': sideEnd,
  '-swapsideconditions': swapSides,
  turn,
};
