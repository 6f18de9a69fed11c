"""Whole phantoms from one seed: a CT volume with its truth, a pair of training slices, a coarse level sample."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from OsteoJointLib.frames import Grid, mask_extent_xyxy
from OsteoJointLib.phantom.acquisition import Acquisition, acquire, draw_acquisition
from OsteoJointLib.phantom.organs import (
    add_bowel,
    add_chest,
    add_muscles,
    add_organs,
    add_wall,
    draw_tissue_hu,
)
from OsteoJointLib.phantom.person import Person, draw_person
from OsteoJointLib.phantom.rendering import render_classes, render_hu, render_labels
from OsteoJointLib.phantom.ribs_pelvis import add_pelvis, add_ribs, draw_rib_lengths
from OsteoJointLib.phantom.scene import Material, Scene, Solid
from OsteoJointLib.phantom.shapes import Frame, RoundedBox, Tube
from OsteoJointLib.phantom.spine import Column, add_discs, add_sacrum, add_vertebra, build_column
from OsteoJointLib.phantom.torso import REACH_MM, build_torso
from OsteoJointLib.phantom.vessels import add_canal, add_vessels
from OsteoJointLib.records import CtVolume, Level, SourceInfo, Status

SLICE_PIXELS = 512
_ROD_BMD_MG_CM3 = (0.0, 50.0, 100.0, 150.0, 200.0)


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
        bmd_slope, bmd_intercept: HU = slope * BMD + intercept.
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
    bmd_slope: float
    bmd_intercept: float
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
class LevelSample:
    """A coarse isotropic CT for the level network.

    Args:
        hu: (z, y, x) float32.
        classes: (z, y, x) uint8, :class:`OsteoJointLib.level_config.Tissue`.
        centers_index_zyx: (N, 3) float32 continuous indices of the bodies in view, top to bottom.
        names: their VerSe numbers.
        spacing_mm: voxel edge.
    """

    hu: np.ndarray
    classes: np.ndarray
    centers_index_zyx: np.ndarray
    names: tuple[int, ...]
    spacing_mm: float


@dataclass(frozen=True, eq=False)
class _Patient:
    """A drawn person in a drawn scanner: the scene, and what it was drawn from."""

    person: Person
    acquisition: Acquisition
    column: Column
    scene: Scene
    rib_lengths_mm: dict[str, tuple[float, float]]


def _build_patient(rng: np.random.Generator, randomized: bool, rods: bool = False) -> _Patient:
    """Draw person and acquisition and build the scene."""
    person = draw_person(rng, spread_bmd=randomized and rng.random() < 0.6)
    acquisition = draw_acquisition(rng, randomized, rods)
    bmd = {level.verse_label: acquisition.trabecular_hu(person.bmd(level)) for level in Level}
    base = acquisition.trabecular_hu(person.mean_bmd_mg_cm3)
    column = build_column(person, rng, bmd, base)
    torso = build_torso(person, column, rng)
    tissue = draw_tissue_hu(acquisition.phase, 2.5 if randomized else 1.0, rng)
    cortex_hu = float(rng.uniform(450, 1100)) + 1.2 * base
    scene = Scene()
    add_wall(scene, torso, tissue, person)
    add_chest(scene, torso, column, tissue, rng)
    add_bowel(scene, torso, tissue, acquisition.oral_contrast, rng)
    add_organs(scene, torso, column, tissue, rng)
    add_muscles(scene, column, tissue, person, rng)
    add_vessels(scene, column, tissue, person, rng)
    add_canal(scene, column, tissue, person)
    _add_table(scene, torso.skin, acquisition)
    lengths = draw_rib_lengths(person, rng)
    rib_core = base * 0.6 + float(rng.uniform(60, 160))
    add_ribs(scene, column, torso, lengths, cortex_hu, rib_core, rng)
    add_pelvis(scene, column, cortex_hu, rib_core * 0.8, rng)
    add_sacrum(scene, column, person, cortex_hu, base * 0.7 + 30, tissue.disc, rng)
    add_discs(scene, column, tissue.disc, 0.25 * person.degeneration, rng)
    texture = float(rng.uniform(6, 30))
    for vertebra in column.vertebrae:
        add_vertebra(scene, vertebra, person, cortex_hu, texture, rng)
    return _Patient(person, acquisition, column, scene, lengths)


def _add_table(scene: Scene, skin: Tube, acquisition: Acquisition) -> None:
    """The patient table under the back, with calibration rods when asked for."""
    back = float((skin.center_y + skin.radius_y).max()) + acquisition.table_mm
    top = Tube(
        np.array([-REACH_MM, REACH_MM]), np.zeros(2), np.full(2, back - 380.0), np.full(2, 420.0), np.full(2, 381.5)
    )
    scene.background.insert(0, Solid(top, Material(-1000.0, 60.0, 1.0)))
    scene.background.insert(
        1, Solid(RoundedBox(Frame(np.array([0, back + 50.0, 0])), (190.0, 1.5, REACH_MM), 1.0), Material(-150.0))
    )
    if acquisition.rods:
        for index, bmd in enumerate(_ROD_BMD_MG_CM3):
            x = np.full(2, (index - 2) * 30.0)
            rod = Tube(np.array([-REACH_MM, REACH_MM]), x, np.full(2, back - 12.0), np.full(2, 9.0), np.full(2, 9.0))
            scene.background.append(Solid(rod, Material(acquisition.bmd_slope * bmd)))


def _center_lps_mm(patient: _Patient, level: Level) -> np.ndarray:
    return patient.column.find(level.verse_label).frame.center


def _point(position_mm: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in position_mm)
    return x, y, z


def _box_xyxy_px(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Box of a (y, x) mask in edge coordinates; zeros when it is empty."""
    return mask_extent_xyxy(mask) or (0.0, 0.0, 0.0, 0.0)


