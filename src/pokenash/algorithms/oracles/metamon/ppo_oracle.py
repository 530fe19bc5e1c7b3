"""The oracle that trains a metamon network online, by proximal policy optimisation against the mixture."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pokenash.algorithms.match_log import MatchLog
from pokenash.algorithms.oracles.core import derive_seed
from pokenash.algorithms.oracles.metamon.collection import head_to_head
from pokenash.algorithms.oracles.metamon.ppo import MetamonPPO
from pokenash.algorithms.oracles.metamon.ppo_settings import MetamonPPOSettings
from pokenash.algorithms.oracles.metamon.report import fine_tune_report
from pokenash.algorithms.oracles.metamon.starts import choose_start, member_weights, not_named
from pokenash.arena import Arena
from pokenash.errors import InputError
from pokenash.games.core import Game
from pokenash.games.showdown import ShowdownGame
from pokenash.metamon.training.devices import limited_threads
from pokenash.metamon.training.files import StepLog, make_folder, write_bytes, write_json
from pokenash.metamon.training.start import load_start, trained_spec
from pokenash.metamon.training.state import load_state, save_state
from pokenash.metamon.training.weights import save_weights
from pokenash.policies.spec import PolicySpec, load_policy

__all__ = ["MetamonPPOOracle"]

_log = logging.getLogger(__name__)


class MetamonPPOOracle:
    """Best responses by `MetamonPPO`.

    Files under the directory that `train` is given: ``ppo.jsonl`` (one line per round), ``ppo_state.safetensors``,
    ``ckpts/last.safetensors``, ``matches.jsonl``, ``head_to_head.json``, ``report.json`` and ``report.txt``.

    Parameters
    ----------
    settings : MetamonPPOSettings
    progress : bool
        Whether the arena shows its progress.
    """

    def __init__(self, settings: MetamonPPOSettings | None = None, *, progress: bool = False) -> None:
        self.settings = settings or MetamonPPOSettings()
        self._progress = progress

    def config(self) -> dict[str, Any]:
        return {"oracle": "metamon_ppo", **self.settings.to_json()}

    def train(
        self,
        game: Game,
        opponent: PolicySpec,
        *,
        population: Sequence[PolicySpec],
        name: str,
        directory: Path,
        seed: int,
        iteration: int,
    ) -> PolicySpec:
        settings = self.settings
        if not isinstance(game, ShowdownGame):
            raise InputError(f"the metamon oracle trains for Showdown's formats, not for {game.name}")
        make_folder(directory)
        base = choose_start(settings.start, opponent, population)
        start = load_start(base)
        reward, log = settings.reward or start.reward, MatchLog(directory / "matches.jsonl")
        lanes, workers = settings.num_lanes, settings.num_workers
        with (
            Arena(game, num_lanes=lanes, num_workers=workers, progress=self._progress) as arena,
            limited_threads(settings.torch_threads),
        ):
            ppo = MetamonPPO(
                arena, start, load_policy(opponent, game), settings, reward=reward, seed=derive_seed(seed, "ppo")
            )
            battles = self._rounds(ppo, directory)
            checkpoint = save_weights(ppo.network, directory / "ckpts" / "last.safetensors")
            spec = trained_spec(name, base, checkpoint, reward)
            versus = head_to_head(
                arena, spec, not_named(base, name), log,
                battles=settings.head_to_head_battles, seed=derive_seed(seed, "head_to_head"),
            )  # fmt: skip
        write_json(directory / "head_to_head.json", versus)
        self._report(directory, reward, battles, versus, member_weights(opponent))
        return spec

    def _rounds(self, ppo: MetamonPPO, directory: Path) -> int:
        """All rounds that are still to be done; the number of battles of them all."""
        settings, path, log = self.settings, directory / "ppo_state.safetensors", StepLog(directory / "ppo.jsonl")
        networks, battles = {"network": ppo.network}, 0
        if path.exists():
            about = load_state(path, networks, ppo.optimizer, ppo.parameters)
            ppo.round_number, ppo.steps, battles = (int(about[key]) for key in ("round", "steps", "battles"))
            _log.info("going on after round %d", ppo.round_number)
        log.keep_until(ppo.round_number)
        while ppo.round_number < settings.rounds:
            entry = ppo.round()
            battles += entry["battles"]
            log.write(entry)
            _log.info("round %d of %d: win rate %.1f%%", ppo.round_number, settings.rounds, 100 * entry["win_rate"])
            if ppo.round_number % settings.checkpoint_every == 0 or ppo.round_number == settings.rounds:
                about = {"round": ppo.round_number, "steps": ppo.steps, "battles": battles}
                save_state(path, networks, ppo.optimizer, ppo.parameters, about)
        return battles

    def _report(
        self, directory: Path, reward: str, battles: int, versus: Mapping[str, Any], mixture: Mapping[str, float]
    ) -> None:
        record = {"reward": reward, "trajectories": battles, "skipped_files": 0, "data": {"sources": []}}
        report, text = fine_tune_report(directory / "ppo.jsonl", record, versus, None, mixture)
        write_json(directory / "report.json", report)
        write_bytes(directory / "report.txt", text.encode())
        level = logging.WARNING if report["verdict"] == "worse" else logging.INFO
        _log.log(level, "%s", report["summary"])
