"""The level stage after the network, on class volumes built from boxes (bodies), tubes (ribs) and a block (sacrum)."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.bodies import (
    Body,
    best_path,
    body_heights,
    body_share,
    find_bodies,
    refine_peak,
    step_penalty,
)
from OsteoJointLib.levels.finding import VisibleColumn, choose_levels, read_column
from OsteoJointLib.levels.inference import LevelPrediction
from OsteoJointLib.levels.ribs import find_heads, find_ribs, joint_heights, match_heads
from OsteoJointLib.levels.sacrum import is_sacral, sacrum_below
from OsteoJointLib.records import BodyEvidence, Level

SPACING_MM = 4.0
HEIGHT_MM = 34.0
AXIS_MM = (120.0, 220.0)  # y, x of the column


@dataclass
class Scene:
    """A column: ``rib_mm`` per body from top to bottom, (right, left); the first body's center at ``top_mm``."""

    rib_mm: list
    sacrum: bool = True
    top_mm: float = 380.0
    slices: int = 104
    dropped: tuple = ()  # bodies the network misses
    columns: int = 111

    def centers(self):
        return np.array([[self.top_mm - HEIGHT_MM * i, *AXIS_MM] for i in range(len(self.rib_mm))])

    def predict(self) -> LevelPrediction:
        shape = (self.slices, 70, self.columns)
        z, y, x = (axis * np.float32(SPACING_MM) for axis in np.ogrid[: shape[0], : shape[1], : shape[2]])
        classes, heatmap = np.zeros(shape, np.uint8), np.zeros(shape, np.float32)
        for index, center in enumerate(self.centers()):
            dz, dy, dx = z - center[0], y - center[1], x - center[2]
            classes[(abs(dz) < 13) & (abs(dy) < 17) & (abs(dx) < 22)] = Tissue.BODY
            if index not in self.dropped:
                peak = [np.exp(-(line**2) / (2 * 7.0**2)) for line in (dz, dy, dx)]
                np.maximum(heatmap, np.float32(0.9) * (peak[1] * peak[2]) * peak[0], out=heatmap)
            for sign, length in zip((-1, 1), self.rib_mm[index], strict=True):
                along = sign * dx - 22.0
                rib = (along >= 0) & (along < length) & (abs(dy - 16) < 5) & (abs(dz - 6 + 0.15 * along) < 5)
                classes[rib] = Tissue.RIB
        if self.sacrum:
            below = self.top_mm - HEIGHT_MM * len(self.rib_mm)
            classes[(z < below + 13) & (z > below - 50) & (abs(y - 130) < 20) & (abs(x - 220) < 45)] = Tissue.SACRUM
        grid = Grid.axis_aligned(shape, (SPACING_MM,) * 3, (-180.0, -120.0, 1000.0))
        return LevelPrediction(classes, (classes == Tissue.RIB).astype(np.float32), heatmap.astype(np.float32), grid)

    def find(self):
        return choose_levels(read_column(self.predict()))


LONG, MIDDLE, SHORT, STUB, NONE = (196.0, 196.0), (176.0, 176.0), (90.0, 90.0), (24.0, 24.0), (0.0, 0.0)
PLAIN = [LONG, MIDDLE, SHORT, NONE, NONE, NONE, NONE, NONE]  # T10 to L5


def codes(levels):
    return {flag.code for flag in levels.flags}


def height_of(levels, scene):
    """Index of the body called L1."""
    z = levels.l1.center_lps_mm[2] - 1000.0
    return int(np.argmin(abs(scene.centers()[:, 0] - z)))


def test_plain_column_is_named_with_no_flag():
    scene = Scene(PLAIN)
    levels = scene.find()
    assert levels.names == ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")
    assert levels.flags == ()
    assert levels.l1.confidence > 0.99
    expected = scene.centers()[3][::-1] + np.array([-180.0, -120.0, 1000.0])
    np.testing.assert_allclose(levels.l1.center_lps_mm, expected, atol=0.3)
    assert levels.l2.center_lps_mm[2] == pytest.approx(levels.l1.center_lps_mm[2] - HEIGHT_MM, abs=0.3)


