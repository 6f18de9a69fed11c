"""The plain rule the library ships: two thresholds, both levels or nothing, and honest about its fit."""

import json

import numpy as np
import pytest

from OsteoJointLib.pipeline.baseline import THRESHOLDS_FILE, Thresholds, read_baseline
from OsteoJointLib.pipeline.measure import measure_roi
from OsteoJointLib.records import Level, RoiMeasurement, Status

RULE = Thresholds(100.0, 150.0, 0.9, 40)


def measured(*values) -> list[RoiMeasurement]:
    """Flat bodies of these HU; None: an empty mask."""
    bodies = [np.full((40, 40), hu is not None) for hu in values]
    return [
        measure_roi(np.full(body.shape, hu or 0.0), body, 1.0, level)
        for level, hu, body in zip(Level, values, bodies, strict=True)
    ]


@pytest.mark.parametrize(
    ("l1", "l2", "mean", "status"),
    [
        (90.0, 100.0, 95.0, Status.OSTEOPOROSIS),
        (90.0, 110.0, 100.0, Status.OSTEOPENIA),
        (200.0, 99.0, 149.5, Status.OSTEOPENIA),
        (100.0, 200.0, 150.0, Status.NORMAL),
    ],
)
def test_the_mean_of_both_levels_decides(l1, l2, mean, status):
    reading = read_baseline(measured(l1, l2), RULE)
    assert (reading.hu_mean, reading.status) == (mean, status)
    assert "40 phantoms" in reading.method and "no patient" in reading.method


def test_a_level_that_was_not_measured_leaves_no_reading():
    assert read_baseline(measured(120.0, None), RULE) is None


def test_the_shipped_thresholds_stand_in_one_place():
    shipped = json.loads(THRESHOLDS_FILE.read_text())
    assert read_baseline(measured(0.0, 0.0)).thresholds == Thresholds(**shipped)
    assert 0 < shipped["low_hu"] < shipped["high_hu"] < 300
    assert not list(THRESHOLDS_FILE.parents[1].glob("training/*thresholds*"))
