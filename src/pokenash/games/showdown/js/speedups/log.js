'use strict';
// A line of the log, nearly always made of plain parts, without a closure and two arrays.

function install(sim) {
  const { prototype } = sim.Battle;
  const { add } = prototype;

  prototype.add = function (...parts) {
    let line = '';
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      // One that shows different things to the two players.
      if (typeof part === 'function') return add.apply(this, parts);
      line += part === null || part === undefined ? '|' : `|${part}`;
    }
    this.log.push(line);
  };
}

module.exports = { install };
