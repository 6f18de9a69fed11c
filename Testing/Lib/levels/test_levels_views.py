"""Four looks at one column: what they agree on, the box they look at, and mirrored predictions put back."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.levels.assignment import VisibleColumn, assign_names
from OsteoJointLib.levels.finding import choose_levels, look
from OsteoJointLib.levels.resampling import CoarseVolume, resample_coarse
from OsteoJointLib.levels.views import ABOVE_MM, ASIDE_MM, BELOW_MM, agree, look_again
from OsteoJointLib.records import Level

LONG, MIDDLE, SHORT, NONE = (196.0, 196.0), (176.0, 176.0), (90.0, 90.0), (0.0, 0.0)
PLAIN = [LONG, MIDDLE, SHORT, NONE, NONE, NONE, NONE, NONE]  # T10 to L5


def moved(seen, x=0.0, y=0.0, z=0.0):
    def move(point):
        return (point[0] + x, point[1] + y, point[2] + z)

    bodies = tuple(replace(body, center_lps_mm=move(body.center_lps_mm)) for body in seen.bodies)
    return replace(seen, bodies=bodies, sacrum_lps_mm=seen.sacrum_lps_mm and move(seen.sacrum_lps_mm))


def one_lower(make):
    """The same bodies, but seen with ribs and looks one place lower, and no sacrum: L1 is what the others call L2."""
    places, evidence = make.spine(), make.spine(-3, 3, sacrum=False)
    pairs = zip(evidence.bodies, places.bodies, strict=True)
    return VisibleColumn(tuple(replace(body, center_lps_mm=place.center_lps_mm) for body, place in pairs))


def doubt(levels):
    return next((flag.message for flag in levels.flags if flag.code is Reason.LEVELS_UNCERTAIN), "")


def test_four_views_that_say_the_same_keep_the_confidence(make):
    seen = make.spine(lumbar=False, T12={"rib": 30.0})
    own = max(assign_names(seen).posterior.values())
    joined = agree([assign_names(seen)] * 4)
    assert joined.confidence == pytest.approx(own)
    assert joined.in_view == pytest.approx(assign_names(seen).in_view)
    assert joined.name_confidence == pytest.approx(assign_names(seen).name_confidence)
    assert joined.levels_mm == tuple(body.center_lps_mm for body in seen.bodies[2:4])


@pytest.mark.parametrize("at", range(4))
def test_one_of_four_that_names_another_takes_a_quarter_and_is_named(make, at):
    views = [make.spine()] * 4
    views[at] = one_lower(make)
    joined = agree([assign_names(view) for view in views])
    assert joined.confidence == pytest.approx(0.75, abs=1e-3)
    assert joined.other_confidence == pytest.approx(0.25, abs=1e-3)
    assert joined.other_mm == tuple(body.center_lps_mm for body in make.spine().bodies[3:5])
    levels = choose_levels(views)
    assert levels.l1.center_lps_mm == make.spine().bodies[2].center_lps_mm
    assert levels.l2.center_lps_mm == make.spine().bodies[3].center_lps_mm
    assert levels.l1.confidence == levels.l2.confidence == joined.confidence
    assert "right with 75 %, and with 25 % L1 is the body called L2 here." in doubt(levels)


def test_names_are_no_surer_than_l1(make):
    levels = choose_levels([make.spine()] * 3 + [one_lower(make)])
    assert levels.name_confidence == pytest.approx([0.75] * 7, abs=2e-3)
    assert choose_levels([make.spine()] * 4).name_confidence == pytest.approx([1.0] * 7, abs=1e-3)


def test_two_against_two_are_refused(make):
    with pytest.raises(InputRefused, match="only 50 % likely") as refusal:
        choose_levels([make.spine()] * 2 + [one_lower(make)] * 2)
    assert refusal.value.reason is Reason.LEVELS_UNDECIDED


@pytest.mark.parametrize(("offset", "agrees"), [({"z": 11.9}, True), ({"x": 11.0}, True), ({"z": 12.1}, False)])
def test_the_same_body_lies_within_12_mm(make, offset, agrees):
    joined = agree([assign_names(view) for view in [make.spine()] * 3 + [moved(make.spine(), **offset)]])
    assert joined.confidence == pytest.approx(1.0 if agrees else 0.75, abs=1e-3)
    share = {axis: 0.25 * value if agrees else 0.0 for axis, value in offset.items()}
    for place, body in zip(joined.levels_mm, moved(make.spine(), **share).bodies[2:4], strict=True):
        assert place == pytest.approx(body.center_lps_mm), "the mean of the views that agree"


def test_a_view_20_mm_off_disagrees_and_takes_its_quarter(make):
    levels = choose_levels([make.spine()] * 3 + [moved(make.spine(), y=20.0)])
    assert levels.l1.confidence == pytest.approx(0.75, abs=1e-3)
    assert doubt(levels)


def test_views_that_agree_on_l1_but_not_on_l2_disagree_and_name_l2(make):
    # One view takes a disc for a body: it lies well apart from its neighbors there.
    seen = make.spine()
    upper, lower = (np.array(body.center_lps_mm) for body in seen.bodies[2:4])
    disc = make.body(center_lps_mm=tuple((upper + lower) / 2), lumbar=0.9, score=1.0)
    levels = choose_levels([seen] * 3 + [replace(seen, bodies=(*seen.bodies[:3], disc, *seen.bodies[3:]))])
    assert levels.l1.confidence == pytest.approx(0.75, abs=0.01)
    assert "L1 is the body called L1" not in doubt(levels)
    assert "25 % L2 is the body called" in doubt(levels)


def test_a_view_that_sees_nothing_agrees_with_none(make):
    levels = choose_levels([make.spine()] * 3 + [VisibleColumn(())])
    assert levels.l1.confidence == pytest.approx(0.75, abs=1e-3)
    assert "right with 75 %." in doubt(levels)
    joined = agree([assign_names(make.spine()), None, None, None])
    assert (joined.in_view, joined.confidence) == (pytest.approx(0.25, abs=1e-3), pytest.approx(0.25, abs=1e-3))


def test_the_whole_volumes_column_is_the_one_that_is_shown(make):
    whole, box = make.spine(-5, 4), make.spine(-2, 4, T12={"rib": 104.0})
    box = moved(box, z=whole.bodies[3].center_lps_mm[2])
    levels = choose_levels([whole, box, box, box])
    assert levels.names[0] == "T8"
    dissenting_whole = moved(whole, x=50.0)
    assert choose_levels([dissenting_whole, box, box, box]).l1.center_lps_mm == box.bodies[2].center_lps_mm


def test_what_nobody_sees_in_view_has_no_levels(make):
    joined = agree([assign_names(make.spine(4, 4))] * 4)
    assert (joined.levels_mm, joined.other_mm, joined.confidence, joined.in_view) == (None, None, 0.0, 0.0)


def recorded(monkeypatch):
    """Let every view answer with nothing, and keep the volumes it was shown."""
    shown: list[CoarseVolume] = []

    def blind(network, coarse, device):
        from OsteoJointLib.levels.inference import LevelPrediction

        shown.extend(coarse)
        shape = coarse[0].hu.shape
        empty = np.zeros(shape, np.float32)
        return [
            LevelPrediction(v.grid, np.zeros(shape, np.uint8), empty, np.zeros((3, *shape), np.float32), empty)
            for v in coarse
        ]

    monkeypatch.setattr("OsteoJointLib.levels.views.predict_batch", blind)
    return shown


def world(grid, axis):
    """The coordinate (0 to 2: L, P, S) of every voxel, as HU."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape_zyx), indexing="ij"), axis=-1)
    return grid.index_to_lps(index)[..., axis].astype(np.float32)


