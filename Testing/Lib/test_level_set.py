"""Level set: Eq. 4-9 against values worked by hand, the closed path and the rays, then disks with a cortex."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.level_set import cortex, equations
from OsteoJointLib.level_set.closed_path import closed_path
from OsteoJointLib.level_set.equations import RegionMeans, Weights
from OsteoJointLib.level_set.evolution import boundary_distance, refine
from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.level_set.rays import lay_rays

PIXEL_MM = 0.7


def disk(radius_mm: float, size: int = 96, pixel_mm: float = PIXEL_MM) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * pixel_mm
    return np.hypot(y, x) < radius_mm


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


# Eq. 4 with Eq. 8: the energy


def test_energy_of_each_term_worked_by_hand():
    gray, edge = np.array([[4.0, 4.0, 1.0]]), np.array([[1.0, 0.5, 0.25]])
    sign, means = np.array([[-1.0, -1.0, 1.0]]), RegionMeans(inside=4.0, outside=1.0)

    def rest(**weights: float) -> list[float]:
        """What is beside the edge's own term; a shift is 2 mm from the next."""
        none = {"area": 0.0, "inside": 0.0, "outside": 0.0, "gray": 0.0}
        return (equations.energy(gray, edge, sign, 2.0, means, Weights(**none | weights)) - edge)[0].tolist()

    assert rest() == [0.0, 0.0, 0.0]
    assert rest(area=1.0) == [0.0, 1.5, 1.5 + 0.75]
    assert rest(inside=1.0) == [0.0, 0.0, 9.0]  # what is dark costs inside
    assert rest(outside=1.0) == [0.0, -18.0, -27.0]  # what is bright costs outside: taking it in saves that
    assert rest(gray=1.0) == [0.0, -2.0, -2.0]


def test_area_weight_shrinks_and_regions_end_halfway_between_the_means():
    gray = np.repeat([[2.0, 0.0]], [20, 20], axis=1)[None, 0]
    flat, sign = np.ones_like(gray), np.ones_like(gray)
    means = RegionMeans(2.0, 0.0)
    assert equations.energy(gray, flat, sign, 0.2, means, Weights(1.0, 0.0, 0.0, 0.0)).argmin() == 0
    assert equations.energy(gray, flat, sign, 0.2, means, Weights(0.0, 1.0, 1.0, 0.0)).argmin() in (19, 20)


# Eq. 5: the bilateral filter


def test_bilateral_filter_smooths_noise_and_keeps_the_step():
    rng = np.random.default_rng(0)
    step = np.where(np.arange(40) < 20, 0.0, 5.0) * np.ones((40, 1))
    filtered = equations.bilateral_filter(step + 0.1 * rng.standard_normal(step.shape), sigma_px=2.0, sigma_gray=0.5)
    assert filtered.dtype == np.float32 and filtered.shape == step.shape
    assert (filtered - step)[:, 4:-4].std() < 0.05
    assert np.abs(filtered - step)[:, 17:23].max() < 0.2


def test_bilateral_weights_worked_by_hand():
    image = np.zeros((9, 9), dtype=np.float32)
    image[4, 4] = 1.0
    sigma_px, sigma_gray = 0.5, 1.0  # a diameter of 3, of which the circle keeps the center and its four neighbors
    neighbor = np.exp(-1 / (2 * sigma_px**2)) * np.exp(-1 / (2 * sigma_gray**2))
    filtered = equations.bilateral_filter(image, sigma_px, sigma_gray)
    assert filtered[4, 4] == pytest.approx(1 / (1 + 4 * neighbor), abs=2e-3)


# Eq. 6: Otsu


def test_otsu_variance_worked_by_hand():
    split = equations.otsu_split(np.array([[1.0, 1.0], [1.0, 5.0]]))
    assert split.variance == pytest.approx(0.75 * 0.25 * 4.0**2)
    assert 1.0 < split.threshold < 5.0


