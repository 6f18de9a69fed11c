"""Cross-entropy with soft labels, and the learned weights of the six terms."""

import math

import pytest
import torch

from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.losses.weighting import TERMS, Losses, LossWeighting


def test_soft_labels_worked_by_hand():
    # softmax of (log 2, log 1, log 1) is (1/2, 1/4, 1/4)
    logits = torch.tensor([[math.log(2), 0.0, 0.0]])
    expected = -(0.5 * math.log(0.5) + 0.5 * math.log(0.25))
    assert soft_cross_entropy(logits, torch.tensor([[0.5, 0.5, 0.0]])).item() == pytest.approx(expected)


def test_one_hot_labels_equal_torchs_cross_entropy():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(6, 3, generator=generator), torch.tensor([0, 1, 2, 2, 1, 0])
    ours = soft_cross_entropy(logits, torch.nn.functional.one_hot(labels, 3))
    torch.testing.assert_close(ours, torch.nn.functional.cross_entropy(logits, labels))


def test_mixing_labels_mixes_losses():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    a, b = torch.eye(3)[[0, 1, 2, 0]], torch.eye(3)[[1, 1, 0, 2]]
    mixed = soft_cross_entropy(logits, 0.3 * a + 0.7 * b)
    torch.testing.assert_close(mixed, 0.3 * soft_cross_entropy(logits, a) + 0.7 * soft_cross_entropy(logits, b))


def test_class_indices_are_refused():
    with pytest.raises(UsageError, match="one-hot"):
        soft_cross_entropy(torch.zeros(2, 3), torch.tensor([0, 1]))


def all_terms(*values: float) -> Losses:
    return Losses(*(torch.tensor(v) for v in values))


def test_six_terms_in_the_papers_order():
    assert TERMS == ("box", "box_class", "objectness", "mask", "boundary", "status")


def test_total_worked_by_hand():
    weighting = LossWeighting()
    with torch.no_grad():
        weighting.log_variance.copy_(torch.tensor([0.0, math.log(2), -math.log(2), 0.0, 0.0, 0.0]))
    total = weighting(all_terms(1.0, 2.0, 3.0, 0.5, 0.25, 0.125))
    assert total.item() == pytest.approx(1 + 2 / 2 + math.log(2) + 3 * 2 - math.log(2) + 0.875)
    assert weighting.weights()["box_class"] == pytest.approx(0.5)


def test_absent_terms_have_no_weight_and_no_price():
    weighting = LossWeighting()
    with torch.no_grad():
        weighting.log_variance.fill_(1.0)
    total = weighting(Losses(mask=torch.tensor(2.0)))
    assert total.item() == pytest.approx(2 / math.e + 1)
    total.backward()
    assert (weighting.log_variance.grad != 0).tolist() == [name == "mask" for name in TERMS]
    with pytest.raises(UsageError, match="no term"):
        weighting(Losses())


def test_weights_settle_at_one_over_the_loss():
    weighting = LossWeighting(lowest=-3.0)
    values = (0.5, 1.0, 2.0, 0.2, 0.25, 4.0)
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        weighting(all_terms(*values)).backward()
        optimizer.step()
    assert list(weighting.weights().values()) == pytest.approx([1 / v for v in values], rel=1e-2)


def test_weights_stay_in_bounds_and_come_back():
    weighting = LossWeighting()
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.5)
    for value, expected in ((1e-6, math.exp(2)), (1e6, math.exp(-2)), (1.0, 1.0)):
        for _ in range(60):
            optimizer.zero_grad()
            weighting(all_terms(*[value] * 6)).backward()
            optimizer.step()
        assert list(weighting.weights().values()) == pytest.approx([expected] * 6, rel=1e-3)


def test_bounds_must_hold_the_start():
    with pytest.raises(UsageError, match="start at 0"):
        LossWeighting(lowest=0.5)