def _default_grid(patient: _Patient, rng: np.random.Generator) -> Grid:
    """A 512 x 512 grid from above T11 to below the first sacral body, placed as a technician would."""
    pixel, thickness = patient.acquisition.pixel_mm, max(patient.acquisition.thickness_mm, 2.0)
    bottom = float(patient.column.sacrum.center[2]) - float(rng.uniform(5, 45))
    top = float(patient.column.find(18).frame.center[2]) + float(rng.uniform(10, 70))
    spine_y = float(_center_lps_mm(patient, Level.L1)[1])
    origin = (
        -0.5 * pixel * (SLICE_PIXELS - 1) + float(rng.normal(0, 8)),
        spine_y - 0.5 * pixel * (SLICE_PIXELS - 1) - float(rng.uniform(35, 65)),
        bottom,
    )
    slices = int(np.ceil((top - bottom) / thickness))
    return Grid.axis_aligned((slices, SLICE_PIXELS, SLICE_PIXELS), (pixel, pixel, thickness), origin)


def make_phantom(seed: int, randomized: bool = False, grid: Grid | None = None, rods: bool = False) -> Phantom:
    """Make one phantom CT.

    Args:
        seed: everything follows from it; same seed, same bytes.
        randomized: spread tissue values and protocol beyond the plausible, as in training.
        grid: axis-aligned grid to render on; a 512 x 512 one from T11 to the sacrum by default.
        rods: lay calibration rods under the back.

    Returns:
        The CT (int16 HU), its body masks and its truth.
    """
    rng = np.random.default_rng([seed, 1])
    patient = _build_patient(rng, randomized, rods)
    grid = grid or _default_grid(patient, rng)
    hu = acquire(render_hu(patient.scene, grid, rng), grid, patient.acquisition, rng)
    labels = render_labels(patient.scene, grid)
    acquisition, person = patient.acquisition, patient.person
    source = SourceInfo(
        kind="phantom",
        file_names=(f"phantom-{seed}",),
        kvp=acquisition.kvp,
        kernel=acquisition.kernel,
        contrast=acquisition.phase != "none",
        slice_thickness_mm=grid.spacing_xyz_mm[2],
    )
    drawn = {"person": asdict(person), "acquisition": asdict(acquisition), "rib_lengths_mm": patient.rib_lengths_mm}
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
        bmd_slope=acquisition.bmd_slope,
        bmd_intercept=acquisition.bmd_intercept_hu,
        drawn=drawn,
    )
    return Phantom(CtVolume(hu, grid, source), labels, truth)


def _mid_slice_box(
    patient: _Patient, level: Level, grid: Grid, labels: np.ndarray
) -> tuple[float, float, float, float]:
    """Box of one level in the slice nearest its center."""
    index = round(float(grid.lps_to_index(_center_lps_mm(patient, level))[0]))
    index = min(max(index, 0), grid.shape_zyx[0] - 1)
    return _box_xyxy_px(labels[index] == level.verse_label)


def make_training_pair(seed: int) -> TrainingPair:
    """Make two domain-randomized axial slices, each within a few mm of its body's middle."""
    rng = np.random.default_rng([seed, 2])
    patient = _build_patient(rng, randomized=True)
    pixel = float(rng.uniform(0.55, 0.98))
    shift = rng.normal(0, 10, 2)
    slices, masks = [], []
    for level in Level:
        vertebra = patient.column.find(level.verse_label)
        offset = float(np.clip(rng.normal(0, 3.0), -0.3 * vertebra.sizes.height_mm, 0.3 * vertebra.sizes.height_mm))
        half = 0.5 * pixel * (SLICE_PIXELS - 1)
        origin = (
            -half + shift[0],
            vertebra.frame.center[1] - half - 45.0 + shift[1],
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


def make_level_sample(seed: int, spacing_mm: float = 4.0) -> LevelSample:
    """Make a coarse CT with a random field of view, from the chest to the hips or only a part of that."""
    rng = np.random.default_rng([seed, 3])
    patient = _build_patient(rng, randomized=True)
    top, bottom = float(rng.uniform(30, 230)), float(rng.uniform(-300, -60))
    width = float(rng.uniform(280, 420)) if rng.random() < 0.85 else float(rng.uniform(140, 280))
    depth = width * float(rng.uniform(0.75, 1.0))
    spine_y = float(_center_lps_mm(patient, Level.L1)[1])
    shape = tuple(int(np.ceil(v / spacing_mm)) for v in (top - bottom, depth, width))
    front = spine_y - depth * float(rng.uniform(0.55, 0.72))
    origin = (-0.5 * width + float(rng.normal(0, 10)), front, bottom)
    grid = Grid.axis_aligned(shape, (spacing_mm,) * 3, origin)
    hu = acquire(render_hu(patient.scene, grid, rng), grid, patient.acquisition, rng).astype(np.float32)
    inside = [v for v in patient.column.vertebrae if grid.contains(v.frame.center)]
    centers = np.array([grid.lps_to_index(v.frame.center) for v in inside], np.float32).reshape(-1, 3)
    classes = render_classes(patient.scene, grid, grow_mm=0.25 * spacing_mm)
    return LevelSample(hu, classes, centers, tuple(v.sizes.verse_label for v in inside), spacing_mm)
