"""The trabecular ROI: worked squares and disks, what it leaves out, and what happens when it is too small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.filling import measure
from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi, measurement_flags, roi_mask
from OsteoJointLib.pipeline.settings import PipelineConfig
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import (
    AxialSlice,
    BodyBox,
    BodyVolume,
    Crop,
    CtVolume,
    Level,
    LevelPoint,
    PointSource,
    RoiKind,
    SourceInfo,
    VertebraSegmentation,
)


def disk(radius_mm: float, pixel_mm: float, size: int = 96) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * pixel_mm
    return np.hypot(y, x) < radius_mm


def test_a_square_of_ten_loses_two_pixels_on_each_side():
    mask = np.zeros((14, 14), dtype=bool)
    mask[2:12, 2:12] = True
    roi = roi_mask(mask, 1.0, MeasureConfig(erosion_mm=2.0, posterior_fraction=0.0))
    expected = np.zeros_like(mask)
    expected[4:10, 4:10] = True
    np.testing.assert_array_equal(roi, expected)


def test_the_posterior_quarter_of_the_depth_is_left_out():
    mask = np.zeros((20, 14), dtype=bool)
    mask[2:18, 2:12] = True  # 16 rows: the last four are left out, of which the erosion takes two anyway
    roi = roi_mask(mask, 1.0, MeasureConfig(erosion_mm=2.0, posterior_fraction=0.25))
    assert np.flatnonzero(roi.any(axis=1)).tolist() == list(range(4, 14))


@pytest.mark.parametrize("pixel_mm", [0.4, 0.7, 1.0])
def test_a_disk_shrinks_by_the_erosion_whatever_the_pixel(pixel_mm):
    config = MeasureConfig(erosion_mm=4.0, posterior_fraction=0.0)
    roi = roi_mask(disk(16.0, pixel_mm), pixel_mm, config)
    assert roi.sum() * pixel_mm**2 == pytest.approx(np.pi * 12.0**2, rel=0.05)


def test_no_pixel_of_the_roi_is_nearer_to_the_outside_than_the_erosion():
    mask = disk(16.0, 0.7) & ~disk(2.0, 0.7)
    roi = roi_mask(mask, 0.7)
    outside = np.argwhere(~mask)
    nearest_mm = [np.hypot(*(outside - center).T).min() * 0.7 for center in np.argwhere(roi)]
    assert min(nearest_mm) >= MeasureConfig().erosion_mm


def test_the_border_of_the_image_is_an_edge():
    roi = roi_mask(np.ones((30, 30), dtype=bool), 1.0, MeasureConfig(erosion_mm=4.0, posterior_fraction=0.0))
    assert roi.sum() == 22**2 and not roi[:4].any() and not roi[:, -4:].any()


def test_statistics_worked_by_hand():
    mask = np.zeros((14, 14), dtype=bool)
    mask[2:12, 2:12] = True
    hu = np.full(mask.shape, 900.0, dtype=np.float32)  # cortex and all that lies outside
    hu[4:10, 4:10] = 100.0
    hu[4:6, 4:10] = 160.0  # 12 of the 36 pixels
    config = MeasureConfig(erosion_mm=2.0, posterior_fraction=0.0, min_area_mm2=36.0)
    measured = measure_roi(hu, mask, 1.0, Level.L2, config)
    assert measured.level is Level.L2 and measured.erosion_mm == 2.0 and measured.voxels == 36
    assert measured.hu_mean == pytest.approx(120.0)
    assert measured.hu_median == pytest.approx(100.0)
    assert measured.hu_sd == pytest.approx(60.0 * np.sqrt(1 / 3 * 2 / 3))
    assert measured.best_bmd is None and measurement_flags(measured, config) == ()


def test_hu_are_those_of_the_ct_s_own_voxels():
    # a CT of 2 x 1 mm voxels (y, x) under a slice of 1 mm pixels that begins 4 voxels further down and 3 to the left
    hu = np.arange(40 * 60, dtype=np.float64).reshape(40, 60)
    axial = AxialSlice(Level.L2, np.zeros((32, 32)), np.zeros((32, 32)), 1.0, 0, (3.75, -3.0), (0.5, 1.0))
    mask = np.zeros((32, 32), dtype=bool)
    mask[4:20, 6:26] = True
    config = MeasureConfig(erosion_mm=4.0, posterior_fraction=0.0, min_area_mm2=90.0)
    measured = measure_roi(hu, mask, 1.0, Level.L2, config, axial)
    # the erosion leaves pixels 8..15 of y and 10..21 of x: voxels 8..11 (3.75 + 8 / 2 = 7.75 to 11.25) and 7..18
    own = hu[8:12, 7:19]
    assert (measured.area_mm2, measured.voxels) == (96.0, 48)
    assert (measured.hu_mean, measured.hu_median) == (own.mean(), np.median(own))
    assert measured.hu_sd == pytest.approx(own.std())
    assert measured.mask.shape == (32, 32) and measured.mask.sum() == 96


def test_a_level_is_measured_on_its_own_slice():
    shape = (5, 40, 40)
    hu = np.broadcast_to(100 * np.arange(5, dtype=np.int16)[:, None, None], shape)
    volume = CtVolume(hu, Grid.axis_aligned(shape, (1, 1, 5), (0, 0, 0)), SourceInfo("memory"))
    nothing, body = np.zeros((40, 40)), np.ones((40, 40), bool)
    level = VertebraReading(
        volume,
        LevelPoint(Level.L2, (20.0, 20.0, 15.0), 1.0, PointSource.USER),
        AxialSlice(Level.L2, nothing, nothing, 1.0, 3, (0.0, 0.0), (1.0, 1.0)),
        BodyBox((0.0, 0.0, 40.0, 40.0), 1.0),
        Crop(nothing, (0, 0)),
        segmentation=VertebraSegmentation(Level.L2, body, body, None, 1600.0),
    )
    read = measure(level, PipelineConfig())
    assert (read.measurement.level, read.measurement.hu_mean, read.measurement.hu_sd) == (Level.L2, 300.0, 0.0)
    assert read.measurement is read.slice_measurement and read.measurement.kind is RoiKind.SLICE


def test_a_whole_body_is_measured_beside_its_slice():
    shape = (15, 40, 40)
    hu = np.broadcast_to(10 * np.arange(15, dtype=np.int16)[:, None, None], shape)
    volume = CtVolume(hu, Grid.axis_aligned(shape, (1, 1, 2), (0, 0, 0)), SourceInfo("memory"))
    nothing, drawn = np.zeros((40, 40)), np.ones((40, 40), bool)
    level = VertebraReading(
        volume,
        LevelPoint(Level.L1, (20.0, 20.0, 18.0), 1.0, PointSource.USER),
        AxialSlice(Level.L1, nothing, nothing, 1.0, 9, (0.0, 0.0), (1.0, 1.0)),
        BodyBox((0.0, 0.0, 40.0, 40.0), 1.0),
        Crop(nothing, (0, 0)),
        segmentation=VertebraSegmentation(Level.L1, drawn, drawn, None, 160.0),
        body=BodyVolume("L1", np.ones((9, 40, 40), dtype=bool), (2, 0, 0), 28.8),
    )
    read = measure(level, PipelineConfig())
    assert (read.slice_measurement.kind, read.slice_measurement.hu_mean) == (RoiKind.SLICE, 90.0)
    assert (read.measurement.kind, read.measurement.hu_mean) == (RoiKind.BODY, 60.0)  # slices 5, 6 and 7
    assert not read.roi_mask.any()  # the mid-slice that was taken lies above the middle third
    middle = replace(read, axial=replace(read.axial, slice_index=7)).roi_mask
    np.testing.assert_array_equal(middle, roi_mask(drawn, 1.0))


def test_a_ct_so_coarse_that_no_voxel_lies_in_the_roi_is_not_measured():
    axial = AxialSlice(Level.L1, np.zeros((32, 32)), np.zeros((32, 32)), 1.0, 0, (0.5, 0.5), (1 / 64, 1 / 64))
    measured = measure_roi(np.zeros((4, 4)), np.ones((32, 32), bool), 1.0, Level.L1, MeasureConfig(), axial)
    assert (measured.voxels, measured.hu_mean) == (0, None)


def test_cortex_and_vein_do_not_touch_the_number():
    mask = disk(18.0, 0.7)
    hu = np.where(mask, 130.0, 50.0)
    hu[mask & (ndimage.distance_transform_edt(mask) * 0.7 < 2.5)] = 600.0
    rows = np.flatnonzero(mask.any(axis=1))
    hu[int(rows[0] + 0.78 * rows.size) : rows[-1] - 2, 45:51] = -20.0
    measured = measure_roi(hu, mask, 0.7, Level.L1)
    assert (measured.hu_mean, measured.hu_median, measured.hu_sd) == (130.0, 130.0, 0.0)


@pytest.mark.parametrize("mask", [disk(8.0, 0.7), disk(3.0, 0.7), np.zeros((96, 96), dtype=bool)])
def test_an_roi_too_small_gives_none_and_a_flag_and_is_never_un_eroded(mask):
    measured = measure_roi(np.full(mask.shape, 120.0), mask, 0.7, Level.L1)
    assert (measured.hu_mean, measured.hu_median, measured.hu_sd) == (None, None, None)
    assert measured.area_mm2 == pytest.approx(measured.voxels * 0.49) and measured.area_mm2 < 100.0
    (flag,) = measurement_flags(measured)
    assert flag.code is Reason.ROI_TOO_SMALL and flag.level is Level.L1
    assert "4 mm inside its mask" in flag.message and "100 mm²" in flag.message


@pytest.mark.parametrize("pixel_mm", [0.5, 1.0, 2.0])
def test_an_roi_of_just_the_least_area_is_measured(pixel_mm):
    mask = np.zeros((24, 24), dtype=bool)
    mask[2:20, 2:20] = True  # 18 x 18 pixels, of which an erosion by four leaves 10 x 10
    least = MeasureConfig(4.0 * pixel_mm, posterior_fraction=0.0, min_area_mm2=100.0 * pixel_mm**2)
    measured = measure_roi(np.zeros(mask.shape), mask, pixel_mm, Level.L1, least)
    assert (measured.hu_mean, measured.area_mm2) == (0.0, 100.0 * pixel_mm**2)
    mask[19] = False
    measured = measure_roi(np.zeros(mask.shape), mask, pixel_mm, Level.L1, least)
    assert (measured.hu_mean, measured.area_mm2) == (None, 90.0 * pixel_mm**2)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"erosion_mm": 0.0}, "erosion_mm"),
        ({"erosion_mm": float("nan")}, "erosion_mm"),
        ({"posterior_fraction": 1.0}, "posterior_fraction"),
        ({"posterior_fraction": -0.1}, "posterior_fraction"),
        ({"min_area_mm2": 0.0}, "min_area_mm2"),
    ],
)
def test_a_config_out_of_range_is_refused(change, name):
    with pytest.raises(ValueError, match=name):
        MeasureConfig(**change)


def test_wrong_shapes_and_pixels_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        measure_roi(np.zeros((4, 4)), np.zeros((4, 5), dtype=bool), 1.0, Level.L1)
    with pytest.raises(ValueError, match=r"must be \(y, x\)"):
        roi_mask(np.zeros((2, 4, 4), dtype=bool), 1.0)
    with pytest.raises(ValueError, match="pixel_mm"):
        roi_mask(np.zeros((4, 4), dtype=bool), 0.0)
