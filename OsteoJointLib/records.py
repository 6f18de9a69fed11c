"""The records that pass between the stages: small, frozen, with named fields.

Frames and units stand in the names; see :mod:`OsteoJointLib.frames` for the conventions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid


class Level(StrEnum):
    """The two vertebrae that are read. ``verse_label`` is the number stored in every mask."""

    L1 = "L1"
    L2 = "L2"

    @property
    def verse_label(self) -> int:
        """VerSe's label number: 20 for L1, 21 for L2."""
        return {Level.L1: 20, Level.L2: 21}[self]


OSTEOPOROSIS_BELOW_MG_CM3, NORMAL_ABOVE_MG_CM3 = 80.0, 120.0
"""The thresholds of volumetric BMD by ACR and ISCD; osteopenia lies between, both included."""


class Status(StrEnum):
    """Bone status by volumetric BMD: normal > 120, osteopenia 80 to 120, osteoporosis < 80 mg/cm3 (ACR, ISCD)."""

    NORMAL = "normal"
    OSTEOPENIA = "osteopenia"
    OSTEOPOROSIS = "osteoporosis"

    @classmethod
    def from_bmd(cls, bmd_mg_cm3: float) -> Status:
        """Class of a mean L1/L2 BMD in mg/cm3; 80.0 and 120.0 are osteopenia.

        >>> [Status.from_bmd(b).value for b in (79.9, 80.0, 120.0, 120.1)]
        ['osteoporosis', 'osteopenia', 'osteopenia', 'normal']
        """
        if bmd_mg_cm3 < OSTEOPOROSIS_BELOW_MG_CM3:
            return cls.OSTEOPOROSIS
        return cls.OSTEOPENIA if bmd_mg_cm3 <= NORMAL_ABOVE_MG_CM3 else cls.NORMAL


STATUSES: tuple[Status, ...] = (Status.NORMAL, Status.OSTEOPENIA, Status.OSTEOPOROSIS)
"""The order of the three classes in every probability vector."""


class PointSource(StrEnum):
    """Who placed a level's point."""

    AUTO = "auto"
    USER = "user"
    ASSUMED = "assumed"
    """Nobody: of two slices that were given alone, the upper one is taken for L1."""


@dataclass(frozen=True)
class Flag:
    """A doubt that the result carries: a stable code, a sentence, and the level it concerns (None: the whole case)."""

    code: Reason
    message: str
    level: Level | None = None


@dataclass(frozen=True)
class SourceInfo:
    """What was read, without patient data.

    Args:
        kind: "dicom", "nrrd", "nifti", "mha", "phantom" or "memory".
        file_names: base names; a DICOM series names its folder.
        sha256: of the file's bytes, or of the sorted SHA-256 of a series' files.
        kvp: tube voltage in kV, None when unknown.
        kernel: reconstruction kernel's name, None when unknown.
        contrast: whether a contrast agent was given, None when unknown.
        slice_thickness_mm: as the tag says, None when unknown.
        choice: why this series was chosen among several, None when there was only one.
    """

    kind: str
    file_names: tuple[str, ...] = ()
    sha256: str | None = None
    kvp: float | None = None
    kernel: str | None = None
    contrast: bool | None = None
    slice_thickness_mm: float | None = None
    choice: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class CtVolume:
    """A CT in Hounsfield units, its axes permuted and flipped so that they run nearest to S, P and L.

    Args:
        hu: (z, y, x) int16; index 0 is the most caudal slice, the most anterior row, the most right column.
        grid: its place in the world; right-handed, close to the identity direction (oblique stays oblique).
        source: what was read.
        flags: every doubt about the input.
        stored: the grid as the file or the array had it, before permuting and flipping; None where it is ``grid``.
    """

    hu: np.ndarray
    grid: Grid
    source: SourceInfo
    flags: tuple[Flag, ...] = ()
    stored: Grid | None = None

    def __repr__(self) -> str:
        """Say in a line what it is.

        >>> grid = Grid.axis_aligned((40, 512, 512), (0.8, 0.8, 2.5), (0, 0, 0))
        >>> CtVolume(np.zeros((0, 0, 0), np.int16), grid, SourceInfo("nrrd", ("ct.nrrd",)))
        <CtVolume ct.nrrd, 40 x 512 x 512 voxels (z, y, x) of 2.5 x 0.8 x 0.8 mm, no doubts>
        """
        size = " x ".join(str(n) for n in self.grid.shape_zyx)
        voxel = " x ".join(f"{v:.3g}" for v in reversed(self.grid.spacing_xyz_mm))
        doubts = ", ".join(dict.fromkeys(flag.code.value for flag in self.flags)) or "no doubts"
        name = ", ".join(self.source.file_names) or "in memory"
        return f"<CtVolume {name}, {size} voxels (z, y, x) of {voxel} mm, {doubts}>"