def test_otsu_agrees_with_every_threshold_tried():
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.normal(0.0, 1.0, 90), rng.normal(5.0, 1.0, 50)])

    def variance(threshold: float) -> float:
        low, high = values[values <= threshold], values[values > threshold]
        return low.size * high.size / values.size**2 * (low.mean() - high.mean()) ** 2

    split = equations.otsu_split(values)
    assert split.variance == pytest.approx(max(variance(t) for t in np.sort(values)[:-1]))
    assert variance(split.threshold) == pytest.approx(split.variance)


def test_otsu_splits_between_many_equal_values():
    assert equations.otsu_split(np.repeat([0.0, 1.0], [600, 400])) == equations.OtsuSplit(0.5, pytest.approx(0.24))


def test_otsu_agrees_with_scikit_image_on_many_values():
    from skimage.filters import threshold_otsu

    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(0.5, 0.3, 6000), rng.normal(2.0, 0.4, 4000)])
    assert equations.otsu_split(values).threshold == pytest.approx(threshold_otsu(values), abs=0.03)


def test_otsu_of_a_constant_image_has_no_variance():
    assert equations.otsu_split(np.full((4, 4), 7.0)) == equations.OtsuSplit(7.0, 0.0)


# Eq. 7: the edge indicator


def test_edge_indicator_sees_what_falls_outward_and_not_what_rises():
    np.testing.assert_allclose(equations.edge_indicator(np.array([3.0, 0.0, -3.0]), 2.0), [1 / 7, 1.0, 1.0])


# Eq. 8: the gray-level constraint


def test_gray_limits_and_sign_worked_by_hand():
    limits = equations.gray_limits(np.array([1.0, 3.0]), width=2.0)  # mean 2, standard deviation 1
    assert (limits.low, limits.high) == (0.0, 4.0)
    sign = equations.gray_sign(np.array([[-0.1, 0.0, 0.1, 2.0, 4.0, 4.1]]), limits)
    np.testing.assert_array_equal(sign, [[1, 1, -1, -1, 1, 1]])


# Eq. 9: the means


def test_region_means_over_the_domain():
    image = np.array([[1.0, 3.0, 10.0, 90.0]])
    inside, domain = np.array([[True, True, False, False]]), np.array([[True, True, True, False]])
    assert equations.region_means(image, inside, domain) == RegionMeans(2.0, 10.0)
    assert equations.region_means(image, inside, inside) == RegionMeans(2.0, 2.0)


# The least energy


def cheapest_ring(cost: np.ndarray, slope_cost: float) -> np.ndarray:
    """The same by trying every path."""
    count, shifts = cost.shape
    paths = np.stack(np.meshgrid(*[np.arange(shifts)] * count, indexing="ij"), axis=-1).reshape(-1, count)
    total = cost[np.arange(count), paths].sum(axis=1)
    total += slope_cost * ((paths - np.roll(paths, 1, axis=1)) ** 2).sum(axis=1)
    return paths[total.argmin()]


@pytest.mark.parametrize("seed", range(6))
def test_the_closed_path_is_the_cheapest_of_all(seed):
    cost = np.random.default_rng(seed).random((6, 4))
    np.testing.assert_array_equal(closed_path(cost, 0.05), cheapest_ring(cost, 0.05))


def test_a_stiff_path_passes_over_a_lone_cheap_place():
    cost = np.ones((20, 9))
    cost[:, 4] = 0.5
    cost[7] = [0, 1, 1, 1, 0.5, 1, 1, 1, 1]
    assert closed_path(cost, 1.0).tolist() == [4] * 20
    assert closed_path(cost, 0.0)[7] == 0


def test_rays_cross_the_outline_outward_and_draw_it_again():
    mask = np.roll(disk(15.0), (3, -5), (0, 1))
    rays = lay_rays(mask, PIXEL_MM, 4.0)
    phi = np.where(mask, 1.0, -1.0) * (boundary_distance(mask, PIXEL_MM) - 0.5 * PIXEL_MM)
    seen = rays.seen(phi)
    assert seen.shape == (len(rays.feet_xy), rays.shifts_mm.size)
    assert (seen[:, 0] > 0).all() and (seen[:, -1] < 0).all()
    crossings = rays.crossings_mm(phi)
    assert dice(rays.drawn(crossings, mask.shape), mask) > 0.995
    wider = rays.drawn(crossings + 2.0, mask.shape)
    assert np.sqrt(wider.sum() / np.pi) * PIXEL_MM == pytest.approx(17.0, abs=0.1)
    right = rays.feet_xy[:, 0].argmax()
    np.testing.assert_allclose(rays.normals_xy[right], [1.0, 0.0], atol=0.1)


