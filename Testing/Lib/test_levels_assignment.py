"""The naming of a column: posteriors worked by hand, and properties."""

import math

import pytest
from scipy.integrate import quad

from OsteoJointLib.levels.assignment import (
    LUMBAR_COUNT,
    RIB_BY_PLACE,
    RibModel,
    assign_names,
    body_log_likelihood,
    count_log_likelihood,
)
from OsteoJointLib.records import BodyEvidence


def body(rib_mm, seen=(True, True), sacrum=False, cut=(False, False)):
    sides = rib_mm if isinstance(rib_mm, tuple) else (rib_mm, rib_mm)
    return BodyEvidence((0.0, 0.0, 0.0), 0.9, sides, seen, sacrum, False, cut)


LONG, SHORT, STUB, NONE = (body(mm) for mm in (180.0, 102.0, 25.0, 0.0))


def bell(mean, sd, length):
    return math.exp(-((length - mean) ** 2) / (2 * sd**2)) / (sd * math.sqrt(2 * math.pi))


def test_counts_are_probabilities():
    assert sum(LUMBAR_COUNT.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("model", RIB_BY_PLACE.values())
def test_a_models_likelihood_sums_to_one(model):
    whole, _ = quad(lambda mm: model.likelihood(mm, False), 8.0, 460.0, points=[40.0, 360.0], limit=200)
    assert whole + model.likelihood(0.0, False) == pytest.approx(1.0, abs=0.02)  # the bell's tail below 8 mm is lost


def test_a_cut_rib_has_the_probability_of_all_longer_ones():
    model = RIB_BY_PLACE[-2]
    longer, _ = quad(lambda mm: model.likelihood(mm, False), 90.0, 460.0, points=[360.0], limit=200)
    assert model.likelihood(90.0, True) == pytest.approx(longer, abs=1e-3)


@pytest.mark.parametrize("place", RIB_BY_PLACE)
@pytest.mark.parametrize("cut", [False, True])
def test_no_length_is_impossible(place, cut):
    assert all(RIB_BY_PLACE[place].likelihood(length, cut) > 0.0 for length in (0.0, 8.0, 40.0, 360.0, 900.0))


def test_likelihood_of_a_twelfth_rib_by_hand():
    model = RibModel(none=0.04, stub=0.08, astray=0.05, mean_mm=102.0, sd_mm=36.0)
    assert model.likelihood(0.0, False) == model.likelihood(7.99, False) == 0.04
    assert model.likelihood(8.0, False) == pytest.approx(0.08 / 32 + 0.05 / 352 + 0.83 * bell(102, 36, 8), rel=1e-3)
    assert model.likelihood(102.0, False) == pytest.approx(0.05 / 352 + 0.83 * 0.398942 / 36, rel=1e-3)
    assert model.likelihood(20.0, False) == pytest.approx(0.08 / 32 + 0.05 / 352 + 0.83 * bell(102, 36, 20), rel=1e-3)


def test_posterior_of_two_ribs_and_two_bare_bodies_worked_by_hand():
    # 180 mm, 102 mm, none, none; no sacrum; both sides equal, so one factor a body
    found = assign_names((LONG, SHORT, NONE, NONE))
    stray = 1 / 352
    t11_180, t12_180 = 0.10 * stray + 0.885 * bell(180, 34, 180), 0.05 * stray + 0.83 * bell(102, 36, 180)
    t10_180, t10_102 = 0.12 * stray + 0.87 * bell(230, 36, 180), 0.12 * stray + 0.87 * bell(230, 36, 102)
    t9_180 = 0.13 * stray + 0.85 * bell(265, 40, 180)
    t9_102 = 0.13 * stray + 0.85 * bell(265, 40, 102)
    t11_102, t12_102 = 0.10 * stray + 0.885 * bell(180, 34, 102), 0.05 * stray + 0.83 * bell(102, 36, 102)
    terms = {
        2: t11_180 * t12_102 * 0.955 * 0.985,
        1: t12_180 * (0.01 * stray) * 0.985**2,  # L1 is the body with the short rib
        3: t10_180 * t11_102 * 0.04 * 0.955,  # L1 is the last body
        4: t9_180 * t10_102 * 0.01 * 0.04,
        5: t9_180 * t9_102 * 0.01 * 0.01,
        6: t9_180 * t9_102 * 0.02 * 0.01,
    }
    total = sum(terms.values()) + 10 * t9_180 * t9_102 * 0.02**2  # L1 7 to 16 bodies below the top
    assert found.l1_index == 2
    assert found.confidence == pytest.approx(terms[2] / total, rel=1e-4)
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
    assert alone.confidence < with_sacrum.confidence


def test_long_last_ribs_above_six_bare_bodies_stay_open():
    column = (body(250.0), body(220.0), body(155.0), *[NONE] * 5, body(0.0, sacrum=True))
    found = assign_names(column)
    assert {found.l1_index, found.runner_up} == {3, 4}
    assert found.confidence < 0.9


def test_long_ribs_to_the_end_put_l1_out_of_view():
    found = assign_names((body(265.0), body(230.0), LONG, SHORT))
    assert found.in_view < 0.05
    assert found.l1_index == 4


def test_a_rib_above_the_view_counts():
    bare = (NONE, NONE, NONE)
    assert assign_names(bare).confidence < 0.5
    assert assign_names(bare, above=SHORT).l1_index == 0
    assert assign_names(bare, above=SHORT).confidence > 0.8


def test_sides_are_averaged_and_an_unseen_side_is_silent():
    rib, none = (math.log(RIB_BY_PLACE[-1].likelihood(length, False)) for length in (90.0, 0.0))
    assert body_log_likelihood(body((90.0, 0.0)), -1) == pytest.approx(0.5 * (rib + none))
    assert body_log_likelihood(body((90.0, 0.0), seen=(True, False)), -1) == pytest.approx(rib)
    assert body_log_likelihood(body(0.0, seen=(False, False)), -1) == 0.0
    beyond = [body_log_likelihood(NONE, place) for place in (-9, -4, 0, 1, 3)]
    assert beyond == pytest.approx([math.log(share) for share in (0.02, 0.02, 0.955, 0.985, 0.985)])
    longer = math.log(RIB_BY_PLACE[-1].likelihood(90.0, True))
    assert body_log_likelihood(body((90.0, 0.0), cut=(True, False)), -1) == pytest.approx(0.5 * (longer + none))


def test_count_without_sacrum_is_a_lower_bound():
    assert count_log_likelihood(5, False) == pytest.approx(math.log(0.92 + 0.045 + 0.002))
    assert count_log_likelihood(-3, False) == pytest.approx(0.0)
    assert count_log_likelihood(8, False) == pytest.approx(math.log(0.05))
    assert count_log_likelihood(9, True) == pytest.approx(math.log(1e-4))


def test_an_empty_column_cannot_be_named():
    with pytest.raises(ValueError, match="empty"):
        assign_names(())
