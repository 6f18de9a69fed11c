"""Whole phantoms from one seed: a CT volume with its truth, a pair of training slices, a scan for the level network.

Numbers are chosen; z is in mm from the L1/L2 disc.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from OsteoJointLib.frames import Grid, mask_extent_xyxy
from OsteoJointLib.phantom.draws.chance import between
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.patient import Patient, build_patient, draw_scan
from OsteoJointLib.phantom.scanner.acquisition import PADDING_HU, Acquisition, acquire, binned
from OsteoJointLib.phantom.scanner.field import Field, draw_field, pad_round
from OsteoJointLib.phantom.scanner.rendering import render_hu, render_labels, render_references
from OsteoJointLib.records import CtVolume, Level, SourceInfo, Status

SLICE_PIXELS = 512  # edge of a CT's usual matrix
_VOLUME, _PAIR, _LEVELS = 1, 2, 3  # what a seed is for: one seed gives three different patients
_T11, _L3 = 18, 22  # VerSe numbers

_LEAST_THICKNESS_MM = 2.0  # of a whole volume: bounds the time it takes
_BELOW_S1_MM, _ABOVE_T11_MM = (5.0, 45.0), (10.0, 70.0)
_REFORMAT_PIXEL_MM = 0.8  # of a sagittal or coronal reformat
_OFF_CENTER_MM, _FRONT_OF_CENTER_MM = 8.0, (35.0, 65.0)  # SD sideways; how far the column lies behind the middle

_PAIR_PIXEL_MM, _PAIR_SHIFT_MM, _PAIR_BACK_MM = (0.55, 0.98), 10.0, 45.0  # SD of the shift; as above
_OFF_MIDDLE_MM, _MOST_OFF_MIDDLE = 3.0, 0.3  # SD of the slice from the body's middle, bound over the height
_FURTHER_SLICES, _IN_DISC_SHARE = 2, 0.3  # of a training pair, at any height; share of them in the middle of a disc

_BINNED_PIXEL_MM, _BINNED_SLICE_MM = 1.4, 1.0  # voxels of a level scan at least: at 4 mm finer ones look the same


@dataclass(frozen=True)
class PhantomTruth:
    """What is known of a phantom.

    Args:
        seed: from which everything follows.
        centers_lps_mm: center of every body whose center lies in the volume, by VerSe number.
        boxes_px_xyxy: box (edge coordinates) of the L1 and L2 body in its axial mid-slice of the volume.
        bmd_mg_cm3: trabecular BMD of L1 and L2.
        mean_bmd_mg_cm3, status: their mean and its class.
        kvp, kernel, contrast_phase: of the acquisition.
        trabecular_hu: mean HU of the trabecular bone of L1 and L2 in the image.
        drawn: every parameter drawn, JSON-able.
    """

    seed: int
    centers_lps_mm: dict[int, tuple[float, float, float]]
    boxes_px_xyxy: dict[Level, tuple[float, float, float, float]]
    bmd_mg_cm3: dict[Level, float]
    mean_bmd_mg_cm3: float
    status: Status
    kvp: float
    kernel: str
    contrast_phase: str
    trabecular_hu: dict[Level, float]
    drawn: dict


@dataclass(frozen=True, eq=False)
class Phantom:
    """A phantom CT with its truth.

    Args:
        volume: the CT.
        labels: (z, y, x) uint8, VerSe number of the vertebral body.
        truth: what is known of it.
        tissues: (y, x) uint8 :class:`ReferenceTissue` of the slice nearest to the center of L1 and of L2, 0 elsewhere;
            a level that lies outside the CT is left out.
    """

    volume: CtVolume
    labels: np.ndarray
    truth: PhantomTruth
    tissues: dict[Level, np.ndarray]


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """Axial slices of one patient: near the middle of L1, of L2, and two anywhere from the disc over T12 to under L3.

    Few are square to their vertebra: bodies there lean 12 degrees in the median, and one in twenty leans 25.

    Args:
        hu: (4, 512, 512) float32.
        masks: (4, 512, 512) bool: the body of L1, that of L2, then any body's; empty where a disc fills the slice.
        tissues: (4, 512, 512) uint8 :class:`ReferenceTissue`, 0 elsewhere.
        centers_px: (4, 2) float32, x and y index of the column's middle.
        pixel_mm: edge of the square pixels.
        level_bmd_mg_cm3: (2,) of L1 and L2.
        bmd_mg_cm3: their mean.
        status: its class.
        kvp, phase: of the acquisition.
        departing: whether the soft tissues have HU that no patient's have, so that they tell nothing of the scanner.
        seed: of the pair.
    """

    hu: np.ndarray
    masks: np.ndarray
    tissues: np.ndarray
    centers_px: np.ndarray
    pixel_mm: float
    level_bmd_mg_cm3: np.ndarray
    bmd_mg_cm3: float
    status: Status
    kvp: float
    phase: str
    departing: bool
    seed: int


@dataclass(frozen=True, eq=False)
class LevelScan:
    """A CT for the level network, its pixels binned, and whom it shows."""

    volume: CtVolume
    patient: Patient


def _center_lps_mm(patient: Patient, level: Level) -> np.ndarray:
    return patient.column.find(level.verse_label).frame.center


def _point(position_mm: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in position_mm)
    return x, y, z


def _box_xyxy_px(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Box of a (y, x) mask in edge coordinates; zeros when it is empty."""
    return mask_extent_xyxy(mask) or (0.0, 0.0, 0.0, 0.0)


