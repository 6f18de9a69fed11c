"""Which request is missing: the memory of one CT against a worker that is told by hand what it did."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.output.viewer_arrays import LevelViews, MaskArray, Views
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.memory import CaseMemory, Refinement, Step, Until, Wanted
from OsteoJointLib.worker.answers import LevelsTold, PlacedLevel
from OsteoJointLib.worker.requests import Classify, Edit, FindLevels, Making, Refine, Segment

L1, L2 = Level
POINTS = {L1: (1.0, 2.0, 30.0), L2: (3.0, 4.0, 0.0)}
MOVED = {**POINTS, L1: (1.0, 2.0, 35.0)}
FOUND = LevelsTold("case-1", {n: PlacedLevel(p, 3, 0.9, PointSource.AUTO) for n, p in POINTS.items()}, (), ())


def mask(level: Level, rows: int, **made: bool) -> MaskArray:
    """So many rows of the level's box."""
    array, place = np.zeros((1, 8, 8), np.uint8), np.eye(4)
    array[0, :rows] = 1
    place[:3, 3] = POINTS[level]
    return MaskArray(array, place, **made)


def views(rows: dict[Level, int]) -> Views:
    """The worker's present masks; the network's own have six rows."""
    levels = {}
    for level in Level:
        own, now = mask(level, 6), mask(level, rows.get(level, 6))
        none = np.zeros_like(own.array_kji[0])
        levels[level] = LevelViews(now.array_kji, own.array_kji, none, now.ijk_to_world, np.eye(4))
    return Views(levels)


def known(rows: dict[Level, int] | None = None) -> CaseMemory:
    """A worker that has found the levels and read them."""
    case = CaseMemory("case-1", None)
    case.took_levels(FindLevels(case="case-1"), FOUND)
    case.took(Step(Segment(case="case-1")), {"number": 1}, views(rows or {}))
    return case


def ask(case: CaseMemory, refined: bool = False, **wanted):
    return case.next_step(Wanted("ct", **{"points": POINTS, "found": POINTS, **wanted}), refined)


def test_a_worker_that_knows_nothing_is_asked_for_levels_or_masks_first():
    case = CaseMemory("case-7", None)
    assert ask(case, points=None) == FindLevels(case="case-7")
    assert ask(case, found={}).request == Segment(case="case-7", points=POINTS)
    assert ask(case, found={L2: POINTS[L2]}) == FindLevels(case="case-7")
    assert ask(case, found={L2: POINTS[L1]}).request == Segment(case="case-7", points=POINTS)
    assert ask(case, until=Until.LEVELS, found={}) == FindLevels(case="case-7", points=POINTS)


def test_what_is_there_is_not_asked_for_again():
    case = known()
    assert ask(case) is None
    assert ask(case, points=None) is None
    assert ask(case, until=Until.LEVELS) is None


def test_placed_points_are_no_found_ones():
    case = CaseMemory("case-1", None)
    case.took_levels(FindLevels(case="case-1", points=POINTS), FOUND)
    assert case.points == POINTS
    assert ask(case).request == Segment(case="case-1")
    assert ask(case, points=None) == FindLevels(case="case-1")


@pytest.mark.parametrize("level", Level)
def test_a_confirmed_point_is_told_once_though_it_has_not_moved(level):
    case, found = known(), {other: point for other, point in POINTS.items() if other is not level}
    step = ask(case, found=found)
    assert step.request == Segment(case="case-1", points={level: POINTS[level]})
    case.took(step, {}, views({}))
    assert ask(case, found=found) is None
    fresh = CaseMemory("case-1", None)
    fresh.took_levels(ask(fresh, found=found), FOUND)
    assert ask(fresh, found=found).request == Segment(case="case-1", points={level: POINTS[level]})


def test_levels_found_again_forget_the_reading():
    case = known()
    case.given = {L1: 1}
    case.took_levels(FindLevels(case="case-1"), FOUND)
    assert (case.document, case.views, case.given) == (None, None, {})
    assert ask(case).request == Segment(case="case-1")


@pytest.mark.parametrize("level", Level)
def test_a_moved_point_is_told_of_its_level_alone(level):
    case, to = known(), (9.0, 9.0, 9.0)
    step = ask(case, points={**POINTS, level: to})
    assert step.request == Segment(case="case-1", points={level: to})
    case.took(step, {}, views({}))
    assert case.points == {**POINTS, level: to}
    assert case.found is None
    assert ask(case, points={**POINTS, level: to}) is None
    assert ask(case, points=POINTS).request.points == {level: POINTS[level]}


