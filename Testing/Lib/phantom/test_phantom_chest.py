"""The chest of the phantom: column up to the neck, upper ribs, sternum and shoulders, and a skin that holds them all."""

from __future__ import annotations

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
from OsteoJointLib.phantom.trunk.shoulders import build_shoulders
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
        grid = Grid.axis_aligned((190, 100, 130), (STEP_MM,) * 3, (-258.0, -250.0, -340.0))
        x, y, z = (
            origin + STEP_MM * np.arange(count)
            for origin, count in zip((-258.0, -250.0, -340.0), (130, 100, 190), strict=True)
        )
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
        scene = patient.scene
        classes = [solid.shape for solid in scene.skeleton if solid.tissue is Tissue.OTHER_BONE]
        sternum = next(
            s
            for s in classes
            if isinstance(s, Compound)
            and abs(np.mean(s.bounds(), axis=0)[0]) < 6.0
            and s.bounds()[0][2] > 80.0
            and s.bounds()[1][1] < center(patient, T6)[1]
        )
        tips = [
            solid.shape.parts[-1].end
            for solid in scene.skeleton
            if isinstance(solid.shape, Compound)
            and solid.tissue is Tissue.BACKGROUND
            and isinstance(solid.shape.parts[-1], Bar)
        ]
        near = [at(sternum, tip) for tip in tips if tip[2] > center(patient, T9)[2]]
        assert sum(distance < 7.0 for distance in near) >= 14


@pytest.mark.parametrize("down", [False, True])
def test_shoulders_hold_the_arms_up_or_down(patients, down):
    from dataclasses import replace

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
            assert at(clavicle, np.array([side * 25.0 * person.scale, *[0.0, 0.0]])) > 0
        assert sum(len(part) for part in (shoulders.flat_bones, shoulders.humeri)) == 6


def test_lungs_reach_t1_and_air_runs_down_before_the_column(patients):
    for patient in patients:
        soft = Scene(skin=patient.scene.skin, background=patient.scene.background)
        middle = center(patient, T2)
        grid = Grid.axis_aligned((1, 60, 100), (2.0, 2.0, 2.0), (middle[0] - 99.0, middle[1] - 90.0, middle[2]))
        hu = render_hu(soft, grid, np.random.default_rng(0))[0]
        x = np.arange(100) * 2.0 - 99.0
        beside = [(hu[:, (side * x > 30.0) & (side * x < 80.0)] < -700.0).sum() for side in SIDES]
        assert min(beside) > 40, "both apices"
        assert (hu[20:45, np.abs(x) < 14.0] < -700.0).sum() > 10, "the trachea"
        neck = Grid.axis_aligned(
            (1, 60, 100), (2.0, 2.0, 2.0), (middle[0] - 99.0, middle[1] - 90.0, center(patient, C7)[2])
        )
        hu = render_hu(soft, neck, np.random.default_rng(0))[0]
        outside = (
            soft.skin.shape.distance(
                *(o + 2.0 * np.arange(n) for o, n in zip(neck.origin_lps_mm, (100, 60, 1), strict=True))
            )[0]
            > -2.0
        )
        assert (hu[:, np.abs(x) > 20.0][~outside[:, np.abs(x) > 20.0]] > -300.0).all(), "no lung in the neck"


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
