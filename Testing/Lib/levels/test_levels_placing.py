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
