"""What one view shows of every body: ribs and joints of each side, looks, the sacrum, and which way is up."""

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.assignment import assign_names
from OsteoJointLib.levels.body_evidence import has_rib, is_upside_down, read_column
from OsteoJointLib.levels.inference import LevelPrediction
from OsteoJointLib.levels.likelihoods import seen_joint

LONG, MIDDLE, SHORT, STUB, NONE = (196.0, 196.0), (176.0, 176.0), (90.0, 90.0), (24.0, 24.0), (0.0, 0.0)
PLAIN = [LONG, MIDDLE, SHORT, NONE, NONE, NONE, NONE, NONE]  # T10 to L5


def flipped(prediction, axis):
    """The same content the other way round along z, y or x (0 to 2), on the same grid: a wrong header."""
    return LevelPrediction(prediction.grid, *(np.ascontiguousarray(np.flip(a, axis - 3)) for a in prediction.arrays))


def test_a_plain_column_reads_as_it_was_built(make):
    scene = make.scene(PLAIN, l1=3)
    seen = read_column(scene.predict())
    centers = scene.centers()[:, ::-1] + make.corner_lps_mm
    np.testing.assert_allclose([body.center_lps_mm for body in seen.bodies], centers, atol=0.5)
    assert [has_rib(body) for body in seen.bodies] == [True] * 3 + [False] * 5
    assert [body.sacrum_below for body in seen.bodies] == [False] * 7 + [True]
    assert [body.lumbar > 0.5 for body in seen.bodies] == [False] * 3 + [True] * 5
    np.testing.assert_allclose(seen.sacrum_lps_mm, scene.first_sacral_mm()[::-1] + make.corner_lps_mm, atol=0.5)
    assert seen.above is None


def test_no_body_is_an_empty_column(make):
    seen = read_column(make.scene(PLAIN, dropped=tuple(range(8))).predict())
    assert seen.bodies == () and not seen.sacrum


def test_right_and_left_are_kept_apart(make):
    body = read_column(make.scene([(100.0, 190.0), NONE], columns=72).predict()).bodies[0]
    assert body.rib_cut == (False, True)  # the left edge lies 64 mm from the column
    assert body.rib_mm[0] > 85.0 > 75.0 > body.rib_mm[1]
    assert read_column(make.scene([NONE, NONE], columns=64).predict()).bodies[0].rib_seen == (True, False)


def test_mirroring_the_image_exchanges_the_sides(make):
    seen = make.scene([LONG, (80.0, 24.0), *[NONE] * 5]).predict()  # symmetric about x = 220
    for one, other in zip(read_column(seen).bodies, read_column(flipped(seen, 2)).bodies, strict=True):
        assert one.rib_mm == pytest.approx(other.rib_mm[::-1])
        assert one.rib_head == pytest.approx(other.rib_head[::-1])
    assert read_column(seen).bodies[1].rib_mm[0] > 60.0 > 40.0 > read_column(seen).bodies[1].rib_mm[1]


@pytest.mark.parametrize(
    ("changes", "has"),
    [({}, True), ({"jointless": (1,)}, False)],
    ids=["with its joint", "without"],
)
def test_a_short_rib_is_one_with_its_joint_only(make, changes, has):
    bodies = read_column(make.scene([LONG, STUB, NONE, NONE], **changes).predict()).bodies
    assert [has_rib(body) for body in bodies] == [True, has, False, False]
    assert bodies[1].rib_mm[0] > 15.0  # it is measured either way


def test_a_joint_without_a_traced_rib_is_seen_but_no_rib(make):
    bodies = read_column(make.scene([LONG, NONE, NONE, NONE], joints_only=(1,)).predict()).bodies
    assert [has_rib(body) for body in bodies] == [True, False, False, False]
    assert bodies[1].rib_mm == (0.0, 0.0) and all(seen_joint(bodies[1], side) for side in (0, 1))