@dataclass(frozen=True, eq=False)
class CtSlicePair:
    """The paper's own input: one axial mid-slice of L1 and one of L2, each a :class:`CtVolume` of shape (1, y, x)."""

    l1: CtVolume
    l2: CtVolume


@dataclass(frozen=True)
class BodyEvidence:
    """What was seen at one vertebral body of the visible column (unnamed until the assignment).

    Args:
        center_lps_mm: the body's center.
        score: the detector's confidence in it, 0 to 1.
        rib_mm: length of the rib joined to it, (right, left), 0.0 where none was seen.
        rib_seen: whether the image shows enough of that side to see a rib, (right, left).
        sacrum_below: whether the sacrum is the next bone below.
        cut: whether the edge of the image cuts the body.
        rib_cut: whether the edge of the image ends the rib, so that it may be longer, (right, left).
        rib_head: how surely a rib joins it, 0 to 1, (right, left).
        lumbar: how surely it looks like a lumbar body, 0 to 1.
        valley: how little the detector parts it from the body above, 0 (wholly) to 1 (not at all).
    """

    center_lps_mm: tuple[float, float, float]
    score: float
    rib_mm: tuple[float, float]
    rib_seen: tuple[bool, bool]
    sacrum_below: bool
    cut: bool
    rib_cut: tuple[bool, bool] = (False, False)
    rib_head: tuple[float, float] = (0.0, 0.0)
    lumbar: float = 0.5
    valley: float = 0.0


@dataclass(frozen=True)
class LevelPoint:
    """The center of one level's body.

    Args:
        level: which.
        center_lps_mm: the center.
        confidence: posterior probability of the level's name; 1.0 for a user's point, None for one that is assumed.
        source: who placed it.
    """

    level: Level
    center_lps_mm: tuple[float, float, float]
    confidence: float | None
    source: PointSource


@dataclass(frozen=True)
class LevelsFound:
    """L1 and L2, the column they were chosen from (top to bottom) with its names, and what could not be seen.

    ``name_confidence`` is the posterior probability of each body's name.
    """

    l1: LevelPoint
    l2: LevelPoint
    column: tuple[BodyEvidence, ...] = ()
    names: tuple[str, ...] = ()
    name_confidence: tuple[float, ...] = ()
    flags: tuple[Flag, ...] = ()

    @property
    def doubt(self) -> Flag | None:
        """What makes the names of found levels uncertain; None where nothing does, or a user placed both."""
        return next((flag for flag in self.flags if flag.code is Reason.LEVELS_UNCERTAIN), None)

    def in_doubt(self, point: LevelPoint) -> bool:
        """Whether the name of one of the two is in doubt: a user's own point never is."""
        return self.doubt is not None and point.source is PointSource.AUTO


@dataclass(frozen=True, eq=False)
class AxialSlice:
    """The axial mid-slice of one level as the network sees it.

    Args:
        level: which.
        image: (512, 512) float32 in [0, 1], soft-tissue window.
        hu: (512, 512) float32, unclipped.
        pixel_mm: edge length of its square pixels.
        slice_index: z index in the volume.
        origin_yx: continuous (y, x) volume index of pixel (0, 0)'s center.
        step_yx: volume indices per pixel along (y, x).
    """

    level: Level
    image: np.ndarray
    hu: np.ndarray
    pixel_mm: float
    slice_index: int
    origin_yx: tuple[float, float]
    step_yx: tuple[float, float]


@dataclass(frozen=True)
class BodyBox:
    """The vertebral body's box in an :class:`AxialSlice`: (x1, y1, x2, y2) edge coordinates in pixels.

    Args:
        xyxy_px: the box.
        confidence: the localizer's score, 0 to 1; 0.0 where it did not detect the box, 1.0 for a user's mask.
        detected: False for a fixed window put at a user's point for want of a localizer.
    """

    xyxy_px: tuple[float, float, float, float]
    confidence: float
    detected: bool = True


@dataclass(frozen=True, eq=False)
class Crop:
    """The 224x224 window around a box's center.

    Args:
        image: (224, 224) float32 in [0, 1]; parts outside the slice are 0 (air).
        corner_yx: integer pixel of the slice under the crop's pixel (0, 0); may be negative at the edge.
    """

    image: np.ndarray
    corner_yx: tuple[int, int]


