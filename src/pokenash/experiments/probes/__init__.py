"""Theory probes: positions whose right plan is known, and what policies do in them.

Names are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.experiments.probes.behaviour import Behaviour, probe_decisions, probe_game, probe_policy
    from pokenash.experiments.probes.exact import EndgameValue, solve_endgame
    from pokenash.experiments.probes.probe import Probe, load_probes
    from pokenash.experiments.probes.report import ProbeReport, run_probes, write_probe_report
    from pokenash.experiments.probes.rollouts import Start, roll_out

_MODULES = {
    "Behaviour": "behaviour",
    "EndgameValue": "exact",
    "Probe": "probe",
    "ProbeReport": "report",
    "Start": "rollouts",
    "load_probes": "probe",
    "probe_decisions": "behaviour",
    "probe_game": "behaviour",
    "probe_policy": "behaviour",
    "roll_out": "rollouts",
    "run_probes": "report",
    "solve_endgame": "exact",
    "write_probe_report": "report",
}

__all__ = [
    "Behaviour",
    "EndgameValue",
    "Probe",
    "ProbeReport",
    "Start",
    "load_probes",
    "probe_decisions",
    "probe_game",
    "probe_policy",
    "roll_out",
    "run_probes",
    "solve_endgame",
    "write_probe_report",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
