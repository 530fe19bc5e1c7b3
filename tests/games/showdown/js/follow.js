'use strict';
/**
 * Plays battles in this process with random choices and follows them for both players, as a worker would, but with
 * nothing between. `node follow.js SCRIPT_FOLDER`, a JSON object on standard input:
 *   {"format", "battles", "seed", "teams" (packed; null: random ones), "move_share", "max_decisions"}
 * On standard output one JSON line per battle, a list of decisions:
 *   {"player", "lines" (since its last decision), "request", "mask", "row": {block: base64}, "truth"}
 */
const fs = require('fs');
const path = require('path');
const folder = process.argv[2];
const {Battle, Dex, Teams} = require(path.join(folder, 'node_modules/pokemon-showdown/dist/sim'));
const {choice, formatGimmicks} = require(path.join(folder, 'actions.js'));
const {allocate, encode} = require(path.join(folder, 'encoder.js'));
const {Tracker} = require(path.join(folder, 'tracker.js'));

const PLAYERS = ['p1', 'p2'];

/** A small generator of its own (mulberry32): the choices do not depend on the simulator's. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function pick(mask, random, moveShare) {
  const legal = [...mask.keys()].filter((action) => mask[action]);
  const moves = legal.filter((action) => action < 4 || action >= 10);
  const from = moves.length && random() < moveShare ? moves : legal;
  return from[Math.floor(random() * from.length)];
}

/** Tell both trackers the new lines of the log; after `|split|pX` comes X's own line, then everybody else's. */
function tell(log, from, trackers, heard) {
  const one = (player, line) => {
    if (!line) return;
    trackers[player].receive(line);
    heard[player].push(line);
  };
  for (let i = from; i < log.length; i++) {
    if (log[i].startsWith('|split|p')) {
      const owner = log[i].charCodeAt(8) - 49;
      one(owner, log[i + 1]);
      one(1 - owner, log[i + 2]);
      i += 2;
    } else {
      one(0, log[i]);
      one(1, log[i]);
    }
  }
  return log.length;
}

/** What is so in the simulator, hidden or not: only for tests to compare with, never shown to a tracker. */
function truthOf(battle) {
  const sides = battle.sides.map((side) => {
    const active = side.active[0];
    return {
      active: active ? active.name : null,
      boosts: active ? {...active.boosts} : {},
      types: active ? active.getTypes() : [],
      volatiles: active ? Object.keys(active.volatiles) : [],
      conditions: Object.fromEntries(Object.entries(side.sideConditions).map(([id, state]) => [id, state.layers || 1])),
      pokemon: side.pokemon.map((mon) => ({
        name: mon.name, species: (mon.transformed ? mon.baseSpecies : mon.species).name, hp: mon.hp / mon.maxhp,
        status: mon.fainted ? 'fnt' : mon.status,
        item: mon.item, ability: mon.ability, fainted: mon.fainted,
        moves: Object.fromEntries(mon.moveSlots.map((slot) => [slot.id, [slot.pp, slot.maxpp]])),
      })),
    };
  });
  const {weather, terrain, pseudoWeather} = battle.field;
  return {sides, weather, terrain, fields: Object.keys(pseudoWeather), turn: battle.turn};
}

const base64 = (array) => Buffer.from(array.buffer).toString('base64');

function play({format: name, seed, teams, move_share: moveShare, max_decisions: limit}, number) {
  const dex = Dex.forFormat(name);
  const format = dex.formats.get(name);
  const random = generator(1000003 * seed + number);
  const digits = () => Math.floor(random() * 4294967296).toString(16).padStart(8, '0');
  const drawn = format.team ? name : `gen${dex.gen}randombattle`;
  const team = () => (teams ? teams[Math.floor(random() * teams.length)]
    : Teams.pack(Teams.getGenerator(drawn, `gen5,${digits()}${digits()}`).getTeam()));
  const gimmicks = formatGimmicks(format, dex);
  const trackers = PLAYERS.map((player) => new Tracker({dex, player, gimmicks}));
  const heard = [[], []];
  const decisions = [];
  let error = '';
  const battle = new Battle({
    format, formatid: format.id, seed: `gen5,${digits()}${digits()}`,
    p1: {name: 'Player 1', team: team()}, p2: {name: 'Player 2', team: team()},
    send: (type, data) => {
      if (type === 'sideupdate' && data.includes('|error|')) error = data;
    },
  });
  const requests = [null, null];
  const row = allocate(1);
  let position = 0;
  while (!battle.ended && decisions.length < limit) {
    position = tell(battle.log, position, trackers, heard);
    battle.sentLogPos = position;
    const owing = [0, 1].filter((player) => {
      const side = battle.sides[player];
      return side.activeRequest && !side.activeRequest.wait && !side.isChoiceDone();
    });
    for (const player of owing) {
      const tracker = trackers[player];
      const request = battle.sides[player].activeRequest;
      if (requests[player] !== request) tracker.request(request);
      requests[player] = request;
      encode(tracker, row, 0);
      decisions.push({
        player, lines: heard[player], request: JSON.parse(JSON.stringify(request)), mask: [...tracker.mask],
        truth: truthOf(battle),
        row: Object.fromEntries(Object.entries(row).map(([block, array]) => [block, base64(array)])),
      });
      heard[player] = [];
      const text = choice(tracker, pick(tracker.mask, random, moveShare));
      if (text !== null && !battle.choose(PLAYERS[player], text)) {
        if (!error.includes('[Unavailable choice]')) throw new Error(`${text}: ${error}`);
        requests[player] = null;
      }
    }
  }
  return decisions;
}

const setup = JSON.parse(fs.readFileSync(0, 'utf8'));
for (let number = 0; number < setup.battles; number++) fs.writeSync(1, JSON.stringify(play(setup, number)) + '\n');
