"""A case, from what is read to what is known of it: the CT or the pair of slices, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import Classification, CtSlicePair, CtVolume, Flag, Level, LevelsFound, ModelInfo

Case = CtVolume | CtSlicePair
"""What one reading is made from."""


def volume_of(case: Case, level: Level) -> CtVolume:
    """Return the volume that shows one level: the CT, or that level's slice of a pair."""
    if isinstance(case, CtVolume):
        return case
    return case.l1 if level is Level.L1 else case.l2


@dataclass(frozen=True, eq=False)
class CaseResult:
    """One case, from CT to class; what result.json, .seg.nrrd and the report are written from."""

    volume: Case
    l1: VertebraReading
    l2: VertebraReading
    classification: Classification
    model: ModelInfo
    device: str
    levels: LevelsFound
    flags: tuple[Flag, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def readings(self) -> tuple[VertebraReading, VertebraReading]:
        """L1 and L2, in this order."""
        return (self.l1, self.l2)
