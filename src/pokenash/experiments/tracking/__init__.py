"""Trackers: JSON lines, TensorBoard, Weights & Biases and trackio behind one interface, `pokenash.tracking.Tracker`.

Names are imported when they are first used; a tracker's own package loads when the tracker is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pokenash.lazy import lazy_names

if TYPE_CHECKING:
    from pokenash.experiments.tracking.json_lines import JSONTracker, read_metrics
    from pokenash.experiments.tracking.onward import OnwardTracker
    from pokenash.experiments.tracking.opening import PATIENCE, TRACKERS, Trackers, open_tracker
    from pokenash.experiments.tracking.settings import TRACKED, TrackedSettings, TrackerName, settings_tracker
    from pokenash.experiments.tracking.tensorboard import TensorBoardTracker
    from pokenash.experiments.tracking.trackio import TrackioTracker
    from pokenash.experiments.tracking.wandb import WandbTracker

_MODULES = {
    "JSONTracker": "json_lines",
    "OnwardTracker": "onward",
    "PATIENCE": "opening",
    "TRACKED": "settings",
    "TRACKERS": "opening",
    "TensorBoardTracker": "tensorboard",
    "TrackedSettings": "settings",
    "TrackerName": "settings",
    "Trackers": "opening",
    "TrackioTracker": "trackio",
    "WandbTracker": "wandb",
    "open_tracker": "opening",
    "read_metrics": "json_lines",
    "settings_tracker": "settings",
}

__all__ = [
    "PATIENCE",
    "TRACKED",
    "TRACKERS",
    "JSONTracker",
    "OnwardTracker",
    "TensorBoardTracker",
    "TrackedSettings",
    "TrackerName",
    "Trackers",
    "TrackioTracker",
    "WandbTracker",
    "open_tracker",
    "read_metrics",
    "settings_tracker",
]


__getattr__, __dir__ = lazy_names(__name__, _MODULES, __all__)
