'use strict';
/**
 * A worker: parts of so many battles each, stepped and encoded part by part on request, over blocking pipes.
 *
 * `node worker.js PARENT`, where PARENT is the process that must be there for the worker to live.
 */
const {Worker} = require('worker_threads');
const simulator = require('pokemon-showdown/dist/sim');
const {formatGimmicks, numActions, writeMask} = require('./actions');
const {encode} = require('./encoder');
const {Answer, KIND, SETUP_BYTES, readRequest, readSetup} = require('./frame');
const {Lane} = require('./lane');
const {SIZES} = require('./layout');
const {buildVocab} = require('./vocab');

const WATCH_MS = 1000;

/** Ends the process when its parent is gone, even while this thread is busy or stuck. */
function watch(parent) {
  const code = `setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL'); }, ${WATCH_MS});`;
  new Worker(code, {
    eval: true,
    // Else its output is joined to ours, which makes our pipe a non-blocking one, and a large frame fails half-way.
    stdout: true,
    stderr: true,
    resourceLimits: {maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2, stackSizeMb: 1},
  }).unref();
}

/** Some of the battles, stepped together. */
class Part {
  constructor(index, {first, lanes}, world) {
    this.index = index;
    this.first = first;
    this.world = world;
    this.lanes = Array.from({length: lanes}, () => new Lane(world));
    this.asked = [];
    this.answer = new Answer(lanes, world.blocks, world.numActions);
  }

  /** Start the new episodes, and apply one action for every row that was last asked. */
  step(body, numSetups, numActions) {
    const actions = body.subarray(numSetups * SETUP_BYTES);
    if (numActions !== this.asked.length) throw new Error(`${numActions} actions for ${this.asked.length} rows`);
    for (let row = 0; row < numActions;) {
      const lane = this.asked[row].lane;
      const choices = [undefined, undefined];
      for (; row < numActions && this.asked[row].lane === lane; row++) {
        choices[this.asked[row].player] = actions.readInt8(row);
      }
      this.lanes[lane].act(choices);
    }
    for (let i = 0; i < numSetups; i++) {
      const setup = readSetup(body, i * SETUP_BYTES, this.world.teams);
      this.lanes[setup.lane].start(setup);
    }
  }

  replay(body, counts) {
    const setup = readSetup(body, 0, this.world.teams);
    const split = SETUP_BYTES + counts[0];
    const read = (start, count) => Array.from({length: count}, (_, i) => body.readInt8(start + i));
    this.lanes[setup.lane].replay(setup, [read(SETUP_BYTES, counts[0]), read(split, counts[1])]);
  }

  clear() {
    for (const lane of this.lanes) lane.clear();
    this.asked = [];
  }

  /** Send the rows that owe a decision and the results of the battles that ended. */
  show() {
    const {answer, world} = this;
    const extras = {text: [], results: {}};
    let results = 0;
    let anyText = false;
    this.asked = [];
    this.lanes.forEach((lane, index) => {
      if (lane.result) {
        answer.addResult(results++, index, lane.result);
        this.addExtras(extras.results, lane, index);
        lane.clear();
        return;
      }
      for (const player of [0, 1]) {
        if (!lane.owes[player]) continue;
        const row = this.asked.length;
        this.asked.push({lane: index, player});
        answer.lane[2 * row] = this.first + index;
        answer.player[2 * row] = player;
        answer.decision[2 * row] = lane.answered[player];
        encode(lane.trackers[player], answer.observation, row);
        writeMask(lane.trackers[player], answer.mask, row * world.numActions);
        const text = lane.takeText(player);
        extras.text.push(text);
        anyText = anyText || text !== '';
      }
    });
    if (!anyText) delete extras.text;
    const any = anyText || Object.keys(extras.results).length > 0;
    answer.send(KIND.show, this.index, this.asked.length, results, any ? extras : undefined);
  }

  addExtras(extras, lane, index) {
    const {error} = lane.result;
    const {text, record} = lane.setup;
    if (!error && !record && !text[0] && !text[1]) return;
    extras[index] = {
      error,
      teams: record || error ? lane.teams() : undefined,
      text: [0, 1].map(player => text[player] ? lane.takeText(player) : null),
    };
  }
}

function open(options) {
  if (options.speedups) require('./speedups').install(simulator);
  const format = simulator.Dex.formats.get(options.format, true);
  const dex = simulator.Dex.forFormat(format);
  const gimmicks = formatGimmicks(format, dex);
  const world = {
    format,
    dex,
    gimmicks,
    vocab: buildVocab(dex),
    teams: options.teams,
    turnLimit: options.turn_limit || Infinity,
    blocks: Object.entries(SIZES).map(([name, size]) => ({name, size, type: name.endsWith('_ids') ? 'int16' : 'float32'})),
    numActions: numActions(gimmicks),
  };
  const parts = options.parts.map((part, index) => new Part(index, part, world));
  new Answer(0, [], 0).send(KIND.open, 0, 0, 0, {num_actions: world.numActions, sizes: SIZES});
  return parts;
}

function main() {
  watch(Number(process.argv[2]));
  let parts = [];
  for (let request = readRequest(); request; request = readRequest()) {
    const {kind, counts, body} = request;
    const part = parts[request.part];
    if (kind === KIND.open) {
      parts = open(JSON.parse(body.toString()));
      continue;
    }
    if (kind === KIND.step) part.step(body, counts[0], counts[1]);
    if (kind === KIND.clear) part.clear();
    if (kind === KIND.replay) part.replay(body, counts);
    if (kind === KIND.replay || kind === KIND.clear) part.answer.send(kind, part.index, 0, 0);
    else part.show();
  }
}

try {
  main();
  process.exit(0);
} catch (error) {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