@dataclass(frozen=True, eq=False)
class VertebraSegmentation:
    """Body mask and boundary of one level on its mid-slice.

    Args:
        level: which.
        mask: (512, 512) bool in the frame of the :class:`AxialSlice`; what every later stage uses.
        network_mask: (512, 512) bool, the network's own, kept when ``mask`` was refined or edited.
        heatmap: (512, 512) float32 in [0, 1], the network's boundary heat map, 0 outside the crop it was made of; None
            from a network without the boundary branch.
        area_mm2: of ``mask``.
        refined: whether the level set moved ``mask``.
        edited: whether a user drew it, or what the level set moved.
    """

    level: Level
    mask: np.ndarray
    network_mask: np.ndarray
    heatmap: np.ndarray | None
    area_mm2: float
    refined: bool = False
    edited: bool = False

    @property
    def untouched(self) -> bool:
        """Whether ``mask`` is the network's own."""
        return np.array_equal(self.mask, self.network_mask)


_HALF_WIDTHS = {50: 0.6745, 90: 1.6449}
"""Half of an interval that holds so many percent of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class BmdEstimate:
    """The case's trabecular BMD as the network sees it: mean and standard deviation in mg/cm3."""

    mean_mg_cm3: float
    sd_mg_cm3: float

    def interval_mg_cm3(self, percent: int) -> tuple[float, float]:
        """Return the interval that holds the BMD with 50 or 90 percent.

        >>> BmdEstimate(100.0, 10.0).interval_mg_cm3(50)
        (93.255, 106.745)
        """
        half = _HALF_WIDTHS[percent] * self.sd_mg_cm3
        return (self.mean_mg_cm3 - half, self.mean_mg_cm3 + half)


@dataclass(frozen=True)
class Classification:
    """Bone status of the case.

    Args:
        status: the likeliest class.
        probabilities: in the order of :data:`STATUSES`.
        fusion_weight_l1, fusion_weight_l2: W1 and W2 of Eq. 17, which sum to 1.
        bmd: None from a network without the ordinal head.
        left_out: the level that a user left out, whose weight is 0.
        indeterminate: whether another class is possible too, see :mod:`OsteoJointLib.pipeline.certainty`.
    """

    status: Status
    probabilities: tuple[float, float, float]
    fusion_weight_l1: float
    fusion_weight_l2: float
    bmd: BmdEstimate | None = None
    left_out: Level | None = None
    indeterminate: bool = False


class ExplanationMethod(StrEnum):
    """How an explanation map is made; see :mod:`OsteoJointLib.pipeline.explanation`."""

    HIRESCAM = "hirescam"
    """Gradient times activation, element by element."""
    GRADCAM = "gradcam"
    """Activations weighed by the averaged gradient, as the paper has it."""


@dataclass(frozen=True, eq=False)
class ExplanationMap:
    """On which places of one vertebra's crop the predicted class depends.

    Args:
        method: how it was made.
        values: (224, 224) float32 in [0, 1] in the crop's frame, 1 being the strongest place of both vertebrae.
        scale_max: the influence there, in units of the class's score.
        share: of both vertebrae's influence, 0 to 1; 0 for both where the class depends on neither.
    """

    method: ExplanationMethod
    values: np.ndarray
    scale_max: float
    share: float

    @property
    def blank(self) -> bool:
        """Whether the class depends on nothing in the crop."""
        return not self.values.any()


@dataclass(frozen=True, eq=False)
class RoiMeasurement:
    """HU in the trabecular ROI of one level; None where the ROI was too small to measure (never 0, never a guess).

    Args:
        level: which.
        mask: (512, 512) bool in the frame of the :class:`AxialSlice`: the ROI that was measured; empty where none was.
        erosion_mm: how far the mask was eroded.
        area_mm2: what that leaves, measured or too small.
        voxels: of the CT's own grid in the ROI.
        hu_mean, hu_median, hu_sd: HU.
        bmd_mg_cm3: only with a named calibration.
        calibration: its name.
    """

    level: Level
    mask: np.ndarray
    erosion_mm: float
    area_mm2: float
    voxels: int
    hu_mean: float | None
    hu_median: float | None
    hu_sd: float | None
    bmd_mg_cm3: float | None = None
    calibration: str | None = None


@dataclass(frozen=True)
class ModelInfo:
    """Which weights were used, as their manifest names them."""

    name: str
    profile: str
    sha256: str
    trained_on: str
