"""The naming of a column: posteriors worked by hand, and properties."""

import math
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.levels.assignment import (
    REACH,
    VisibleColumn,
    assign_names,
    level_name,
)
from OsteoJointLib.levels.likelihoods import (
    COUNT_FLOOR,
    LUMBAR_COUNT,
    count_log_likelihood,
    rib_model,
    steps_log_likelihood,
)

T11_TO_L5 = ("T11", "T12", "L1", "L2", "L3", "L4", "L5")


def names(seen):
    return assign_names(seen).names


def test_a_plain_column(make):
    found = assign_names(make.spine())
    assert found.names == T11_TO_L5
    assert (found.l1_index, found.lumbar_count, found.inside) == (2, 5, True)
    assert found.in_view > 0.999
    assert found.column == make.spine().bodies
    assert next(iter(found.posterior)) == tuple(body.center_lps_mm for body in found.column[2:4])


def test_posterior_of_two_ribs_and_two_bare_bodies_worked_by_hand(make):
    # 180 mm, 102 mm, none, none; sure bodies at even steps: nothing is doubted and no gap is wide
    bodies = tuple(
        make.body(mm, center_lps_mm=(0.0, 0.0, -33.0 * index), score=1.0) for index, mm in enumerate((180, 102, 0, 0))
    )
    terms = {}
    for l1 in range(-REACH, len(bodies) + REACH + 1):
        ribs = [math.log(rib_model(i - l1).likelihood(b.rib_mm[0], False)) for i, b in enumerate(bodies)]
        steps = float(steps_log_likelihood(np.full(3, 33.0), np.array([l1]), False)[0])
        terms[l1] = math.exp(sum(ribs) + steps + count_log_likelihood(len(bodies) - l1, False))
    found = assign_names(VisibleColumn(bodies))
    total = sum(terms.values())
    assert (found.l1_index, found.lumbar_count) == (2, None)
    assert found.names == ("T11", "T12", "L1", "L2")
    assert next(iter(found.posterior.values())) == pytest.approx(terms[2] / total, rel=1e-6)
    assert found.in_view == pytest.approx(sum(terms[l1] for l1 in (0, 1, 2)) / total, abs=1e-4)
    assert found.name_confidence == pytest.approx([terms[2] / total] * 4, rel=1e-6)
    assert terms[2] / total > 0.9


def test_sacrum_alone_weighs_by_how_common_each_count_is(make):
    blind = {"rib_seen": (False, False), "lumbar": 0.5, "score": 1.0}
    bodies = [make.body(center_lps_mm=(0.0, 0.0, -34.0 * i), sacrum_below=i == 6, **blind) for i in range(7)]
    terms = {
        l1: math.exp(steps_log_likelihood(np.full(6, 34.0), np.array([l1]), False)[0])
        * LUMBAR_COUNT.get(7 - l1, COUNT_FLOOR)
        for l1 in range(-REACH, 7 + REACH + 1)
    }
    found = assign_names(VisibleColumn(tuple(bodies)))
    assert (found.l1_index, found.lumbar_count) == (2, 5)
    assert next(iter(found.posterior.values())) == pytest.approx(terms[2] / sum(terms.values()), rel=1e-6)


def test_ribs_that_end_and_no_sacrum_are_enough(make):
    found = assign_names(make.spine(sacrum=False, lumbar=False))
    assert (found.names, found.lumbar_count) == (T11_TO_L5, None)


def test_the_sacrum_rescues_stub_ribs(make):
    stubs = {"T12": {"rib": 25.0}, "lumbar": False}
    alone, both = (assign_names(make.spine(sacrum=sacrum, **stubs)) for sacrum in (False, True))
    assert alone.l1_index == both.l1_index == 2
    assert max(alone.posterior.values()) < max(both.posterior.values())


def test_long_last_ribs_above_six_bare_bodies_stay_open(make):
    # T12 without ribs, or six lumbar bodies under long twelfth ribs?
    ribs = {"T10": {"rib": 220.0}, "T11": {"rib": 130.0}, "T12": {"rib": 0.0}}
    found = assign_names(make.spine(-3, 4, lumbar=False, **ribs))
    (first, one), (second, other) = list(found.posterior.items())[:2]
    assert {first[0][2], second[0][2]} == {found.column[index].center_lps_mm[2] for index in (2, 3)}
    assert 0.9 > one > other > 0.1


