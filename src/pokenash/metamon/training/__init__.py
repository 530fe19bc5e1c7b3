"""Training metamon's networks further, from trajectory files. Torch loads with the first name that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names
from pokenash.metamon.training.settings import FineTuneSettings, TrainingData

if TYPE_CHECKING:
    from pokenash.metamon.training.batches import as_tensors
    from pokenash.metamon.training.fine_tuning import FineTuned, fine_tune
    from pokenash.metamon.training.learner import Learner, Regularisation
    from pokenash.metamon.training.start import StartingPoint, load_start, trained_spec
    from pokenash.metamon.training.weights import export_state_dict, save_weights

_MODULES = {
    "FineTuned": "fine_tuning",
    "Learner": "learner",
    "Regularisation": "learner",
    "StartingPoint": "start",
    "as_tensors": "batches",
    "export_state_dict": "weights",
    "fine_tune": "fine_tuning",
    "load_start": "start",
    "save_weights": "weights",
    "trained_spec": "start",
}

__all__ = [
    "FineTuneSettings",
    "FineTuned",
    "Learner",
    "Regularisation",
    "StartingPoint",
    "TrainingData",
    "as_tensors",
    "export_state_dict",
    "fine_tune",
    "load_start",
    "save_weights",
    "trained_spec",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
