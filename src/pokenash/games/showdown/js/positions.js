'use strict';
/**
 * Battles that begin in the middle. A position is not a dump of the simulator's memory but what made it: a recorded
 * battle up to a decision, or a description from which one is composed. It is made anew for every start, so the battle,
 * and what both players were told on the way, are those of an unbroken battle by construction.
 */
const {PRNG} = require('pokemon-showdown/dist/sim');
const {compose, drawHidden} = require('./compose');

/** A recorded battle's setup, as `Lane` takes it. */
function recordedSetup(record, text = [false, false]) {
  const [seed, ...teamSeeds] = record.showdown_seeds;
  return {
    seed,
    teamSeeds,
    teams: record.random_teams ? null : record.teams,
    text,
    record: false,
    position: record.position ? {source: record.position.source, keep: record.continued} : null,
  };
}

/** Play or compose the battle up to the position, without the last word on its random numbers. */
function make(lane, source, text) {
  const told = [[], []];
  if (source.record) {
    lane.replay(recordedSetup(source.record, text), source.record.actions, told);
  } else {
    const {teams, seed} = source.composition;
    lane.begin({seed, teamSeeds: [null, null], teams, text, record: false, position: null});
    told.forEach((lines, player) => lines.push(lane.takeText(player)));
    if (!lane.result) compose(lane.battle, source.composition);
    if (!lane.result) lane.settle();
  }
  if (lane.result) {
    throw new Error(`the position cannot be reached: ${lane.result.error || 'its battle has ended before'}`);
  }
  return told;
}

/**
 * Begin a battle at a position.
 *
 * @param lane a `Lane`
 * @param setup as for `Lane.start`, with {source, keep} as its position: `keep` goes on with the position's own random
 *   numbers instead of those of the setup's seed
 */
function reach(lane, setup) {
  const {source, keep} = setup.position;
  const told = make(lane, source, setup.text);
  lane.setup = setup;
  lane.answered = [0, 0];
  lane.text = setup.text.map((wanted, player) => wanted ? [...told[player], ...lane.text[player]] : null);
  if (!keep) lane.battle.prng = new PRNG(setup.seed);
  if (source.composition) drawHidden(lane.battle, source.composition);
}

module.exports = {reach, recordedSetup};
