"""Whole phantoms from one seed: a CT volume with its truth, a pair of training slices, a scan for the level network.

Numbers are chosen; z is in mm from the L1/L2 disc.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from OsteoJointLib.frames import Grid, mask_extent_xyxy
from OsteoJointLib.phantom.draws.chance import between
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.phantom.scanner.acquisition import PADDING_HU, Acquisition, acquire, binned
from OsteoJointLib.phantom.scanner.field import Field, draw_field, pad_round
from OsteoJointLib.phantom.scanner.rendering import render_hu, render_labels
from OsteoJointLib.records import CtVolume, Level, SourceInfo, Status

SLICE_PIXELS = 512  # edge of a CT's usual matrix
_VOLUME, _PAIR, _LEVELS = 1, 2, 3  # what a seed is for: one seed gives three different patients
_T11 = 18  # VerSe number

_LEAST_THICKNESS_MM = 2.0  # of a whole volume: bounds the time it takes
_BELOW_S1_MM, _ABOVE_T11_MM = (5.0, 45.0), (10.0, 70.0)
_REFORMAT_PIXEL_MM = 0.8  # of a sagittal or coronal reformat
_OFF_CENTER_MM, _FRONT_OF_CENTER_MM = 8.0, (35.0, 65.0)  # SD sideways; how far the column lies behind the middle

_PAIR_PIXEL_MM, _PAIR_SHIFT_MM, _PAIR_BACK_MM = (0.55, 0.98), 10.0, 45.0  # SD of the shift; as above
_OFF_MIDDLE_MM, _MOST_OFF_MIDDLE = 3.0, 0.3  # SD of the slice from the body's middle, bound over the height

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
    """A phantom CT, its bodies' masks ((z, y, x) uint8, VerSe numbers) and its truth."""

    volume: CtVolume
    labels: np.ndarray
    truth: PhantomTruth


@dataclass(frozen=True, eq=False)
class TrainingPair:
    """Two axial slices near the middle of L1 and L2.

    Args:
        hu: (2, 512, 512) float32.
        masks: (2, 512, 512) bool, the vertebral body.
        pixel_mm: edge of the square pixels.
        bmd_mg_cm3: mean of L1 and L2.
        status: its class.
        seed: of the pair.
    """

    hu: np.ndarray
    masks: np.ndarray
    pixel_mm: float
    bmd_mg_cm3: float
    status: Status
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
    return Phantom(CtVolume(hu, grid, source), labels, truth)


def _mid_slice_box(patient: Patient, level: Level, grid: Grid, labels: np.ndarray) -> tuple[float, float, float, float]:
    """Box of one level in the slice nearest its center."""
    index = round(float(grid.lps_to_index(_center_lps_mm(patient, level))[0]))
    index = min(max(index, 0), grid.shape_zyx[0] - 1)
    return _box_xyxy_px(labels[index] == level.verse_label)


def make_training_pair(seed: int) -> TrainingPair:
    """Make two domain-randomized axial slices, each within a few mm of its body's middle."""
    rng = np.random.default_rng([seed, _PAIR])
    patient = build_patient(rng, randomized=True)
    pixel = between(rng, _PAIR_PIXEL_MM)
    shift = rng.normal(0, _PAIR_SHIFT_MM, 2)
    slices, masks = [], []
    for level in Level:
        vertebra = patient.column.find(level.verse_label)
        most = _MOST_OFF_MIDDLE * vertebra.sizes.height_mm
        offset = float(np.clip(rng.normal(0, _OFF_MIDDLE_MM), -most, most))
        half = 0.5 * pixel * (SLICE_PIXELS - 1)
        origin = (
            -half + shift[0],
            vertebra.frame.center[1] - half - _PAIR_BACK_MM + shift[1],
            vertebra.frame.center[2] + offset,
        )
        spacing = (pixel, pixel, patient.acquisition.thickness_mm)
        grid = Grid.axis_aligned((1, SLICE_PIXELS, SLICE_PIXELS), spacing, origin)
        slices.append(
            acquire(render_hu(patient.scene, grid, rng), grid, patient.acquisition, rng)[0].astype(np.float32)
        )
        masks.append(render_labels(patient.scene, grid)[0] == level.verse_label)
    person = patient.person
    return TrainingPair(np.stack(slices), np.stack(masks), pixel, person.mean_bmd_mg_cm3, person.status, seed)


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
