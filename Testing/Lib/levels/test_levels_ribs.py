"""Ribs of every body: lengths, sides, heads, joints, and what the image ends or doesn't show."""

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Landmark, Tissue
from OsteoJointLib.levels.bodies import Body, find_bodies
from OsteoJointLib.levels.inference import LevelPrediction
from OsteoJointLib.levels.ribs import _Side, find_heads, find_ribs, head_scores, joint_heights, match_heads

NONE = (0.0, 0.0)


def test_rib_lengths_and_sides(make):
    scene = make.scene([(100.0, 0.0), (0.0, 48.0), NONE])
    prediction = scene.predict()
    ribs = find_ribs(prediction, find_bodies(prediction))
    assert ribs[0][0].length_mm == pytest.approx(100.0, abs=12.0)  # steps along voxels overrate by up to a tenth
    assert ribs[1][1].length_mm == pytest.approx(48.0, abs=8.0)
    assert [side.length_mm for side in (ribs[0][1], ribs[1][0], *ribs[2])] == [0.0] * 4
    assert all(side.seen and not side.cut for pair in ribs for side in pair)


def test_a_rib_the_edge_ends_is_marked_cut_and_a_side_out_of_view_unseen(make):
    scene = make.scene([(100.0, 190.0), NONE], columns=72)  # the left edge lies 64 mm from the column
    ribs = find_ribs(scene.predict(), find_bodies(scene.predict()))
    assert ribs[0][1].cut
    assert not ribs[0][0].cut
    narrow = make.scene([NONE, NONE], columns=64)
    ribs = find_ribs(narrow.predict(), find_bodies(narrow.predict()))
    assert [side.seen for side in ribs[0]] == [True, False]


def test_a_neck_taken_for_a_process_and_a_gap_do_not_shorten_the_rib(make):
    scene = make.scene([(100.0, 100.0), NONE])
    prediction = scene.predict()
    plain = find_ribs(prediction, find_bodies(prediction))
    neck = (
        (prediction.classes == Tissue.RIB)
        & (abs(np.arange(111) * 4.0 - 220.0) > 30)
        & (abs(np.arange(111) * 4.0 - 220.0) < 52)
    )
    prediction.classes[neck], prediction.rib_probability[neck] = Tissue.POSTERIOR, 0.1
    gap = (prediction.classes == Tissue.RIB) & (abs(abs(np.arange(111) * 4.0 - 220.0) - 80.0) < 4)
    prediction.classes[gap], prediction.rib_probability[gap] = Tissue.BACKGROUND, 0.0
    for side, whole in zip(find_ribs(prediction, find_bodies(prediction))[0], plain[0], strict=True):
        assert side.length_mm == pytest.approx(whole.length_mm, abs=14.0)


def test_heads_of_two_ribs_that_touch_are_told_apart(make):
    scene = make.scene([(90.0, 90.0), (60.0, 60.0), NONE])
    prediction = scene.predict()
    joined = np.s_[87:99, 33:36, 48:52]  # a bar along the right heads of the first two bodies
    prediction.classes[joined], prediction.rib_probability[joined] = Tissue.RIB, 1.0
    ribs = find_ribs(prediction, find_bodies(prediction))
    assert ribs[0][0].length_mm == pytest.approx(ribs[0][1].length_mm, abs=12.0)
    assert ribs[1][0].length_mm == pytest.approx(ribs[1][1].length_mm, abs=12.0)


def lone_body(make, z_mm=200.0, **ribs):
    """A body alone at (z, 120, 220), its joints 4.8 mm higher, and rib voxels where ``ribs`` says."""
    prediction = make.scene([], sacrum=False).predict()
    for z, x in ribs["at"]:
        prediction.rib_probability[round(z / 4), 33, round(x / 4)] = 1.0
    (pair,) = find_ribs(prediction, (Body(np.array([z_mm, 120.0, 220.0]), 0.9, 32.0, False),))
    return pair


