'use strict';
/** What all battles of a process share: the format, its words, and the shape of its rows. */
const {formatGimmicks, numActions} = require('./actions');
const {SIZES} = require('./layout');
const {buildVocab} = require('./vocab');

/** @param Dex the simulator's; name: of the format */
function describeWorld(Dex, name) {
  const format = Dex.formats.get(name, true);
  const dex = Dex.forFormat(format);
  const gimmicks = formatGimmicks(format, dex);
  return {
    format,
    dex,
    gimmicks,
    vocab: buildVocab(dex),
    blocks: Object.entries(SIZES).map(([block, size]) => ({
      name: block, size, type: block.endsWith('_ids') ? 'int16' : 'float32',
    })),
    numActions: numActions(gimmicks),
  };
}

module.exports = {describeWorld};