def test_a_body_of_no_body_voxels_looks_like_nothing(make):
    prediction = make.scene([NONE] * 4, l1=2).predict()
    looks = [body.lumbar for body in read_column(prediction).bodies]
    assert looks == pytest.approx([0.05, 0.05, 0.95, 0.95], abs=1e-6)
    half = prediction.lumbar_probability
    half[:, :, : half.shape[2] // 2] = 0.5
    mixed = [body.lumbar for body in read_column(prediction).bodies]
    assert 0.05 < mixed[0] < 0.5 < mixed[3] < 0.95


def test_a_rib_at_a_place_inside_the_view_is_not_above_it(make):
    assert read_column(make.scene(PLAIN, dropped=(0,)).predict()).above is None


def test_a_rib_of_the_body_above_the_view_is_enough_to_count_from(make):
    scene = make.scene([NONE] * 4, sacrum=False, top_mm=160.0, slices=39, dropped=(0,))  # the edge at 154 mm
    prediction = scene.predict()
    for columns in (np.s_[61:75], np.s_[36:50]):
        prediction.rib_probability[37:39, 32:36, columns] = 1.0
    column = read_column(prediction)
    assert len(column.bodies) == 3
    assert column.above is not None
    assert assign_names(column).names == ("L1", "L2", "L3")


def test_a_rib_that_comes_down_from_the_edge_has_no_head_and_joins_no_body(make):
    prediction = make.scene([NONE] * 5, top_mm=250.0, slices=70).predict()
    fragment = np.s_[58:70, 46:50, 66:72]  # 45 mm beside the column, touching the top
    prediction.classes[fragment], prediction.rib_probability[fragment] = Tissue.RIB, 1.0
    column = read_column(prediction)
    assert all(body.rib_mm == (0.0, 0.0) for body in column.bodies)
    assert column.above is None


def test_a_tilted_grid_tilts_the_column(make):
    prediction = make.scene(PLAIN).predict()
    angle = np.radians(2.0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    tilted = replace(prediction, grid=replace(prediction.grid, direction=turn))
    corner = np.array(make.corner_lps_mm)
    for plain, other in zip(read_column(prediction).bodies, read_column(tilted).bodies, strict=True):
        np.testing.assert_allclose(other.center_lps_mm, turn @ (np.array(plain.center_lps_mm) - corner) + corner)
        assert other.rib_mm == plain.rib_mm


def test_a_body_cut_by_the_top_edge_is_marked_and_its_ribs_unseen_where_none_is_traced(make):
    column = read_column(make.scene([NONE] * 4, slices=97).predict())  # the top body's center lies 6 mm below the edge
    assert [body.cut for body in column.bodies] == [True, False, False, False]
    assert [body.rib_seen for body in column.bodies[:2]] == [(False, False), (True, True)]


# Which way is up

UPRIGHT = [
    {"rib_mm": PLAIN},
    {"rib_mm": PLAIN, "lean_mm": 12.0},
    {"rib_mm": PLAIN, "lean_mm": -12.0},
    {"rib_mm": PLAIN, "sacrum": False},
    {"rib_mm": [NONE] * 5},
    {"rib_mm": [NONE, (120.0, 0.0), NONE, NONE], "sacrum": False},
    {"rib_mm": [LONG, LONG, MIDDLE], "sacrum": False},
    {"rib_mm": PLAIN, "columns": 70},
]


@pytest.mark.parametrize("scene", UPRIGHT, ids=range(len(UPRIGHT)))
def test_an_upright_ct_is_not_upside_down_nor_is_its_mirror_image(make, scene):
    prediction = make.scene(**scene).predict()
    assert not is_upside_down(prediction)
    assert not is_upside_down(flipped(prediction, 2))


@pytest.mark.parametrize("scene", [UPRIGHT[index] for index in (0, 1, 2, 3, 4, 6)], ids=(0, 1, 2, 3, 4, 6))
@pytest.mark.parametrize("posterior", [True, False])
def test_upside_down_is_noticed_by_ribs_or_sacrum(make, scene, posterior):
    prediction = make.scene(**scene).predict()
    if not posterior:
        prediction.classes[prediction.classes == Tissue.POSTERIOR] = 0
    assert is_upside_down(flipped(prediction, 0))


@pytest.mark.parametrize("scene", UPRIGHT, ids=range(len(UPRIGHT)))
def test_back_to_front_is_noticed_by_posterior_elements(make, scene):
    assert is_upside_down(flipped(make.scene(**scene).predict(), 1))


def test_a_patient_turned_by_half_about_x_is_noticed(make):
    prediction = make.scene(PLAIN).predict()
    assert is_upside_down(flipped(flipped(prediction, 0), 1))


@pytest.mark.parametrize("axis", [0, 1])
def test_bodies_alone_or_with_one_rib_do_not_tell(make, axis):
    for rib in (NONE, (120.0, 0.0)):
        prediction = make.scene([NONE, rib, NONE, NONE], sacrum=False).predict()
        prediction.classes[prediction.classes == Tissue.POSTERIOR] = 0
        assert not is_upside_down(flipped(prediction, axis))


def test_a_few_stray_voxels_tell_nothing(make):
    prediction = make.scene([NONE] * 4).predict()
    prediction.classes[prediction.classes == Tissue.BODY] = 0
    prediction.classes[10, 60, 50:60] = Tissue.BODY  # ten voxels behind everything and below the sacrum
    assert not is_upside_down(prediction)
    empty = np.zeros((1, 5, 5), np.float32)
    grid = Grid.axis_aligned(empty.shape, (4.0,) * 3, (0, 0, 0))
    assert not is_upside_down(LevelPrediction(grid, empty.astype(np.uint8), empty, np.stack([empty] * 3), empty))
