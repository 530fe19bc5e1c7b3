'use strict';
/**
 * Static tables of a format's generation, for Python: `node tables.js`, {"format": "gen1ou"} on standard input,
 * one JSON object on standard output. Rows of every table follow the ids of the vocabulary, which the
 * observation uses too; rows 0 (none) and 1 (unknown) are neutral.
 */
const fs = require('fs');
const {Dex} = require('pokemon-showdown');
const {buildVocab} = require('./vocab.js');

const STATS = ['hp', 'atk', 'def', 'spa', 'spd', 'spe'];
const BOOSTS = ['atk', 'def', 'spa', 'spd', 'spe', 'accuracy', 'evasion'];
const CATEGORIES = {Physical: 0, Special: 1, Status: 2};
const VOLATILES = ['', 'other', 'confusion', 'leechseed', 'substitute', 'reflect', 'lightscreen', 'mist', 'focusenergy',
  'partiallytrapped', 'taunt', 'encore', 'disable', 'torment', 'attract', 'curse', 'nightmare', 'protect', 'yawn',
  'ingrain', 'aquaring', 'destinybond', 'mustrecharge', 'lockedmove', 'bide', 'rage'];
const SIDE_CONDITIONS = ['', 'other', 'reflect', 'lightscreen', 'auroraveil', 'tailwind', 'safeguard', 'mist',
  'luckychant', 'spikes', 'toxicspikes', 'stealthrock', 'stickyweb'];
const PSEUDO_WEATHERS = ['', 'other', 'trickroom', 'gravity', 'magicroom', 'wonderroom'];
const TARGETS = ['', 'other', 'self', 'normal', 'any', 'foeSide', 'allySide', 'all', 'scripted', 'randomNormal',
  'allAdjacentFoes', 'allAdjacent'];
const DAMAGE_KINDS = ['', 'constant', 'level', 'half', 'random'];
/** Moves whose damage is computed by a callback that is not a base power. */
const HALVING = new Set(['superfang', 'naturesmadness', 'ruination']);
/** Recovery that old generations and weather moves write as code, not as a fraction. */
const HEALING = {recover: 0.5, softboiled: 0.5, rest: 1, milkdrink: 0.5, moonlight: 0.5, morningsun: 0.5,
  synthesis: 0.5, shoreup: 0.5, swallow: 0.5, strengthsap: 0.5};

const toID = (text) => ('' + text).toLowerCase().replace(/[^a-z0-9]+/g, '');

/** Index of a name in a list; `missing` where it is not there. */
function indexer(names) {
  const index = new Map(names.map((name, i) => [toID(name), i]));
  return (name, missing = 1) => {
    if (!name) return 0;
    const i = index.get(toID(name));
    return i === undefined ? missing : i;
  };
}

/** The effects that a move may have on its target or its user, certain ones first. */
function effects(move) {
  const self = ['self', 'allies', 'allySide', 'adjacentAlly', 'adjacentAllyOrSelf'].includes(move.target);
  const found = [];
  const add = (effect, chance, onSelf) => {
    if (effect) found.push({...effect, chance, onSelf});
  };
  add({boosts: move.boosts, status: move.status, volatileStatus: move.volatileStatus}, 1, self);
  add(move.self, move.self && move.self.chance ? move.self.chance / 100 : 1, true);
  add(move.selfBoost, 1, true);
  for (const secondary of move.secondaries || []) {
    add(secondary, (secondary.chance || 100) / 100, false);
    add(secondary.self, (secondary.chance || 100) / 100, true);
  }
  return found;
}

/** Boosts given to one side by the first effect that has any: seven stages and the chance. */
function boostsOf(found, onSelf) {
  const effect = found.find((e) => e.onSelf === onSelf && e.boosts && Object.keys(e.boosts).length);
  return [BOOSTS.map((stat) => (effect ? effect.boosts[stat] || 0 : 0)), effect ? effect.chance : 0];
}

function damageOf(move) {
  if (move.damage === 'level') return ['level', 1];
  if (typeof move.damage === 'number') return ['constant', move.damage];
  if (HALVING.has(move.id)) return ['half', 0.5];
  return move.id === 'psywave' ? ['random', 0.75] : ['', 0];
}

function meanHits(move, gen) {
  if (!move.multihit) return 1;
  if (!Array.isArray(move.multihit)) return move.multihit;
  // 2 to 5 hits: 3/8 3/8 1/8 1/8, from generation 5 on 35% 35% 15% 15%.
  return gen < 5 ? 3 : 3.1;
}

/** The fewest times that a move hits. */
function fewestHits(move) {
  return Array.isArray(move.multihit) ? move.multihit[0] : move.multihit || 1;
}

