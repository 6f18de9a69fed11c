"""Dice and heat-map terms."""

import pytest
import torch

from OsteoJointLib.network.losses.boundary import heatmap_loss
from OsteoJointLib.network.losses.dice import dice_loss


def image(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def logits(*probabilities: float) -> torch.Tensor:
    return torch.logit(image(*probabilities))


def test_dice_worked_by_hand():
    # p = (3/4, 1/4), g = (1, 0): 1 - (2 * 3/4 + 1) / (1 + 1 + 1)
    assert dice_loss(logits(0.75, 0.25), image(1.0, 0.0)).item() == pytest.approx(1 - 2.5 / 3)


def test_dice_of_a_sure_answer():
    target = torch.zeros(1, 1, 32, 32)
    target[..., 8:24, 8:24] = 1
    assert dice_loss(40 * (target - 0.5), target).item() == pytest.approx(0.0, abs=1e-5)
    assert dice_loss(-40 * (target - 0.5), target).item() > 0.99


def test_an_empty_target_counts():
    empty = torch.zeros(1, 1, 8, 8)
    assert dice_loss(torch.full_like(empty, -20.0), empty).item() == pytest.approx(0.0, abs=1e-5)
    something = torch.full_like(empty, -20.0)
    something[..., 0, :4] = 20.0
    assert dice_loss(something, empty).item() == pytest.approx(4 / 1004, abs=1e-5)


def test_a_disc_taken_for_a_body_is_unlearned():
    """The slope on a body's worth of pixels that should be none is within ten times that of a body that is missed."""
    disc = torch.full((1, 1, 45, 45), 2.0, requires_grad=True)
    missed = torch.full((1, 1, 45, 45), -2.0, requires_grad=True)
    dice_loss(disc, torch.zeros(1, 1, 45, 45)).backward()
    dice_loss(missed, torch.ones(1, 1, 45, 45)).backward()
    assert disc.grad.mean() > 0 > missed.grad.mean()
    assert disc.grad.mean() > -0.1 * missed.grad.mean()


def test_masks_of_one_image_count_alike_empty_or_not():
    target = torch.zeros(1, 3, 32, 32)
    target[:, 0, :8, :8], target[:, 2] = 1, 1
    z = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    apart = [dice_loss(z[:, i : i + 1], target[:, i : i + 1]) for i in range(3)]
    torch.testing.assert_close(dice_loss(z, target), sum(apart) / 3)


def test_every_image_counts_alike():
    small, large = torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 32)
    small[..., :2, :2], large[..., :30, :30] = 1, 1
    wrong, right = torch.full_like(small, -20.0), 40 * (large - 0.5)
    both = dice_loss(torch.cat((wrong, right)), torch.cat((small, large)))
    expected = (dice_loss(wrong, small) + dice_loss(right, large)) / 2
    torch.testing.assert_close(both, expected)


def test_dice_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(2, 1, 3, 3, generator=generator)
    target = (torch.rand(2, 1, 3, 3, generator=generator) > 0.5).float()
    z.requires_grad_()
    dice_loss(z, target).backward()
    step = 1e-2
    for index in range(9):
        moved = torch.zeros_like(z)
        moved.view(2, 9)[1, index] = step
        slope = (dice_loss(z + moved, target) - dice_loss(z - moved, target)) / (2 * step)
        assert z.grad.view(2, 9)[1, index].item() == pytest.approx(slope.item(), abs=1e-4)


def test_heatmap_worked_by_hand():
    # errors (1/2, 0, 1/4) about a target with energy 1 + 1/4 = 5/4
    loss = heatmap_loss(image(0.5, 0.5, 0.25), image(1.0, 0.5, 0.0))
    assert loss.item() == pytest.approx((0.25 + 0.0625) / 1.25)


def test_predicting_nothing_costs_one_however_long_the_boundary():
    for length in (20, 100):
        target = torch.zeros(1, 1, 64, 64)
        target.view(-1)[:length] = 0.8
        assert heatmap_loss(torch.zeros_like(target), target).item() == pytest.approx(1.0)
        assert heatmap_loss(target, target).item() == 0.0


def test_an_image_without_a_boundary_counts_within_bounds():
    empty = torch.zeros(1, 1, 100, 100)
    assert heatmap_loss(empty, empty).item() == 0.0
    # sum p^2 = 10,000 * 0.01 over 0.002 * 10,000
    assert heatmap_loss(empty + 0.1, empty).item() == pytest.approx(5.0)


def test_relative_and_plain_error_have_the_same_slope_up_to_a_factor():
    target = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    guess = torch.full_like(target, 0.5).requires_grad_()
    (relative,) = torch.autograd.grad(heatmap_loss(guess, target), guess)
    (plain,) = torch.autograd.grad(torch.nn.functional.mse_loss(guess, target), guess)
    torch.testing.assert_close(relative, plain / target.square().mean())


def test_half_precision_inputs_are_summed_in_single_precision():
    target = torch.zeros(1, 1, 224, 224)
    target[..., 80:140, 80:140] = 1
    exact = dice_loss(target * 8 - 4, target)
    torch.testing.assert_close(dice_loss((target * 8 - 4).bfloat16(), target.bool()), exact)


def test_masks_that_do_not_count_are_left_out_of_the_mean():
    one, other = torch.randn(2, 1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    both = torch.cat([one, other]).requires_grad_()
    target = torch.ones(2, 2, 8, 8)
    loss = dice_loss(both, target, torch.tensor([False, True]))
    torch.testing.assert_close(loss, dice_loss(other, target[:1]))
    loss.backward()
    assert not both.grad[0].any() and both.grad[1].all()
    assert dice_loss(both, target, torch.tensor([False, False])).item() == 0.0
