'use strict';
/**
 * A worker that plays nothing: it follows battles that are played elsewhere, from what one player of each is told.
 *
 * `node follower.js PARENT`. Every request after the first is JSON, {told, rows, choices}:
 *   told: [[lane, seat or null, entries]], in this order; a seat begins the lane anew. An entry is a protocol line,
 *     `|request|{...}` among them, or the number of a team preview pick after which another one followed.
 *   rows: lanes to be shown; their rows are written in this order.
 *   choices: [[lane, action]]
 * The answer's extras are {failed: {lane: why}, illegal: {lane: legal actions}, choices: [text or null]}. A lane that
 * fails has a row of zeros, and nothing happens to the others.
 */
const {Dex} = require('pokemon-showdown/dist/sim/dex');
const {choice, writeMask} = require('./actions');
const {encode} = require('./encoder');
const {Answer, KIND, Rows, readRequest} = require('./frame');
const {SIZES} = require('./layout');
const {MESSAGES, Tracker} = require('./tracker');
const {watch} = require('./watch');
const {describeWorld} = require('./world');

const FOLLOW = 16;
const REQUEST = '|request|';

// Standard output carries frames.
globalThis.console = new console.Console(process.stderr);

/** One player's battle. */
class FollowedLane {
  constructor(world) {
    this.world = world;
    this.begin('p1');
  }

  begin(player) {
    const {dex, vocab, gimmicks} = this.world;
    this.tracker = new Tracker({dex, player, vocab, gimmicks});
    this.failure = '';
    /** Whether the lines so far reach the first decision; false until then. */
    this.reached = false;
    /** Whether this server tells a request before the lines of its update; null until the first one. */
    this.ahead = null;
    /** A request whose lines may still come. */
    this.held = null;
  }

  attempt(step) {
    if (this.failure) return null;
    try {
      return step();
    } catch (error) {
      this.failure = String(error.message || error).slice(0, 500);
      return null;
    }
  }

  tell(entries) {
    this.attempt(() => {
      for (const entry of entries) {
        if (typeof entry === 'number') this.pick(entry);
        else if (entry.startsWith(REQUEST)) this.ask(JSON.parse(entry.slice(REQUEST.length)));
        else this.hear(entry);
      }
    });
  }

  hear(line) {
    if (!this.reached && (line.startsWith('|turn|') || line.startsWith('|teampreview'))) this.reached = true;
    this.tracker.receive(line);
  }

  /** A simulator's lane is not told of requests that only say to wait; neither is this one. */
  ask(request) {
    if (this.ahead === null) this.ahead = !this.reached;
    this.release();
    if (request.wait) return;
    if (this.ahead) this.held = request;
    else this.tracker.request(request);
  }

  /** Whatever lines were to come with the request have come. */
  release() {
    const request = this.held;
    if (request === null) return;
    this.held = null;
    this.tracker.request(request);
  }

  pick(action) {
    this.release();
    choice(this.tracker, action);
  }

  show(rows, row, numActions) {
    const shown = this.attempt(() => {
      this.release();
      encode(this.tracker, rows.observation, row);
      writeMask(this.tracker, rows.mask, row * numActions);
      return true;
    });
    if (shown) return;
    for (const [name, block] of Object.entries(rows.observation)) block.fill(0, row * SIZES[name], (row + 1) * SIZES[name]);
    rows.mask.fill(0, row * numActions, (row + 1) * numActions);
  }

  legal() {
    this.release();
    return Array.from(this.tracker.mask.keys()).filter((action) => this.tracker.mask[action]);
  }
}

class Follower {
  constructor(options) {
    this.world = describeWorld(Dex, options.format);
    this.memory = options.memory;
    this.lanes = Array.from({length: options.lanes}, () => new FollowedLane(this.world));
    this.rows = new Rows(options.lanes, this.world.blocks, this.world.numActions);
    this.answer = new Answer(0);
    this.answer.send(KIND.open, 0, 0, 0, {num_actions: this.world.numActions, kinds: MESSAGES});
  }

  follow({told, rows, choices}) {
    const extras = {failed: {}, illegal: {}, choices: []};
    const touched = new Set();
    for (const [lane, seat, entries] of told) {
      touched.add(lane);
      if (seat !== null) this.lanes[lane].begin(seat);
      this.lanes[lane].tell(entries);
    }
    rows.forEach((lane, row) => {
      touched.add(lane);
      this.lanes[lane].show(this.rows, row, this.world.numActions);
    });
    for (const [lane, action] of choices) {
      touched.add(lane);
      extras.choices.push(this.choose(lane, action, extras.illegal));
    }
    for (const lane of touched) if (this.lanes[lane].failure) extras.failed[lane] = this.lanes[lane].failure;
    if (rows.length) this.rows.write(this.memory, 0);
    this.answer.send(FOLLOW, 0, rows.length, 0, extras);
  }

  choose(lane, action, illegal) {
    const followed = this.lanes[lane];
    return followed.attempt(() => {
      const legal = followed.legal();
      if (legal.includes(action)) return choice(followed.tracker, action);
      illegal[lane] = legal;
      return null;
    });
  }
}

function main() {
  watch(Number(process.argv[2]));
  let follower = null;
  for (let request = readRequest(); request; request = readRequest()) {
    const body = JSON.parse(request.body.toString());
    if (request.kind === KIND.open) follower = new Follower(body);
    else if (request.kind === FOLLOW) follower.follow(body);
    else throw new Error(`a request of the unknown kind ${request.kind}`);
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
