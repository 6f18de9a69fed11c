"""Columns whose bodies are in doubt: some that are none, some that were missed, and a sacrum apart."""

import math
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.levels.assignment import (
    MISSED_LOG,
    SURELY_SEEN,
    VisibleColumn,
    assign_names,
    seen_log_odds,
)
from OsteoJointLib.levels.likelihoods import (
    look_log_likelihood,
    steps_log_likelihood,
)

T11_TO_L5 = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")


def without(seen, *indices):
    """The column with bodies missed; the sacrum follows the last where it did."""
    kept = [body for index, body in enumerate(seen.bodies) if index not in indices]
    kept[-1] = replace(kept[-1], sacrum_below=seen.sacrum)
    return replace(seen, bodies=tuple(kept))


def with_spurious(seen, index, make, score, valley):
    """The column with a body halfway from one to the next, which melts with both as much as ``valley`` says."""
    upper, lower = seen.bodies[index], seen.bodies[index + 1]
    middle = tuple((a + b) / 2 for a, b in zip(upper.center_lps_mm, lower.center_lps_mm, strict=True))
    spurious = make.body(center_lps_mm=middle, score=score, valley=valley, lumbar=0.5)
    lower = replace(lower, valley=valley)
    return replace(seen, bodies=(*seen.bodies[: index + 1], spurious, lower, *seen.bodies[index + 2 :]))


@pytest.mark.parametrize("after", range(6), ids="after {}".format)
def test_a_spurious_body_at_half_pitch_is_dropped(make, after):
    seen = with_spurious(make.spine(), after, make, score=0.6, valley=0.85)
    found = assign_names(seen)
    assert found.names == T11_TO_L5
    assert [body.center_lps_mm for body in found.column] == [body.center_lps_mm for body in make.spine().bodies]
    assert next(iter(found.posterior)) == tuple(body.center_lps_mm for body in make.spine().bodies[2:4])
    assert min(found.name_confidence) > 0.99
    assert found.lumbar_count == 5


@pytest.mark.parametrize(("one", "other"), [(0, 2), (1, 5), (2, 3), (1, 2), (3, 5)])
def test_two_spurious_bodies_in_a_melted_column_are_dropped(make, one, other):
    # Of other gaps, or of neighboring ones; the further down is put in first, so that the places stay
    whole = make.spine(*(-3, 4))
    seen = with_spurious(whole, other, make, score=0.6, valley=0.9)
    seen = with_spurious(seen, one, make, score=0.7, valley=0.8)
    found = assign_names(seen)
    assert found.names == ("T10", *T11_TO_L5)
    assert [body.center_lps_mm for body in found.column] == [body.center_lps_mm for body in whole.bodies]


def test_all_bodies_of_a_melted_column_are_not_dropped_for_their_valleys(make):
    melted = {name: {"score": 0.7, "valley": 0.85} for name in T11_TO_L5}
    found = assign_names(make.spine(**melted))
    assert found.names == T11_TO_L5
    assert min(found.name_confidence) > 0.9


def test_a_missed_body_is_put_in_where_only_two_steps_are_seen(make):
    # L1 missed: the steps are 64.5 and 35.5 mm, whose median is no measure of a usual step
    found = assign_names(without(make.spine(-1, 2, sacrum=False), 1))
    assert found.names == ("T12", "L1", "L2", "L3")
    assert found.column[1].score == 0.0


def test_the_sum_of_scores_does_not_keep_a_disc(make):
    # As in the old spine that was wrong and silent: .82 for the disc, valleys of .9
    found = assign_names(with_spurious(make.spine(-4, 4), 4, make, score=0.82, valley=0.9))
    assert found.names == ("T9", "T10", *T11_TO_L5)


def test_a_body_is_kept_that_scores_well_lies_apart_and_in_step(make):
    melted, apart = (
        assign_names(make.spine(L1={"score": score, "valley": valley})) for score, valley in ((0.5, 0.8), (0.9, 0.1))
    )
    assert melted.names == apart.names == T11_TO_L5  # dropping it would leave a double step
    assert apart.column == make.spine(L1={"score": 0.9, "valley": 0.1}).bodies
    assert apart.name_confidence[2] > melted.name_confidence[2] > 0.99


def test_a_body_too_many_in_step_is_kept_however_weak(make):
    found = assign_names(make.spine(-2, 5, lumbar=False, L2={"score": 0.45, "valley": 0.8}))
    assert found.names == (*T11_TO_L5, "L6")


def test_odds_of_being_a_body_grow_with_the_score_and_fall_with_the_valley(make):
    sure, weak, melted = (make.body(score=s, valley=v) for s, v in ((0.95, 0.05), (0.4, 0.05), (0.95, 0.95)))
    assert seen_log_odds(sure) > SURELY_SEEN > seen_log_odds(melted) > 0.0
    assert SURELY_SEEN > seen_log_odds(weak) > 0.0
    assert abs(seen_log_odds(make.body(score=0.35, valley=1.0))) < 0.5


def test_dropping_a_weak_top_body_is_not_cheaper_for_its_ribs(make):
    # A rib's density per mm is small; a false body has its rib somewhere in that range too.
    weak = {"score": 0.5, "valley": 0.7}
    ribbed = assign_names(make.spine(-4, 4, T9=weak))
    bare = assign_names(make.spine(-4, 4, T9={**weak, "rib_seen": (False, False)}))
    assert ribbed.names[0] == bare.names[0] == "T9"
    assert ribbed.name_confidence[0] > 0.9


