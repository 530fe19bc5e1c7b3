"""metamon's networks as policies: kind ``"metamon"``.

Imports torch; nothing imports this module before such a policy is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pokenash.errors import InputError
from pokenash.games.core import Decisions, Game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.actions import get_action_space
from pokenash.metamon.backend import DEFAULT_BACKEND, get_backend
from pokenash.metamon.checkpoints import REVISION, download_checkpoint, load_checkpoint
from pokenash.metamon.config import MetamonConfig
from pokenash.metamon.inference import InferenceMemory, InferenceNetwork
from pokenash.metamon.networks import MetamonNetwork
from pokenash.metamon.observations import ObservationSpace, get_observation_space
from pokenash.metamon.registry import find_published
from pokenash.metamon.rewards import get_reward
from pokenash.metamon.seat import Seat, check_format
from pokenash.metamon.state import UniversalState
from pokenash.metamon.tokenizer import Tokenizer
from pokenash.metamon.vocabularies import load_vocabulary
from pokenash.policies.core import DecisionRandom, Policy, sample_actions
from pokenash.policies.spec import PolicySpec, file_sha256

__all__ = ["MetamonPolicy", "load", "metamon_spec"]

_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass
class _Player:
    """What is kept of one player's battle."""

    seat: Seat
    observation_space: ObservationSpace
    state: UniversalState | None = None
    action: int = 0


@dataclass
class _Memory:
    network: InferenceMemory
    players: dict[tuple[int, int], _Player] = field(default_factory=dict)


