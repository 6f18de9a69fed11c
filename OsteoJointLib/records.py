"""The records that pass between the stages: small, frozen, with named fields.

Frames and units stand in the names; see :mod:`OsteoJointLib.frames` for the conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid

VERSE_LABELS: Mapping[str, int] = {"T12": 19, "L1": 20, "L2": 21, "L3": 22}
"""VerSe's numbers of the bodies that are segmented, from top to bottom."""

SNOMED_CODES: Mapping[str, str] = {"T12": "23215003", "L1": "66794005", "L2": "14293000", "L3": "36470004"}
"""SNOMED CT's codes of their vertebrae (DICOM CID 7603)."""


class Level(StrEnum):
    """The two vertebrae that are read. ``verse_label`` is the number stored in every mask."""

    L1 = "L1"
    L2 = "L2"

    @property
    def verse_label(self) -> int:
        """VerSe's label number: 20 for L1, 21 for L2."""
        return VERSE_LABELS[self]


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


class Origin(StrEnum):
    """Where a fact about a scan comes from."""

    HEADER = "header"
    USER = "user"
    ESTIMATED = "estimated"
    """From the image itself."""
    UNKNOWN = "unknown"


class ContrastPhase(StrEnum):
    """When after the contrast agent was given the scan was made; the phantom's phases have the same names."""

    NONE = "none"
    """No contrast agent was given."""
    GIVEN = "given"
    """One was given, in a phase that isn't known: what a user or a header may say."""
    ARTERIAL = "arterial"
    PORTAL = "portal"
    EXCRETORY = "excretory"


class Kernel(StrEnum):
    """Kinds of reconstruction kernel; the phantom's have the same names."""

    SOFT = "soft"
    STANDARD = "standard"
    SHARP = "sharp"
    LUNG = "lung"


@dataclass(frozen=True)
class Fact:
    """One fact about how a scan was made.

    Args:
        value: tube voltage in kV, the kernel's name, or whether a contrast agent was given; None when unknown.
        origin: where it comes from.
        confidence: of an estimate, its probability, 0 to 1; None of any other.
    """

    value: float | str | bool | None
    origin: Origin
    confidence: float | None = None


@dataclass(frozen=True)
class Knowing:
    """How a fact that isn't the header's is known: :attr:`Origin.USER`, or estimated with a confidence."""

    origin: Origin
    confidence: float | None = None


@dataclass(frozen=True)
class SourceInfo:
    """What was read; of the patient only what file names tell, which stay in memory unless a user lets them out.

    Args:
        kind: "dicom", "nrrd", "nifti", "mha", "phantom" or "memory".
        file_names: base names; a DICOM series names its folder.
        sha256: of the file's bytes, or of the sorted SHA-256 of a series' files.
        study_sha256, series_sha256: of the DICOM study's and series' UID, None where there is none.
        kvp: tube voltage in kV, None when unknown.
        kernel: reconstruction kernel's name, None when unknown.
        contrast: whether a contrast agent was given, None when unknown.
        slice_thickness_mm: as the tag says, None when unknown.
        choice: why this series was chosen among several, None when there was only one.
        phase: contrast phase, NONE where no agent was given; None when unknown.
        known_by: how those of "kvp", "kernel" and "contrast" are known that the header doesn't say.
        header: the source as its header alone has it, where a user or an estimate has added to it.
    """

    kind: str
    file_names: tuple[str, ...] = ()
    sha256: str | None = None
    kvp: float | None = None
    kernel: str | None = None
    contrast: bool | None = None
    slice_thickness_mm: float | None = None
    choice: str | None = None
    study_sha256: str | None = None
    series_sha256: str | None = None
    phase: ContrastPhase | None = None
    known_by: Mapping[str, Knowing] = field(default_factory=dict)
    header: SourceInfo | None = None

    def fact(self, name: str) -> Fact:
        """Tell "kvp", "kernel" or "contrast" with its origin.

        >>> SourceInfo("dicom", kvp=120.0).fact("kvp")
        Fact(value=120.0, origin=<Origin.HEADER: 'header'>, confidence=None)
        >>> SourceInfo("dicom").fact("kernel").origin.value
        'unknown'
        """
        value = getattr(self, name)
        if value is None:
            return Fact(None, Origin.UNKNOWN)
        known = self.known_by.get(name, Knowing(Origin.HEADER))
        return Fact(value, known.origin, known.confidence)


