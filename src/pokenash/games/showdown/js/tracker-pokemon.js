'use strict';
/** Protocol messages about who is on the field and in which shape. */
const {Mon, TEAM} = require('./state.js');
const {V, S} = require('./layout.js');
const {learnFrom, learnItem, learnMove} = require('./reveals.js');
const {plainEffect} = require('./attributes.js');

const PASSING = new Set(['batonpass', 'shedtail']);

/** The opponent's Pokémon that a switch message names; met now if it was not before. */
function meet(tracker, side, name, details) {
  const {base} = details.species;
  const named = side.byName.get(name);
  if (named && (named.species === null || named.species.base === base)) return named;
  // On a real server two may share a nickname. From a team preview the species is known, but not the nickname.
  const candidates = side.mons.filter((mon) => mon.name === name || mon.name === '');
  const mon = candidates.find((m) => m.species === details.species) || candidates.find((m) => m.species.base === base);
  if (mon) {
    mon.name = name;
    side.byName.set(name, mon);
    return mon;
  }
  return side.mons.length < TEAM ? side.add(new Mon(name)) : tracker.nobody;
}

function ownNamed(tracker, side, name) {
  const known = side.byName.get(name);
  if (known) return known;
  return side.mons.length === 0 ? side.expect(name) : tracker.nobody;
}

function describe(tracker, mon, details) {
  mon.lasting = details.species;
  mon.level = details.level;
  mon.gender = details.gender;
  if (details.tera) {
    mon.tera = details.tera;
    mon.terastallized = true;
  }
  tracker.setSpecies(mon, details.species);
}

/** The active Pokémon leaves the field, or faints: what does not last is undone. */
function leave(tracker, side) {
  const mon = side.active;
  if (mon === null) return;
  mon.restoreMoves(tracker.gen);
  mon.transformed = 0;
  mon.ability = mon.innate;
  mon.lastMove = 0;
  if (mon.lasting) tracker.setSpecies(mon, mon.lasting);
  if (!mon.fainted && mon.status === tracker.known.lookup.statuses('tox')) {
    mon.statusTurns = 0;
  }
}

/** What the other side's active Pokémon suffers only while this side's stays. */
function releaseFoe(side) {
  const foe = side.foe;
  foe.volatiles[V.trapped] = 0;
  foe.volatiles[V.partially_trapped] = 0;
  foe.volatiles[V.lock_on] = 0;
}

function switchIn(tracker, parts) {
  const side = tracker.side(parts[2]);
  const details = tracker.known.details(parts[3]);
  const from = plainEffect(parts, 5);
  const volatiles = from !== null && PASSING.has(from.id) ? passOn(tracker, side, from.id) : null;
  leave(tracker, side);
  side.clearField();
  if (volatiles === null) releaseFoe(side);
  const name = parts[2].slice(5);
  const mon = side.own ? ownNamed(tracker, side, name) : meet(tracker, side, name, details);
  if (!side.own && tracker.gen >= 5) side.before = mon.species === null ? null : mon.copy();
  side.used.length = 0;
  side.active = mon;
  side.since = tracker.turn;
  mon.revealed = true;
  if (!side.own || mon.species === null) describe(tracker, mon, details);
  tracker.setCondition(mon, parts[4]);
  if (tracker.gen === 5) mon.statusTurns = 0;
  if (volatiles !== null) {
    side.boosts.set(volatiles.boosts);
    side.volatiles.set(volatiles.flags);
  }
  if (tracker.gen < 8) side.conditions[S.healing_wish] = 0;
}

/** What Baton Pass hands on: boosts and those volatiles that can be; Shed Tail only the substitute. */
function passOn(tracker, side, id) {
  const flags = new Float32Array(side.volatiles.length);
  const boosts = new Int8Array(side.boosts.length);
  if (id === 'shedtail') {
    flags[V.substitute] = side.volatiles[V.substitute];
    return {boosts, flags};
  }
  boosts.set(side.boosts);
  for (let i = 0; i < flags.length; i++) flags[i] = side.volatiles[i] * tracker.known.passed[i];
  return {boosts, flags};
}

/**
 * An Illusion ends: everything since the switch was not the Pokémon that it looked like. That one is put back to what
 * was known of it, and the newly revealed one takes over what happened.
 */
function replace(tracker, parts) {
  const side = tracker.side(parts[2]);
  const details = tracker.known.details(parts[3]);
  const name = parts[2].slice(5);
  if (side.own) {
    side.active = side.byName.get(name) || side.active;
    return;
  }
  const seen = side.active;
  const mon = meet(tracker, side, name, details);
  if (seen !== null && seen !== mon) {
    takeOver(tracker, mon, seen, side);
    restore(side, seen);
  }
  describe(tracker, mon, details);
  mon.revealed = true;
  side.active = mon;
}

