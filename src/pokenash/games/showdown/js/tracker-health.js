'use strict';
/** Protocol messages about HP, status, stat stages, abilities and items. */
const {BOOSTS} = require('./state.js');
const {V, S} = require('./layout.js');
const {attribute, plainEffect} = require('./attributes.js');
const {changeAbility, learnAbility, learnEffect, learnFrom, learnItem, loseItem} = require('./reveals.js');

const STAGE = new Map(BOOSTS.map((name, i) => [name, i]));

function damage(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  if (parts.length > 4) {
    learnFrom(tracker, parts, mon, true);
    countToxic(tracker, parts, mon);
  }
  tracker.setCondition(mon, parts[3]);
}

function countToxic(tracker, parts, mon) {
  if (mon.status === tracker.known.lookup.statuses('tox') && attribute(parts, 4, 'from') === 'psn') mon.statusTurns++;
}

function heal(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  if (parts.length > 4) {
    const from = plainEffect(parts, 4);
    if (from !== null) {
      // With healing, `[of]` names who caused it; only Hospitality is the other's ability.
      learnFrom(tracker, parts, mon, from.id === 'hospitality');
      settle(tracker.side(parts[2]), from.id);
    }
  }
  const wasFainted = mon.fainted;
  tracker.setCondition(mon, parts[3]);
  if (wasFainted && !mon.fainted) mon.lastMove = 0;
}

/** Promised healing has come. */
function settle(side, id) {
  if (id === 'wish') side.wishTurn = -9;
  else if (id === 'healingwish' || id === 'lunardance') side.conditions[S.healing_wish] = 0;
}

function setHP(tracker, parts) {
  tracker.setCondition(tracker.mon(parts[2]), parts[3]);
}

function status(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  learnFrom(tracker, parts, mon, true);
  tracker.setStatus(mon, parts[3]);
  // Generation 1: who is put to sleep while recharging need not recharge any more.
  if (tracker.gen === 1 && parts[3] === 'slp') tracker.side(parts[2]).volatiles[V.must_recharge] = 0;
}

function cureStatus(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  learnFrom(tracker, parts, mon);
  if (!mon.fainted) tracker.setStatus(mon, '');
}

function cureTeam(tracker, parts) {
  for (const mon of tracker.side(parts[2]).mons) if (!mon.fainted) tracker.setStatus(mon, '');
}

function change(tracker, parts, sign) {
  const stage = STAGE.get(parts[3]);
  if (stage === undefined) return;
  const {boosts} = tracker.side(parts[2]);
  boosts[stage] = Math.max(-6, Math.min(6, boosts[stage] + sign * Number(parts[4])));
  if (parts.length > 5) learnFrom(tracker, parts, tracker.mon(parts[2]), true);
}

function setBoost(tracker, parts) {
  const stage = STAGE.get(parts[3]);
  const {boosts} = tracker.side(parts[2]);
  if (stage !== undefined) boosts[stage] = Math.max(-6, Math.min(6, Number(parts[4])));
}

/** Stages that the message names; all of them where it names none. */
function stagesIn(text) {
  const named = (text && text[0] !== '[' ? text.split(',') : []).map((name) => STAGE.get(name.trim()));
  const stages = named.filter((stage) => stage !== undefined);
  return stages.length ? stages : [...BOOSTS.keys()];
}

function swapBoost(tracker, parts) {
  const a = tracker.side(parts[2]).boosts;
  const b = tracker.side(parts[3]).boosts;
  for (const i of stagesIn(parts[4])) [a[i], b[i]] = [b[i], a[i]];
}

function copyBoost(tracker, parts) {
  const taken = tracker.side(parts[3]).boosts;
  for (const i of stagesIn(parts[4])) tracker.side(parts[2]).boosts[i] = taken[i];
}

const mapBoosts = (f) => (tracker, parts) => {
  const {boosts} = tracker.side(parts[2]);
  for (let i = 0; i < boosts.length; i++) boosts[i] = f(boosts[i]);
};

function clearAllBoosts(tracker) {
  tracker.own.boosts.fill(0);
  tracker.opponent.boosts.fill(0);
}

function ability(tracker, parts) {
  const mon = tracker.mon(parts[2]);
  const from = plainEffect(parts, 4);
  if (from === null) {
    learnAbility(tracker, mon, parts[3]);
    return;
  }
  if (attribute(parts, 4, 'fail') !== null) {
    learnAbility(tracker, mon, tracker.known.effect(parts[3]).name);
    return;
  }
  // It had another ability before: the one that copied (Trace), or the one that the message names.
  const had = from.kind === 'ability' ? from.name : parts[4] && parts[4][0] !== '[' ? parts[4] : '';
  if (had && !mon.own && mon.innate === 0 && mon.ability === 0) learnAbility(tracker, mon, had);
  const of = attribute(parts, 4, 'of');
  if (of !== null && from.id === 'trace') learnAbility(tracker, tracker.mon(of), parts[3]);
  changeAbility(tracker, mon, parts[3]);
}

function endAbility(tracker, parts) {
  const side = tracker.side(parts[2]);
  side.volatiles[V.gastro_acid] = 1;
}

function item(tracker, parts) {
  // Old generations' Frisk names no holder: it is the foe of whom it names.
  const of = attribute(parts, 4, 'of');
  const from = plainEffect(parts, 4);
  const frisk = from !== null && from.id === 'frisk';
  const holder = parts[2] ? tracker.mon(parts[2]) : frisk && of !== null ? tracker.side(of).foe.active : null;
  if (from !== null && from.kind === 'ability') {
    const owner = frisk ? (of === null ? null : tracker.mon(of)) : holder;
    if (owner !== null) learnEffect(tracker, owner, from);
  }
  if (holder === null) return;
  learnItem(tracker, holder, parts[3]);
  // Taken from the other (Thief, Magician) or given by it (Bestow): it is gone there.
  if (of !== null && !frisk && tracker.mon(of) !== holder) loseItem(tracker, tracker.mon(of), parts[3]);
}

function endItem(tracker, parts) {
  loseItem(tracker, tracker.mon(parts[2]), parts[3]);
}

function immune(tracker, parts) {
  learnFrom(tracker, parts, tracker.mon(parts[2]), true);
  if (tracker.gen === 1) tracker.side(parts[2]).volatiles[V.partially_trapped] = 0;
}

function block(tracker, parts) {
  const of = attribute(parts, 4, 'of');
  if (parts[3]) learnEffect(tracker, tracker.mon(of === null ? parts[2] : of), tracker.known.effect(parts[3]));
}

module.exports = {
  '-damage': damage,
  '-heal': heal,
  '-sethp': setHP,
  '-status': status,
  '-curestatus': cureStatus,
  '-cureteam': cureTeam,
  '-boost': (tracker, parts) => change(tracker, parts, 1),
  '-unboost': (tracker, parts) => change(tracker, parts, -1),
  '-setboost': setBoost,
  '-swapboost': swapBoost,
  '-copyboost': copyBoost,
  '-invertboost': mapBoosts((stage) => -stage),
  '-clearboost': mapBoosts(() => 0),
  '-clearpositiveboost': mapBoosts((stage) => Math.min(stage, 0)),
  '-clearnegativeboost': mapBoosts((stage) => Math.max(stage, 0)),
  '-clearallboost': clearAllBoosts,
  '-ability': ability,
  '-endability': endAbility,
  '-item': item,
  '-enditem': endItem,
  '-immune': immune,
  '-block': block,
};
