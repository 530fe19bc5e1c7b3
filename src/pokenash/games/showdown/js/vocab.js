'use strict';
/**
 * The vocabulary of a generation: which integer stands for which species, move, item, ... in the observation.
 *
 * A vocabulary is plain data, lists of display names whose index is the id; entry 0 is "" (none or unknown) and
 * entry 1 is "unknown" (there is one, but it is not in the list). `Lookup` turns the protocol's words into ids.
 */

const TYPES = ['Bug', 'Dark', 'Dragon', 'Electric', 'Fairy', 'Fighting', 'Fire', 'Flying', 'Ghost', 'Grass', 'Ground',
  'Ice', 'Normal', 'Poison', 'Psychic', 'Rock', 'Steel', 'Stellar', 'Water', '???'];
const STATUSES = ['brn', 'par', 'slp', 'frz', 'psn', 'tox', 'fnt'];
const WEATHERS = ['DeltaStream', 'DesolateLand', 'Hail', 'PrimordialSea', 'RainDance', 'Sandstorm', 'Snowscape',
  'SunnyDay'];
const TERRAINS = ['Electric Terrain', 'Grassy Terrain', 'Misty Terrain', 'Psychic Terrain'];
const REQUESTS = ['move', 'switch', 'team_preview', 'revive', 'wait'];
const STATS = ['atk', 'def', 'spa', 'spd', 'spe'];
/** What a request offers in the place of moves though the dex has no such move. */
const PSEUDO_MOVES = ['Fight', 'Recharge'];

const toID = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, '');

const withReserved = (names) => ['', 'unknown', ...names];

const byCode = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** Names of what exists in the generation of `dex`, sorted by id. */
function namesOf(table, dex, more = []) {
  const names = table.all().filter((effect) => effect.exists && effect.gen <= dex.gen).map((effect) => effect.name);
  const known = new Set(names.map(toID));
  for (const name of more) if (!known.has(toID(name))) names.push(name);
  return names.sort((a, b) => byCode(toID(a), toID(b)));
}

/**
 * The vocabulary of the generation that `dex` (`Dex.forFormat(...)`) belongs to.
 * Returns `{species, moves, items, abilities, types, statuses, weathers, terrains, requests, stats}`, lists of names.
 */
function buildVocab(dex) {
  const species = dex.species.all().filter((s) => s.exists && s.gen <= dex.gen)
    .sort((a, b) => a.num - b.num || byCode(a.id, b.id)).map((s) => s.name);
  const lists = {
    species,
    moves: namesOf(dex.moves, dex, PSEUDO_MOVES),
    items: dex.gen >= 2 ? namesOf(dex.items, dex) : [],
    abilities: dex.gen >= 3 ? namesOf(dex.abilities, dex) : [],
    types: TYPES,
    statuses: STATUSES,
    weathers: WEATHERS,
    terrains: TERRAINS,
    requests: REQUESTS,
    stats: STATS,
  };
  return Object.fromEntries(Object.entries(lists).map(([key, names]) => [key, withReserved(names)]));
}

/** How many different texts a lookup remembers; more than any generation has names. */
const REMEMBERED = 20000;

/** A function from a name, however it is written, to its id: 0 for nothing, 1 for what is not in the list. */
function lookup(names, aliases = new Map()) {
  const exact = new Map(names.map((name, i) => [name, i])); // the type ??? has no letters
  const ids = new Map(names.map((name, i) => [toID(name), i]));
  ids.delete('unknown');
  ids.set('', 0);
  for (const [alias, name] of aliases) if (!ids.has(alias)) ids.set(alias, ids.get(toID(name)));
  const seen = new Map();
  return (text) => {
    let id = seen.get(text);
    if (id === undefined) {
      id = exact.has(text) ? exact.get(text) : ids.get(toID(text));
      if (id === undefined) id = 1;
      if (seen.size >= REMEMBERED) seen.clear();
      seen.set(text, id);
    }
    return id;
  };
}

/** One `lookup` per list of a vocabulary: `new Lookup(vocab).moves('Body Slam')`. */
class Lookup {
  constructor(vocab) {
    for (const [key, names] of Object.entries(vocab)) {
      // The protocol and old logs also call snow "Snow".
      this[key] = lookup(names, key === 'weathers' ? new Map([['snow', 'Snowscape']]) : undefined);
    }
  }
}

module.exports = {Lookup, buildVocab, toID};
