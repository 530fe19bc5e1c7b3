"""Every example runs as its docstring and `examples/README.md` say, here on a small size."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
import tyro
from pettingzoo.test import api_test
from tests.showdown_server import needs_server

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Example:
    """Runs examples from an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Example(capsys, monkeypatch)


class Example:
    """Runs an example with flags and returns what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def load(self, name: str) -> ModuleType:
        """The script as a module, which does not run it."""
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Dataclasses, and games that are named by their module, look there.
        self._monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    def __call__(self, name: str, flags: str) -> str:
        module = self.load(name)
        module.main(tyro.cli(module.Settings, args=flags.split()))
        printed: str = self._capsys.readouterr().out
        return printed


def test_every_example_is_in_the_table_and_the_docs_names_its_command_and_has_a_test() -> None:
    table = (EXAMPLES / "README.md").read_text("utf-8")
    page, tests = (EXAMPLES.parent / "docs" / "examples.md").read_text("utf-8"), Path(__file__).read_text("utf-8")
    assert re.findall(r"^\| \[`(\w+)\.py`\]\(\1\.py\) \|", table, re.MULTILINE) == NAMES
    for name in NAMES:
        assert f"python examples/{name}.py" in (EXAMPLES / f"{name}.py").read_text("utf-8").split('"""')[1]
        assert f"```{{literalinclude}} ../examples/{name}.py\n" in page
        assert re.search(rf'run\(\s*"{name}", ', tests)


def test_two_random_players_battle(run: Example, tmp_path: Path) -> None:
    printed = run("play_random", "--seed 3 --replay battle.html")
    assert re.search(r"Player [12] won the battle!\nplayer_0: reward [+-]1 \(win after \d+ turns\)", printed)
    assert (tmp_path / "battle.html").exists()


def test_a_tournament_tells_counts_and_intervals_and_goes_on(run: Example, tmp_path: Path) -> None:
    flags = "--policies max_power type_aware --log matches.jsonl --workers 1"
    assert "n=4" in run("tournament", f"{flags} --battles 4")
    printed = run("tournament", f"{flags} --battles 8")
    assert re.search(r"^max_power +\. +\d+\.\d \[\d+\.\d, \d+\.\d\] n=8$", printed, re.MULTILINE)
    assert re.search(r"Nash: max_power \d\.\d+, type_aware \d\.\d+", printed)
    assert len((tmp_path / "matches.jsonl").read_text().splitlines()) == 8


@pytest.mark.slow
def test_psro_on_gen1ou_trains_measures_and_reports(run: Example, tmp_path: Path) -> None:
    sizes = "--iterations 1 --battles-per-matchup 2 --evaluation-battles 4 --collection-battles 4 --updates 1"
    printed = run(
        "psro_gen1ou", f"{sizes} --battles-per-update 4 --population max_power type_aware --workers 1 --output run"
    )
    assert re.search(r"br_0 wins [\d.]+% \[[\d.]+%, [\d.]+%\] of 4 fresh battles against it", printed)
    assert "iteration 1: mixture " in printed
    assert (tmp_path / "run" / "report.html").exists()


def test_nfsp_on_leduc_is_measured_exactly(run: Example) -> None:
    printed = run("nfsp_leduc", "--rounds 2 --episodes 512 --hidden 16")
    found = re.search(r"average policy, nash_conv (\d\.\d{3}): ", printed)
    assert found is not None
    # Two rounds leave it near uniform play, whose value is 4.7472.
    assert 2 < float(found[1]) < 7


@pytest.mark.slow
def test_nfsp_on_showdown_is_measured_on_fresh_battles(run: Example) -> None:
    sizes = "--rounds 1 --battles 4 --evaluation-battles 4 --lanes 4 --workers 1"
    printed = run("nfsp_showdown", sizes)
    assert re.search(r"average policy against random play: .*'battles': 4", printed)


def test_openspiels_agent_is_compared_with_the_exact_best_response(run: Example) -> None:
    pytest.importorskip("tree")
    printed = run("openspiel_agent", "--episodes 200 --hidden 16")
    found = re.findall(r"player \d: DQN ([+-]\d\.\d+), exact best response ([+-]\d\.\d+)", printed)
    assert len(found) == 2
    assert all(float(learned) <= float(best) for learned, best in found)


def test_self_play_is_damped_and_measured_exactly(run: Example) -> None:
    printed = run("self_play_damping", "--updates 2 --episodes 64")
    assert len(re.findall(r"^update [12]: entropy .* KL weight ", printed, re.MULTILINE)) == 2
    # Kuhn poker's uniform policy has 0.9167.
    values = re.findall(r"nash_conv (\d\.\d+)", printed)
    assert values
    assert all(0 < float(value) < 1.5 for value in values)


def test_a_custom_game_comes_near_the_value_that_is_known(run: Example) -> None:
    game = run.load("custom_pettingzoo_game")
    api_test(game.InspectionGame(), num_cycles=50)
    # By the recursion of the stage games: v(1, 1) = 0, v(2, 1) = -1/3, v(3, 1) = -1/2.
    assert [game.value(periods, 1) for periods in (2, 3)] == [-1 / 3, -1 / 2]
    printed = run("custom_pettingzoo_game", "--periods 2 --inspections 1 --iterations 5 --games 400")
    values = [float(value) for value in re.findall(r"value ([+-]\d\.\d{3}), exact -0\.333", printed)]
    assert len(values) == 6
    # Payoffs between best responses are exact, and three of each seat's suffice.
    assert abs(values[-1] + 1 / 3) < 0.05
    # What the last mixtures leave to best responses comes near it from either side: a mean of 200 games in each seat at
    # +1, 0 and -1 has a standard error below 0.07.
    keeps, leaves = map(float, re.findall(r"keeps ([+-]\d\.\d+) and its violator leaves ([+-]\d\.\d+)", printed)[0])
    assert keeps - 0.21 < -1 / 3 < leaves + 0.21


def test_metamon_networks_join_a_population_and_are_trained_further(run: Example, tmp_path: Path) -> None:
    pytest.importorskip("lz4")
    sizes = (
        "--battles-per-matchup 2 --evaluation-battles 2 --battles 4 --head-to-head-battles 2 --steps 3 --batch-size 2"
    )
    printed = run("metamon_population", f"--others max_power {sizes} --workers 1 --output run")
    assert re.search(r"a network of random weights that knows \d{2,} words", printed)
    assert "2 battles, 95% interval" in printed
    assert re.search(r"mixture: random_model \d\.\d\d, max_power \d\.\d\d, br_0 \d\.\d\d", printed)
    assert (tmp_path / "run" / "report.html").exists()


def test_a_mixture_meets_a_bot_on_a_server(run: Example, tmp_path: Path) -> None:
    needs_server()
    printed = run("mixture_on_server", "--battles 4 --concurrent 4 --output play")
    assert "server: ws://127.0.0.1:" in printed
    won, tied, lost = map(int, re.findall(r"heuristics: (\d) won, (\d) tied, (\d) lost", printed)[0])
    assert won + tied + lost == 4
    assert len(list((tmp_path / "play" / "mixture" / "battles").glob("*.log"))) == 4
