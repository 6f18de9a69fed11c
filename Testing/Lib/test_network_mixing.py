"""Mixing of crops and labels (Eq. 2)."""

import pytest
import scipy.stats
import torch

from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.mixing import draw_mixing, mix


@pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0])
def test_factors_follow_beta_alpha_1(alpha):
    factors = draw_mixing(4000, torch.Generator().manual_seed(0), alpha).double().numpy()
    assert scipy.stats.kstest(factors, scipy.stats.beta(alpha, 1.0).cdf).pvalue > 0.01
    assert factors.min() >= 0.0
    assert factors.max() <= 1.0


def test_same_generator_same_factors():
    draws = [draw_mixing(5, torch.Generator().manual_seed(3)) for _ in range(2)]
    torch.testing.assert_close(*draws, rtol=0, atol=0)


def test_worked_by_hand():
    instance = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    class_based = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
    mixed = mix(instance, class_based, torch.tensor([0.25, 1.0]))
    torch.testing.assert_close(mixed, torch.tensor([[0.25, 0.0, 0.75], [1.0, 0.0, 0.0]]))


def test_crops_and_labels_of_a_case_share_the_factor():
    factor = torch.tensor([0.3, 0.6])
    crops = mix(torch.ones(2, 2, 1, 4, 4), torch.zeros(2, 2, 1, 4, 4), factor)
    assert crops.flatten(1).std(dim=1).max() == 0
    torch.testing.assert_close(crops[:, 0, 0, 0, 0], factor)


def test_misfit_is_refused():
    with pytest.raises(UsageError, match="one shape"):
        mix(torch.ones(2, 3), torch.ones(3, 3), torch.ones(2))
    with pytest.raises(UsageError, match="factor per case"):
        mix(torch.ones(2, 3), torch.ones(2, 3), torch.ones(1))
    with pytest.raises(UsageError, match="above 0"):
        draw_mixing(2, torch.Generator(), alpha=0.0)
