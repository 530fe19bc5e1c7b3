'use strict';
// A move is copied every time that it is looked at in play. The simulator copies it to the last leaf; here only what
// effects are known to write to is copied, and the copies of one move share a hidden class, which makes reading them
// fast too. The rest is shared with the dex, which is frozen: a write that was overlooked would throw, not go unseen.

/** Parts of an active move that effects change in place (Serene Grace, King's Rock, Long Reach, Scrappy, ...). */
const CHANGED_IN_PLACE = new Set(['flags', 'secondary', 'secondaries', 'self', 'selfBoost', 'ignoreImmunity']);

/** A function which makes fresh copies of one move. */
function copier(move, deepClone) {
  const fresh = [];
  const assignments = Object.keys(move).map((key) => {
    const name = JSON.stringify(key);
    const nested = typeof move[key] === 'object' && move[key] !== null;
    if (!nested || !CHANGED_IN_PLACE.has(key)) return `this[${name}] = move[${name}];`;
    if (key === 'flags') return `this[${name}] = { ...move[${name}] };`;
    fresh.push(key);
    return `this[${name}] = deepClone(move[${name}]);`;
  });
  const build = new Function('move', 'deepClone', `return function () { ${assignments.join('\n')} this.hit = 0; };`);
  const ActiveMove = build(move, deepClone);
  ActiveMove.prototype = Object.getPrototypeOf(move);
  return ActiveMove;
}

function install(sim) {
  const ModdedDex = sim.Dex.constructor;
  const copiers = new WeakMap();

  ModdedDex.prototype.getActiveMove = function getActiveMove(move) {
    if (move && typeof move.hit === 'number') return move;
    const found = this.moves.get(move);
    let ActiveMove = copiers.get(found);
    if (ActiveMove === undefined) {
      // What is not frozen could still change, and a copier is made once.
      if (!Object.isFrozen(found)) {
        const copy = this.deepClone(found);
        copy.hit = 0;
        return copy;
      }
      ActiveMove = copier(found, this.deepClone);
      copiers.set(found, ActiveMove);
    }
    return new ActiveMove();
  };
}

module.exports = { install };
