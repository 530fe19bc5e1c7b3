'use strict';
/**
 * The game tree of a small endgame in generation 1, every random number enumerated: from each state, for each pair
 * of choices, the exact distribution of the next states. The simulator itself plays every branch, with a generator
 * that answers what it is told to; equal states are merged.
 *
 * How many turns a Pokémon will sleep is hidden from both players. It is not fixed here but unfolds: one that has
 * slept k turns wakes in its next with probability 1 / (7 - k).
 */
const {Battle} = require('pokemon-showdown/dist/sim');
const {LONGEST_SLEEP} = require('./compose');
const {laneAt} = require('./position-tools');

const PLAYERS = ['p1', 'p2'];
/** More than a Pokémon can sleep: marks a sleeper whose waking unfolds. */
const OPEN_SLEEP = 100;
/** Moves whose effect depends on what was done before. */
const LOOKING_BACK = ['counter', 'mirrormove', 'bide'];
/** What a volatile condition remembers that matters. */
const TIMED = ['duration', 'time', 'counter', 'hp', 'move', 'totalDuration', 'damage'];
const END = {p1: -1, p2: -2, tie: -3};

/** Answers from a script, and keeps what was asked where the script ends. */
class Script {
  constructor(answers) {
    this.answers = answers;
    this.asked = []; // {first, outcomes: [[answer, weight]]}, or {first, from, to} for numbers in order
  }

  next(point) {
    const place = this.asked.length;
    this.asked.push(point);
    return place < this.answers.length ? this.answers[place] : point.first;
  }

  chance(numerator, denominator) {
    if (numerator <= 0) return false;
    if (numerator >= denominator) return true;
    return this.next({first: 0, outcomes: [[0, numerator / denominator], [1, 1 - numerator / denominator]]}) === 0;
  }

  // What the simulator calls.
  randomChance(numerator, denominator) { return this.chance(numerator, denominator); }
  random(from, to) {
    if (from === undefined) throw new Error('a real random number cannot be enumerated');
    const [low, high] = to ? [Math.floor(from), Math.floor(to)] : [0, Math.floor(from)];
    return high - low <= 1 ? low : this.next({first: low, from: low, to: high});
  }
  sample(items) { return items[this.random(items.length)]; }
  shuffle(items, start = 0, end = items.length) {
    // Who is first among equally fast ones matters for what they do, not for the order in which effects are looked at.
    if (!items.slice(start, end).some(item => item.choice === 'move' || item.choice === 'switch')) return;
    for (; start < end - 1; start++) {
      const other = this.random(start, end);
      [items[start], items[other]] = [items[other], items[start]];
    }
  }
  getSeed() { return 'sodium,00'; }
}

/** What makes two states the same game from here on. */
function keyOf(battle, holdPp) {
  const everybody = battle.sides.flatMap(side => side.pokemon);
  const looksBack = everybody.some(pokemon => LOOKING_BACK.some(id => pokemon.hasMove(id)));
  const sides = battle.sides.map(side => side.pokemon.map(pokemon => {
    if (pokemon.fainted) return [pokemon.name];
    const {status, statusState} = pokemon;
    return [
      pokemon.name, pokemon.isActive, pokemon.hp, status,
      status === 'slp' ? [statusState.startTime, statusState.time] : 0,
      holdPp ? 0 : pokemon.moveSlots.map(slot => slot.pp), pokemon.boosts, pokemon.modifiedStats,
      Object.entries(pokemon.volatiles).map(([id, state]) => [id, ...TIMED.map(name => state[name])]).sort(),
      looksBack && pokemon.lastMove ? [pokemon.lastMove.id, battle.lastDamage] : 0,
    ];
  }));
  return JSON.stringify([battle.requestState, sides, battle.sides.map(side => Object.keys(side.sideConditions))]);
}

/** Forget how long one that a move of the other side has put to sleep will sleep, and keep how long it has slept. */
function leaveSleepOpen({status, statusState, side}) {
  const {before, startTime, time} = statusState;
  delete statusState.before;
  if (status !== 'slp' || statusState.source?.side === side) return;
  // One that was to wake and did not get to move sleeps on.
  if (before !== undefined) statusState.time = time === 1 ? before : time;
  else if (startTime !== OPEN_SLEEP) statusState.time = OPEN_SLEEP - (startTime - time);
  statusState.startTime = OPEN_SLEEP;
}

/** The choices that a player has, as the simulator takes them and in words. */
function choicesOf(side) {
  const request = side.activeRequest;
  if (!request || request.wait || side.isChoiceDone()) return null;
  const found = [];
  const active = request.active && request.active[0];
  if (active) {
    active.moves.forEach((move, i) => {
      if (!move.disabled) found.push([`move ${i + 1}`, `move ${move.move}`]);
    });
  }
  if (!active || !active.trapped) {
    side.pokemon.forEach((pokemon, i) => {
      if (i > 0 && !pokemon.fainted) found.push([`switch ${i + 1}`, `switch ${pokemon.name}`]);
    });
  }
  return found;
}

class Endgame {
  /**
   * @param options {states: how many are expanded at most, seconds: for how long, hold_pp: whether PP stay what they
   *   are at the start, rolls: how many of the 39 damage rolls stand for all of them, 0 for all}
   */
  constructor(options) {
    this.options = options;
    this.ids = new Map();
    this.states = []; // {json, choices}
    this.runs = 0;
  }

