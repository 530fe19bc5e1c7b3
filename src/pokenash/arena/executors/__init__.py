"""Where matches are played: on this machine, or on a Ray cluster; the same results either way."""

from pokenash.arena.executors.core import EXECUTORS, MatchExecutor, check_executor, make_executor
from pokenash.arena.executors.ray_arena import RayArena

__all__ = ["EXECUTORS", "MatchExecutor", "RayArena", "check_executor", "make_executor"]
