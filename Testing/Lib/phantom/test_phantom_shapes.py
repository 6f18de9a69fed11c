"""Signed distances against closed forms and volumes against geometry."""

from __future__ import annotations

import numpy as np
import pytest

from OsteoJointLib.phantom.solids.bars import Bar, Plate
from OsteoJointLib.phantom.solids.body_shape import BodyShape
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame, RoundedBox, Tube, rotation, smooth_max

AXIS = np.arange(-40.0, 40.5, 1.0)
ORIGIN = int(np.flatnonzero(AXIS == 0.0)[0])


def test_sphere_distance_is_exact():
    sphere = Ellipsoid(Frame(np.zeros(3)), (10.0, 10.0, 10.0))
    distance = sphere.distance(AXIS, AXIS, AXIS)
    assert distance[ORIGIN, ORIGIN, ORIGIN + 14] == pytest.approx(4.0, abs=1e-3)
    assert distance[ORIGIN + 6, ORIGIN + 8, ORIGIN] == pytest.approx(0.0, abs=1e-3)


def test_capsule_distance_by_hand():
    rod = Capsule(np.array([0.0, 0, 0]), np.array([20.0, 0, 0]), 2.0, 4.0)
    distance = rod.distance(AXIS, AXIS, AXIS)
    # over the middle the radius is 3, and the point lies 7 mm away from the axis
    assert distance[ORIGIN, ORIGIN + 7, ORIGIN + 10] == pytest.approx(4.0, abs=1e-4)
    assert distance[ORIGIN, ORIGIN, ORIGIN - 5] == pytest.approx(3.0, abs=1e-4)


def test_a_tall_capsule_reaches_height_times_its_radius_in_z():
    rod = Capsule(np.array([0.0, 0, 0]), np.array([20.0, 0, 0]), 4.0, 4.0, height=1.5)
    inside = rod.distance(AXIS, AXIS, np.array([5.9, 6.1]))[:, ORIGIN, ORIGIN + 10] < 0
    assert inside.tolist() == [True, False]


def test_rounded_box_keeps_its_faces():
    box = RoundedBox(Frame(np.zeros(3)), (10.0, 5.0, 3.0), 2.0)
    distance = box.distance(AXIS, AXIS, AXIS)
    assert distance[ORIGIN, ORIGIN, ORIGIN + 12] == pytest.approx(2.0)
    assert distance[ORIGIN, ORIGIN, ORIGIN] == pytest.approx(-3.0)


@pytest.mark.parametrize("squareness", [0.0, 0.5])
def test_ellipsoid_volume(squareness):
    solid = Ellipsoid(Frame(np.zeros(3), rotation(0.3, 0.2, 0.1)), (20.0, 15.0, 10.0), squareness)
    volume = float((solid.distance(AXIS, AXIS, AXIS) < 0).sum())
    plain = 4 / 3 * np.pi * 20 * 15 * 10
    if squareness == 0.0:
        assert volume == pytest.approx(plain, rel=0.01)
    else:
        assert plain * 1.02 < volume < plain * 1.2


def test_a_body_without_waist_bowl_or_dent_has_the_volume_of_its_cut_cylinder():
    body = BodyShape(Frame(np.zeros(3)), 22.0, 16.0, 13.0, 0.0, 0.0, 1.0, 0.0, (0.0, 0.0))
    axis = np.arange(-30, 30, 0.5)
    volume = float((body.distance(axis, axis, axis) < 0).sum()) * 0.125
    # an elliptic cylinder, less what the rounded rims and the smooth back take away
    assert 0.90 * np.pi * 22 * 16 * 26 < volume < np.pi * 22 * 16 * 26


def test_wedge_lowers_the_front_and_concavity_the_middle():
    plain = {"waist": 0.0, "squareness": 0.0, "back_flat": 0.9, "back_dent_mm": 0.0}
    body = BodyShape(Frame(np.zeros(3)), 22.0, 16.0, 13.0, **plain, concavity_mm=(3.0, 3.0), wedge=0.3)
    z = np.arange(-15, 15, 0.1)
    inside = body.distance(np.array([0.0]), np.array([-12.0, 0.0, 12.0]), z)[:, :, 0] < 0
    front, middle, back = inside.sum(axis=0) * 0.1
    assert front < 0.8 * back
    assert middle < back - 3.0


def test_bowls_spurs_and_dent_lie_on_their_sides():
    plain = {"waist": 0.0, "squareness": 0.0, "back_flat": 0.9}
    z, here = np.array([-12.0, 12.0]), np.array([0.0])
    bowl = BodyShape(Frame(np.zeros(3)), 22.0, 16.0, 13.0, **plain, concavity_mm=(3.0, 0.0))
    assert (bowl.distance(here, here, z)[:, 0, 0] < 0).tolist() == [True, False], "the first bowl is the upper one"
    spur = BodyShape(Frame(np.zeros(3)), 22.0, 16.0, 13.0, **plain, spurs=((0.0, 6.0, 1.0),))
    beside = spur.distance(np.array([-24.0, 24.0]), here, np.array([-10.0, 10.0]))[:, 0] < 0
    assert beside.tolist() == [[False, False], [False, True]], "angle 0 is the left, +1 the upper rim"
    dent = BodyShape(Frame(np.zeros(3)), 22.0, 16.0, 13.0, **plain, back_dent_mm=4.0)
    assert (dent.distance(here, np.array([-14.0, 14.0]), here)[0, :, 0] < 0).tolist() == [True, False]


