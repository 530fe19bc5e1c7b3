"""Who plays: policies, their descriptions, mixtures and populations. Imports without torch."""

from pokenash.policies.core import DecisionRandom, Policy, sample_actions
from pokenash.policies.mixture import Mixture, mixture_spec
from pokenash.policies.populations import check_population, load_population, save_population
from pokenash.policies.sources import RunMixture, policy_specs, read_run
from pokenash.policies.spec import PolicySpec, load_policy, policy_kinds, register_policy
from pokenash.policies.uniform import Uniform

__all__ = [
    "DecisionRandom",
    "Mixture",
    "Policy",
    "PolicySpec",
    "RunMixture",
    "Uniform",
    "check_population",
    "load_policy",
    "load_population",
    "mixture_spec",
    "policy_kinds",
    "policy_specs",
    "read_run",
    "register_policy",
    "sample_actions",
    "save_population",
]

register_policy("uniform", "pokenash.policies.uniform:load", by_name=True)
register_policy("mixture", "pokenash.policies.mixture:load")
register_policy("python", "pokenash.policies.custom:load")
register_policy("max_power", "pokenash.policies.heuristics:load", by_name=True)
register_policy("type_aware", "pokenash.policies.heuristics:load", by_name=True)
register_policy("gen1ou_heuristic", "pokenash.policies.heuristics:load", by_name=True)
register_policy("bug_catcher", "pokenash.policies.heuristics:load", by_name=True)
register_policy("trainer", "pokenash.policies.heuristics:load", by_name=True)
register_policy("boss_ai", "pokenash.policies.heuristics:load", by_name=True)
register_policy("basic_switcher", "pokenash.policies.heuristics:load", by_name=True)
register_policy("grunt", "pokenash.policies.heuristics:load", by_name=True)
register_policy("gym_leader", "pokenash.policies.heuristics:load", by_name=True)
register_policy("emerald_kaizo", "pokenash.policies.heuristics:load", by_name=True)
register_policy("kaizo_plus", "pokenash.policies.heuristics:load", by_name=True)
register_policy("poke_env", "pokenash.policies.poke_env.members:load", maker="pokenash.policies.poke_env.members:named")
register_policy("metamon", "pokenash.metamon.policy:load", maker="pokenash.metamon.registry:published_spec")
register_policy("oak", "pokenash.policies.oak:load", maker="pokenash.policies.oak:named")
register_policy("network", "pokenash.policies.network:load")
register_policy("seats", "pokenash.policies.seats:load")
register_policy("tabular", "pokenash.policies.tabular:load")
