"""``pokenash nfsp``: a run that learns, is kept, and goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pokenash.cli.nfsp import run
from pokenash.cli.settings import read_settings_file
from pokenash.errors import InputError, RunDirectoryError
from pokenash.experiments.nfsp_settings import PRESETS, NFSPRunSettings
from pokenash.policies.sources import policy_specs

_KUHN = (
    "--game kuhn_poker --episodes-per-round 500 --lanes 50 --workers 1 --width 16 --layers 1 --learn-every 32 "
    "--warm-up 200 --replay-capacity 5000 --reservoir-capacity 20000 --batch-size 64 --nash-conv-every 2 "
    "--checkpoint-every 2 --log-level error"
).split()


def _learn(directory: Path, *arguments: str) -> dict[str, Any]:
    run([*_KUHN, "--output", str(directory), *arguments])
    summary: dict[str, Any] = json.loads((directory / "nfsp_summary.json").read_text())
    return summary


def _values(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "nash_conv.jsonl").read_text().splitlines()]


def test_the_average_policy_gets_better_and_is_a_policy_for_other_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = _learn(tmp_path / "kuhn", "--rounds", "20")
    # Uniform play's is 0.917.
    assert 0 < summary["exact_nash_conv"] < 0.8
    values = _values(tmp_path / "kuhn")
    assert [value["round"] for value in values] == list(range(1, 20, 2))
    assert values[-1]["exact_nash_conv"] == pytest.approx(summary["exact_nash_conv"])
    told = capsys.readouterr().out
    assert "exact nash_conv" in told
    # What evaluate plays is Showdown.
    assert "--game kuhn_poker says how good it is" in told
    assert "evaluate" not in told
    (spec,) = policy_specs([str(tmp_path / "kuhn" / "population.json")])
    assert spec.name == summary["policy"]


def test_a_run_that_is_extended_goes_on_and_logs_every_round_once(tmp_path: Path) -> None:
    _learn(tmp_path / "kuhn", "--rounds", "2")
    summary = _learn(tmp_path / "kuhn", "--rounds", "4")
    assert (summary["rounds"], summary["episodes"]) == (4, 2000)
    assert [value["round"] for value in _values(tmp_path / "kuhn")] == [1, 3]
    kept = NFSPRunSettings(**read_settings_file(tmp_path / "kuhn" / "settings.toml", NFSPRunSettings))
    assert (kept.rounds, kept.width, kept.game) == (4, 16, "kuhn_poker")


def test_a_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    _learn(tmp_path / "kuhn", "--rounds", "1")
    with pytest.raises(RunDirectoryError, match=r"settings\.anticipatory"):
        _learn(tmp_path / "kuhn", "--rounds", "1", "--anticipatory", "0.2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--game", "chess2"), "chess2"),
        (("--format", "gen2ou"), "Showdown's"),
        (("--anticipatory", "3"), "anticipatory"),
        (("--rounds", "-1"), "rounds"),
        (("--layers", "0"), "layers"),
        (("--nash-conv-every", "-1"), "nash_conv_every"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_written(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        _learn(tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_settings_that_can_be_played(name: str) -> None:
    settings = NFSPRunSettings(**PRESETS[name])
    assert settings.learning().rounds == settings.rounds
    assert settings.played_game().num_actions > 0