def test_rotation_is_proper_and_pitch_leans_forward():
    matrix = rotation(0.4, -0.2, 0.7)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    assert rotation(0.3, 0, 0)[1, 2] < 0, "positive pitch must move the upper end to the front (-y in LPS)"
    assert rotation(0, 0.3, 0)[0, 2] > 0, "positive roll must move the upper end to the left (+x)"
    assert rotation(0, 0, 0.3)[1, 0] > 0, "positive yaw must move the left side to the back (+y)"


def test_a_tube_follows_its_knots():
    tube = Tube(np.array([0.0, 10.0]), np.array([0.0, 10.0]), np.zeros(2), np.full(2, 5.0), np.full(2, 5.0))
    distance = tube.distance(AXIS, AXIS, np.array([5.0]))
    assert distance[0, ORIGIN, ORIGIN + 5] == pytest.approx(-5.0, abs=0.05)
    assert distance[0, ORIGIN, ORIGIN + 12] == pytest.approx(2.0, abs=0.05)


def test_smooth_max_bounds():
    a, b = np.array([0.0, 5.0, -5.0]), np.zeros(3)
    blended = smooth_max(a, b, 2.0)
    assert blended[0] == pytest.approx(0.5)
    np.testing.assert_allclose(blended[1:], [5.0, 0.0])


def test_a_bar_is_thin_across_and_tall_along_its_upright():
    bar = Bar(np.array([0.0, 0, 0]), np.array([20.0, 0, 0]), (2.0, 4.0), (6.0, 6.0), np.array([0.0, 0, 1]))
    distance = bar.distance(AXIS, AXIS, AXIS)
    # over the middle it is 3 thick to either side and 6 tall
    assert distance[ORIGIN, ORIGIN + 5, ORIGIN + 10] == pytest.approx(2.0, abs=0.05)
    assert distance[ORIGIN + 8, ORIGIN, ORIGIN + 10] == pytest.approx(2.0, abs=0.05)
    assert distance[ORIGIN, ORIGIN, ORIGIN + 10] == pytest.approx(-3.0, abs=0.01)
    assert distance[ORIGIN, ORIGIN, ORIGIN - 5] == pytest.approx(3.0, abs=0.05), "beyond its start"


def test_a_plate_thickens_from_corner_to_corner():
    plate = Plate(np.array([[0.0, 0, 0], [20.0, 0, 0], [0.0, 20, 0]]), (1.0, 5.0, 3.0))
    distance = plate.distance(AXIS, AXIS, AXIS)
    assert distance[ORIGIN + 6, ORIGIN + 5, ORIGIN + 10] == pytest.approx(6.0 - (0.25 * 1 + 0.5 * 5 + 0.25 * 3))
    assert distance[ORIGIN, ORIGIN, ORIGIN + 30] == pytest.approx(5.0), "10 mm from the thick corner"
    assert distance[ORIGIN, ORIGIN + 30, ORIGIN] == pytest.approx(7.0), "10 mm from the third"
    assert distance[ORIGIN, ORIGIN - 6, ORIGIN + 10] == pytest.approx(3.0), "beside the edge's middle, 3 mm thick"


def test_a_compound_joins_melts_and_carves():
    balls = tuple(Ellipsoid(Frame(np.array([x, 0.0, 0.0])), (8.0, 8.0, 8.0)) for x in (-10.0, 10.0))
    hole = Ellipsoid(Frame(np.array([10.0, 0.0, 0.0])), (4.0, 4.0, 4.0))
    plain, melted = Compound(balls), Compound(balls, blend_mm=12.0)
    here = tuple(np.array([v]) for v in (0.0, 0.0, 0.0))
    assert plain.distance(*here)[0, 0, 0] == pytest.approx(2.0, abs=0.01)
    assert melted.distance(*here)[0, 0, 0] == pytest.approx(2.0 - 12.0 / 4, abs=0.01), "the neck between them is filled"
    carved = Compound(balls, (hole,)).distance(AXIS, AXIS, AXIS)[ORIGIN, ORIGIN] < 0
    assert carved[ORIGIN - 10]
    assert not carved[ORIGIN + 10]
    assert carved[ORIGIN + 16]


def test_a_straight_tube_is_the_same_in_every_plane_and_ends():
    z, half = np.array([-10.0, 10.0]), np.full(2, 5.0)
    tubes = [Tube(z, np.array([0.0, shift]), np.zeros(2), half, 2.0 * half) for shift in (0.0, 1e-6)]
    block = (np.linspace(-8, 8, 9), np.linspace(-14, 14, 8), np.linspace(-14, 14, 8))
    straight, nearly = (tube.distance(*block) for tube in tubes)
    assert straight.shape == (8, 8, 9)
    np.testing.assert_allclose(straight, nearly, atol=1e-4)
    assert straight[0].min() > 3.9
