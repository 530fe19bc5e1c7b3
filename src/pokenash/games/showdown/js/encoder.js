'use strict';
/** Writes what a tracker knows as one row of the observation; the columns are those of layout.json. */
const {SHAPES, SIZES, P, ID, M, G, GID, FIRST_VOLATILE, S, SIDE, PSEUDO_WEATHERS} = require('./layout.js');
const {FIRST_GIMMICK, FIRST_SWITCH, TEAM} = require('./actions.js');
const {plainMove} = require('./tracker.js');

const POKEMON_IDS = SHAPES.pokemon_ids[1];
const POKEMON = SHAPES.pokemon[1];
const MOVE = SHAPES.moves[1];

/** Number type of each block, as the constructors of typed arrays. */
const ARRAYS = {
  pokemon_ids: Int16Array,
  pokemon: Float32Array,
  move_ids: Int16Array,
  moves: Float32Array,
  global_ids: Int16Array,
  global: Float32Array,
};

/** By what a side's condition is divided; 0: it is the turn since which the condition is up. */
const DIVISOR = Uint8Array.from(SIDE, (name) =>
  ({spikes: 3, toxic_spikes: 2, stealth_rock: 1, sticky_web: 1, steelsurge: 1, healing_wish: 1, mega_used: 1,
    zmove_used: 1, dynamax_used: 1, terastallize_used: 1})[name] || 0);
const LONGEST = 8;

/** New arrays for `rows` rows: `{pokemon_ids, pokemon, ...}`. */
function allocate(rows) {
  return Object.fromEntries(Object.entries(ARRAYS).map(([name, type]) => [name, new type(rows * SIZES[name])]));
}

/** Turns that something has been up, the current one included, as a fraction of the longest. */
function turnsUp(since, turn) {
  if (since === 0) return 0;
  const turns = Math.max(1, turn - since + 1);
  return turns >= LONGEST ? 1 : turns / LONGEST;
}

function encodeMon(mon, ids, i, floats, f) {
  const species = mon.species;
  ids[i + ID.species] = species === null ? 0 : species.id;
  ids[i + ID.transform_species] = mon.transformed;
  ids[i + ID.ability] = mon.ability;
  ids[i + ID.item] = mon.item;
  ids[i + ID.last_item] = mon.lastItem;
  ids[i + ID.status] = mon.status;
  ids[i + ID.type_1] = mon.type1;
  ids[i + ID.type_2] = mon.type2;
  ids[i + ID.type_3] = mon.type3;
  ids[i + ID.tera_type] = mon.tera;
  ids[i + ID.last_move] = mon.lastMove;
  floats[f + P.known] = 1;
  floats[f + P.revealed] = mon.revealed ? 1 : 0;
  floats[f + P.fainted] = mon.fainted ? 1 : 0;
  floats[f + P.hp] = mon.hp;
  floats[f + P.level] = mon.level / 100;
  floats[f + P.gender] = mon.gender;
  floats[f + P.item_known] = mon.itemKnown ? 1 : 0;
  floats[f + P.status_turns] = mon.statusTurns >= 10 ? 1 : mon.statusTurns / 10;
  floats[f + P.terastallized] = mon.terastallized ? 1 : 0;
  floats[f + P.mega] = mon.mega ? 1 : 0;
  for (let k = 0; k < 4; k++) {
    ids[i + ID.move_1 + k] = mon.moves[k];
    if (mon.maxpp[k] > 0) floats[f + P.pp_1 + k] = mon.pp[k] / mon.maxpp[k];
  }
  const stats = mon.stats;
  if (stats !== null) {
    floats[f + P.stat_hp] = mon.maxhp / 100;
    floats[f + P.stat_atk] = stats.atk / 100;
    floats[f + P.stat_def] = stats.def / 100;
    floats[f + P.stat_spa] = stats.spa / 100;
    floats[f + P.stat_spd] = stats.spd / 100;
    floats[f + P.stat_spe] = stats.spe / 100;
  }
}

/** What only the Pokémon on the field has. */
function encodeActive(tracker, side, ids, i, floats, f) {
  floats[f + P.active] = 1;
  const turns = tracker.turn - side.since;
  floats[f + P.turns_active] = turns >= 10 ? 1 : turns / 10;
  for (let k = 0; k < 7; k++) floats[f + P.boost_atk + k] = side.boosts[k] / 6;
  floats.set(side.volatiles, f + FIRST_VOLATILE);
  ids[i + ID.disabled_move] = side.disabledMove;
  ids[i + ID.paradox_stat] = side.paradoxStat;
}

function encodeTeam(tracker, side, firstRow, bufs, row) {
  const mons = side.mons;
  const count = mons.length < TEAM ? mons.length : TEAM;
  for (let k = 0; k < count; k++) {
    const mon = mons[k];
    if (!mon.present) continue;
    const i = row * SIZES.pokemon_ids + (firstRow + k) * POKEMON_IDS;
    const f = row * SIZES.pokemon + (firstRow + k) * POKEMON;
    encodeMon(mon, bufs.pokemon_ids, i, bufs.pokemon, f);
    if (mon === side.active && !mon.fainted) encodeActive(tracker, side, bufs.pokemon_ids, i, bufs.pokemon, f);
  }
}

