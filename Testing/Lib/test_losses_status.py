"""Cross-entropy with soft labels, and the learned weights of the six terms."""

import math

import pytest
import torch

from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.losses.bmd import bmd_loss
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
    prior = 2 * math.log(2) ** 2 / (2 * 1.7**2)
    assert total.item() == pytest.approx(1 + 2 / 2 + math.log(2) + 3 * 2 - math.log(2) + 0.875 + prior)
    assert weighting.weights()["box_class"].item() == pytest.approx(0.5)


def test_absent_terms_have_no_weight_and_no_price():
    weighting = LossWeighting()
    with torch.no_grad():
        weighting.log_variance.fill_(1.0)
    total = weighting(Losses(mask=torch.tensor(2.0)))
    assert total.item() == pytest.approx(2 / math.e + 1 + 1 / (2 * 1.7**2))
    total.backward()
    assert (weighting.log_variance.grad != 0).tolist() == [name == "mask" for name in TERMS]
    with pytest.raises(UsageError, match="no term"):
        weighting(Losses())


@pytest.mark.parametrize("value", [0.0, 0.02, 0.5, 1.0, 4.0])
def test_weights_settle_where_the_slope_vanishes(value):
    weighting = LossWeighting()
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        weighting(all_terms(*[value] * 6)).backward()
        optimizer.step()
    weight = weighting.weights()["mask"].item()
    # d/ds of exp(-s) L + s + s^2 / (2 sd^2) is 0: L w = 1 - log(w) / sd^2
    assert value * weight == pytest.approx(1 - math.log(weight) / 1.7**2, abs=1e-3)
    assert weight < 1.01 * math.exp(1.7**2)
    if value == 1.0:
        assert weight == pytest.approx(1.0, abs=1e-3)


def test_a_term_that_grows_loses_weight_and_gets_it_back():
    weighting = LossWeighting()
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.3)
    found = []
    for value in (0.01, 2.0, 0.01):
        for _ in range(200):
            optimizer.zero_grad()
            weighting(all_terms(*[value] * 6)).backward()
            optimizer.step()
        found.append(weighting.weights()["status"].item())
    assert found[0] == pytest.approx(found[2], rel=1e-3) and found[0] > 5 * found[1]


def test_the_score_of_a_bmd_is_the_mean_of_both_distances():
    """CRPS = E|X - y| - E|X - X'| / 2, by drawing; it falls to its least at the true mean and SD."""
    generator = torch.Generator().manual_seed(0)
    a, b = (100 + 15 * torch.randn(400_000, generator=generator) for _ in range(2))
    drawn = (a - 120.0).abs().mean() - 0.5 * (a - b).abs().mean()
    said = bmd_loss(torch.tensor([[100.0, 15.0]]), torch.tensor([120.0])).item()
    assert said == pytest.approx(float(drawn) / 20.0, rel=5e-3)
    truth = 100 + 15 * torch.randn(50_000, generator=generator)
    scores = {
        guess: bmd_loss(torch.tensor([guess]).expand(len(truth), 2), truth).item()
        for guess in ((100.0, 15.0), (105.0, 15.0), (95.0, 15.0), (100.0, 10.0), (100.0, 22.0))
    }
    assert min(scores, key=scores.get) == (100.0, 15.0) and min(scores.values()) > 0


def test_a_bmd_that_is_not_known_counts_nothing_and_moves_nothing():
    said = torch.tensor([[100.0, 15.0], [70.0, 10.0]], requires_grad=True)
    with_gap = bmd_loss(said, torch.tensor([120.0, float("nan")]))
    torch.testing.assert_close(with_gap, bmd_loss(said[:1], torch.tensor([120.0])))
    with_gap.backward()
    assert said.grad[0].abs().min() > 0 and said.grad[1].tolist() == [0.0, 0.0]
    nothing = bmd_loss(said, torch.tensor([float("nan")] * 2))
    assert nothing.item() == 0.0