@pytest.mark.parametrize("count", [4, 6])
def test_four_or_six_lumbar_bodies_keep_l1_under_the_last_rib_and_are_flagged(count):
    scene = Scene([LONG, MIDDLE, SHORT, *[NONE] * count])
    levels = scene.find()
    assert height_of(levels, scene) == 3
    assert Reason.TRANSITIONAL_ANATOMY in codes(levels)
    assert Reason.LEVELS_UNCERTAIN in codes(levels)


def test_stub_ribs_without_sacrum_are_right_but_uncertain():
    scene = Scene([LONG, MIDDLE, STUB, NONE, NONE, NONE, NONE], sacrum=False, top_mm=250.0, slices=72)
    levels = scene.find()
    assert height_of(levels, scene) == 3
    assert {Reason.STUB_RIB, Reason.LEVELS_UNCERTAIN, Reason.NO_SACRUM_IN_VIEW} <= codes(levels)


def test_stub_ribs_with_the_sacrum_five_below_are_sure():
    levels = Scene([LONG, MIDDLE, STUB, NONE, NONE, NONE, NONE, NONE]).find()
    assert levels.names[3] == "L1"
    assert Reason.STUB_RIB in codes(levels)
    assert Reason.LEVELS_UNCERTAIN not in codes(levels)


def test_sacrum_alone_counts_five_up_and_says_that_ribs_are_missing():
    scene = Scene([NONE] * 6, top_mm=250.0, slices=66, columns=70)
    levels = scene.find()
    assert levels.names == ("T12", "L1", "L2", "L3", "L4", "L5")
    assert Reason.NO_RIBS_IN_VIEW in codes(levels)


def test_ribs_alone_are_sure_but_say_that_the_sacrum_is_missing():
    levels = Scene(PLAIN[:-1], sacrum=False, top_mm=240.0, slices=70).find()
    assert levels.names[3] == "L1"
    assert codes(levels) == {Reason.NO_SACRUM_IN_VIEW}


def test_a_cut_body_at_the_top_edge_is_marked_and_lends_no_evidence():
    scene = Scene(PLAIN, slices=97)  # the top body's center lies at 380 mm, the edge at 386 mm
    column = read_column(scene.predict())
    assert column.bodies[0].cut
    assert not column.bodies[1].cut
    assert choose_levels(column).names[3] == "L1"


@pytest.mark.parametrize(
    ("scene", "reason"),
    [
        (Scene([LONG, LONG, MIDDLE, SHORT], sacrum=False, top_mm=120.0, slices=36), Reason.LEVEL_NOT_IN_VIEW),
        (Scene([LONG, MIDDLE, SHORT, NONE], sacrum=False, top_mm=115.0, slices=34), Reason.LEVEL_NOT_IN_VIEW),
        (Scene([NONE] * 3, top_mm=200.0, slices=60), Reason.LEVEL_NOT_IN_VIEW),
        (Scene([NONE] * 4, sacrum=False, top_mm=120.0, slices=36), Reason.LEVELS_UNDECIDED),
        (Scene([], sacrum=False), Reason.NO_SPINE),
    ],
    ids=["ends at T12", "ends at L1", "begins at L3", "neither ribs nor sacrum", "no spine"],
)
def test_refuses_rather_than_guesses(scene, reason):
    with pytest.raises(InputRefused) as refusal:
        scene.find()
    assert refusal.value.reason is reason


def seen(*rib_mm, sacrum=True, cut=None, missed=None, above=None):
    """What is seen of bodies with ribs of these lengths (or pairs), top to bottom; ``cut``, ``missed``: indices."""
    last = len(rib_mm) - 1
    return VisibleColumn(
        tuple(
            BodyEvidence(
                (0.0, 0.0, -34.0 * index),
                0.1 if index == missed else 0.9,
                mm if isinstance(mm, tuple) else (mm, mm),
                (True, True),
                sacrum and index == last,
                index == cut,
            )
            for index, mm in enumerate(rib_mm)
        ),
        None if above is None else BodyEvidence((0.0, 0.0, 34.0), 0.0, (above, above), (True, True), False, True),
    )


def message(levels, code):
    return next(flag.message for flag in levels.flags if flag.code is code)


