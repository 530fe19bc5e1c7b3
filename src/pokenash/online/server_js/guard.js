'use strict';
/**
 * Preloaded into every process of a Showdown server that pokenash starts. The server answers connections and opens none:
 * no login server, no ladder or replay upload, no lookups of who connects. Names are looked up nowhere.
 */
const dns = require('dns');
const net = require('net');
const {isMainThread} = require('worker_threads');

function refusal(what) {
  return Object.assign(new Error(`this server opens no connections: ${what}`), {code: 'ECONNREFUSED'});
}

net.Socket.prototype.connect = function () {
  process.nextTick(() => this.destroy(refusal('connect')));
  return this;
};
for (const name of ['lookup', 'reverse', 'resolve', 'resolve4', 'resolve6']) {
  const original = dns[name];
  dns[name] = function (host, ...rest) {
    // Binding to an address goes through `lookup` as well, and asks nobody.
    if (name === 'lookup' && net.isIP(host)) return original.call(this, host, ...rest);
    process.nextTick(rest.at(-1), refusal(name));
  };
}

/**
 * Ends every process of the server when the process that started it is gone, even while the server is busy, and removes
 * the server's folder if it is a temporary one.
 */
function watch(parent, folder) {
  const {Worker} = require('worker_threads');
  const code = `setInterval(() => {
    if (process.ppid === ${parent}) return;
    try {
      if (${folder}) require('fs').rmSync(${folder}, {recursive: true, force: true});
    } finally {
      process.kill(-process.pid, 'SIGKILL');
    }
  }, 500);`;
  new Worker(code, {eval: true, execArgv: []}).unref();
}

// Children of the server have a channel to it and end with it.
if (isMainThread && !process.send) {
  const {POKENASH_SERVER_PARENT: parent, POKENASH_SERVER_TEMPORARY: folder} = process.env;
  watch(Number(parent), JSON.stringify(folder || ''));
}
