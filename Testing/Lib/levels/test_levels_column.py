"""Bodies of the visible column and the sacrum under it, on scenes and by hand."""

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.level_config import Landmark, Tissue
from OsteoJointLib.levels.bodies import (
    Body,
    best_path,
    body_above,
    body_heights,
    body_share,
    find_bodies,
    find_candidates,
    refine_peak,
    step_penalty,
    valley_between,
)
from OsteoJointLib.levels.body_evidence import read_column
from OsteoJointLib.levels.sacrum import first_sacral_mm, is_sacral, sacrum_below

NONE = (0.0, 0.0)
HEIGHT_MM = 34.0


def body(z, y=120.0, x=220.0, height=HEIGHT_MM):
    return Body(np.array([z, y, x]), 0.9, height, False)


def empty(make, **changes):
    """A scene in which nothing is marked."""
    prediction = make.scene([NONE], sacrum=False, dropped=(0,), **changes).predict()
    prediction.classes[:] = 0
    return prediction


def test_every_body_is_found_in_its_place_and_order(make):
    scene = make.scene([NONE] * 6, lean_mm=5.0)
    bodies = find_bodies(scene.predict())
    np.testing.assert_allclose([body.center_mm for body in bodies], scene.centers(), atol=0.5)
    assert [body.height_mm for body in bodies] == pytest.approx([np.hypot(34.0, 5.0)] * 6, abs=0.5)
    assert all(0.9 < body.score <= 0.96 and not body.cut for body in bodies)


def test_nothing_marked_is_no_column(make):
    assert find_bodies(empty(make)) == ()


def test_peaks_off_the_bodies_are_no_candidates(make):
    scene = make.scene([NONE] * 4)
    prediction = scene.predict()
    prediction.classes[:] = 0
    assert find_bodies(prediction) == ()
    prediction.classes[int(scene.centers()[1, 0] / 4) - 3 : int(scene.centers()[1, 0] / 4) + 4] = Tissue.BODY
    (only,) = find_bodies(prediction)
    np.testing.assert_allclose(only.center_mm, scene.centers()[1], atol=0.5)


def test_peaks_near_the_edge_of_what_is_hot_are_found(make):
    scene = make.scene([NONE] * 3, sacrum=False, top_mm=70.0, slices=20)  # the last center lies at 2 mm
    centers, scores = find_candidates(scene.predict())
    np.testing.assert_allclose(centers[:, 0], [70.0, 36.0, 2.0], atol=2.1)
    assert len(scores) == 3


def test_weak_bodies_at_both_ends_are_left_out(make):
    scene = make.scene([NONE] * 6)
    prediction = scene.predict()
    for z in scene.centers()[[0, -1], 0]:
        around = np.s_[int(z / 4) - 4 : int(z / 4) + 5]
        prediction.heatmap[around] *= 0.25 / 0.9
        prediction.classes[around, :, :56] = 0  # 10 of the ball's 33 voxels are left: sqrt(0.25 * 0.3) = 0.27
    np.testing.assert_allclose([b.center_mm for b in find_bodies(prediction)], scene.centers()[1:-1], atol=0.5)


@pytest.mark.parametrize(("lowest_mm", "cut"), [(9.0, True), (11.5, False)])
def test_a_body_that_reaches_below_the_first_slice_is_cut(make, lowest_mm, cut):
    # A body reaches 0.36 * 34 = 12.2 mm down; the first slice's lower edge lies at -2 mm.
    scene = make.scene([NONE] * 3, sacrum=False, top_mm=lowest_mm + 2 * HEIGHT_MM, slices=40)
    assert [body.cut for body in find_bodies(scene.predict())] == [False, False, cut]


def test_a_cut_body_at_the_top_edge_is_marked(make):
    scene = make.scene([NONE] * 4, slices=97)  # the top body's center lies at 380 mm, the edge at 386 mm
    assert [body.cut for body in find_bodies(scene.predict())] == [True, False, False, False]


def test_a_missed_body_is_stepped_over(make):
    scene = make.scene([NONE] * 8, dropped=(5,))
    bodies = find_bodies(scene.predict())
    np.testing.assert_allclose([b.center_mm for b in bodies], np.delete(scene.centers(), 5, axis=0), atol=0.5)
    assert bodies[4].height_mm == bodies[5].height_mm == pytest.approx(34.0, abs=0.5)  # not the gap's 68


