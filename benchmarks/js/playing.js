'use strict';
// Battles played by seeded random choices, the same in every process: teams, choices and their generator.

/** A small seeded generator (splitmix32): `next(n)` is uniform in [0, n). */
class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  word() {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  next(n) {
    return Math.floor((this.word() / 4294967296) * n);
  }

  pick(list) {
    return list[this.next(list.length)];
  }

  chance(percent) {
    return this.next(100) < percent;
  }

  /** A seed for the simulator. */
  seed() {
    let hex = '';
    for (let i = 0; i < 8; i++) hex += this.word().toString(16).padStart(8, '0');
    return `sodium,${hex}`;
  }
}

/** Everything of a generation that a set may be made of, in a fixed order. */
function pool(dex) {
  const usable = (list) => list.filter((thing) => thing.exists && thing.gen <= dex.gen && thing.id);
  return {
    species: usable(dex.species.all()).filter((species) => !species.isNonstandard || species.isNonstandard === 'Past'),
    moves: usable(dex.moves.all()).filter((move) => !move.isZ && !move.isMax && !move.realMove),
    abilities: usable(dex.abilities.all()),
    items: usable(dex.items.all()),
    natures: dex.natures.all(),
    types: dex.types.names(),
  };
}

function spread(random, highest) {
  const stats = {};
  for (const stat of ['hp', 'atk', 'def', 'spa', 'spd', 'spe']) stats[stat] = random.next(highest + 1);
  return stats;
}

/** A set of anything whatever: what no player could bring shows effects that no legal battle reaches. */
function wildSet(dex, things, random) {
  const species = random.pick(things.species);
  const moves = new Set();
  while (moves.size < 4) moves.add(random.pick(things.moves).id);
  const ownItem = species.requiredItem || (random.chance(15) && things.items.find((item) => item.megaStone?.[species.name]));
  return {
    name: species.baseSpecies.slice(0, 18),
    species: species.name,
    moves: [...moves],
    ability: dex.gen < 3 ? 'No Ability' : random.pick(things.abilities).name,
    item: dex.gen < 2 ? '' : (ownItem?.name || ownItem || random.pick(things.items).name),
    nature: random.pick(things.natures).name,
    level: random.pick([50, 78, 100]),
    evs: spread(random, 252),
    ivs: spread(random, 31),
    gender: random.pick(['', '', 'M', 'F']),
    teraType: dex.gen === 9 ? random.pick(things.types) : undefined,
    gigantamax: dex.gen === 8 && random.chance(30),
  };
}

function wildTeam(dex, things, random) {
  return Array.from({ length: 6 }, () => wildSet(dex, things, random));
}

function switches(request) {
  const { pokemon } = request.side;
  const reviving = pokemon.some((one) => one.reviving);
  const places = [];
  for (let i = 0; i < pokemon.length; i++) {
    const fainted = pokemon[i].condition.endsWith(' fnt');
    if (!pokemon[i].active && fainted === reviving) places.push(`switch ${i + 1}`);
  }
  return places;
}

/** The gimmicks that a move may be chosen with. */
function gimmicks(active, index) {
  const found = [];
  if (active.canMegaEvo) found.push('mega');
  if (active.canMegaEvoX) found.push('megax');
  if (active.canMegaEvoY) found.push('megay');
  if (active.canUltraBurst) found.push('ultra');
  if (active.canZMove?.[index]) found.push('zmove');
  if (active.canDynamax) found.push('dynamax');
  if (active.canTerastallize) found.push('terastallize');
  return found;
}

/** Every choice that a request offers, in a fixed order. */
function choices(request) {
  if (request.teamPreview) return request.side.pokemon.map((_, i) => `team ${i + 1}`);
  if (request.forceSwitch) return switches(request);
  const [active] = request.active;
  const found = [];
  active.moves.forEach((move, i) => {
    if (!move.disabled) found.push(`move ${i + 1}`);
  });
  return active.trapped ? found : found.concat(switches(request));
}

/** A uniform random choice, one in four with a gimmick where there is one. */
function choose(request, random) {
  const found = choices(request);
  if (found.length === 0) return 'default';
  const choice = random.pick(found);
  if (choice.startsWith('move') && random.chance(25)) {
    const extra = gimmicks(request.active[0], Number(choice.slice(5)) - 1);
    if (extra.length > 0) return `${choice} ${random.pick(extra)}`;
  }
  return choice;
}

/** The side owes a choice. */
function owes(side) {
  return side.activeRequest && !side.activeRequest.wait && !side.isChoiceDone();
}

module.exports = { Random, pool, wildTeam, choices, choose, owes };
