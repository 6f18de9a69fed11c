"""How likely it is to see this of a body of that name: sums, values worked by hand, and who beats whom."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from OsteoJointLib.levels.likelihoods import (
    COUNT_FLOOR,
    LUMBAR_COUNT,
    LUMBAR_WEIGHT,
    OPEN_COUNT_FLOOR,
    PLACES,
    RIB_BY_PLACE,
    SIZE_MEAN,
    SIZE_SD,
    STEP_ASTRAY,
    STEP_MM,
    STEP_RANGE,
    STEP_SD,
    STEP_TO_SACRUM_MM,
    RibModel,
    count_log_likelihood,
    look_log_likelihood,
    rib_model,
    seen_rib,
    steps_log_likelihood,
)


def look(body, place):
    return look_log_likelihood(body)[place - PLACES.start]


def test_lumbar_counts_are_probabilities():
    assert sum(LUMBAR_COUNT.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("place", RIB_BY_PLACE)
def test_a_places_likelihood_sums_to_one(place):
    model = RIB_BY_PLACE[place]
    whole, _ = quad(lambda mm: model.likelihood(mm, False), 8.0, 460.0, points=[40.0, 360.0], limit=200)
    nothing = model.likelihood(0.0, False) + model.likelihood(0.0, False, joint=True)
    assert whole + nothing == pytest.approx(1.0, abs=0.02)  # the bell's tail below 8 mm is lost


def test_a_cut_rib_has_the_probability_of_all_longer_ones():
    model = RIB_BY_PLACE[-2]
    longer, _ = quad(lambda mm: model.likelihood(mm, False), 90.0, 460.0, points=[360.0], limit=200)
    assert model.likelihood(90.0, True) == pytest.approx(longer, abs=1e-3)


@pytest.mark.parametrize("place", RIB_BY_PLACE)
def test_a_lower_bound_is_less_likely_the_longer_it_is(place):
    bounds = [RIB_BY_PLACE[place].likelihood(mm, True) for mm in (8.0, 30.0, 60.0, 120.0, 200.0, 300.0)]
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] == pytest.approx(1.0 - RIB_BY_PLACE[place].none - RIB_BY_PLACE[place].joint, abs=0.02)


@pytest.mark.parametrize("place", RIB_BY_PLACE)
@pytest.mark.parametrize("cut", [False, True])
def test_no_length_is_impossible(place, cut):
    assert all(RIB_BY_PLACE[place].likelihood(length, cut) > 0.0 for length in (0.0, 8.0, 40.0, 360.0, 900.0))


def test_likelihood_of_a_twelfth_rib_by_hand():
    model = RibModel(none=0.03, joint=0.01, stub=0.08, astray=0.05, mean_mm=102.0, sd_mm=36.0)
    bell = [math.exp(-((length - 102) ** 2) / (2 * 36**2)) / (36 * math.sqrt(2 * math.pi)) for length in (8, 20)]
    assert model.likelihood(0.0, False) == model.likelihood(7.99, False) == 0.03
    assert model.likelihood(0.0, False, joint=True) == 0.01
    assert model.likelihood(60.0, False, joint=True) == model.likelihood(60.0, False)
    assert model.likelihood(8.0, False) == pytest.approx(0.08 / 32 + 0.05 / 352 + 0.83 * bell[0], rel=1e-3)
    assert model.likelihood(20.0, False) == pytest.approx(0.08 / 32 + 0.05 / 352 + 0.83 * bell[1], rel=1e-3)
    assert model.likelihood(102.0, False) == pytest.approx(0.05 / 352 + 0.83 * 0.398942 / 36, rel=1e-3)
    assert model.likelihood(60.0, True) == pytest.approx(0.05 * 300 / 352 + 0.83 * 0.878327, rel=1e-3)


def test_far_places_are_as_the_last_of_the_table():
    assert rib_model(-12) is RIB_BY_PLACE[min(RIB_BY_PLACE)]
    assert rib_model(5) is RIB_BY_PLACE[max(RIB_BY_PLACE)]


@pytest.mark.parametrize(
    ("length", "joint", "counts_for"),
    [
        (24.0, 0.1, (0.0, False)),
        (24.0, 0.8, (24.0, False)),
        (39.9, 0.29, (0.0, False)),
        (40.0, 0.0, (40.0, False)),
        (90.0, 0.0, (90.0, False)),
        (7.0, 0.8, (0.0, False)),
    ],
)
def test_a_short_rib_counts_only_with_its_joint(make, length, joint, counts_for):
    body = make.body((length, 100.0), joint=(joint, 0.9))
    assert seen_rib(body, 0) == counts_for
    assert seen_rib(body, 1) == (100.0, False)
    assert seen_rib(make.body((100.0, length), joint=(0.9, joint)), 1) == counts_for


def test_a_joint_alone_speaks_for_a_twelfth_rib_but_softly(make):
    joint, none, rib = (make.body(length, joint=heat) for length, heat in ((0.0, 0.8), (0.0, 0.1), (100.0, 0.9)))
    odds = [look(body, -1) - look(body, 0) for body in (none, joint, rib)]
    assert odds[0] < -1.0 < 0.0 < odds[1] < 1.0 < odds[2]


def test_a_short_piece_ended_by_the_image_is_no_rib_without_its_joint_either(make):
    body = make.body(24.0, joint=(0.1, 0.8), rib_cut=(True, True))
    assert [seen_rib(body, side) for side in (0, 1)] == [(0.0, False), (24.0, True)]


@pytest.mark.parametrize("length", [150.0, 170.0, 200.0])
def test_a_rib_of_150_mm_is_the_eleventh_or_higher_rather_than_the_twelfth(make, length):
    eleventh, twelfth, first_lumbar = (look(make.body(length), place) for place in (-2, -1, 0))
    assert eleventh > twelfth > first_lumbar


@pytest.mark.parametrize("length", [60.0, 100.0, 120.0])
def test_a_rib_of_at_most_120_mm_is_the_twelfth_rather_than_the_eleventh(make, length):
    assert look(make.body(length), -1) > max(look(make.body(length), place) for place in (-3, -2, 0, 1))


def test_a_cut_rib_of_100_mm_may_be_the_eleventh_a_whole_one_hardly(make):
    whole, cut = make.body(100.0), make.body(100.0, rib_cut=(True, True))
    assert look(whole, -1) - look(whole, -2) > 1.0
    assert look(cut, -2) > look(cut, -1)


def test_sides_are_averaged_and_an_unseen_side_is_silent(make):
    rib, none = (math.log(RIB_BY_PLACE[-1].likelihood(length, False)) for length in (90.0, 0.0))
    unsure = LUMBAR_WEIGHT * math.log(0.5)
    assert look(make.body((90.0, 0.0)), -1) - unsure == pytest.approx(0.5 * (rib + none))
    assert look(make.body((90.0, 0.0), rib_seen=(True, False)), -1) - unsure == pytest.approx(rib)
    assert look(make.body((90.0, 0.0), rib_seen=(False, True)), -1) - unsure == pytest.approx(none)
    assert look(make.body(90.0, rib_seen=(False, False)), -1) - unsure == pytest.approx(0.0)
    longer = math.log(RIB_BY_PLACE[-1].likelihood(90.0, True))
    assert look(make.body((90.0, 0.0), rib_cut=(True, False)), -1) - unsure == pytest.approx(0.5 * (longer + none))


def test_the_look_of_a_body_tells_lumbar_from_thoracic_only_and_never_surely(make):
    blind = {"rib_seen": (False, False)}
    lumbar, thoracic, sure = (make.body(lumbar=share, **blind) for share in (0.8, 0.2, 1.0))
    assert look(lumbar, 0) == look(lumbar, 1) == pytest.approx(LUMBAR_WEIGHT * math.log(0.8))
    assert look(lumbar, -1) == look(lumbar, -4) == pytest.approx(LUMBAR_WEIGHT * math.log(0.2))
    assert look(thoracic, -1) == pytest.approx(look(lumbar, 0))
    assert -4.0 < look(sure, -1) < look(lumbar, -1)


def test_distances_by_hand():
    # T12 to L1, L1 to L2 exactly as in the table but 3 % smaller, so the person's size takes up all of it
    steps = 0.97 * np.array([STEP_MM[-1], STEP_MM[0]])
    bell = math.log((1 - STEP_ASTRAY) / (STEP_SD * math.sqrt(2 * math.pi)) + STEP_ASTRAY / STEP_RANGE)
    size = -0.5 * ((math.log(0.97) - SIZE_MEAN) / SIZE_SD) ** 2
    assert steps_log_likelihood(steps, np.array([1]), False) == pytest.approx([2 * bell + size], abs=1e-6)
    assert steps_log_likelihood(np.zeros(0), np.array([1, 2]), False).tolist() == [0.0, 0.0]


def test_steps_that_widen_downward_tell_thoracic_from_lumbar():
    steps = math.exp(SIZE_MEAN) * np.array([STEP_MM[place] for place in (-4, -3, -2, -1, 0)])
    found = steps_log_likelihood(steps, np.arange(-3, 12), False)
    assert np.arange(-3, 12)[np.argmax(found)] == 4
    even = steps_log_likelihood(np.full(5, 25.0), np.arange(-3, 12), False)
    assert np.arange(-3, 12)[np.argmax(even)] >= 9


def test_a_fracture_costs_a_little_and_a_half_step_no_more_than_it():
    plain = np.array([STEP_MM[place] for place in (-1, 0, 1, 2)])
    whole, crushed, half = (
        float(steps_log_likelihood(plain * factor, np.array([1]), False)[0])
        for factor in (np.ones(4), np.array([1, 0.75, 1, 1]), np.array([1, 0.5, 1, 1]))
    )
    assert whole > crushed > half > whole - 5.0


def test_the_last_step_is_to_the_sacrum_only_where_it_follows():
    steps = np.array([STEP_MM[1], STEP_MM[2], STEP_MM[3], 26.0])
    joined, apart = (float(steps_log_likelihood(steps, np.array([-1]), sacrum)[0]) for sacrum in (True, False))
    assert joined > apart
    assert STEP_MM[3] > STEP_TO_SACRUM_MM


def test_count_without_sacrum_is_a_lower_bound():
    assert count_log_likelihood(5, False) == pytest.approx(math.log(0.92 + 0.045 + 0.002))
    assert count_log_likelihood(-3, False) == pytest.approx(0.0)
    assert count_log_likelihood(8, False) == pytest.approx(math.log(OPEN_COUNT_FLOOR))


def test_count_above_the_sacrum_is_complete():
    assert count_log_likelihood(5, True) == pytest.approx(math.log(0.92))
    assert count_log_likelihood(6, True) > count_log_likelihood(4, True) > count_log_likelihood(3, True)
    assert count_log_likelihood(9, True) == count_log_likelihood(0, True) == pytest.approx(math.log(COUNT_FLOOR))
