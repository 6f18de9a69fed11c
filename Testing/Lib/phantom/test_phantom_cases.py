"""The phantom's truth: masks and centers agree with the geometry, HU with BMD, the same seed with itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.cases import make_level_scan, make_phantom, make_training_pair
from OsteoJointLib.phantom.draws.contrast import NO_CONTRAST
from OsteoJointLib.phantom.draws.person import draw_person
from OsteoJointLib.phantom.draws.tissue import draw_tissue_hu
from OsteoJointLib.phantom.patient import build_patient
from OsteoJointLib.phantom.physics.beam import REFERENCE
from OsteoJointLib.phantom.physics.bone import trabecular_hu
from OsteoJointLib.phantom.scanner.acquisition import acquire, draw_acquisition
from OsteoJointLib.phantom.scanner.rendering import render_hu, render_labels
from OsteoJointLib.phantom.solids.bars import Bar
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame
from OsteoJointLib.phantom.trunk.organs import add_organs
from OsteoJointLib.phantom.trunk.rib_cage import add_ribs, draw_rib_lengths
from OsteoJointLib.phantom.trunk.sternum import draw_sternum
from OsteoJointLib.phantom.trunk.torso import build_torso
from OsteoJointLib.phantom.trunk.vessels import add_canal, add_vessels
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
    assert 24.0 * scale < volume_ml < 60.0 * scale


@pytest.mark.parametrize("seed", [11, 21, 31])
def test_hu_in_the_eroded_body_is_the_truths(seed):
    made = make_phantom(seed, grid=SMALL)
    for level in Level:
        inside = ndimage.distance_transform_edt(made.labels == level.verse_label, SMALL.spacing_xyz_mm[::-1]) > 6.0
        cupping = abs(made.truth.drawn["acquisition"]["cupping_hu"])
        measured = float(np.median(made.volume.hu[inside]))
        assert measured == pytest.approx(made.truth.trabecular_hu[level], abs=5.0 + cupping), (level, inside.sum())


def test_boxes_hold_the_mid_slice_masks(phantom):
    for level in Level:
        center = np.array(phantom.truth.centers_lps_mm[level.verse_label])
        ys, xs = np.nonzero(phantom.labels[round(float(SMALL.lps_to_index(center)[0]))] == level.verse_label)
        assert phantom.truth.boxes_px_xyxy[level] == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_training_pair_shapes_and_sizes():
    pair = make_training_pair(5)
    assert pair.hu.shape == pair.masks.shape == pair.tissues.shape == (4, 512, 512)
    assert pair.hu.dtype == np.float32
    assert pair.status is Status.from_bmd(pair.bmd_mg_cm3)
    assert pair.level_bmd_mg_cm3.mean() == pytest.approx(pair.bmd_mg_cm3)
    for mask in pair.masks[:2]:
        width_mm = mask.any(axis=0).sum() * pair.pixel_mm
        assert 28.0 < width_mm < 75.0
        assert np.nonzero(mask)[0].mean() > 256.0, "the column lies behind the slice's middle"


def test_the_further_slices_lie_anywhere_and_some_show_no_body():
    pairs = [make_training_pair(seed) for seed in range(16)]
    areas = np.array([pair.masks[2:].sum(axis=(1, 2)) for pair in pairs])
    assert (areas == 0).any() and (areas > 1000).any() and not np.array_equal(areas[:, 0], areas[:, 1])
    for pair in pairs:
        for mask, center in zip(pair.masks, pair.centers_px, strict=True):
            if mask.sum() > 1000:  # less is a rim beside a disc
                assert np.linalg.norm(np.argwhere(mask).mean(axis=0)[::-1] - center) * pair.pixel_mm < 25.0


def test_reference_tissues_have_their_hu_and_lie_where_they_lie_in_a_body():
    pair = next(pair for seed in range(6, 20) if (pair := make_training_pair(seed)).phase == "none")
    hu = {tissue: np.median(pair.hu[:2][pair.tissues[:2] == tissue]) for tissue in ReferenceTissue}
    assert hu[ReferenceTissue.FAT] < -50 < 0 < hu[ReferenceTissue.MUSCLE] < 90, hu
    for tissues, mask in zip(pair.tissues[:2], pair.masks[:2], strict=True):
        assert tissues[mask].astype(bool).mean() < 0.03, "a vertebral body is none; its edge is, by half a pixel"
        aorta, body = (np.argwhere(found).mean(axis=0) for found in (tissues == ReferenceTissue.BLOOD, mask))
        assert aorta[0] < body[0] and aorta[1] > body[1], "the aorta lies before the column, to the left"


def test_the_mid_slices_of_a_phantom_name_their_tissues(phantom):
    assert set(phantom.tissues) == set(Level)
    for level, tissues in phantom.tissues.items():
        index = round(float(SMALL.lps_to_index(np.array(phantom.truth.centers_lps_mm[level.verse_label]))[0]))
        hu = phantom.volume.hu[index]
        assert tissues.shape == hu.shape
        assert np.median(hu[tissues == ReferenceTissue.FAT]) < np.median(hu[tissues == ReferenceTissue.MUSCLE])
        assert tissues[phantom.labels[index] == level.verse_label].astype(bool).mean() < 0.1  # 1.5 mm pixels


def test_a_level_scan_has_its_own_slices_and_shows_the_column():
    scans = [make_level_scan(seed) for seed in range(6)]
    for scan in scans:
        grid, thickness = scan.volume.grid, scan.patient.acquisition.thickness_mm
        assert max(thickness, 1.0) in grid.spacing_xyz_mm and scan.volume.hu.shape == grid.shape_zyx
        assert any(grid.contains(center) for center in scan.patient.column.centers_lps_mm)
    assert len({scan.volume.grid.spacing_xyz_mm for scan in scans}) > 3


def test_variants_all_occur_and_bmd_follows_age():
    people = [draw_person(np.random.default_rng(seed)) for seed in range(600)]
    assert {p.lumbar_bodies for p in people} == {4, 5, 6}
    assert {p.twelfth_rib for p in people} == {"usual", "thin", "stub", "missing", "extra"}
    assert {p.transition for p in people} == {"none", "sacralized", "lumbarized"}
    old = np.mean([p.mean_bmd_mg_cm3 for p in people if p.age_years > 75])
    young = np.mean([p.mean_bmd_mg_cm3 for p in people if p.age_years < 40])
    assert young - old > 70.0
    assert np.mean([p.cortex_mm for p in people if p.age_years > 75]) < np.mean(
        [p.cortex_mm for p in people if p.age_years < 40]
    )
    men, women = (np.mean([p.scale for p in people if p.sex == sex]) for sex in "MF")
    assert men > women
    broken = [[len(p.fractured) for p in people if (p.mean_bmd_mg_cm3 < 80) == fragile] for fragile in (True, False)]
    assert np.mean(broken[0]) > np.mean(broken[1])
    both = np.array([(p.bmd_l1_mg_cm3, p.bmd_l2_mg_cm3) for p in people])
    assert np.corrcoef(both.T)[0, 1] > 0.9


def test_six_lumbar_bodies_give_an_l6_and_four_none():
    seeds = {n: next(s for s in range(400) if _lumbar_bodies(s) == n) for n in (4, 6)}
    grid = Grid.axis_aligned((110, 32, 32), (4.0, 4.0, 4.0), (-64.0, -90.0, -300.0))
    assert 25 in make_phantom(seeds[6], grid=grid).truth.centers_lps_mm
    assert 24 not in make_phantom(seeds[4], grid=grid).truth.centers_lps_mm


def _lumbar_bodies(seed: int) -> int:
    return draw_person(np.random.default_rng([seed, 1])).lumbar_bodies


def test_a_sharp_kernel_blurs_less_and_is_noisier():
    drawn = [draw_acquisition(np.random.default_rng(s), False) for s in range(300)]
    of = {k: [(a.blur_mm, a.noise_hu) for a in drawn if a.kernel == k] for k in ("soft", "standard", "sharp")}
    (soft, quiet), (standard, usual), (sharp, loud) = (np.mean(of[k], axis=0) for k in of)
    assert soft > standard > sharp
    assert quiet < usual < loud


def test_cupping_darkens_the_middle():
    drawn = replace(draw_acquisition(np.random.default_rng(0), False), cupping_hu=20.0, noise_hu=0.0, metal_at_mm=None)
    plane = acquire(np.zeros((1, 64, 64), np.float32), SMALL, drawn, np.random.default_rng(0))[0]
    assert plane[32, 32] < 0 < plane[32, 52]


@pytest.fixture(scope="module")
def patient():
    return build_patient(np.random.default_rng(3), randomized=False, rods=True)


def test_each_level_has_its_own_density(patient):
    person = patient.person
    assert (person.bmd(Level.L1), person.bmd(Level.L2)) == (person.bmd_l1_mg_cm3, person.bmd_l2_mg_cm3)
    assert person.bmd_l1_mg_cm3 != person.bmd_l2_mg_cm3
    for level in Level:
        expected = trabecular_hu(person.bmd(level), person.marrow_fat, patient.iodine.marrow, patient.beam)
        assert patient.column.find(level.verse_label).trabecular_hu == expected


def test_rods_lie_under_the_back_densest_on_the_left(patient):
    rods = patient.scene.surroundings[-5:]
    lowest = patient.scene.skin.shape.bounds()[1][1]
    assert [rod.material.core_hu for rod in rods] == [patient.beam.k2hpo4_hu * bmd for bmd in (0, 50, 100, 150, 200)]
    assert [rod.shape.center_x[0] for rod in rods] == [-60.0, -30.0, 0.0, 30.0, 60.0]
    assert all(rod.shape.center_y[0] > lowest - 14.0 for rod in rods)
    without = build_patient(np.random.default_rng(3), randomized=False)
    assert len(without.scene.surroundings) == len(patient.scene.surroundings) - 5


def test_the_body_knows_left_from_right_and_front_from_back(patient):
    rng, column = np.random.default_rng(0), patient.column
    tissue = draw_tissue_hu(REFERENCE, NO_CONTRAST, False, rng)
    spine_x, spine_y = column.track()[1].mean(axis=0)
    torso = build_torso(patient.person, column, rng)
    vessels, organs, canal = Scene(), Scene(), Scene()
    add_vessels(vessels, column, tissue, patient.person, rng)
    aorta, cava = (solid.shape for solid in vessels.background[:2])
    assert cava.center_x.mean() < spine_x < aorta.center_x.mean(), "x grows to the patient's left"
    assert max(cava.center_y.mean(), aorta.center_y.mean()) < spine_y, "y grows to the back"
    add_organs(organs, torso, column, tissue, rng)
    liver, spleen = (solid.shape.frame.center[0] for solid in organs.background[:2])
    assert liver < 0 < spleen
    add_canal(canal, column, tissue, patient.person)
    assert canal.skeleton[0].shape.center_y.mean() > spine_y


def test_a_left_rib_lies_on_the_left_and_falls(patient):
    rng, scene = np.random.default_rng(0), Scene()
    torso = build_torso(patient.person, patient.column, rng)
    sternum = draw_sternum(patient.column, patient.person, rng)
    add_ribs(scene, patient.column, torso, {"T11": (0.0, 150.0)}, patient.person, sternum, 800.0, 200.0, rng)
    (rib,) = (solid.shape for solid in scene.skeleton)
    assert isinstance(rib, Compound)
    ends = [part.end for part in rib.parts if isinstance(part, Bar)]
    assert all(end[0] > 0 for end in ends)
    assert ends[-1][2] < ends[1][2] - 30.0
    lengths = [draw_rib_lengths(patient.person, torso, np.random.default_rng(seed)) for seed in range(20)]
    assert np.mean([drawn["T11"][0] - drawn["T12"][0] for drawn in lengths]) > 40.0


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
