"""# OpenSpiel.

Any two-player zero-sum game of [OpenSpiel](https://github.com/google-deepmind/open_spiel), with perfect recall: the
observation is OpenSpiel's information-state tensor. Many of these games are small enough to be solved, so what an
algorithm finds in them can be compared with the truth.

| Import             | `from pokenash.games import openspiel_v0`        |
|--------------------|--------------------------------------------------|
| Actions            | Discrete                                         |
| Parallel API       | No                                               |
| Manual Control     | No                                               |
| Agents             | `agents= ['player_0', 'player_1']`               |
| Number of Agents   | 2                                                |
| Action Shape       | Discrete, the game's number of distinct actions  |
| Action Values      | as OpenSpiel numbers them                        |
| Observation Shape  | (D,), the size of the information-state tensor   |
| Observation Values | float32                                          |

### Turns

Players move as in OpenSpiel. Where they move at once (goofspiel), `player_0` is asked first, and `player_1` is not told
what it chose: this is OpenSpiel's turn-based form of the game. Chance moves by itself, as the seed says.

### Observation Space

A dict of `"observation"`, the information-state tensor of the agent, and `"action_mask"` (int8, one entry per action).
An agent that owes nothing sees what it was asked with last, all zeros before that, and a mask of zeros.

A game of perfect information without an information-state tensor (tic-tac-toe) is shown by its observation tensor,
which leaves nothing out there. Games of imperfect information that have none are refused.

### Action Space

OpenSpiel's distinct actions. One that the mask forbids raises `pokenash.errors.IllegalActionError` and leaves the
environment as it was.

### Rewards

The game's returns, when it ends: they sum to 0 and may exceed 1 (Leduc poker: up to 13).

### Infos

`information_state`: the agent's information state in OpenSpiel's words, as it was when the agent was asked last; `""`
before. At the end also `reason`: `"win"` or `"tie"`.

### Arguments

``` python
openspiel_v0.env("leduc_poker", seed=None, **parameters)
```

`name`: OpenSpiel's short name of the game.

`seed`: seeds the stream of episodes. `reset(seed=...)` begins a new stream; `reset()` goes on with the last one. A
seed fixes everything that chance does.

`**parameters`: the game's own, such as `num_cards=4` of `"goofspiel"`. They hold over all resets.

### Version History

* v0: Initial version

"""

from __future__ import annotations

from typing import Any, ClassVar

from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.openspiel import OpenSpielGame
from pokenash.games.vector_env import SingleLane, VectorGameEnv

__all__ = ["OpenSpielEnv", "env", "raw_env"]


def env(name: str, /, *, seed: int | None = None, **parameters: Any) -> Any:
    """The game as an AEC environment, with PettingZoo's checks of the order of calls."""
    return OrderEnforcingWrapper(raw_env(name, seed=seed, **parameters))


def raw_env(name: str, /, *, seed: int | None = None, **parameters: Any) -> OpenSpielEnv:
    """The game as an AEC environment."""
    return OpenSpielEnv(_Lane(OpenSpielGame(name, **parameters), seed=seed))


class OpenSpielEnv(VectorGameEnv):
    """A game of OpenSpiel as an AEC environment; made by `env` and `raw_env`."""

    metadata: ClassVar[dict[str, Any]] = {"name": "openspiel_v0", "render_modes": [], "is_parallelizable": False}


class _Lane(SingleLane):
    """One episode at a time, with the information states in words."""

    def __init__(self, game: OpenSpielGame, *, seed: int | None) -> None:
        super().__init__(game, seed=seed)
        self._words = ["", ""]

    def setup(self, seed: int, options: dict[str, Any]) -> EpisodeSetup:
        self._words = ["", ""]
        return EpisodeSetup(self._episode, seed, options, text=(True, True))

    def received(self, decisions: Decisions) -> None:
        for player, words in zip(decisions.player.tolist(), decisions.text or (), strict=True):
            self._words[player] = words

    def info(self, player: int) -> dict[str, Any]:
        return {"information_state": self._words[player], **super().info(player)}
