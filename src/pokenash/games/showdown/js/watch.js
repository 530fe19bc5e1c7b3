'use strict';
const {Worker} = require('worker_threads');

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

module.exports = {watch};
