'use strict';
// A move is copied every time that it is looked at in play. The simulator copies it to the last leaf; here only what
// effects are known to write to is copied, and the copies of one move share a hidden class, which makes reading them
// fast too. The rest is shared with the dex, which is frozen: a write that was overlooked would throw, not go unseen.

/** Parts of an active move that effects change in place (Serene Grace, King's Rock, Long Reach, Scrappy, ...). */
const CHANGED_IN_PLACE = new Set(['flags', 'secondary', 'secondaries', 'self', 'selfBoost', 'ignoreImmunity']);

/** Code for a fresh copy of the plain value that the expression `from` gives. */
function copied(value, from) {
  if (typeof value !== 'object' || value === null) return from;
  if (Array.isArray(value)) return `[${value.map((part, i) => copied(part, `${from}[${i}]`)).join(', ')}]`;
  if (Object.getPrototypeOf(value) !== Object.prototype) return `deepClone(${from})`;
  const parts = Object.keys(value).map((key) => {
    const name = JSON.stringify(key);
    return `[${name}]: ${copied(value[key], `${from}[${name}]`)}`;
  });
  return `{ ${parts.join(', ')} }`;
}

/** A constructor of fresh copies of one move. */
function copier(move, deepClone) {
  const assignments = Object.keys(move).map((key) => {
    const from = `move[${JSON.stringify(key)}]`;
    return `this[${JSON.stringify(key)}] = ${CHANGED_IN_PLACE.has(key) ? copied(move[key], from) : from};`;
  });
  const build = new Function('move', 'deepClone', `return function () { ${assignments.join(' ')} this.hit = 0; };`);
  const ActiveMove = build(move, deepClone);
  ActiveMove.prototype = Object.getPrototypeOf(move);
  return ActiveMove;
}

function install(sim) {
  const ModdedDex = sim.Dex.constructor;
  const copiers = new WeakMap();
  const COPIERS = Symbol('copiers by name');

  /** The constructor for a move given by name or as the dex has it; undefined if it could still change. */
  function copierOf(dex, move) {
    const found = dex.moves.get(move);
    if (!Object.isFrozen(found)) return undefined;
    let ActiveMove = copiers.get(found);
    if (ActiveMove === undefined) copiers.set(found, (ActiveMove = copier(found, dex.deepClone)));
    dex[COPIERS].set(move, ActiveMove);
    return ActiveMove;
  }

  ModdedDex.prototype.getActiveMove = function getActiveMove(move) {
    if (move && typeof move.hit === 'number') return move;
    if (this[COPIERS] === undefined) this[COPIERS] = new Map();
    const ActiveMove = this[COPIERS].get(move) ?? copierOf(this, move);
    if (ActiveMove !== undefined) return new ActiveMove();
    const copy = this.deepClone(this.moves.get(move));
    copy.hit = 0;
    return copy;
  };
}

module.exports = { install };
