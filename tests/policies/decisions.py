"""Batches of decisions: made up for a test, or those of random battles; and what every policy must do with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pokenash.games.core import Decisions, EpisodeSetup
from pokenash.games.showdown.game import ShowdownGame
from pokenash.policies import DecisionRandom, Policy, PolicySpec, load_policy


def batch(
    mask: ArrayLike, *, episode: ArrayLike | None = None, player: ArrayLike = 0, decision: ArrayLike = 0
) -> Decisions:
    """Rows with the given masks and keys; each its own lane, and by default its own episode."""
    mask = np.asarray(mask, np.bool_)
    rows = np.arange(len(mask))
    return Decisions(
        rows,
        rows if episode is None else np.asarray(episode, np.int64),
        np.broadcast_to(np.asarray(player, np.int64), len(mask)).copy(),
        np.broadcast_to(np.asarray(decision, np.int64), len(mask)).copy(),
        rows[:, None].astype(np.float32),
        mask,
    )


def of_random_battles(format: str, episodes: int, seed: int, every: int) -> list[Decisions]:
    """Open decisions of uniformly random battles: each batch that is a multiple of `every`, so some of every phase."""
    game, rng = ShowdownGame(format=format), DecisionRandom(3)
    uniform, teams = load_policy(PolicySpec("uniform", "uniform"), game), np.random.default_rng(1)
    schedule = [EpisodeSetup(i, seed + i, game.sample_options(teams)) for i in range(episodes)]
    found = []
    with game.vector(episodes, 1) as vector:
        decisions, _ = vector.start(schedule)
        step = 0
        while len(decisions):
            if step % every == 0:
                found.append(decisions.select(np.arange(len(decisions))))
            decisions, _ = vector.step(uniform.act(decisions, None, rng))
            step += 1
    return found


def check_legal_and_the_same_in_any_batch(policy: Policy, batches: list[Decisions], rng: DecisionRandom) -> None:
    """A policy without memory answers every row legally, whatever rows are beside it and in whatever order."""
    for decisions in batches:
        actions = policy.act(decisions, None, rng)
        assert actions.dtype == np.int64
        assert decisions.action_mask[np.arange(len(actions)), actions].all()
        alone = [policy.act(decisions.select(np.asarray([i])), None, rng)[0] for i in range(len(decisions))]
        assert actions.tolist() == alone
        backwards = np.arange(len(decisions))[::-1]
        assert policy.act(decisions.select(backwards), None, rng).tolist() == actions[::-1].tolist()
