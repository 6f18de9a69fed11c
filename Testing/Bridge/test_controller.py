"""One CT's reading as its user works on it: what is stale, whose a mask is, what is asked for and what stays.

An engine that pretends takes the worker's place: masks come from the slices of the points, at once.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import qt
import slicer
from example_readings import add_ct, body, make_views, move, save_and_load, world_matrix

from OsteoJointLib.errors import Reason, RunFailed, UsageError
from OsteoJointLib.frames import shift
from OsteoJointLib.output.viewer_arrays import MaskArray, Views
from OsteoJointLib.records import ContrastPhase, Flag, Kernel, LeftOutReason, Level, PointSource
from OsteoJointLib.slicer_bridge.reading import controller
from OsteoJointLib.slicer_bridge.reading.controller import ReadingController
from OsteoJointLib.slicer_bridge.reading.engine import Until, Wanted
from OsteoJointLib.slicer_bridge.reading.mask_changes import MaskChange
from OsteoJointLib.slicer_bridge.reading.provenance import Provenance
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, result_node, segments
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role
from OsteoJointLib.worker.answers import ColumnBody, Delivered, LevelsTold, PlacedLevel

from .fake_reading import DOCUMENT

L1, L2 = Level.L1, Level.L2
SLICES = {L1: 16, L2: 6}
STEP_MM = 2.5
"""Between two slices of the CT."""


class FakeEngine:
    """Stands in for the engine: finds L1 and L2, and draws the example's masks on the slices of the points."""

    hardware = None

    def __init__(self, client):
        self.asked: list[Wanted] = []
        self.asked_case: list[dict] = []
        self.fails: Exception | None = None
        self.meanwhile = lambda: None
        self.running = self.has_died = False
        self.forgotten: list[str] = []
        self.made = dict.fromkeys(Level, (False, False))
        self.doubt: tuple[Flag, ...] = ()

    def start(self, wanted, on_levels, on_result, on_done, on_error, on_progress):
        self.asked.append(wanted)
        self.running, self._ends = True, (on_levels, on_result, on_done, on_error)
        qt.QTimer.singleShot(0, self._answer)

    def _answer(self):
        if not self.running:
            return
        wanted, (on_levels, on_result, on_done, on_error) = self.asked[-1], self._ends
        self.meanwhile()
        if not self.running:
            return
        if self.fails:
            self.running = False
            on_error(self.fails)
            return
        volume = slicer.mrmlScene.GetNodeByID(wanted.volume_id)
        found = {level: center_of(volume, SLICES[level]) for level in Level}
        points = wanted.points or found
        if wanted.points is None or self.has_died:
            placed = {
                level: PlacedLevel(found[level], 1, {L1: 0.99, L2: 0.7}[level], PointSource.AUTO) for level in Level
            }
            names = zip(("T12", "L1", "L2", "L3"), (21, 16, 6, 1), strict=True)
            column = tuple(ColumnBody(name, center_of(volume, index), 1.0) for name, index in names)
            on_levels(LevelsTold("case-1", placed, () if self.has_died else column, self.doubt))
        if wanted.until is Until.READING:
            on_result(self._document(wanted, points), self._views(volume, wanted, points))
        self.running = False
        on_done()

    def _document(self, wanted, points):
        self.made.update({level: (mask.edited, mask.refined) for level, mask in wanted.masks.items()})
        self.made.update({level: (False, False) for level in Level if level not in wanted.masks})
        refined = wanted.refine.levels if wanted.refine else ()
        self.made.update({level: (self.made[level][0], True) for level in refined})
        placed = {level: wanted.points is not None and points[level] != wanted.found.get(level) for level in Level}
        levels = {
            level.value: {
                "center_ras_mm": list(points[level]),
                "confidence": 0.9,
                "source": "user" if placed[level] else "auto",
            }
            for level in Level
        }
        areas = {L1: 1350.0, L2: 1298.0}
        segmentation = {
            level.value: {"area_mm2": areas[level], "edited": edited, "refined": refined, "volume_ml": None}
            for level, (edited, refined) in self.made.items()
        }
        return DOCUMENT | {"levels": levels, "segmentation": segmentation}

    def _views(self, volume, wanted, points):
        drawn = make_views(volume, [slice_of(volume, points[level]) for level in Level]).levels
        views = {level: replace(one, network_mask=one.mask) for level, one in drawn.items()}
        for level in wanted.refine.levels if wanted.refine else ():
            views[level] = replace(views[level], mask=np.roll(views[level].mask, 1, axis=2))
        return Views(views)

    def ask_case(self, request, masks, on_done, on_error):
        self.asked_case.append({"request": request("case-1", {}), "masks": masks})
        qt.QTimer.singleShot(0, lambda: on_done(Delivered(())))

    def cancel(self):
        self.running = False

    def forget(self, volume_id):
        self.forgotten.append(volume_id)

    @property
    def folder(self):
        raise AssertionError("nobody is on the screen here")


