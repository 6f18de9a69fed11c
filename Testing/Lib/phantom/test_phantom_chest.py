"""The chest of the phantom: column up to the neck, upper ribs, sternum, shoulders, and a skin that holds them all."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.phantom.scanner.field import draw_field
from OsteoJointLib.phantom.scanner.rendering import render_classes, render_hu
from OsteoJointLib.phantom.solids.bars import Bar
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame
from OsteoJointLib.phantom.trunk.rib_cage import add_ribs
from OsteoJointLib.phantom.trunk.shoulders import build_shoulders
from OsteoJointLib.phantom.trunk.sternum import add_sternum, draw_sternum
from OsteoJointLib.phantom.trunk.torso import build_torso

C6, C7, T1, T2, T3, T5, T6, T9, T12 = 6, 7, 8, 9, 10, 12, 13, 16, 19
STEP_MM = 4.0


@pytest.fixture(scope="module")
def patients() -> list[Patient]:
    return [build_patient(np.random.default_rng([seed, 3]), randomized=seed % 2 == 0) for seed in range(40, 50)]


def coordinates(shape: Shape) -> list[np.ndarray]:
    """Coordinates every 4 mm that hold a shape, x, y and z."""
    return [np.arange(low - STEP_MM, high + STEP_MM, STEP_MM) for low, high in zip(*shape.bounds(), strict=True)]


def at(shape: Shape, point: np.ndarray) -> float:
    return float(shape.distance(*(np.array([value]) for value in point))[0, 0, 0])


def center(patient: Patient, label: int) -> np.ndarray:
    return patient.column.find(label).frame.center


def test_only_table_arms_and_leads_lie_outside_the_skin(patients):
    for patient in patients:
        scene = patient.scene
        corner, counts = (-258.0, -250.0, -340.0), (130, 100, 190)
        grid = Grid.axis_aligned(counts[::-1], (STEP_MM,) * 3, corner)
        x, y, z = (low + STEP_MM * np.arange(count) for low, count in zip(corner, counts, strict=True))
        outside = scene.skin.shape.distance(x, y, z) > 0.5 * STEP_MM
        hu = render_hu(Scene(skin=scene.skin, background=scene.background), grid, np.random.default_rng(0))
        assert outside.mean() > 0.4
        assert np.all(hu[outside] == -1000.0)
        for solid in scene.skeleton:
            of_an_arm_or_lead = isinstance(solid.shape, Capsule)
            if not of_an_arm_or_lead:
                axes = coordinates(solid.shape)
                beyond = (solid.shape.distance(*axes) < 0) & (scene.skin.shape.distance(*axes) > 0.5 * STEP_MM)
                assert beyond.sum() == 0, (solid.tissue, solid.shape.bounds())


def test_what_would_come_through_the_skin_is_cut_at_its_inside():
    ball, lump = (Ellipsoid(Frame(np.array([x, 0.0, 0.0])), (20.0, 20.0, 20.0)) for x in (0.0, 15.0))
    skin, soft = Solid(ball, Material(-100.0, 20.0, 4.0)), Solid(lump, Material(60.0))
    grid = Grid.axis_aligned((1, 60, 60), (1.6, 1.6, 1.0), (-48.0, -48.0, 0.0))
    hu = render_hu(Scene(skin=skin, background=[soft]), grid, np.random.default_rng(0))[0, 30]
    x = -48.0 + 1.6 * np.arange(60)
    assert hu[np.abs(x - 8.0).argmin()] == 60.0
    assert hu[np.abs(x - 17.6).argmin()] == pytest.approx(20.0, abs=1.0), "the skin stays"
    assert np.all(hu[x > 21.6] == -1000.0)


def test_the_column_goes_on_to_the_neck_along_a_kyphosis(patients):
    for patient in patients:
        column = patient.column
        assert [v.sizes.verse_label for v in column.vertebrae[:9]] == list(range(C6, C6 + 9))
        for upper, lower in pairwise(column.vertebrae[:8]):
            gap = (upper.frame.center - lower.frame.center) @ lower.frame.axes[:, 2]
            assert 0.0 < gap - 0.5 * (upper.sizes.height_mm + lower.sizes.height_mm) < 9.0
        up = [column.find(label).frame.axes[:, 2] for label in (T1, T6)]
        pitch = [float(np.rad2deg(np.arctan2(-axis[1], axis[2]))) for axis in up]
        assert 8.0 < pitch[0] - pitch[1] < 32.0
        assert pitch[0] < 42.0
    sizes = [np.mean([p.column.find(label).sizes.height_mm for p in patients]) for label in range(T1, T12 + 1)]
    assert np.all(np.diff(sizes) > -0.5), "bodies grow downward"


def test_upper_ribs_begin_at_their_bodies_and_the_first_is_short_and_flat(patients):
    for patient in patients:
        ribs = [solid for solid in patient.scene.skeleton if solid.tissue is Tissue.RIB]
        for label, name in ((T1, "T1"), (T3, "T3"), (T5, "T5")):
            for side, head in zip(SIDES, patient.rib_heads_mm[name], strict=True):
                assert side * (head - center(patient, label))[0] > 8.0
                assert abs((head - center(patient, label))[2]) < 20.0
                assert min(at(rib.shape, head) for rib in ribs) < 0.0
        first, second, third = (np.mean(patient.rib_lengths_mm[name]) for name in ("T1", "T2", "T3"))
        assert 0.4 * third < first < second < third
        flat = ribs[0].shape.parts[6]
        assert isinstance(flat, Bar)
        assert abs(flat.upright[2]) < 1e-9, "its breadth lies level"
        assert flat.tall[0] > 1.3 * flat.thin[0]


def test_cartilages_of_the_first_seven_ribs_reach_the_sternum(patients):
    for patient in patients[:4]:
        rng, scene, column = np.random.default_rng(0), Scene(), patient.column
        torso = build_torso(patient.person, column, rng)
        sternum = draw_sternum(column, patient.person, rng)
        add_sternum(scene, sternum, torso, 800.0, 100.0, rng)
        bone = scene.skeleton[0].shape
        assert center(patient, T3)[2] < bone.bounds()[1][2] < center(patient, T1)[2]
        for name in ("T1", "T2", "T4", "T7", "T8"):
            ribs, lengths = Scene(), {name: patient.rib_lengths_mm[name]}
            add_ribs(ribs, column, torso, lengths, patient.person, sternum, 800.0, 100.0, rng)
            soft = [s.shape for s in ribs.skeleton if s.tissue is Tissue.BACKGROUND and isinstance(s.shape, Compound)]
            gaps = [at(bone, cartilage.parts[-1].end) for cartilage in soft]
            assert len(gaps) == 2
            assert (max(gaps) < 8.0) if name != "T8" else (min(gaps) > 8.0), (name, gaps)


@pytest.mark.parametrize("down", [False, True])
def test_shoulders_hold_the_arms_up_or_down(patients, down):
    for patient in patients[:5]:
        person = replace(patient.person, arms_down=down)
        torso = build_torso(person, patient.column, np.random.default_rng(0))
        shoulders = build_shoulders(person, patient.column, torso, np.random.default_rng(0))
        right, left = shoulders.joints
        assert right[0] < -100.0 * person.scale < 100.0 * person.scale < left[0]
        assert (right[2] > center(patient, T2)[2]) != down
        for side, humerus, joint in zip(SIDES, shoulders.humeri, shoulders.joints, strict=True):
            low, high = humerus.bounds()
            assert at(humerus, joint) < 0
            assert (high[2] - joint[2] > 150.0) != down
            assert low[2] > center(patient, T6)[2]
            scapula, clavicle = (s for s in shoulders.flat_bones if side * np.mean(s.bounds(), axis=0)[0] > 0)
            assert scapula.bounds()[1][1] > center(patient, T3)[1] > clavicle.bounds()[0][1]
            assert at(scapula, joint) > 0 > at(scapula, joint - np.array([side * 27.0 * person.scale, 0.0, 0.0]))


def test_lungs_reach_t1_and_air_runs_down_before_the_column(patients):
    for patient in patients:
        soft, (mx, my, _) = Scene(skin=patient.scene.skin, background=patient.scene.background), center(patient, T2)
        air = {}
        for label in (T2, C7):
            z = center(patient, label)[2]
            grid = Grid.axis_aligned((1, 60, 100), (2.0, 2.0, 2.0), (mx - 99.0, my - 90.0, z))
            x, y, _ = (low + 2.0 * np.arange(n) for low, n in zip(grid.origin_lps_mm, (100, 60, 1), strict=True))
            inside = soft.skin.shape.distance(x, y, np.array([z]))[0] < -2.0
            air[label] = inside & (render_hu(soft, grid, np.random.default_rng(0))[0] < -700.0)
        for side in SIDES:
            lung = (side * (x - mx) > 30.0) & (side * (x - mx) < 80.0)
            assert air[T2][:, lung].sum() > 40, "the apex"
            assert air[C7][:, lung].sum() == 0, "no lung in the neck"
        before = (y > my - 55.0) & (y < my - 12.0)
        assert air[T2][before][:, np.abs(x - mx) < 14.0].sum() > 10, "the trachea"


def test_a_chest_begins_over_the_lungs_and_no_scan_over_the_column(patients):
    tops, parts = [], []
    for seed in range(400):
        patient = patients[seed % len(patients)]
        field = draw_field(np.random.default_rng(seed), patient.column.centers_lps_mm, randomized=True)
        over = field.high_lps_mm[2] - center(patient, C6)[2]
        assert over < 8.1
        if field.protocol == "chest":
            tops.append(field.high_lps_mm[2] - center(patient, T1)[2])
        if field.protocol == "part":
            parts.append(field.low_lps_mm[2])
    assert np.mean(np.array(tops) > 0.0) > 0.4
    assert min(parts) < -200.0 < 120.0 < max(parts)


def test_bodies_of_the_neck_and_the_chest_are_bodies(patients):
    patient = patients[0]
    for label in (C7, T1, T5):
        grid = Grid.axis_aligned((1, 1, 1), (1.0, 1.0, 1.0), tuple(center(patient, label)))
        bodies = Scene(skeleton=[s for s in patient.scene.skeleton if s.label])
        assert render_classes(bodies, grid, 0.0)[0, 0, 0] == Tissue.BODY
