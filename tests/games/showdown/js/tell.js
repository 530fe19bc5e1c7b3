'use strict';
/**
 * Tells trackers stories. `node tell.js SCRIPT_FOLDER`; every line of standard input is a story as JSON:
 *   {"format", "player", "story": [protocol line | request object | {"look": true} | {"choose": action}, ...]}
 * and answered by one line: a list with {"row": {block: base64}, "mask"} per look and {"choice"} per choice.
 */
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const folder = process.argv[2];
const {Dex} = require(path.join(folder, 'node_modules/pokemon-showdown/dist/sim'));
const {choice, formatGimmicks} = require(path.join(folder, 'actions.js'));
const {allocate, encode} = require(path.join(folder, 'encoder.js'));
const {Tracker} = require(path.join(folder, 'tracker.js'));

const row = allocate(1);

function look(tracker) {
  encode(tracker, row, 0);
  const blocks = Object.entries(row).map(([block, array]) => [block, Buffer.from(array.buffer).toString('base64')]);
  return {row: Object.fromEntries(blocks), mask: [...tracker.mask]};
}

function tell({format, player, story}) {
  const dex = Dex.forFormat(format);
  const tracker = new Tracker({dex, player, gimmicks: formatGimmicks(dex.formats.get(format), dex)});
  const answers = [];
  for (const event of story) {
    if (typeof event === 'string') tracker.receive(event);
    else if ('look' in event) answers.push(look(tracker));
    else if ('choose' in event) answers.push({choice: choice(tracker, event.choose)});
    else tracker.request(event);
  }
  return answers;
}

readline.createInterface({input: process.stdin}).on('line', (line) => {
  fs.writeSync(1, JSON.stringify(tell(JSON.parse(line))) + '\n');
});
