"""Ribs, sacrum and pelvis of the phantom: what is drawn is what is in the scene, on its side and as thick as real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import draw_person
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.phantom.scanner.rendering import render_classes
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Scene, Solid, Tissue
from OsteoJointLib.phantom.spine.column import Column, build_column
from OsteoJointLib.phantom.spine.pelvis import add_pelvis, hip_center
from OsteoJointLib.phantom.spine.sacral_bone import add_sacrum
from OsteoJointLib.phantom.trunk.rib_cage import LEAST_RIB_MM, RibLengths, add_ribs, draw_rib_lengths
from OsteoJointLib.phantom.trunk.sternum import draw_sternum
from OsteoJointLib.phantom.trunk.torso import build_torso

T12, L1 = 19, 20
KINDS = ("usual", "thin", "stub", "missing", "extra")


@pytest.fixture(scope="module")
def patient() -> Patient:
    return build_patient(np.random.default_rng(3), randomized=False)


def distance(solid: Solid, point: np.ndarray) -> float:
    return float(solid.shape.distance(*(np.array([value]) for value in point))[0, 0, 0])


def ribs_of(patient: Patient, lengths: RibLengths, seed: int = 0, **person) -> tuple[list[Solid], dict]:
    rng, scene, who = np.random.default_rng(seed), Scene(), replace(patient.person, **person)
    torso = build_torso(who, patient.column, rng)
    sternum = draw_sternum(patient.column, who, np.random.default_rng(seed))
    heads = add_ribs(scene, patient.column, torso, lengths, who, sternum, 800.0, 100.0, rng)
    return [solid for solid in scene.skeleton if solid.tissue is Tissue.RIB], heads


def lengths_of(patient: Patient, kind: str, seed: int) -> RibLengths:
    who = replace(patient.person, twelfth_rib=kind)
    torso = build_torso(who, patient.column, np.random.default_rng(0))
    return draw_rib_lengths(who, torso, np.random.default_rng(seed))


def bars_of(rib: Solid) -> tuple:
    assert isinstance(rib.shape, Compound)
    return rib.shape.parts


def length_mm(rib: Solid) -> float:
    return float(sum(np.linalg.norm(bar.end - bar.start) for bar in bars_of(rib)))


@pytest.mark.parametrize("kind", ["usual", "thin"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_twelfth_rib_is_3_to_5_mm_thick_and_tapers(patient, kind, seed):
    (rib,), _ = ribs_of(patient, {"T12": (0.0, 60.0)}, seed, twelfth_rib=kind)
    low, high = (value + 2.0 * sign for value, sign in zip(rib.shape.bounds(), (-1, 1), strict=True))
    step = 0.35
    shape = tuple(int(n) for n in np.ceil((high - low) / step)[::-1])
    grid = Grid.axis_aligned(shape, (step,) * 3, tuple(low))
    inside = render_classes(Scene(skeleton=[rib]), grid, 0.0) == Tissue.RIB
    depth = ndimage.distance_transform_edt(inside, step)
    ends = [bars_of(rib)[0].start, *(bar.end for bar in bars_of(rib))]
    at = np.rint([grid.lps_to_index(end) for end in ends]).astype(int)
    thick = 2.0 * np.array([depth[tuple(np.clip(i, 0, np.array(shape) - 1))] for i in at])
    middle = thick[len(thick) // 3 : len(thick) // 2 + 1]
    assert middle.min() > 3.0 - step
    assert middle.max() < (4.0 if kind == "thin" else 5.0) + step
    assert thick[-1] < 0.6 * middle.mean()


def test_upper_ribs_are_thicker_and_flat(patient):
    (seventh, twelfth), _ = ribs_of(patient, {"T7": (0.0, 290.0), "T12": (0.0, 100.0)})
    middle = bars_of(seventh)[len(bars_of(seventh)) * 3 // 4]
    assert 3.8 < 2 * middle.thin[0] < 8.0
    assert 1.3 < middle.tall[0] / middle.thin[0] < 2.0
    assert middle.tall[0] > 1.2 * bars_of(twelfth)[len(bars_of(twelfth)) // 3].tall[0]


@pytest.mark.parametrize("kind", KINDS)
def test_ribs_are_as_long_as_drawn_and_begin_at_their_joint(patient, kind):
    for seed in range(4):
        lengths = lengths_of(patient, kind, seed)
        lengths = {name: lengths[name] for name in ("T9", "T12", "L1")}
        ribs, heads = ribs_of(patient, lengths, seed, twelfth_rib=kind)
        left = iter(ribs)
        for name in lengths:
            vertebra = next(v for v in patient.column.vertebrae if v.sizes.name == name)
            for side, length, head in zip(SIDES, lengths[name], heads[name], strict=True):
                if length < LEAST_RIB_MM:
                    assert head is None
                    continue
                rib = next(left)
                assert length_mm(rib) == pytest.approx(length, rel=0.02)
                assert distance(rib, head) < 0
                assert (head - vertebra.frame.center)[0] * side > 10.0
                assert distance(Solid(vertebra.body, rib.material), head) < 9.0
        assert next(left, None) is None


def test_kinds_of_twelfth_ribs(patient):
    drawn = {kind: [lengths_of(patient, kind, seed) for seed in range(60)] for kind in KINDS}
    stubs = np.array([lengths["T12"] for lengths in drawn["stub"]])
    assert stubs.min(axis=1).max() <= 40.0
    assert stubs.min() >= LEAST_RIB_MM
    assert 10 < (stubs.max(axis=1) > 40.0).sum() < 50, "some have a longer rib on the other side"
    missing = np.array([lengths["T12"] for lengths in drawn["missing"]]) == 0.0
    assert missing.any(axis=1).all()
    assert {tuple(row) for row in missing.tolist()} == {(True, True), (True, False), (False, True)}
    extra = np.array([lengths["L1"] for lengths in drawn["extra"]])
    assert (extra.max(axis=1) >= LEAST_RIB_MM).all()
    assert extra.max() <= 50.0
    for kind in KINDS[:-1]:
        assert all(lengths["L1"] == (0.0, 0.0) for lengths in drawn[kind])


def test_rare_kinds_are_frequent_where_varied_and_rare_where_not():
    shares = {}
    for varied in (False, True):
        people = [draw_person(np.random.default_rng(seed), varied=varied) for seed in range(800)]
        shares[varied] = [
            np.mean([p.twelfth_rib != "usual" for p in people]),
            np.mean([p.lumbar_bodies != 5 for p in people]),
            np.mean([p.transition != "none" for p in people]),
        ]
    np.testing.assert_allclose(shares[True], [0.45, 0.22, 0.4], atol=0.06)
    np.testing.assert_allclose(shares[False], [0.2, 0.08, 0.13], atol=0.05)


def test_a_rib_on_l1_has_a_joint_and_a_short_transverse_process(patient):
    (rib,), heads = ribs_of(patient, {"L1": (30.0, 0.0)}, twelfth_rib="extra")
    body = Solid(patient.column.find(L1).body, rib.material)
    assert heads["L1"][1] is None
    assert distance(body, heads["L1"][0]) > 1.0, "the joint lies outside the body"
    assert distance(rib, patient.column.find(L1).frame.center) > 10.0
    tips = {
        kind: _column(replace(patient.person, twelfth_rib=kind)).find(L1).sizes.transverse_mm
        for kind in ("usual", "extra")
    }
    assert tips["extra"] < 0.75 * tips["usual"]


def _column(person) -> Column:
    return build_column(person, np.random.default_rng(0))


def test_heads_of_a_whole_patient_lie_on_their_side_on_rib_voxels():
    made = build_patient(np.random.default_rng(9), randomized=True)
    shares = []
    for vertebra in made.column.vertebrae:
        name = vertebra.sizes.name
        for side, length, head in zip(
            SIDES, made.rib_lengths_mm.get(name, (0.0, 0.0)), made.rib_heads_mm.get(name, (None, None)), strict=True
        ):
            assert (head is None) == (length < LEAST_RIB_MM)
            if head is not None:
                grid = Grid.axis_aligned((3, 3, 3), (1.0, 1.0, 1.0), tuple(head - 1.0))
                classes = render_classes(Scene(skeleton=made.scene.skeleton), grid, 0.0)
                shares.append((classes == Tissue.RIB).mean())
                assert shares[-1] > 0.1, name  # spurs and vanished discs crowd a head
                assert side * (head[0] - vertebra.frame.center[0]) > 0
    assert np.mean(shares) > 0.7


def sacrum_of(patient: Patient, transition: str) -> list[Solid]:
    scene, who = Scene(), replace(patient.person, transition=transition)
    add_sacrum(scene, patient.column, who, 800.0, 100.0, 80.0, np.random.default_rng(0))
    return scene.skeleton


def test_the_sacrum_is_hollow_behind_its_bodies_and_has_foramina(patient):
    sacrum, *_ = sacrum_of(patient, "none")
    frame, sizes, s = patient.column.sacrum, patient.column.sacrum_sizes, patient.person.scale
    assert distance(sacrum, frame.center) < -5.0
    behind = 0.46 * sizes.depth_mm + 7.5 * s
    assert distance(sacrum, frame.point(0, behind, 0)) > 3.0, "the canal"
    assert distance(sacrum, frame.point(0, behind + 11.0 * s, 0)) < 0, "the wall behind it"
    for side in SIDES:
        assert distance(sacrum, frame.point(side * 45.0 * s, 14.0 * s, 0)) < -4.0, "the ala"
        out = side * (0.75 * 0.48 * sizes.width_mm + 7.0 * s)
        assert distance(sacrum, frame.point(out, -2.0, -0.5 * sizes.height_mm)) > 2.0, "the foramen"
    low, high = sacrum.shape.bounds()
    assert 95.0 * s < (high - low)[2] < 165.0 * s
    assert 110.0 * s < (high - low)[0] < 145.0 * s


def test_a_sacralized_body_has_wings_and_a_lumbarized_s1_a_disc(patient):
    wings = [solid for solid in sacrum_of(patient, "sacralized") if solid.tissue is Tissue.POSTERIOR]
    last = patient.column.vertebrae[-1]
    assert wings
    assert not [solid for solid in sacrum_of(patient, "none") if solid.tissue is Tissue.POSTERIOR]
    for wing in wings:
        out = np.abs(wing.shape.corners[:, 0] - last.frame.center[0])
        assert out.max() > 38.0 * patient.person.scale
        assert wing.shape.corners[2, 2] < last.frame.center[2], "it comes down on the ala"
    discs = {
        kind: [solid for solid in sacrum_of(patient, kind) if solid.material.core_hu == 80.0]
        for kind in ("none", "lumbarized")
    }
    thick = {kind: max((solid.shape.radii[2] for solid in found), default=0.0) for kind, found in discs.items()}
    assert thick["lumbarized"] >= 3.5
    below = {
        kind: _column(replace(patient.person, transition=kind)).vertebrae[-1].sizes.disc_below_mm
        for kind in ("none", "sacralized")
    }
    assert below["sacralized"] < 0.5 * below["none"]


def test_the_sacral_slope_is_20_to_60_degrees():
    slopes = []
    for seed in range(60):
        axes = _column(draw_person(np.random.default_rng(seed))).sacrum.axes
        slopes.append(np.rad2deg(np.arctan2(-axes[1, 2], axes[2, 2])))
    assert 18.0 < min(slopes) < 30.0
    assert 50.0 < max(slopes) < 62.0


@pytest.mark.parametrize("seed", range(4))
def test_hips_lie_low_in_front_of_the_sacrum_and_inside_the_skin(seed):
    made = build_patient(np.random.default_rng(seed), randomized=True)
    skin = build_torso(made.person, made.column, np.random.default_rng(0)).skin
    scene = Scene()
    add_pelvis(scene, made.column, 800.0, 100.0, np.random.default_rng(seed))
    s1 = made.column.sacrum.center
    assert all(solid.tissue is Tissue.OTHER_BONE for solid in scene.skeleton)
    for side in SIDES:
        hip = hip_center(made.column, side)
        assert 70.0 < side * (hip - s1)[0] < 110.0
        assert (hip - s1)[1] < -10.0
        assert -120.0 < (hip - s1)[2] < -50.0
        assert float(skin.distance(*(np.array([value]) for value in hip))[0, 0, 0]) < -25.0
    lowest = min(solid.shape.bounds()[0][2] for solid in scene.skeleton)
    assert lowest < hip[2] - 150.0


def test_the_iliac_crests_lie_near_the_disc_over_the_last_lumbar_body():
    over = []
    for seed in range(20):
        column = _column(draw_person(np.random.default_rng(seed)))
        scene = Scene()
        add_pelvis(scene, column, 800.0, 100.0, np.random.default_rng(seed))
        above, last = (vertebra.frame.center[2] for vertebra in column.vertebrae[-2:])
        hip_bones = [s.shape for s in scene.skeleton if isinstance(s.shape, Compound) and s.shape.holes]
        over.append(max(bone.bounds()[1][2] for bone in hip_bones) - 0.5 * (above + last))
    assert abs(np.median(over)) < 12.0
    assert np.abs(over).max() < 40.0
