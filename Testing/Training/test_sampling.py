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