def center_of(volume, slice_index) -> tuple[float, float, float]:
    """A point in the body that the example draws on a slice; L2's slice is 6."""
    x, y, z, _one = world_matrix(volume) @ [20.0, 20.0, float(slice_index), 1.0]
    return (float(x), float(y), float(z))


def slice_of(volume, point) -> int:
    return round((np.linalg.inv(world_matrix(volume)) @ [*point, 1.0])[2])


class Bench:
    """A reading of a CT in the scene."""

    def __init__(self, host):
        self.host, self.ct = host, add_ct()
        self.reading = ReadingController()
        self.reading.follow = False
        self.engine = self.reading.engine
        self.reading.select(self.ct)

    @property
    def state(self):
        return self.reading.state

    @property
    def nodes(self):
        return self.reading.nodes

    @property
    def wanted(self) -> Wanted:
        """What was asked for last."""
        return self.engine.asked[-1]

    def settle(self, seconds: float = 0.15) -> None:
        """Let the watcher look and a run that it starts end."""
        self.host.wait_until(lambda: False, seconds)
        assert not self.reading.running

    def update(self) -> None:
        self.reading.update()
        self.settle()

    def sources(self):
        return [self.state.levels[level].mask_source for level in Level]

    def fingerprints(self, role: Role = Role.MASKS):
        return mask_nodes.mask_fingerprints(self.nodes, role)

    def drag(self, level: Level, up_mm: float) -> None:
        """Move a point up, as a user does."""
        x, y, z = level_nodes.points(self.nodes)[level]
        node = level_nodes.point_nodes(self.nodes)[list(Level).index(level)]
        node.SetNthControlPointPositionWorld(0, x, y, z + up_mm)
        self.settle()

    def draw(self, level: Level, columns: int = 5) -> None:
        """Leave so many columns of a level's mask, as a user does."""
        mask = mask_nodes.masks(self.nodes)[level]
        array = mask.array_kji.copy()
        array[:, :, columns:] = 0
        self.put(level, MaskArray(array, mask.ijk_to_world))

    def put(self, level: Level, mask: MaskArray) -> None:
        segments.write_segment(self.nodes.get(Role.MASKS), level, mask, self.ct)
        self.settle()


@pytest.fixture
def bench(host, scene, monkeypatch):
    monkeypatch.setattr(controller, "Engine", FakeEngine)
    bench = Bench(host)
    yield bench
    bench.reading.close()


@pytest.fixture
def read(bench):
    bench.update()
    return bench


def test_levels_that_only_the_result_calls_uncertain_are_never_called_sure(read):
    assert not read.state.levels[L1].in_doubt
    told = {"code": "levels_uncertain", "level": None, "message": "Count again."}
    result_node.set_result(read.nodes, {**read.state.document, "flags": [told]})
    assert read.state.levels[L1].in_doubt and read.state.levels[L2].in_doubt
    assert read.state.levels_doubt == "Count again."
    read.reading.edits.confirm_levels()
    assert not read.state.levels[L1].in_doubt and read.state.levels_doubt == ""


def test_what_a_user_says_of_the_ct_makes_the_result_stale_until_it_is_read(read):
    read.reading.edits.say(leave_out=L2, leave_out_reason=LeftOutReason.FRACTURE)
    assert read.state.stale == ("L2 was left out",)
    assert read.state.said == Said(leave_out=L2, leave_out_reason=LeftOutReason.FRACTURE)
    read.update()
    assert read.wanted.said == read.state.said and read.state.stale == ()
    read.reading.edits.say(leave_out=None, leave_out_reason=None, kernel=Kernel.SHARP)
    assert read.state.stale == ("L1 and L2 count as proposed", "the kernel was stated")
    read.update()
    assert (read.wanted.said, read.state.stale) == (Said(kernel=Kernel.SHARP), ())


def test_what_a_user_says_is_followed_and_belongs_to_its_ct(read):
    read.reading.follow = True
    read.reading.edits.say(leave_out=L1)
    read.settle()
    assert read.wanted.said == Said(leave_out=L1) and read.state.stale == ()
    read.reading.select(add_ct(name="other"))
    assert read.state.said == Said()
    read.reading.select(read.ct)
    assert read.state.said == Said(leave_out=L1)


def test_a_script_says_it_beside_the_ct_and_reads_by_it_once(bench):
    bench.reading.follow = True
    bench.reading.run(bench.ct, leave_out="L1", leave_out_reason="cement", kvp=100)
    said = Said(leave_out=L1, leave_out_reason=LeftOutReason.CEMENT, kvp=100.0)
    assert (bench.wanted.said, bench.state.said, len(bench.engine.asked)) == (said, said, 1)
    bench.reading.run(bench.ct, leave_out=None)  # what followed by itself would be in the way
    assert (bench.wanted.said, bench.state.stale, len(bench.engine.asked)) == (Said(kvp=100.0), (), 2)
    assert bench.reading.follow


