"""What the tests of the AMAGO oracle share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.algorithms.amago.stand_in import CONFIG, STRONG, UNIFORM, StandIn, Train
from tests.metamon import tiny

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.amago.oracle import AmagoOracle
from pokenash.algorithms.oracles.amago.settings import AmagoSettings
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon.collection import collect_trajectories
from pokenash.arena import Arena
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.networks import MetamonNetwork


@pytest.fixture(scope="module")
def game() -> ShowdownGame:
    return tiny.game()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict as AMAGO writes it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save(MetamonNetwork(CONFIG).state_dict(), path)
    return path


@pytest.fixture
def stand_in(tmp_path: Path, weights: Path) -> StandIn:
    return StandIn(tmp_path / "environment", weights)


@pytest.fixture(scope="module")
def battles(tmp_path_factory: pytest.TempPathFactory, game: ShowdownGame) -> Path:
    """What the oracle keeps of the battles that all tests have in common."""
    root = tmp_path_factory.mktemp("battles")
    with Arena(game, num_lanes=4) as arena:
        collect_trajectories(
            arena, STRONG, UNIFORM, root / "trajectories", MatchLog(root / "matches.jsonl"), battles=4,
            battles_per_block=200, seed=derive_seed(1, "collection"), action_space="MinimalActionSpace",
        )  # fmt: skip
    return root


@pytest.fixture
def played(battles: Path, tmp_path: Path) -> None:
    """The state of a training whose battles have been played."""
    shutil.copytree(battles, tmp_path / "run" / "br_0")


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(tiny.vocabulary()))
    return path


@pytest.fixture
def train(tmp_path: Path, stand_in: StandIn, game: ShowdownGame, vocabulary: Path) -> Train:
    """Trains the tiny network; changes are of the settings, unless they are the oracle's."""

    def run(
        modes: str = "", *, python: Path | None = None, oracle: dict[str, Any] | None = None, **changes: Any
    ) -> Any:
        small: dict[str, Any] = {
            "model": "tiny", "config": CONFIG, "model_gin_config": "tiny.gin", "player": "strong", "battles": 4,
            "head_to_head_battles": 0, "vocabulary": vocabulary, "num_lanes": 4,
        }  # fmt: skip
        options = {"cache_dir": tmp_path / "cache", "variables": stand_in.variables(modes), **(oracle or {})}
        made = AmagoOracle(python or stand_in.python, AmagoSettings(**{**small, **changes}), **options)
        return made.train(
            game, UNIFORM, population=[STRONG, UNIFORM], name="br_0", directory=tmp_path / "run" / "br_0",
            seed=1, iteration=0,
        )  # fmt: skip

    return run
