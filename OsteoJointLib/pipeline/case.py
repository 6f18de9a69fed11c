"""A case, from what is read to what is known of it: the CT or the pair of slices, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.calibration.rods import RodFit
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading, label_map
from OsteoJointLib.records import BodyVolume, Classification, CtSlicePair, CtVolume, Flag, Level, LevelsFound, ModelInfo
from OsteoJointLib.whole_body.looking import Windows

if TYPE_CHECKING:
    import SimpleITK

Case = CtVolume | CtSlicePair
"""What one reading is made from."""


def volume_of(case: Case, level: Level) -> CtVolume:
    """Return the volume that shows one level: the CT, or that level's slice of a pair."""
    if isinstance(case, CtVolume):
        return case
    return case.l1 if level is Level.L1 else case.l2


def images_of(case: Case) -> tuple[CtVolume, ...]:
    """Return the images of a case: the CT, or both slices of a pair."""
    return (case,) if isinstance(case, CtVolume) else (case.l1, case.l2)


@dataclass(frozen=True, eq=False, repr=False)
class CaseResult:
    """One case, from CT to class; what result.json, .seg.nrrd and the report are written from.

    Args:
        volume: what it was read from.
        l1, l2: all that is known of each level.
        classification: bone status; None where it is held back, because the levels are in doubt.
        model: which weights.
        device: where they computed.
        levels: both points, the column they were chosen from, and its doubts.
        flags: every doubt about the case.
        timings_s: seconds by stage.
        config, options: the settings it was read with.
        neighbors: the bodies of T12 and L3 where they were seen; none where only the mid-slices were asked for.
        windows: what the network saw the bodies in, kept for a point that moves.
        rods: calibration rods that were found in the scan.
        precision: what the device computes its convolutions in.
        read_at: when the reading ended.
    """

    volume: Case
    l1: VertebraReading
    l2: VertebraReading
    classification: Classification | None
    model: ModelInfo
    device: str
    levels: LevelsFound
    flags: tuple[Flag, ...] = ()
    timings_s: Mapping[str, float] = field(default_factory=dict)
    config: PipelineConfig = field(default_factory=PipelineConfig)
    options: ReadOptions = field(default_factory=ReadOptions)
    neighbors: tuple[BodyVolume, ...] = ()
    windows: Windows = field(default_factory=dict)
    rods: RodFit | None = None
    precision: str = "float32"
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def readings(self) -> tuple[VertebraReading, VertebraReading]:
        """L1 and L2, in this order."""
        return (self.l1, self.l2)

    @property
    def label_map(self) -> np.ndarray:
        """The bodies in VerSe's numbers (T12 = 19, L1 = 20, L2 = 21, L3 = 22), (z, y, x) uint8 as the CT was given.

        Whole bodies, or L1's and L2's mid-slices where only these were segmented.

        Raises:
            UsageError: a pair of slices has no grid in common; take that of each level.
        """
        return label_map(self.readings, self._one_volume(), self.neighbors)

    @property
    def label_image(self) -> SimpleITK.Image:
        """The same as a SimpleITK image that lies where the CT lies.

        Raises:
            UsageError: as :attr:`label_map`.
        """
        volume = self._one_volume()
        return image_on_grid(self.label_map, volume.stored or volume.grid)

    def _one_volume(self) -> CtVolume:
        if isinstance(self.volume, CtVolume):
            return self.volume
        raise UsageError(
            Reason.USAGE, "The two slices of a pair have no grid in common. Take the label_map of l1 and of l2."
        )

    def __repr__(self) -> str:
        said = self.classification
        words = "no class" if said is None else f"{said.status} ({max(said.probabilities):.0%})"
        return f"<CaseResult {words}, {self.l1}, {self.l2}, {len(self.flags)} flags>"
