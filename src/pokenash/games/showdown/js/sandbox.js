'use strict';
/**
 * Preloaded into every Node process that pokenash starts. Node's permission model (see node.py) shuts out files, child
 * processes and addons, but before Node 25 not the network: the modules that reach it are replaced by ones that refuse.
 * They refuse when used, not when loaded, because parts of the simulator load some of them without need.
 */
const Module = require('module');

const REFUSED = new Set([
  'child_process', 'cluster', 'dgram', 'dns', 'dns/promises', 'http', 'http2', 'https', 'inspector', 'inspector/promises',
  'net', 'tls',
]);

function refusing(name) {
  return new Proxy({}, {
    get: (_, property) => function () {
      const message = `the simulator's process may not use ${name}.${String(property)}`;
      throw Object.assign(new Error(message), {code: 'ERR_ACCESS_DENIED'});
    },
  });
}

function guarded(original) {
  return function (name, ...rest) {
    const bare = String(name).replace(/^node:/, '');
    return REFUSED.has(bare) ? refusing(bare) : original.call(this, name, ...rest);
  };
}

Module._load = guarded(Module._load);
if (process.getBuiltinModule) process.getBuiltinModule = guarded(process.getBuiltinModule);
for (const name of ['fetch', 'WebSocket', 'EventSource']) delete globalThis[name];
