"""The trabecular ROI of a whole body: worked boxes, bodies that lean, what is left out, thick slices."""

from __future__ import annotations

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.body_roi import body_roi, edge_distance_mm, measure_body, middle_third
from OsteoJointLib.pipeline.measure import MeasureConfig, measurement_flags
from OsteoJointLib.records import BodyVolume, CtVolume, Level, RoiKind, SourceInfo

FINE = np.array([1.0, 0.8, 0.8])  # z, y, x in mm
HALF_HEIGHT_MM, HALF_DEPTH_MM, HALF_WIDTH_MM = 14.0, 17.0, 23.0
VEIN_HU, BONE_HU, SHELL_HU = -60.0, 130.0, 700.0


def axes_mm(spacing: np.ndarray, shape=(60.0, 70.0, 64.0)) -> list[np.ndarray]:
    """Broadcastable z, y and x in mm about the middle."""
    counts = [round(size / step) for size, step in zip(shape, spacing, strict=True)]
    return np.meshgrid(*((np.arange(n) - (n - 1) / 2) * s for n, s in zip(counts, spacing, strict=True)), indexing="ij")


def leaning_body(spacing: np.ndarray, lean_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A cylinder with elliptic section whose top leans to the front: mask, height along its axis, depth across it."""
    z, y, x = axes_mm(spacing)
    lean = np.deg2rad(lean_deg)
    height, depth = np.cos(lean) * z - np.sin(lean) * y, np.sin(lean) * z + np.cos(lean) * y
    mask = (np.abs(height) < HALF_HEIGHT_MM) & ((depth / HALF_DEPTH_MM) ** 2 + (x / HALF_WIDTH_MM) ** 2 < 1.0)
    return mask, height, depth


def body(mask: np.ndarray, corner=(0, 0, 0)) -> BodyVolume:
    return BodyVolume("L1", mask, corner, float(mask.sum()) / 1000.0)


@pytest.mark.parametrize("lean_deg", [-25.0, 0.0, 25.0])
def test_the_third_follows_a_body_that_leans(lean_deg):
    mask, height, depth = leaning_body(FINE, lean_deg)
    third = middle_third(mask, FINE, MeasureConfig())
    assert np.abs(height[third]).max() < HALF_HEIGHT_MM / 3 + 1.0
    wanted = mask & (np.abs(height) < HALF_HEIGHT_MM / 3) & (depth < HALF_DEPTH_MM - 0.25 * 2 * HALF_DEPTH_MM)
    assert np.count_nonzero(third & wanted) > 0.95 * np.count_nonzero(wanted)
    assert np.count_nonzero(third & ~wanted) < 0.05 * np.count_nonzero(wanted)


def test_it_is_the_back_that_is_left_out():
    mask, _, depth = leaning_body(FINE, 0.0)
    third = middle_third(mask, FINE, MeasureConfig())
    assert depth[third].min() < -HALF_DEPTH_MM + 1.5 and depth[third].max() < 0.5 * HALF_DEPTH_MM + 0.5


@pytest.mark.parametrize("spacing", [(1.0, 0.8, 0.8), (5.0, 0.7, 0.7), (0.8, 0.8, 4.0)])
def test_the_erosion_is_in_mm_along_every_axis_of_thin_and_thick_voxels(spacing):
    steps = np.array(spacing)
    mask = np.ones([round(40.0 / step) for step in steps], dtype=bool)
    eroded = edge_distance_mm(mask, steps) >= 4.0
    for axis, step in enumerate(steps):
        kept = np.flatnonzero(eroded.any(axis=tuple(other for other in range(3) if other != axis)))
        first_mm = (kept[0] + 0.5) * step
        assert 3.999 < first_mm < 4.0 + step


def test_distance_is_to_the_near_side_of_the_nearest_voxel_outside():
    mask = np.ones((5, 9, 9), dtype=bool)
    mask[:, 4, 4] = False
    near = edge_distance_mm(mask, np.array([10.0, 1.0, 2.0]))
    assert near[2, 4, 4] == 0.0 and near[2, 4, 5] == 1.0 and near[2, 5, 4] == 0.5
    assert near[2, 6, 5] == pytest.approx(np.hypot(1.5, 1.0))


def shelled(lean_deg: float, spacing: np.ndarray = FINE) -> tuple[np.ndarray, np.ndarray]:
    """HU of a leaning body with dense endplates, a dense shell, and a vein that enters from behind at mid-height."""
    mask, height, depth = leaning_body(spacing, lean_deg)
    hu = np.full(mask.shape, 40.0, np.float32)
    hu[mask] = BONE_HU
    hu[mask & (edge_distance_mm(mask, spacing) < 3.0)] = SHELL_HU
    hu[mask & (np.abs(height) > HALF_HEIGHT_MM - 6.0)] = SHELL_HU
    x = axes_mm(spacing)[2]
    hu[mask & (np.abs(height) < 2.0) & (depth > 9.0) & (np.abs(x) < 3.0)] = VEIN_HU
    return mask, hu


@pytest.mark.parametrize("lean_deg", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("thickness_mm", [1.0, 3.0])
def test_endplates_shell_and_vein_do_not_touch_the_number(lean_deg, thickness_mm):
    spacing = np.array([thickness_mm, 0.8, 0.8])
    mask, hu = shelled(lean_deg, spacing)
    grid = Grid.axis_aligned(mask.shape, tuple(spacing[::-1]), (0, 0, 0))
    volume = CtVolume(np.rint(hu).astype(np.int16), grid, SourceInfo("memory"))
    measured = measure_body(volume, body(mask), Level.L1)
    assert (measured.hu_mean, measured.hu_median, measured.hu_sd) == (BONE_HU, BONE_HU, 0.0)
    assert measured.dense_share == 0.0 and measured.kind is RoiKind.BODY
    assert measured.volume_ml == pytest.approx(measured.voxels * spacing.prod() / 1000.0) and measured.volume_ml > 3.0


def test_a_mask_in_a_box_is_measured_where_the_box_lies():
    mask, hu = shelled(0.0)
    corner = (3, 20, 7)
    whole = np.full(np.add(mask.shape, (9, 40, 30)), -1000, np.int16)
    part = tuple(slice(c, c + n) for c, n in zip(corner, mask.shape, strict=True))
    whole[part] = hu
    volume = CtVolume(whole, Grid.axis_aligned(whole.shape, (0.8, 0.8, 1.0), (5, 6, 7)), SourceInfo("memory"))
    measured = measure_body(volume, body(mask, corner), Level.L2)
    assert (measured.level, measured.hu_mean, measured.corner_zyx) == (Level.L2, BONE_HU, corner)
    assert (volume.hu[part][measured.mask] == BONE_HU).all()


def noisy(hu: np.ndarray, sd: float) -> np.ndarray:
    return hu + np.random.default_rng(3).normal(0.0, sd, hu.shape).astype(np.float32)


def test_cement_is_left_out_with_its_rim_and_its_share_is_told():
    mask, _, _ = leaning_body(FINE, 0.0)
    z, y, x = axes_mm(FINE)
    ball = np.sqrt(z**2 + (y + 8.0) ** 2 + (x - 9.0) ** 2)
    hu = np.where(ball < 5.0, 1500.0, np.where(ball < 6.0, 400.0, BONE_HU))
    roi = body_roi(body(mask), noisy(hu, 20.0), FINE, MeasureConfig())
    assert 0.05 < roi.dense_share < 0.3 and ball[roi.mask].min() > 6.0
    assert hu[roi.mask].mean() == BONE_HU


@pytest.mark.parametrize("sd", [10.0, 60.0])
def test_noise_alone_leaves_nothing_out(sd):
    mask, _, _ = leaning_body(FINE, 0.0)
    assert body_roi(body(mask), noisy(np.full(mask.shape, BONE_HU), sd), FINE, MeasureConfig()).dense_share == 0.0


def test_a_body_too_small_to_erode_gives_none_and_a_flag():
    mask = np.zeros((8, 30, 30), dtype=bool)
    mask[2:6, 8:22, 8:22] = True
    volume = CtVolume(
        np.full(mask.shape, 120, np.int16), Grid.axis_aligned(mask.shape, (1, 1, 2), (0, 0, 0)), SourceInfo("memory")
    )
    measured = measure_body(volume, body(mask), Level.L1)
    assert (measured.hu_mean, measured.hu_median, measured.hu_sd) == (None, None, None)
    assert not measured.mask.any() and measured.volume_ml < 1.0
    (flag,) = measurement_flags(measured)
    assert flag.code is Reason.ROI_TOO_SMALL and flag.level is Level.L1
    assert "whole body" in flag.message and "1 ml are needed" in flag.message


@pytest.mark.parametrize("mask", [np.zeros((4, 5, 6), dtype=bool), np.ones((4, 2, 2), dtype=bool)])
def test_a_body_without_endplates_to_tell_gives_an_empty_roi(mask):
    assert not body_roi(body(mask), np.zeros(mask.shape), FINE, MeasureConfig()).mask.any()
