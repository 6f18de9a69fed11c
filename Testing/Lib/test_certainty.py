"""Which class is said to be indeterminate: by the interval of BMD, or by the probability where there is none."""

import pytest

from OsteoJointLib.pipeline.certainty import is_indeterminate
from OsteoJointLib.records import BmdEstimate, Classification, Status


def said(top, bmd=None):
    return Classification(Status.NORMAL, (top, 1 - top, 0.0), 0.5, 0.5, bmd)


@pytest.mark.parametrize(
    ("mean", "sd", "indeterminate"),
    [
        (100.0, 12.0, False),  # 80.3 to 119.7
        (100.0, 12.5, True),  # holds both
        (62.0, 10.0, False),  # up to 78.4
        (65.0, 10.0, True),  # up to 81.4: holds 80
        (135.0, 10.0, True),  # from 118.6: holds 120
        (137.0, 10.0, False),  # from 120.6
    ],
)
def test_the_interval_of_bmd_holds_a_threshold_or_not(mean, sd, indeterminate):
    bmd = BmdEstimate(mean, sd)
    assert is_indeterminate(said(0.99, bmd), reliable=True) is indeterminate
    assert is_indeterminate(said(0.5, bmd), reliable=True) is indeterminate  # the probability says nothing then


def test_doubtful_input_widens_the_interval():
    surely_normal = said(0.99, BmdEstimate(140.0, 8.0))
    assert not is_indeterminate(surely_normal, reliable=True)
    assert is_indeterminate(surely_normal, reliable=False)
    assert not is_indeterminate(said(0.99, BmdEstimate(160.0, 8.0)), reliable=False)


@pytest.mark.parametrize(
    ("top", "reliable", "indeterminate"),
    [(0.89, True, True), (0.91, True, False), (0.98, False, True), (0.995, False, False)],
)
def test_without_bmd_the_probability_decides(top, reliable, indeterminate):
    assert is_indeterminate(said(top), reliable) is indeterminate