class MetamonPolicy(Policy):
    """Plays as a metamon network does, with that network's own view of the battle.

    It reads the protocol that the player was told (`needs_text`), remembers the battle, and answers all rows of a
    batch in one forward pass. Where metamon has no action, as at team preview, it takes a random legal one.

    Parameters
    ----------
    network : MetamonNetwork or InferenceNetwork
    game : ShowdownGame or None
        Of a singles format of generations 1 to 4 or 9. Without one the format is what each battle's own ``|tier|`` line
        says, and one that cannot be played is refused when it comes.
    tokenizer : Tokenizer
    reward : str
        Name of the reward function that the network was trained with; the last reward is one of its inputs.
    battle_backend : str
        One of `pokenash.metamon.backend.BACKENDS`.
    greedy : bool
        Always take the likeliest action, instead of drawing.
    remask : bool
        Whether illegal actions get probability 0. With False they keep what the original leaves them (about 0.001
        each), and where one is drawn a random legal action is played, as there.
    precision : {"float32", "bfloat16"}
    device : str

    Raises
    ------
    InputError
        If the game, a name, or the vocabulary's size does not fit.
    """

    needs_text = True

    def __init__(
        self,
        network: MetamonNetwork | InferenceNetwork,
        game: Game | None,
        tokenizer: Tokenizer,
        *,
        reward: str = "DefaultShapedReward",
        battle_backend: str = DEFAULT_BACKEND,
        greedy: bool = False,
        remask: bool = True,
        precision: str = "float32",
        device: str = "cpu",
    ) -> None:
        self._format = None if game is None else _format_of(game)
        if precision not in _PRECISIONS:
            raise InputError(f"precision: expected one of {sorted(_PRECISIONS)}, got {precision!r}")
        if isinstance(network, MetamonNetwork):
            network = InferenceNetwork.from_network(network, dtype=_PRECISIONS[precision], device=device)
        config = network.config
        if len(tokenizer) != config.vocabulary_size:
            raise InputError(
                f"the vocabulary {tokenizer.name} has {len(tokenizer)} words, the network was trained with "
                f"{config.vocabulary_size}"
            )
        self.network = network
        self._battle_backend = get_backend(battle_backend).name
        self._action_space = get_action_space(config.action_space)
        self._tokenizer = tokenizer
        self._reward = get_reward(reward)
        self._greedy = greedy
        self._remask = remask
        # The name is checked here and not in the middle of a battle.
        get_observation_space(config.observation_space)

    @classmethod
    def from_pretrained(
        cls,
        name: str,
        game: Game | None = None,
        *,
        vocabulary: str | Path | None = None,
        checkpoint: int | None = None,
        revision: str = REVISION,
        sha256: str | None = None,
        **settings: Any,
    ) -> MetamonPolicy:
        """A published model.

        Parameters
        ----------
        name : str
            Key of `pokenash.metamon.registry.PUBLISHED`, such as ``"SyntheticRLV2"``.
        game : ShowdownGame, optional
        vocabulary : str or Path, optional
            Its name or file; by default the model's own, which must have been fetched.
        checkpoint : int, optional
            Epoch; by default the published one.
        revision : str, optional
            Of the Hugging Face repository: the SHA of a commit never changes.
        sha256 : str, optional
            Which the checkpoint must have, in hex.
        **settings
            Of `MetamonPolicy`; `reward` and `battle_backend` are the model's by default.
        """
        path = download_checkpoint(name, checkpoint=checkpoint, revision=revision)
        if sha256 is not None and (digest := file_sha256(path)) != sha256:
            raise InputError(f"the checkpoint {path} has SHA-256 {digest}, expected {sha256}")
        network = load_checkpoint(path, name)
        return cls(network, game, *_interface(name, vocabulary, settings), **settings)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        game: Game | None = None,
        *,
        config: MetamonConfig | str | None = None,
        vocabulary: str | Path | None = None,
        **settings: Any,
    ) -> MetamonPolicy:
        """A model from a file; see `pokenash.metamon.checkpoints.load_checkpoint` for `config`."""
        network = load_checkpoint(path, config)
        named = config if isinstance(config, str) else None
        return cls(network, game, *_interface(named, vocabulary, settings, network.config), **settings)

    def initial_memory(self, num_lanes: int) -> _Memory:
        """Memory for `num_lanes` lanes and two players."""
        return _Memory(self.network.new_memory(2 * num_lanes))

    def act(self, decisions: Decisions, memory: _Memory, rng: DecisionRandom) -> NDArray[np.int64]:
        """See `Policy.act`."""
        if not len(decisions):
            return np.zeros(0, np.int64)
        if decisions.text is None:
            raise InputError("metamon's policies read the protocol: set EpisodeSetup.text for their seats")
        uniform = rng.uniform(decisions, 2)
        # Where metamon has nothing to say, or says what cannot be done.
        actions = sample_actions(decisions.action_mask.astype(np.float64), uniform[:, 1])
        asked = [row for row in range(len(decisions)) if self._listen(decisions, row, memory)]
        if asked:
            players = [memory.players[_key(decisions, row)] for row in asked]
            indices = self._choose(decisions, np.array(asked), players, memory, uniform[asked, 0])
            for row, player, index in zip(asked, players, indices.tolist(), strict=True):
                action = player.seat.action(index)
                player.action = index
                if action is not None and decisions.action_mask[row, action]:
                    actions[row] = action
        return actions

    def _new_player(self, player: int, lines: Sequence[str]) -> _Player:
        format_id = self._format or _format_in(lines)
        seat = Seat(player, format_id, self._battle_backend)
        return _Player(seat, get_observation_space(self.network.config.observation_space))

    def _listen(self, decisions: Decisions, row: int, memory: _Memory) -> bool:
        """Follow a battle up to its open decision; whether that one is metamon's."""
        assert decisions.text is not None
        # Not `splitlines`: a name may hold one of the many characters that it takes for the end of a line.
        key, lines = _key(decisions, row), decisions.text[row].split("\n")
        if decisions.decision[row] == 0:
            memory.players[key] = self._new_player(key[1], lines)
        seat = memory.players[key].seat
        seat.feed(lines)
        return not seat.view.at_team_preview

    def _choose(
        self,
        decisions: Decisions,
        rows: NDArray[np.int64],
        players: list[_Player],
        memory: _Memory,
        uniform: NDArray[np.float64],
    ) -> NDArray[np.int64]:
        """Indices of metamon's for some rows, one forward pass; the players' states move on."""
        config = self.network.config
        tokens = np.empty((len(rows), config.words), np.int32)
        numbers = np.empty((len(rows), config.numbers), np.float32)
        rl2 = np.zeros((len(rows), config.actions + 1), np.float32)
        illegal = np.ones((len(rows), config.actions), np.bool_)
        reset = np.array([player.state is None for player in players])
        for i, player in enumerate(players):
            state = player.seat.view.state()
            text, numbers[i] = player.observation_space(state)
            tokens[i] = self._tokenizer.tokenize(text)
            if player.state is not None:
                rl2[i, 0] = self._reward(player.state, state)
                rl2[i, 1 + player.action] = 1.0
            illegal[i, player.seat.view.legal(self._action_space)] = False
            player.state = state
        lanes = 2 * decisions.lane[rows] + decisions.player[rows]
        probabilities = self.network.step(
            tokens, numbers, rl2, illegal, lanes, reset, memory.network, remask=self._remask
        )
        values = probabilities.cpu().numpy().astype(np.float64)
        if self._greedy:
            chosen: NDArray[np.int64] = values.argmax(axis=1)
            return chosen
        return sample_actions(values, uniform)


