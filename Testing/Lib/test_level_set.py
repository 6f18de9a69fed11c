"""Level set: each of Eq. 4-9 against a value worked by hand or a finite difference, then disks and the bound."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.level_set import equations
from OsteoJointLib.level_set.equations import RegionMeans, Scene, Weights
from OsteoJointLib.level_set.evolution import boundary_distance, movable, refine
from OsteoJointLib.level_set.parameters import LevelSetParameters

NONE = Weights(length=0.0, area=0.0, inside=0.0, outside=0.0, gray=0.0)
PIXEL_MM = 0.7


def disk(radius_mm: float, size: int = 96, pixel_mm: float = PIXEL_MM) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * pixel_mm
    return np.hypot(y, x) < radius_mm


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def smooth_scene(size: int = 48) -> tuple[np.ndarray, Scene]:
    """A smooth contour and smooth random fields, so finely sampled that sums are close to integrals."""
    rng = np.random.default_rng(4)

    def field() -> np.ndarray:
        noise = ndimage.gaussian_filter(rng.standard_normal((size, size)), 5.0)
        return noise / noise.std()

    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * 0.5
    phi = 6.0 - np.hypot(1.3 * y, x) + 0.4 * field()
    edge = 0.5 + 0.2 * np.tanh(field())
    sign = np.where(field() > 0, 1.0, -1.0)
    domain = np.zeros((size, size), dtype=bool)
    domain[4:-4, 4:-4] = True
    return phi, Scene(1.0 + 0.5 * field(), edge, sign, domain, pixel_mm=0.5, epsilon_mm=2.0)


# Eq. 4: the energy


def test_energy_counts_area_and_deviations():
    phi = np.array([[1e6, 1e6, -1e6], [1e6, -1e6, -1e6]])  # so far from 0 that H is 1 or 0
    image = np.array([[3.0, 5.0, 1.0], [4.0, 2.0, 0.0]])
    edge = np.full((2, 3), 0.5)
    domain = np.ones((2, 3), dtype=bool)
    domain[1, 2] = False
    scene = Scene(image, edge, np.array([[-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]), domain, pixel_mm=2.0, epsilon_mm=1.0)
    means = RegionMeans(inside=4.0, outside=1.0)

    def value(**weights: float) -> float:
        return equations.energy(phi, scene, means, replace(NONE, **weights))

    pixel = 4.0  # mm2
    assert value(area=1.0) == pytest.approx(3 * 0.5 * pixel, rel=1e-5)
    assert value(inside=1.0) == pytest.approx((1 + 1 + 0) * pixel, rel=1e-5)
    assert value(outside=1.0) == pytest.approx((0 + 1) * pixel, rel=1e-4)
    assert value(gray=1.0) == pytest.approx((-1 + 1 + 1) * pixel, rel=1e-5)


def test_energy_of_the_contour_alone_is_its_length():
    size, pixel_mm, radius_mm = 301, 0.2, 15.0
    y, x = (np.mgrid[:size, :size] - size // 2) * pixel_mm
    phi = radius_mm - np.hypot(y, x)
    everywhere = np.ones((size, size), dtype=bool)
    scene = Scene(np.zeros((size, size)), np.full((size, size), 0.5), np.ones((size, size)), everywhere, pixel_mm, 0.2)
    length = equations.energy(phi, scene, RegionMeans(0.0, 0.0), replace(NONE, length=1.0))
    assert length == pytest.approx(0.5 * 2 * np.pi * radius_mm, rel=0.03)


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


def test_edge_indicator_on_a_ramp():
    ramp = np.tile(np.arange(6) * 1.5, (5, 1))  # 1.5 a pixel of 0.5 mm: 3 per mm
    np.testing.assert_allclose(equations.edge_indicator(ramp, otsu_variance=2.0, pixel_mm=0.5), 1 / (1 + 2.0 * 3.0))


def test_edge_indicator_is_one_where_the_image_is_flat():
    np.testing.assert_array_equal(equations.edge_indicator(np.full((4, 4), 3.0), 2.0, 0.7), 1.0)


# Eq. 8: the gray-level constraint


def test_gray_limits_and_sign_worked_by_hand():
    limits = equations.gray_limits(np.array([1.0, 3.0]), width=2.0)  # mean 2, standard deviation 1
    assert (limits.low, limits.high) == (0.0, 4.0)
    sign = equations.gray_sign(np.array([[-0.1, 0.0, 0.1, 2.0, 4.0, 4.1]]), limits)
    np.testing.assert_array_equal(sign, [[1, 1, -1, -1, 1, 1]])


def test_gray_constraint_is_negative_inside_for_gray_values_of_the_vertebra():
    sign = np.array([[-1.0, 1.0, -1.0]])
    phi = np.array([[1e6, 1e6, 0.0]])
    np.testing.assert_allclose(equations.gray_constraint(sign, phi, 0.3, 1.0), [[-0.3, 0.3, -0.15]], atol=1e-6)


# Eq. 9: means and flow


def test_region_means_of_a_sharp_contour_over_the_domain():
    phi = np.array([[1e9, 1e9, -1e9, -1e9]])
    image = np.array([[1.0, 3.0, 10.0, 90.0]])
    domain = np.array([[True, True, True, False]])
    means = equations.region_means(phi, Scene(image, image, image, domain, 1.0, 1.0))
    assert (means.inside, means.outside) == (pytest.approx(2.0), pytest.approx(10.0))


def test_dirac_is_the_derivative_of_heaviside():
    phi = np.linspace(-5, 5, 41)
    slope = (equations.heaviside(phi + 1e-5, 1.3) - equations.heaviside(phi - 1e-5, 1.3)) / 2e-5
    np.testing.assert_allclose(equations.dirac(phi, 1.3), slope, rtol=1e-7)
    assert equations.heaviside(np.zeros(1), 1.3) == 0.5


def test_curvature_of_a_circle_is_minus_one_over_its_radius():
    size, pixel_mm = 161, 0.25
    y, x = (np.mgrid[:size, :size] - size // 2) * pixel_mm
    distance = np.hypot(y, x)
    curvature = equations.weighted_curvature(12.0 - distance, np.full((size, size), 0.5), pixel_mm)
    ring = np.abs(distance - 12.0) < 1.0
    np.testing.assert_allclose(curvature[ring], -0.5 / distance[ring], rtol=0.02)


@pytest.mark.parametrize(
    ("term", "tolerance"),
    [("length", 0.02), ("area", 1e-6), ("inside", 1e-6), ("outside", 1e-6), ("gray", 1e-6)],
)
def test_flow_is_minus_the_gradient_of_the_energy(term, tolerance):
    phi, scene = smooth_scene()
    weights = replace(NONE, **{term: 1.7})
    bump = np.zeros_like(phi)
    bump[6:-6, 6:-6] = np.hanning(36)[:, None] * np.hanning(36) * (1.0 + 0.3 * np.sin(np.arange(36) / 5.0))

    def value(amount: float) -> float:
        moved = phi + amount * bump
        # C1 and C2 minimize the energy for a given contour, so that letting them follow changes nothing
        return equations.energy(moved, scene, equations.region_means(moved, scene), weights)

    slope = (value(1e-4) - value(-1e-4)) / 2e-4
    flow = equations.flow(phi, scene, equations.region_means(phi, scene), weights)
    predicted = -float((flow * bump).sum()) * scene.pixel_mm**2
    assert abs(slope) > 1e-2
    assert predicted == pytest.approx(slope, rel=tolerance)


def test_flow_sums_its_terms():
    phi, scene = smooth_scene()
    means = RegionMeans(1.5, 0.5)
    names = ("length", "area", "inside", "outside", "gray")
    together = equations.flow(phi, scene, means, Weights(1.0, 1.0, 1.0, 1.0, 1.0))
    apart = sum(equations.flow(phi, scene, means, replace(NONE, **{name: 1.0})) for name in names)
    np.testing.assert_allclose(together, apart, atol=1e-12)


# The evolution


def disk_image(drift_hu: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A disk of 160 HU with a brighter rim in 40 HU, noise, and a drift across the image from -drift to +drift."""
    truth = disk(18.0)
    rng = np.random.default_rng(seed)
    rim = truth & ~disk(16.5)
    hu = np.where(rim, 280.0, np.where(truth, 160.0, 40.0)) + rng.normal(0.0, 15.0, truth.shape)
    return (hu + np.linspace(-drift_hu, drift_hu, truth.shape[1])).astype(np.float32), truth


