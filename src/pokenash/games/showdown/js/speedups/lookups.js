'use strict';
// Looking things up by name: the simulator strips each name down to an id every time, and builds a rule anew.

/** Names longer than this are not remembered; nothing in the data is called so. */
const LONGEST = 60;

/** Formats are given their table of rules later, and may be made up by a user; rules are only read. */
const RULES = new Set(['Rule', 'ValidatorRule']);

/** Remember what `get` of a dex table gives for a name, where it is there to stay. */
function remember(table, stays) {
  const prototype = Object.getPrototypeOf(table);
  const { get } = prototype;
  const FOUND = Symbol('found by name');

  prototype.get = function (name, ...more) {
    if (typeof name !== 'string' || more.length > 0) return get.call(this, name, ...more);
    if (this[FOUND] === undefined) this[FOUND] = new Map();
    let found = this[FOUND].get(name);
    if (found !== undefined) return found;
    found = get.call(this, name);
    if (name.length <= LONGEST && stays(found)) this[FOUND].set(name, found);
    return found;
  };
}

function install(sim) {
  const { abilities, conditions, formats, items, moves, species } = sim.Dex;
  for (const table of [abilities, items, moves, species]) {
    remember(table, (found) => found.exists && Object.isFrozen(found));
  }
  remember(conditions, (found) => Object.isFrozen(found));
  remember(formats, (found) => found.exists && RULES.has(found.effectType));
}

module.exports = { install };