def _format_of(game: Game) -> str:
    if not isinstance(game, ShowdownGame):
        raise InputError(f"metamon's policies play Showdown's formats, not {game.name}")
    check_format(game.format)
    if game.gimmicks not in ((), ("terastallize",)):
        raise InputError(f"metamon's actions cannot say the gimmicks of {game.format}: {', '.join(game.gimmicks)}")
    return game.format


def _format_in(lines: Sequence[str]) -> str:
    """The format that a battle's first lines tell: ``|tier|[Gen 1] OU`` is ``gen1ou``."""
    for line in lines:
        if line.startswith("|tier|"):
            format_id = re.sub("[^a-z0-9]", "", line[6:].lower())
            check_format(format_id)
            return format_id
    raise InputError("a battle whose first lines do not tell its format (|tier|...): give the policy its game")


def _key(decisions: Decisions, row: int) -> tuple[int, int]:
    return int(decisions.lane[row]), int(decisions.player[row])


def _interface(
    name: str | None,
    vocabulary: str | Path | None,
    settings: dict[str, Any],
    config: MetamonConfig | None = None,
) -> tuple[Tokenizer]:
    """The vocabulary of a model; settings that it was published with are filled in."""
    published = find_published(name)
    if published is not None:
        settings.setdefault("reward", published.reward)
        settings.setdefault("battle_backend", published.battle_backend)
    known = published.tokenizer if published is not None else config.tokenizer if config is not None else None
    if vocabulary is None and not known:
        raise InputError("the checkpoint does not say its vocabulary: give vocabulary=, a name or a file")
    return (load_vocabulary(vocabulary if vocabulary is not None else str(known)),)


def metamon_spec(
    name: str, checkpoint: str | Path | None = None, *, sha256: str | None = None, **parameters: Any
) -> PolicySpec:
    """Describe a policy that a metamon network plays.

    Parameters
    ----------
    name : str
        Of the policy.
    checkpoint : str or Path, optional
        A state dict's file; its hash becomes part of the spec. Without one, ``pretrained=`` names a published model.
    sha256 : str, optional
        Of a published model's checkpoint, which it must then have when it is loaded: so a run that is gone on with
        cannot get other weights, whatever became of the repository.
    **parameters
        ``config`` (a name, or a configuration as JSON), ``vocabulary``, ``pretrained``, ``epoch``, ``revision``, and
        the settings of `MetamonPolicy`.
    """
    if (checkpoint is None) == ("pretrained" not in parameters):
        raise InputError(f"policy {name!r}: expected either a checkpoint or pretrained=, the name of a published model")
    if isinstance(parameters.get("config"), MetamonConfig):
        parameters["config"] = parameters["config"].to_dict()
    if "vocabulary" in parameters:
        parameters["vocabulary"] = str(parameters["vocabulary"])
    if checkpoint is None:
        return PolicySpec(name, "metamon", parameters, None, sha256)
    return PolicySpec(name, "metamon", parameters, str(checkpoint), file_sha256(Path(checkpoint)))


_SETTINGS = {"reward", "battle_backend", "greedy", "remask", "precision", "device"}


def load(spec: PolicySpec, game: Game) -> MetamonPolicy:
    """Make the policy of a spec of kind ``"metamon"``.

    Raises
    ------
    InputError
        If a parameter is unknown or wrong, or the checkpoint or the vocabulary cannot be used.
    """
    parameters: dict[str, Any] = dict(spec.parameters)
    published = {"pretrained", "epoch", "revision"}
    unknown = set(parameters) - _SETTINGS - published - {"config", "vocabulary"}
    if unknown:
        raise InputError(f"policy {spec.name!r}: unknown parameters {sorted(unknown)}")
    settings = {key: parameters[key] for key in _SETTINGS & parameters.keys()}
    vocabulary = parameters.get("vocabulary")
    try:
        if spec.checkpoint is None:
            if "pretrained" not in parameters:
                raise InputError("expected a checkpoint, or pretrained, the name of a published model")
            return MetamonPolicy.from_pretrained(
                parameters["pretrained"],
                game,
                vocabulary=vocabulary,
                checkpoint=parameters.get("epoch"),
                revision=parameters.get("revision", REVISION),
                sha256=spec.sha256,
                **settings,
            )
        config: Mapping[str, Any] | str | None = parameters.get("config")
        return MetamonPolicy.from_checkpoint(
            spec.checkpoint_path(),
            game,
            config=MetamonConfig.from_dict(config) if isinstance(config, Mapping) else config,
            vocabulary=vocabulary,
            **settings,
        )
    except InputError as error:
        raise InputError(f"policy {spec.name!r}: {error}") from error