def test_valleys_are_deep_between_bodies_apart_and_shallow_where_they_melt(make):
    # The scene's bells are 5.5 mm wide, the higher one counts; the voxels next to halfway lie 16 and 8 mm off a center.
    apart, near = (find_bodies(make.scene([NONE] * 4, pitch_mm=pitch).predict()) for pitch in (34.0, 20.0))
    assert apart[0].valley == near[0].valley == 0.0
    for bodies, half in ((apart, 16.0), (near, 8.0)):
        for lower in bodies[1:]:
            assert lower.valley == pytest.approx(np.exp(-(half**2) / 60.5), abs=0.03)


def test_a_valley_is_measured_against_the_lower_peak(make):
    scene = make.scene([NONE] * 2)
    prediction = scene.predict()
    upper, lower = scene.centers()
    prediction.heatmap[:] = 0.3
    prediction.heatmap[int(upper[0] / 4) - 1 :] = 0.9
    assert valley_between(prediction, upper, lower) == pytest.approx(1.0, abs=0.01)
    prediction.heatmap[int(upper[0] / 4) - 4 : int(upper[0] / 4) - 1] = 0.15
    assert valley_between(prediction, upper, lower) == pytest.approx(0.5, abs=0.01)


def test_the_body_above_is_one_step_further_up(make):
    above = body_above((body(200.0, 120.0, 220.0), body(166.0, 124.0, 215.0)))
    np.testing.assert_allclose(above.center_mm, [234.0, 116.0, 225.0])
    assert (above.score, above.cut) == (0.0, True)
    np.testing.assert_allclose(body_above((body(200.0, height=32.0),)).center_mm, [232.0, 120.0, 220.0])


def test_place_in_the_world_is_x_y_z(make):
    assert body(100.0, 40.0, 20.0).center_lps_mm(make.scene([NONE]).grid) == pytest.approx((-160.0, -80.0, 1100.0))


def test_path_leaves_out_a_stray_peak_beside_the_column():
    centers = np.array([[200.0, 120, 180], [183.0, 150, 215], [166.0, 120, 180], [132.0, 120, 180], [98.0, 120, 180]])
    scores = np.array([0.8, 0.5, 0.8, 0.8, 0.8])
    assert best_path(centers, scores) == [0, 2, 3, 4]


def test_stepping_over_a_weak_body_costs_more_than_a_bend():
    # 10.84 mm aside: two steps at 35.4 degrees to each other cost 0.25 * (35.4 / 25)^2 = 0.5. Through the body in the
    # middle 0.8 + 0.35 + 0.8 - 0.5 = 1.45; over it 0.8 + 0.8 - 0.8 = 0.8, and 1.6 if stepping over it cost nothing.
    centers = np.array([[200.0, 120, 180], [166.0, 120, 190.84], [132.0, 120, 180]])
    assert best_path(centers, np.array([0.8, 0.35, 0.8])) == [0, 1, 2]
    assert best_path(centers[::2], np.array([0.8, 0.8])) == [0, 1]


def test_path_of_one_candidate_is_that_candidate():
    assert best_path(np.array([[10.0, 20.0, 30.0]]), np.array([0.7])) == [0]
    assert best_path(np.zeros((0, 3)), np.zeros(0)) == []


def test_uneven_and_bent_steps_cost_a_quarter_each():
    step = np.array([-30.0, 0.0, 0.0])
    longer, bent = step * np.exp(0.25), 30.0 * np.array([-np.cos(np.radians(25)), 0.0, np.sin(np.radians(25))])
    assert [step_penalty(step, next_step) for next_step in (step, longer, bent, bent * np.exp(-0.25))] == pytest.approx(
        [0.0, 0.25, 0.25, 0.5], abs=1e-6
    )
    assert (step_penalty(None, step), step_penalty(step, -step)) == (0.0, 1.5)


def test_height_is_the_distance_to_the_nearer_neighbor():
    line = np.array([[100.0, 0, 0], [70, 0, 0], [30, 0, 0], [5, 0, 0]])
    assert body_heights(line).tolist() == [30.0, 30.0, 25.0, 25.0]
    assert body_heights(line[:1]).tolist() == [32.0]


def test_share_of_body_voxels_in_a_ball_of_two_voxels(make):
    prediction = empty(make)
    prediction.classes[50, 30, 55] = Tissue.BODY
    # 33 points of a cubic lattice lie within two steps of one of them
    assert body_share(prediction, np.array([[200.0, 120.0, 220.0]])) == pytest.approx([1 / 33])
    assert body_share(prediction, np.array([[212.0, 120.0, 220.0]])) == pytest.approx([0.0])


