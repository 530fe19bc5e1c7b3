'use strict';
/**
 * One-shot commands: one JSON object on standard input, one on standard output.
 *
 *   {command: "format", format}                     what kind of format it is
 *   {command: "validate", format, teams: [text]}    teams in any notation -> packed, or the validator's words
 *   {command: "export", format, teams: [packed]}    packed -> export text
 *   {command: "stats", format, team}                a packed team -> its members' stats
 *   {command: "random_teams", format, seeds}        one random team per seed
 *   {command: "simulate", record}                   a saved battle -> its log
 *   {command: "reach", format, source}              a position -> what the players were told, or why it cannot be reached
 *   {command: "endgame", format, source, options}   a position -> the game tree from there
 *   {command: "points", record}                     a saved battle -> its decision points
 */
const fs = require('fs');
const {Dex, Teams, TeamValidator, toID} = require('pokemon-showdown/dist/sim');
const {formatGimmicks} = require('./actions');

const STATS = ['hp', 'atk', 'def', 'spa', 'spd', 'spe'];

function describeFormat(id) {
  const format = Dex.formats.get(id);
  if (!format.exists || format.effectType !== 'Format') return {exists: false, id: toID(id)};
  return {
    exists: true,
    id: format.id,
    name: format.name,
    gen: Dex.forFormat(format).gen,
    game_type: format.gameType,
    random_teams: !!format.team,
    gimmicks: formatGimmicks(format, Dex.forFormat(format)),
  };
}

/** Six values from an object which may lack some; undefined if it holds none. */
function stats(given, fallback) {
  if (!given || typeof given !== 'object') return undefined;
  const out = {};
  let any = false;
  for (const stat of STATS) {
    const number = Number(given[stat]);
    const has = given[stat] !== undefined && given[stat] !== null && given[stat] !== '' && Number.isFinite(number);
    out[stat] = has ? number : fallback;
    any = any || has;
  }
  return any ? out : undefined;
}

/** An HP DV is not free in gens 1 and 2: -1 tells the validator to work it out of the others. */
function deriveHpDv(set, gen, hpWasGiven) {
  if (gen <= 2 && set.ivs && !hpWasGiven) set.ivs.hp = -1;
}

/**
 * Export text, one set per block. The simulator's own reader fills in 0 for EVs that are not mentioned at all; here they
 * stay open, so that the validator gives each format its default (full stat experience in gens 1 and 2).
 */
function readExport(text, gen) {
  const sets = [];
  let set = null;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line === '---') {
      set = null;
    } else if (line.startsWith('===')) {
      continue;
    } else if (!set) {
      set = {name: '', species: '', item: '', ability: '', gender: '', nature: '', level: 0, moves: []};
      sets.push(set);
      Teams.parseExportedTeamLine(line, true, set);
      if (!set.species) set.species = line;
    } else {
      Teams.parseExportedTeamLine(line, false, set);
      if (line.startsWith('IVs: ')) deriveHpDv(set, gen, /\bHP\b/i.test(line));
    }
  }
  for (const one of sets) if (!one.level) delete one.level;
  return sets;
}

function readJson(text, gen) {
  const given = JSON.parse(text);
  if (!Array.isArray(given)) throw new Error('expected a list of sets');
  return given.map(one => {
    if (!one || typeof one !== 'object' || Array.isArray(one)) throw new Error('a set is not an object');
    const set = {};
    for (const key of ['name', 'species', 'item', 'ability', 'gender', 'nature', 'pokeball', 'hpType', 'teraType']) {
      if (typeof one[key] === 'string') set[key] = one[key];
    }
    for (const key of ['level', 'happiness', 'dynamaxLevel']) {
      if (typeof one[key] === 'number') set[key] = one[key];
    }
    for (const key of ['shiny', 'gigantamax']) if (one[key]) set[key] = true;
    set.species = set.species || set.name || '';
    set.moves = Array.isArray(one.moves) ? one.moves.map(String) : [];
    set.evs = stats(one.evs, 0);
    set.ivs = stats(one.ivs, 31);
    deriveHpDv(set, gen, one.ivs && one.ivs.hp !== undefined);
    return set;
  });
}

