'use strict';
/**
 * The configuration of a Showdown server that pokenash starts, from the few settings that Python wrote.
 * `config-example.js` of the server says what each name means; what is not named here is as it is there.
 */
const cluster = require('cluster');
const fs = require('fs');

/** Time that files which are being written have when the server is asked to end. */
const LAST_WRITES_MS = 200;

/** Told to Python by a file that is there whole or not at all: the server accepts connections. */
function announce(path) {
  cluster.on('listening', (worker, address) => {
    fs.writeFileSync(`${path}.tmp`, JSON.stringify({pid: process.pid, port: address.port}));
    fs.renameSync(`${path}.tmp`, path);
  });
}

/** The seconds of every battle's timer, whatever its format says. */
function setTimers(timer) {
  const {Dex} = global;
  const original = Dex.formats.getRuleTable;
  Dex.formats.getRuleTable = function (...parameters) {
    const table = original.apply(this, parameters);
    table.timer = [{...table.timer?.[0], ...timer}, 'pokenash server'];
    return table;
  };
}

module.exports = function configuration(settings) {
  if (!process.send && cluster.isPrimary) {
    process.on('SIGTERM', () => setTimeout(() => process.exit(0), LAST_WRITES_MS));
    announce(settings.ready);
  }
  return {
    bindaddress: settings.address,
    port: settings.port,
    // Any name without a password, and no limits on how much a bot does.
    noguestsecurity: true,
    nothrottle: true,
    noipchecks: true,
    // Nobody is given a console, from this machine or from anywhere else.
    backdoor: false,
    consoleips: [],
    repl: false,
    watchconfig: false,
    // Nothing is asked of or told to other servers; see guard.js.
    loginserver: 'http://127.0.0.1:9/',
    remoteladder: false,
    usesqlite: false,
    logchallenges: settings.log_battles,
    forcetimer: settings.force_timer,
    reportjoins: false,
    reportbattles: false,
    reportbattlejoins: false,
    // Battles, validation and connections have processes of their own; what bots do not use shares the main one.
    subprocesses: {
      network: 1, simulator: settings.simulators, validator: 1, verifier: 0, localartemis: 0, remoteartemis: 0, friends: 0,
      chatdb: 0, modlog: 0, pm: 0, battlesearch: 0, datasearch: 0,
    },
    startuphook() {
      if (settings.timer) setTimers(settings.timer);
    },
  };
};