/** Pokémon picked so far at a team preview show as active. */
function encodePicks(tracker, bufs, row) {
  for (const slot of tracker.picks) bufs.pokemon[row * SIZES.pokemon + slot * POKEMON + P.active] = 1;
}

function encodeMoves(tracker, bufs, row) {
  const moves = tracker.asked.active[0].moves;
  const mon = tracker.own.active;
  const count = moves.length < 4 ? moves.length : 4;
  // The request calls every Hidden Power the same; the team's list, in the same order, knows its type.
  const aligned = mon !== null && moves[0].pp !== undefined && mon.moveNames.length === moves.length;
  const i = row * SIZES.move_ids;
  const f = row * SIZES.moves;
  for (let k = 0; k < count; k++) {
    const move = moves[k];
    bufs.move_ids[i + k] = aligned ? mon.moves[k] : tracker.known.move(plainMove(move.id)).id;
    const at = f + k * MOVE;
    bufs.moves[at + M.present] = 1;
    bufs.moves[at + M.enabled] = tracker.mask[k];
    if (move.maxpp > 0) bufs.moves[at + M.pp] = move.pp / move.maxpp;
    for (let g = 0; g < tracker.gimmicks.length; g++) {
      bufs.moves[at + M.gimmick_1 + g] = tracker.mask[FIRST_GIMMICK + 4 * g + k];
    }
  }
}

function encodeSide(tracker, side, values, at, first) {
  const mons = side.mons;
  let fainted = 0;
  for (let k = 0; k < mons.length; k++) if (mons[k].present && mons[k].fainted) fainted++;
  values[at + first] = (side.size - fainted) / TEAM;
  values[at + first + 1] = side.size / TEAM;
  const conditions = side.conditions;
  const turn = tracker.turn;
  for (let k = 0; k < conditions.length; k++) {
    const value = conditions[k];
    if (value === 0) continue;
    values[at + first + 2 + k] = DIVISOR[k] === 0 ? turnsUp(value, turn) : value / DIVISOR[k];
  }
  if (turn - side.wishTurn <= 1) values[at + first + 2 + S.wish] = 1;
  if (turn - side.futureTurn <= 2) values[at + first + 2 + S.future_sight] = 1;
}

function encodeGlobal(tracker, bufs, row) {
  const ids = bufs.global_ids;
  const i = row * SIZES.global_ids;
  ids[i + GID.request] = tracker.known.lookup.requests(tracker.kind);
  ids[i + GID.weather] = tracker.weather;
  ids[i + GID.terrain] = tracker.terrain;
  ids[i + GID.own_last_move] = tracker.own.lastMove;
  ids[i + GID.opponent_last_move] = tracker.opponent.lastMove;
  const values = bufs.global;
  const at = row * SIZES.global;
  const turn = tracker.turn;
  values[at + G.turn] = turn / 100;
  if (tracker.weather !== 0) values[at + G.weather_turns] = turnsUp(tracker.weatherSince, turn);
  if (tracker.terrain !== 0) values[at + G.terrain_turns] = turnsUp(tracker.terrainSince, turn);
  for (let k = 0; k < PSEUDO_WEATHERS.length; k++) {
    values[at + G.trick_room + k] = turnsUp(tracker.pseudoWeathers[k], turn);
  }
  if (tracker.kind === 'move') {
    const active = tracker.asked.active[0];
    values[at + G.trapped] = active.trapped ? 1 : 0;
    values[at + G.maybe_trapped] = active.maybeTrapped ? 1 : 0;
  }
  for (let k = 0; k < TEAM; k++) if (tracker.mask[FIRST_SWITCH + k] !== 0) values[at + G.can_switch] = 1;
  encodeSide(tracker, tracker.own, values, at, G.own_remaining);
  encodeSide(tracker, tracker.opponent, values, at, G.opponent_remaining);
}

const BLOCKS = Object.keys(ARRAYS);

/** Write the observation of the tracker's player to row `row` of `bufs` (as `allocate` makes them). */
function encode(tracker, bufs, row) {
  for (let k = 0; k < BLOCKS.length; k++) {
    const size = SIZES[BLOCKS[k]];
    bufs[BLOCKS[k]].fill(0, row * size, (row + 1) * size);
  }
  encodeTeam(tracker, tracker.own, 0, bufs, row);
  encodeTeam(tracker, tracker.opponent, TEAM, bufs, row);
  if (tracker.kind === 'move') encodeMoves(tracker, bufs, row);
  else if (tracker.kind === 'team_preview') encodePicks(tracker, bufs, row);
  encodeGlobal(tracker, bufs, row);
}

module.exports = {ARRAYS, allocate, encode, shapes: SHAPES, sizes: SIZES};