T11_TO_L5 = (180.0, 100.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("cut", "flagged"),
    [(0, []), (1, []), (2, [Level.L1]), (3, [Level.L2]), (4, []), (6, [])],
    ids=lambda case: str(case),
)
def test_only_l1_or_l2_itself_is_said_to_be_cut(cut, flagged):
    levels = choose_levels(seen(*T11_TO_L5, cut=cut))
    assert levels.names == ("T11", "T12", "L1", "L2", "L3", "L4", "L5")
    assert [(flag.code, flag.level) for flag in levels.flags] == [(Reason.TRUNCATED_VIEW, level) for level in flagged]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (seen(180.0, 100.0, sacrum=False), "what is seen, 2 bodies, looks most like T11 to T12."),
        (seen(0.0, 0.0, 0.0), "what is seen, 3 bodies, looks most like L3 to L5."),
        (
            seen(0.0, 100.0, sacrum=False, above=25.0),
            "what is seen, 2 bodies, can't be told from those above and below.",
        ),
        (seen(*[0.0] * 5, sacrum=False, above=0.0), "what is seen, 5 bodies, can't be named."),
    ],
    ids=["above", "below", "in between", "a neck"],
)
def test_a_refusal_names_what_is_in_view_without_contradicting_itself(column, words):
    with pytest.raises(InputRefused) as refusal:
        choose_levels(column)
    assert refusal.value.reason is Reason.LEVEL_NOT_IN_VIEW
    assert words in refusal.value.message


def test_names_that_are_likelier_than_not_are_refused_below_60_percent():
    with pytest.raises(InputRefused, match="the likeliest names, L1 to L3, are only 58 % likely") as refusal:
        choose_levels(seen(0.0, 0.0, 100.0, sacrum=False, above=180.0))
    assert refusal.value.reason is Reason.LEVELS_UNDECIDED


def test_uncertain_names_say_how_uncertain_and_why():
    unsure = message(choose_levels(seen(150.0, 30.0, 0.0, 0.0, 0.0, sacrum=False)), Reason.LEVELS_UNCERTAIN)
    assert "right with 86 %, and with 14 % L1 is the body called T12 here; the last ribs are stubs" in unsure
    too_long = message(choose_levels(seen(160.0, 0.0, 0.0, 0.0, sacrum=False)), Reason.LEVELS_UNCERTAIN)
    assert "right with 86 %, and with 12 % L1 is the body called L2 here." in too_long
    sure = message(choose_levels(seen(*T11_TO_L5, missed=4)), Reason.LEVELS_UNCERTAIN)
    assert "L3 was not seen" in sure
    assert "%" not in sure


def test_the_last_rib_is_a_stub_only_where_both_sides_are_short():
    stub = choose_levels(seen(180.0, (24.0, 30.0), *[0.0] * 5))
    assert "30 mm" in message(stub, Reason.STUB_RIB)
    one_side = choose_levels(seen(180.0, (24.0, 90.0), *[0.0] * 5))
    assert (one_side.names[2], one_side.flags) == ("L1", ())


def test_a_rib_at_l1_and_none_at_t12_are_variants():
    at_l1 = choose_levels(seen(180.0, 100.0, (0.0, 12.0), *[0.0] * 4))
    assert (at_l1.names[2], codes(at_l1) >= {Reason.STUB_RIB}) == ("L1", True)
    assert "a rib joins L1." in message(at_l1, Reason.TRANSITIONAL_ANATOMY)
    bare = seen(180.0, 0.0, *[0.0] * 5)
    assert "no rib joins T12." in message(choose_levels(bare), Reason.TRANSITIONAL_ANATOMY)
    hidden = replace(bare.bodies[1], rib_seen=(True, False))
    half_seen = choose_levels(VisibleColumn((bare.bodies[0], hidden, *bare.bodies[2:])))
    assert (half_seen.names[1], Reason.TRANSITIONAL_ANATOMY in codes(half_seen)) == ("T12", False)


def test_evidence_keeps_right_and_left_apart():
    body = read_column(Scene([(100.0, 190.0), NONE], columns=72).predict()).bodies[0]
    assert body.rib_cut == (False, True)  # the left edge lies 64 mm from the column
    assert body.rib_mm[0] > 85.0 > 75.0 > body.rib_mm[1]
    assert read_column(Scene([NONE, NONE], columns=66).predict()).bodies[0].rib_seen == (True, False)


