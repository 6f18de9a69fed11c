"""Balanced-MixUp's draws (Eq. 1-2) and the seeds' ranges."""

import numpy as np
import pytest

from OsteoJointLib.errors import UsageError
from training.data.sampling import class_probabilities, draw_rows
from training.seeds import EVALUATION_SEEDS, TRAINING_SEEDS, VALIDATION_SEEDS, require_seeds


def test_class_probabilities_follow_equation_1():
    counts = np.array([1, 3, 12])
    np.testing.assert_allclose(class_probabilities(counts, 1.0), counts / 16)
    np.testing.assert_allclose(class_probabilities(counts, 0.0), 1 / 3)
    np.testing.assert_allclose(class_probabilities(counts, 0.5), np.sqrt(counts) / np.sqrt(counts).sum())
    np.testing.assert_allclose(class_probabilities(np.array([0, 5]), 0.0), [0.0, 1.0])


def test_draws_balance_the_rare_class_and_keep_the_instance_share():
    statuses = np.array([0] * 90 + [1] * 9 + [2])
    draws = draw_rows(statuses, 6000, np.random.default_rng(0))
    balanced = np.bincount(statuses[[d.balanced for d in draws]], minlength=3) / len(draws)
    instance = np.bincount(statuses[[d.instance for d in draws]], minlength=3) / len(draws)
    np.testing.assert_allclose(balanced, 1 / 3, atol=0.03)
    np.testing.assert_allclose(instance, [0.9, 0.09, 0.01], atol=0.02)


def test_a_class_without_cases_is_never_drawn():
    draws = draw_rows(np.array([0, 2, 2, 2]), 200, np.random.default_rng(0))
    assert {d.balanced for d in draws} == {0, 1, 2, 3}
    assert np.mean([d.balanced == 0 for d in draws]) == pytest.approx(0.5, abs=0.1)


def test_mixing_factor_is_beta_and_snaps_to_pure_rows():
    mix = np.array([d.mix for d in draw_rows(np.array([0, 1, 2]), 6000, np.random.default_rng(1))])
    # the distribution function of Beta(0.1, 1) is x ** 0.1
    assert np.mean(mix == 0.0) == pytest.approx(0.02**0.1, abs=0.02)
    assert np.mean(mix < 0.5) == pytest.approx(0.5**0.1, abs=0.02)
    assert not np.any((mix > 0) & (mix < 0.02)) and not np.any((mix > 0.98) & (mix < 1.0))
    assert mix.max() == 1.0 and np.any((mix > 0.9) & (mix <= 0.98))


def test_without_mixing_every_row_is_one_instance():
    draws = draw_rows(np.array([0, 0, 2]), 50, np.random.default_rng(2), alpha=None)
    assert {d.pure for d in draws} == {0, 1, 2}


def test_seed_ranges_do_not_meet_and_are_held():
    assert TRAINING_SEEDS.stop <= VALIDATION_SEEDS.start and VALIDATION_SEEDS.stop <= EVALUATION_SEEDS.start
    assert require_seeds(900_000, 200, EVALUATION_SEEDS) == range(900_000, 900_200)
    with pytest.raises(UsageError, match="seeds 900000 to 999999"):
        require_seeds(899_999, 2, EVALUATION_SEEDS)
    with pytest.raises(UsageError, match="899999 to 900000"):
        require_seeds(899_999, 2, TRAINING_SEEDS, VALIDATION_SEEDS)
    with pytest.raises(UsageError, match="0 phantoms"):
        require_seeds(0, 0, TRAINING_SEEDS)


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 1.0), (1.0, 1.0), (2.0, 0.5)])
def test_classes_in_mixtures_follow_equations_1_and_2(alpha, beta):
    """A mixture's label holds class j with E(lambda) M_j / N of the instance's part and 1 / K of the rest."""
    statuses = np.array([0] * 60 + [1] * 30 + [2] * 10)
    draws = draw_rows(statuses, 20_000, np.random.default_rng(3), alpha, beta, snap=0.0)
    mix = np.array([draw.mix for draw in draws])
    expected = alpha / (alpha + beta)
    assert mix.mean() == pytest.approx(expected, abs=0.01)
    labels = np.eye(3)[statuses]
    soft = np.mean([d.mix * labels[d.instance] + (1 - d.mix) * labels[d.balanced] for d in draws], axis=0)
    by_instance, by_class = (class_probabilities(np.array([60, 30, 10]), power) for power in (1.0, 0.0))
    np.testing.assert_allclose(soft, expected * by_instance + (1 - expected) * by_class, atol=0.012)


def test_beta_shapes_the_factor_with_alpha():
    mix = np.array([d.mix for d in draw_rows(np.array([0, 1]), 8000, np.random.default_rng(1), 1.0, 3.0)])
    # the distribution function of Beta(1, b) is 1 - (1 - x) ** b
    assert np.mean(mix < 0.3) == pytest.approx(1 - 0.7**3, abs=0.02)


def test_weighted_cases_keep_their_share_and_the_classes_their_balance():
    statuses, weights = np.array([0, 0, 1, 1]), np.array([0.7, 0.1, 0.1, 0.1])
    draws = draw_rows(statuses, 8000, np.random.default_rng(2), weights=weights)
    np.testing.assert_allclose(np.bincount([d.instance for d in draws]) / len(draws), weights, atol=0.02)
    balanced = np.bincount([d.balanced for d in draws]) / len(draws)
    np.testing.assert_allclose(balanced, [0.5 * 7 / 8, 0.5 / 8, 0.25, 0.25], atol=0.02)


def test_of_no_case_nothing_is_drawn():
    assert draw_rows(np.array([], dtype=int), 5, np.random.default_rng(0)) == []
