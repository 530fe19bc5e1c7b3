'use strict';
// Plays seeded random battles and prints one line of JSON for each: what was played, and a checksum over everything
// that anybody could see of it. Run with and without the speed-ups, the lines must be the same.
//
// usage: node equivalence.js FOLDER < settings.json     FOLDER: the package's JavaScript folder
// settings: {"speedups": bool, "seed": int, "jobs": [job...]}
// job: {"format", "teams": "generated" | "wild" | [packed...], "first", "battles", "reload": updates between saving to
//       JSON and loading again, 0 for never}

const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');
const { Random, pool, wildTeam, choose, owes } = require('./playing');

const MAX_TURNS = 250;

const folder = path.resolve(process.argv[2]);
const load = createRequire(path.join(folder, 'equivalence.js'));
const sim = load('pokemon-showdown');

/** A seed for one battle of one job. */
function battleSeed(seed, job, battle) {
  const digest = crypto.createHash('sha256').update(JSON.stringify([seed, job.format, job.teams, battle])).digest();
  return digest.readUInt32LE(0);
}

function players(job, dex, random) {
  return [1, 2].map((number) => {
    const player = { name: `Player ${number}`, seed: random.seed() };
    if (job.teams === 'wild') player.team = wildTeam(dex, pools.get(dex), random);
    else if (job.teams !== 'generated') player.team = random.pick(job.teams);
    return player;
  });
}

/** Make one choice; now and then one that may well be refused. */
function decide(battle, side, random, hash) {
  hash.update(`${side.id} ${JSON.stringify(side.activeRequest)}\n`);
  let choice = choose(side.activeRequest, random);
  if (random.chance(3)) choice = random.pick(['move 4', 'switch 2', 'switch 6', 'move 1 zmove', 'move 2 mega', 'pass']);
  const accepted = battle.choose(side.id, choice);
  hash.update(`${choice} ${accepted} ${side.choice.error}\n`);
  if (!accepted) battle.choose(side.id, choose(side.activeRequest, random)) || battle.choose(side.id, 'default');
}

function play(battle, random, hash, reload) {
  let updates = 0;
  while (!battle.ended && battle.turn < MAX_TURNS) {
    updates++;
    if (reload && updates % reload === 0) {
      const { send } = battle;
      battle = sim.Battle.fromJSON(JSON.stringify(battle.toJSON()));
      battle.restart(send);
    }
    for (const side of battle.sides) {
      if (!battle.ended && owes(side)) decide(battle, side, random, hash);
    }
    hash.update(`${battle.prng.getSeed()}\n`);
  }
  hash.update(withoutClock(battle.log.join('\n')));
  return { updates, turns: battle.turn };
}

const pools = new Map();

/** Protocol text without the lines that tell the time of day. */
function withoutClock(text) {
  return text.replace(/^\|t:\|.*$/gm, '');
}

function run(job, number, seed) {
  const random = new Random(battleSeed(seed, job, number));
  const dex = sim.Dex.forFormat(job.format);
  if (!pools.has(dex)) pools.set(dex, pool(dex));
  const hash = crypto.createHash('sha256');
  const [p1, p2] = players(job, dex, random);
  const result = { format: job.format, teams: typeof job.teams === 'string' ? job.teams : 'set', battle: number };
  try {
    // What the simulator says to the players (sent lines, requests, refusals) is part of the checksum.
    const send = (type, data) => hash.update(`${type}\n${withoutClock([data].flat().join('\n'))}\n`);
    const battle = new sim.Battle({ formatid: job.format, seed: random.seed(), p1, p2, send });
    Object.assign(result, play(battle, random, hash, job.reload));
  } catch (error) {
    // Sets of anything whatever can break the simulator itself; then both must break alike.
    result.error = String(error.message);
  }
  result.checksum = hash.digest('hex');
  return result;
}

function main() {
  const settings = JSON.parse(fs.readFileSync(0, 'utf8'));
  if (settings.speedups) load('./speedups').install(sim);
  for (const job of settings.jobs) {
    if (!sim.Dex.formats.get(job.format).exists) throw new Error(`the simulator knows no format ${job.format}`);
    for (let i = 0; i < job.battles; i++) {
      fs.writeSync(1, `${JSON.stringify(run(job, job.first + i, settings.seed))}\n`);
    }
  }
}

main();
