"""What the panel's parts need of the reading behind them, one Protocol each; the panel needs them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import slicer

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.labels.fetching import Asked
from OsteoJointLib.slicer_bridge.labels.label_flow import Passed
from OsteoJointLib.slicer_bridge.reading.edits import Edits
from OsteoJointLib.slicer_bridge.reading.provenance import Point
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes


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
    def shift_levels(self, up: bool) -> None: ...


class Refined(Edited, Protocol):
    """A reading whose masks are refined, reset and compared."""

    def refine(
        self, levels: Sequence[Level], parameters: Mapping[str, float], whole: bool, at: Point | None
    ) -> None: ...


class Labeling(Protocol):
    """Saves a case for training."""

    def label(self, fields: Mapping[str, Any], on_done: Callable[[Any], None]) -> None: ...


class Saved(Updated, Protocol):
    """A reading whose files are written, and which takes masks that were."""

    def deliver(self, folder: Path, row: str, on_done: Callable[[Any], None], dicom: Sequence[Path] = ()) -> None: ...
    def take_mask_file(self, path: Path, centers_lps_mm: Mapping[Level, Sequence[float]] | None = None) -> None: ...
    def take_mask_node(self, node: slicer.vtkMRMLSegmentationNode) -> None: ...


class Worker(Asked, Protocol):
    """The process that computes, and what it said last."""

    @property
    def log(self) -> Sequence[str]: ...
    def kill(self) -> None: ...


class Labeled(Passed, Labeling, Protocol):
    """A reading through which a folder of CTs goes, to be labeled."""


class Computed(Started, Protocol):
    """A reading whose worker is looked at, started and ended."""

    @property
    def client(self) -> Worker: ...
    def start_worker(self) -> None: ...


class Controlled(Computed, Located, Refined, Saved, Labeled, Protocol):
    """Everything that the panel needs."""

    follow: bool

    @property
    def client(self) -> Worker: ...
