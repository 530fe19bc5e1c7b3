'use strict';
/**
 * A worker: parts of so many battles each, stepped and encoded part by part on request, over blocking pipes.
 *
 * `node worker.js PARENT`, where PARENT is the process that must be there for the worker to live.
 */
const simulator = require('pokemon-showdown/dist/sim');
const {Answer, KIND, readRequest} = require('./frame');
const {SIZES} = require('./layout');
const {Part} = require('./part');
const {watch} = require('./watch');
const {describeWorld} = require('./world');

// Standard output carries frames; whatever the simulator has to say goes to standard error.
globalThis.console = new console.Console(process.stderr);

function open(options) {
  if (options.speedups) require('./speedups').install(simulator);
  const world = {
    ...describeWorld(simulator.Dex, options.format),
    teams: options.teams,
    positions: [],
    memory: options.memory,
    turnLimit: options.turn_limit || Infinity,
  };
  const parts = options.parts.map((part, index) => new Part(index, part, world));
  new Answer(0).send(KIND.open, 0, 0, 0, {num_actions: world.numActions, sizes: SIZES});
  return {parts, world};
}

function main() {
  watch(Number(process.argv[2]));
  let parts = [];
  let world = null;
  for (let request = readRequest(); request; request = readRequest()) {
    const {kind, counts, body} = request;
    const part = parts[request.part];
    if (kind === KIND.open) ({parts, world} = open(JSON.parse(body.toString())));
    else if (kind === KIND.step) part.step(body, counts[0], counts[1]);
    else if (kind === KIND.replay) part.replay(body, counts);
    else if (kind === KIND.show) part.show();
    else if (kind === KIND.clear) part.clear();
    else if (kind === KIND.position) world.positions[request.counts[0]] = JSON.parse(body.toString());
    else throw new Error(`a request of the unknown kind ${kind}`);
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