def test_a_ray_takes_the_crossing_nearest_to_its_foot():
    mask = disk(15.0)
    rays = lay_rays(mask, PIXEL_MM, 5.0)
    island = boundary_distance(mask, PIXEL_MM) * np.where(mask, 1.0, -1.0)
    island[(island < -3.0) & (island > -4.0)] = 1.0
    assert np.abs(rays.crossings_mm(island)).max() < 1.0


# The surface beside the steepest fall


@pytest.mark.parametrize("blur_mm", [0.5, 0.6, 0.8])
def test_the_surface_of_a_blurred_shell_is_found_beside_the_steepest_fall(blur_mm):
    step_mm = 0.01
    at = np.arange(-8.0, 8.0, step_mm)
    shell = np.where(at > 0, 40.0, np.where(at > -0.6, 900.0, 140.0))  # the surface at 0
    seen = ndimage.gaussian_filter1d(shell, blur_mm / step_mm)
    steepest = at[np.gradient(seen).argmin()]
    around = np.arange(-cortex.REACH_MM, 1.0, 0.1)
    found = steepest + cortex.surface_mm(around, np.interp(around + steepest, at, seen))
    assert abs(found) < 0.2
    assert abs(found) < abs(steepest)
    assert steepest > 0.15


def test_the_surface_lies_on_the_inner_side():
    around = np.arange(-cortex.REACH_MM, 1.0, 0.1)
    bump = np.exp(-0.5 * ((around + 0.7) / 0.7) ** 2)
    assert -0.6 < cortex.surface_mm(around, bump) < -0.2


# Disks with a cortex, blurred as a scanner does, whose surface is known


def disk_image(drift_hu: float = 0.0, seed: int = 0, noise_hu: float = 15.0) -> tuple[np.ndarray, np.ndarray]:
    """A disk of 160 HU with a thin dense shell in 40 HU, blurred, with noise and a drift across the image."""
    fine = 4
    body, core = (disk(radius, 96 * fine, PIXEL_MM / fine) for radius in (18.0, 17.4))
    exact = np.where(body & ~core, 700.0, np.where(core, 160.0, 40.0))
    blurred = ndimage.gaussian_filter(exact, 0.6 / PIXEL_MM * fine)
    hu = blurred.reshape(96, fine, 96, fine).mean(axis=(1, 3))
    hu += np.random.default_rng(seed).normal(0.0, noise_hu, hu.shape) + np.linspace(-drift_hu, drift_hu, 96)
    return hu.astype(np.float32), disk(18.0)


def radius_off_mm(mask: np.ndarray) -> float:
    """How far the outline of a centered mask lies from 18 mm, on the mean."""
    inner = mask & ~ndimage.binary_erosion(mask)
    y, x = (np.argwhere(inner) - 47.5).T * PIXEL_MM
    return float(np.abs(np.hypot(y, x) + 0.5 * PIXEL_MM - 18.0).mean())


def shifted(mask: np.ndarray, rows: int = 1, columns: int = -2) -> np.ndarray:
    return np.roll(mask, (rows, columns), (0, 1))


