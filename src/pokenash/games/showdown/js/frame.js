'use strict';
/**
 * The binary frames between Python (frames.py) and the worker, little-endian, over blocking pipes.
 *
 * A request is a header of four uint32 (kind, part, two counts, see frames.py) with its body's length before it; an answer
 * is a header of five uint32 (kind, part, rows, results, length of the extras), the results, and the extras as JSON. The
 * rows that owe a decision are written to a file in memory before, which both sides share.
 */
const fs = require('fs');

const KIND = {open: 1, step: 2, replay: 3, show: 4, clear: 5, position: 6};
const REASONS = ['win', 'tie', 'turn limit', 'forfeit', 'error'];
const SETUP_BYTES = 112;
const RESULT_WORDS = 6;

const HEADER_BYTES = 20;
let input = Buffer.alloc(1 << 16);
let first = 0; // of what was read and not yet asked for
let last = 0;

/** Have `length` bytes of standard input at `first`; false at its end. */
function fill(length) {
  if (first + length > input.length) {
    const larger = length > input.length ? Buffer.alloc(2 * length) : input;
    input.copy(larger, 0, first, last);
    last -= first;
    first = 0;
    input = larger;
  }
  while (last - first < length) {
    const bytes = fs.readSync(0, input, last, input.length - last, null);
    if (bytes === 0) return false;
    last += bytes;
  }
  return true;
}

/** The next request, or null when the parent has closed the pipe. The body is valid until the next call. */
function readRequest() {
  if (first === last) first = last = 0;
  if (!fill(HEADER_BYTES)) return null;
  const length = input.readUInt32LE(first);
  if (!fill(HEADER_BYTES + length)) return null;
  const at = first;
  first += HEADER_BYTES + length;
  return {
    kind: input.readUInt32LE(at + 4),
    part: input.readUInt32LE(at + 8),
    counts: [input.readUInt32LE(at + 12), input.readUInt32LE(at + 16)],
    body: input.subarray(at + HEADER_BYTES, first),
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

/** An episode's setup: uint32 lane and flags, int32 teams (or one position), three seeds of 32 bytes. */
function readSetup(body, start, {teams, positions}) {
  const flags = body.readUInt32LE(start + 4);
  const own = [body.readInt32LE(start + 8), body.readInt32LE(start + 12)];
  const inside = (flags & 8) !== 0;
  return {
    lane: body.readUInt32LE(start),
    text: [(flags & 1) !== 0, (flags & 2) !== 0],
    record: (flags & 4) !== 0,
    teams: inside || own[0] < 0 ? null : own.map(index => teams[index]),
    position: inside ? {source: positions[own[0]], keep: (flags & 16) !== 0} : null,
    seed: seed(body, start + 16),
    teamSeeds: [seed(body, start + 48), seed(body, start + 80)],
  };
}

const TYPES = {int64: 8, int16: 2, float32: 4, uint8: 1};

/** The arrays of up to so many rows, one after the other in one buffer; frames.py has the same. */
class Rows {
  /** @param blocks [{name, type, size}]: the observation's arrays, `size` numbers a row */
  constructor(capacity, blocks, numActions) {
    const wanted = [['int64', 1], ['int64', 1], ['int64', 1], ['uint8', numActions]];
    for (const {type, size} of blocks) wanted.push([type, size]);
    const places = [];
    let stop = 0;
    for (const [type, size] of wanted) {
      places.push(Math.ceil(stop / 8) * 8);
      stop = places.at(-1) + TYPES[type] * size * capacity;
    }
    const buffer = new ArrayBuffer(stop);
    this.bytes = new Uint8Array(buffer);
    // 64-bit integers as pairs of words, the high ones always 0.
    [this.lane, this.player, this.decision] = [0, 1, 2].map(i => new Int32Array(buffer, places[i], 2 * capacity));
    this.mask = new Uint8Array(buffer, places[3], numActions * capacity);
    this.observation = {};
    blocks.forEach(({name, type, size}, i) => {
      const kind = type === 'int16' ? Int16Array : Float32Array;
      this.observation[name] = new kind(buffer, places[4 + i], size * capacity);
    });
  }

  /** Write everything to a file from `offset` on. */
  write(file, offset) {
    let written = 0;
    while (written < this.bytes.length) {
      written += fs.writeSync(file, this.bytes, written, this.bytes.length - written, offset + written);
    }
  }
}

const NOTHING = Buffer.alloc(0);

/** What goes back through the pipe about a part of `lanes` battles. */
class Answer {
  constructor(lanes) {
    this.bytes = Buffer.alloc(HEADER_BYTES + 4 * RESULT_WORDS * lanes);
    this.words = new Int32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length / 4);
  }

  addResult(index, lane, result) {
    const words = [lane, REASONS.indexOf(result.reason), result.winner, result.turns, ...result.remaining];
    this.words.set(words, HEADER_BYTES / 4 + RESULT_WORDS * index);
  }

  send(kind, part, rows, results, extras) {
    const text = extras === undefined ? NOTHING : Buffer.from(JSON.stringify(extras));
    const {words} = this;
    words[0] = kind;
    words[1] = part;
    words[2] = rows;
    words[3] = results;
    words[4] = text.length;
    const head = this.bytes.subarray(0, HEADER_BYTES + 4 * RESULT_WORDS * results);
    writeAll(text.length ? [head, text] : [head]);
  }
}

module.exports = {Answer, KIND, Rows, SETUP_BYTES, readRequest, readSetup};
