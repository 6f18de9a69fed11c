"""What the panel's parts need of the reading behind them, one Protocol each; the panel needs them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import slicer

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.reading.edits import Edits
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes
from OsteoJointLib.slicer_bridge.signal import Signal


class Shown(Protocol):
    """How the reading stands, and its nodes; None when no CT is chosen."""

    @property
    def state(self) -> ReadingState: ...
    @property
    def nodes(self) -> OwnedNodes | None: ...


class Updated(Shown, Protocol):
    """A reading that can be brought up to date."""

    def update(self) -> None: ...


class Configured(Shown, Protocol):
    """A reading whose worker is set up."""

    settings: WorkerSettings


class Started(Updated, Configured, Protocol):
    """A reading that is started and called off."""

    @property
    def hardware(self) -> Any: ...
    def cancel(self) -> None: ...


class Edited(Shown, Protocol):
    """A reading whose user says something of the CT."""

    edits: Edits


class Located(Edited, Protocol):
    """A reading whose levels are found or placed."""

    def find_levels(self) -> None: ...
    def confirm_levels(self) -> None: ...


class Refined(Edited, Protocol):
    """A reading whose masks are refined, reset and compared."""

    def refine(self, levels: Sequence[Level], parameters: Mapping[str, float]) -> None: ...


class Labeling(Protocol):
    """Saves a case for training."""

    def label(self, fields: Mapping[str, Any], on_done: Callable[[Any], None]) -> None: ...


class Saved(Updated, Labeling, Protocol):
    """A reading whose files are written."""

    def deliver(self, folder: Path, row: str, on_done: Callable[[Any], None]) -> None: ...


class Worker(Protocol):
    """The process that computes, and what it said last."""

    @property
    def log(self) -> Sequence[str]: ...
    def kill(self) -> None: ...


class Computed(Started, Protocol):
    """A reading whose worker is looked at, started and ended."""

    @property
    def client(self) -> Worker: ...
    def start_worker(self) -> None: ...


class Controlled(Computed, Located, Refined, Saved, Protocol):
    """Everything that the panel needs."""

    changed: Signal
    follow: bool

    def select(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> None: ...
