"""Plays matches: many episodes at once, rows grouped by policy, the same results in any layout."""

from pokenash.arena.arena import Arena
from pokenash.arena.matches import Match, MatchResult, paired_matches, round_robin, round_robin_pairs

__all__ = ["Arena", "Match", "MatchResult", "paired_matches", "round_robin", "round_robin_pairs"]
