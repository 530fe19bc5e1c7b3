'use strict';
/**
 * Plays battles of a server again in the worker's own lanes. `node replay.js SCRIPT_FOLDER`, a JSON object on standard
 * input:
 *   {"format", "battles": [{"seed", "teams" (packed) or null, "team_seeds", "actions": of both players}]}
 * On standard output one JSON line per battle: {"decisions", "result"}, a decision being
 *   {"player", "mask", "row": {block: base64}, "text"}
 */
const fs = require('fs');
const path = require('path');
const folder = process.argv[2];
const {Dex} = require(path.join(folder, 'node_modules/pokemon-showdown/dist/sim'));
const {writeMask} = require(path.join(folder, 'actions.js'));
const {allocate, encode} = require(path.join(folder, 'encoder.js'));
const {Lane} = require(path.join(folder, 'lane.js'));
const {describeWorld} = require(path.join(folder, 'world.js'));

const base64 = (array) => Buffer.from(array.buffer).toString('base64');

function play(world, {seed, teams, team_seeds: teamSeeds, actions}) {
  const lane = new Lane(world);
  const decisions = [];
  const made = [0, 0];
  lane.start({seed, teams, teamSeeds, text: [true, true], record: false});
  while (!lane.result) {
    const chosen = [undefined, undefined];
    const mask = new Uint8Array(world.numActions);
    for (const player of [0, 1]) {
      if (!lane.owes[player]) continue;
      const row = allocate(1);
      encode(lane.trackers[player], row, 0);
      writeMask(lane.trackers[player], mask, 0);
      decisions.push({
        player,
        mask: [...mask],
        row: Object.fromEntries(Object.entries(row).map(([block, array]) => [block, base64(array)])),
        text: lane.takeText(player),
      });
      if (made[player] < actions[player].length) chosen[player] = actions[player][made[player]++];
    }
    if (chosen[0] === undefined && chosen[1] === undefined) break;
    lane.act(chosen);
  }
  return {decisions, result: lane.result};
}

const {format, battles} = JSON.parse(fs.readFileSync(0, 'utf8'));
const world = {...describeWorld(Dex, format), turnLimit: Infinity};
for (const battle of battles) fs.writeSync(1, JSON.stringify(play(world, battle)) + '\n');
