'use strict';
/**
 * What one player knows of one battle, from what that player was told and from nothing else: its protocol lines and its
 * requests. The simulator's state is never looked at, so nothing hidden can get into an observation, and a battle on a
 * real server is followed by the same code.
 *
 * Lines of an update come first, then the request that follows them.
 */
const {knowledgeOf} = require('./knowledge.js');
const {Mon, Side, TEAM} = require('./state.js');
const {formatGimmicks, legalActions, numActions} = require('./actions.js');

const SPACE = 32;
const SLASH = 47;
const ZERO = 48;
const COLON = 58;

const handlers = Object.entries({
  ...require('./tracker-field.js'),
  ...require('./tracker-health.js'),
  ...require('./tracker-moves.js'),
  ...require('./tracker-pokemon.js'),
  ...require('./tracker-volatiles.js'),
});

/** How many parts a message must have (3 where it is not said): a server's shorter ones are not what they seem. */
const LEAST = new Map([
  ...['-clearallboost', '-swapsideconditions', 'teampreview'].map((kind) => [kind, 2]),
  ...['replace', 'detailschange', '-formechange', '-transform', '-terastallize', 'poke', 'teamsize', 'move', 'cant',
    '-damage', '-heal', '-sethp', '-status', '-copyboost', '-swapboost', '-ability', '-item', '-enditem', '-start',
    '-end', '-singleturn', '-singlemove', '-sidestart', '-sideend', '-activate'].map((kind) => [kind, 4]),
  ...['switch', 'drag', '-boost', '-unboost', '-setboost'].map((kind) => [kind, 5]),
]);

const messages = new Map(handlers.map(([kind, handle]) => [kind, {handle, least: LEAST.get(kind) || 3}]));

class Tracker {
  /**
   * `dex`: `Dex.forFormat(format)`; `player`: "p1" or "p2"; `gimmicks`: as `formatGimmicks` gives them, by default
   * those of the generation; `vocab`: by default the generation's.
   */
  constructor({dex, player, vocab = null, gen = dex.gen, gimmicks = formatGimmicks(null, dex)}) {
    this.known = knowledgeOf(dex, vocab);
    this.gen = gen;
    this.gimmicks = gimmicks;
    this.ownDigit = player.charCodeAt(1);
    this.own = new Side(true);
    this.opponent = new Side(false);
    this.own.foe = this.opponent;
    this.opponent.foe = this.own;
    /** Takes what is said of Pokémon that have no place in the observation. */
    this.nobody = new Mon();
    this.turn = 0;
    this.weather = 0;
    this.weatherSince = 0;
    this.terrain = 0;
    this.terrainSince = 0;
    this.pseudoWeathers = new Int16Array(8); // turn since which each is up, 0 = not
    this.asked = null; // the current request
    this.kind = 'wait';
    this.order = []; // own Pokémon in the current order of the request
    this.picks = []; // own slots picked so far at a team preview that asks for several
    this.mask = new Uint8Array(numActions(gimmicks));
  }

  /** One protocol line, such as `|-damage|p2a: Tauros|63/100 par`. */
  receive(line) {
    if (line.charCodeAt(0) === 124) this.receiveParts(line.split('|'));
  }

  /** A protocol line split at `|`; the first part is empty. The array is only read. */
  receiveParts(parts) {
    const message = messages.get(parts[1]);
    if (message !== undefined && parts.length >= message.least) message.handle(this, parts);
  }

  side(ident) {
    return ident.charCodeAt(1) === this.ownDigit ? this.own : this.opponent;
  }

  /** Whom `p2a: Name` (on the field) or `p2: Name` (on the bench) means. */
  mon(ident) {
    const side = this.side(ident);
    const onField = ident.charCodeAt(2) !== COLON;
    if (onField && side.active !== null) return side.active;
    return side.byName.get(ident.slice(onField ? 5 : 4)) || this.nobody;
  }

  /** HP and status as the protocol writes them: `263/353 par`, `50/100`, `9/48y`, `0 fnt`. */
  setCondition(mon, text) {
    let hp = 0;
    let i = 0;
    let c = text.charCodeAt(0);
    for (; c >= ZERO && c <= 57; c = text.charCodeAt(++i)) hp = hp * 10 + c - ZERO;
    if (i === 0) return;
    let max = 0;
    if (c === SLASH) {
      for (c = text.charCodeAt(++i); c >= ZERO && c <= 57; c = text.charCodeAt(++i)) max = max * 10 + c - ZERO;
    }
    const space = c === SPACE ? i : text.indexOf(' ', i);
    if (max > 0) {
      mon.hp = hp < max ? hp / max : 1;
      if (mon.own) mon.maxhp = max;
    } else if (hp === 0) {
      mon.hp = 0;
    }
    mon.condition = '';
    const status = space < 0 ? '' : text.slice(space + 1);
    mon.fainted = mon.hp === 0;
    this.setStatus(mon, mon.fainted ? 'fnt' : status);
  }

  setStatus(mon, status) {
    const id = status === '' ? 0 : this.known.lookup.statuses(status);
    if (id === mon.status) return;
    mon.status = id;
    mon.statusTurns = 0;
  }

  setSpecies(mon, species) {
    mon.species = species;
    this.resetTypes(mon);
  }

