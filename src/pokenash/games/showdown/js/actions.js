'use strict';
/**
 * Actions and what a request allows. 0-3: move i of the request; 4-9: own team slot k (switch, lead, or whom to
 * revive); from 10 on four more for every gimmick of the format: move i with it.
 */

const FIRST_SWITCH = 4;
const FIRST_GIMMICK = 10;
const MOVES = 4;
const TEAM = 6;

/** What the simulator's choice strings call each gimmick. */
const CHOICE_WORD = {mega: 'mega', megay: 'megay', zmove: 'zmove', dynamax: 'dynamax', terastallize: 'terastallize'};

/**
 * The gimmicks that a format can ever offer, in the order of their actions. `format` may be null (then only the
 * generation of `dex` counts).
 */
function formatGimmicks(format, dex) {
  const natdex = format !== null && dex.formats.getRuleTable(format).has('natdexmod');
  const latest = {8: ['dynamax'], 9: ['terastallize']};
  if (natdex) return ['mega', 'zmove', ...(latest[dex.gen] || [])];
  if (dex.currentMod === 'gen7letsgo') return ['mega'];
  // Mods with gimmicks of their own (Champions, Legends: Mega Evolution in generation 9).
  if (dex.gen === 9 && /champions|legends/.test(dex.currentMod)) return ['mega', 'megay'];
  return {6: ['mega'], 7: ['mega', 'zmove']}[dex.gen] || latest[dex.gen] || [];
}

function numActions(gimmicks) {
  return FIRST_GIMMICK + MOVES * gimmicks.length;
}

/** Whether the request lets move i be used with the gimmick. */
function gimmickAllowed(active, gimmick, i) {
  const enabled = !active.moves[i].disabled;
  switch (gimmick) {
  case 'mega': return enabled && Boolean(active.canMegaEvo || active.canMegaEvoX || active.canUltraBurst);
  case 'megay': return enabled && Boolean(active.canMegaEvoY);
  case 'terastallize': return enabled && Boolean(active.canTerastallize);
  // These two replace the move, and what disables the move need not disable what replaces it.
  case 'zmove': return Boolean(active.canZMove && active.canZMove[i]);
  case 'dynamax': {
    const max = active.canDynamax && active.maxMoves ? active.maxMoves.maxMoves[i] : null;
    return Boolean(max && !max.disabled);
  }
  default: return false;
  }
}

/** Write `tracker.mask` from the tracker's request (and the picks made so far). */
function legalActions(tracker) {
  const {mask, asked, kind} = tracker;
  mask.fill(0);
  if (kind === 'wait') return;
  const active = kind === 'move' ? asked.active[0] : null;
  if (active !== null) {
    const count = Math.min(active.moves.length, MOVES);
    for (let i = 0; i < count; i++) {
      if (!active.moves[i].disabled) mask[i] = 1;
      for (let g = 0; g < tracker.gimmicks.length; g++) {
        if (gimmickAllowed(active, tracker.gimmicks[g], i)) mask[FIRST_GIMMICK + MOVES * g + i] = 1;
      }
    }
    if (active.trapped) return;
  }
  const mons = tracker.own.mons;
  for (let k = 0; k < mons.length; k++) {
    const mon = mons[k];
    if (!mon.present) continue;
    if (kind === 'team_preview' ? !tracker.picks.includes(k)
      : kind === 'revive' ? mon.fainted
        : !mon.fainted && mon !== tracker.order[0]) mask[FIRST_SWITCH + k] = 1;
  }
}

/** Copy the legal actions of the tracker's current request to `mask[offset...]`. */
function writeMask(tracker, mask, offset) {
  mask.set(tracker.mask, offset);
}

/** How many Pokémon a team preview asks for, one action each. Where all are brought, only the lead matters. */
function picksNeeded(tracker) {
  const asked = tracker.asked;
  const size = Math.min(asked.maxChosenTeamSize || asked.side.pokemon.length, tracker.own.mons.length);
  return size < asked.side.pokemon.length ? size : 1;
}

/**
 * The simulator's choice string for an action, such as "move 2 terastallize" or "switch 4"; null after a team preview
 * pick which another one must follow: then the same player is to be asked again.
 */
function choice(tracker, action) {
  if (action < FIRST_SWITCH) return `move ${action + 1}`;
  if (action >= FIRST_GIMMICK) {
    const rest = action - FIRST_GIMMICK;
    const active = tracker.asked.active[0];
    return `move ${(rest % MOVES) + 1} ${gimmickWord(active, tracker.gimmicks[Math.floor(rest / MOVES)])}`;
  }
  const slot = action - FIRST_SWITCH;
  const place = (k) => {
    const found = tracker.order.indexOf(tracker.own.mons[k]);
    // Only a server that tells nonsense asks for a Pokémon which its own request does not have.
    if (found < 0) throw new Error(`the request does not have the Pokémon of slot ${k + 1}`);
    return found + 1;
  };
  if (tracker.kind !== 'team_preview') return `switch ${place(slot)}`;
  tracker.picks.push(slot);
  if (tracker.picks.length < picksNeeded(tracker)) {
    legalActions(tracker);
    return null;
  }
  return `team ${tracker.picks.map(place).join(',')}`;
}

function gimmickWord(active, gimmick) {
  if (gimmick !== 'mega' || active.canMegaEvo) return CHOICE_WORD[gimmick];
  return active.canUltraBurst ? 'ultra' : 'megax';
}

module.exports = {
  FIRST_GIMMICK, FIRST_SWITCH, MOVES, TEAM, choice, formatGimmicks, legalActions, numActions, writeMask,
};
