'use strict';
// The simulator alone, untouched: `Battle.choose` in a loop, with uniform random choices from the requests.
//
// usage: node bare_loop.js FOLDER      FOLDER: the package's JavaScript folder
// The first line of standard input is JSON: {"format", "teams": [packed...], "seed", "speedups": bool, "battles": in
// play at a time, each of them an update in turn}; each line after it is a number of seconds to play for, answered with
// a line of JSON that says what was played.

const path = require('path');
const readline = require('readline');
const { createRequire } = require('module');
const { Random, choices, owes } = require('./playing');

const load = createRequire(path.join(path.resolve(process.argv[2]), 'bare_loop.js'));
const sim = load('pokemon-showdown');

/** Plays battle after battle in every place, an update at a time. */
class Loop {
  constructor({ format, teams, seed, battles }) {
    this.format = format;
    this.teams = teams;
    this.random = new Random(seed);
    this.next = 0;
    this.places = new Array(battles).fill(null);
    this.played = { battles: 0, updates: 0, decisions: 0 };
  }

  begin() {
    const { random } = this;
    const player = (name) => ({ name, team: random.pick(this.teams) });
    return new sim.Battle({
      formatid: this.format, seed: random.seed(), p1: player('Player 1'), p2: player('Player 2'),
    });
  }

  /** Let every side that owes a choice make one. */
  update(place) {
    const { places, random, played } = this;
    const battle = places[place] ||= this.begin();
    for (const side of battle.sides) {
      if (battle.ended || !owes(side)) continue;
      played.decisions++;
      battle.choose(side.id, random.pick(choices(side.activeRequest)));
    }
    played.updates++;
    if (battle.ended) {
      played.battles++;
      places[place] = null;
    }
  }

  run(seconds) {
    this.played = { battles: 0, updates: 0, decisions: 0 };
    const cpu = process.cpuUsage();
    const start = performance.now();
    while (performance.now() - start < 1000 * seconds) {
      for (let i = 0; i < 20; i++) this.update(this.next++ % this.places.length);
    }
    const elapsed = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    return { ...this.played, seconds: elapsed, cpu_seconds: (used.user + used.system) / 1e6 };
  }
}

let loop = null;
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  if (loop === null) {
    const settings = JSON.parse(line);
    if (settings.speedups) load('./speedups').install(sim);
    loop = new Loop(settings);
  } else {
    process.stdout.write(`${JSON.stringify(loop.run(Number(line)))}\n`);
  }
});
