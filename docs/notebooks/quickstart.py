# %% [markdown]
# # Quickstart
#
# A battle, many battles at a time, a match, and PSRO where the answer is known. `pip install pokenash` is all that is
# needed: Node and Pokémon Showdown's simulator come with it, and no server is started.
#
# This notebook is made from `quickstart.py` beside it; change that and run `make_notebooks.py`.

# %%
import matplotlib.pyplot as plt
import numpy as np

from pokenash import PSRO, Arena, EpisodeSetup, PolicySpec, ShowdownGame
from pokenash.algorithms.oracles import ExactOracle
from pokenash.arena import paired_matches
from pokenash.games import showdown_v0
from pokenash.games.openspiel import OpenSpielGame

# %% [markdown]
# ## One battle
#
# The loop of PettingZoo's own pages. Each observation carries the mask of the actions that are legal now.

# %%
env = showdown_v0.env(format="gen1ou", render_mode="ansi")
env.reset(seed=1)
rewards = dict.fromkeys(env.agents, 0.0)
for agent in env.agent_iter():
    observation, reward, termination, truncation, info = env.last()
    rewards[agent] += reward
    over = termination or truncation
    action = None if over else env.action_space(agent).sample(observation["action_mask"])
    env.step(action)
story = env.render().splitlines()
env.close()
print("\n".join(["...", *story[-12:]]))
print(rewards)

# %% [markdown]
# ## Many battles
#
# Algorithms step batches: one row for every player who owes a choice, in any of the battles in play.

# %%
game = ShowdownGame(format="gen1ou")
rng = np.random.default_rng(1)
schedule = [EpisodeSetup(episode, seed=episode, options=game.sample_options(rng)) for episode in range(20)]
with game.vector(num_lanes=10, num_workers=1) as vector:
    decisions, results = vector.start(schedule)
    while len(decisions):
        chance = rng.random(decisions.action_mask.shape) * decisions.action_mask
        decisions, ended = vector.step(np.argmax(chance, axis=1))
        results += ended
print(sum(result.returns[0] > 0 for result in results), "wins of the first player in", len(results))

# %% [markdown]
# ## A match between two policies
#
# Every draw of seed and teams is played both ways, so that neither seat nor team decides who looks stronger.

# %%
policies = [PolicySpec("random", "uniform"), PolicySpec("max_power", "max_power")]
with Arena(game, num_lanes=10) as arena:
    matches = list(arena.play(policies, paired_matches(game, [(0, 1)], battles=20, seed=1), seed=1))
wins = sum(match.result.returns[match.match.policies.index(1)] > 0 for match in matches)
print(f"max_power won {wins} of {len(matches)} battles")

# %% [markdown]
# ## PSRO where the answer is known
#
# In Kuhn poker best responses and payoffs are computed exactly, and so is `nash_conv`: what both players together would
# gain by best responses. It falls to 0, which is an equilibrium. On Pokémon it cannot be computed, and what is reported
# there is a lower bound with its interval.

# %%
kuhn = OpenSpielGame("kuhn_poker")
uniform = PolicySpec("uniform", "uniform")
result = PSRO(kuhn, [uniform], ExactOracle(), iterations=6, payoffs="exact", symmetric=False).run()
values = [state.analysis["exact_nash_conv"] for state in result.iterations]
for iteration, value in enumerate(values):
    print(f"iteration {iteration}: nash_conv {value:.3f}")
plt.figure(figsize=(5, 3))
plt.plot(values, marker="o")
plt.xlabel("best responses")
plt.ylabel("nash_conv of the mixture")
plt.show()

# %% [markdown]
# ## PSRO on gen1ou
#
# Some minutes on two cores; from a terminal, into a directory from which it goes on after any interruption. The report
# is a page with the payoffs and their intervals, the mixture, and what each best response was worth on fresh battles.
#
# ```console
# $ pokenash psro --preset demo --output runs/demo
# $ pokenash report runs/demo
# ```
