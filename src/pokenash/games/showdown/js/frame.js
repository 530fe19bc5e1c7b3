'use strict';
/**
 * The binary frames between Python (frames.py) and the worker, little-endian, over blocking pipes.
 *
 * A request is a header of four uint32 (kind, part, two counts, see frames.py) with its body's length before it; an answer
 * is a header of five uint32 (kind, part, rows, results, length of the extras) and then one block per array: exactly the
 * rows that owe a decision, then the results, then the extras as JSON.
 */
const fs = require('fs');

const KIND = {open: 1, step: 2, replay: 3, show: 4, clear: 5};
const REASONS = ['win', 'tie', 'turn limit', 'forfeit', 'error'];
const SETUP_BYTES = 112;
const RESULT_WORDS = 6;

/** Fill a buffer from standard input; false at its end. */
function fill(buffer, length) {
  let got = 0;
  while (got < length) {
    const bytes = fs.readSync(0, buffer, got, length - got, null);
    if (bytes === 0) return false;
    got += bytes;
  }
  return true;
}

const requestHeader = Buffer.alloc(20);
let requestBody = Buffer.alloc(1 << 16);

/** The next request, or null when the parent has closed the pipe. The body is valid until the next call. */
function readRequest() {
  if (!fill(requestHeader, 20)) return null;
  const length = requestHeader.readUInt32LE(0);
  if (length > requestBody.length) requestBody = Buffer.alloc(2 * length);
  if (!fill(requestBody, length)) return null;
  return {
    kind: requestHeader.readUInt32LE(4),
    part: requestHeader.readUInt32LE(8),
    counts: [requestHeader.readUInt32LE(12), requestHeader.readUInt32LE(16)],
    body: requestBody.subarray(0, length),
  };
}

/** Write all of the given byte arrays. */
function writeAll(views) {
  let left = views;
  while (left.length) {
    let written = fs.writevSync(1, left);
    let i = 0;
    while (i < left.length && written >= left[i].byteLength) written -= left[i++].byteLength;
    left = left.slice(i);
    if (left.length && written) left[0] = left[0].subarray(written);
  }
}

const seed = (body, start) => `sodium,${body.toString('hex', start, start + 32)}`;

/** An episode's setup: uint32 lane and flags, int32 teams, three seeds of 32 bytes. */
function readSetup(body, start, teams) {
  const flags = body.readUInt32LE(start + 4);
  const own = [body.readInt32LE(start + 8), body.readInt32LE(start + 12)];
  return {
    lane: body.readUInt32LE(start),
    text: [(flags & 1) !== 0, (flags & 2) !== 0],
    record: (flags & 4) !== 0,
    teams: own[0] < 0 ? null : own.map(index => teams[index]),
    seed: seed(body, start + 16),
    teamSeeds: [seed(body, start + 48), seed(body, start + 80)],
  };
}

/** The arrays of an answer, with room for the rows of a part of `lanes` battles. */
class Answer {
  /** @param blocks [{name, type, size}]: the observation's arrays, `size` numbers a row */
  constructor(lanes, blocks, numActions) {
    const rows = 2 * lanes;
    this.header = new Uint32Array(5);
    this.results = new Int32Array(RESULT_WORDS * lanes);
    // 64-bit integers as pairs of words, the high ones always 0.
    this.lane = new Int32Array(2 * rows);
    this.player = new Int32Array(2 * rows);
    this.decision = new Int32Array(2 * rows);
    this.mask = new Uint8Array(numActions * rows);
    this.observation = {};
    this.views = [[this.lane, 8], [this.player, 8], [this.decision, 8], [this.mask, numActions]];
    for (const {name, type, size} of blocks) {
      const array = type === 'int16' ? new Int16Array(size * rows) : new Float32Array(size * rows);
      this.observation[name] = array;
      this.views.push([array, size * array.BYTES_PER_ELEMENT]);
    }
    this.views = this.views.map(([array, stride]) => [new Uint8Array(array.buffer), stride]);
    this.headerBytes = new Uint8Array(this.header.buffer);
    this.resultBytes = new Uint8Array(this.results.buffer);
  }

  addResult(index, lane, result) {
    const words = [lane, REASONS.indexOf(result.reason), result.winner, result.turns, ...result.remaining];
    this.results.set(words, RESULT_WORDS * index);
  }

  send(kind, part, rows, results, extras) {
    const text = extras === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(extras));
    this.header.set([kind, part, rows, results, text.length]);
    const views = [this.headerBytes];
    if (rows) for (const [bytes, stride] of this.views) views.push(bytes.subarray(0, rows * stride));
    if (results) views.push(this.resultBytes.subarray(0, 4 * RESULT_WORDS * results));
    if (text.length) views.push(text);
    writeAll(views);
  }
}

module.exports = {Answer, KIND, SETUP_BYTES, readRequest, readSetup};