@pytest.mark.parametrize("level", Level)
def test_a_mask_goes_with_its_own_level_and_making(level):
    case, other = known(), L2 if level is L1 else L1
    own = mask(level, 3, edited=True)
    step = ask(case, masks={level: own})
    assert step.request == Edit(case="case-1", segmentation={}, made={level: Making(edited=True, refined=False)})
    assert step.masks == {level: own}
    case.took(step, {}, views({level: 3}))
    assert ask(case, masks={level: own}) is None
    assert list(ask(case, masks={other: replace(mask(other, 3), refined=True)}).masks) == [L1, L2]
    back = ask(case)
    assert (list(back.masks), back.request.made) == ([level], {})  # the network's own, which nobody made
    assert back.masks[level].array_kji.sum() == 48


def test_how_a_mask_was_made_is_not_exchanged():
    masks = {L1: mask(L1, 3, edited=True), L2: mask(L2, 4, refined=True)}
    made = {L1: Making(edited=True, refined=False), L2: Making(edited=False, refined=True)}
    assert ask(known(), masks=masks).request.made == made
    assert ask(known(), masks=masks, refine=Refinement((L1,))).request.made == made


def test_a_given_mask_is_forgotten_on_a_move():
    """The worker has the network's mask of a moved level, so the user's, which reaches there too, is given in again."""
    masks = {L1: mask(L1, 3), L2: mask(L2, 4)}
    case = known()
    case.took(ask(case, masks=masks), {}, views({L1: 3, L2: 4}))
    step = ask(case, masks=masks, points=MOVED)
    assert step.request == Segment(case="case-1", points={L1: MOVED[L1]}, gradcam=False)  # the edit brings the map
    case.took(step, {}, views({L2: 4}))
    step = ask(case, masks=masks, points=MOVED)
    assert isinstance(step.request, Edit)
    assert step.masks == {L1: masks[L1]}


@pytest.mark.parametrize("level", Level)
def test_a_move_leaves_the_map_to_an_edit_that_follows(level):
    step = ask(known(), masks={level: mask(level, 3)}, points=MOVED)
    assert step.request == Segment(case="case-1", points={L1: MOVED[L1]}, gradcam=False)


def test_a_mask_that_stays_given_costs_no_edit():
    """The worker shows of a mask over slices the one slice that it read: what it was given tells it apart."""
    case, deep = known(), mask(L2, 4)
    deep = replace(deep, array_kji=np.repeat(deep.array_kji, 3, axis=0))
    case.took(ask(case, masks={L2: deep}), {}, views({L2: 4}))
    assert ask(case, masks={L2: deep}) is None
    step = ask(case, masks={L2: deep}, points=MOVED)
    assert step.request == Segment(case="case-1", points={L1: MOVED[L1]})  # nothing follows, so it brings the map
    case.took(step, {}, views({L2: 4}))
    assert ask(case, masks={L2: deep}, points=MOVED) is None


def test_a_refinement_is_asked_for_once_and_makes_a_mask_its_own():
    case, refine = known(), Refinement((L1,), {"max_shift_mm": 2.0})
    masks = {L1: mask(L1, 3), L2: mask(L2, 4)}
    case.took(ask(case, masks=masks), {}, views({L1: 3, L2: 4}))
    step = ask(case, masks=masks, refine=refine)
    assert step.request == Refine(case="case-1", levels=(L1,), parameters={"max_shift_mm": 2.0})
    assert not step.masks
    case.took(step, {}, views({L1: 5, L2: 4}))
    assert set(case.given) == {L2}
    assert ask(case, masks=masks, refine=refine, refined=True) is None
    assert ask(case, masks={**masks, L1: mask(L1, 5)}) is None
    assert list(ask(case, masks=masks).masks) == [L1]  # back to what it was before


@pytest.mark.parametrize("refine", [None, Refinement((L2,))])
def test_the_map_is_left_to_the_last_step(refine):
    case = CaseMemory("case-1", None)
    masks = {} if refine else {L1: mask(L1, 6)}
    step = ask(case, masks=masks, refine=refine, found={})
    assert step.request.gradcam is False
    case.took(step, {}, views({}))
    assert case.bare
    following = ask(case, masks=masks, refine=refine)
    assert isinstance(following.request, Refine if refine else Classify)
    assert following.request.gradcam is True
    case.took(following, {}, views({}))
    assert not case.bare


@pytest.mark.parametrize("where", [{"whole": True}, {"at": (1.0, 2.0, 3.0)}, {}])
def test_a_refinement_is_asked_for_on_the_slices_that_are_wanted(where):
    request = ask(known(), refine=Refinement((L2,), {"max_shift_mm": 2.0}, **where)).request
    assert request == Refine(case="case-1", levels=(L2,), parameters={"max_shift_mm": 2.0}, **where)
