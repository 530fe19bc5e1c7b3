'use strict';
/**
 * Preloaded into every Node process that pokenash starts. Node's permission model (see node.py) shuts out files, child
 * processes and addons, but before Node 25 not the network: the modules that reach it are replaced by ones that refuse.
 * They refuse when used, not when loaded, because parts of the simulator load some of them without need. An `import` goes
 * another way than `require`, so what opens a connection in the end refuses as well; threads are shut in like their parent.
 */
const Module = require('module');

const REFUSED = new Set([
  'child_process', 'cluster', 'dgram', 'dns', 'dns/promises', 'http', 'http2', 'https', 'inspector', 'inspector/promises',
  'net', 'tls',
]);

function refusal(name) {
  return function () {
    throw Object.assign(new Error(`the simulator's process may not use ${name}`), {code: 'ERR_ACCESS_DENIED'});
  };
}

function refusing(name) {
  return new Proxy({}, {get: (_, property) => refusal(`${name}.${String(property)}`)});
}

/** Every function of an object refuses. */
function shut(object, name) {
  for (const key of Object.getOwnPropertyNames(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key);
    if (key !== 'constructor' && property.writable && typeof property.value === 'function') object[key] = refusal(`${name}.${key}`);
  }
}

function shutIn() {
  const net = require('net');
  net.Socket.prototype.connect = refusal('net.Socket.connect');
  net.Server.prototype.listen = refusal('net.Server.listen');
  const dgram = require('dgram');
  for (const key of ['bind', 'connect', 'send']) dgram.Socket.prototype[key] = refusal(`dgram.Socket.${key}`);
  const dns = require('dns');
  for (const resolver of [dns.Resolver, dns.promises.Resolver]) shut(Object.getPrototypeOf(resolver.prototype), 'dns.Resolver');
  shut(dns, 'dns');
  shut(dns.promises, 'dns/promises');
  require('inspector').open = refusal('inspector.open');
  const threads = require('worker_threads');
  threads.Worker = class Worker extends threads.Worker {
    constructor(script, {execArgv, env, ...options} = {}) {
      super(script, options);
    }
  };
  Module.syncBuiltinESMExports();
}

shutIn();

function guarded(original) {
  return function (name, ...rest) {
    const bare = String(name).replace(/^node:/, '');
    return REFUSED.has(bare) ? refusing(bare) : original.call(this, name, ...rest);
  };
}

Module._load = guarded(Module._load);
if (process.getBuiltinModule) process.getBuiltinModule = guarded(process.getBuiltinModule);
for (const name of ['fetch', 'WebSocket', 'EventSource']) delete globalThis[name];
