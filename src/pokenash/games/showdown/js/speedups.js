'use strict';
// Makes the simulator faster without changing anything that it does: same logs, requests and state of its generator.
// It replaces private methods of one version, the one whose equivalence is proven (benchmarks/equivalence.py, and
// fewer battles in the tests); another version is refused.

const activeMoves = require('./speedups/active_moves');
const events = require('./speedups/events');
const generator = require('./speedups/generator');
const log = require('./speedups/log');
const lookups = require('./speedups/lookups');
const requests = require('./speedups/requests');

/** The simulator version that the replacements were written and proven for. */
const VERSION = '0.11.11';

const INSTALLED = Symbol('speedups');

/**
 * Install the speed-ups into a loaded simulator, once.
 *
 * @param {object} sim what `require('pokemon-showdown')` gives
 * @param {string} version the simulator's version; read from its package unless given
 * @throws {Error} if the version is another one than `VERSION`
 */
function install(sim, version = require('pokemon-showdown/package.json').version) {
  if (version !== VERSION) {
    throw new Error(
      `the simulator speed-ups are proven for pokemon-showdown ${VERSION}, and this is ${version}; ` +
      'install the pinned version, or play without speed-ups (speedups=False)'
    );
  }
  const { prototype } = sim.Battle;
  if (prototype[INSTALLED]) return;
  Object.defineProperty(prototype, INSTALLED, { value: true });
  activeMoves.install(sim);
  events.install(sim);
  generator.install(sim);
  log.install(sim);
  lookups.install(sim);
  requests.install(sim);
}

module.exports = { VERSION, install };