def roughened(mask: np.ndarray) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(5).standard_normal(mask.shape), 2.0 / PIXEL_MM)
    phi = np.where(mask, 1.0, -1.0) * boundary_distance(mask, PIXEL_MM)
    parts, _ = ndimage.label(phi + 1.5 * noise / noise.std() > 0)
    return ndimage.binary_fill_holes(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


SPOILED = {
    "dilated": disk(20.0),
    "eroded": disk(16.0),
    "shifted": shifted(disk(18.0), 2, -2),
    "rough": roughened(disk(18.0)),
}


@pytest.mark.parametrize("drift_hu", [0.0, 50.0])
@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_mask_is_at_least_twice_as_near_afterward(name, drift_hu):
    hu, truth = disk_image(drift_hu)
    prior = SPOILED[name]
    refined = refine(hu, prior, PIXEL_MM)
    assert radius_off_mm(refined.mask) < 0.5 * radius_off_mm(prior)
    assert dice(refined.mask, truth) > 0.975
    assert refined.mask.dtype == bool and refined.mask.shape == hu.shape


@pytest.mark.parametrize("seed", range(3))
def test_a_good_mask_stays_as_it_is(seed):
    hu, truth = disk_image(20.0, seed)
    assert dice(refine(hu, truth, PIXEL_MM).mask, truth) > 0.998


@pytest.mark.parametrize("noise_hu", [0.0, 15.0, 60.0])
@pytest.mark.parametrize("prior", [disk(18.0), disk(16.0), roughened(disk(18.0))])
def test_without_an_edge_nothing_moves(prior, noise_hu):
    hu = (100.0 + np.random.default_rng(1).normal(0.0, noise_hu, prior.shape)).astype(np.float32)
    np.testing.assert_array_equal(refine(hu, prior, PIXEL_MM, LevelSetParameters()).mask, prior)


def test_a_dark_body_in_bright_surroundings_is_not_followed():
    hu, _ = disk_image()
    for prior in (disk(19.5), disk(16.0)):
        moved = refine(200.0 - hu, prior, PIXEL_MM).mask
        assert radius_off_mm(moved) > 0.8 * radius_off_mm(prior)
        assert radius_off_mm(refine(hu, prior, PIXEL_MM).mask) < 0.4 * radius_off_mm(prior)


def test_the_edge_is_the_bone_s_and_not_a_bright_neighbor_s():
    hu, truth = disk_image()
    vessel = spot(0.0, 24.0, 5.5)  # 300 HU, 0.5 mm beside the body
    refined = refine(np.where(vessel, 300.0, hu).astype(np.float32), disk(16.5), PIXEL_MM).mask
    assert np.count_nonzero(refined & vessel) < 15
    assert dice(refined, truth) > 0.97


def test_rows_and_columns_count_alike():
    hu, _ = disk_image(30.0)
    prior = shifted(disk(16.5))
    assert dice(refine(hu.T, prior.T, PIXEL_MM).mask, refine(hu, prior, PIXEL_MM).mask.T) > 0.995


def test_where_in_the_image_a_mask_lies_does_not_matter():
    hu, _ = disk_image(30.0)
    prior, aside = disk(16.5), ((0, 0), (60, 0))
    refined = refine(np.pad(hu, aside, constant_values=40.0), np.pad(prior, aside), PIXEL_MM).mask
    np.testing.assert_array_equal(refined, np.pad(refine(hu, prior, PIXEL_MM).mask, aside))


def spot(y_mm: float, x_mm: float, radius_mm: float, size: int = 96) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * PIXEL_MM
    return np.hypot(y - y_mm, x - x_mm) < radius_mm


def test_a_speck_goes_and_the_body_stays():
    body, speck = disk(16.0), spot(26.0, 0.0, 1.8)
    refined = refine(np.where(body | speck, 200.0, 40.0), body | speck, PIXEL_MM).mask
    assert not refined[speck].any()
    assert dice(refined, body) > 0.97


def test_a_small_hole_is_filled_and_a_large_one_only_as_far_as_the_bound():
    body = disk(18.0)
    for radius_mm, filled in ((1.5, True), (6.0, False)):
        hole = disk(radius_mm)
        refined = refine(np.where(body & ~hole, 200.0, 40.0), body & ~hole, PIXEL_MM)
        assert bool(refined.mask[48, 48]) is filled
        assert refined.shift_mm_max <= LevelSetParameters.max_shift_mm


def test_each_weight_keeps_its_place():
    given = LevelSetParameters(area_weight=2, inside_weight=3, outside_weight=4, gray_weight=5)
    assert given.weights() == Weights(area=2, inside=3, outside=4, gray=5)


@pytest.mark.parametrize("max_shift_mm", [0.8, 1.5, 2.0, 3.0])
def test_nothing_moves_farther_than_the_bound(max_shift_mm):
    hu, _ = disk_image(20.0)
    prior = disk(18.0 + max_shift_mm)
    refined = refine(hu, prior, PIXEL_MM, LevelSetParameters(max_shift_mm=max_shift_mm))
    changed = refined.mask != prior
    assert changed.any()
    assert refined.shift_mm_max == pytest.approx(boundary_distance(prior, PIXEL_MM)[changed].max())
    assert refined.shift_mm_max <= max_shift_mm


def test_pixels_larger_than_the_bound_leave_the_prior():
    hu, truth = disk_image(0.0)
    refined = refine(hu, truth, 3.0)
    np.testing.assert_array_equal(refined.mask, truth)
    assert refined.shift_mm_max == 0.0


def test_a_bright_bridge_without_an_edge_is_not_entered():
    hu, truth = disk_image(0.0)
    bridge = np.zeros_like(truth)
    bridge[60:, 38:58] = True  # a pedicle 14 mm wide
    hu = np.where(bridge & ~truth, 300.0, hu).astype(np.float32)
    refined = refine(hu, truth, PIXEL_MM)
    assert not refined.mask[:, 42:54][~truth[:, 42:54] & bridge[:, 42:54]].any()
    assert dice(refined.mask, truth) >= 0.98


def test_calls_are_independent_and_leave_their_input():
    hu, truth = disk_image(30.0)
    prior = disk(19.0)
    kept_hu, kept_prior = hu.copy(), prior.copy()
    first = refine(hu, prior, PIXEL_MM)
    refine(-hu, shifted(truth), PIXEL_MM)
    again = refine(hu, prior, PIXEL_MM)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert first.shift_mm_max == again.shift_mm_max
    np.testing.assert_array_equal(hu, kept_hu)
    np.testing.assert_array_equal(prior, kept_prior)


@pytest.mark.parametrize("flip", [np.s_[::-1], np.s_[:, ::-1]])
def test_a_mirrored_image_gives_the_mirrored_mask(flip):
    hu, _ = disk_image(30.0)
    prior = shifted(disk(18.5))
    straight = refine(hu, prior, PIXEL_MM).mask
    assert dice(refine(hu[flip], prior[flip], PIXEL_MM).mask, straight[flip]) > 0.99


def test_a_mask_at_the_image_border_is_refined():
    hu, truth = disk_image(0.0)
    cut = np.s_[20:, :70]
    assert dice(refine(hu[cut], disk(19.0)[cut], PIXEL_MM).mask, truth[cut]) > 0.97


def test_an_empty_prior_is_refused():
    with pytest.raises(RunFailed, match="is empty") as caught:
        refine(np.zeros((8, 8)), np.zeros((8, 8), dtype=bool), PIXEL_MM)
    assert caught.value.reason is Reason.MASK_EMPTY


def test_wrong_shapes_and_pixels_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        refine(np.zeros((8, 8)), np.ones((8, 9), dtype=bool), PIXEL_MM)
    with pytest.raises(ValueError, match="pixel_mm"):
        refine(np.zeros((8, 8)), np.ones((8, 8), dtype=bool), 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_shift_mm": 0.0}, "max_shift_mm must be positive"),
        ({"length_weight": -1.0}, "length_weight must be zero or more"),
        ({"rest_mm": float("nan")}, "rest_mm must be a finite"),
        ({"low_hu": 700.0}, "low_hu must be below high_hu"),
        ({"neighborhood_mm": 1.0}, "neighborhood_mm must reach"),
        ({"prior_weight": -0.1}, "prior_weight must be zero or more"),
    ],
)
def test_parameters_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        LevelSetParameters(**change)


def test_parameters_are_frozen_and_name_their_weights():
    parameters = LevelSetParameters(gray_weight=2.5)
    assert parameters.weights().gray == 2.5 and copy.copy(parameters) == parameters
    with pytest.raises(AttributeError):
        parameters.length_weight = 1.0