@dataclass(frozen=True)
class HuScale:
    """Where a CT's air and fat lie, HU; None where they weren't found.

    Args:
        air_hu: the commonest value of air.
        air_hidden: whether air lies below the lowest value that is kept, or was blanked.
        skin_fat_hu: the commonest value of the fat under the skin.
        fat_hu: that of all fat in view.
    """

    air_hu: float | None
    air_hidden: bool
    skin_fat_hu: float | None
    fat_hu: float | None


@dataclass(frozen=True)
class DicomImage:
    """Where one image of a DICOM source stands: its file, and its frame in a multi-frame one. Never shown."""

    path: Path = field(repr=False)
    frame: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class CtVolume:
    """A CT in Hounsfield units, its axes permuted and flipped so that they run nearest to S, P and L.

    Args:
        hu: (z, y, x) int16; index 0 is the most caudal slice, the most anterior row, the most right column.
        grid: its place in the world; right-handed, close to the identity direction (oblique stays oblique).
        source: what was read.
        flags: every doubt about the input.
        stored: the grid as the file or the array had it, before permuting and flipping; None where it is ``grid``.
        images: the DICOM image of each slice of ``stored``; empty of other files, and where the slices were shifted or
            filled up, so that none of them is an image's own.
        scale: where its air and fat lie; None where nobody looked.
    """

    hu: np.ndarray
    grid: Grid
    source: SourceInfo
    flags: tuple[Flag, ...] = ()
    stored: Grid | None = None
    images: tuple[DicomImage, ...] = ()
    scale: HuScale | None = None

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


class MaskSource(StrEnum):
    """Who drew a mask: the network, a user, and whether the level set moved what they drew."""

    NETWORK = "network"
    REFINED = "refined"
    EDITED = "edited"
    EDITED_REFINED = "edited_refined"

    @classmethod
    def of(cls, edited: bool, refined: bool) -> MaskSource:
        """Tell it from what is known of a mask.

        >>> MaskSource.of(edited=True, refined=False).words
        'drawn or corrected by a user'
        """
        if edited:
            return cls.EDITED_REFINED if refined else cls.EDITED
        return cls.REFINED if refined else cls.NETWORK

    @property
    def edited(self) -> bool:
        """Whether a user drew it, or what the level set moved."""
        return self in (MaskSource.EDITED, MaskSource.EDITED_REFINED)

    @property
    def refined(self) -> bool:
        """Whether the level set moved it."""
        return self in (MaskSource.REFINED, MaskSource.EDITED_REFINED)

    @property
    def words(self) -> str:
        """What people read."""
        return {
            MaskSource.NETWORK: "the network's",
            MaskSource.REFINED: "the network's, moved by the level set",
            MaskSource.EDITED: "drawn or corrected by a user",
            MaskSource.EDITED_REFINED: "a user's, moved by the level set",
        }[self]


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


@dataclass(frozen=True)
class BodyHeights:
    """Heights of a vertebral body between its endplates, mm, in its mid-sagittal plane.

    Args:
        anterior_mm, middle_mm, posterior_mm: at a sixth, the half and five sixths of its depth from the front.
        limit_mm: how far each may be off because of the slices' distance.
    """

    anterior_mm: float
    middle_mm: float
    posterior_mm: float
    limit_mm: float

    @property
    def anterior_ratio(self) -> float:
        """Anterior over posterior height: low in a wedge."""
        return self.anterior_mm / self.posterior_mm

    @property
    def middle_ratio(self) -> float:
        """Middle over posterior height: low in a biconcave body."""
        return self.middle_mm / self.posterior_mm


