"""# Matrix games.

Two players choose once and at once; a matrix says what they get. Zero-sum: the column player gets the negative.

| Import             | `from pokenash.games import matrix_v0`           |
|--------------------|--------------------------------------------------|
| Actions            | Discrete                                         |
| Parallel API       | Yes                                              |
| Manual Control     | No                                               |
| Agents             | `agents= ['player_0', 'player_1']`               |
| Number of Agents   | 2                                                |
| Action Shape       | Discrete(max(rows, columns))                     |
| Action Values      | the row (`player_0`) or the column (`player_1`)  |
| Observation Shape  | (2,)                                             |
| Observation Values | [1, 0] for `player_0`, [0, 1] for `player_1`     |

### Turns

`player_0` is asked first, its choice is held, and rewards are given when `player_1` has chosen too.

### Observation Space

A dict of `"observation"`, which says only who is asked, and `"action_mask"` (int8, one entry per action): where the
matrix is not square, one player has fewer actions than the other.

### Rewards

The entry of the matrix for `player_0`, its negative for `player_1`.

### Infos

At the end `reason`: `"win"` or, where the entry is 0, `"tie"`.

### Arguments

``` python
matrix_v0.env(payoffs="rock_paper_scissors", seed=None)
```

`payoffs`: any matrix of finite numbers, what the row player gets; or the name of one: `"rock_paper_scissors"`,
`"biased_rock_paper_scissors"`, `"matching_pennies"`.

`seed`: taken because every environment does; nothing here is random.

### Version History

* v0: Initial version

"""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import ArrayLike
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from pokenash.games.matrix import MatrixGame
from pokenash.games.vector_env import SingleLane, VectorGameEnv, VectorGameParallelEnv

__all__ = ["MatrixEnv", "MatrixParallelEnv", "env", "parallel_env", "raw_env"]


def env(payoffs: ArrayLike | str = "rock_paper_scissors", *, seed: int | None = None) -> Any:
    """The game as an AEC environment, with PettingZoo's checks of the order of calls."""
    return OrderEnforcingWrapper(raw_env(payoffs, seed=seed))


def raw_env(payoffs: ArrayLike | str = "rock_paper_scissors", *, seed: int | None = None) -> MatrixEnv:
    """The game as an AEC environment."""
    return MatrixEnv(SingleLane(MatrixGame(payoffs), seed=seed))


def parallel_env(payoffs: ArrayLike | str = "rock_paper_scissors", *, seed: int | None = None) -> MatrixParallelEnv:
    """The game as a parallel environment."""
    return MatrixParallelEnv(SingleLane(MatrixGame(payoffs), seed=seed))


class MatrixEnv(VectorGameEnv):
    """A matrix game as an AEC environment; made by `env` and `raw_env`."""

    metadata: ClassVar[dict[str, Any]] = {"name": "matrix_v0", "render_modes": [], "is_parallelizable": True}


class MatrixParallelEnv(VectorGameParallelEnv):
    """A matrix game as a parallel environment; made by `parallel_env`."""

    metadata: ClassVar[dict[str, Any]] = {"name": "matrix_v0", "render_modes": []}
