"""Requests and answers that are larger than what the pipes hold."""

from __future__ import annotations

import pytest

from games.showdown.playing import play, schedule
from pokenash.games.showdown import ShowdownGame, worker


def test_long_texts_and_many_setups_do_not_block_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker waits for its texts to be read while Python still has setups to send."""
    monkeypatch.setattr(worker, "_PIPE_BYTES", 4096)
    game = ShowdownGame("gen1ou", turn_limit=1, timeout=20.0)
    setups = schedule(game, 240, text=(True, True))
    # 80 setups, and the 160 requests that answer them, are each more than a pipe holds; three such parts wait in turn.
    with game.vector(240, batch_lanes=80) as vector:
        pid = vector.worker_pids
        played = play(vector, setups)
        assert vector.worker_pids == pid, "the worker was taken for hung"
    assert len(played.results) == 240
    assert all(result.reason == "turn limit" for result in played.results.values())
