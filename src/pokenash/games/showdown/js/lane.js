'use strict';
/**
 * One battle: the simulator's `Battle`, and for each player a tracker that is told what that player would be told.
 *
 * The trackers never see the battle itself, only protocol lines and requests, so that nothing hidden can reach an
 * observation.
 */
const {Battle, Teams} = require('pokemon-showdown/dist/sim');
const {choice} = require('./actions');
const {reach} = require('./positions');
const {Tracker} = require('./tracker');

const PLAYERS = ['p1', 'p2'];
const FORFEIT = -1;
/** The simulator's own limit. */
const LAST_TURN = 1000;
const UNAVAILABLE = '|error|[Unavailable choice]';

class Lane {
  /** @param world what all battles of a worker share: {format, dex, vocab, gimmicks, turnLimit} */
  constructor(world) {
    this.world = world;
    this.clear();
  }

  clear() {
    this.battle = null;
    this.trackers = [];
    this.result = null;
    this.owes = [false, false];
  }

  /**
   * Begin a battle.
   *
   * @param setup {seed, teamSeeds: [2], teams: [2] packed or null for random teams, text: [2], record, position}, where
   *   `position` is {source, keep} of a battle that begins in the middle, see positions.js
   */
  start(setup) {
    if (setup.position) this.attempt(() => reach(this, setup));
    else this.begin(setup);
  }

  /** Begin a battle at its beginning. */
  begin(setup) {
    const {format, dex, vocab, gimmicks} = this.world;
    this.clear();
    this.setup = setup;
    this.logPosition = 0;
    this.answered = [0, 0];
    this.requests = [null, null];
    this.refused = [false, false];
    this.text = setup.text.map(wanted => wanted ? [] : null);
    this.attempt(() => {
      this.trackers = PLAYERS.map(player => new Tracker({dex, player, vocab, gimmicks}));
      this.battle = new Battle({
        format,
        formatid: format.id,
        seed: setup.seed,
        p1: this.player(0),
        p2: this.player(1),
        send: (type, data) => this.hear(type, data),
      });
      this.settle();
    });
  }

  player(player) {
    const options = {name: `Player ${player + 1}`};
    if (this.setup.teams) options.team = this.setup.teams[player];
    else options.seed = this.setup.teamSeeds[player];
    return options;
  }

  /** Answer for the players that owe a choice. @param actions [2], undefined where nothing was asked */
  act(actions) {
    this.attempt(() => {
      const forfeits = actions.map(action => action === FORFEIT);
      for (const player of [0, 1]) {
        if (actions[player] === undefined) continue;
        this.answered[player]++;
        if (!forfeits[0] && !forfeits[1]) this.choose(player, actions[player]);
      }
      if (forfeits[0] || forfeits[1]) this.forfeit(forfeits);
      this.settle();
    });
  }

  choose(player, action) {
    const text = choice(this.trackers[player], action);
    if (text === null) return;
    this.lastError = '';
    if (this.battle.choose(PLAYERS[player], text)) return;
    if (!this.lastError.startsWith(UNAVAILABLE)) {
      throw new Error(`the simulator refused ${PLAYERS[player]}'s action ${action} (${text}): ${this.lastError}`);
    }
    this.refused[player] = true;
  }

  forfeit(forfeits) {
    const both = forfeits[0] && forfeits[1];
    if (both) this.battle.tie();
    else this.battle.lose(PLAYERS[forfeits[0] ? 0 : 1]);
    this.end('forfeit', both ? -1 : forfeits[0] ? 1 : 0);
  }

  /** What the simulator sends to one side alone, such as a refusal. Requests are read where they lie. */
  hear(type, data) {
    if (type !== 'sideupdate') return;
    const line = data.slice(data.indexOf('\n') + 1);
    if (line.startsWith('|request|')) return;
    if (line.startsWith('|error|')) this.lastError = line;
    this.tell(data.charCodeAt(1) - 49, line);
  }