def _default_grid(patient: Patient, rng: np.random.Generator) -> Grid:
    """Lay a 512 x 512 grid from above T11 to below the first sacral body, as a technician would."""
    pixel, thickness = patient.acquisition.pixel_mm, max(patient.acquisition.thickness_mm, _LEAST_THICKNESS_MM)
    bottom = float(patient.column.sacrum.center[2]) - between(rng, _BELOW_S1_MM)
    top = float(patient.column.find(_T11).frame.center[2]) + between(rng, _ABOVE_T11_MM)
    spine_y = float(_center_lps_mm(patient, Level.L1)[1])
    origin = (
        -0.5 * pixel * (SLICE_PIXELS - 1) + float(rng.normal(0, _OFF_CENTER_MM)),
        spine_y - 0.5 * pixel * (SLICE_PIXELS - 1) - between(rng, _FRONT_OF_CENTER_MM),
        bottom,
    )
    slices = int(np.ceil((top - bottom) / thickness))
    return Grid.axis_aligned((slices, SLICE_PIXELS, SLICE_PIXELS), (pixel, pixel, thickness), origin)


def make_phantom(
    seed: int, randomized: bool = False, grid: Grid | None = None, rods: bool = False, any_field: bool = False
) -> Phantom:
    """Make one phantom CT.

    Args:
        seed: everything follows from it; same seed, same bytes.
        randomized: spread tissue values and protocol beyond the plausible, as in training.
        grid: axis-aligned grid to render on; a 512 x 512 one from T11 to the sacrum by default.
        rods: lay calibration rods under the back.
        any_field: scan it as hospitals do: other parts of the trunk, narrow fields, reformats, thin and thick slices.

    Returns:
        The CT (int16 HU), its body masks and its truth.
    """
    rng = np.random.default_rng([seed, _VOLUME])
    patient = build_patient(rng, randomized, rods)
    field = draw_field(rng, patient.column.centers_lps_mm, randomized) if any_field else None
    if field:
        pixel = field.width_mm / SLICE_PIXELS if field.axial else _REFORMAT_PIXEL_MM
        grid = field.grid(_spacing_xyz_mm(field, pixel, patient.acquisition.thickness_mm))
    grid = grid or _default_grid(patient, rng)
    hu = _scanned(patient, grid, patient.acquisition, field, rng)
    labels = render_labels(patient.scene, grid)
    acquisition, person = patient.acquisition, patient.person
    source = SourceInfo(
        kind="phantom",
        file_names=(f"phantom-{seed}",),
        kvp=acquisition.kvp,
        kernel=acquisition.kernel,
        contrast=acquisition.phase != "none",
        slice_thickness_mm=acquisition.thickness_mm if field else grid.spacing_xyz_mm[2],
    )
    drawn = {
        "person": asdict(person),
        "acquisition": asdict(acquisition),
        "beam": asdict(patient.beam),
        "iodine_mg_ml": asdict(patient.iodine),
        "departing": patient.departing,
        "field": asdict(field) if field else None,
        "rib_lengths_mm": patient.rib_lengths_mm,
    }
    truth = PhantomTruth(
        seed=seed,
        centers_lps_mm={
            v.sizes.verse_label: _point(v.frame.center)
            for v in patient.column.vertebrae
            if grid.contains(v.frame.center)
        },
        boxes_px_xyxy={level: _mid_slice_box(patient, level, grid, labels) for level in Level},
        bmd_mg_cm3={level: person.bmd(level) for level in Level},
        mean_bmd_mg_cm3=person.mean_bmd_mg_cm3,
        status=person.status,
        kvp=acquisition.kvp,
        kernel=acquisition.kernel,
        contrast_phase=acquisition.phase,
        trabecular_hu={
            level: acquisition.shown(patient.column.find(level.verse_label).trabecular_hu) for level in Level
        },
        drawn=drawn,
    )
    tissues = {level: plane for level in Level if (plane := _mid_slice_tissues(patient, level, grid)) is not None}
    return Phantom(CtVolume(hu, grid, source), labels, truth, tissues)


