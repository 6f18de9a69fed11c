"""Any axis order and sign becomes (S, P, L) with every voxel at its place; oblique stays oblique."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import oblique_angle_deg, slice_axis_name, to_canonical

SIGNED_PERMUTATIONS = [
    np.eye(3)[list(order)] * signs for order in permutations(range(3)) for signs in product((-1.0, 1.0), repeat=3)
]


def any_grid(direction: np.ndarray) -> tuple[np.ndarray, Grid]:
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    return array, Grid(array.shape, (0.7, 1.1, 3.0), (-12.0, 30.0, 5.5), direction)


def places(array: np.ndarray, grid: Grid) -> dict[int, tuple[float, ...]]:
    return {
        int(array[index]): tuple(np.round(grid.index_to_lps(np.array(index)), 9)) for index in np.ndindex(array.shape)
    }


@pytest.mark.parametrize("direction", SIGNED_PERMUTATIONS)
def test_every_storage_order_becomes_the_identity_and_no_voxel_moves(direction):
    array, grid = any_grid(direction)
    canonical, canonical_grid = to_canonical(array, grid)
    np.testing.assert_array_equal(canonical_grid.direction, np.eye(3))
    assert canonical.shape == canonical_grid.shape_zyx
    assert places(canonical, canonical_grid) == places(array, grid)


def test_stored_left_to_right_by_hand():
    # Index x runs to the right (-L): the last column, 20, lies most right and becomes the first.
    canonical, grid = to_canonical(
        np.array([[[10, 20]]]), Grid((1, 1, 2), (2.0, 1.0, 1.0), (8.0, 0.0, 0.0), np.diag([-1.0, 1, 1]))
    )
    assert canonical.tolist() == [[[20, 10]]]
    assert grid.origin_lps_mm == (6.0, 0.0, 0.0)


@given(
    st.sampled_from(SIGNED_PERMUTATIONS),
    st.tuples(*[st.floats(-25.0, 25.0)] * 3),
)
def test_oblique_volume_keeps_its_angle_and_its_places(storage, angles_deg):
    turned = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix() @ storage
    array, grid = any_grid(turned)
    canonical, canonical_grid = to_canonical(array, grid)
    assert np.linalg.det(canonical_grid.direction) == pytest.approx(1.0)
    assert np.diag(canonical_grid.direction).min() > 0
    assert oblique_angle_deg(canonical_grid.direction) == pytest.approx(oblique_angle_deg(turned))
    back = canonical_grid.lps_to_index(grid.index_to_lps(np.array([1, 2, 3])))
    assert canonical[tuple(np.rint(back).astype(int))] == array[1, 2, 3]


def test_angle_and_plane_by_hand():
    assert oblique_angle_deg(Rotation.from_euler("x", 20, degrees=True).as_matrix()) == pytest.approx(20.0)
    sagittal = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    assert [slice_axis_name(matrix) for matrix in (np.eye(3), sagittal)] == ["axial", "sagittal"]
