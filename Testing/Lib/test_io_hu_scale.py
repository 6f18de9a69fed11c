"""Nine wrong HU scales are each named, a right one is not: by air, and by the fat under the skin for the voltage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.hu_scale import measure_scale, scale_flags
from OsteoJointLib.records import HuScale

GRID = Grid.axis_aligned((20, 128, 128), (2.5, 2.5, 5.0), (-158.75, -158.75, 0.0))
WRONG = [(1.0, 24), (1.0, -24), (1.0, 40), (1.0, -40), (1.0, 60), (1.0, -60), (1.2, 0), (1.5, 0), (2.0, 0)]


@pytest.fixture(scope="module")
def body() -> np.ndarray:
    """(20, 128, 128) float: air, an ellipse of fat under skin about muscle with a brighter mesentery, lung and bone."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    plane = np.full((128, 128), -1000.0)
    plane[(x / 0.82) ** 2 + (y / 0.62) ** 2 < 1] = 20.0
    plane[(x / 0.8) ** 2 + (y / 0.6) ** 2 < 1] = -104.0
    plane[(x / 0.65) ** 2 + (y / 0.45) ** 2 < 1] = 52.0
    plane[(x / 0.4) ** 2 + ((y + 0.1) / 0.25) ** 2 < 1] = -80.0
    plane[x**2 + (y - 0.3) ** 2 < 0.01] = 300.0
    return plane + np.random.default_rng(0).normal(0.0, 12.0, (20, 128, 128))


def stored(hu: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)


def test_air_and_the_fat_under_the_skin_are_found_and_not_the_brighter_fat_within(body):
    scale = measure_scale(stored(body), GRID)
    assert scale.air_hu == pytest.approx(-1000.0, abs=4)
    assert scale.skin_fat_hu == pytest.approx(-104.0, abs=4)
    assert not scale.air_hidden


def test_a_right_scale_is_not_flagged_whether_the_voltage_is_known_or_not(body):
    scale = measure_scale(stored(body), GRID)
    assert [scale_flags(scale, kvp) for kvp in (120.0, 100.0, 140.0, None)] == [()] * 4


@pytest.mark.parametrize("kvp", [120.0, None])
@pytest.mark.parametrize(("factor", "offset"), WRONG)
def test_a_wrong_scale_is_named(body, factor, offset, kvp):
    (flag,) = scale_flags(measure_scale(stored(factor * body + offset), GRID), kvp)
    assert flag.code is Reason.HU_OFFSET
    assert "shifted or stretched" in flag.message
    if factor == 1.0:
        assert f"lies at {-104 + offset}"[:-1] in flag.message  # but for its last digit


@pytest.mark.parametrize("blank", [-1000, -1024, -2000], ids=["air", "padding", "far below"])
def test_air_that_was_blanked_by_a_tool_is_no_fault(body, blank):
    assert scale_flags(measure_scale(stored(np.where(body < -500, blank, body)), GRID), 120.0) == ()


def test_padding_that_was_shifted_along_is_not_taken_for_air(body):
    """Padding of -1024 lies at -1000 after an offset of 24, and there it is a spike and no noise."""
    padded = np.where(np.hypot(*np.mgrid[-1:1:128j, -1:1:128j]) > 0.95, -1024.0, body)
    scale = measure_scale(stored(stored(padded).astype(float) + 24), GRID)
    assert scale.air_hu == pytest.approx(-976.0, abs=5)


def test_bright_fat_is_a_wasted_patient_s_where_air_lies_right():
    bright = [bool(scale_flags(HuScale(air, False, -61.0, -78.0), 120.0)) for air in (-1000.0, -976.0, None)]
    assert bright == [False, True, True]
    assert not scale_flags(HuScale(-991.0, False, -81.0, -73.0), 120.0)


def test_what_lies_under_a_thin_skin_is_mixed_and_all_fat_stands_in():
    """Seen so in a phantom with 6 mm of fat, and the same shifted by -24 and +24."""
    named = [bool(scale_flags(HuScale(-994.0 + by, False, -74.0 + by, -94.0 + by), 120.0)) for by in (0, -24, 24)]
    assert named == [False, True, True]


def test_air_alone_is_enough_where_it_is_too_dark():
    named = [bool(scale_flags(HuScale(air, False, -94.0, -93.0), 120.0)) for air in (-1024.0, -1012.0)]
    assert named == [True, False]


def test_without_skin_in_view_all_fat_stands_in(body):
    tight = body[:, 44:84, 36:92]
    grid = Grid.axis_aligned(tight.shape, GRID.spacing_xyz_mm, (0.0, 0.0, 0.0))
    scales = [measure_scale(stored(tight + offset), grid) for offset in (0, 60, -60)]
    assert [scale.skin_fat_hu for scale in scales] == [None] * 3
    assert [len(scale_flags(scale, 120.0)) for scale in scales] == [1, 1, 1]  # -80 alone is too bright for fat
    right = replace(scales[0], fat_hu=-98.0)
    assert scale_flags(right, 120.0) == ()


def test_each_voltage_has_its_own_fat():
    def off(fat_hu: float, kvp: float | None) -> bool:
        return bool(scale_flags(HuScale(-1000.0, False, fat_hu, None), kvp))

    assert [off(-124.0, kvp) for kvp in (80.0, 120.0, 140.0, None)] == [False, True, True, False]
    assert [off(-66.0, kvp) for kvp in (80.0, 120.0, 140.0, None)] == [True, False, False, False]


def test_nothing_is_said_where_nothing_was_found():
    assert scale_flags(HuScale(None, False, None, None), 120.0) == ()