  tell(player, line) {
    this.trackers[player].receive(line);
    if (this.text[player]) this.text[player].push(line);
  }

  tellBoth(line) {
    if (line.startsWith('|')) {
      const parts = line.split('|');
      this.trackers[0].receiveParts(parts);
      this.trackers[1].receiveParts(parts);
    }
    for (const text of this.text) if (text) text.push(line);
  }

  /** Pass on the new lines of the log; after `|split|pX` comes X's own line, then everybody else's. */
  readLog() {
    const log = this.battle.log;
    for (let i = this.logPosition; i < log.length; i++) {
      const line = log[i];
      if (line.startsWith('|split|p')) {
        const owner = line.charCodeAt(8) - 49;
        if (log[i + 1]) this.tell(owner, log[i + 1]);
        if (log[i + 2]) this.tell(1 - owner, log[i + 2]);
        i += 2;
      } else if (!line.startsWith('|t:|')) {
        this.tellBoth(line);
      }
    }
    this.logPosition = log.length;
    // Keeps the simulator from sending long logs of its own accord.
    this.battle.sentLogPos = log.length;
  }

  /** After anything has happened: who was told what, is it over, and who owes a choice. */
  settle() {
    const battle = this.battle;
    this.readLog();
    if (!battle.ended && battle.turn > this.world.turnLimit) {
      battle.tie();
      this.readLog();
      this.end('turn limit', -1);
    } else if (battle.ended && !this.result) {
      const winner = battle.sides.findIndex(side => side.name === battle.winner);
      this.end(winner < 0 ? 'tie' : 'win', winner);
    }
    for (const player of [0, 1]) this.ask(player);
  }

  ask(player) {
    const side = this.battle.sides[player];
    const request = side.activeRequest;
    this.owes[player] = !!request && !request.wait && !side.isChoiceDone();
    if (!this.owes[player]) return;
    if (request !== this.requests[player] || this.refused[player]) {
      this.trackers[player].request(request);
      this.requests[player] = request;
      this.refused[player] = false;
    }
  }

  end(reason, winner) {
    this.result = {
      reason,
      winner,
      // The turn count has gone past the limit when the limit ends the battle.
      turns: this.battle ? Math.min(this.battle.turn, this.world.turnLimit, LAST_TURN) : 0,
      remaining: this.battle ? this.battle.sides.map(side => side.pokemonLeft) : [0, 0],
    };
    this.owes = [false, false];
  }

  /** A battle that throws ends with its error; the other battles of the worker go on. */
  attempt(step) {
    try {
      step();
    } catch (error) {
      this.end('error', -1);
      this.result.error = error.stack || String(error);
      this.battle = null;
    }
  }

  /** What a player was told since its last decision, with the open request. */
  takeText(player) {
    if (!this.text[player]) return '';
    const lines = this.text[player];
    this.text[player] = [];
    if (this.owes[player]) lines.push(`|request|${JSON.stringify(this.requests[player])}`);
    return lines.join('\n');
  }

  /** The teams as they were given, or as they were drawn. */
  teams() {
    if (this.setup.teams) return this.setup.teams;
    return this.battle ? this.battle.sides.map(side => Teams.pack(side.team)) : null;
  }

  /**
   * Play a battle again from its setup and the actions so far, up to the decision that is now open.
   *
   * @param told where to put the text of the decisions that were made, per player; by default it is dropped
   */
  replay(setup, histories, told) {
    this.start(setup);
    const position = [0, 0];
    while (!this.result) {
      const actions = [undefined, undefined];
      for (const player of [0, 1]) {
        if (!this.owes[player] || position[player] >= histories[player].length) continue;
        const text = this.takeText(player);
        if (told) told[player].push(text);
        actions[player] = histories[player][position[player]++];
      }
      if (actions[0] === undefined && actions[1] === undefined) return;
      this.act(actions);
    }
  }
}

module.exports = {Lane};