def test_a_rib_at_a_place_inside_the_view_is_not_above_it():
    assert read_column(Scene(PLAIN, dropped=(0,)).predict()).above is None


def test_weak_bodies_at_both_ends_are_left_out():
    scene = Scene([NONE] * 6)
    prediction = scene.predict()
    for z in scene.centers()[[0, -1], 0]:
        around = np.s_[int(z / 4) - 4 : int(z / 4) + 5]
        prediction.heatmap[around] *= 0.25 / 0.9
        prediction.classes[around, :, :56] = (
            0  # 10 of the ball's 33 voxels are left: a score of sqrt(0.25 * 0.3) = 0.27
        )
    np.testing.assert_allclose([b.center_mm for b in find_bodies(prediction)], scene.centers()[1:-1], atol=0.5)


@pytest.mark.parametrize(("lowest_mm", "cut"), [(9.0, True), (11.5, False)])
def test_a_body_that_reaches_below_the_first_slice_is_cut(lowest_mm, cut):
    # A body reaches 0.36 * 34 = 12.2 mm down; the first slice's lower edge lies at -2 mm.
    scene = Scene([NONE] * 3, sacrum=False, top_mm=lowest_mm + 2 * HEIGHT_MM, slices=40)
    assert [body.cut for body in find_bodies(scene.predict())] == [False, False, cut]


def test_a_body_the_network_missed_is_put_in_and_flagged():
    scene = Scene(PLAIN, dropped=(5,))
    prediction = scene.predict()
    prediction.classes[prediction.classes.shape[0] * 0 :][  # no body voxels there either
        (np.arange(104) * SPACING_MM > 195) & (np.arange(104) * SPACING_MM < 225)
    ] = 0
    bodies = find_bodies(prediction)
    assert [body.found for body in bodies] == [True] * 5 + [False] + [True] * 2
    np.testing.assert_allclose(bodies[5].center_mm, scene.centers()[5], atol=0.5)
    levels = choose_levels(read_column(prediction))
    assert levels.names[3] == "L1"
    assert Reason.LEVELS_UNCERTAIN in codes(levels)


def test_rib_lengths_and_sides():
    scene = Scene([(100.0, 0.0), (0.0, 48.0), NONE])
    prediction = scene.predict()
    ribs = find_ribs(prediction, find_bodies(prediction))
    assert ribs[0][0].length_mm == pytest.approx(100.0, abs=12.0)  # steps along voxels overrate by up to a tenth
    assert ribs[1][1].length_mm == pytest.approx(48.0, abs=8.0)
    assert [side.length_mm for side in (ribs[0][1], ribs[1][0], *ribs[2])] == [0.0] * 4
    assert all(side.seen and not side.cut for pair in ribs for side in pair)


def test_a_rib_the_edge_ends_is_marked_cut_and_a_side_out_of_view_unseen():
    scene = Scene([(100.0, 190.0), NONE], columns=72)  # the left edge lies 64 mm from the column
    ribs = find_ribs(scene.predict(), find_bodies(scene.predict()))
    assert ribs[0][1].cut
    assert not ribs[0][0].cut
    narrow = Scene([NONE, NONE], columns=66)
    ribs = find_ribs(narrow.predict(), find_bodies(narrow.predict()))
    assert [side.seen for side in ribs[0]] == [True, False]


def test_mirroring_the_image_exchanges_the_sides():
    scene = Scene([LONG, (80.0, 24.0), NONE, NONE, NONE, NONE, NONE], columns=111)  # symmetric about x = 220
    seen = scene.predict()
    mirrored = LevelPrediction(
        *(np.ascontiguousarray(part[..., ::-1]) for part in (seen.classes, seen.rib_probability, seen.heatmap)),
        seen.grid,
    )
    for one, other in zip(read_column(seen).bodies, read_column(mirrored).bodies, strict=True):
        assert one.rib_mm == pytest.approx(other.rib_mm[::-1])