@dataclass(frozen=True)
class FractureHint:
    """What a body's heights hint at; for a person to look, no finding.

    Args:
        grade: Genant's, 0 (no loss of height) to 3.
        shape: "wedge", "biconcave" or "crush", the one with the greatest loss; None at grade 0.
        reduction: that loss as a share of the height it is compared with, 0 to 1.
    """

    grade: int
    shape: str | None
    reduction: float


@dataclass(frozen=True, eq=False)
class BodyVolume:
    """A whole vertebral body on the CT's own grid.

    Args:
        name: "T12", "L1", "L2" or "L3".
        mask: (z, y, x) bool, a box of the CT's voxels in the library's own order; the body is the only thing in it.
        corner_zyx: index of the CT's voxel under the box's voxel (0, 0, 0).
        volume_ml: of the mask.
        heights: None where they can't be told.
        fracture: None where the heights can't be told well enough.
        cut: whether the edge of the CT cuts the body, so that volume and heights are not the whole body's.
        edited: whether a user drew any of it.
        refined: whether the level set moved any of it.
    """

    name: str
    mask: np.ndarray
    corner_zyx: tuple[int, int, int]
    volume_ml: float
    heights: BodyHeights | None = None
    fracture: FractureHint | None = None
    cut: bool = False
    edited: bool = False
    refined: bool = False

    @property
    def source(self) -> MaskSource:
        """Who drew it."""
        return MaskSource.of(self.edited, self.refined)

    @property
    def part(self) -> tuple[slice, ...]:
        """Index of the CT's voxels under the box."""
        return tuple(slice(first, first + n) for first, n in zip(self.corner_zyx, self.mask.shape, strict=True))


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


class LeftOutReason(StrEnum):
    """Why a vertebra is left out of the class."""

    FRACTURE = "fracture"
    CEMENT = "cement"
    FOCAL_LESION = "focal_lesion"
    METAL = "metal"
    OTHER = "other"

    @property
    def words(self) -> str:
        """How people call it."""
        return self.value.replace("_", " ")


class LeftOutBy(StrEnum):
    """Who leaves a vertebra out of the class."""

    USER = "user"
    PROPOSAL = "proposal"
    """OsteoJoint, because its HU contradict all else; a user may overrule it."""


@dataclass(frozen=True)
class LeftOut:
    """A vertebra that the class is made without."""

    level: Level
    by: LeftOutBy
    reason: LeftOutReason = LeftOutReason.OTHER


@dataclass(frozen=True)
class Classification:
    """Bone status of the case.

    Args:
        status: the likeliest class.
        probabilities: in the order of :data:`STATUSES`.
        fusion_weight_l1, fusion_weight_l2: W1 and W2 of Eq. 17, which sum to 1.
        bmd: None from a network without the ordinal head.
        left_out: the level that is left out, whose weight is 0.
        left_out_by, left_out_reason: who left it out, and why; None where both count.
        indeterminate: whether another class is possible too, see :mod:`OsteoJointLib.pipeline.certainty`.
    """

    status: Status
    probabilities: tuple[float, float, float]
    fusion_weight_l1: float
    fusion_weight_l2: float
    bmd: BmdEstimate | None = None
    left_out: Level | None = None
    indeterminate: bool = False
    left_out_by: LeftOutBy | None = None
    left_out_reason: LeftOutReason | None = None


class ExplanationMethod(StrEnum):
    """How an explanation map is made; see :mod:`OsteoJointLib.pipeline.explanation`."""

    HIRESCAM = "hirescam"
    """Gradient times activation, element by element."""
    GRADCAM = "gradcam"
    """Activations weighed by the averaged gradient, as the paper has it."""


