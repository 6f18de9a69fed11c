"""The level network's losses, by hand."""

import pytest
import torch

from OsteoJointLib.network.level_net import LevelNetOutput
from training.data.level_crops import IGNORED
from training.tasks.level_losses import heatmap_loss, level_losses, soft_dice_loss


def test_soft_dice_by_hand():
    classes = torch.tensor([[[[0, 1, 1, IGNORED]]]])
    probabilities = torch.tensor([[0.5, 0.2, 0.8, 0.1], [0.5, 0.8, 0.2, 0.9]])
    loss = soft_dice_loss(probabilities.log()[None, :, None, None], classes, smooth=0.5)
    assert float(loss) == pytest.approx(1.0 - (2 * 1.0 + 0.5) / (1.5 + 2.0 + 0.5))


def test_heatmap_loss_by_hand():
    heatmap, target = torch.tensor([0.5, 0.25, 1.0]), torch.tensor([1.0, 0.0, 0.0])
    valid = torch.tensor([True, True, False])
    assert float(heatmap_loss(heatmap, target, valid)) == pytest.approx((21 * 0.25 + 0.0625) / 21)


def test_a_perfect_output_costs_almost_nothing():
    classes = torch.randint(0, 6, (1, 8, 8, 8), generator=torch.Generator().manual_seed(0))
    logits = 30.0 * torch.nn.functional.one_hot(classes, 6).movedim(-1, 1).float()
    loss = level_losses(LevelNetOutput(logits, torch.zeros(1, 8, 8, 8)), classes, torch.zeros(1, 8, 8, 8))
    assert float(loss.total) < 1e-4
