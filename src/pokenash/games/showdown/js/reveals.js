'use strict';
/** What messages give away about moves, abilities and items of the Pokémon that they are about. */
const {effect} = require('./knowledge.js');
const {attribute} = require('./attributes.js');

/** The slot of a move that the Pokémon knows, -1 if it is not known to know it. */
function slotOf(tracker, mon, move) {
  const {selected} = tracker.known;
  for (let i = 0; i < 4; i++) {
    const id = mon.moves[i];
    if (id !== 0 && selected[id] === move.selected) return i;
  }
  return -1;
}

/** It knows the move, and used up `cost` PP of it. Own moves and their PP are told by requests too. */
function learnMove(tracker, mon, move, cost) {
  let slot = slotOf(tracker, mon, move);
  if (slot < 0) {
    if (mon.own) return;
    slot = mon.moves.indexOf(0);
    // A fifth move can only come of an unseen change (an Illusion, Mimic): the first four stand.
    if (slot < 0) return;
    mon.moves[slot] = move.id;
    mon.maxpp[slot] = move.pp;
    mon.pp[slot] = move.pp;
  }
  mon.pp[slot] = Math.max(0, mon.pp[slot] - cost);
}

/** It holds the item now. */
function learnItem(tracker, mon, name) {
  mon.item = tracker.known.lookup.items(name);
  mon.itemKnown = true;
}

/** It had the item and has none now. */
function loseItem(tracker, mon, name) {
  mon.lastItem = tracker.known.lookup.items(name);
  mon.item = 0;
  mon.itemKnown = true;
}

/** Its ability showed. Unless another one was known before, it is the one that it came with. */
function learnAbility(tracker, mon, name) {
  let id = tracker.known.lookup.abilities(name);
  // As One is two abilities under one name, and its parts show themselves.
  if (mon.species !== null && mon.species.base === 'calyrex' && mon.species.ability > 1) id = mon.species.ability;
  if (id === 1) return;
  if (mon.innate === 0 && mon.ability === 0) mon.innate = id;
  mon.ability = id;
}

/** Its ability is changed until it leaves the field. */
function changeAbility(tracker, mon, name) {
  mon.ability = tracker.known.lookup.abilities(name);
}

/**
 * Abilities and items in `[from]`. They belong to the Pokémon that the message is about, or, where `ofFirst`, to the
 * one named after `[of]` if there is one.
 */
function learnFrom(tracker, parts, mon, ofFirst = false) {
  if (parts.length < 4) return;
  const text = attribute(parts, 3, 'from');
  if (text === null) return;
  const from = effect(text);
  if (from.kind !== 'ability' && from.kind !== 'item') return;
  const of = ofFirst ? attribute(parts, 3, 'of') : null;
  const holder = of === null ? mon : tracker.mon(of);
  learnEffect(tracker, holder, from);
}

/** An ability or item of the Pokémon, named as an effect. */
function learnEffect(tracker, mon, source) {
  if (mon.own) return;
  if (source.kind === 'ability') {
    learnAbility(tracker, mon, source.name);
  } else if (source.kind === 'item') {
    // The effect of a berry that has just been eaten does not bring it back.
    if (!mon.itemKnown || mon.item !== 0 || mon.lastItem !== tracker.known.lookup.items(source.name)) {
      learnItem(tracker, mon, source.name);
    }
  }
}

module.exports = {changeAbility, learnAbility, learnEffect, learnFrom, learnItem, learnMove, loseItem, slotOf};
