"""A round robin on gen1ou: win rates with their counts and Wilson intervals.

Every pair plays each drawn start (two teams and a seed) in both seats. Run it again with more battles and it plays
only what the log lacks.

    python examples/tournament.py --battles 200 --log runs/tournament/matches.jsonl
    python examples/tournament.py --policies runs/demo/iteration_3/population.json type_aware
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from pokenash.algorithms import EmpiricalGame, MatchLog, get_meta_solver, play_tournament
from pokenash.arena import Arena
from pokenash.games import load_game
from pokenash.policies import policy_specs


@dataclass
class Settings:
    """What is played, and how."""

    format: str = "gen1ou"
    """battle format"""
    policies: tuple[str, ...] = ("uniform", "max_power", "type_aware", "gen1ou_heuristic")
    """who meets: kinds of policies, .safetensors checkpoints, a run's population.json, or a run, whose mixture plays"""
    battles: int = 200
    """battles per pair, half of them with the seats exchanged"""
    lanes: int = 64
    """battles in play at a time"""
    workers: int = 2
    """simulator processes"""
    seed: int = 1
    """of the schedule, the battles and the policies"""
    log: Path = Path("runs/tournament/matches.jsonl")
    """match log, written to as the tournament goes on"""


def table(game: EmpiricalGame) -> str:
    """Win rate of the row against the column policy in percent, its 95% interval and the number of battles."""
    rates, (lower, upper), battles = game.win_rate(), game.intervals(), game.battles
    width = max(len(name) for name in game.policies) + 2
    lines = [" " * width + "".join(f"{name:>26}" for name in game.policies)]
    for i, name in enumerate(game.policies):
        cells = [
            f"{100 * rates[i, j]:.1f} [{100 * lower[i, j]:.1f}, {100 * upper[i, j]:.1f}] n={battles[i, j]}"
            if i != j
            else "."
            for j in range(len(game))
        ]
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>26}" for cell in cells))
    return "\n".join(lines)


def main(settings: Settings) -> None:
    """Play and print."""
    showdown = load_game({"game": "showdown", "format": settings.format})
    population = policy_specs(settings.policies)
    with Arena(showdown, num_lanes=settings.lanes, num_workers=settings.workers, progress=True) as arena:
        game = play_tournament(arena, MatchLog(settings.log), population, battles=settings.battles, seed=settings.seed)
        if arena.battles_per_second:
            print(f"{arena.battles_per_second:.1f} battles/s, {arena.decisions_per_second:.0f} decisions/s")
    print(table(game))
    nash = get_meta_solver("nash")(game.payoffs())
    print("Nash: " + ", ".join(f"{name} {p:.3f}" for name, p in zip(game.policies, nash, strict=True)))


if __name__ == "__main__":
    main(tyro.cli(Settings))