def line(first_mm, last_mm, z_mm=204.0):
    return [(z_mm, 220.0 + x) for x in np.linspace(first_mm, last_mm, abs(last_mm - first_mm) // 4 + 1)]


def test_length_of_a_straight_rib_by_hand(make):
    right, left = lone_body(make, at=line(24, 124))
    assert left.length_mm == pytest.approx(0.93 * 100.0 + 4.0)
    assert (right.length_mm, left.cut) == (0.0, False)
    right, left = lone_body(make, at=line(-24, -84))
    assert (right.length_mm, left.length_mm) == (pytest.approx(0.93 * 60.0 + 4.0), 0.0)


def test_a_gap_wider_than_half_the_space_between_ribs_ends_the_rib(make):
    assert lone_body(make, at=[*line(24, 64), *line(76, 124)])[1].length_mm == pytest.approx(0.93 * 100.0 + 4.0)
    assert lone_body(make, at=[*line(24, 56), *line(68, 80), *line(92, 124)])[1].length_mm == pytest.approx(
        0.93 * 100.0 + 4.0
    )
    assert lone_body(make, at=[*line(24, 64), *line(84, 124)])[1].length_mm == pytest.approx(0.93 * 40.0 + 4.0)


def test_a_head_that_grazes_the_edge_is_not_cut_but_an_end_there_is(make):
    down = [(412.0 - step, 244.0 + step) for step in np.arange(0.0, 81.0, 4.0)]  # 412 mm is the last slice
    assert not lone_body(make, 404.0, at=down)[1].cut
    up = [(352.0 + step, 244.0 + step) for step in np.arange(0.0, 61.0, 4.0)]
    assert lone_body(make, 348.0, at=up)[1].cut


def test_a_rib_from_outside_the_column_keeps_its_own_voxels(make):
    # The second head lies 27 mm, 0.85 body heights, above the joint; the two ribs touch at 64 mm.
    touching = [*line(24, 64), *[(z, 284.0) for z in np.arange(208.0, 229.0, 4.0)], *line(24, 124, 232.0)]
    assert lone_body(make, at=touching)[1].length_mm < 0.93 * (40.0 + 16.0) + 4.0


def test_right_side_out_of_view_is_unseen(make):
    whole = make.scene([NONE, NONE]).predict()
    grid = Grid.axis_aligned((104, 70, 64), (4.0,) * 3, (8.0, -120.0, 1000.0))
    prediction = LevelPrediction(grid, *(array[..., 47:] for array in whole.arrays))  # the edge lies 32 mm off
    assert [side.seen for side in find_ribs(prediction, find_bodies(prediction))[0]] == [False, True]


def test_heads_go_to_the_nearest_joint_and_a_second_one_there_to_none(make):
    joints, heights = np.array([134.0, 100.0, 66.0]), np.full(3, 34.0)
    assert match_heads([98.0, 104.0, 150.0, 60.0, 20.0], joints, heights) == ({0: 1, 2: 0, 3: 2}, [4])


def test_a_bar_along_three_joints_is_three_heads(make):
    z = np.arange(60.0, 141.0, 4.0)
    bar = _Side(
        np.stack([z, z * 0 + 130, z * 0 + 244], axis=1), z * 0 + 24, z * 0 + 10, z > 0, np.zeros(len(z), bool), 4.0
    )
    heads = find_heads(bar, np.array([134.0, 100.0, 66.0]), np.full(3, 34.0))
    # The joints' halfway heights are 117 and 83 mm.
    assert [(z[head].min(), z[head].max()) for head in heads] == [(120.0, 140.0), (84.0, 116.0), (60.0, 80.0)]


def test_joints_of_a_leaning_column_lie_lower_on_the_side_it_leans_to(make):
    # Up the column 34 mm, 6 mm to the back and 10 mm to the left: a step of 35.95 mm.
    bodies = tuple(Body(np.array([200.0 - 34 * i, 120 - 6 * i, 180 - 10 * i]), 0.9, 36.0, False) for i in range(3))
    raised = 0.15 * 36.0 * 34 / 35.95 - 13.0 * 6 / 35.95
    right, left = joint_heights(bodies, -1.0), joint_heights(bodies, 1.0)
    np.testing.assert_allclose(right, np.array([200.0, 166.0, 132.0]) + raised + 22.0 * 10 / 35.95, atol=0.01)
    np.testing.assert_allclose(left, np.array([200.0, 166.0, 132.0]) + raised - 22.0 * 10 / 35.95, atol=0.01)


def test_joints_are_seen_at_their_own_body(make):
    scene = make.scene([(100.0, 60.0), NONE, NONE, (24.0, 24.0), NONE], jointless=(3,), joints_only=(2,))
    scores = np.array(head_scores(scene.predict(), find_bodies(scene.predict())))
    assert (scores > 0.6).tolist() == [[True, True], [False, False], [True, True], [False, False], [False, False]]
    assert scores[[1, 3, 4]].max() < 0.1


def test_a_joint_of_one_side_is_not_the_other_sides(make):
    scene = make.scene([NONE] * 3, joints_only=(1,))
    prediction = scene.predict()
    prediction.landmarks[Landmark.RIB_HEAD][..., 56:] = 0.0  # all to the left of the column
    scores = head_scores(prediction, find_bodies(prediction))
    assert scores[1][0] > 0.6 > 0.1 > scores[1][1]
    assert max(*scores[0], *scores[2]) < 0.1


def test_joints_outside_the_volume_are_none(make):
    prediction = make.scene([NONE] * 3, joints_only=(0, 1, 2)).predict()
    outside = tuple(Body(np.array(center), 0.9, 34.0, False) for center in ((700.0, 120.0, 220.0), (-300.0, 0.0, 0.0)))
    assert head_scores(prediction, outside) == [(0.0, 0.0), (0.0, 0.0)]


def test_no_body_has_no_ribs(make):
    assert find_ribs(make.scene([(90.0, 90.0)]).predict(), ()) == []