function readTeam(text, gen) {
  const trimmed = text.trim();
  if (trimmed.startsWith('[') && trimmed.endsWith(']') && !trimmed.includes('|')) return readJson(trimmed, gen);
  if (trimmed.startsWith('[{')) return readJson(trimmed, gen);
  const lines = trimmed.split('\n');
  if (lines.length === 1 && trimmed.includes('|')) {
    const sets = Teams.unpack(trimmed);
    if (!sets) throw new Error('it looks like a packed team but does not unpack');
    return sets;
  }
  return readExport(trimmed, gen);
}

/**
 * Two Pokemon of one side must not share a name: requests and the protocol tell them apart by it. Control characters,
 * which other programs may take for ends of lines, are no part of a name.
 */
function settleNames(sets) {
  const used = new Set();
  for (const set of sets) {
    set.name = (set.name || '').replace(/\p{C}/gu, '');
    const given = Dex.getName(set.name) || Dex.species.get(set.species).baseSpecies;
    let name = given;
    for (let n = 2; used.has(name); n++) name = `${given.slice(0, 17 - String(n).length)} ${n}`;
    used.add(name);
    if (name !== given || set.name) set.name = name;
  }
}

/** Like Teams.pack, but EVs that are all 0 are written out: left open they would be read as "not given". */
function pack(sets) {
  return sets.map(set => {
    const fields = Teams.pack([set]).split('|');
    if (set.evs && STATS.every(stat => !set.evs[stat])) fields[6] = '0,0,0,0,0,0';
    return fields.join('|');
  }).join(']');
}

function validateTeam(text, validator, gen) {
  let sets;
  try {
    sets = readTeam(text, gen);
  } catch (error) {
    return {problems: [`The team cannot be read: ${error.message}`]};
  }
  if (!sets.length) return {problems: ['The team is empty.']};
  settleNames(sets);
  const problems = validator.validateTeam(sets);
  if (problems) return {problems};
  return {
    packed: pack(sets),
    members: sets.map(set => set.species),
    most_moves: Math.max(...sets.map(set => set.moves.length)),
  };
}

function validate({format, teams}) {
  const described = describeFormat(format);
  if (!described.exists || described.random_teams) return {format: described, teams: []};
  const validator = new TeamValidator(described.id);
  return {format: described, teams: teams.map(text => validateTeam(text, validator, described.gen))};
}

function randomTeams({format, seeds}) {
  const described = describeFormat(format);
  if (!described.random_teams) return {format: described, teams: []};
  return {format: described, teams: seeds.map(seed => pack(Teams.generate(described.id, {seed})))};
}

/** A battle from its record. `answered` says how many of the recorded actions were asked for. */
function simulate({record}) {
  const {buildVocab} = require('./vocab');
  const {Lane} = require('./lane');
  const {recordedSetup} = require('./positions');
  const described = describeFormat(record.format);
  if (!described.exists) return {format: described};
  const format = Dex.formats.get(described.id, true);
  const dex = Dex.forFormat(format);
  const lane = new Lane({
    format, dex, gimmicks: described.gimmicks, vocab: buildVocab(dex), turnLimit: record.turn_limit || Infinity,
  });
  lane.replay(recordedSetup(record), record.actions);
  return {
    format: described,
    log: lane.battle ? lane.battle.log.filter(line => !line.startsWith('|t:|')) : [],
    result: lane.result,
    answered: lane.answered,
    prng: lane.battle ? lane.battle.prng.getSeed() : null,
  };
}

/** The stats that a team's members start a battle with. */
function startingStats({format, team}) {
  const {Battle} = require('pokemon-showdown/dist/sim');
  const battle = new Battle({format: Dex.formats.get(format, true), formatid: toID(format), p1: {name: 'a', team}});
  return battle.p1.pokemon.map(pokemon => ({hp: pokemon.maxhp, ...pokemon.storedStats}));
}

const COMMANDS = {
  stats: startingStats,
  simulate,
  reach: request => require('./position-tools').reach(request),
  endgame: request => require('./endgame').endgame(request),
  points: request => require('./position-tools').points(request),
  format: ({format}) => describeFormat(format),
  validate,
  export: ({teams}) => teams.map(packed => Teams.export(Teams.unpack(packed)).trim()),
  random_teams: randomTeams,
};

function main() {
  const payload = JSON.parse(fs.readFileSync(0, 'utf8'));
  const command = COMMANDS[payload.command];
  if (!command) throw new Error(`unknown command ${JSON.stringify(payload.command)}`);
  process.stdout.write(JSON.stringify(command(payload)));
}

main();