def test_a_script_says_it_of_a_ct_that_is_not_chosen(read):
    other = add_ct(name="other")
    read.reading.say(other, kernel="sharp")
    assert read.state.said == Said() and read.state.stale == ()
    read.reading.say(read.ct, contrast="portal")
    assert read.state.said == Said(contrast=ContrastPhase.PORTAL) and read.state.stale
    read.reading.select(other)
    assert read.state.said == Said(kernel=Kernel.SHARP)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"leave_out": "L3"}, "must be L1 or L2; it is 'L3'"),
        ({"kvp": 1000}, "none of a CT's"),
        ({"leave_out_reason": "cement"}, "no vertebra to leave out"),
        ({"voltage": 100}, "but not voltage"),
    ],
)
def test_what_cannot_be_said_of_a_ct_is_refused_and_nothing_kept(read, said, words):
    with pytest.raises(UsageError, match=words):
        read.reading.say(read.ct, **said)
    with pytest.raises(UsageError, match=words):
        read.reading.run(read.ct, **said)
    assert read.state.said == Said() and not read.reading.running


def test_what_a_user_says_is_saved_with_the_scene(read, tmp_path):
    read.reading.edits.say(kvp=100.0, contrast=ContrastPhase.PORTAL, propose=False)
    read.update()
    save_and_load(tmp_path)
    read.reading.select(slicer.util.getNode("CT"))
    assert read.state.said == Said(kvp=100.0, contrast=ContrastPhase.PORTAL, propose=False)
    assert read.state.stale == ()


def test_found_levels_are_shown_with_their_confidence_and_nothing_is_read(bench):
    bench.reading.find_levels()
    bench.settle()
    assert bench.wanted.until is Until.LEVELS
    states = bench.state.levels
    for level, confidence in ((L1, 0.99), (L2, 0.7)):
        np.testing.assert_allclose(states[level].center_ras, center_of(bench.ct, SLICES[level]))
        assert (states[level].confidence, states[level].source) == (confidence, PointSource.AUTO)
    assert states[L1].center_ras[2] - states[L2].center_ras[2] == pytest.approx(10 * STEP_MM)
    assert bench.state.document is None and bench.state.stale == ()


def test_after_a_reading_all_is_the_networks_and_up_to_date(read):
    assert read.sources() == [MaskSource.NETWORK, MaskSource.NETWORK]
    assert read.state.stale == () and not read.state.can_undo_refinement
    assert [read.state.levels[level].area_mm2 for level in Level] == [1350.0, 1298.0]
    assert read.wanted.points is None and read.wanted.masks == {}
    read.update()
    assert set(read.wanted.points) == {L1, L2} and read.wanted.found == read.wanted.points
    assert read.wanted.masks == {}


@pytest.mark.parametrize("level", Level)
def test_a_point_moved_by_half_a_millimeter_is_another_point(read, level):
    read.drag(level, 0.5)
    assert read.state.stale == (f"the point of {level} was moved",)
    other = L2 if level is L1 else L1
    assert read.state.levels[level].source is PointSource.USER and read.state.levels[level].confidence is None
    assert read.state.levels[other].source is PointSource.AUTO
    assert read.state.levels[level].area_mm2 is None and read.state.levels[other].area_mm2 is not None


def test_a_point_that_was_only_rounded_is_the_same(read):
    read.drag(L1, 0.004)
    assert read.state.stale == ()
    assert read.state.levels[L1].source is PointSource.AUTO


@pytest.mark.parametrize("level", Level)
def test_a_drawn_mask_is_the_users_and_stays_as_drawn(read, level):
    other = L2 if level is L1 else L1
    network = read.fingerprints()
    read.draw(level)
    assert read.state.stale == (f"the mask of {level} was edited",)
    assert read.state.levels[level].mask_source is MaskSource.CORRECTED
    assert read.state.levels[other].mask_source is MaskSource.NETWORK
    drawn = read.fingerprints()
    read.update()
    assert set(read.wanted.masks) == {level}
    assert (read.wanted.masks[level].edited, read.wanted.masks[level].refined) == (True, False)
    assert read.fingerprints() == drawn and drawn[other] == network[other]
    assert read.fingerprints(Role.NETWORK)[level] == network[level]
    assert read.state.stale == () and read.state.levels[level].mask_source is MaskSource.CORRECTED


def test_a_mask_drawn_back_as_it_was_is_up_to_date(read):
    mask = mask_nodes.masks(read.nodes)[L1]
    read.draw(L1)
    read.put(L1, mask)
    assert read.state.stale == ()


