"""What the panel shows of a reading: plain records, made anew at each change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from OsteoJointLib.records import Level


@dataclass(frozen=True)
class LevelState:
    """One level: its point (None: not placed yet) and its mask."""

    center_ras: tuple[float, float, float] | None = None
    confidence: float | None = None
    source: str | None = None
    mask_source: str | None = None
    area_mm2: float | None = None


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
        can_shift_up, can_shift_down: whether there is a body to move on to.
        document: the result as in result.json; None before the first.
        stale: what was changed since, one clause each; empty when the document is up to date.
        message, message_kind, reason: the last thing to tell; kind is "", "info" or "error".
        can_undo_refinement: whether masks from before lie ready.
        comparing: which masks are shown instead of the present ones: "", "before" or "network".
    """

    ready: bool = True
    volume_name: str | None = None
    problem: str = ""
    running: bool = False
    stage: str = ""
    fraction: float = 0.0
    levels: Mapping[str, LevelState] = field(default_factory=lambda: {level: LevelState() for level in Level})
    can_shift_up: bool = False
    can_shift_down: bool = False
    document: dict[str, Any] | None = None
    stale: tuple[str, ...] = ()
    message: str = ""
    message_kind: str = ""
    reason: str = ""
    can_undo_refinement: bool = False
    comparing: str = ""
