'use strict';
// Plays random battles, and at every decision offers the simulator every action, legal or not, to see what it says.
// `node check_masks.js JS_FOLDER`, {format, battles, seed, teams or generate} on standard input, one JSON object a battle out.
const path = require('path');
const from = (name) => require(path.join(process.argv[2], name));
const {Dex, PRNG, Teams} = from('node_modules/pokemon-showdown/dist/sim');
const {formatGimmicks, numActions} = from('actions.js');
const {Lane} = from('lane.js');
const {buildVocab} = from('vocab.js');

const payload = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const format = Dex.formats.get(payload.format);
const dex = Dex.forFormat(format);
const gimmicks = formatGimmicks(format, dex);
const teams = payload.generate
  ? Array.from({length: 8}, (_, n) => Teams.pack(Teams.generate(payload.generate, {seed: `gen5,${payload.seed}00${n}000000000000`.slice(0, 21)})))
  : payload.teams;
const world = {format, dex, gimmicks, vocab: buildVocab(dex), turnLimit: 200};

/** What each action would be called, whether or not it is legal, from the request alone. */
function choiceText(lane, player, action) {
  const tracker = lane.trackers[player];
  const request = lane.requests[player];
  if (action < 4) return `move ${action + 1}`;
  if (action >= 10) {
    const gimmick = gimmicks[(action - 10) >> 2];
    const active = request.active ? request.active[0] : {};
    const word = gimmick !== 'mega' || active.canMegaEvo ? gimmick : active.canUltraBurst ? 'ultra' : active.canMegaEvoX ? 'megax' : 'mega';
    return `move ${((action - 10) % 4) + 1} ${word}`;
  }
  const place = tracker.order.indexOf(tracker.own.mons[action - 4]) + 1;
  if (!request.teamPreview) return `switch ${place}`;
  const picks = [...tracker.picks, action - 4].map((slot) => tracker.order.indexOf(tracker.own.mons[slot]) + 1);
  return `team ${picks.join(',')}`;
}

const described = (action) => [
  action.choice, action.moveid, action.targetLoc, action.mega, action.megax, action.megay, action.zmove, action.maxMove,
  action.terastallize, action.target && action.target.fullname, action.choice === 'team' && action.pokemon.fullname,
];

/**
 * What the simulator says of a choice: "unavailable", "refused" or, where it accepts it, what it took it for. The
 * battle is left as it was.
 */
function verdict(lane, player, text) {
  const side = lane.battle.sides[player];
  const {active: [pokemon], activeRequest, choice} = side;
  const before = JSON.stringify(activeRequest);
  const flags = [pokemon && pokemon.maybeLocked, pokemon && pokemon.maybeDisabled, pokemon && pokemon.switchFlag];
  let error = '';
  const {send} = lane.battle;
  lane.battle.send = (type, data) => { if (data.includes('|error|')) error = data; };
  const accepted = side.choose(text);
  lane.battle.send = send;
  const taken = JSON.stringify(side.choice.actions.map(described));
  side.choice = choice;
  // A refusal changes the request in place: put back what it was.
  for (const key of Object.keys(activeRequest)) delete activeRequest[key];
  Object.assign(activeRequest, JSON.parse(before));
  if (pokemon) [pokemon.maybeLocked, pokemon.maybeDisabled, pokemon.switchFlag] = flags;
  if (accepted) return taken;
  return error.includes('[Unavailable choice]') ? 'unavailable' : 'refused';
}

function check(lane, player, wrong, counts) {
  const mask = lane.trackers[player].mask;
  const legal = new Set();
  const count = (key) => { counts[key] = (counts[key] || 0) + 1; };
  const verdicts = [...mask.keys()].map((action) => verdict(lane, player, choiceText(lane, player, action)));
  verdicts.forEach((said, action) => { if (mask[action]) legal.add(said); });
  verdicts.forEach((said, action) => {
    const refused = said === 'refused' || said === 'unavailable';
    count(`${mask[action] ? 'legal' : 'illegal'}, ${refused ? said : 'accepted'}`);
    // A locked move is used whatever gimmick is asked for: an accepted choice is right if a legal one means the same.
    const right = mask[action] ? said !== 'refused' : refused || legal.has(said);
    if (!right) wrong.push({action, said, legal: mask[action], text: choiceText(lane, player, action), request: lane.requests[player]});
  });
}

/** Act, and see that what was refused is asked again with another mask. */
function act(lane, actions, wrong, counts) {
  const requests = [...lane.requests];
  const preview = lane.requests.map((request) => Boolean(request && request.teamPreview));
  lane.act(actions);
  for (const player of [0, 1]) {
    if (lane.result || actions[player] === undefined || preview[player]) continue;
    if (!lane.owes[player] || lane.requests[player] !== requests[player]) continue;
    counts['asked again'] = (counts['asked again'] || 0) + 1;
    if (!lane.requests[player].update || lane.trackers[player].mask[actions[player]]) {
      wrong.push({action: actions[player], said: 'asked again with the same mask', request: lane.requests[player]});
    }
  }
}

for (let n = 0; n < payload.battles; n++) {
  const random = new PRNG(`gen5,${(payload.seed + n).toString(16).padStart(16, '0')}`);
  const seed = () => `sodium,${random.random(2 ** 32).toString(16).padStart(64, '0')}`;
  const lane = new Lane(world);
  const pair = teams && [random.sample(teams), random.sample(teams)];
  lane.start({seed: seed(), teamSeeds: [seed(), seed()], teams: pair, text: [false, false], record: false});
  const wrong = [];
  const counts = {};
  while (!lane.result) {
    const actions = [undefined, undefined];
    for (const player of [0, 1]) {
      if (!lane.owes[player]) continue;
      check(lane, player, wrong, counts);
      const legal = [...lane.trackers[player].mask.keys()].filter((action) => lane.trackers[player].mask[action]);
      actions[player] = random.sample(legal);
    }
    act(lane, actions, wrong, counts);
  }
  if (lane.result.error) wrong.push({said: lane.result.error});
  console.log(JSON.stringify({wrong: wrong.slice(0, 3), counts, turns: lane.result.turns, actions: numActions(gimmicks)}));
}
