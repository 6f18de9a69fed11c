"""Slices, crops and masks between the CT's grid and the network's."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from OsteoJointLib.config import WindowConfig
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import (
    Grid,
    crop_to_slice,
    mask_to_plane,
    plane_to_mask,
    point_in_slice,
    slice_to_crop,
    slice_to_lps,
)
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.pipeline.preprocess import (
    axial_slice,
    crop_around,
    mask_to_volume,
    middle_slice,
    slice_grid,
)
from OsteoJointLib.records import BodyBox, CtVolume, Level, LevelPoint, PointSource, SourceInfo


def volume_of(hu: np.ndarray, spacing_xy_mm, origin_lps_mm=(0.0, 0.0, 0.0)) -> CtVolume:
    grid = Grid.axis_aligned(hu.shape, (*spacing_xy_mm, 3.0), origin_lps_mm)
    return CtVolume(hu.astype(np.int16), grid, SourceInfo("memory"))


def point(x, y, z) -> LevelPoint:
    return LevelPoint(Level.L1, (x, y, z), 1.0, PointSource.USER)


def test_window_maps_its_ends_and_clips():
    hu = np.array([-1000.0, -160.0, 40.0, 240.0, 3000.0])
    unit = to_unit_range(hu, WindowConfig(40.0, 400.0))
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [0.0, 0.0, 0.5, 1.0, 1.0])


def test_a_native_slice_is_taken_as_it_is():
    hu = np.random.default_rng(0).integers(-1000, 1000, (3, 512, 512))
    axial = axial_slice(volume_of(hu, (0.7, 0.7)), point(100.0, 120.0, 3.4))
    assert (axial.slice_index, axial.pixel_mm) == (1, 0.7)
    assert (axial.origin_yx, axial.step_yx) == ((0.0, 0.0), (1.0, 1.0))
    np.testing.assert_array_equal(axial.hu, hu[1].astype(np.float32))
    np.testing.assert_array_equal(axial.image, to_unit_range(hu[1]))


@pytest.mark.parametrize(
    ("shape_yx", "spacing_xy_mm", "pixel_mm"),
    [
        ((101, 122), (3.0, 3.0), 366 / 512),  # coarse: the wider field of view fills the grid
        ((512, 512), (0.4, 0.4), 0.55),  # a small field of view keeps its size, with air around it
        ((512, 512), (1.2, 1.2), 0.98),  # a wide one is cut
        ((512, 512), (0.7, 0.9), 0.9),  # oblong pixels become square
        ((256, 256), (1.4, 1.4), 0.7),
    ],
)
def test_pixel_size_by_the_field_of_view(shape_yx, spacing_xy_mm, pixel_mm):
    assert slice_grid(shape_yx, spacing_xy_mm, np.zeros(2))[0] == pytest.approx(pixel_mm)


def test_grid_is_centered_on_the_image_where_it_fits_and_on_the_point_where_it_does_not():
    _, origin_yx, step_yx = slice_grid((100, 120), (3.0, 3.0), np.array([10.0, 20.0]))
    np.testing.assert_allclose(np.add(origin_yx, np.multiply(step_yx, 255.5)), [49.5, 59.5])
    _, origin_yx, step_yx = slice_grid(
        (400, 700), (1.0, 1.0), np.array([150.0, 300.0])
    )  # wider than 512 px, not higher
    assert step_yx == (0.98, 0.98)
    assert origin_yx == pytest.approx((150.0 - 0.98 * 255.5, 300.0 - 0.98 * 255.5))
    _, origin_yx, step_yx = slice_grid((512, 512), (1.2, 1.2), np.array([250.0, 300.0]))
    np.testing.assert_allclose(np.add(origin_yx, np.multiply(step_yx, 255.5)), [250.0, 300.0])


def test_resampling_reproduces_a_ramp_and_is_air_outside():
    ramp = np.tile(np.arange(0, 512, 4), (3, 100, 1))  # 128 columns at 3 mm: 4 HU a column
    axial = axial_slice(volume_of(ramp, (3.0, 3.0)), point(100.0, 120.0, 3.0))
    inside = axial.hu[256] > -1000
    columns = axial.origin_yx[1] + axial.step_yx[1] * np.arange(512)
    np.testing.assert_allclose(axial.hu[256][inside], 4 * np.clip(columns[inside], 0, 127), atol=1e-3)
    rows = axial.origin_yx[0] + axial.step_yx[0] * np.arange(512)
    assert (axial.hu[(rows < -0.5) | (rows > 99.5)] == -1024).all()
    assert (axial.hu[(rows > -0.5) & (rows < 99.5)][:, inside] >= 0).all()


@pytest.mark.parametrize("shape", [(400, 700), (100, 60)])
def test_a_slice_without_a_point_is_looked_at_about_its_middle(shape):
    axial = middle_slice(volume_of(np.zeros((1, *shape)), (1.0, 1.0)), Level.L2)
    middle_yx = np.add(axial.origin_yx, np.multiply(axial.step_yx, 255.5))
    np.testing.assert_allclose(middle_yx, (np.array(shape) - 1) / 2)


def test_a_point_outside_is_refused():
    volume = volume_of(np.zeros((3, 20, 20)), (1.0, 1.0))
    with pytest.raises(InputRefused, match="outside the CT") as refusal:
        axial_slice(volume, point(5.0, 25.0, 3.0))
    assert refusal.value.reason is Reason.POINT_OUTSIDE


SPACINGS, LENGTHS, SHARES = st.floats(0.3, 4.0), st.integers(60, 300), st.floats(0, 1)


@given(SPACINGS, SPACINGS, LENGTHS, LENGTHS, SHARES, SHARES)
@settings(max_examples=40, deadline=None)
def test_points_go_to_the_slice_and_back(spacing_x, spacing_y, width, height, at_x, at_y):
    volume = volume_of(np.zeros((2, height, width)), (spacing_x, spacing_y), (-30.0, 12.0, 5.0))
    center = volume.grid.index_to_lps(np.array([1.0, at_y * (height - 1), at_x * (width - 1)]))
    axial = axial_slice(volume, point(*center))
    xy_px = point_in_slice(axial, volume.grid, tuple(center))
    np.testing.assert_allclose(slice_to_lps(axial, volume.grid, tuple(xy_px)), center, atol=1e-6)


def test_a_point_at_a_voxel_center_is_half_a_pixel_into_its_edge_coordinates():
    volume = volume_of(np.zeros((1, 512, 512)), (0.8, 0.8))
    axial = middle_slice(volume, Level.L2)
    np.testing.assert_allclose(point_in_slice(axial, volume.grid, (0.0, 0.8, 0.0)), [0.5, 1.5])


def test_crop_has_an_integer_corner_around_the_box_center():
    hu = np.random.default_rng(1).integers(-100, 200, (1, 512, 512))
    axial = middle_slice(volume_of(hu, (0.8, 0.8)), Level.L1)
    crop = crop_around(axial, BodyBox((200.0, 230.0, 260.0, 270.0), 0.9))
    assert crop.corner_yx == (138, 118)
    np.testing.assert_array_equal(crop.image, axial.image[138:362, 118:342])


def test_crop_at_the_edge_is_filled_with_air():
    axial = middle_slice(volume_of(np.full((1, 512, 512), 500), (0.8, 0.8)), Level.L1)
    crop = crop_around(axial, BodyBox((0.0, 500.0, 20.0, 512.0), 0.9))
    assert crop.corner_yx == (394, -102)
    assert crop.image[:118, 102:].min() == 1.0
    assert crop.image[118:].max() == 0.0
    assert crop.image[:, :102].max() == 0.0


@pytest.mark.parametrize("box", [(-900.0, 0.0, -800.0, 20.0), (900.0, 900.0, 950.0, 950.0), (10.0, 10.0, 30.0, 30.0)])
def test_crop_and_slice_agree_wherever_they_overlap(box):
    axial = middle_slice(volume_of(np.full((1, 512, 512), 500), (0.8, 0.8)), Level.L1)
    crop = crop_around(axial, BodyBox(box, 0.9))
    back = crop_to_slice(crop.image, crop)
    np.testing.assert_array_equal(slice_to_crop(back, crop), crop.image)
    assert back.sum() == crop.image.sum()


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8), (3.0, 3.0), (0.4, 0.4), (1.3, 1.1)])
def test_a_mask_comes_back_to_where_it_was_drawn(spacing_mm):
    shape = (512, 512) if spacing_mm[0] == 0.8 else (240, 200)
    y, x = np.mgrid[: shape[0], : shape[1]]
    radius_px = 20 / np.asarray(spacing_mm)
    drawn = ((x - 90) / radius_px[0]) ** 2 + ((y - 120) / radius_px[1]) ** 2 <= 1
    axial = middle_slice(volume_of(np.zeros((1, *shape)), spacing_mm), Level.L1)
    mask = plane_to_mask(drawn, axial)
    assert mask.sum() * axial.pixel_mm**2 == pytest.approx(np.pi * 20**2, rel=0.05)
    back = mask_to_plane(mask, axial, shape)
    assert 2 * (back & drawn).sum() / (back.sum() + drawn.sum()) > 0.98


def test_masks_go_to_their_planes_under_verse_numbers():
    volume = volume_of(np.zeros((3, 512, 512)), (0.8, 0.8))
    l1 = replace(axial_slice(volume, point(100.0, 100.0, 6.0)), level=Level.L1)
    l2 = replace(axial_slice(volume, point(100.0, 100.0, 0.0)), level=Level.L2)
    mask = np.zeros((512, 512), dtype=bool)
    mask[10:12, 20:25] = True
    labels = mask_to_volume({Level.L1: mask, Level.L2: mask}, {Level.L1: l1, Level.L2: l2}, (3, 512, 512))
    assert [np.unique(plane).tolist() for plane in labels] == [[0, 21], [0], [0, 20]]
    assert (labels == 20).sum() == 10
    assert labels.dtype == np.uint8