def test_a_rib_of_the_body_above_the_view_is_enough_to_count_from():
    scene = Scene([NONE] * 4, sacrum=False, top_mm=160.0, slices=39, dropped=(0,))  # the edge at 154 mm
    prediction = scene.predict()
    for columns in (np.s_[61:75], np.s_[36:50]):
        prediction.rib_probability[37:39, 32:36, columns] = 1.0
    column = read_column(prediction)
    assert len(column.bodies) == 3
    assert column.above is not None
    assert choose_levels(column).names == ("L1", "L2", "L3")


def test_a_rib_that_comes_down_from_the_edge_has_no_head_and_joins_no_body():
    scene = Scene([NONE] * 5, top_mm=250.0, slices=70)
    prediction = scene.predict()
    fragment = np.s_[58:70, 46:50, 66:72]  # 45 mm beside the column, touching the top
    prediction.classes[fragment], prediction.rib_probability[fragment] = Tissue.RIB, 1.0
    column = read_column(prediction)
    assert all(body.rib_mm == (0.0, 0.0) for body in column.bodies)
    assert column.above is None


def test_a_neck_taken_for_a_process_and_a_gap_do_not_shorten_the_rib():
    scene = Scene([(100.0, 100.0), NONE])
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


def test_heads_of_two_ribs_that_touch_are_told_apart():
    scene = Scene([(90.0, 90.0), (60.0, 60.0), NONE])
    prediction = scene.predict()
    joined = np.s_[87:99, 33:36, 48:52]  # a bar along the right heads of the first two bodies
    prediction.classes[joined], prediction.rib_probability[joined] = Tissue.RIB, 1.0
    ribs = find_ribs(prediction, find_bodies(prediction))
    assert ribs[0][0].length_mm == pytest.approx(ribs[0][1].length_mm, abs=12.0)
    assert ribs[1][0].length_mm == pytest.approx(ribs[1][1].length_mm, abs=12.0)


def test_sacral_segments_taken_for_bodies_are_left_out():
    scene = Scene([*PLAIN, NONE], sacrum=False)
    prediction = scene.predict()
    beside = np.zeros(prediction.classes.shape, bool)
    z = scene.centers()[-1][0]
    beside[int((z - 12) / 4) : int((z + 12) / 4), 30:40, 40:48] = True
    beside |= beside[:, :, ::-1]
    prediction.classes[beside] = Tissue.SACRUM
    column = read_column(prediction)
    assert len(column.bodies) == len(PLAIN)
    assert column.bodies[-1].sacrum_below


def test_a_steep_short_last_step_into_the_sacrum_is_left_out():
    bodies = [Body(np.array([z, y, 220.0]), 0.9, True, 34.0, False) for z, y in ((300, 120), (266, 122), (246, 142))]
    prediction = Scene([NONE], sacrum=False).predict()
    assert not is_sacral(prediction, tuple(bodies), False)
    assert is_sacral(prediction, tuple(bodies), True)
    prediction.classes[45:56, 34:50, 45:65] = Tissue.SACRUM  # 220 mm and below
    assert is_sacral(prediction, tuple(bodies), False)
    assert not is_sacral(prediction, tuple(bodies[:2]), True)


@pytest.mark.parametrize(
    ("block", "below"),
    [
        (np.s_[38:43, 28:32, 53:57], True),  # 80 voxels are 5.12 ml; the nearest 32 mm below the center
        (np.s_[39:43, 28:32, 53:57], False),  # 64 voxels are 4.1 ml
        (np.s_[30:40, 28:32, 53:57], False),  # the nearest lies 44 mm below, a body is 34 mm high
        (np.s_[57:62, 28:32, 53:57], False),  # above
    ],
)
def test_sacrum_below_by_size_and_place(block, below):
    prediction = Scene([], sacrum=False).predict()
    prediction.classes[block] = Tissue.SACRUM
    assert sacrum_below(prediction, Body(np.array([200.0, 120.0, 220.0]), 0.9, True, 34.0, False)) is below


@pytest.mark.parametrize(("first", "sacral"), [(66, True), (71, False)])
def test_a_body_is_sacral_by_what_lies_within_60_mm_beside_it(first, sacral):
    prediction = Scene([], sacrum=False).predict()
    prediction.classes[50:56, 28:33, first : first + 3] = Tissue.SACRUM  # 90 voxels, 5.8 ml, from 44 or 64 mm on
    column = tuple(Body(np.array([z, 120.0, 220.0]), 0.9, True, 34.0, False) for z in (234.0, 200.0))
    assert is_sacral(prediction, column, False) is sacral