def shifted(mask: np.ndarray) -> np.ndarray:
    return np.roll(mask, (1, -2), (0, 1))


@pytest.mark.parametrize("drift_hu", [0.0, 50.0])
@pytest.mark.parametrize("prior", [disk(19.5), disk(16.5), shifted(disk(18.0)), disk(18.0)])
def test_a_disk_with_a_drift_is_recovered(prior, drift_hu):
    hu, truth = disk_image(drift_hu)
    refined = refine(hu, prior, PIXEL_MM)
    assert dice(refined.mask, truth) >= 0.98
    assert dice(refined.mask, truth) >= dice(prior, truth) - 0.02
    assert refined.mask.dtype == bool and refined.mask.shape == hu.shape
    assert refined.energies[-1] < refined.energies[0] and np.isfinite(refined.energies).all()


def test_rows_and_columns_count_alike():
    hu, _ = disk_image(30.0)
    prior = shifted(disk(16.5))
    np.testing.assert_array_equal(refine(hu.T, prior.T, PIXEL_MM).mask, refine(hu, prior, PIXEL_MM).mask.T)


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
        assert refined.shift_mm_max <= 2.0


def test_a_stiff_contour_is_evolved_in_stable_steps():
    hu, _ = disk_image(0.0)
    energies = np.array(refine(hu, disk(16.5), PIXEL_MM, LevelSetParameters(length_weight=300.0)).energies)
    assert (np.diff(energies) <= 1e-6 * energies[0]).all()