def test_peak_of_a_sampled_gaussian_is_recovered_exactly():
    center = np.array([5.3, 6.1, 4.7])
    index = np.stack(np.meshgrid(*[np.arange(12)] * 3, indexing="ij"), axis=-1)
    heatmap = np.exp(-((index - center) ** 2).sum(axis=-1) / (2 * 1.75**2))
    peak = np.array(np.unravel_index(np.argmax(heatmap), heatmap.shape))
    np.testing.assert_allclose(refine_peak(heatmap, peak), center, atol=1e-6)


# The sacrum


def first_of(prediction):
    return first_sacral_mm(prediction, find_bodies(prediction))


def test_the_first_sacral_body_is_where_its_landmark_is(make):
    scene = make.scene([NONE] * 5, lean_mm=4.0)
    np.testing.assert_allclose(first_of(scene.predict()), scene.first_sacral_mm(), atol=0.5)
    assert first_of(make.scene([NONE] * 5, sacrum=False).predict()) is None


def test_what_looks_like_a_sacrum_above_the_column_is_none(make):
    scene = make.scene([NONE] * 5)
    prediction = scene.predict()
    prediction.landmarks[Landmark.SACRUM, 100, 30, 60] = 1.0
    np.testing.assert_allclose(first_of(prediction), scene.first_sacral_mm(), atol=0.5)


@pytest.mark.parametrize(("peak", "seen"), [(0.31, True), (0.29, False)])
def test_a_faint_first_sacral_body_is_not_seen(make, peak, seen):
    prediction = make.scene([NONE] * 5).predict()
    prediction.landmarks[Landmark.SACRUM] *= peak / prediction.landmarks[Landmark.SACRUM].max()
    assert (first_of(prediction) is not None) is seen


@pytest.mark.parametrize(
    ("z", "y", "sacral"),
    [(234.0, 120.0, False), (200.0, 124.0, True), (170.0, 135.0, True), (216.0, 124.0, True), (218.0, 124.0, False)],
    ids=["L5", "S1", "S2", "half of S1", "just above"],
)
def test_s1_and_what_lies_below_it_are_sacral_and_l5_is_not(z, y, sacral):
    assert is_sacral(body(z, y), np.array([200.0, 124.0, 220.0])) is sacral


def test_l5_over_a_steep_sacrum_is_not_sacral():
    assert not is_sacral(body(216.0, 100.0, height=30.0), np.array([200.0, 124.0, 220.0]))


def test_bodies_at_and_below_s1_are_not_counted(make):
    # The network marks S1 and S2 as bodies, too.
    scene = make.scene([NONE] * 8, sacrum=False, top_mm=380.0)
    prediction = scene.predict()
    landmark = replace(scene, rib_mm=[NONE] * 6, sacrum=True).maps()[1][Landmark.SACRUM]
    prediction.landmarks[Landmark.SACRUM] = landmark
    assert len(read_column(scene.predict()).bodies) == 8
    seen = read_column(prediction)
    assert len(seen.bodies) == 6
    assert [body.sacrum_below for body in seen.bodies] == [False] * 5 + [True]
    z, y, x = scene.centers()[6]
    assert seen.sacrum_lps_mm == pytest.approx((x - 180.0, y + 4.0 - 120.0, z + 1000.0), abs=0.5)


@pytest.mark.parametrize(("down_mm", "joined"), [(34.0, True), (47.0, True), (48.5, False), (68.0, False)])
def test_the_sacrum_follows_within_one_and_four_tenths_heights(make, down_mm, joined):
    first = np.array([200.0 - down_mm, 120.0, 220.0])
    assert sacrum_below(empty(make), body(200.0), first) is joined


def test_a_sacrum_seen_but_not_joined_is_apart(make):
    seen = read_column(make.scene([NONE] * 6, dropped=(5,)).predict())
    assert len(seen.bodies) == 5
    assert seen.sacrum_apart and not seen.sacrum
    joined = read_column(make.scene([NONE] * 6).predict())
    assert joined.sacrum and not joined.sacrum_apart


@pytest.mark.parametrize(
    ("block", "below"),
    [
        (np.s_[38:43, 28:32, 53:57], True),  # 80 voxels are 5.12 ml; the nearest 32 mm below the center
        (np.s_[39:43, 28:32, 53:57], False),  # 64 voxels are 4.1 ml
        (np.s_[30:40, 28:32, 53:57], False),  # the nearest lies 44 mm below, a body is 34 mm high
        (np.s_[57:62, 28:32, 53:57], False),  # above
    ],
)
def test_without_s1_the_nearest_sacrum_counts_by_size_and_place(make, block, below):
    prediction = empty(make)
    prediction.classes[block] = Tissue.SACRUM
    assert sacrum_below(prediction, body(200.0), None) is below
    assert sacrum_below(prediction, body(200.0), np.array([100.0, 120.0, 220.0])) is False  # S1 itself is far