def phases(shape, origin, direction=None, axis=2):
    """A volume and its second phase, half a voxel further, whose HU are the world's coordinate along one axis."""
    direction = np.eye(3) if direction is None else direction
    first = Grid(shape, (4.0,) * 3, origin, direction)
    second = Grid((max(shape[0] - 1, 1), *shape[1:]), (4.0,) * 3, tuple(first.index_to_lps([0.5, 0, 0])), direction)
    return tuple(CoarseVolume(world(grid, axis), grid) for grid in (first, second))


def column_at(make, x=0.0, y=0.0, z=0.0):
    return moved(make.spine(), x, y, z)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("tilt", [0.0, 2.5])
def test_every_view_lies_where_its_grid_says(make, monkeypatch, axis, tilt):
    shown = recorded(monkeypatch)
    direction = Rotation.from_euler("xyz", (tilt, -tilt, tilt), degrees=True).as_matrix()
    volumes = phases((150, 80, 110), (-220.0, -150.0, -400.0), direction, axis)
    seen = column_at(make, z=-60.0)
    look_again(None, volumes, seen, np.array(seen.bodies[2].center_lps_mm), "cpu")
    plain, mirrored, other = (view.hu for view in shown)
    np.testing.assert_allclose(plain, world(shown[0].grid, axis), atol=1e-2)
    np.testing.assert_allclose(mirrored[..., ::-1], world(shown[1].grid, axis), atol=1e-2)
    np.testing.assert_allclose(other[..., ::-1], world(shown[2].grid, axis), atol=1e-2)
    assert plain.shape == mirrored.shape == other.shape


def test_the_three_views_differ_in_phase_side_and_ends(make, monkeypatch):
    shown = recorded(monkeypatch)
    seen = column_at(make, z=-60.0)
    look_again(None, phases((150, 80, 110), (-220.0, -150.0, -400.0)), seen, np.array(seen.bodies[2].center_lps_mm), 0)
    plain, mirrored, other = (view.grid.origin_lps_mm for view in shown)
    assert plain == mirrored
    assert other[2] - plain[2] == 8.0 - 2.0  # two slices fewer, and the first phase
    assert (shown[0].hu == shown[1].hu[..., ::-1]).all()


