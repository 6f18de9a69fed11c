"""Whether a slice runs through mid-body, on columns whose bodies, endplates and discs are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.doubts import class_is_reliable
from OsteoJointLib.pipeline.midslice import body_nearby, centered_levels
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtVolume, Level, LevelPoint, LevelsFound, PointSource, SourceInfo

BODY_MM, DISC_MM, ENDPLATE_MM = 25.0, 9.0, 2.0
PITCH_MM = BODY_MM + DISC_MM
MIDDLES_MM = {Level.L1: 2.5 * PITCH_MM, Level.L2: 1.5 * PITCH_MM}
QUICK = ReadOptions(gradcam=False)
LEAN = 0.3
"""Backward for one upward: the bodies' centers lie behind each other, as in a lordotic column."""


def column(step_mm: float, bone_hu: float = 180.0, disc_hu: float = 80.0, disc_mm: float = DISC_MM) -> CtVolume:
    """Four bodies over each other in slices of ``step_mm``, each averaged over its thickness; noise of 10 HU."""
    pitch_mm = BODY_MM + disc_mm
    grid = Grid.axis_aligned((int(4 * pitch_mm / step_mm), 60, 50), (2.0, 2.0, step_mm), (0.0, 0.0, step_mm / 2))
    fine_mm = np.arange(0.0, 4 * pitch_mm, 0.25) + 0.125
    off_mm = np.abs((fine_mm % pitch_mm) - pitch_mm / 2)
    hu = np.where(off_mm < BODY_MM / 2, bone_hu, disc_hu) + np.where(
        np.abs(off_mm - BODY_MM / 2 + ENDPLATE_MM / 2) < ENDPLATE_MM / 2, 250.0, 0.0
    )
    heights_mm = np.arange(grid.shape_zyx[0]) * step_mm + step_mm / 2
    means = np.array([hu[np.abs(fine_mm - z) < step_mm / 2].mean() for z in heights_mm])
    y, x = np.mgrid[:60, :50] * 2.0
    volume = np.full(grid.shape_zyx, 40.0)
    for plane, height_mm, mean in zip(volume, heights_mm, means, strict=True):
        plane[np.hypot(y - center_mm(height_mm)[1], x - 50.0) < 18.0] = mean
    volume += np.random.default_rng(1).normal(0, 10.0, volume.shape)
    return CtVolume(volume.astype(np.int16), grid, SourceInfo("memory", ("c",), "0" * 64, 120.0, "B30f", False))


def center_mm(height_mm: float) -> tuple[float, float, float]:
    """The column's axis at a height; it leans, so that who follows no axis leaves the bodies."""
    return (50.0, 60.0 + LEAN * (height_mm - 2 * PITCH_MM), float(height_mm))


def points(up_mm: float = 0.0, source: PointSource = PointSource.AUTO) -> LevelsFound:
    """L1 off its middle, L2 on it."""
    l1, l2 = (center_mm(MIDDLES_MM[level] + (up_mm if level is Level.L1 else 0.0)) for level in Level)
    return LevelsFound(LevelPoint(Level.L1, l1, 0.97, source), LevelPoint(Level.L2, l2, 0.97, source))


def nearby(volume: CtVolume, up_mm: float, middle_mm: float = MIDDLES_MM[Level.L2]):
    index = volume.grid.lps_to_index(np.array(center_mm(middle_mm + up_mm)))
    return body_nearby(volume, index, np.array([LEAN * volume.grid.spacing_xyz_mm[2] / 2.0, 0.0]))


KINDS = [(200.0, 80.0), (40.0, 75.0), (350.0, 120.0), (95.0, 80.0)]
"""Bone and disc: young, old and fat, sclerotic with contrast, hardly different."""


@pytest.mark.parametrize(("bone_hu", "disc_hu"), KINDS)
@pytest.mark.parametrize("step_mm", [1.0, 2.5, 5.0])
def test_a_slice_in_the_middle_is_told_from_one_in_the_disc(step_mm, bone_hu, disc_hu):
    volume = column(step_mm, bone_hu, disc_hu)
    for up_mm in (-3.0, 0.0, 3.0):
        assert nearby(volume, up_mm).in_middle
    for up_mm in (-17.0, -16.0, 16.0, 17.0):
        assert not nearby(volume, up_mm).in_middle


