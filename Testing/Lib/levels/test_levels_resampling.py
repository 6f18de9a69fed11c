"""The coarse grid: means, places and turns."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from OsteoJointLib.frames import Grid
from OsteoJointLib.levels.resampling import CoarseVolume, axis_weights, resample_coarse, turn_upright
from OsteoJointLib.records import CtVolume, SourceInfo


def ct(hu, grid):
    return CtVolume(np.asarray(hu, np.int16), grid, SourceInfo("memory"))


def coarse_of(volume):
    return resample_coarse(volume, 4.0)[0]


def ramp(grid):
    """HU that is linear in the world: 2 x - 3 y + z."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape_zyx), indexing="ij"), axis=-1)
    return grid.index_to_lps(index) @ np.array([2.0, -3.0, 1.0])


def test_whole_cells_are_plain_means():
    hu = np.arange(4 * 8 * 8).reshape(4, 8, 8)
    coarse = coarse_of(ct(hu, Grid.axis_aligned(hu.shape, (1.0, 1.0, 2.0), (0, 0, 0))))
    np.testing.assert_allclose(coarse.hu, hu.reshape(2, 2, 2, 4, 2, 4).mean(axis=(1, 3, 5)))
    assert coarse.hu.dtype == np.float32
    np.testing.assert_allclose(coarse.grid.origin_lps_mm, (1.5, 1.5, 1.0))


def test_fractions_of_voxels_count_by_their_share():
    # 3 mm voxels into 4 mm cells: the first holds one voxel and a third of the next
    np.testing.assert_allclose(axis_weights(4, 3.0, 4.0)[0], [0.75, 0.25, 0.0, 0.0])
    np.testing.assert_allclose(axis_weights(4, 3.0, 4.0)[1], [0.0, 0.5, 0.5, 0.0])


@pytest.mark.parametrize("spacing", [0.7, 1.5, 3.0, 4.0, 5.0, 9.0])
def test_weights_sum_to_one_and_cover_the_axis(spacing):
    weights = axis_weights(37, spacing, 4.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)
    assert abs(len(weights) * 4.0 - 37 * spacing) <= 2.0


@pytest.mark.parametrize(
    ("spacing", "off_hu"), [((0.9, 0.9, 1.2), 0.6), ((1.0, 1.0, 5.0), 0.6), ((3.0, 3.0, 3.0), 1.6)]
)
def test_a_linear_world_stays_where_it_is(spacing, off_hu):
    shape = (int(120 / spacing[2]), int(96 / spacing[1]), int(96 / spacing[0]))
    grid = Grid.axis_aligned(shape, spacing, (10.0, -20.0, 30.0))
    coarse = coarse_of(ct(np.rint(ramp(grid)), grid))
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(coarse.hu[inner], ramp(coarse.grid)[inner], atol=off_hu)


def test_an_oblique_ct_is_turned_upright_in_place():
    direction = Rotation.from_euler("xyz", (12.0, -8.0, 15.0), degrees=True).as_matrix()
    grid = Grid((60, 60, 60), (2.0, 2.0, 2.0), (5.0, 6.0, 7.0), direction)
    coarse = coarse_of(ct(np.rint(ramp(grid)), grid))
    np.testing.assert_array_equal(coarse.grid.direction, np.eye(3))
    middle = np.rint(coarse.grid.lps_to_index(grid.index_to_lps(np.array([29.5] * 3)))).astype(int)
    near = tuple(slice(m - 4, m + 5) for m in middle)
    np.testing.assert_allclose(coarse.hu[near], ramp(coarse.grid)[near], atol=0.6)
    assert coarse.hu[0, 0, 0] == -1024.0


def test_a_quarter_turn_by_hand():
    # Index x runs to the back, index y to the right: rows become columns, counted from the other end.
    hu = np.arange(5 * 10 * 15, dtype=np.float32).reshape(5, 10, 15)
    turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    upright = turn_upright(CoarseVolume(hu, Grid(hu.shape, (4.0,) * 3, (100.0, 20.0, 7.0), turned)))
    np.testing.assert_allclose(upright.hu, hu.transpose(0, 2, 1)[:, :, ::-1], atol=1e-2)
    assert upright.grid.origin_lps_mm == (100.0 - 9 * 4.0, 20.0, 7.0)


def test_a_slight_tilt_stays_in_the_grid():
    direction = Rotation.from_euler("x", 2.0, degrees=True).as_matrix()
    grid = Grid((20, 20, 20), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), direction)
    coarse = coarse_of(ct(np.zeros((20, 20, 20)), grid))
    np.testing.assert_array_equal(coarse.grid.direction, direction)


def test_padding_and_metal_are_clipped_before_the_mean():
    hu = np.zeros((4, 4, 4))
    hu[0], hu[1] = -3024, 9000
    coarse = coarse_of(ct(hu, Grid.axis_aligned(hu.shape, (1.0,) * 3, (0, 0, 0))))
    assert coarse.hu[0, 0, 0] == pytest.approx((-1024 + 3071) / 4)


def test_the_second_phase_lies_half_a_coarse_voxel_further_and_ends_as_much_sooner():
    grid = Grid.axis_aligned((48, 8, 8), (2.0, 2.0, 1.5), (0.0, 0.0, 5.0))
    first, second = resample_coarse(ct(np.rint(10.0 * ramp(grid)), grid), 4.0)
    assert second.grid.origin_lps_mm[2] - first.grid.origin_lps_mm[2] == 2.0
    assert second.grid.origin_lps_mm[:2] == first.grid.origin_lps_mm[:2]
    assert len(second.hu) == len(first.hu) - 1
    np.testing.assert_allclose(second.hu - first.hu[:-1], 20.0, atol=1.3)
    (one, again) = resample_coarse(
        ct(np.zeros((1, 8, 8)), Grid.axis_aligned((1, 8, 8), (2.0, 2.0, 4.0), (0, 0, 0))), 4.0
    )
    assert one.hu.shape == again.hu.shape and one.grid.origin_lps_mm == again.grid.origin_lps_mm
