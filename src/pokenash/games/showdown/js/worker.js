'use strict';
/**
 * A worker: parts of so many battles each, stepped and encoded part by part on request, over blocking pipes.
 *
 * `node worker.js PARENT`, where PARENT is the process that must be there for the worker to live.
 */
const {Worker} = require('worker_threads');
const simulator = require('pokemon-showdown/dist/sim');
const {formatGimmicks, numActions} = require('./actions');
const {Answer, KIND, readRequest} = require('./frame');
const {SIZES} = require('./layout');
const {Part} = require('./part');
const {buildVocab} = require('./vocab');

const WATCH_MS = 1000;

// Standard output carries frames; whatever the simulator has to say goes to standard error.
globalThis.console = new console.Console(process.stderr);

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
    memory: options.memory,
    turnLimit: options.turn_limit || Infinity,
    blocks: Object.entries(SIZES).map(([name, size]) => ({name, size, type: name.endsWith('_ids') ? 'int16' : 'float32'})),
    numActions: numActions(gimmicks),
  };
  const parts = options.parts.map((part, index) => new Part(index, part, world));
  new Answer(0).send(KIND.open, 0, 0, 0, {num_actions: world.numActions, sizes: SIZES});
  return parts;
}

function main() {
  watch(Number(process.argv[2]));
  let parts = [];
  for (let request = readRequest(); request; request = readRequest()) {
    const {kind, counts, body} = request;
    const part = parts[request.part];
    if (kind === KIND.open) parts = open(JSON.parse(body.toString()));
    else if (kind === KIND.step) part.step(body, counts[0], counts[1]);
    else if (kind === KIND.replay) part.replay(body, counts);
    else if (kind === KIND.show) part.show();
    else if (kind === KIND.clear) part.clear();
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
