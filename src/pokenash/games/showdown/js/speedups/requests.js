'use strict';
// A request describes all twelve Pokémon anew, though most of them sit on the bench unchanged: a description is kept
// until something that it tells of has changed. Requests are only read, so two of them may share it.

const { KNOWN_MODS } = require('./callbacks');

const LAST = Symbol('last description');

/** Moves that are described by more than their id. */
const CHANGING_MOVES = new Set(['hiddenpower', 'return', 'frustration']);

/** What a description tells of that is not in it word for word. */
function stateOf(pokemon) {
  return { hp: pokemon.hp, maxhp: pokemon.maxhp, status: pokemon.status };
}

function sameHealth(pokemon, state) {
  return pokemon.hp === state.hp && pokemon.maxhp === state.maxhp && pokemon.status === state.status;
}

function sameStats(stats, told) {
  return stats.atk === told.atk && stats.def === told.def && stats.spa === told.spa && stats.spd === told.spd &&
    stats.spe === told.spe;
}

function sameMoves(slots, told) {
  if (slots.length !== told.length) return false;
  for (let i = 0; i < told.length; i++) if (slots[i].id !== told[i]) return false;
  return true;
}

/** What only generation 9 tells. */
function sameNews(pokemon, told) {
  return told.commanding === (!!pokemon.volatiles.commanding && !pokemon.fainted) &&
    told.reviving === (pokemon.isActive && !!pokemon.side.slotConditions[pokemon.position].revivalblessing) &&
    told.teraType === pokemon.teraType && told.terastallized === (pokemon.terastallized || '');
}

function unchanged(pokemon, { state, told }, gen) {
  return sameHealth(pokemon, state) && told.active === pokemon.position < pokemon.side.active.length &&
    told.details === pokemon.details && told.item === pokemon.item && told.baseAbility === pokemon.baseAbility &&
    sameMoves(pokemon.moveSlots, told.moves) && sameStats(pokemon.baseStoredStats, told.stats) &&
    (gen <= 6 || told.ability === pokemon.ability) && (gen < 9 || sameNews(pokemon, told));
}

function install(sim) {
  const { prototype } = sim.Pokemon;
  const describe = prototype.getSwitchRequestData;

  prototype.getSwitchRequestData = function getSwitchRequestData(forAlly) {
    const { dex, gen, format } = this.battle;
    if (forAlly || format.pokemon || !KNOWN_MODS.has(dex.currentMod)) return describe.call(this, forAlly);
    const last = this[LAST];
    if (last !== undefined && unchanged(this, last, gen)) return last.told;
    const told = describe.call(this);
    const plain = !told.moves.some((_, i) => CHANGING_MOVES.has(this.moveSlots[i].id));
    this[LAST] = plain ? { state: stateOf(this), told } : undefined;
    return told;
  };
}

module.exports = { install };
