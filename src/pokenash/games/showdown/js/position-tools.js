'use strict';
/** What tool.js can say of positions. */
const {Dex} = require('pokemon-showdown/dist/sim');
const {formatGimmicks} = require('./actions');
const {Lane} = require('./lane');
const {recordedSetup} = require('./positions');
const {buildVocab} = require('./vocab');

const SEED = `sodium,${'00'.repeat(32)}`;

/** A lane in which one battle of a format can be played. */
function newLane(id) {
  const format = Dex.formats.get(id, true);
  const dex = Dex.forFormat(format);
  return new Lane({
    format, dex, gimmicks: formatGimmicks(format, dex), vocab: buildVocab(dex), turnLimit: Infinity,
  });
}

/** A lane whose battle stands at a position and goes on with the position's own random numbers. */
function laneAt(format, source, text = [false, false]) {
  const lane = newLane(format);
  lane.start({seed: SEED, teamSeeds: [null, null], teams: null, text, record: false, position: {source, keep: true}});
  if (lane.result) throw new Error(lane.result.error.split('\n')[0]);
  return lane;
}

/** What both players were told on the way to a position, and who is asked. */
function reach({format, source}) {
  let lane;
  try {
    lane = laneAt(format, source, [true, true]);
  } catch (error) {
    return {error: error.message.replace(/^Error: /, '')};
  }
  return {turn: lane.battle.turn, owes: lane.owes, told: [0, 1].map(player => lane.takeText(player))};
}

/** The decision points of a recorded battle: the turn, who was asked, and how many actions both had taken before. */
function points({record}) {
  const lane = newLane(record.format);
  const found = [];
  const counts = [0, 0];
  lane.start(recordedSetup(record));
  for (;;) {
    if (lane.result) return {points: found, error: lane.result.error && lane.result.error.split('\n')[0]};
    found.push({turn: lane.battle.turn, owes: [...lane.owes], counts: [...counts]});
    const actions = [0, 1].map(player => lane.owes[player] ? record.actions[player][counts[player]++] : undefined);
    if ([0, 1].some(player => lane.owes[player] && actions[player] === undefined)) return {points: found};
    lane.act(actions);
  }
}

module.exports = {laneAt, points, reach};