def test_long_ribs_to_the_end_put_l1_out_of_view(make):
    found = assign_names(make.spine(-4, -1, sacrum=False))
    assert found.in_view < 0.05
    assert (found.names, found.l1_index, found.inside) == (("T9", "T10", "T11", "T12"), 4, False)


def test_a_rib_above_the_view_counts(make):
    seen = make.spine(0, 2, sacrum=False, lumbar=False)
    above = make.body(100.0, center_lps_mm=(0.0, 0.0, 31.0), score=0.0, cut=True)
    alone, helped = assign_names(seen), assign_names(replace(seen, above=above))
    assert max(alone.posterior.values()) < 0.5
    assert (helped.l1_index, helped.names) == (0, ("L1", "L2", "L3"))
    assert max(helped.posterior.values()) > 0.8


def test_a_column_of_one_body_has_no_pair(make):
    found = assign_names(make.spine(4, 4))
    assert (found.posterior, found.in_view, found.names) == ({}, 0.0, ("L5",))


def test_an_empty_column_cannot_be_named():
    with pytest.raises(ValueError, match="empty"):
        assign_names(VisibleColumn(()))


def test_confidence_falls_where_two_places_are_alike(make):
    # Ribs between those of a T11 and a T12.
    clear = assign_names(make.spine(sacrum=False, lumbar=False, T12={"rib": 90.0}, T11={"rib": 185.0}))
    alike = assign_names(make.spine(sacrum=False, lumbar=False, T12={"rib": 160.0}, T11={"rib": 225.0}))
    assert max(clear.posterior.values()) > 0.98
    first, second = list(alike.posterior.values())[:2]
    assert max(clear.posterior.values()) > first > second > 0.05
    assert sum(alike.posterior.values()) == pytest.approx(alike.in_view)


def test_the_look_of_the_bodies_settles_what_ribs_leave_open(make):
    ribs = {"T12": {"rib": 160.0}, "T11": {"rib": 225.0}}
    blind, sighted = (
        max(assign_names(make.spine(sacrum=False, lumbar=look, **ribs)).posterior.values()) for look in (False, True)
    )
    assert sighted > blind


def test_posterior_is_sorted_and_a_probability(make):
    found = assign_names(make.spine(-2, 3, lumbar=False, T12={"rib": 30.0}))
    values = list(found.posterior.values())
    assert values == sorted(values, reverse=True)
    assert sum(values) == pytest.approx(found.in_view)
    assert found.in_view <= 1.0 + 1e-9
    assert all(0.0 <= share <= 1.0 + 1e-9 for share in found.name_confidence)


def test_ribs_of_both_sides_exchanged_give_the_same_names(make):
    one = make.spine(sacrum=False, T12={"rib": (90.0, 0.0)}, T11={"rib": (150.0, 200.0)})
    other = make.spine(sacrum=False, T12={"rib": (0.0, 90.0)}, T11={"rib": (200.0, 150.0)})
    assert list(assign_names(one).posterior.values()) == pytest.approx(list(assign_names(other).posterior.values()))


def test_upside_down_evidence_is_not_named_the_same(make):
    seen = make.spine(sacrum=False)
    turned = tuple(
        replace(body, center_lps_mm=place.center_lps_mm)
        for body, place in zip(reversed(seen.bodies), seen.bodies, strict=True)
    )
    assert names(seen) != names(VisibleColumn(turned))


def test_no_name_lies_beyond_the_anatomy():
    assert [level_name(place) for place in (-20, -19, -1, 0, 5, 6)] == ["", "C1", "T12", "L1", "L6", ""]


def test_bodies_above_the_anatomy_have_no_name(make):
    found = assign_names(make.spine(-22, 4))  # as though there were ten cervical bodies
    assert found.names[:5] == ("", "", "", "C1", "C2")
    assert found.names[-7:] == T11_TO_L5