@pytest.mark.parametrize("x_mm", [-90.0, 0.0, 90.0])
@pytest.mark.parametrize("tilt", [0.0, 2.5])
def test_the_box_holds_the_column_and_lies_inside_the_volume(make, monkeypatch, x_mm, tilt):
    shown = recorded(monkeypatch)
    direction = Rotation.from_euler("xyz", (tilt, -tilt, tilt), degrees=True).as_matrix()
    volumes = phases((200, 80, 110), (-220.0, -150.0, -500.0), direction)
    seen = column_at(make, x_mm, 20.0, -80.0)
    middle = np.array(seen.bodies[2].center_lps_mm)
    look_again(None, volumes, seen, middle, "cpu")
    for view in shown:
        for body in seen.bodies[2:4]:
            index = view.grid.lps_to_index(np.array(body.center_lps_mm))
            assert np.all(index > 8) and np.all(index < np.array(view.hu.shape) - 8)
        corners = view.grid.index_to_lps(np.array([[0, 0, 0], np.array(view.hu.shape) - 1]))
        assert all(volumes[0].grid.contains(corner) for corner in corners)
        assert view.hu.shape[0] * 4.0 < ABOVE_MM + BELOW_MM + 8.0
        assert view.hu.shape[2] * 4.0 < 2 * ASIDE_MM + 8.0 + 30.0


def test_the_box_of_an_oblique_column_holds_it_all(make, monkeypatch):
    shown = recorded(monkeypatch)
    seen = make.spine()
    bodies = tuple(
        replace(body, center_lps_mm=(12.0 * i, 5.0 * i, body.center_lps_mm[2])) for i, body in enumerate(seen.bodies)
    )
    seen = replace(seen, bodies=bodies)
    look_again(None, phases((150, 100, 130), (-220.0, -150.0, -400.0)), seen, np.array(bodies[2].center_lps_mm), "cpu")
    for body in bodies:
        assert shown[0].grid.contains(np.array(body.center_lps_mm))


@pytest.mark.parametrize("slices", [1, 2, 3, 8, 9, 12])
def test_short_volumes_are_looked_at_again_without_losing_their_slices(make, monkeypatch, slices):
    shown = recorded(monkeypatch)
    volumes = phases((slices, 60, 110), (-220.0, -120.0, 0.0))
    if slices == 1:
        volumes = (volumes[0], volumes[0])
    seen = VisibleColumn((make.body(center_lps_mm=(0.0, 0.0, 2.0 * slices)),))
    columns = look_again(None, volumes, seen, np.array([0.0, 0.0, 2.0 * slices]), "cpu")
    assert len(columns) == 3 and not any(column.bodies for column in columns)
    assert {view.hu.shape[0] for view in shown} == {1 if slices == 1 else slices - 1 if slices <= 8 else slices - 4}


def test_a_left_rib_stays_left_in_mirrored_views(make):
    # T12 has a rib on the left only, T11 a longer one on the right.
    scene = make.scene([LONG, (64.0, 44.0), (0.0, 60.0), *PLAIN[3:]])
    views = look(scene.network(), resample_coarse(scene.ct(), 4.0), "cpu")
    assert len(views) == 4
    for view in views:
        t11, t12 = view.bodies[-7:-5]
        assert t12.rib_mm[0] == 0.0 and t12.rib_mm[1] == pytest.approx(60.0, abs=12.0)
        assert t12.rib_head[0] < 0.3 < t12.rib_head[1]
        assert t11.rib_mm[0] > t11.rib_mm[1] + 10.0
        np.testing.assert_allclose(t12.center_lps_mm, views[0].bodies[-6].center_lps_mm, atol=2.0)


def test_the_network_is_run_twice_and_the_box_is_much_smaller_than_the_volume(make):
    scene = make.scene(PLAIN)
    network = scene.network()
    look(network, resample_coarse(scene.ct(), 4.0), "cpu")
    whole, again = network.shapes
    assert (whole[0], again[0]) == (1, 3)
    assert np.prod(again[2:]) < 0.5 * np.prod(whole[2:])


def test_nothing_is_looked_at_again_where_there_is_no_column(make):
    scene = make.scene(PLAIN, dropped=tuple(range(8)), sacrum=False)
    network = scene.network()
    (whole,) = look(network, resample_coarse(scene.ct(), 4.0), "cpu")
    assert whole.bodies == () and len(network.shapes) == 1


def test_levels_of_the_agreement_are_l1_and_l2_in_this_order(make):
    joined = agree([assign_names(make.spine())] * 2)
    assert joined.levels_mm[0][2] > joined.levels_mm[1][2]
    levels = choose_levels([make.spine()] * 4)
    assert (levels.l1.level, levels.l2.level) == (Level.L1, Level.L2)