def test_an_erased_mask_is_given_as_empty(read):
    segments.copy_segment(slicer.vtkSegment(), read.nodes.get(Role.MASKS), L2)
    read.settle()
    read.update()
    assert set(read.wanted.masks) == {L2} and not read.wanted.masks[L2].array_kji.any()


@pytest.mark.parametrize("level", Level)
def test_a_refined_mask_is_the_users_own_and_undo_exchanges_it(read, level):
    other = L2 if level is L1 else L1
    network = read.fingerprints()
    read.reading.refine([level], {"max_shift_mm": 2.0})
    read.settle()
    assert read.wanted.refine.levels == (level,) and read.wanted.masks == {}
    refined = read.fingerprints()
    assert refined[level] != network[level] and refined[other] == network[other]
    assert read.state.levels[level].mask_source is MaskSource.REFINED
    assert read.state.levels[other].mask_source is MaskSource.NETWORK
    assert read.state.stale == () and read.state.can_undo_refinement
    read.update()
    assert set(read.wanted.masks) == {level}
    assert (read.wanted.masks[level].edited, read.wanted.masks[level].refined) == (False, True)
    assert read.fingerprints() == refined
    read.reading.edits.undo_refinement()
    assert read.fingerprints() == network and read.sources() == [MaskSource.NETWORK, MaskSource.NETWORK]
    assert read.state.stale == (f"the mask of {level} was edited",)
    read.reading.edits.undo_refinement()
    assert read.fingerprints() == refined and read.state.levels[level].mask_source is MaskSource.REFINED


def test_a_corrected_mask_that_is_refined_is_both(read):
    read.draw(L1)
    read.reading.refine([L1], {})
    read.settle()
    assert read.wanted.masks[L1].edited and not read.wanted.masks[L1].refined
    read.update()
    assert read.wanted.masks[L1].edited and read.wanted.masks[L1].refined


def test_what_was_corrected_is_counted_against_the_network(read):
    assert [read.state.levels[level].change for level in Level] == [None, None]
    mask = mask_nodes.masks(read.nodes)[L2]
    read.draw(L2, columns=12)
    erased = int(mask.array_kji.sum() - mask.array_kji[:, :, :12].sum())
    for _ in range(2):
        assert read.state.levels[L2].change == MaskChange(erased, 1)
        assert read.state.levels[L1].change is None
        read.update()
    tall = np.repeat(mask.array_kji, 3, axis=0)
    read.put(L2, MaskArray(tall, mask.ijk_to_world))
    assert read.state.levels[L2].change == MaskChange(2 * int(mask.array_kji.sum()), 2)
    read.reading.edits.reset_mask(L2)
    assert read.state.levels[L2].change is None


@pytest.mark.parametrize("level", Level)
def test_a_stroke_on_the_other_vertebra_is_told(read, level):
    other = L2 if level is L1 else L1
    own, its = (mask_nodes.masks(read.nodes)[one] for one in (level, other))
    ijk = np.linalg.inv(world_matrix(read.ct))
    corners = {one: np.rint(ijk @ mask.ijk_to_world)[:3, 3].astype(int) for one, mask in ((level, own), (other, its))}
    segment = np.zeros(slicer.util.arrayFromVolume(read.ct).shape, np.uint8)

    def draw_own() -> None:
        segment[:] = 0
        i, j, k = corners[level]
        segment[k, j : j + own.array_kji.shape[1], i : i + own.array_kji.shape[2]] = own.array_kji[0]

    i, j, k = corners[other]
    draw_own()
    segment[k, j + 3 : j + 9, i + 3 : i + 9] = 1
    read.put(level, MaskArray(segment, world_matrix(read.ct)))
    change = read.state.levels[level].change
    assert change.onto is other and change.beyond_mm == pytest.approx(10 * STEP_MM, abs=0.1)
    assert read.state.levels[other].change is None and read.state.levels[other].mask_source is MaskSource.NETWORK
    draw_own()
    segment[k, 0:2, 0:2] = 1  # beside it
    read.put(level, MaskArray(segment, world_matrix(read.ct)))
    change = read.state.levels[level].change
    assert change.onto is None and change.beyond_mm > 10 * STEP_MM
    draw_own()
    i, j, k = corners[level]
    segment[k, j : j + 6, i - 4 : i + 1] = 1  # a spur
    read.put(level, MaskArray(segment, world_matrix(read.ct)))
    change = read.state.levels[level].change
    assert (change.onto, change.beyond_mm, change.slices) == (None, 0.0, 1) and change.voxels > 10


