"""Boundary heat map: against a direct product, worked values, symmetry, and where the edge lies."""

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.network.heatmap import boundary_heatmap, canny_edge, gaussian_stamp, heat_sum


def blob(seed: int, size: int = 64) -> np.ndarray:
    """A smooth random body-like mask, (size, size) bool, away from the image's edge."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - size / 2 + rng.uniform(-3, 3, (2, 1, 1))
    angle = np.arctan2(y, x)
    radius = size * (0.28 + 0.04 * np.cos(2 * angle + rng.uniform(0, 6)) + 0.03 * np.cos(3 * angle + rng.uniform(0, 6)))
    return np.hypot(y, x) < radius


def direct_product(edge: np.ndarray, sigma_px: float) -> np.ndarray:
    """Equation 11 word for word: one factor per edge pixel over the whole image, float64."""
    y, x = np.mgrid[: edge.shape[0], : edge.shape[1]]
    product = np.ones(edge.shape)
    for edge_y, edge_x in np.argwhere(edge):
        product *= 1.0 - np.exp(-((y - edge_y) ** 2 + (x - edge_x) ** 2) / (2.0 * sigma_px**2))
    return 1.0 - product


@pytest.mark.parametrize("sigma_px", [0.7, 2.0, 3.5])
def test_heat_sum_equals_the_direct_product(sigma_px):
    edge = canny_edge(blob(1))
    heat = heat_sum(edge, sigma_px)
    assert heat.dtype == np.float32 and heat.shape == edge.shape
    np.testing.assert_allclose(heat, direct_product(edge, sigma_px), atol=2e-5)


def test_two_points_worked_by_hand():
    edge = np.zeros((1, 5), dtype=bool)
    edge[0, [0, 2]] = True
    near, far = np.exp(-0.5), np.exp(-4.5)
    expected = [1.0, 1 - (1 - near) ** 2, 1.0, 1 - (1 - near) * (1 - far), 1 - (1 - np.exp(-2.0)) * (1 - np.exp(-8.0))]
    np.testing.assert_allclose(heat_sum(edge, 1.0)[0], expected, atol=1e-6)


def test_edge_of_a_square_is_its_outermost_pixels():
    mask = np.zeros((20, 24), dtype=np.uint8)
    mask[5:15, 6:18] = 1
    rim = (mask == 1) & ~ndimage.binary_erosion(mask, np.ones((3, 3)))
    corners = np.zeros_like(rim)
    corners[np.ix_([5, 14], [6, 17])] = True
    edge = canny_edge(mask)
    np.testing.assert_array_equal(edge | corners, rim)


@pytest.mark.parametrize("seed", range(8))
def test_edge_is_inside_the_mask_and_leaves_no_gap(seed):
    mask = blob(seed)
    edge = canny_edge(mask)
    rim = mask & ~ndimage.binary_erosion(mask)
    assert not np.any(edge & ~mask)
    assert ndimage.distance_transform_edt(~edge)[rim].max() <= np.sqrt(2)
    assert ndimage.distance_transform_edt(~rim)[edge].max() <= np.sqrt(2)
    assert ndimage.label(edge, np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize("flip", [np.s_[::-1], np.s_[:, ::-1], np.s_[::-1, ::-1]])
def test_a_mirrored_mask_gives_the_mirrored_map(flip):
    mask = blob(3)
    np.testing.assert_allclose(boundary_heatmap(mask[flip], 2.0), boundary_heatmap(mask, 2.0)[flip], atol=1e-6)


def test_a_shifted_mask_gives_the_shifted_map():
    mask = blob(4)
    shifted = np.roll(mask, (3, -2), (0, 1))
    np.testing.assert_allclose(
        boundary_heatmap(shifted, 2.0), np.roll(boundary_heatmap(mask, 2.0), (3, -2), (0, 1)), atol=1e-4
    )


def test_bool_and_uint8_of_any_nonzero_value_agree():
    mask = blob(5)
    np.testing.assert_array_equal(boundary_heatmap(mask, 2.0), boundary_heatmap(mask.astype(np.uint8) * 20, 2.0))


def test_values_span_zero_to_one_and_an_empty_mask_is_zero():
    heat = boundary_heatmap(blob(6), 2.0)
    assert heat.max() == 1.0 and heat.min() >= 0.0
    assert not boundary_heatmap(np.zeros((32, 32), dtype=bool), 2.0).any()


def test_no_boundary_where_the_image_cuts_the_mask():
    mask = np.zeros((32, 32), dtype=bool)
    mask[8:24, :16] = True
    edge = canny_edge(mask)
    assert edge[8:24, 15].all() and not edge[12:20, 0].any()


def test_stamp_is_one_in_the_middle_and_reaches_five_sigma():
    stamp = gaussian_stamp(2.0)
    assert stamp.shape == (21, 21) and stamp[10, 10] == 1.0 and stamp[10, 12] == pytest.approx(np.exp(-0.5))


@pytest.mark.parametrize("sigma_px", [0.0, -1.0, float("nan")])
def test_sigma_must_be_positive(sigma_px):
    with pytest.raises(ValueError, match="sigma_px must be a positive"):
        boundary_heatmap(blob(0), sigma_px)
