'use strict';
/** What a player knows of one battle: Pokémon and sides, in the vocabulary's ids and plain numbers. */
const {VOLATILES, SIDE} = require('./layout.js');

const BOOSTS = ['atk', 'def', 'spa', 'spd', 'spe', 'accuracy', 'evasion'];
const TEAM = 6;

/** One Pokémon. Ids are those of the vocabulary, 0 = none or unknown. */
class Mon {
  /** `own`: its HP is told exactly. */
  constructor(name = '', own = false) {
    this.name = name;
    this.own = own;
    /** Still part of this battle: a team may bring only some of its Pokémon. */
    this.present = true;
    this.revealed = false;
    this.species = null; // as in Knowledge.species; of the forme it has now
    this.lasting = null; // the forme to which it goes back when it leaves the field
    this.transformed = 0;
    this.level = 100;
    this.gender = 0;
    this.type1 = 0;
    this.type2 = 0;
    this.type3 = 0;
    this.tera = 0;
    this.terastallized = false;
    this.mega = false;
    this.ability = 0;
    this.innate = 0; // the ability to which it goes back when it leaves the field
    this.item = 0;
    this.itemKnown = false;
    this.lastItem = 0;
    this.status = 0;
    this.statusTurns = 0;
    this.fainted = false;
    this.hp = 1;
    this.maxhp = 0; // own only
    this.stats = null; // own only: atk def spa spd spe
    this.moves = [0, 0, 0, 0];
    this.pp = [0, 0, 0, 0];
    this.maxpp = [0, 0, 0, 0];
    this.kept = null; // moves and PP of its own while it has others
    this.lastMove = 0;
    this.ident = '';
    this.condition = ''; // own only: the texts of the last request, to see what has changed
    this.details = '';
    this.moveNames = [];
  }

  /** A copy that later changes of this Pokémon leave alone. */
  copy() {
    const copy = Object.assign(new Mon(), this);
    copy.moves = this.moves.slice();
    copy.pp = this.pp.slice();
    copy.maxpp = this.maxpp.slice();
    return copy;
  }

  /** Use other moves until it leaves the field: in one slot (Mimic), or in all (-1, Transform). */
  keepMoves(slot) {
    if (!this.kept) this.kept = {slot, moves: this.moves.slice(), pp: this.pp.slice(), maxpp: this.maxpp.slice()};
    else if (slot < 0) this.kept.slot = -1;
  }

  restoreMoves(gen) {
    const kept = this.kept;
    if (kept === null) return;
    for (let i = 0; i < 4; i++) {
      // While it mimicked, its other moves were its own.
      if (kept.slot >= 0 && i !== kept.slot) continue;
      this.moves[i] = kept.moves[i];
      this.maxpp[i] = kept.maxpp[i];
      // In generation 1 the mimicked move used up Mimic's PP.
      if (kept.slot < 0 || gen > 1) this.pp[i] = kept.pp[i];
    }
    this.kept = null;
    this.moveNames = [];
  }
}

/** One player's half of the field. */
class Side {
  constructor(own) {
    this.own = own;
    this.foe = null;
    this.mons = [];
    this.byName = new Map();
    this.active = null;
    this.since = 0; // turn in which the active Pokémon came in
    this.size = TEAM;
    this.lastMove = 0;
    this.boosts = new Int8Array(BOOSTS.length);
    this.volatiles = new Float32Array(VOLATILES.length);
    this.disabledMove = 0;
    this.paradoxStat = 0;
    this.lockOnTurn = 0;
    this.rolls = 0; // uses of Rollout or Ice Ball in a row
    this.wishTurn = -9;
    this.futureTurn = -9;
    this.dynamaxTurns = 0;
    /** Turn since which a lasting condition is up, number of layers, or 1 for a flag; 0 = not there. */
    this.conditions = new Int16Array(SIDE.length);
    this.before = null; // the active Pokémon as it was known when it came in, should it turn out to be an Illusion
    this.used = []; // moves used since it came in
  }

  add(mon) {
    this.mons.push(mon);
    if (mon.name) this.byName.set(mon.name, mon);
    return mon;
  }

  /** An own Pokémon that is named before the first request tells of the team. */
  expect(name) {
    const mon = new Mon(name, true);
    this.byName.set(name, mon);
    return mon;
  }

  /** Forget what ends when the active Pokémon leaves the field. */
  clearField() {
    this.boosts.fill(0);
    this.volatiles.fill(0);
    this.disabledMove = 0;
    this.paradoxStat = 0;
    this.dynamaxTurns = 0;
    this.rolls = 0;
  }
}

module.exports = {BOOSTS, Mon, Side, TEAM};
