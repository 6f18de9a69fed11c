"""Points placed by a person."""

import numpy as np
import pytest

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.levels.placing import levels_from_points
from OsteoJointLib.records import CtVolume, PointSource, SourceInfo


@pytest.fixture
def volume():
    grid = Grid.axis_aligned((40, 30, 30), (2.0, 2.0, 3.0), (-30.0, -30.0, 100.0))
    return CtVolume(np.zeros(grid.shape_zyx, np.int16), grid, SourceInfo("memory"))


def test_points_become_levels_with_full_confidence(volume):
    levels = levels_from_points(volume, (0.0, 1.0, 180.0), (1.0, 2.0, 145.0))
    assert levels.l1.center_lps_mm == (0.0, 1.0, 180.0)
    assert levels.l2.center_lps_mm == (1.0, 2.0, 145.0)
    assert (levels.l1.confidence, levels.l2.source) == (1.0, PointSource.USER)


@pytest.mark.parametrize("point", [(500.0, 0.0, 180.0), (0.0, 0.0, float("nan"))])
def test_a_point_outside_is_refused_in_ras(volume, point):
    with pytest.raises(InputRefused, match="R, A, S") as refusal:
        levels_from_points(volume, point, (0.0, 0.0, 145.0))
    assert refusal.value.reason is Reason.POINT_OUTSIDE


def test_the_refusal_gives_the_point_as_slicer_shows_it(volume):
    with pytest.raises(InputRefused, match=r"L2 lies outside the CT \(R, A, S = -500.0, 3.0, 145.0 mm\)"):
        levels_from_points(volume, (0.0, 0.0, 180.0), (500.0, -3.0, 145.0))


def test_exchanged_points_are_wrong_usage(volume):
    with pytest.raises(UsageError, match="Exchange"):
        levels_from_points(volume, (0.0, 0.0, 145.0), (0.0, 0.0, 180.0))


@pytest.mark.parametrize("rise_mm", [0.7, 11.9])
def test_two_points_on_one_body_are_refused(volume, rise_mm):
    with pytest.raises(InputRefused, match=f"only {rise_mm} mm above that of L2") as refusal:
        levels_from_points(volume, (0.0, 0.0, 145.0 + rise_mm), (0.0, 20.0, 145.0))
    assert refusal.value.reason is Reason.POINTS_ON_ONE_BODY


@pytest.mark.parametrize(
    ("l1", "words"),
    [
        ((0.0, 0.0, 158.0), "lie only 13 mm apart; two neighbors lie 20 to 50 mm apart. Look whether both are on one"),
        ((0.0, 0.0, 165.5), None),
        ((0.0, 0.0, 194.0), None),
        ((0.0, 15.0, 194.0), "lie 51 mm apart; two neighbors lie 20 to 50 mm apart. Look whether there is a body be"),
        ((0.0, 0.0, 215.0), "lie 70 mm apart"),
    ],
)
def test_points_as_far_apart_as_neighbors_never_are_raise_a_doubt(volume, l1, words):
    flags = levels_from_points(volume, l1, (0.0, 0.0, 145.0)).flags
    assert [flag.code for flag in flags] == ([] if words is None else [Reason.POINTS_DOUBTFUL])
    assert words is None or words in flags[0].message
