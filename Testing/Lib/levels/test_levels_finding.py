"""L1 and L2 end to end: scenes, and CTs of them seen by a network that knows the scene."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.levels.assignment import assign_names
from OsteoJointLib.levels.body_evidence import read_column
from OsteoJointLib.levels.finding import choose_levels, find_levels
from OsteoJointLib.levels.inference import LevelPrediction
from OsteoJointLib.records import PointSource

LONG, MIDDLE, SHORT, STUB, NONE = (196.0, 196.0), (176.0, 176.0), (90.0, 90.0), (24.0, 24.0), (0.0, 0.0)
PLAIN = [LONG, MIDDLE, SHORT, NONE, NONE, NONE, NONE, NONE]  # T10 to L5
NAMES = ("T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5")


def codes(levels):
    return {flag.code for flag in levels.flags}


def message(levels, code):
    return next(flag.message for flag in levels.flags if flag.code is code)


def choose(seen):
    """Choose from four views that see the same."""
    return choose_levels([seen] * 4)


def find(scene, volume=None, network=None):
    volume = volume or scene.ct()
    return find_levels(network or scene.network(), scene.network().config, volume, "cpu")


def assert_l1_and_l2(levels, scene, l1=3, turn=lambda point: point):
    for point, index in ((levels.l1, l1), (levels.l2, l1 + 1)):
        z, y, x = scene.centers()[index]
        expected = turn(np.array([x - 180.0, y - 120.0, z + 1000.0]))
        np.testing.assert_allclose(point.center_lps_mm, expected, atol=1.0)
        assert point.source is PointSource.AUTO


def test_a_ct_of_a_plain_column_is_named_with_no_flag(make):
    scene = make.scene(PLAIN, l1=3)
    levels = find(scene)
    assert levels.names == NAMES
    assert levels.flags == ()
    assert levels.l1.confidence > 0.99
    assert min(levels.name_confidence) > 0.9
    assert_l1_and_l2(levels, scene)


def test_a_ct_whose_sides_are_exchanged_keeps_its_levels(make):
    scene = make.scene(PLAIN, lean_mm=5.0)
    ct = scene.ct()
    mirrored = replace(ct, hu=np.ascontiguousarray(ct.hu[..., ::-1]))
    middle_mm = -180.0 + 4.0 * (scene.columns - 1) / 2
    levels = find(scene, mirrored)
    assert levels.names == NAMES
    assert_l1_and_l2(levels, scene, turn=lambda point: np.array([2 * middle_mm - point[0], *point[1:]]))


@pytest.mark.parametrize(("below", "above"), [(0, 1), (1, 0), (2, 0), (0, 2), (40, 0), (0, 30), (3, 5)])
def test_a_ct_of_fewer_slices_keeps_its_levels(make, below, above):
    scene = make.scene(PLAIN)
    ct = scene.ct()
    x, y, z = ct.grid.origin_lps_mm
    hu = ct.hu[below : len(ct.hu) - above]
    grid = Grid.axis_aligned(hu.shape, ct.grid.spacing_xyz_mm, (x, y, z + 2.0 * below))
    levels = find(scene, replace(ct, hu=hu, grid=grid))
    assert levels.names[-5:] == NAMES[-5:]
    assert_l1_and_l2(levels, scene)


def test_a_slightly_tilted_ct_keeps_its_levels(make):
    scene = make.scene(PLAIN)
    ct = scene.ct()
    turn = Rotation.from_euler("xyz", (2.0, -1.5, 2.0), degrees=True)
    grid = replace(ct.grid, origin_lps_mm=tuple(turn.apply(ct.grid.origin_lps_mm)), direction=turn.as_matrix())
    levels = find(scene, replace(ct, grid=grid))
    assert levels.names == NAMES
    assert_l1_and_l2(levels, scene, turn=turn.apply)


@pytest.mark.parametrize("which", ["upright", "front to back"])
def test_a_ct_with_a_wrong_header_is_refused(make, which):
    scene = make.scene(PLAIN)
    ct = scene.ct()
    wrong = replace(ct, hu=np.ascontiguousarray(ct.hu[::-1] if which == "upright" else ct.hu[:, ::-1]))
    with pytest.raises(InputRefused, match="upside down or back to front") as refusal:
        find(scene, wrong)
    assert refusal.value.reason is Reason.UPSIDE_DOWN


class Unsteady:
    """Sees one scene in the whole volume and another in the box, or only in the last view of the box."""

    config = LevelNetConfig()

    def __init__(self, whole, again, others):
        self.networks, self.others = (whole.network(), again.network()), others

    def __call__(self, image):
        first, second = self.networks
        if image.shape[0] == 1:
            return first(image)
        usual = first(image)
        other = second(image)
        parts = ("logits", "landmarks", "lumbar")
        split = len(image) - self.others
        joined = [torch.cat([getattr(usual, part)[:split], getattr(other, part)[split:]]) for part in parts]
        return type(usual)(*joined)


ONE_LOWER = {"rib_mm": [LONG, LONG, MIDDLE, SHORT, *PLAIN[4:]], "sacrum": False}
"""The ribs one body lower than in PLAIN: L1 is the body that PLAIN calls L2."""


def test_one_look_that_shows_the_ribs_one_body_lower_makes_the_names_unsure(make):
    plain = make.scene(PLAIN)
    levels = find(plain, network=Unsteady(plain, make.scene(**ONE_LOWER), 1))
    assert_l1_and_l2(levels, plain)
    assert levels.l1.confidence == pytest.approx(0.75, abs=0.02)
    assert "% L1 is the body called L2 here" in message(levels, Reason.LEVELS_UNCERTAIN)


def test_two_looks_that_show_the_ribs_one_body_lower_make_the_names_undecided(make):
    plain = make.scene(PLAIN)
    with pytest.raises(InputRefused, match=r"only 5\d % likely") as refusal:
        find(plain, network=Unsteady(plain, make.scene(**ONE_LOWER), 2))
    assert refusal.value.reason is Reason.LEVELS_UNDECIDED


@pytest.mark.parametrize("count", [4, 6])
def test_four_or_six_lumbar_bodies_keep_l1_under_the_last_rib_and_are_flagged(make, count):
    scene = make.scene([LONG, MIDDLE, SHORT, *[NONE] * count], l1=3)
    levels = scene.find()
    assert scene.index_of(levels.l1.center_lps_mm) == 3
    assert {Reason.TRANSITIONAL_ANATOMY, Reason.LEVELS_UNCERTAIN} <= codes(levels)
    assert f"{count} lumbar bodies were counted" in message(levels, Reason.TRANSITIONAL_ANATOMY)


def test_a_process_of_23_mm_without_a_joint_is_no_rib(make):
    ribs = [LONG, MIDDLE, SHORT, (23.0, 23.0), NONE, NONE, NONE, NONE]
    process = make.scene(ribs, jointless=(3,)).find()
    rib = make.scene(ribs).find()
    assert process.names == rib.names == NAMES
    assert process.flags == ()
    assert "a rib joins L1." in message(rib, Reason.TRANSITIONAL_ANATOMY)


def test_joints_whose_thin_ribs_are_not_traced_tell_t12(make):
    blind = make.scene([LONG, MIDDLE, NONE, *PLAIN[3:7]], sacrum=False, top_mm=245.0, slices=70)
    seen = replace(blind, joints_only=(2,))
    at_l1 = [
        sum(share for levels, share in assign_names(scene.read()).posterior.items() if scene.index_of(levels[0]) == 3)
        for scene in (seen, blind)
    ]
    assert at_l1[0] > 0.8 and at_l1[1] < 0.6


def test_a_narrow_field_ends_ribs_and_takes_none_for_short_ones(make):
    # 56 mm to either side of the column: no rib shows more than 36 mm, but the sacrum is in view.
    whole = make.scene(PLAIN).predict()
    grid = Grid.axis_aligned((104, 70, 29), (4.0,) * 3, (-180.0 + 4.0 * 41, -120.0, 1000.0))
    narrow = LevelPrediction(grid, *(np.ascontiguousarray(array[..., 41:70]) for array in whole.arrays))
    seen = read_column(narrow)
    assert [body.rib_cut for body in seen.bodies[:3]] == [(True, True)] * 3
    levels = choose(seen)
    assert levels.names == NAMES
    assert Reason.STUB_RIB not in codes(levels)
