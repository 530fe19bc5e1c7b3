'use strict';
/** The observation's layout as numbers: sizes of the blocks and the place of every named column. */
const layout = require('./layout.json');

const index = (names) => Object.fromEntries(names.map((name, i) => [name, i]));

const ROWS = 12;
const MOVE_ROWS = 4;

/** Rows and columns of each block of the observation. */
const SHAPES = {
  pokemon_ids: [ROWS, layout.pokemon_ids.length],
  pokemon: [ROWS, layout.pokemon.length],
  move_ids: [MOVE_ROWS, layout.move_ids.length],
  moves: [MOVE_ROWS, layout.moves.length],
  global_ids: [layout.global_ids.length],
  global: [layout.global.length],
};
/** Numbers per observation row in each block. */
const SIZES = Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, shape.reduce((a, b) => a * b)]));

const P = index(layout.pokemon);
const ID = index(layout.pokemon_ids);
const M = index(layout.moves);
const G = index(layout.global);
const GID = index(layout.global_ids);

/** Volatiles stand side by side in the `pokemon` block, so that they are copied at once. */
const FIRST_VOLATILE = P.confusion;
const VOLATILES = layout.pokemon.slice(FIRST_VOLATILE, P.dynamax + 1);
const V = index(VOLATILES);

const between = (first, last) => layout.global.slice(G[first], G[last] + 1);
/** A side's conditions, as they stand in the `global` block after `own_` and `opponent_`. */
const SIDE = between('own_reflect', 'own_terastallize_used').map((name) => name.slice('own_'.length));
const S = index(SIDE);
const PSEUDO_WEATHERS = between('trick_room', 'water_sport');
const F = index(PSEUDO_WEATHERS);

module.exports = {SHAPES, SIZES, P, ID, M, G, GID, FIRST_VOLATILE, VOLATILES, V, SIDE, S, PSEUDO_WEATHERS, F};
