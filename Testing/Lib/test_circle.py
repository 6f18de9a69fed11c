"""HU in a circle at a body's center: that body's own, in millimeters, and none where the image cuts it."""

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.pipeline.circle import RADIUS_MM, circle_hu
from OsteoJointLib.records import CtVolume, SourceInfo

SPACING_XYZ_MM = (0.5, 1.0, 4.0)  # 16 columns, but 8 rows are 8 mm


@pytest.fixture(scope="module")
def volume() -> CtVolume:
    """A disc of 8 mm radius, 200 HU to the patient's right and 100 to the left, on slice 2 of 5; elsewhere -1000."""
    grid = Grid.axis_aligned((5, 60, 120), SPACING_XYZ_MM, (-30.0, -30.0, 100.0))
    hu = np.full(grid.shape_zyx, -1000, dtype=np.int16)
    y, x = np.mgrid[:60, :120]
    disc = np.hypot((y - 30) * 1.0, (x - 60) * 0.5) <= RADIUS_MM
    hu[2][disc] = np.where(x < 60, 200, 100)[disc]
    return CtVolume(hu, grid, SourceInfo("memory"))


def at(volume: CtVolume, z: float, y: float, x: float):
    return circle_hu(volume, tuple(volume.grid.index_to_lps(np.array([z, y, x]))))


def test_the_circle_takes_just_what_lies_within_eight_millimeters(volume):
    found = at(volume, 2, 30, 60)
    assert 145 < found.mean_hu < 150 and 49 < found.sd_hu <= 50
    assert at(volume, 2, 30, 61).mean_hu < found.mean_hu  # one column of air more, one of bone less


def test_the_slice_is_the_nearest_one(volume):
    assert at(volume, 2.4, 30, 60) == at(volume, 2, 30, 60)
    assert at(volume, 2.6, 30, 60).mean_hu == at(volume, 3, 30, 60).mean_hu == -1000


@pytest.mark.parametrize(
    ("z", "y", "x"), [(2, 7.9, 60), (2, 51.1, 60), (2, 30, 15.9), (2, 30, 103.1), (-0.6, 30, 60), (4.6, 30, 60)]
)
def test_where_the_image_cuts_the_circle_there_is_none(volume, z, y, x):
    assert at(volume, z, y, x) is None


@pytest.mark.parametrize(
    ("z", "y", "x"), [(2, 8, 60), (2, 51, 60), (2, 30, 16), (2, 30, 103), (-0.4, 30, 60), (4.4, 30, 60)]
)
def test_just_inside_the_image_there_is_one(volume, z, y, x):
    assert at(volume, z, y, x) is not None