def test_each_weight_keeps_its_place():
    given = LevelSetParameters(length_weight=1, area_weight=2, inside_weight=3, outside_weight=4, gray_weight=5)
    assert given.weights() == Weights(length=1, area=2, inside=3, outside=4, gray=5)


@pytest.mark.parametrize("max_shift_mm", [0.8, 1.5, 2.0, 3.0])
def test_nothing_moves_farther_than_the_bound(max_shift_mm):
    hu, _ = disk_image(20.0)
    prior = disk(22.0)
    refined = refine(hu, prior, PIXEL_MM, LevelSetParameters(max_shift_mm=max_shift_mm))
    changed = refined.mask != prior
    assert changed.any()
    assert refined.shift_mm_max == pytest.approx(boundary_distance(prior, PIXEL_MM)[changed].max())
    assert refined.shift_mm_max <= max_shift_mm


def test_pixels_larger_than_the_bound_leave_the_prior():
    hu, truth = disk_image(0.0)
    refined = refine(hu, truth, 3.0)
    np.testing.assert_array_equal(refined.mask, truth)
    assert refined.shift_mm_max == 0.0 and refined.iterations == 0 and refined.energies == ()


def test_a_bright_bridge_without_an_edge_is_not_entered():
    hu, truth = disk_image(0.0)
    bridge = np.zeros_like(truth)
    bridge[60:, 38:58] = True  # a pedicle 14 mm wide
    hu = np.where(bridge & ~truth, 300.0, hu).astype(np.float32)
    refined = refine(hu, truth, PIXEL_MM)
    assert not refined.mask[:, 42:54][~truth[:, 42:54] & bridge[:, 42:54]].any()
    assert dice(refined.mask, truth) >= 0.98


def test_movable_pixels_lie_in_the_band_and_near_an_edge():
    prior = disk(12.0)
    image = np.where(prior, 1.0, 0.0)
    image[:, :48] = 1.0  # no edge on the left
    scene = Scene(image, image, image, np.ones_like(prior), PIXEL_MM, PIXEL_MM)
    distance_mm = boundary_distance(prior, PIXEL_MM)
    band = movable(prior, scene, distance_mm, 2.0)
    assert not band[distance_mm > 2.0].any()
    assert not (band & ~prior)[:, :44].any()
    assert (band & ~prior)[:, 52:].any() and (band & prior)[:, :44].any()


def test_an_image_without_contrast_moves_nothing_outward():
    truth = disk(18.0)
    refined = refine(np.full(truth.shape, 100.0, dtype=np.float32), truth, PIXEL_MM)
    np.testing.assert_array_equal(refined.mask, truth)


def test_calls_are_independent_and_leave_their_input():
    hu, truth = disk_image(30.0)
    prior = disk(19.0)
    kept_hu, kept_prior = hu.copy(), prior.copy()
    first = refine(hu, prior, PIXEL_MM)
    refine(-hu, shifted(truth), PIXEL_MM)
    again = refine(hu, prior, PIXEL_MM)
    np.testing.assert_array_equal(first.mask, again.mask)
    assert first.energies == again.energies
    np.testing.assert_array_equal(hu, kept_hu)
    np.testing.assert_array_equal(prior, kept_prior)


@pytest.mark.parametrize("flip", [np.s_[::-1], np.s_[:, ::-1]])
def test_a_mirrored_image_gives_the_mirrored_mask(flip):
    hu, _ = disk_image(30.0)
    prior = shifted(disk(18.5))
    straight = refine(hu, prior, PIXEL_MM).mask
    assert dice(refine(hu[flip], prior[flip], PIXEL_MM).mask, straight[flip]) > 0.999


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
        ({"step_px": float("nan")}, "step_px must be a finite"),
        ({"low_hu": 400.0}, "low_hu must be below high_hu"),
        ({"neighborhood_mm": 1.0}, "neighborhood_mm must reach"),
        ({"check_every": 0}, "check_every must be positive"),
    ],
)
def test_parameters_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        LevelSetParameters(**change)


def test_parameters_are_frozen_and_name_their_weights():
    parameters = LevelSetParameters(length_weight=2.5)
    assert parameters.weights().length == 2.5 and copy.copy(parameters) == parameters
    with pytest.raises(AttributeError):
        parameters.length_weight = 1.0
