"""Fusion of the two vertebrae (Eq. 17-18)."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from OsteoJointLib.network.fusion import FeatureFusion


@given(st.integers(0, 1000), st.floats(0.01, 100.0))
@settings(max_examples=25, deadline=None)
def test_weights_sum_to_one(seed, scale):
    torch.manual_seed(seed)
    fusion = FeatureFusion(5, hidden=4)
    torch.nn.init.normal_(fusion.score[-1].weight)
    weights = fusion(scale * torch.randn(3, 5), scale * torch.randn(3, 5)).weights
    assert weights.shape == (3, 2)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(3))
    assert (weights >= 0).all()


def test_worked_by_hand():
    # one hidden unit: relu(x[0]); score = log 3 times it. x1 scores log 3, x2 scores 0: weights 3/4 and 1/4
    fusion = FeatureFusion(2, hidden=1, classes=2)
    with torch.no_grad():
        fusion.score[0].weight.copy_(torch.tensor([[1.0, 0.0]]))
        fusion.score[0].bias.zero_()
        fusion.score[2].weight.fill_(math.log(3))
        fusion.classify.weight.copy_(torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]))
        fusion.classify.bias.zero_()
    output = fusion(torch.tensor([[1.0, 4.0]]), torch.tensor([[-2.0, 8.0]]))
    torch.testing.assert_close(output.weights, torch.tensor([[0.75, 0.25]]))
    torch.testing.assert_close(output.logits, torch.tensor([[0.75 - 0.5, 3.0 + 2.0]]))


def test_one_perceptron_scores_both():
    fusion = FeatureFusion(5, hidden=4)
    x1, x2 = torch.randn(2, 5), torch.randn(2, 5)
    torch.testing.assert_close(fusion(x1, x2).weights, fusion(x2, x1).weights.flip(1))
    torch.testing.assert_close(fusion(x1, x1).weights, torch.full((2, 2), 0.5))


def test_without_feature_fusion_both_count_alike():
    fusion = FeatureFusion(5, hidden=4, learned=False)
    x1, x2 = torch.randn(2, 5), torch.randn(2, 5)
    output = fusion(x1, x2)
    torch.testing.assert_close(output.weights, torch.full((2, 2), 0.5), rtol=0, atol=0)
    torch.testing.assert_close(output.logits, fusion.classify(torch.cat((x1, x2), dim=1) / 2))
    assert [name for name, _ in fusion.named_parameters()] == ["classify.weight", "classify.bias"]


def test_huge_scores_do_not_overflow():
    fusion = FeatureFusion(1, hidden=1)
    weights = fusion(torch.tensor([[1e6]]), torch.tensor([[-1e6]])).weights
    assert torch.isfinite(weights).all()
    assert weights.sum().item() == pytest.approx(1.0)
