'use strict';
/** Some of a worker's battles, stepped and shown together. */
const {writeMask} = require('./actions');
const {encode} = require('./encoder');
const {Answer, KIND, Rows, SETUP_BYTES, readSetup} = require('./frame');
const {Lane} = require('./lane');

const PLAYERS = [0, 1];

class Part {
  /**
   * @param place {first, lanes, offset}: its lanes, and where its rows go in the shared memory
   * @param world what all battles of the worker share, see `Lane`, and {teams, positions, blocks, numActions, memory}
   */
  constructor(index, {first, lanes, offset}, world) {
    this.index = index;
    this.first = first;
    this.offset = offset;
    this.world = world;
    this.lanes = Array.from({length: lanes}, () => new Lane(world));
    this.rows = new Rows(2 * lanes, world.blocks, world.numActions);
    this.answer = new Answer(lanes);
    this.asked = []; // 2 * lane + player of the rows that were shown last
  }

  /** Apply one action for every row that was shown last, start the new episodes, and show what comes of it. */
  step(body, numSetups, numActions) {
    if (numActions !== this.asked.length) throw new Error(`${numActions} actions for ${this.asked.length} rows`);
    const choices = new Array(this.lanes.length);
    const setups = new Array(this.lanes.length);
    for (let row = 0; row < numActions; row++) {
      const lane = this.asked[row] >> 1;
      choices[lane] ||= [undefined, undefined];
      choices[lane][this.asked[row] & 1] = body.readInt8(numSetups * SETUP_BYTES + row);
    }
    for (let i = 0; i < numSetups; i++) {
      const setup = readSetup(body, i * SETUP_BYTES, this.world);
      setups[setup.lane] = setup;
    }
    // Each battle is encoded right after its step, while it is in the processor's cache.
    this.show((lane, index) => {
      if (choices[index]) lane.act(choices[index]);
      else if (setups[index]) lane.start(setups[index]);
    });
  }

  replay(body, counts) {
    const setup = readSetup(body, 0, this.world);
    const read = (start, count) => Array.from({length: count}, (_, i) => body.readInt8(start + i));
    const histories = [read(SETUP_BYTES, counts[0]), read(SETUP_BYTES + counts[0], counts[1])];
    this.lanes[setup.lane].replay(setup, histories);
    this.answer.send(KIND.replay, this.index, 0, 0);
  }

  clear() {
    for (const lane of this.lanes) lane.clear();
    this.asked = [];
    this.answer.send(KIND.clear, this.index, 0, 0);
  }

  /** Send the rows that owe a decision and the results of the battles that ended, after advancing each lane. */
  show(advance = () => {}) {
    const extras = {text: [], results: {}};
    let results = 0;
    this.asked = [];
    this.lanes.forEach((lane, index) => {
      advance(lane, index);
      if (lane.result) {
        this.answer.addResult(results++, index, lane.result);
        this.addExtras(extras.results, lane, index);
        lane.clear();
      } else {
        for (const player of PLAYERS) if (lane.owes[player]) this.addRow(extras.text, lane, index, player);
      }
    });
    const told = extras.text.some(text => text !== '');
    if (!told) delete extras.text;
    const any = told || Object.keys(extras.results).length > 0;
    if (this.asked.length) this.rows.write(this.world.memory, this.offset);
    this.answer.send(KIND.show, this.index, this.asked.length, results, any ? extras : undefined);
  }

  addRow(texts, lane, index, player) {
    const {rows} = this;
    const row = this.asked.length;
    this.asked.push(2 * index + player);
    rows.lane[2 * row] = this.first + index;
    rows.player[2 * row] = player;
    rows.decision[2 * row] = lane.answered[player];
    encode(lane.trackers[player], rows.observation, row);
    writeMask(lane.trackers[player], rows.mask, row * this.world.numActions);
    texts.push(lane.takeText(player));
  }

  addExtras(extras, lane, index) {
    const {error} = lane.result;
    const {text, record} = lane.setup;
    if (!error && !record && !text[0] && !text[1]) return;
    extras[index] = {
      error,
      teams: record || error ? lane.teams() : undefined,
      text: PLAYERS.map(player => text[player] ? lane.takeText(player) : null),
    };
  }
}

module.exports = {Part};