function takeOver(tracker, mon, seen, side) {
  mon.hp = seen.hp;
  mon.status = seen.status;
  mon.statusTurns = seen.statusTurns;
  mon.fainted = seen.fainted;
  mon.lastMove = seen.lastMove;
  mon.terastallized = seen.terastallized && !(side.before && side.before.terastallized);
  if (mon.terastallized) mon.tera = seen.tera;
  const before = side.before;
  if (!before || before.item !== seen.item || before.itemKnown !== seen.itemKnown) {
    mon.item = seen.item;
    mon.itemKnown = seen.itemKnown;
    mon.lastItem = seen.lastItem;
  }
  mon.ability = mon.innate = tracker.known.lookup.abilities('Illusion');
  for (const use of side.used) learnMove(tracker, mon, use.move, use.cost);
}

/** Put the Pokémon that an Illusion imitated back to what was known before. */
function restore(side, seen) {
  if (side.before !== null) {
    Object.assign(seen, side.before);
    side.before = null;
    return;
  }
  // Its name and kind are true all the same: an Illusion shows a member of the team.
  const {name, species, lasting, level, gender, type1, type2} = seen;
  Object.assign(seen, new Mon(name), {species, lasting, level, gender, type1, type2});
}

function changeDetails(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  const details = tracker.known.details(parts[3]);
  if (mon === tracker.nobody) return;
  mon.lasting = details.species;
  mon.details = '';
  // A Mega Evolution or other lasting forme brings its own ability.
  if (!mon.fainted && tracker.gen >= 3) mon.ability = mon.innate = details.species.ability;
  tracker.setSpecies(mon, details.species);
  if (parts[4] && parts[4][0] !== '[') tracker.setCondition(mon, parts[4]);
  learnFrom(tracker, parts, mon);
}

function changeForme(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  if (mon === tracker.nobody) return;
  tracker.setSpecies(mon, tracker.known.species(parts[3]));
  learnFrom(tracker, parts, mon);
}

function transform(tracker, parts) {
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  const model = tracker.mon(parts[3]);
  const modelSide = tracker.side(parts[3]);
  learnFrom(tracker, parts, mon);
  side.volatiles[V.transform] = 1;
  mon.transformed = model.transformed || (model.species ? model.species.id : 1);
  mon.type1 = model.type1;
  mon.type2 = model.type2;
  mon.type3 = model.type3;
  side.boosts.set(modelSide.boosts);
  mon.keepMoves(-1);
  for (let i = 0; i < 4; i++) {
    const id = model.moves[i];
    mon.moves[i] = id;
    // Five PP each; until generation 5 out of what the move has without PP Ups.
    const most = id === 0 ? 0 : tracker.known.basePP[id];
    mon.maxpp[i] = tracker.gen >= 5 ? Math.min(5, most) : most;
    mon.pp[i] = Math.min(5, most);
  }
  mon.ability = model.ability;
}

function evolve(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  mon.mega = true;
  const stone = parts[4] || (parts[1] === '-primal' ? parts[3] : '');
  if (stone) learnItem(tracker, mon, stone);
  if (parts[1] !== '-primal') tracker.side(parts[2]).conditions[S.mega_used] = 1;
}

function terastallize(tracker, parts) {
  const side = tracker.side(parts[2]);
  const mon = tracker.mon(parts[2]);
  mon.tera = tracker.known.lookup.types(parts[3]);
  mon.terastallized = true;
  side.volatiles[V.type_change] = 0;
  side.conditions[S.terastallize_used] = 1;
  if (mon.species) tracker.resetTypes(mon);
}

function faint(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  const side = tracker.side(parts[2]);
  mon.hp = 0;
  mon.fainted = true;
  mon.condition = '';
  tracker.setStatus(mon, 'fnt');
  if (side.active === mon) {
    leave(tracker, side);
    side.clearField();
    releaseFoe(side);
  }
}

function preview(tracker, parts) {
  const side = tracker.side(parts[2]);
  if (side.own || side.mons.length >= TEAM) return;
  describe(tracker, side.add(new Mon()), tracker.known.details(parts[3]));
  side.size = side.mons.length;
}

/** The end of the preview; formats that bring only some of the team say how many. */
function previewed(tracker, parts) {
  tracker.opponent.size = Math.min(tracker.opponent.size, clampSize(parts[2]));
}

/** The observation has room for six a side. */
function clampSize(text) {
  const size = Number(text);
  return size >= 1 && size <= TEAM ? Math.floor(size) : TEAM;
}

function teamSize(tracker, parts) {
  tracker.side(parts[2]).size = clampSize(parts[3]);
}

module.exports = {
  'switch': switchIn,
  'drag': switchIn,
  replace,
  'detailschange': changeDetails,
  '-formechange': changeForme,
  '-transform': transform,
  '-mega': evolve,
  '-primal': evolve,
  '-burst': evolve,
  '-terastallize': terastallize,
  faint,
  'poke': preview,
  'teampreview': previewed,
  'teamsize': teamSize,
};