def test_the_network_s_outline_stays_over_new_results_and_those_from_before_give_way(read):
    read.reading.refine([L1], {})
    read.settle()

    def seen() -> set[Role]:
        return {role for role in mask_nodes.ROLES if (n := read.nodes.get(role)) and n.GetDisplayVisibility()}

    read.reading.edits.compare(Role.NETWORK)
    read.update()
    assert read.state.comparing is Role.NETWORK and seen() == {Role.MASKS, Role.MEASURED, Role.NETWORK}
    read.reading.edits.compare(Role.BEFORE)
    assert seen() == {Role.BEFORE}
    read.update()
    assert read.state.comparing is None and seen() == {Role.MASKS, Role.MEASURED}
    read.reading.edits.compare(Role.NETWORK)
    read.reading.select(add_ct(name="Other"))
    assert seen() == set()


def test_a_body_that_was_drawn_stays_while_its_point_is_moved_inside_it(read):
    network = mask_nodes.masks(read.nodes)[L1]
    read.put(L1, MaskArray(np.repeat(network.array_kji, 3, axis=0), network.ijk_to_world))
    read.update()
    drawn = read.fingerprints()
    read.drag(L1, 2 * STEP_MM)
    read.update()
    assert read.fingerprints() == drawn and set(read.wanted.masks) == {L1}
    assert read.state.levels[L1].mask_source is MaskSource.CORRECTED
    read.drag(L1, 6 * STEP_MM)
    read.update()
    assert read.wanted.masks == {} and read.state.levels[L1].mask_source is MaskSource.NETWORK
    assert mask_nodes.masks(read.nodes)[L1].array_kji.shape[0] == 1
    assert mask_nodes.masks(read.nodes, Role.BEFORE)[L1].array_kji.shape[0] == 3


@pytest.mark.parametrize("level", Level)
def test_reset_brings_the_networks_mask_back(read, level):
    network, other = read.fingerprints(), L2 if level is L1 else L1
    read.draw(L1)
    read.draw(L2, columns=7)
    read.update()
    drawn = read.fingerprints()
    read.reading.edits.reset_mask(level)
    assert read.fingerprints() == {**drawn, level: network[level]}
    assert read.state.levels[level].mask_source is MaskSource.NETWORK
    assert read.state.stale == (f"the mask of {level} was edited",)
    read.update()
    assert set(read.wanted.masks) == {other}
    assert not read.state.document["segmentation"][level]["edited"]
    assert read.state.document["segmentation"][other]["edited"]
    assert read.state.stale == () and read.state.levels[level].mask_source is MaskSource.NETWORK


@pytest.mark.parametrize("level", Level)
def test_a_mask_that_is_the_networks_again_is_nobodys_drawing(read, level):
    """As after the editor's undo: neither panel nor result says that it was edited."""
    network = mask_nodes.masks(read.nodes)[level]
    read.draw(level)
    read.update()
    assert read.state.document["segmentation"][level]["edited"]
    read.put(level, network)
    assert read.state.levels[level].mask_source is MaskSource.NETWORK
    read.update()
    assert read.wanted.masks == {}
    assert not read.state.document["segmentation"][level]["edited"]
    assert read.state.stale == () and read.sources() == [MaskSource.NETWORK, MaskSource.NETWORK]


def test_a_mask_that_is_the_networks_again_is_so_even_when_its_point_was_moved(read):
    network = mask_nodes.masks(read.nodes)[L1]
    read.draw(L1)
    read.update()
    read.put(L1, network)
    read.drag(L1, 0.5)
    read.update()
    assert read.wanted.masks == {} and read.state.levels[L1].mask_source is MaskSource.NETWORK


@pytest.mark.parametrize("corrected", [False, True])
def test_a_mask_that_is_the_level_set_s_again_is_refined(read, corrected):
    if corrected:
        read.draw(L1, columns=9)
    read.reading.refine([L1], {})
    read.settle()
    refined = mask_nodes.masks(read.nodes)[L1]
    read.draw(L1)
    read.update()
    assert read.state.levels[L1].mask_source is MaskSource.CORRECTED
    read.put(L1, refined)
    assert read.state.levels[L1].mask_source is MaskSource.REFINED
    read.update()
    assert (read.wanted.masks[L1].edited, read.wanted.masks[L1].refined) == (corrected, True)


def test_a_corrected_mask_stays_where_its_slice_does(read):
    read.draw(L2)
    read.update()
    drawn = read.fingerprints()
    read.drag(L2, 0.4 * STEP_MM)
    read.update()
    assert set(read.wanted.masks) == {L2} and read.fingerprints() == drawn
    read.drag(L2, 2 * STEP_MM)
    read.update()
    assert read.wanted.masks == {} and read.fingerprints()[L2] != drawn[L2]
    assert "L2" in read.state.message and "L1" not in read.state.message and not read.state.is_error
    assert read.sources() == [MaskSource.NETWORK, MaskSource.NETWORK]
    read.reading.edits.undo_refinement()
    assert read.fingerprints()[L2] == drawn[L2]
    assert read.state.levels[L2].mask_source is MaskSource.CORRECTED


