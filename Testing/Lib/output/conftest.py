"""A hand-made case: a box of a body on a plain background, at places that can be checked on paper."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.calibration.errors_of_bmd import Scan
from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.calibrating import Calibrations, calibration_flags
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.doubts import all_flags
from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi, measurement_flags
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import (
    AxialSlice,
    BmdEstimate,
    BodyBox,
    BodyEvidence,
    BodyHeights,
    BodyVolume,
    BoneStandard,
    CalibratedBmd,
    CalibrationKind,
    Classification,
    Crop,
    CtSlicePair,
    CtVolume,
    ExplanationMap,
    ExplanationMethod,
    Flag,
    FractureHint,
    Level,
    LevelPoint,
    LevelsFound,
    ModelInfo,
    PointSource,
    SourceInfo,
    Status,
    VertebraSegmentation,
)

FILE_BMD = CalibratedBmd("phantom 7", CalibrationKind.FILE, BoneStandard.HA, 121.25, 101.5, 6.5)
RODS_BMD = CalibratedBmd("rods in the scan", CalibrationKind.RODS, BoneStandard.K2HPO4, 98.75, 98.75, 3.25)
SHAPE_ZYX = (24, 64, 80)
SPACING_XYZ_MM = (1.5, 1.5, 5.0)
ORIGIN_LPS_MM = (-60.0, -50.0, -200.0)
SLICE = {Level.L1: 16, Level.L2: 9}
BODY_YX = (slice(24, 40), slice(28, 52))  # 16 x 24 voxels, 24 x 36 mm
STEP = 0.5  # volume indices per pixel of the network's slice
SOURCE = SourceInfo("dicom", ("series 4",), "a" * 64, 120.0, "STANDARD", False)


def make_grid(direction=None) -> Grid:
    return Grid(SHAPE_ZYX, SPACING_XYZ_MM, ORIGIN_LPS_MM, np.eye(3) if direction is None else direction)


def make_volume(grid: Grid) -> CtVolume:
    hu = np.full(SHAPE_ZYX, -100, dtype=np.int16)
    for slice_index in SLICE.values():
        hu[slice_index - 2 : slice_index + 3, BODY_YX[0], BODY_YX[1]] = 160
    return CtVolume(hu, grid, SOURCE)


def make_reading(volume: CtVolume, level: Level) -> VertebraReading:
    slice_index = SLICE[level] if volume.hu.shape[0] > 1 else 0
    center = tuple(float(v) for v in volume.grid.index_to_lps(np.array([slice_index, 31.5, 39.5])))
    # pixel (0, 0) lies on voxel (0, 0); two pixels a voxel, so the body's voxels 24..39 cover pixels 47.5..79.5
    hu = np.full((512, 512), -1024.0, dtype=np.float32)
    plane = volume.hu[slice_index].repeat(2, axis=0).repeat(2, axis=1)
    hu[: plane.shape[0] - 1, : plane.shape[1] - 1] = plane[1:, 1:]
    mask = np.zeros((512, 512), dtype=bool)
    mask[47:79, 55:103] = True
    heatmap = np.where(mask, 0.5, 0.0).astype(np.float32)
    axial = AxialSlice(level, np.clip(hu / 400, 0, 1), hu, 0.75, slice_index, (0.0, 0.0), (STEP, STEP))
    measured = measure_roi(axial.hu, mask, 0.75, level, MeasureConfig(3.0))
    values = np.zeros((224, 224), dtype=np.float32)
    values[100:120, 100:120] = {Level.L1: 1.0, Level.L2: 0.6}[level]
    explanation = ExplanationMap(ExplanationMethod.HIRESCAM, values, 0.5, {Level.L1: 0.625, Level.L2: 0.375}[level])
    return VertebraReading(
        volume,
        LevelPoint(level, center, 0.96, PointSource.AUTO),
        axial,
        BodyBox((55.0, 47.0, 103.0, 79.0), 0.9),
        Crop(np.zeros((224, 224), dtype=np.float32), (63 - 112, 79 - 112)),
        segmentation=VertebraSegmentation(level, mask, mask, heatmap, float(mask.sum() * 0.75**2)),
        measurement=replace(measured, hu_mean=160.0, hu_median=161.0, hu_sd=12.5),
        slice_measurement=replace(measured, hu_mean=150.0, hu_median=151.0, hu_sd=15.5),
        explanation=explanation,
    )


def make_result(volume: CtVolume | CtSlicePair, l1: VertebraReading, l2: VertebraReading) -> CaseResult:
    column = [
        BodyEvidence(tuple(point), 0.9, (0.0, 0.0), (True, True), False, False)
        for point in (np.add(l1.point.center_lps_mm, (0, 0, 35)), l1.point.center_lps_mm, l2.point.center_lps_mm)
    ]
    levels = LevelsFound(l1.point, l2.point, tuple(column), ("T12", "L1", "L2"), (0.95, 0.96, 0.96))
    result = CaseResult(
        volume,
        l1,
        l2,
        Classification(Status.OSTEOPENIA, (0.25, 0.625, 0.125), 0.6, 0.4, BmdEstimate(105.5, 8.25)),
        ModelInfo("compact", "compact", "b" * 64, "phantoms 0 to 39999"),
        "cpu",
        levels,
        timings_s={"io": 0.5, "total": 2.25},
    )
    return flagged(result)


def flagged(case: CaseResult, *more: Flag) -> CaseResult:
    """The case with every flag, as the reader leaves it, and with ``more`` from its stages."""
    found = [flag for reading in case.readings for flag in measurement_flags(reading.slice_measurement)]
    found += calibration_flags(case.readings, Calibrations((), Scan(120.0, False)))
    return replace(case, flags=all_flags(case.volume, case.levels, (*more, *found)))


@pytest.fixture(scope="session")
def case() -> CaseResult:
    """A whole, unsuspicious case on an axis-aligned volume; never changed by a test."""
    volume = make_volume(make_grid())
    return make_result(volume, make_reading(volume, Level.L1), make_reading(volume, Level.L2))


@pytest.fixture(scope="session")
def whole_case(case) -> CaseResult:
    """The same with whole bodies of T12 to L3, each a box that no other is like; L1 has lost height in front."""

    def body(name: str, slices: slice, columns: slice, hint: FractureHint | None = None) -> BodyVolume:
        mask = np.ones((slices.stop - slices.start, 16, columns.stop - columns.start), bool)
        volume_ml = mask.size * float(np.prod(SPACING_XYZ_MM)) / 1000
        heights = BodyHeights(15.0 + columns.start / 10, 18.0, 21.0, 2.5)
        return BodyVolume(name, mask, (slices.start, 24, columns.start), volume_ml, heights, hint)

    l1 = replace(case.l1, body=body("L1", slice(14, 19), slice(28, 52), FractureHint(1, "wedge", 0.219)))
    l2 = replace(case.l2, body=body("L2", slice(7, 12), slice(27, 52), FractureHint(0, None, 0.05)))
    neighbors = (body("T12", slice(20, 23), slice(30, 50)), body("L3", slice(1, 5), slice(26, 54)))
    return replace(case, l1=l1, l2=l2, neighbors=neighbors)


@pytest.fixture(scope="session")
def oblique_case() -> CaseResult:
    """The same on a grid turned by 17 degrees about z and 11 about x."""
    a, b = np.deg2rad(17.0), np.deg2rad(11.0)
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    volume = make_volume(make_grid(about_z @ about_x))
    return make_result(volume, make_reading(volume, Level.L1), make_reading(volume, Level.L2))


@pytest.fixture(scope="session")
def pair_case(case) -> CaseResult:
    """Two single slices, each with its own place and file."""
    volumes = []
    for level in Level:
        hu = case.volume.hu[SLICE[level]][None]
        origin = tuple(float(v) for v in case.volume.grid.index_to_lps(np.array([SLICE[level], 0, 0])))
        grid = Grid((1, *SHAPE_ZYX[1:]), SPACING_XYZ_MM, origin, np.eye(3))
        volumes.append(CtVolume(hu, grid, replace(SOURCE, file_names=(f"{level}.dcm",))))
    pair = CtSlicePair(*volumes)
    result = make_result(pair, make_reading(pair.l1, Level.L1), make_reading(pair.l2, Level.L2))
    return replace(result, levels=LevelsFound(result.l1.point, result.l2.point))


@pytest.fixture(scope="session")
def poor_case(case) -> CaseResult:
    """A case in which all that can be missing is missing."""
    source = SourceInfo("memory", ("/home/jane doe/scan <b>.nii.gz",))
    axial, small = case.l2.axial, np.zeros_like(case.l2.segmentation.mask)
    small[40:60, 60:80] = True
    measurement = measure_roi(axial.hu, small, axial.pixel_mm, Level.L2, MeasureConfig(3.0))
    segmentation = replace(case.l2.segmentation, heatmap=None)
    flags = (Flag(Reason.METAL, "Metal lies in the slice of L2.", Level.L2),)
    volume = replace(case.volume, source=source, flags=flags)
    l2 = replace(
        case.l2, measurement=measurement, slice_measurement=measurement, segmentation=segmentation, explanation=None
    )
    return flagged(replace(case, volume=volume, l2=l2))


@pytest.fixture(scope="session")
def doubtful_case(case) -> CaseResult:
    """A case whose levels are in doubt, so that no class is given; a user has placed L2."""
    doubt = Flag(Reason.LEVELS_UNCERTAIN, "The names of the levels are uncertain: they are right with 72 %.")
    l1, l2 = (replace(reading, explanation=None) for reading in case.readings)
    l2 = replace(l2, point=replace(l2.point, confidence=1.0, source=PointSource.USER))
    levels = replace(case.levels, l2=l2.point, flags=(doubt,))
    return flagged(replace(case, l1=l1, l2=l2, levels=levels, classification=None))


@pytest.fixture(scope="session")
def lopsided_case(case) -> CaseResult:
    """A case in which no number is that of the other level, of the other axis or of another field."""
    axial = replace(case.l2.axial, origin_yx=(-3.0, 2.0), step_yx=(0.5, 0.25))
    l2 = replace(
        case.l2,
        point=replace(case.l2.point, center_lps_mm=(4.5, 7.25, -156.0), confidence=0.875, source=PointSource.USER),
        axial=axial,
        box=BodyBox((40.0, 50.0, 120.0, 90.0), 0.8),
        segmentation=replace(case.l2.segmentation, area_mm2=1021.5, refined=True),
        measurement=replace(
            case.l2.measurement,
            erosion_mm=3.5,
            area_mm2=343.69,
            voxels=611,
            hu_mean=131.25,
            hu_median=129.5,
            hu_sd=21.75,
        ),
    )
    l1 = replace(
        case.l1,
        segmentation=replace(case.l1.segmentation, edited=True),
        measurement=replace(case.l1.measurement, bmd=(FILE_BMD, RODS_BMD)),
    )
    levels = replace(case.levels, l2=l2.point, flags=(Flag(Reason.STUB_RIB, "A rib of L1 is short.", Level.L1),))
    return flagged(replace(case, l1=l1, l2=l2, levels=levels))
