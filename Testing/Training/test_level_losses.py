"""The level network's losses, by hand."""

import pytest
import torch

from OsteoJointLib.network.level_net import Landmark, LevelNetOutput
from training.data.level_batches import LevelBatch
from training.data.level_crops import IGNORED
from training.tasks.level_losses import LEAST_MASS, heatmap_loss, level_losses, lumbar_loss, soft_dice_loss


def test_soft_dice_by_hand():
    classes = torch.tensor([[[[0, 1, 1, IGNORED]]]])
    probabilities = torch.tensor([[0.5, 0.2, 0.8, 0.1], [0.5, 0.8, 0.2, 0.9]])
    loss = soft_dice_loss(probabilities.log()[None, :, None, None], classes, smooth=0.5)
    assert float(loss) == pytest.approx(1.0 - (2 * 1.0 + 0.5) / (1.5 + 2.0 + 0.5))


def test_heatmap_loss_by_hand():
    heatmap, target = torch.full((100,), 0.5), torch.ones(100)
    heatmap[1], target[1] = 0.25, 0.0
    valid = torch.ones(100, dtype=torch.bool)
    valid[2] = False
    assert float(heatmap_loss(heatmap, target, valid)) == pytest.approx((98 * 21 * 0.25 + 0.0625) / (98 * 21))


def test_a_heatmap_without_landmarks_is_measured_by_what_three_would_weigh():
    nothing = torch.zeros(10)
    assert float(heatmap_loss(nothing + 0.1, nothing, nothing == 0.0)) == pytest.approx(10 * 0.01 / LEAST_MASS)


def test_lumbar_loss_counts_bodies_alone():
    lumbar = torch.tensor([[[[1, 0, IGNORED]]]])
    right, wrong = (torch.tensor([[[[sign * 30.0, -sign * 30.0, 0.0]]]]) for sign in (1.0, -1.0))
    assert float(lumbar_loss(right, lumbar)) == pytest.approx(0.0, abs=1e-6)
    assert float(lumbar_loss(wrong, lumbar)) == pytest.approx(30.0)
    assert float(lumbar_loss(right, torch.full_like(lumbar, IGNORED))) == 0.0


def batch(classes, landmarks, lumbar):
    return LevelBatch(torch.zeros(classes.shape), classes, landmarks, lumbar, ("one",))


def test_a_perfect_output_costs_almost_nothing():
    classes = torch.randint(0, 7, (1, 8, 8, 8), generator=torch.Generator().manual_seed(0))
    logits = 30.0 * torch.nn.functional.one_hot(classes, 7).movedim(-1, 1).float()
    landmarks = torch.rand(1, 3, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    lumbar = torch.full_like(classes, IGNORED)
    loss = level_losses(LevelNetOutput(logits, landmarks, torch.zeros(1, 8, 8, 8)), batch(classes, landmarks, lumbar))
    assert float(loss.total) < 1e-4


@pytest.mark.parametrize("mark", list(Landmark))
def test_each_landmark_has_its_own_term(mark):
    classes, target = torch.zeros(1, 8, 8, 8, dtype=torch.int64), torch.ones(1, 3, 8, 8, 8)
    logits = 30.0 * torch.nn.functional.one_hot(classes, 7).movedim(-1, 1).float()
    seen = target.clone()
    seen[:, mark] = 0.5
    held = batch(classes, target, torch.full_like(classes, IGNORED))
    losses = level_losses(LevelNetOutput(logits, seen, torch.zeros(1, 8, 8, 8)), held)
    terms = (losses.bodies, losses.rib_heads, losses.sacrum)
    assert [float(term) == pytest.approx(0.25) for term in terms] == [other is mark for other in Landmark]