def test_a_network_mask_goes_with_its_point_and_nothing_is_said(read):
    before = read.fingerprints()
    read.drag(L1, 2 * STEP_MM)
    read.update()
    assert read.fingerprints()[L1] != before[L1] and read.fingerprints()[L2] == before[L2]
    assert read.state.message == "" and not read.state.can_undo_refinement


@pytest.mark.parametrize("until", ["levels", "reading"])
def test_levels_in_doubt_are_confirmed_by_one_click_which_reads_again(bench, until):
    bench.engine.doubt = (Flag(Reason.LEVELS_UNCERTAIN, "Count again."),)
    bench.reading.run(bench.ct, until)
    assert bench.state.levels_doubt == "Count again."
    assert [bench.state.levels[level].in_doubt for level in Level] == [True, True]
    before = level_nodes.points(bench.nodes)
    bench.reading.confirm_levels()
    bench.settle()
    assert (bench.wanted.points, bench.wanted.found) == (before, {})
    assert [bench.state.levels[level].source for level in Level] == [PointSource.USER] * 2
    assert (bench.state.levels_doubt, bench.state.stale) == ("", ())
    assert [n.GetNthControlPointDescription(0) for n in level_nodes.point_nodes(bench.nodes)] == ["placed by hand"] * 2


@pytest.mark.parametrize("level", Level)
def test_a_moved_point_is_confirmed_alone(bench, level):
    bench.engine.doubt = (Flag(Reason.LEVELS_UNCERTAIN, "Count again."),)
    bench.reading.run(bench.ct)
    bench.drag(level, 1.0)
    bench.update()
    assert {n: bench.state.levels[n].in_doubt for n in Level} == {n: n is not level for n in Level}
    moved = level_nodes.points(bench.nodes)
    bench.reading.confirm_levels()
    bench.settle()
    assert (bench.wanted.points, bench.state.levels_doubt) == (moved, "")
    bench.engine.has_died = True  # a worker that must find the levels again leaves them confirmed
    bench.update()
    assert bench.state.levels_doubt == ""


def test_a_confirmation_makes_the_result_stale_until_it_was_read(read):
    read.reading.edits.confirm_levels()
    read.settle()
    assert read.state.stale == ("the points of L1 and L2 were confirmed",)
    read.update()
    assert read.state.stale == ()


def test_levels_shift_along_the_column(read):
    assert read.state.can_shift_up and read.state.can_shift_down
    read.reading.edits.shift_levels(up=True)
    shifted = level_nodes.points(read.nodes)
    np.testing.assert_allclose(shifted[L1], center_of(read.ct, 21))
    np.testing.assert_allclose(shifted[L2], center_of(read.ct, 16))
    assert not read.state.can_shift_up and read.state.can_shift_down
    assert read.state.levels[L1].source is PointSource.USER
    assert level_nodes.point_nodes(read.nodes)[1].GetNthControlPointDescription(0) == "placed by hand"
    read.reading.edits.shift_levels(up=False)
    read.reading.edits.shift_levels(up=False)
    np.testing.assert_allclose(level_nodes.points(read.nodes)[L1], center_of(read.ct, 6))
    np.testing.assert_allclose(level_nodes.points(read.nodes)[L2], center_of(read.ct, 1))
    assert not read.state.can_shift_down
    assert read.state.stale == ("the points of L1 and L2 were moved",)


def test_another_place_or_other_voxels_make_a_result_stale(read):
    read.ct.GetImageData().Modified()
    read.settle()
    assert read.state.stale == ("the CT was changed",)
    read.update()
    assert read.state.stale == ()
    move(read.ct, shift((3, 0, 0)))
    read.settle()
    assert read.state.stale[0] == "the CT was changed"


@pytest.mark.parametrize("level", Level)
def test_what_a_user_draws_during_a_run_is_not_overwritten(read, level):
    other = L2 if level is L1 else L1
    mask = mask_nodes.masks(read.nodes)[level]
    half = MaskArray(mask.array_kji * (np.arange(mask.array_kji.shape[2]) < 5), mask.ijk_to_world)
    node = read.nodes.get(Role.MASKS)
    read.engine.meanwhile = lambda: segments.write_segment(node, level, half, read.ct)
    read.drag(other, 2 * STEP_MM)
    before = read.fingerprints()
    read.update()
    read.engine.meanwhile = lambda: None
    assert read.fingerprints()[level] != before[level]  # as drawn
    assert read.fingerprints()[other] != before[other]  # as read
    assert read.state.stale == (f"the mask of {level} was edited",)
    assert read.state.levels[level].mask_source is MaskSource.CORRECTED


def test_a_point_is_looked_at_when_the_mouse_lets_it_go(read):
    node = level_nodes.point_nodes(read.nodes)[0]
    node.InvokeEvent(node.PointStartInteractionEvent)
    read.drag(L1, 3.0)
    assert read.state.stale == ()
    node.InvokeEvent(node.PointEndInteractionEvent)
    read.settle()
    assert read.state.stale == ("the point of L1 was moved",)