def drawn_protocol(seed: int) -> Acquisition:
    """Tell how the plausible phantom of a seed is scanned, without making it."""
    return draw_scan(np.random.default_rng([seed, _VOLUME]), randomized=False)[1]


def drawn_person(seed: int) -> Person:
    """Tell who the plausible phantom of a seed is, without making it."""
    return draw_scan(np.random.default_rng([seed, _VOLUME]), randomized=False)[0]


def _mid_slice_box(patient: Patient, level: Level, grid: Grid, labels: np.ndarray) -> tuple[float, float, float, float]:
    """Box of one level in the slice nearest its center."""
    index = round(float(grid.lps_to_index(_center_lps_mm(patient, level))[0]))
    index = min(max(index, 0), grid.shape_zyx[0] - 1)
    return _box_xyxy_px(labels[index] == level.verse_label)


def _mid_slice_tissues(patient: Patient, level: Level, grid: Grid) -> np.ndarray | None:
    """Render the reference tissues in the slice nearest to one level's center, None where that lies outside."""
    center = _center_lps_mm(patient, level)
    if not grid.contains(center):
        return None
    z = grid.origin_lps_mm[2] + round(float(grid.lps_to_index(center)[0])) * grid.spacing_xyz_mm[2]
    plane = Grid.axis_aligned((1, *grid.shape_zyx[1:]), grid.spacing_xyz_mm, (*grid.origin_lps_mm[:2], z))
    return render_references(patient.scene, plane)[0]


