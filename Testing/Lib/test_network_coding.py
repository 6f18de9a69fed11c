"""Anchor coding (Eq. 3)."""

import math

import torch

from OsteoJointLib.network.coding import cell_grid, decode_boxes


def test_decoding_worked_by_hand():
    # sigma(0) = 1/2 and sigma(-log 3) = 1/4, so the center lies in cell (3, 2) at (28, 18) for stride 8;
    # the width is 10 * exp(log 2) = 20, the height 12 * exp(-log 2) = 6
    coded = torch.tensor([0.0, -math.log(3), math.log(2), -math.log(2)])
    box = decode_boxes(coded, torch.tensor([3.0, 2.0]), torch.tensor([10.0, 12.0]), 8)
    torch.testing.assert_close(box, torch.tensor([18.0, 15.0, 38.0, 21.0]))


def test_a_wild_output_stays_finite():
    box = decode_boxes(torch.full((4,), 1000.0), torch.zeros(2), torch.full((2,), 50.0), 8)
    assert torch.isfinite(box).all()


def test_grid_lists_columns_then_rows():
    grid = cell_grid(2, 3)
    assert grid.shape == (2, 3, 2)
    assert grid[1, 2].tolist() == [2.0, 1.0]
