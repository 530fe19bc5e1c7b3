'use strict';
// The simulator's default generator: each number is the end of a ChaCha20 block keyed by the state, whose beginning is
// the next state (RFC 8439, section 2.3). The simulator builds a cipher, several buffers and a closure for each; this
// computes the one block in place.

/** "expand 32-byte k", then at 13 to 15 the nonce: "LibsodiumDRG". */
const HEADER = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574];
const NONCE = [0x7362694c, 0x7569646f, 0x4752446d];

const words = new Int32Array(16);
const initial = new Int32Array(16);
HEADER.forEach((word, i) => { initial[i] = word; });
NONCE.forEach((word, i) => { initial[13 + i] = word; });

function quarterRound(a, b, c, d) {
  let x = words[a];
  let y = words[b];
  let z = words[c];
  let w = words[d];
  x = (x + y) | 0;
  w ^= x;
  w = (w << 16) | (w >>> 16);
  z = (z + w) | 0;
  y ^= z;
  y = (y << 12) | (y >>> 20);
  x = (x + y) | 0;
  w ^= x;
  w = (w << 8) | (w >>> 24);
  z = (z + w) | 0;
  y ^= z;
  y = (y << 7) | (y >>> 25);
  words[a] = x;
  words[b] = y;
  words[c] = z;
  words[d] = w;
}

/** Fill `words` with the block of the key `seed`, counter 0. */
function block(seed) {
  for (let i = 0; i < 8; i++) {
    const at = 4 * i;
    initial[4 + i] = seed[at] | (seed[at + 1] << 8) | (seed[at + 2] << 16) | (seed[at + 3] << 24);
  }
  words.set(initial);
  for (let round = 0; round < 10; round++) {
    quarterRound(0, 4, 8, 12);
    quarterRound(1, 5, 9, 13);
    quarterRound(2, 6, 10, 14);
    quarterRound(3, 7, 11, 15);
    quarterRound(0, 5, 10, 15);
    quarterRound(1, 6, 11, 12);
    quarterRound(2, 7, 8, 13);
    quarterRound(3, 4, 9, 14);
  }
  for (let i = 0; i < 9; i++) words[i] = (words[i] + initial[i]) | 0;
}

function install(sim) {
  const SodiumRNG = new sim.PRNG('sodium,0').rng.constructor;

  SodiumRNG.prototype.next = function next() {
    block(this.seed);
    const seed = new Uint8Array(32);
    for (let i = 0; i < 8; i++) {
      const word = words[i];
      const at = 4 * i;
      seed[at] = word;
      seed[at + 1] = word >> 8;
      seed[at + 2] = word >> 16;
      seed[at + 3] = word >> 24;
    }
    this.seed = seed;
    // The four bytes after the new state, the first of them the highest.
    const word = words[8];
    return (((word & 255) << 24) | ((word & 0xff00) << 8) | ((word >> 8) & 0xff00) | (word >>> 24)) >>> 0;
  };
}

module.exports = { install };