@pytest.mark.parametrize("missed", [2, 3, 4, 5, 6, 7], ids=["T11", "T12", "L1", "L2", "L3", "L4"])
def test_a_missed_body_is_put_in_and_the_names_beyond_do_not_shift(make, missed):
    whole = make.spine(-4, 4)
    found = assign_names(without(whole, missed))
    assert found.names == ("T9", "T10", *T11_TO_L5)
    assert [index for index, body in enumerate(found.column) if body.score == 0.0] == [missed]
    np.testing.assert_allclose(found.column[missed].center_lps_mm, whole.bodies[missed].center_lps_mm, atol=2.0)
    assert next(iter(found.posterior.values())) > 0.95
    assert found.lumbar_count == 5


def test_two_missed_in_a_row_are_put_in(make):
    found = assign_names(without(make.spine(-4, 4), 5, 6))
    assert found.names == ("T9", "T10", *T11_TO_L5)
    assert [index for index, body in enumerate(found.column) if body.score == 0.0] == [5, 6]
    lumbar = assign_names(without(make.spine(-3, 3, sacrum=False, lumbar=False), 4, 5))  # no sacrum to count from
    assert lumbar.names == ("T10", *T11_TO_L5[:-1])
    assert lumbar.column[4].score == lumbar.column[5].score == 0.0


@pytest.mark.parametrize("missed", [0, 1], ids=["at the upper end", "in the middle"])
def test_one_spurious_and_one_missed(make, missed):
    # T9 to L5, a disc taken for a body under L2, and T9 or T10 missed
    seen = without(with_spurious(make.spine(-4, 4), 5, make, score=0.65, valley=0.9), missed)
    found = assign_names(seen)
    assert found.names == ("T9", "T10", *T11_TO_L5)[1 if missed == 0 else 0 :]
    assert found.column[found.l1_index].center_lps_mm == make.spine(-4, 4).bodies[4].center_lps_mm
    assert found.lumbar_count == 5


def test_a_missed_l5_above_a_seen_sacrum_is_put_in(make):
    whole = make.spine()
    seen = VisibleColumn(whole.bodies[:-1], None, whole.sacrum_lps_mm)
    assert seen.sacrum_apart and not seen.sacrum
    found = assign_names(seen)
    assert (found.names, found.lumbar_count) == (T11_TO_L5, 5)
    assert found.column[-1].score == 0.0
    np.testing.assert_allclose(found.column[-1].center_lps_mm, whole.bodies[-1].center_lps_mm, atol=2.0)


def test_a_missed_l5_keeps_the_count_from_the_sacrum_where_no_rib_is_seen(make):
    whole = make.spine(-1, 4, lumbar=False, T12={"rib": 0.0, "rib_seen": (False, False)})
    found = assign_names(VisibleColumn(whole.bodies[:-1], None, whole.sacrum_lps_mm))
    assert found.names == T11_TO_L5[1:]
    assert 0.6 < next(iter(found.posterior.values())) < 0.95
    far = assign_names(VisibleColumn(whole.bodies[:-4], None, whole.sacrum_lps_mm))  # 4 missed: too many to count
    assert far.lumbar_count is None and max(far.posterior.values()) < 0.6


def test_a_sacrum_at_its_place_is_not_apart(make):
    assert not make.spine().sacrum_apart
    assert not make.spine(sacrum=False).sacrum_apart


def test_hypotheses_that_agree_on_l1_and_l2_add_up(make):
    # T10 is missed or T11 to T12 are one step: L1 and L2 lie where they lie either way.
    found = assign_names(without(make.spine(-4, 4), 2))
    first = next(iter(found.posterior.values()))
    assert first > 0.999
    assert found.name_confidence[2] < 0.99  # whether there is a body is less sure than where L1 is
    assert max(found.name_confidence[4:6]) <= found.in_view + 1e-9


def test_a_name_has_the_confidence_of_all_hypotheses_that_give_it(make):
    # Whether the body above T12 is one or none, T12 is T12.
    found = assign_names(make.spine(-4, 4, T9={"score": 0.3, "valley": 1.0}))
    below = found.name_confidence[found.names.index("T10") :]
    assert min(below) > 0.999
    assert found.names[0] == "T9" and found.name_confidence[0] < 0.95


def test_a_missed_body_is_priced(make):
    # The same step twice as long, as one step or as two: the second explains it, but costs MISSED_LOG.
    seen = without(make.spine(-4, 4), 2)
    found = assign_names(seen)
    steps = -np.diff([body.center_lps_mm[2] for body in (*seen.bodies,)])
    end = seen.bodies[-1].center_lps_mm[2] - seen.sacrum_lps_mm[2]
    one = float(steps_log_likelihood(np.array([*steps, end]), np.array([3]), True)[0])
    halved = np.array([steps[0], steps[1] / 2, steps[1] / 2, *steps[2:], end])
    two = float(steps_log_likelihood(halved, np.array([4]), True)[0]) + MISSED_LOG
    ribs = [
        sum(look_log_likelihood(body)[max(index - l1, -5) + 5] for index, body in enumerate(seen.bodies[:2]))
        for l1 in (3, 4)
    ]
    odds = two + ribs[1] - one - ribs[0]
    assert found.name_confidence[0] == pytest.approx(1.0 / (1.0 + math.exp(-odds)), abs=0.02)