def make_training_pair(seed: int) -> TrainingPair:
    """Make domain-randomized axial slices of one patient, see :class:`TrainingPair`."""
    rng = np.random.default_rng([seed, _PAIR])
    patient = build_patient(rng, randomized=True)
    person, acquisition = patient.person, patient.acquisition
    pixel = between(rng, _PAIR_PIXEL_MM)
    spacing = (pixel, pixel, acquisition.thickness_mm)
    half = 0.5 * pixel * (SLICE_PIXELS - 1)
    corner = np.array([-half, -half - _PAIR_BACK_MM]) + rng.normal(0, _PAIR_SHIFT_MM, 2)
    places = [_near_middle_mm(patient, level, rng) for level in Level]
    places += [_at_any_height_mm(patient, rng) for _ in range(_FURTHER_SLICES)]
    slices, masks, tissues, centers = [], [], [], []
    for index, (x, y, z) in enumerate(places):
        origin = (corner[0], corner[1] + y, z)  # from front to back the view goes with the column
        grid = Grid.axis_aligned((1, SLICE_PIXELS, SLICE_PIXELS), spacing, origin)
        hu = acquire(render_hu(patient.scene, grid, rng), grid, acquisition, rng)[0]
        bodies = render_labels(patient.scene, grid)[0]
        slices.append(hu.astype(np.float32))
        masks.append(bodies == list(Level)[index].verse_label if index < len(Level) else bodies > 0)
        tissues.append(render_references(patient.scene, grid)[0])
        centers.append((np.array([x, y]) - origin[:2]) / pixel)
    return TrainingPair(
        hu=np.stack(slices),
        masks=np.stack(masks),
        tissues=np.stack(tissues),
        centers_px=np.array(centers, np.float32),
        pixel_mm=pixel,
        level_bmd_mg_cm3=np.array([person.bmd(level) for level in Level]),
        bmd_mg_cm3=person.mean_bmd_mg_cm3,
        status=person.status,
        kvp=acquisition.kvp,
        phase=acquisition.phase,
        departing=patient.departing,
        seed=seed,
    )


def _near_middle_mm(patient: Patient, level: Level, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw where a slice meets one level within a few mm of its body's middle: x and y of the column, z."""
    vertebra = patient.column.find(level.verse_label)
    most = _MOST_OFF_MIDDLE * vertebra.sizes.height_mm
    x, y, z = vertebra.frame.center
    return float(x), float(y), float(z + np.clip(rng.normal(0, _OFF_MIDDLE_MM), -most, most))


def _at_any_height_mm(patient: Patient, rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw where a slice meets the column from the disc over T12 to the disc under L3: x and y of the column, z."""
    discs_mm = [disc.frame.center[2] for disc in patient.column.discs if _T11 <= disc.label <= _L3]
    z = between(rng, (min(discs_mm), max(discs_mm)))
    if rng.random() < _IN_DISC_SHARE:
        z = float(rng.choice(discs_mm))
    knots, xy = patient.column.track()
    x, y = (float(np.interp(z, knots, values)) for values in xy.T)
    return x, y, z


def make_level_scan(seed: int) -> LevelScan:
    """Make a CT with any field of view, slice thickness and kernel: its own slices, finer voxels binned."""
    rng = np.random.default_rng([seed, _LEVELS])
    patient = build_patient(rng, randomized=True)
    field = draw_field(rng, patient.column.centers_lps_mm, randomized=True)
    pixel = max(field.width_mm / SLICE_PIXELS, _BINNED_PIXEL_MM)
    thickness = max(patient.acquisition.thickness_mm, _BINNED_SLICE_MM)
    grid = field.grid(_spacing_xyz_mm(field, pixel, thickness))
    hu = _scanned(patient, grid, binned(patient.acquisition, field.width_mm, pixel), field, rng)
    return LevelScan(CtVolume(hu, grid, SourceInfo(kind="phantom", file_names=())), patient)


def _scanned(
    patient: Patient, grid: Grid, acquisition: Acquisition, field: Field | None, rng: np.random.Generator
) -> np.ndarray:
    """Render and acquire a patient on a grid: (z, y, x) int16 HU, padded where the field is round."""
    hu = acquire(render_hu(patient.scene, grid, rng), grid, acquisition, rng)
    if field and field.round_padding:
        pad_round(hu, PADDING_HU)
    return hu


def _spacing_xyz_mm(field: Field, pixel_mm: float, thickness_mm: float) -> tuple[float, float, float]:
    """Return the voxels of a scan: the slices of a reformat run from right to left or from front to back."""
    if field.protocol == "sagittal":
        return (thickness_mm, pixel_mm, pixel_mm)
    return (pixel_mm, thickness_mm, pixel_mm) if field.protocol == "coronal" else (pixel_mm, pixel_mm, thickness_mm)