def test_what_a_reading_changes_itself_is_not_looked_at_again(read):
    heard = []
    read.drag(L1, 3.0)
    read.reading.update()
    read.host.wait_until(lambda: not read.reading.running)
    read.reading.changed.connect(lambda: heard.append("changed"))
    read.settle()
    assert heard == []


def test_following_reads_again_by_itself_but_not_what_has_failed(read):
    read.reading.follow = True
    count = len(read.engine.asked)
    read.drag(L1, 1.0)
    assert len(read.engine.asked) == count + 1 and read.state.stale == ()
    read.engine.fails = RunFailed(Reason.OUT_OF_MEMORY, "The memory is full.")
    read.drag(L1, 1.0)
    read.settle()
    assert len(read.engine.asked) == count + 2 and read.state.stale
    assert (read.state.message, read.state.reason, read.state.is_error) == (
        "The memory is full.",
        "out_of_memory",
        True,
    )
    read.engine.fails = None
    read.drag(L2, 1.0)
    assert len(read.engine.asked) == count + 3 and read.state.stale == () and read.state.message == ""


def test_what_was_wrong_is_told_no_more_once_it_is_undone(read):
    read.reading.follow = True
    read.engine.fails = RunFailed(Reason.POINTS_ON_ONE_BODY, "Both are on one body.")
    read.drag(L1, 1.0)
    read.settle()
    assert read.state.is_error and read.state.stale
    read.reading.changed.emit()
    assert read.state.is_error
    read.drag(L1, -1.0)
    read.settle()
    assert (read.state.message, read.state.stale) == ("", ())


def test_a_canceled_run_leaves_what_was_there(read):
    document = read.state.document
    read.reading.update()
    assert read.state.running
    read.reading.cancel()
    assert not read.state.running and read.state.document == document
    assert read.state.reason is Reason.CANCELLED and not read.state.is_error


def test_one_point_alone_is_refused_by_its_name(bench):
    mark = level_nodes.LevelMark(center_of(bench.ct, 6), None, PointSource.USER)
    level_nodes.show_levels(bench.nodes, {L2: mark})
    bench.update()
    assert bench.state.message.startswith("L1 has no point") and bench.engine.asked == []
    bench.reading.find_levels()
    bench.settle()
    assert bench.wanted.points is None


def test_both_points_by_hand_are_taken_and_no_level_is_looked_for(bench):
    marks = {n: level_nodes.LevelMark(center_of(bench.ct, SLICES[n]), None, PointSource.USER) for n in Level}
    level_nodes.show_levels(bench.nodes, marks)
    bench.update()
    assert bench.wanted.points == {n: pytest.approx(center_of(bench.ct, SLICES[n])) for n in Level}
    assert bench.wanted.found == {}
    assert [bench.state.levels[n].source for n in Level] == [PointSource.USER] * 2


def test_levels_found_again_for_a_worker_that_died_move_no_point_and_keep_the_column(read):
    read.engine.has_died = True
    read.drag(L2, 1.0)
    points = level_nodes.points(read.nodes)
    read.update()
    assert level_nodes.points(read.nodes) == points
    assert read.state.can_shift_up and read.state.levels[L2].source is PointSource.USER


def test_only_points_that_were_found_are_found_again():
    placed = {
        L1: PlacedLevel((1.0, 2.0, 3.0), 4, 0.9, PointSource.AUTO),
        L2: PlacedLevel((0.0,) * 3, 1, 1.0, PointSource.USER),
    }
    assert Provenance(found=placed).found_points == {L1: (1.0, 2.0, 3.0)}
    assert Provenance.of_document(Provenance(found=placed).document()).found == placed
    assert Provenance.of_document({"found": {"L7": "nonsense"}}) == Provenance()


def names_shown(bench) -> dict[str, float]:
    """Each name in the sagittal views and how high it stands, mm."""
    node, shown = bench.nodes.get(Role.NAMES), {}
    for index in range(0 if node is None else node.GetNumberOfControlPoints()):
        place = [0.0, 0.0, 0.0]
        node.GetNthControlPointPositionWorld(index, place)
        shown[node.GetNthControlPointLabel(index)] = place[2]
    return shown


