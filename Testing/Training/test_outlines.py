"""The table of outlines: the distance, the spoiled masks and what each method makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from training.evaluation.outlines.cases import OFF_MM, OutlineCase, starts
from training.evaluation.outlines.comparison import OutlineRow, compare, surface_distance_mm, table
from training.evaluation.outlines.rivals import METHODS

PIXEL_MM = 0.8


def disk(radius_mm: float, size: int = 90) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) * PIXEL_MM
    return np.hypot(y, x) < radius_mm


@pytest.fixture(scope="module")
def case() -> OutlineCase:
    body = disk(18.0)
    hu = ndimage.gaussian_filter(np.where(body & ~disk(17.2), 700.0, np.where(body, 160.0, 40.0)), 0.8)
    hu += np.random.default_rng(0).normal(0.0, 10.0, hu.shape)
    return OutlineCase("disk", hu.astype(np.float32), body, disk(18.4), PIXEL_MM)


def test_the_distance_of_disks_is_the_difference_of_their_radii():
    assert surface_distance_mm(disk(18.0), disk(18.0), PIXEL_MM) == 0.0
    for radius_mm in (16.0, 21.0):
        expected = pytest.approx(abs(radius_mm - 18.0), abs=0.25)  # teeth of a pixel come nearer
        assert surface_distance_mm(disk(radius_mm), disk(18.0), PIXEL_MM) == expected


def test_the_starts_are_spoiled_as_they_are_called(case):
    made = starts(case, np.random.default_rng(1))
    off = {name: surface_distance_mm(mask, case.truth, PIXEL_MM) for name, mask in made.items()}
    assert off["true"] == 0.0
    for name in ("dilated", "eroded"):
        assert off[name] == pytest.approx(OFF_MM, abs=0.2)
    assert made["dilated"].sum() > case.truth.sum() > made["eroded"].sum()
    assert off["shifted"] == pytest.approx(OFF_MM * 2 / np.pi, abs=0.2)  # the mean of |cos| around a disk
    assert abs(int(made["shifted"].sum()) - int(case.truth.sum())) < 40
    assert 0.6 < off["rough"] < 1.8
    np.testing.assert_array_equal(made["network"], case.network)


def test_every_method_keeps_to_the_bound_and_the_level_set_mends_what_is_spoiled(case):
    rows = compare([case])
    assert {row.method for row in rows} == set(METHODS)
    for row in rows:
        if row.method == "OsteoJoint's level set" and row.start not in ("true", "network"):
            assert row.after_mm < 0.5 * row.before_mm, row
    start = starts(case, np.random.default_rng(0))["dilated"]
    reach = ndimage.distance_transform_edt(~start) * PIXEL_MM
    for run in METHODS.values():
        assert reach[run(case.hu, start, PIXEL_MM)].max(initial=0.0) <= 2.5


def test_the_table_says_before_after_worse_and_time():
    rows = [
        OutlineRow(method, start, "case", 1.0, 1.5 if start == "rough" else 0.25, 0.012)
        for method in METHODS
        for start in ("dilated", "rough")
    ]
    head, before, first, *_ = table(rows).splitlines()
    assert head.split()[-5:] == ["rough", "mean", "worse", "%", "ms"]
    assert before.split() == ["start", "1.00", "1.00", "1.00"]
    assert first.split()[-5:] == ["0.25", "1.50", "0.88", "50", "12"]