@pytest.mark.parametrize("way", [-1.0, 1.0])
@pytest.mark.parametrize(("step_mm", "off_mm"), [(1.0, 11.0), (2.5, 11.0), (5.0, 13.0)])
def test_a_slice_on_an_endplate_is_led_to_the_middle_of_its_body(step_mm, off_mm, way):
    up_mm = way * off_mm
    body = nearby(column(step_mm), up_mm)
    assert body.own and not body.in_middle
    assert body.offset_mm == pytest.approx(-up_mm, abs=1.0 + step_mm / 2)
    assert body.height_mm == pytest.approx(BODY_MM, abs=6.0)


def test_from_the_middle_of_a_disc_no_body_is_the_slice_s_own():
    assert not nearby(column(2.0), PITCH_MM / 2).own


def test_a_thick_disc_is_no_body():
    """Quiet for 13 mm, like a body that has collapsed, but soft between harder and higher ones."""
    volume, middle_mm = column(2.0, disc_mm=17.0), 1.5 * 42.0
    assert nearby(volume, 0.0, middle_mm).in_middle
    assert not nearby(volume, 21.0, middle_mm).in_middle


def test_cement_is_no_body():
    """Far denser than all else and even, for 12 mm above the middle of L2, which is not led there."""
    volume = column(2.0)
    cemented = volume.hu.copy()
    heights_mm = volume.grid.index_to_lps(np.stack([np.arange(len(cemented)), *np.zeros((2, len(cemented)))], axis=1))
    cemented[(heights_mm[:, 2] > MIDDLES_MM[Level.L2] + 2) & (heights_mm[:, 2] < MIDDLES_MM[Level.L2] + 15)] += 900
    there = nearby(replace(volume, hu=cemented), 8.0)
    assert there is None or not there.in_middle


def test_nothing_is_said_where_nothing_can_be_told():
    even = column(2.5)
    assert nearby(replace(even, hu=np.full_like(even.hu, 90)), 0.0) is None
    lowest = even.grid.lps_to_index(np.array(center_mm(8.0)))
    assert body_nearby(even, lowest, np.zeros(2)) is None


@pytest.mark.parametrize("up_mm", [-11.0, 11.0])
def test_a_found_point_on_an_endplate_moves_and_says_so_and_the_other_stays(up_mm):
    before = points(up_mm)
    after = centered_levels(column(2.5), before)
    assert after.l1.center_lps_mm == pytest.approx(center_mm(MIDDLES_MM[Level.L1]), abs=2.5)
    assert after.l2 == before.l2
    (flag,) = after.flags
    assert (flag.code, flag.level) == (Reason.SLICE_MOVED, Level.L1)
    assert f"moved {'down' if up_mm > 0 else 'up'} by" in flag.message


def test_points_in_mid_body_stay_and_so_do_a_user_s():
    assert centered_levels(column(2.5), points()) == points()
    own = points(11.0, PointSource.USER)
    assert centered_levels(column(2.5), own) == own


def test_points_that_would_meet_in_one_body_stay():
    l2 = LevelPoint(Level.L2, center_mm(MIDDLES_MM[Level.L1] - 11.0), 0.97, PointSource.AUTO)
    both = replace(points(11.0), l2=l2)
    assert centered_levels(column(2.5), both) == both


def test_a_user_s_slice_through_a_disc_makes_the_class_unreliable(chain):
    volume = column(2.5)
    placed = {level: center_mm(MIDDLES_MM[level]) for level in Level}
    right = chain.reader.read(volume, placed, QUICK)
    assert Reason.SLICE_NOT_MID_BODY not in {flag.code for flag in right.flags}
    wrong = chain.reader.read(volume, placed | {Level.L2: center_mm(MIDDLES_MM[Level.L2] + 15.0)}, QUICK)
    assert [flag.level for flag in wrong.flags if flag.code is Reason.SLICE_NOT_MID_BODY] == [Level.L2]
    assert not class_is_reliable(wrong.flags)


def test_a_moved_slice_is_a_note_that_goes_when_a_user_moves_its_point(chain):
    reader = replace(chain.reader, finder=lambda volume: points(11.0))
    result = reader.read(column(2.5), options=QUICK)
    assert [flag.level for flag in result.flags if flag.code is Reason.SLICE_MOVED] == [Level.L1]
    assert class_is_reliable(result.flags)
    for level, codes in ((Level.L1, set()), (Level.L2, {Reason.SLICE_MOVED})):
        moved = reader.move(result, {level: center_mm(MIDDLES_MM[level])}, QUICK)
        assert {flag.code for flag in moved.flags if flag.code is Reason.SLICE_MOVED} == codes
