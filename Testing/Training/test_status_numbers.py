"""Paired tests, probabilities, intervals and the localizer's counts: worked on paper, and on made-up methods."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import STATUSES, Status
from training.evaluation.chain.baselines import HuRule
from training.evaluation.chain.localizer_numbers import localizer_numbers
from training.evaluation.chain.paired import compare_by_stratum, compare_paired
from training.evaluation.chain.probabilities import (
    brier_score,
    calibration_error,
    interval_quality,
    reliability,
    status_quality,
)
from training.evaluation.chain.reliability_diagram import reliability_svg
from training.evaluation.chain.status_numbers import image_numbers, logits_of, r2_on_hu, versus_numbers


def test_mcnemar_counts_only_cases_that_one_has_right():
    first = np.array([True] * 20 + [True] * 9 + [False] * 1 + [False] * 10)
    second = np.array([True] * 20 + [False] * 9 + [True] * 1 + [False] * 10)
    said = compare_paired(first, second)
    assert said["difference"] == pytest.approx(8 / 40)
    assert said["p"] == pytest.approx(2 * (1 + 10) / 2**10)  # both tails of ten tosses
    turned = compare_paired(second, first)
    assert turned["difference"] == -said["difference"] and turned["p"] == said["p"]
    assert turned["interval"] == pytest.approx([-said["interval"][1], -said["interval"][0]])


def test_methods_that_agree_everywhere_do_not_differ():
    right = np.array([True, False, True])
    assert compare_paired(right, right)["p"] == 1.0 and compare_paired(right, right)["interval"] == (0.0, 0.0)
    assert compare_paired(right[:0], right[:0])["p"] is None


def test_strata_are_compared_each_by_itself():
    first, second = np.array([True, True, False]), np.array([False, True, False])
    strata = [{"kvp": "100 kV"}, {"kvp": "120 kV", "phase": "none"}, {"kvp": "120 kV"}]
    said = compare_by_stratum(first, second, strata, ["kvp", "phase"])
    assert said["kvp"]["100 kV"]["difference"] == 1.0 and said["kvp"]["120 kV"]["difference"] == 0.0
    assert said["phase"] == {"none": compare_paired(first[1:2], second[1:2])}


def made_up_rows(noise_hu, noise_of_network, count=300):
    """Cases whose HU and whose network each tell BMD with their own noise."""
    generator, rows = np.random.default_rng(0), []
    for _ in range(count):
        bmd = generator.uniform(30, 180)
        seen = bmd + generator.normal(0, noise_of_network)
        rows.append(
            {
                "status": Status.from_bmd(bmd).value,
                "predicted": Status.from_bmd(seen).value,
                "facts": {"hu": bmd + generator.normal(0, noise_hu)},
                "strata": {"kvp": "120 kV"},
            }
        )
    return rows


BASELINES = {"hu": HuRule(Thresholds(80.0, 120.0, 1.0, 3))}


def test_a_network_that_is_better_by_construction_wins_and_the_turned_one_loses():
    won = versus_numbers(made_up_rows(20.0, 4.0), [], BASELINES)["hu"]
    assert won["difference"] > 0 and won["p"] < 0.001 and won["interval"][0] > 0
    lost = versus_numbers(made_up_rows(4.0, 20.0), [], BASELINES)["hu"]
    assert lost["difference"] < 0 and lost["p"] < 0.001
    even = versus_numbers(made_up_rows(8.0, 8.0), [], BASELINES)["hu"]
    assert even["p"] > 0.05


def test_honest_probabilities_have_no_calibration_error_and_overdone_ones_have():
    generator = np.random.default_rng(1)
    honest = generator.dirichlet((0.5, 0.5, 0.5), 20_000)
    true = np.array([generator.choice(3, p=p) for p in honest])
    assert calibration_error(honest, true) < 0.012
    for power in (0.5, 2.0):  # too shy, too bold
        bent = honest**power / (honest**power).sum(axis=1, keepdims=True)
        assert calibration_error(bent, true) > 0.06
        assert brier_score(bent, true) > brier_score(honest, true)
        assert status_quality(bent, true)["nll"] > status_quality(honest, true)["nll"]


def test_bins_hold_their_upper_edge_and_empty_ones_are_left_out():
    probabilities = np.array([[1.0, 0.0, 0.0], [0.2, 0.8, 0.0], [0.2, 0.8, 0.0], [0.1, 0.1, 0.8]])
    low, high = reliability(probabilities, np.array([0, 1, 2, 2]), bins=5)
    assert (low.n, low.low, low.high, low.confidence) == (3, 0.6, 0.8, pytest.approx(0.8))
    assert low.accuracy == pytest.approx(2 / 3) and (high.n, high.accuracy) == (1, 1.0)
    assert calibration_error(probabilities, np.array([0, 1, 2, 2]), bins=5) == pytest.approx(0.75 * (0.8 - 2 / 3))


def test_status_quality_worked_by_hand():
    said = status_quality(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.5, 0.2]]), np.array([0, 1, 2]))
    assert said["accuracy"] == pytest.approx(2 / 3)
    assert said["auc_of"] == {"normal": 1.0, "osteopenia": 1.0, "osteoporosis": 0.5}
    assert said["auc"] == pytest.approx(2.5 / 3)
    assert said["nll"] == pytest.approx(-(math.log(0.7) + math.log(0.6) + math.log(0.2)) / 3)
    assert said["brier"] == pytest.approx((0.14 + 0.26 + 0.98) / 3)


def test_intervals_cover_what_they_say_and_narrow_ones_do_not():
    generator = np.random.default_rng(2)
    sd = generator.uniform(4, 12, 20_000)
    true = generator.uniform(50, 150, 20_000)
    mean = true + generator.normal(0, sd)
    honest, narrow = interval_quality(mean, sd, true), interval_quality(mean, sd / 2, true)
    assert honest["coverage_50"] == pytest.approx(0.5, abs=0.02)
    assert honest["coverage_90"] == pytest.approx(0.9, abs=0.01)
    assert honest["mae"] == narrow["mae"] == pytest.approx(8 * math.sqrt(2 / math.pi), rel=0.05)
    assert narrow["coverage_90"] < 0.65


def test_logits_come_back_from_probabilities():
    logits = np.array([[3.0, -1.0, 0.5], [0.0, 2.0, -4.0]])
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(logits_of(shares), logits - logits.mean(axis=1, keepdims=True))


def test_a_class_that_is_a_curve_of_hu_is_found_out():
    generator = np.random.default_rng(3)
    hu = generator.uniform(20, 250, 200)
    of_hu = np.stack([(hu - 130) / 20, -(((hu - 130) / 40) ** 2), (130 - hu) / 20], axis=1)
    beyond = of_hu + generator.normal(0, 4, of_hu.shape)
    assert r2_on_hu(hu, of_hu) > 0.999
    assert r2_on_hu(hu, beyond) < 0.8


def case(predicted, constant, swapped, features, donor):
    image = {"constant": constant, "blind": "normal", "swapped": swapped, "swapped_features": features, "donor": donor}
    return {"status": predicted, "predicted": predicted, "image": image, "facts": None, "bmd": None}


def test_changes_are_counted_against_the_networks_own_class():
    normal, between, porous = (status.value for status in STATUSES)
    said = image_numbers(
        [
            case(normal, normal, porous, normal, porous),
            case(between, normal, normal, between, porous),
            case(porous, normal, porous, between, between),
        ]
    )
    assert said["constant_changed"] == pytest.approx(2 / 3) and said["swapped_changed"] == pytest.approx(2 / 3)
    assert said["constant_accuracy"] == pytest.approx(1 / 3) and said["blind_changed"] == pytest.approx(2 / 3)
    assert said["swapped_features_changed"] == pytest.approx(1 / 3)
    assert said["swapped_followed"] == said["swapped_features_followed"] == pytest.approx(1 / 3)


def slices(l1, l2):
    return {
        "L1": {"detections": l1, "center_off_mm": 1.0},
        "L2": {"detections": l2, "center_off_mm": 3.0},
    }


def test_each_label_is_counted_over_all_slices_and_all_detections():
    # one case: L1 found surely; L2 taken for L1 rather, and as L2 less surely
    mixed = [slices([[0.9, 0.1, 0.8]], [[0.7, 0.6, 0.6]])]
    said = localizer_numbers(mixed)
    assert said["n"] == 2 and said["center_off_mm"] == 2.0
    assert said["map50"] == 1.0  # in each label's own order its body comes first
    assert said["map75"] == 0.5  # the box of L2 is too coarse
    turned = localizer_numbers([slices([[0.1, 0.9, 0.8]], [[0.7, 0.1, 0.8]])])
    assert turned["map50"] == 0.5 and turned["ap50_any_label"] == 1.0


def test_a_body_is_met_once_and_a_missing_one_costs_its_recall():
    twice = localizer_numbers([slices([[0.9, 0.0, 0.9], [0.8, 0.0, 0.9]], [[0.0, 0.9, 0.9]])] * 2)
    # the first two of each label's list by score are the true ones: nothing is lost
    assert twice["map50"] == 1.0
    missing = localizer_numbers([slices([[0.9, 0.0, 0.9]], []), slices([[0.9, 0.0, 0.9]], [[0.0, 0.9, 0.9]])])
    assert missing["map50"] == pytest.approx((1.0 + 0.5) / 2)
    false_alarm = localizer_numbers([slices([[0.9, 0.0, 0.1], [0.8, 0.0, 0.9]], [[0.0, 0.9, 0.9]])])
    assert false_alarm["map50"] == pytest.approx((0.5 + 1.0) / 2)


def test_the_diagram_shows_every_bin_where_it_belongs():
    bins = [
        {"low": 0.4, "high": 0.5, "n": 3, "confidence": 0.45, "accuracy": 1.0},
        {"low": 0.9, "high": 1.0, "n": 30, "confidence": 0.97, "accuracy": 0.5},
    ]
    svg = ElementTree.fromstring(reliability_svg(bins, 0.1))
    name = "{http://www.w3.org/2000/svg}"
    shy, bold = [bar for bar in svg.iter(f"{name}rect") if bar.find(f"{name}title") is not None]
    assert float(shy.get("height")) == 2 * float(bold.get("height"))
    assert float(shy.get("x")) < float(bold.get("x"))
    assert float(shy.get("fill-opacity")) < float(bold.get("fill-opacity")) == 1.0
    assert bold.find(f"{name}title").text == "30 cases, 0.97 sure, 0.50 right"
