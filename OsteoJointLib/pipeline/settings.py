"""All settings of a reading, each with its one default: what is asked for, what is loaded, and how every stage works.

``--config FILE`` (:mod:`OsteoJointLib.pipeline.config_file`) reaches :class:`PipelineConfig`; options reach the other
two. Sizes and windows that the networks were trained on are no settings but constants beside their stage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from OsteoJointLib.calibration.file import CalibrationFile
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.pipeline.localization import LocalizationConfig
from OsteoJointLib.pipeline.measure import MeasureConfig
from OsteoJointLib.pipeline.segmentation import SegmentationConfig
from OsteoJointLib.records import ContrastPhase, ExplanationMethod, Kernel, LeftOutReason, Level
from OsteoJointLib.weights_manifest import DEFAULT_NAME

KVP_RANGE = (40.0, 200.0)
"""Tube voltages in kV that a CT may have, monoenergetic images included."""


class CalibrationUse(StrEnum):
    """By what HU may be turned into BMD, beside a calibration file that is given."""

    AUTO = "auto"
    """Rods in the scan, and its own tissues."""
    RODS = "rods"
    """Rods in the scan alone."""
    INTERNAL = "internal"
    """The scan's own tissues alone."""
    NONE = "none"
    """Nothing else."""


@dataclass(frozen=True)
class ReadOptions:
    """What a reading does beyond what it always does."""

    refine: bool = False
    """Let the level set move the network's masks."""
    gradcam: bool = True
    """Compute one explanation map per vertebra, by the method that the settings name."""
    leave_out: Level | None = None
    """A level that the class is made without, such as one with cement or a fracture."""
    volume: bool = True
    """Segment the whole bodies, and not only the mid-slices; slices that are given alone have none."""
    own_names: bool = False
    """Let the names of the input's files stand in the result: they may say who was scanned."""
    leave_out_reason: LeftOutReason | None = None
    """Why it is left out."""
    propose: bool = True
    """Leave out a level whose HU contradict all else, unless ``leave_out`` names one."""
    kvp: float | None = None
    """Tube voltage in kV, where the user knows better than the header."""
    kernel: Kernel | None = None
    """Kind of reconstruction kernel, likewise."""
    contrast: ContrastPhase | None = None
    """Contrast phase, likewise."""
    calibration: CalibrationUse = CalibrationUse.AUTO
    """By what HU are turned into BMD, beside the file."""
    calibration_file: CalibrationFile | None = None
    """The line from HU to BMD of this scanner at this tube voltage."""

    def __post_init__(self) -> None:
        low, high = KVP_RANGE
        if self.kvp is not None and not low <= self.kvp <= high:
            raise UsageError(
                Reason.USAGE, f"A tube voltage of {self.kvp:g} kV is none of a CT's. Give one from {low:g} to {high:g}."
            )
        if self.leave_out_reason is not None and self.leave_out is None:
            raise UsageError(Reason.USAGE, "A reason is given, but no vertebra to leave out. Name L1 or L2.")


@dataclass(frozen=True)
class LoadOptions:
    """What is loaded, and where it computes."""

    weights: str = DEFAULT_NAME
    """A name in the weights' manifest, or the path of a weights file."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int | None = None
    """CPU threads; None for a sensible number."""


@dataclass(frozen=True)
class PipelineConfig:
    """How the stages work: one section each."""

    input: ReadingLimits = field(default_factory=ReadingLimits)
    """What of an input is refused or flagged."""
    localization: LocalizationConfig = field(default_factory=LocalizationConfig)
    """Choice of the box."""
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    """Cut and plausibility of the mask."""
    level_set: LevelSetParameters = field(default_factory=LevelSetParameters)
    """Refinement."""
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    """Trabecular ROI."""
    explanation: ExplanationMethod = ExplanationMethod.HIRESCAM
    """How the explanation map is made: hirescam, faithful to what the class depends on; gradcam, the paper's."""
    recenter_px: float = 8.0
    """How far a user's mask may lie from the crop's center before box and crop follow it, pixels: about the
    localizer's own scatter, so that a small edit doesn't move the window under the classifier."""

    def __post_init__(self) -> None:
        if not self.recenter_px >= 0:
            raise ValueError(f"recenter_px must be at least 0, got {self.recenter_px}")
