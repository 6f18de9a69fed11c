"""The naming of a column: posteriors worked by hand, and properties."""

import math

import pytest

from OsteoJointLib.levels.assignment import (
    LUMBAR_COUNT,
    RIB_GIVEN_PLACE,
    assign_names,
    body_log_likelihood,
    count_log_likelihood,
    rib_class_weights,
    rib_likelihood,
)
from OsteoJointLib.records import BodyEvidence


def body(rib_mm, seen=(True, True), sacrum=False, cut=(False, False)):
    sides = rib_mm if isinstance(rib_mm, tuple) else (rib_mm, rib_mm)
    return BodyEvidence((0.0, 0.0, 0.0), 0.9, sides, seen, sacrum, False, cut)


LONG, SHORT, STUB, NONE = (body(mm) for mm in (220.0, 90.0, 25.0, 0.0))


def test_tables_are_probabilities():
    for shares in RIB_GIVEN_PLACE.values():
        assert sum(shares) == pytest.approx(1.0)
    assert sum(LUMBAR_COUNT.values()) == pytest.approx(1.0)


def test_posterior_of_three_ribs_and_two_bare_bodies_worked_by_hand():
    # columns T11 long, T12 short, L1 none, L2 none, no sacrum; both sides equal, so one table entry a body
    found = assign_names((LONG, SHORT, NONE, NONE))
    right = 0.80 * 0.70 * 0.95 * 0.985
    one_up = 0.17 * 0.008 * 0.985**2  # L1 is the body with the short rib
    one_down = 0.92 * 0.16 * 0.05 * 0.95  # L1 is the last body
    two_down = 0.92 * 0.05 * 0.02 * 0.05
    three_down = 0.92 * 0.05 * 0.02 * 0.02  # T10 to the top of the reach alike
    two_up = 0.002 * 0.002 * 0.985**2
    three_up = 0.001 * 0.002 * 0.985**2
    bare = [count_log_likelihood(4 - l1, False) for l1 in range(4)]
    total = sum(
        term * math.exp(bare[l1] if 0 <= l1 < 4 else 0.0)
        for l1, term in ((2, right), (1, one_up), (3, one_down), (4, two_down), (0, two_up))
    )
    total += 12 * three_down
    total += sum(three_up * math.exp(count_log_likelihood(4 - l1, False)) for l1 in range(-12, 0))
    assert found.l1_index == 2
    assert found.confidence == pytest.approx(right / total, rel=1e-9)
    assert found.confidence > 0.97
    assert found.names == ("T11", "T12", "L1", "L2")


def test_sacrum_alone_weighs_by_how_common_each_count_is():
    bare = body(0.0, seen=(False, False))
    found = assign_names((*[bare] * 6, body(0.0, (False, False), sacrum=True)))
    inside = sum(LUMBAR_COUNT.values()) + (25 - len(LUMBAR_COUNT) + 7) * 1e-4  # 32 hypotheses, five of them common
    assert len(found.posterior) == 32
    assert found.confidence == pytest.approx(0.92 / inside, rel=1e-6)
    assert (found.l1_index, found.lumbar_count) == (2, 5)


def test_the_sacrum_rescues_stub_ribs():
    column = (LONG, LONG, STUB, NONE, NONE, NONE, NONE)
    alone = assign_names(column)
    with_sacrum = assign_names((*column, body(0.0, sacrum=True)))
    assert alone.l1_index == with_sacrum.l1_index == 3
    assert alone.confidence < 0.95 < with_sacrum.confidence


def test_missing_last_ribs_with_a_bare_count_of_six_stay_open():
    column = (LONG, LONG, LONG, *[NONE] * 5, body(0.0, sacrum=True))
    found = assign_names(column)
    assert {found.l1_index, found.runner_up} == {3, 4}
    assert found.confidence < 0.95


def test_long_ribs_to_the_end_put_l1_out_of_view():
    found = assign_names((LONG, LONG, LONG, SHORT))
    assert found.in_view < 0.05
    assert found.l1_index == 4


def test_a_rib_cut_by_the_edge_says_only_at_least_so_long():
    assert rib_likelihood(90.0, True, -2) == pytest.approx(0.16 + 0.80)
    assert rib_likelihood(90.0, False, -2) == pytest.approx(0.16)


def test_sides_are_averaged_and_an_unseen_side_is_silent():
    both = body_log_likelihood(body((90.0, 0.0)), -1)
    assert both == pytest.approx(0.5 * (math.log(0.70) + math.log(0.05)))
    assert body_log_likelihood(body((90.0, 0.0), seen=(True, False)), -1) == pytest.approx(math.log(0.70))
    assert body_log_likelihood(body(0.0, seen=(False, False)), -1) == 0.0


def test_count_without_sacrum_is_a_lower_bound():
    assert count_log_likelihood(5, False) == pytest.approx(math.log(0.92 + 0.045 + 0.002))
    assert count_log_likelihood(-3, False) == pytest.approx(0.0)
    assert count_log_likelihood(9, True) == pytest.approx(math.log(1e-4))


@pytest.mark.parametrize("length", [0.0, 5.0, 8.0, 30.0, 41.0, 130.0, 159.0, 400.0])
def test_class_weights_are_a_partition(length):
    weights = rib_class_weights(length)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()


def test_an_empty_column_cannot_be_named():
    with pytest.raises(ValueError, match="empty"):
        assign_names(())