@pytest.mark.parametrize("answer", ["confirm", "shift"])
def test_bodies_in_doubt_are_named_until_there_is_an_answer(bench, answer):
    bench.engine.doubt = (Flag(Reason.LEVELS_UNCERTAIN, "Count again."),)
    bench.reading.find_levels()
    bench.settle()
    heights = {f"{n} ?": center_of(bench.ct, at)[2] for n, at in (("T12", 21), ("L1", 16), ("L2", 6), ("L3", 1))}
    assert names_shown(bench) == pytest.approx(heights)
    display = bench.nodes.get(Role.NAMES).GetDisplayNode()
    assert list(display.GetViewNodeIDs()) == ["vtkMRMLSliceNodeYellow"] and not display.GetVisibility3D()
    if answer == "confirm":
        bench.reading.confirm_levels()
    else:
        bench.reading.shift_levels(up=True)
    bench.settle()
    assert names_shown(bench) == {} and bench.state.levels_doubt == ""
    assert bench.wanted.until is Until.READING and bench.state.document is not None


def test_a_shift_without_a_doubt_reads_nothing_by_itself(bench):
    bench.reading.find_levels()
    bench.settle()
    bench.reading.shift_levels(up=True)
    bench.settle()
    assert bench.wanted.until is Until.LEVELS and bench.state.document is None


def test_names_go_along_with_a_point_and_levels_without_a_doubt_have_none(bench):
    bench.reading.find_levels()
    bench.settle()
    assert bench.nodes.get(Role.NAMES) is None
    bench.engine.doubt = (Flag(Reason.LEVELS_UNCERTAIN, "Count again."),)
    bench.reading.find_levels()
    bench.settle()
    (l1, _) = level_nodes.point_nodes(bench.nodes)
    l1.SetNthControlPointPositionWorld(0, *center_of(bench.ct, 21))
    bench.settle()
    assert list(names_shown(bench)) == ["L1 ?", "L2 ?", "L3 ?"]


def test_files_are_written_with_the_masks_as_they_are_in_the_scene(read, tmp_path, monkeypatch):
    monkeypatch.setattr(controller, "screenshots", lambda folder: [])
    monkeypatch.setattr(FakeEngine, "folder", tmp_path)
    read.draw(L2)
    done = []
    read.reading.deliver(tmp_path, "case", done.append)
    read.settle()
    (asked,) = read.engine.asked_case
    assert set(read.wanted.masks) == {L2} and done and asked["request"].row == "case"
    for level in Level:
        expected = {L1: body().sum(), L2: body()[:, :5].sum()}[level]
        assert asked["masks"][level].array_kji.sum() == expected


def test_another_ct_hides_the_former_reading_and_each_keeps_its_own(read):
    first, other = read.nodes, add_ct("axial", "other")
    read.reading.select(other)
    assert read.state.volume_name == "other" and read.state.document is None
    assert not first.get(Role.MASKS).GetDisplayVisibility()
    read.reading.select(read.ct)
    assert first.get(Role.MASKS).GetDisplayVisibility() and not first.get(Role.NETWORK).GetDisplayVisibility()
    assert read.state.document is not None


def test_a_removed_ct_ends_its_run_and_takes_its_reading_with_it(read):
    volume_id, nodes = read.ct.GetID(), read.nodes
    read.reading.update()
    slicer.mrmlScene.RemoveNode(read.ct)
    read.settle()
    assert read.state.volume_name is None and not read.state.running
    assert read.state.message == "“CT” was removed from the scene, and its reading with it."
    assert read.state.reason is Reason.CANCELLED
    assert read.engine.forgotten == [volume_id]
    assert nodes.all() == []


def test_a_removed_ct_that_is_not_chosen_takes_its_reading_with_it_too(read):
    nodes = read.nodes
    read.reading.select(add_ct("axial", "other"))
    slicer.mrmlScene.RemoveNode(read.ct)
    read.settle()
    assert read.state.volume_name == "other"
    assert "“CT” was removed" in read.state.message and read.state.reason is None
    assert nodes.all() == []


def test_masks_that_were_corrected_outlive_their_ct(read):
    read.draw(L2)
    read.settle()
    masks = read.nodes.get(Role.MASKS)
    slicer.mrmlScene.RemoveNode(read.ct)
    read.settle()
    assert read.state.message.endswith("The masks that you corrected stay.")
    assert masks.GetScene() is not None and masks.GetAttribute("OsteoJoint.Role") is None
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == [masks]
    assert not slicer.util.getNodesByClass("vtkMRMLMarkupsNode")


def test_a_run_of_a_script_whose_ct_goes_ends_with_a_reason(bench):
    bench.engine.meanwhile = lambda: slicer.mrmlScene.RemoveNode(bench.ct)
    with pytest.raises(RunFailed) as ending:
        bench.reading.run(bench.ct)
    assert ending.value.reason is Reason.CANCELLED


def test_a_ct_that_is_gone_already_counts_as_none(read):
    slicer.mrmlScene.RemoveNode(read.ct)
    read.reading.select(read.ct)
    assert read.state.volume_name is None


def test_closing_the_scene_ends_a_run_in_words(read):
    read.reading.update()
    slicer.mrmlScene.Clear()
    assert not read.state.running and "scene was closed" in read.state.message