def test_path_leaves_out_a_stray_peak_beside_the_column():
    centers = np.array([[200.0, 120, 180], [183.0, 150, 215], [166.0, 120, 180], [132.0, 120, 180], [98.0, 120, 180]])
    scores = np.array([0.8, 0.5, 0.8, 0.8, 0.8])
    assert [candidate for candidate, _ in best_path(centers, scores)] == [0, 2, 3, 4]


def test_uneven_and_bent_steps_cost_a_quarter_each():
    step = np.array([-30.0, 0.0, 0.0])
    longer, bent = step * np.exp(0.25), 30.0 * np.array([-np.cos(np.radians(25)), 0.0, np.sin(np.radians(25))])
    assert [step_penalty(step, next_step) for next_step in (step, longer, bent, bent * np.exp(-0.25))] == pytest.approx(
        [0.0, 0.25, 0.25, 0.5], abs=1e-6
    )
    assert (step_penalty(None, step), step_penalty(step, -step)) == (0.0, 1.5)


def test_height_is_the_mean_distance_to_both_neighbors():
    line = np.array([[100.0, 0, 0], [70, 0, 0], [30, 0, 0]])
    assert body_heights(line).tolist() == [30.0, 35.0, 40.0]
    assert body_heights(line[:1]).tolist() == [32.0]


def test_share_of_body_voxels_in_a_ball_of_two_voxels():
    prediction = Scene([], sacrum=False).predict()
    prediction.classes[50, 30, 55] = Tissue.BODY
    # 33 points of a cubic lattice lie within two steps of one of them
    assert body_share(prediction, np.array([[200.0, 120.0, 220.0]])) == pytest.approx([1 / 33])
    assert body_share(prediction, np.array([[212.0, 120.0, 220.0]])) == pytest.approx([0.0])


def lone_body(z_mm=200.0, **ribs):
    """A body alone at (z, 120, 220), its joints 4.8 mm higher, and rib voxels where ``ribs`` says."""
    prediction = Scene([], sacrum=False).predict()
    for z, x in ribs["at"]:
        prediction.rib_probability[round(z / 4), 33, round(x / 4)] = 1.0
    (pair,) = find_ribs(prediction, (Body(np.array([z_mm, 120.0, 220.0]), 0.9, True, 32.0, False),))
    return pair


