"""What the panel shows of a reading: plain records, made anew at each change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from OsteoJointLib.errors import Reason
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.mask_changes import MaskChange
from OsteoJointLib.slicer_bridge.reading.provenance import Point
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.slicer_bridge.scene.mask_nodes import OWN, MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role


@dataclass(frozen=True)
class LevelState:
    """One level: its point (None: not placed yet), its mask, and whether its name is in doubt.

    ``change`` says how the mask differs from the network's; None where it doesn't, or that can't be told.
    """

    center_ras: Point | None = None
    confidence: float | None = None
    source: PointSource | None = None
    mask_source: MaskSource | None = None
    area_mm2: float | None = None
    in_doubt: bool = False
    change: MaskChange | None = None

    @property
    def has_own_mask(self) -> bool:
        """Whether its mask is not simply the network's."""
        return self.mask_source in OWN


@dataclass(frozen=True)
class ReadingState:
    """A reading as it stands.

    Args:
        ready: whether everything is installed that a reading can't do without; the panel looks for itself.
        volume_name: None when no CT is chosen.
        problem: why the CT can't be read; empty when it can.
        running, stage, fraction: of a run under way; a name of
            :class:`OsteoJointLib.pipeline.stages.Stage`.
        levels: L1 and L2.
        levels_doubt: what makes their names uncertain; empty where nothing does, or a user placed or confirmed both.
        can_shift_up, can_shift_down: whether there is a body to move on to.
        document: the result as in result.json; None before the first.
        stale: what was changed since, one clause each; empty when the document is up to date.
        message: the last thing to tell; empty for nothing.
        reason: why a run ended without a result; None when the message tells of none.
        can_undo_refinement: whether masks from before lie ready.
        comparing: which masks are shown instead of the present ones, those from before, or over them, the network's.
        said: what the user says of the CT: which vertebra doesn't count, how it was scanned.
    """

    ready: bool = True
    volume_name: str | None = None
    problem: str = ""
    running: bool = False
    stage: str = ""
    fraction: float = 0.0
    levels: Mapping[Level, LevelState] = field(default_factory=lambda: {level: LevelState() for level in Level})
    levels_doubt: str = ""
    can_shift_up: bool = False
    can_shift_down: bool = False
    document: dict[str, Any] | None = None
    stale: tuple[str, ...] = ()
    message: str = ""
    reason: Reason | None = None
    can_undo_refinement: bool = False
    comparing: Role | None = None
    said: Said = field(default_factory=Said)

    @property
    def is_error(self) -> bool:
        """Whether the message tells of a run that failed; calling one off is no failure."""
        return self.reason not in (None, Reason.CANCELLED)