/** What a move does besides damage: status, volatiles, boosts, with their chances. */
function secondaryRow(move, ids) {
  const found = effects(move);
  const status = found.find((e) => e.status && !e.onSelf);
  const volatile = found.find((e) => e.volatileStatus && e.volatileStatus !== 'flinch' && !e.onSelf);
  const own = found.find((e) => e.volatileStatus && e.onSelf);
  const flinch = found.find((e) => e.volatileStatus === 'flinch');
  const [selfBoosts, selfChance] = boostsOf(found, true);
  const [targetBoosts, targetChance] = boostsOf(found, false);
  return {
    status: status ? ids.status(status.status) : 0, status_chance: status ? status.chance : 0,
    volatile: volatile ? ids.volatile(volatile.volatileStatus) : 0, volatile_chance: volatile ? volatile.chance : 0,
    self_volatile: own ? ids.volatile(own.volatileStatus) : 0, flinch_chance: flinch ? flinch.chance : 0,
    self_boosts: selfBoosts, self_boost_chance: selfChance,
    target_boosts: targetBoosts, target_boost_chance: targetChance,
  };
}

/** How much damage a move does, to whom and at what price. */
function damageRow(move, gen, ids) {
  const [kind, value] = damageOf(move);
  const category = CATEGORIES[move.category];
  return {
    base_power: move.basePower || 0, accuracy: move.accuracy === true ? 1 : move.accuracy / 100,
    never_misses: move.accuracy === true, category, type: ids.type(move.type, 0), priority: move.priority || 0,
    pp: move.pp || 0, max_pp: move.noPPBoosts ? move.pp : Math.min(Math.floor(move.pp * 8 / 5), gen < 3 ? 61 : 64),
    target: ids.target(move.target), critical_ratio: move.willCrit ? 5 : move.critRatio || 1, ohko: !!move.ohko,
    damage_kind: DAMAGE_KINDS.indexOf(kind), damage_value: value, self_destruct: !!move.selfdestruct,
    recharge: !!move.flags.recharge, charge: !!move.flags.charge, hits: meanHits(move, gen),
    min_hits: fewestHits(move),
    drain: move.drain ? move.drain[0] / move.drain[1] : 0,
    recoil: move.recoil ? move.recoil[0] / move.recoil[1] : 0, crash: !!move.hasCrashDamage,
    contact: !!move.flags.contact, sound: !!move.flags.sound,
  };
}

function moveRow(move, gen, ids) {
  return {
    ...damageRow(move, gen, ids), ...secondaryRow(move, ids),
    heal: move.heal ? move.heal[0] / move.heal[1] : HEALING[move.id] || 0,
    side_condition: ids.side(move.sideCondition), weather: ids.weather(move.weather), terrain: ids.terrain(move.terrain),
    pseudo_weather: ids.pseudo(move.pseudoWeather), force_switch: !!move.forceSwitch, self_switch: !!move.selfSwitch,
    stalling: !!move.stallingMove, bypasses_substitute: !!move.flags.bypasssub || (!!move.flags.sound && gen >= 6),
  };
}

const NO_MOVE = {id: '', category: 'Status', accuracy: true, type: '', target: '', flags: {}, pp: 0};

/** Column by column: rows of equal keys to one object of arrays. */
function columns(rows) {
  return Object.fromEntries(Object.keys(rows[0]).map((key) => [key, rows.map((row) => row[key])]));
}

/** Effectiveness of attacking type (row) on defending type (column); 1 where the generation lacks either. */
function typeChart(dex, types) {
  const known = types.map((name) => {
    const type = dex.types.get(name);
    return type.exists && !type.isNonstandard ? type : null;
  });
  const factor = [1, 2, 0.5, 0];
  return known.map((attack) => known.map((defend) => (
    attack && defend ? factor[defend.damageTaken[attack.name] || 0] : 1)));
}

function tables(formatName) {
  const format = Dex.formats.get(formatName);
  if (!format.exists) return {error: `unknown format ${formatName}`};
  const dex = Dex.forFormat(format);
  const vocab = buildVocab(dex);
  const ids = {
    type: indexer(vocab.types), status: indexer(vocab.statuses), weather: indexer(vocab.weathers),
    terrain: indexer(vocab.terrains), volatile: indexer(VOLATILES), side: indexer(SIDE_CONDITIONS),
    pseudo: indexer(PSEUDO_WEATHERS), target: indexer(TARGETS),
  };
  const ability = indexer(vocab.abilities);
  const species = vocab.species.map((name, i) => {
    const found = i < 2 ? null : dex.species.get(name);
    return {
      abilities: ['0', '1', 'H'].map((slot) => (found && dex.gen >= 3 ? ability(found.abilities[slot]) : 0)),
      base_stats: STATS.map((stat) => (found ? found.baseStats[stat] : 0)),
      types: [0, 1].map((k) => (found ? ids.type(found.types[k]) : 0)), weight: found ? found.weightkg : 0,
    };
  });
  const moves = vocab.moves.map((name, i) => {
    const move = i < 2 ? NO_MOVE : dex.moves.get(name);
    return moveRow(move.exists || i < 2 ? move : NO_MOVE, dex.gen, ids);
  });
  return {
    format: format.id, generation: dex.gen, vocab, volatiles: VOLATILES, side_conditions: SIDE_CONDITIONS,
    pseudo_weathers: PSEUDO_WEATHERS, targets: TARGETS, damage_kinds: DAMAGE_KINDS,
    species: columns(species), moves: columns(moves), type_chart: typeChart(dex, vocab.types),
  };
}

module.exports = {tables};

if (require.main === module) {
  process.stdout.write(JSON.stringify(tables(JSON.parse(fs.readFileSync(0, 'utf8')).format)));
}
