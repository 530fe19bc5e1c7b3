'use strict';
/**
 * What everybody knows about a generation: what the names in the protocol mean. Built once per dex and shared by all
 * trackers; lookups are remembered, because the same few texts come again and again.
 */
const {Lookup, buildVocab, toID} = require('./vocab.js');
const {VOLATILES} = require('./layout.js');

/** The simulator's name of the condition behind each volatile of the layout, where the two differ. */
const CONDITION_OF = {two_turn: 'twoturnmove', perish: 'perishsong', protect_count: 'stall', type_change: 'typechange'};

/** Moves whose user another move takes: `[from] move: ...` of these says nothing about the user's own moves. */
const OWN_MOVE_CALLERS = new Set(['sleeptalk']);
/** Moves that lock their user for five turns while they hit. */
const ROLLING = new Set(['rollout', 'iceball']);
const NEVER_OWN = new Set(['struggle', 'recharge', 'fight']);
const SELF_TARGETS = new Set(['self', 'allySide', 'allies', 'allyTeam', 'adjacentAlly', 'adjacentAllyOrSelf']);

const REMEMBERED = 20000;

/** Remember the answers of a function of one text. */
function remember(f) {
  const seen = new Map();
  return (text) => {
    let answer = seen.get(text);
    if (answer === undefined) {
      answer = f(text);
      if (seen.size >= REMEMBERED) seen.clear();
      seen.set(text, answer);
    }
    return answer;
  };
}

const PREFIX = /^(move|ability|item|condition|pokemon|format): ?/;

/** `"ability: Water Absorb"` as `{kind: "ability", name: "Water Absorb", id: "waterabsorb"}`. */
const effect = remember((text) => {
  const prefix = PREFIX.exec(text);
  const name = prefix ? text.slice(prefix[0].length) : text;
  return {kind: prefix ? prefix[1] : '', name, id: toID(name)};
});

class Knowledge {
  constructor(dex, vocab) {
    this.dex = dex;
    this.gen = dex.gen;
    this.vocab = vocab;
    this.lookup = new Lookup(vocab);
    this.effect = effect;
    this.species = remember((name) => this.describeSpecies(name));
    this.move = remember((name) => this.describeMove(name));
    this.details = remember((text) => this.describeDetails(text));
    /** For each volatile of the layout, 1 if Baton Pass hands it on. */
    this.passed = Float32Array.from(VOLATILES, (column) => {
      const condition = dex.conditions.get(CONDITION_OF[column] || toID(column));
      return condition.exists && !condition.noCopy ? 1 : 0;
    });
    this.basePP = Uint8Array.from(vocab.moves, (name) => dex.moves.get(name).pp);
    /** Moves of the vocabulary by id, in the form they are selected in: every Hidden Power is the same move. */
    this.selected = Int16Array.from(vocab.moves, (name, id) =>
      (toID(name).startsWith('hiddenpower') ? this.lookup.moves('hiddenpower') : id));
  }

  /** Id, base species and types of a species or forme, `Arceus-*` included. */
  describeSpecies(name) {
    const species = this.dex.species.get(name.endsWith('-*') ? name.slice(0, -2) : name);
    let id = this.lookup.species(species.name);
    // Cosmetic formes (Gastrodon-East) are not entries of their own.
    if (id === 1 && species.baseSpecies) id = this.lookup.species(species.baseSpecies);
    const types = (species.exists ? species.types : []).map((type) => this.lookup.types(type));
    const abilities = species.exists ? Object.values(species.abilities) : [];
    return {
      id,
      base: toID(species.baseSpecies || name),
      type1: types[0] || 0,
      type2: types[1] || 0,
      /** Its ability if it can have only one. */
      ability: abilities.length === 1 && abilities[0] ? this.lookup.abilities(abilities[0]) : 0,
    };
  }

  describeMove(name) {
    const status = name.startsWith('Z-');
    const move = this.dex.moves.get(status ? name.slice(2) : name);
    const id = this.lookup.moves(move.exists ? move.name : name);
    const locking = move.self && move.self.volatileStatus;
    // How the simulator gives a Pokémon its PP, with all PP Ups.
    let pp = move.noPPBoosts ? move.pp : (move.pp * 8) / 5;
    if (this.gen < 3) pp = Math.min(61, pp);
    return {
      id,
      key: move.exists ? move.id : toID(name),
      selected: this.lookup.moves(move.exists && move.id.startsWith('hiddenpower') ? 'hiddenpower' : move.name),
      pp: Math.floor(pp) || 1,
      /** Whether using it by choice shows that the user knows it. */
      own: move.exists && !(move.isZ && !status) && !move.isMax && !NEVER_OWN.has(move.id),
      locking: locking === 'lockedmove',
      rolling: ROLLING.has(move.id),
      binding: move.volatileStatus === 'partiallytrapped' || locking === 'partialtrappinglock',
      twoTurn: Boolean(move.flags && move.flags.charge),
      stalling: Boolean(move.stallingMove),
      pressured: this.gen >= 3 && !SELF_TARGETS.has(move.target),
      callsOwn: OWN_MOVE_CALLERS.has(move.id),
    };
  }

  /** `"Tauros, L68, M, shiny, tera:Water"` in its parts. */
  describeDetails(text) {
    const [name, ...rest] = text.split(', ');
    let level = 100;
    let gender = 0;
    let tera = 0;
    for (const part of rest) {
      if (part === 'M') gender = 1;
      else if (part === 'F') gender = -1;
      else if (part.startsWith('tera:')) tera = this.lookup.types(part.slice(5));
      else if (part[0] === 'L') level = Number(part.slice(1)) || 100;
    }
    return {species: this.species(name), level, gender, tera};
  }
}

const shared = new WeakMap();

/** The knowledge of a dex, always the same object for the same dex and vocabulary. */
function knowledgeOf(dex, vocab = null) {
  let known = shared.get(dex);
  if (!known || (vocab && known.vocab !== vocab)) {
    known = new Knowledge(dex, vocab || buildVocab(dex));
    shared.set(dex, known);
  }
  return known;
}

module.exports = {Knowledge, effect, knowledgeOf, remember};
