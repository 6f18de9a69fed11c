"""Anchor coding both ways (Eq. 3)."""

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from OsteoJointLib.network.coding import cell_grid, decode_boxes, encode_boxes


def test_decoding_worked_by_hand():
    # sigma(0) = 1/2, so the center lies in the middle of cell (3, 2): (28, 20) at stride 8;
    # the width is 10 * exp(log 2) = 20, the height 6 * exp(0) = 6
    coded = torch.tensor([0.0, 0.0, math.log(2), 0.0])
    box = decode_boxes(coded, torch.tensor([3.0, 2.0]), torch.tensor([10.0, 6.0]), 8)
    torch.testing.assert_close(box, torch.tensor([18.0, 17.0, 38.0, 23.0]))


def test_encoding_worked_by_hand():
    # center (28, 18): cell (3, 2), offsets 1/2 and 1/4
    coded, cell = encode_boxes(torch.tensor([18.0, 15.0, 38.0, 21.0]), torch.tensor([10.0, 12.0]), 8)
    assert cell.tolist() == [3, 2]
    torch.testing.assert_close(coded, torch.tensor([0.0, -math.log(3), math.log(2), -math.log(2)]))


@given(
    st.tuples(st.floats(1, 511), st.floats(1, 511)),
    st.tuples(st.floats(8, 200), st.floats(8, 200)),
    st.tuples(st.floats(8, 200), st.floats(8, 200)),
    st.sampled_from([8, 16, 32]),
)
@settings(max_examples=60, deadline=None)
def test_decoding_undoes_encoding(center, size, anchor, stride):
    center, half = torch.tensor(center), torch.tensor(size) / 2
    box = torch.cat((center - half, center + half))
    coded, cell = encode_boxes(box, torch.tensor(anchor), stride)
    again = decode_boxes(coded, cell.float(), torch.tensor(anchor), stride)
    # offsets are kept 1e-4 of a cell inside it, that is 0.0032 px at most
    torch.testing.assert_close(again, box, rtol=0, atol=0.005)


def test_encoding_undoes_decoding():
    generator = torch.Generator().manual_seed(0)
    coded, anchors = torch.randn(50, 4, generator=generator), 20 + 60 * torch.rand(50, 2, generator=generator)
    cells = torch.randint(0, 32, (50, 2), generator=generator)
    again, found = encode_boxes(decode_boxes(coded, cells.float(), anchors, 16), anchors, 16)
    torch.testing.assert_close(found, cells)
    torch.testing.assert_close(again, coded, rtol=1e-3, atol=1e-3)


def test_a_wild_output_stays_finite():
    box = decode_boxes(torch.full((4,), 1000.0), torch.zeros(2), torch.full((2,), 50.0), 8)
    assert torch.isfinite(box).all()


def test_grid_lists_columns_then_rows():
    grid = cell_grid(2, 3)
    assert grid.shape == (2, 3, 2)
    assert grid[1, 2].tolist() == [2.0, 1.0]
