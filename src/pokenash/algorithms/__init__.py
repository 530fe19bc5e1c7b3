"""What is computed from matches: empirical games, meta-strategies, and the algorithms that find new policies.

Names are imported when they are first used, so that neither torch nor OpenSpiel loads before it is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.algorithms.adaptive_sampling import AdaptiveSampler
    from pokenash.algorithms.anchored_rating import AnchoredRating
    from pokenash.algorithms.clustered import ClusteredRate, clustered_rate, intraclass_correlation
    from pokenash.algorithms.cyclicity import Cyclicity
    from pokenash.algorithms.damping import AdaptiveControl, Damping, DampingSettings, PowerLaw, Reference
    from pokenash.algorithms.earlier_results import EarlierResults, load_earlier_results
    from pokenash.algorithms.empirical_game import EmpiricalGame
    from pokenash.algorithms.exact_game import ExactGame, exact_nash_conv
    from pokenash.algorithms.exploitability import (
        Attempt,
        BestResponseEstimate,
        approximate_exploitability,
        ppo_attempts,
        tabular_attempts,
    )
    from pokenash.algorithms.exploitability_descent import DescentResult, ExploitabilityDescent
    from pokenash.algorithms.glicko import Glicko, GlickoSystem, rate_period
    from pokenash.algorithms.intervals import WinRate, wilson_interval
    from pokenash.algorithms.match_log import LoggedMatch, MatchLog
    from pokenash.algorithms.match_log_compaction import compact_match_log
    from pokenash.algorithms.mean_return import MeanReturn
    from pokenash.algorithms.meta_game_analysis import MetaGameAnalysis, analyse_meta_game
    from pokenash.algorithms.meta_solvers import META_SOLVERS, MetaSolver, get_meta_solver
    from pokenash.algorithms.nash import nash_conv
    from pokenash.algorithms.nfsp import NFSP, NFSPResult, NFSPRound, NFSPSettings
    from pokenash.algorithms.paired_scores import PairedScore, confidence_sequence, paired_interval, paired_score
    from pokenash.algorithms.posterior import Estimate, PayoffPosterior
    from pokenash.algorithms.power import (
        battles_for_difference,
        battles_for_interval,
        battles_for_win_rate,
        binomial_power,
        design_effect,
    )
    from pokenash.algorithms.psro import PSRO
    from pokenash.algorithms.psro_result import PSROIteration, PSROResult
    from pokenash.algorithms.ratings import BradleyTerry, bradley_terry, elo, elo_averaged
    from pokenash.algorithms.self_play import SelfPlay, SelfPlaySettings
    from pokenash.algorithms.shrinkage import ShrunkenRates, shrink_rates
    from pokenash.algorithms.tournament import play_tournament

_MODULES = {
    "AdaptiveControl": "damping",
    "AdaptiveSampler": "adaptive_sampling",
    "AnchoredRating": "anchored_rating",
    "Attempt": "exploitability",
    "BestResponseEstimate": "exploitability",
    "BradleyTerry": "ratings",
    "ClusteredRate": "clustered",
    "Cyclicity": "cyclicity",
    "Damping": "damping",
    "DampingSettings": "damping",
    "DescentResult": "exploitability_descent",
    "EarlierResults": "earlier_results",
    "EmpiricalGame": "empirical_game",
    "Estimate": "posterior",
    "ExactGame": "exact_game",
    "ExploitabilityDescent": "exploitability_descent",
    "Glicko": "glicko",
    "GlickoSystem": "glicko",
    "LoggedMatch": "match_log",
    "META_SOLVERS": "meta_solvers",
    "MatchLog": "match_log",
    "MeanReturn": "mean_return",
    "MetaGameAnalysis": "meta_game_analysis",
    "MetaSolver": "meta_solvers",
    "NFSP": "nfsp",
    "NFSPResult": "nfsp",
    "NFSPRound": "nfsp",
    "NFSPSettings": "nfsp",
    "PSRO": "psro",
    "PSROIteration": "psro_result",
    "PSROResult": "psro_result",
    "PairedScore": "paired_scores",
    "PayoffPosterior": "posterior",
    "PowerLaw": "damping",
    "Reference": "damping",
    "SelfPlay": "self_play",
    "SelfPlaySettings": "self_play",
    "ShrunkenRates": "shrinkage",
    "WinRate": "intervals",
    "analyse_meta_game": "meta_game_analysis",
    "approximate_exploitability": "exploitability",
    "battles_for_difference": "power",
    "battles_for_interval": "power",
    "battles_for_win_rate": "power",
    "binomial_power": "power",
    "bradley_terry": "ratings",
    "clustered_rate": "clustered",
    "compact_match_log": "match_log_compaction",
    "confidence_sequence": "paired_scores",
    "design_effect": "power",
    "elo": "ratings",
    "elo_averaged": "ratings",
    "exact_nash_conv": "exact_game",
    "get_meta_solver": "meta_solvers",
    "intraclass_correlation": "clustered",
    "load_earlier_results": "earlier_results",
    "nash_conv": "nash",
    "paired_interval": "paired_scores",
    "paired_score": "paired_scores",
    "play_tournament": "tournament",
    "ppo_attempts": "exploitability",
    "rate_period": "glicko",
    "shrink_rates": "shrinkage",
    "tabular_attempts": "exploitability",
    "wilson_interval": "intervals",
}

__all__ = [
    "META_SOLVERS",
    "NFSP",
    "PSRO",
    "AdaptiveControl",
    "AdaptiveSampler",
    "AnchoredRating",
    "Attempt",
    "BestResponseEstimate",
    "BradleyTerry",
    "ClusteredRate",
    "Cyclicity",
    "Damping",
    "DampingSettings",
    "DescentResult",
    "EarlierResults",
    "EmpiricalGame",
    "Estimate",
    "ExactGame",
    "ExploitabilityDescent",
    "Glicko",
    "GlickoSystem",
    "LoggedMatch",
    "MatchLog",
    "MeanReturn",
    "MetaGameAnalysis",
    "MetaSolver",
    "NFSPResult",
    "NFSPRound",
    "NFSPSettings",
    "PSROIteration",
    "PSROResult",
    "PairedScore",
    "PayoffPosterior",
    "PowerLaw",
    "Reference",
    "SelfPlay",
    "SelfPlaySettings",
    "ShrunkenRates",
    "WinRate",
    "analyse_meta_game",
    "approximate_exploitability",
    "battles_for_difference",
    "battles_for_interval",
    "battles_for_win_rate",
    "binomial_power",
    "bradley_terry",
    "clustered_rate",
    "compact_match_log",
    "confidence_sequence",
    "design_effect",
    "elo",
    "elo_averaged",
    "exact_nash_conv",
    "get_meta_solver",
    "intraclass_correlation",
    "load_earlier_results",
    "nash_conv",
    "paired_interval",
    "paired_score",
    "play_tournament",
    "ppo_attempts",
    "rate_period",
    "shrink_rates",
    "tabular_attempts",
    "wilson_interval",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