def line(first_mm, last_mm, z_mm=204.0):
    return [(z_mm, 220.0 + x) for x in np.linspace(first_mm, last_mm, abs(last_mm - first_mm) // 4 + 1)]


def test_length_of_a_straight_rib_by_hand():
    right, left = lone_body(at=line(24, 124))
    assert left.length_mm == pytest.approx(0.93 * 100.0 + 4.0)
    assert (right.length_mm, left.cut) == (0.0, False)
    right, left = lone_body(at=line(-24, -84))
    assert (right.length_mm, left.length_mm) == (pytest.approx(0.93 * 60.0 + 4.0), 0.0)


def test_a_gap_wider_than_half_the_space_between_ribs_ends_the_rib():
    assert lone_body(at=[*line(24, 64), *line(76, 124)])[1].length_mm == pytest.approx(0.93 * 100.0 + 4.0)
    assert lone_body(at=[*line(24, 56), *line(68, 80), *line(92, 124)])[1].length_mm == pytest.approx(
        0.93 * 100.0 + 4.0
    )
    assert lone_body(at=[*line(24, 64), *line(84, 124)])[1].length_mm == pytest.approx(0.93 * 40.0 + 4.0)


def test_a_head_that_grazes_the_edge_is_not_cut_but_an_end_there_is():
    down = [(412.0 - step, 244.0 + step) for step in np.arange(0.0, 81.0, 4.0)]  # 412 mm is the last slice
    assert not lone_body(404.0, at=down)[1].cut
    up = [(352.0 + step, 244.0 + step) for step in np.arange(0.0, 61.0, 4.0)]
    assert lone_body(348.0, at=up)[1].cut


def test_a_rib_from_outside_the_column_keeps_its_own_voxels():
    # The second head lies 27 mm, 0.85 body heights, above the joint; the two ribs touch at 64 mm.
    touching = [*line(24, 64), *[(z, 284.0) for z in np.arange(208.0, 229.0, 4.0)], *line(24, 124, 232.0)]
    assert lone_body(at=touching)[1].length_mm < 0.93 * (40.0 + 16.0) + 4.0


def test_right_side_out_of_view_is_unseen():
    whole = Scene([NONE, NONE]).predict()
    parts = (part[..., 43:] for part in (whole.classes, whole.rib_probability, whole.heatmap))
    prediction = LevelPrediction(*parts, whole.grid)  # the right edge lies 48 mm from the column
    assert [side.seen for side in find_ribs(prediction, find_bodies(prediction))[0]] == [False, True]


def test_heads_go_to_the_nearest_joint_and_a_second_one_there_to_none():
    joints, heights = np.array([134.0, 100.0, 66.0]), np.full(3, 34.0)
    assert match_heads([98.0, 104.0, 150.0, 60.0, 20.0], joints, heights) == ({0: 1, 2: 0, 3: 2}, [4])


def test_a_bar_along_three_joints_is_three_heads():
    from OsteoJointLib.levels.ribs import _Side

    z = np.arange(60.0, 141.0, 4.0)
    bar = _Side(
        np.stack([z, z * 0 + 130, z * 0 + 244], axis=1), z * 0 + 24, z * 0 + 10, z > 0, np.zeros(len(z), bool), 4.0
    )
    heads = find_heads(bar, np.array([134.0, 100.0, 66.0]), np.full(3, 34.0))
    # The joints' halfway heights are 117 and 83 mm.
    assert [(z[head].min(), z[head].max()) for head in heads] == [(120.0, 140.0), (84.0, 116.0), (60.0, 80.0)]


def test_stepping_over_a_weak_body_costs_more_than_a_bend():
    # 10.84 mm aside: two steps at 35.4 degrees to each other cost 0.25 * (35.4 / 25)^2 = 0.5. Through the body in the
    # middle 0.8 + 0.35 + 0.8 - 0.5 = 1.45; over it 0.8 + 0.8 - 0.8 = 0.8, and 1.6 if stepping over it cost nothing.
    centers = np.array([[200.0, 120, 180], [166.0, 120, 190.84], [132.0, 120, 180]])
    assert best_path(centers, np.array([0.8, 0.35, 0.8])) == [(0, 0), (1, 0), (2, 0)]
    assert best_path(centers[::2], np.array([0.8, 0.8])) == [(0, 0), (1, 1)]


def test_joints_of_a_leaning_column_lie_lower_on_the_side_it_leans_to():
    # Up the column 34 mm, 6 mm to the back and 10 mm to the left: a step of 35.95 mm.
    bodies = tuple(
        Body(np.array([200.0 - 34 * i, 120 - 6 * i, 180 - 10 * i]), 0.9, True, 36.0, False) for i in range(3)
    )
    raised = 0.15 * 36.0 * 34 / 35.95 - 13.0 * 6 / 35.95
    right, left = joint_heights(bodies, -1.0), joint_heights(bodies, 1.0)
    np.testing.assert_allclose(right, np.array([200.0, 166.0, 132.0]) + raised + 22.0 * 10 / 35.95, atol=0.01)
    np.testing.assert_allclose(left, np.array([200.0, 166.0, 132.0]) + raised - 22.0 * 10 / 35.95, atol=0.01)


def test_path_of_one_candidate_is_that_candidate():
    assert best_path(np.array([[10.0, 20.0, 30.0]]), np.array([0.7])) == [(0, 0)]
    assert best_path(np.zeros((0, 3)), np.zeros(0)) == []


def test_peak_of_a_sampled_gaussian_is_recovered_exactly():
    center = np.array([5.3, 6.1, 4.7])
    index = np.stack(np.meshgrid(*[np.arange(12)] * 3, indexing="ij"), axis=-1)
    heatmap = np.exp(-((index - center) ** 2).sum(axis=-1) / (2 * 1.75**2))
    peak = np.array(np.unravel_index(np.argmax(heatmap), heatmap.shape))
    np.testing.assert_allclose(refine_peak(heatmap, peak), center, atol=1e-6)
