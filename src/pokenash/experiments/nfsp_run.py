"""Neural fictitious self-play on disk: a run that may be killed at any moment and is gone on with.

Besides the files of `NFSP` the directory holds ``config.json``, ``nash_conv.jsonl`` (the exact nash_conv of the average
policy by round, where the game is small enough), ``population.json`` (the average policy) and ``nfsp_summary.json``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pokenash.algorithms.nfsp import NFSP, NFSPRound, NFSPSettings
from pokenash.algorithms.oracles.training_state import JSONLines
from pokenash.errors import InputError
from pokenash.experiments.run_config import opened_run
from pokenash.experiments.run_directory import SCHEMA, write_json
from pokenash.games.core import Game
from pokenash.policies.populations import population_json
from pokenash.tracking import Tracker, track

__all__ = ["run_nfsp"]

_log = logging.getLogger(__name__)

# A run may be made longer, saved at other times, and looked at more often.
_FREE = frozenset({"rounds", "checkpoint_every", "batch_lanes", "timeout"})


def run_nfsp(
    directory: str | Path,
    game: Game,
    settings: NFSPSettings,
    *,
    seed: int = 0,
    nash_conv_every: int = 0,
    on_begin: Callable[[Path], object] | None = None,
    on_round: Callable[[NFSPRound, float | None], object] | None = None,
    tracker: Tracker | None = None,
) -> dict[str, Any]:
    """Run `NFSP` in a directory, or go on with the run that is there.

    Parameters
    ----------
    directory : str or Path
        New, empty, or that of a run of the same settings; more rounds extend it.
    game, settings, seed
        As for `NFSP`.
    nash_conv_every : int
        Rounds after which the average policy's exact nash_conv is computed, in OpenSpiel's games that are small enough;
        0 for never. Fixed for a run.
    on_begin : callable, optional
        Called with the directory once it is known to be this run's, before anything is played.
    on_round : callable, optional
        Called after each round with how it went, and the exact nash_conv where it was computed.
    tracker : Tracker, optional
        As for `NFSP`; is also told each ``exact_nash_conv``. It is not closed.

    Returns
    -------
    dict
        Rounds, episodes, the policy's name and, where it can be computed, its ``"exact_nash_conv"``.

    Raises
    ------
    RunDirectoryError
        If the directory cannot be gone on with; nothing in it has been changed then.
    """
    directory = Path(directory)
    about = {
        "seed": seed,
        "game": game.config(),
        "settings": {**asdict(settings), "nash_conv_every": nash_conv_every},
    }
    with opened_run(directory, "nfsp", about, _FREE):
        if on_begin is not None:
            on_begin(directory)
        nfsp = NFSP(game, settings, seed=seed, directory=directory, tracker=tracker)
        values = JSONLines(directory / "nash_conv.jsonl")
        every = nash_conv_every if nash_conv_every and _exact(nfsp) is not None else 0
        values.keep(nfsp.round // every if every else 0)

        def tell(nfsp: NFSP, entry: NFSPRound) -> None:
            value = _exact(nfsp) if every and nfsp.round % every == 0 else None
            if value is not None:
                values.write([{"round": entry.round, "episodes": entry.episodes, "exact_nash_conv": value}])
                track(tracker, entry.round, {"exact_nash_conv": value})
            if on_round is not None:
                on_round(entry, value)

        spec = nfsp.run(tell).spec
        if spec is None:
            raise RuntimeError("a run in a directory ended without a policy on disk")
        write_json(directory / "population.json", population_json([spec], directory))
        summary = {
            "schema": SCHEMA,
            "rounds": nfsp.round,
            "episodes": nfsp.episodes,
            "policy": spec.name,
            "exact_nash_conv": _exact(nfsp) if every else None,
        }
        write_json(directory / "nfsp_summary.json", summary)
    return summary


def _exact(nfsp: NFSP) -> float | None:
    """The average policy's exact nash_conv, or None where the game is too large or not OpenSpiel's."""
    from pokenash.games.openspiel import OpenSpielGame

    if not isinstance(nfsp.game, OpenSpielGame):
        return None
    from pokenash.algorithms.exact import nash_conv

    try:
        return float(nash_conv(nfsp.game, nfsp.average_policy()))
    except InputError as error:
        _log.warning("no exact nash_conv is computed: %s", error)
        return None