@dataclass(frozen=True, eq=False)
class ExplanationMap:
    """Where in one vertebra's crop the predicted class gets its support.

    Args:
        method: how it was made.
        values: (224, 224) float32 in [0, 1] in the crop's frame, 1 being the strongest place of both vertebrae.
        scale_max: the support there, in units of the class's score.
        share: of both vertebrae's support, 0 to 1; 0 for both where neither supports the class.
    """

    method: ExplanationMethod
    values: np.ndarray
    scale_max: float
    share: float

    @property
    def blank(self) -> bool:
        """Whether nothing in the crop supports the class."""
        return not self.values.any()


class RoiKind(StrEnum):
    """Which trabecular region was measured."""

    BODY = "body"
    """The middle third of the whole body."""
    SLICE = "slice"
    """The body's mid-slice."""


class BoneStandard(StrEnum):
    """What bone mineral is told in: the same bone has other mg/cm3 beside another."""

    K2HPO4 = "K2HPO4"
    """Dipotassium phosphate in water, which the thresholds of 80 and 120 mg/cm3 belong to."""
    HA = "HA"
    """Calcium hydroxyapatite in solid water."""


class CalibrationKind(StrEnum):
    """Where a calibration comes from, the best first: HU are turned into BMD by the first there is."""

    FILE = "file"
    """A file that the user gives, made on the same scanner at the same tube voltage."""
    RODS = "rods"
    """Rods of known density in the scan itself."""
    INTERNAL = "internal"
    """Air, fat, muscle and blood of the scan itself."""
    NETWORK = "network"
    """None at all: what the network estimates from the image. It stands beside the others and never in their place."""


@dataclass(frozen=True)
class CalibratedBmd:
    """BMD by one calibration.

    Args:
        calibration: its name.
        kind: where it comes from.
        standard: what it was made with.
        mg_cm3: in that standard.
        k2hpo4_mg_cm3: the same beside K2HPO4.
        se_mg_cm3: standard error of ``k2hpo4_mg_cm3``.
    """

    calibration: str
    kind: CalibrationKind
    standard: BoneStandard
    mg_cm3: float
    k2hpo4_mg_cm3: float
    se_mg_cm3: float


@dataclass(frozen=True, eq=False)
class RoiMeasurement:
    """HU in a trabecular ROI of one level; None where the ROI was too small to measure (never 0, never a guess).

    Args:
        level: which.
        kind: which region.
        mask: the ROI that was measured, empty where none was: of the slice (512, 512) bool in the frame of the
            :class:`AxialSlice`, of the body (z, y, x) bool on the CT's own voxels.
        erosion_mm: how far the mask was eroded.
        voxels: of the CT's own grid in the ROI.
        hu_mean, hu_median, hu_sd: HU.
        area_mm2: of the slice's ROI, measured or too small.
        volume_ml: of the body's ROI, measured or too small.
        corner_zyx: index of the CT's voxel under the first of the body's ROI.
        dense_share: share of the body's ROI, 0 to 1, that was left out as too dense for trabecular bone.
        bmd: by each calibration there is, the best first.
    """

    level: Level
    kind: RoiKind
    mask: np.ndarray
    erosion_mm: float
    voxels: int
    hu_mean: float | None
    hu_median: float | None
    hu_sd: float | None
    area_mm2: float | None = None
    volume_ml: float | None = None
    corner_zyx: tuple[int, int, int] | None = None
    dense_share: float | None = None
    bmd: tuple[CalibratedBmd, ...] = ()

    @property
    def best_bmd(self) -> CalibratedBmd | None:
        """By the best calibration there is; None where there is none."""
        return self.bmd[0] if self.bmd else None


@dataclass(frozen=True)
class ModelInfo:
    """Which weights were used, as their manifest names them."""

    name: str
    profile: str
    sha256: str
    trained_on: str