  /** The types that species and terastallization give. */
  resetTypes(mon) {
    mon.type3 = 0;
    if (mon.terastallized && mon.tera !== this.known.lookup.types('Stellar')) {
      mon.type1 = mon.tera;
      mon.type2 = 0;
    } else {
      mon.type1 = mon.species.type1;
      mon.type2 = mon.species.type2;
    }
  }

  /** The current request, an object as the simulator sends it (`wait` ones too). */
  request(request) {
    this.asked = request;
    this.picks.length = 0;
    const team = request.side.pokemon;
    const own = this.own;
    if (own.mons.length === 0) this.meetTeam(team, request.maxChosenTeamSize || team.length);
    if (team.length !== this.order.length) for (const mon of own.mons) mon.present = false;
    this.order.length = team.length;
    for (let i = 0; i < team.length; i++) {
      const {ident} = team[i];
      let mon = this.order[i];
      if (mon === undefined || mon.ident !== ident) {
        mon = own.byName.get(ident.slice(4)) || this.nobody;
        mon.ident = ident;
        this.order[i] = mon;
      }
      mon.present = true;
      this.updateOwn(mon, team[i], request);
    }
    const active = request.active ? request.active[0] : null;
    if (request.wait) this.kind = 'wait';
    else if (request.teamPreview) this.kind = 'team_preview';
    else if (request.forceSwitch) this.kind = team[0].reviving ? 'revive' : 'switch';
    else this.kind = 'move';
    if (active && own.active) this.readPP(own.active, active.moves);
    legalActions(this);
  }

  /** Own slots are those of the first request, whatever order later ones have. */
  meetTeam(team, brought) {
    const own = this.own;
    for (const entry of team.slice(0, TEAM)) {
      const name = entry.ident.slice(4);
      own.add(own.byName.get(name) || new Mon(name, true));
    }
    own.size = Math.min(team.length, brought);
  }

  updateOwn(mon, entry, request) {
    if (entry.active && !request.teamPreview && mon !== this.own.active) {
      // An own Illusion: the lines named the Pokémon that it looks like.
      this.own.active = mon;
      mon.revealed = true;
    }
    const onField = mon === this.own.active;
    if (entry.details !== mon.details) this.readDetails(mon, entry.details, onField);
    if (entry.condition !== mon.condition) {
      this.setCondition(mon, entry.condition);
      mon.condition = entry.condition;
    }
    mon.stats = entry.stats;
    const lookup = this.known.lookup;
    mon.item = entry.item ? lookup.items(entry.item) : 0;
    mon.itemKnown = this.gen >= 2;
    if (this.gen >= 3) this.readAbility(mon, entry, onField);
    if (entry.teraType !== undefined) {
      mon.tera = lookup.types(entry.terastallized || entry.teraType);
    }
    this.readMoves(mon, entry.moves);
  }

  /** Requests tell the current ability from generation 7 on; before, the lines have to be followed. */
  readAbility(mon, entry, onField) {
    const innate = entry.baseAbility ? this.known.lookup.abilities(entry.baseAbility) : 0;
    // A Mega Evolution changes what it goes back to, and with it what it has, unless a line said otherwise since.
    const follows = mon.ability === mon.innate;
    mon.innate = innate;
    if (entry.ability !== undefined) mon.ability = entry.ability ? this.known.lookup.abilities(entry.ability) : 0;
    else if (!onField || (follows && mon.transformed === 0)) mon.ability = innate;
  }

  readDetails(mon, text, onField) {
    mon.details = text;
    const details = this.known.details(text);
    mon.level = details.level;
    mon.gender = details.gender;
    if (mon.lasting === details.species) return;
    const sameForme = mon.species === mon.lasting;
    mon.lasting = details.species;
    if (sameForme || !onField) this.setSpecies(mon, details.species);
  }

  readMoves(mon, names) {
    const before = mon.moveNames;
    const count = Math.min(names.length, 4);
    let same = before.length === count;
    for (let i = 0; same && i < count; i++) same = before[i] === names[i];
    if (same) return;
    mon.moveNames = names;
    for (let i = 0; i < 4; i++) {
      const id = i < count ? this.known.move(plainMove(names[i])).id : 0;
      if (id === mon.moves[i]) continue;
      mon.moves[i] = id;
      mon.maxpp[i] = id === 0 ? 0 : this.known.move(plainMove(names[i])).pp;
      mon.pp[i] = mon.maxpp[i];
    }
  }

  /** Exact PP of the active Pokémon; a request that offers a single locked move gives none. */
  readPP(mon, moves) {
    if (moves[0].pp === undefined || moves.length !== Math.min(mon.moveNames.length, 4)) return;
    for (let i = 0; i < moves.length; i++) {
      mon.pp[i] = moves[i].pp;
      mon.maxpp[i] = moves[i].maxpp;
    }
  }
}

/** Requests write the power after some moves (`return102`, `hiddenpowerfire70`); the vocabulary does not. */
function plainMove(id) {
  const first = id.charCodeAt(0);
  if (first === 104 || first === 114 || first === 102) {
    if (id.startsWith('hiddenpower') || id.startsWith('return') || id.startsWith('frustration')) {
      return id.replace(/\d+$/, '');
    }
  }
  return id;
}

module.exports = {MESSAGES: [...messages.keys()], Tracker, plainMove};