  /** The root. */
  begin(battle) {
    this.pp = new Map(battle.sides.flatMap(side => side.pokemon.map(pokemon => [
      `${side.id} ${pokemon.name}`, pokemon.moveSlots.map(slot => slot.pp),
    ])));
    return this.idOf(battle);
  }

  /** The number of a state; a new one is kept. */
  idOf(battle) {
    if (battle.ended) return battle.winner ? END[battle.sides.find(side => side.name === battle.winner).id] : END.tie;
    for (const side of battle.sides) {
      for (const pokemon of side.pokemon) {
        leaveSleepOpen(pokemon);
        if (this.options.hold_pp) this.restorePp(side, pokemon);
      }
    }
    const key = keyOf(battle, this.options.hold_pp);
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.states.length;
      this.ids.set(key, id);
      battle.log = [];
      battle.inputLog = [];
      battle.sentLogPos = 0;
      this.states.push({json: JSON.stringify(battle.toJSON()), choices: battle.sides.map(choicesOf)});
    }
    return id;
  }

  restorePp(side, pokemon) {
    const pp = this.pp && this.pp.get(`${side.id} ${pokemon.name}`);
    if (pp) pokemon.moveSlots.forEach((slot, i) => { slot.pp = pp[i]; });
  }

  /** Play one pair of choices with scripted answers. */
  run(state, joint, answers) {
    this.runs++;
    const battle = Battle.fromJSON(state.json);
    battle.restart(() => {});
    const script = new Script(answers);
    battle.prng = script;
    for (const side of battle.sides) {
      for (const pokemon of side.pokemon) {
        const {status, statusState} = pokemon;
        if (status !== 'slp' || statusState.startTime !== OPEN_SLEEP || !pokemon.isActive) continue;
        statusState.before = statusState.time;
        const slept = OPEN_SLEEP - statusState.time;
        if (script.chance(1, LONGEST_SLEEP - slept)) statusState.time = 1;
      }
    }
    joint.forEach((choice, player) => {
      if (choice === null || battle.choose(PLAYERS[player], choice)) return;
      throw new Error(`the simulator refused ${choice}`);
    });
    return {next: this.idOf(battle), asked: script.asked};
  }

  /** The distribution over next states, {id: probability}, after some answers; `run` is what was played with them. */
  explore(state, joint, answers, run) {
    const point = run.asked[answers.length];
    if (point === undefined) return {[run.next]: 1};
    const follow = answer => {
      const longer = [...answers, answer];
      return this.explore(state, joint, longer, answer === point.first ? run : this.run(state, joint, longer));
    };
    const total = {};
    const add = (found, weight) => {
      for (const id in found) total[id] = (total[id] || 0) + weight * found[id];
    };
    if (point.outcomes) for (const [answer, weight] of point.outcomes) add(follow(answer), weight);
    else this.between(point.from, point.to - 1, follow, add, 1 / (point.to - point.from));
    return total;
  }

  /**
   * All numbers from low to high, each with the same weight. More damage never leaves more HP, so where the lowest and
   * the highest number lead to the same, all between them do.
   */
  between(low, high, follow, add, weight) {
    const count = high - low + 1;
    const {rolls} = this.options;
    if (rolls && count === 39) {
      for (let i = 0; i < rolls; i++) {
        // The middle of each of so many equal shares.
        add(follow(low + Math.floor((2 * i + 1) * count / (2 * rolls))), count * weight / rolls);
      }
      return;
    }
    const memory = new Map();
    const at = number => {
      if (!memory.has(number)) memory.set(number, follow(number));
      return memory.get(number);
    };
    const split = (first, last) => {
      if (same(at(first), at(last))) add(at(first), weight * (last - first + 1));
      else if (last - first === 1) [first, last].forEach(number => add(at(number), weight));
      else {
        const middle = Math.floor((first + last) / 2);
        split(first, middle);
        split(middle + 1, last);
      }
    };
    split(low, high);
  }

  /** Expand states in the order in which they were found. */
  solve() {
    const expanded = [];
    const stop = Date.now() + 1000 * this.options.seconds;
    for (let id = 0; id < this.states.length && id < this.options.states; id++) {
      if (id > 0 && Date.now() > stop) break;
      const state = this.states[id];
      const [first, second] = state.choices.map(choices => choices || [[null, null]]);
      expanded.push(first.map(([mine]) => second.map(([theirs]) => {
        const joint = [mine, theirs];
        return Object.entries(this.explore(state, joint, [], this.run(state, joint, [])))
          .map(([next, probability]) => [Number(next), probability]);
      })));
      // It is not needed again.
      state.json = null;
    }
    return {
      choices: this.states.map(state => state.choices.map(choices => choices && choices.map(([, words]) => words))),
      transitions: expanded,
      runs: this.runs,
    };
  }
}

function same(one, other) {
  const ids = Object.keys(one);
  return ids.length === Object.keys(other).length && ids.every(id => Math.abs(one[id] - (other[id] || 0)) < 1e-12);
}

/** The game tree from a position. */
function endgame({format, source, options}) {
  let lane;
  try {
    lane = laneAt(format, source);
  } catch (error) {
    return {error: error.message};
  }
  if (lane.battle.gen !== 1) return {error: 'endgames are enumerated in generation 1 only'};
  const tree = new Endgame(options);
  tree.begin(lane.battle);
  return tree.solve();
}

module.exports = {endgame};
