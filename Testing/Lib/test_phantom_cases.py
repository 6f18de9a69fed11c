"""The phantom's truth: masks and centers agree with the geometry, HU with BMD, the same seed with itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.acquisition import draw_acquisition
from OsteoJointLib.phantom.cases import make_level_sample, make_phantom, make_training_pair
from OsteoJointLib.phantom.person import draw_person
from OsteoJointLib.phantom.rendering import render_hu, render_labels
from OsteoJointLib.phantom.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.shapes import Ellipsoid, Frame
from OsteoJointLib.records import Level, Status

SMALL = Grid.axis_aligned((60, 128, 128), (1.5, 1.5, 2.0), (-95.0, -110.0, -60.0))


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(11, grid=SMALL)


def test_same_seed_same_bytes(phantom):
    again = make_phantom(11, grid=SMALL)
    assert np.array_equal(again.volume.hu, phantom.volume.hu)
    assert np.array_equal(again.labels, phantom.labels)
    assert again.truth == phantom.truth


def test_another_seed_is_another_phantom(phantom):
    assert not np.array_equal(make_phantom(12, grid=SMALL).volume.hu, phantom.volume.hu)


@pytest.mark.parametrize("level", list(Level))
def test_centers_lie_in_the_middle_of_the_masks(phantom, level):
    index = np.argwhere(phantom.labels == level.verse_label).mean(axis=0)
    center = SMALL.index_to_lps(index)
    truth = np.array(phantom.truth.centers_lps_mm[level.verse_label])
    assert np.linalg.norm(center - truth) < 3.0


@pytest.mark.parametrize("level", list(Level))
def test_mask_volume_fits_the_drawn_sizes(phantom, level):
    volume_ml = (phantom.labels == level.verse_label).sum() * np.prod(SMALL.spacing_xyz_mm) / 1000
    scale = phantom.truth.drawn["person"]["scale"] ** 3
    assert 22.0 * scale < volume_ml < 50.0 * scale


@pytest.mark.parametrize("seed", [11, 21, 31])
def test_hu_in_the_eroded_body_is_slope_times_bmd_plus_intercept(seed):
    made = make_phantom(seed, grid=SMALL)
    for level in Level:
        inside = ndimage.distance_transform_edt(made.labels == level.verse_label, SMALL.spacing_xyz_mm[::-1]) > 6.0
        expected = made.truth.bmd_slope * made.truth.bmd_mg_cm3[level] + made.truth.bmd_intercept
        cupping = abs(made.truth.drawn["acquisition"]["cupping_hu"])
        measured = float(np.median(made.volume.hu[inside]))
        assert measured == pytest.approx(expected, abs=5.0 + cupping), (level, inside.sum())


def test_boxes_hold_the_mid_slice_masks(phantom):
    for level in Level:
        center = np.array(phantom.truth.centers_lps_mm[level.verse_label])
        ys, xs = np.nonzero(phantom.labels[round(float(SMALL.lps_to_index(center)[0]))] == level.verse_label)
        assert phantom.truth.boxes_px_xyxy[level] == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_training_pair_shapes_and_sizes():
    pair = make_training_pair(5)
    assert pair.hu.shape == pair.masks.shape == (2, 512, 512)
    assert pair.hu.dtype == np.float32
    assert pair.status is Status.from_bmd(pair.bmd_mg_cm3)
    for mask in pair.masks:
        width_mm = mask.any(axis=0).sum() * pair.pixel_mm
        assert 28.0 < width_mm < 75.0


def test_level_sample_centers_are_bodies_from_top_to_bottom():
    sample = make_level_sample(3)
    assert sample.classes.shape == sample.hu.shape
    z = sample.centers_index_zyx[:, 0]
    assert np.all(np.diff(z) < 0)
    assert list(sample.names) == sorted(sample.names)
    for center in np.rint(sample.centers_index_zyx).astype(int):
        if np.all(center >= 0) and np.all(center < sample.classes.shape):
            assert sample.classes[tuple(center)] == Tissue.BODY


def test_variants_all_occur_and_bmd_follows_age():
    people = [draw_person(np.random.default_rng(seed)) for seed in range(600)]
    assert {p.lumbar_bodies for p in people} == {4, 5, 6}
    assert {p.twelfth_rib for p in people} == {"usual", "stub", "missing", "extra"}
    old = np.mean([p.mean_bmd_mg_cm3 for p in people if p.age_years > 75])
    young = np.mean([p.mean_bmd_mg_cm3 for p in people if p.age_years < 40])
    assert young - old > 70.0
    both = np.array([(p.bmd_l1_mg_cm3, p.bmd_l2_mg_cm3) for p in people])
    assert np.corrcoef(both.T)[0, 1] > 0.9


def test_six_lumbar_bodies_give_an_l6_and_four_none():
    seeds = {n: next(s for s in range(400) if _lumbar_bodies(s) == n) for n in (4, 6)}
    grid = Grid.axis_aligned((110, 32, 32), (4.0, 4.0, 4.0), (-64.0, -90.0, -300.0))
    assert 25 in make_phantom(seeds[6], grid=grid).truth.centers_lps_mm
    assert 24 not in make_phantom(seeds[4], grid=grid).truth.centers_lps_mm


def _lumbar_bodies(seed: int) -> int:
    return draw_person(np.random.default_rng([seed, 1])).lumbar_bodies


def test_kvp_lowers_the_slope():
    drawn = [draw_acquisition(np.random.default_rng(s), False) for s in range(300)]
    slope = {kvp: np.mean([a.bmd_slope for a in drawn if a.kvp == kvp]) for kvp in (100.0, 120.0, 140.0)}
    assert slope[100.0] > slope[120.0] > slope[140.0]


def test_rods_lie_under_the_back_only_when_asked_for():
    grid = Grid.axis_aligned((2, 200, 200), (2.0, 2.0, 2.0), (-200.0, -200.0, 0.0))
    with_rods, without = (make_phantom(4, grid=grid, rods=r).truth.drawn["acquisition"]["rods"] for r in (True, False))
    assert (with_rods, without) == (True, False)


def test_painting_blends_edges_and_averages_thick_slices():
    ball = Solid(Ellipsoid(Frame(np.zeros(3)), (10.0, 10.0, 10.0)), Material(100.0), label=20)
    scene = Scene(skeleton=[ball])
    grid = Grid.axis_aligned((1, 64, 64), (1.0, 1.0, 20.0), (-31.5, -31.5, 0.0))
    hu = render_hu(scene, grid, np.random.default_rng(0))
    # a slab of 20 mm holds the whole ball: its mean over the slab is (2/3 of the diameter) at the center line
    assert hu[0, 31, 31] == pytest.approx(100.0, abs=40.0)
    total = float((hu[0] + 1000.0).sum() / 1100.0 * 20.0)
    assert total == pytest.approx(4 / 3 * np.pi * 1000.0, rel=0.03)
    area = float(render_labels(scene, grid).astype(bool).sum())
    assert area == pytest.approx(np.pi * 100.0, rel=0.03)
