"""Overlap and suppression: worked on paper, and against torchvision."""

import pytest
import torch
import torchvision.ops as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from OsteoJointLib.network.boxes import box_area, generalized_iou, matched_iou, pairwise_iou, suppress

UNIT = torch.tensor([[0.0, 0.0, 2.0, 2.0]])


def random_boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = 50 * torch.rand(count, 2, generator=generator)
    return torch.cat((corner, corner + 1 + 40 * torch.rand(count, 2, generator=generator)), dim=1)


def test_quarter_overlap_worked_by_hand():
    other = torch.tensor([[1.0, 1.0, 3.0, 3.0]])
    # 1 shared of 7; the hull of 9 holds 2 that neither fills
    assert matched_iou(UNIT, other).item() == pytest.approx(1 / 7)
    assert generalized_iou(UNIT, other).item() == pytest.approx(1 / 7 - 2 / 9)


def test_apart_and_touching_and_inside():
    assert matched_iou(UNIT, torch.tensor([[2.0, 0.0, 4.0, 2.0]])).item() == 0.0
    far = torch.tensor([[8.0, 0.0, 10.0, 2.0]])
    assert generalized_iou(UNIT, far).item() == pytest.approx(-12 / 20)
    assert matched_iou(UNIT, torch.tensor([[0.0, 0.0, 1.0, 1.0]])).item() == pytest.approx(0.25)


def test_empty_boxes_have_no_overlap_and_no_nan():
    empty = torch.tensor([[1.0, 1.0, 1.0, 1.0]])
    assert matched_iou(empty, empty).item() == 0.0
    assert torch.isfinite(generalized_iou(empty, empty)).all()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_overlaps_equal_torchvision(count_a, count_b, seed):
    a, b = random_boxes(count_a, seed), random_boxes(count_b, seed + 1)
    torch.testing.assert_close(pairwise_iou(a, b), reference.box_iou(a, b))
    torch.testing.assert_close(generalized_iou(a[:, None], b[None]), reference.generalized_box_iou(a, b))
    torch.testing.assert_close(box_area(a), reference.box_area(a))
    torch.testing.assert_close(pairwise_iou(a, b), pairwise_iou(b, a).T)


@given(st.integers(0, 60), st.integers(0, 10_000), st.sampled_from([0.1, 0.45, 0.7]))
@settings(max_examples=30, deadline=None)
def test_suppression_equals_torchvision(count, seed, iou):
    boxes = random_boxes(count, seed)
    scores = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    assert suppress(boxes, scores, iou).tolist() == reference.nms(boxes, scores, iou).tolist()


def test_a_suppressed_box_suppresses_nothing():
    # each overlaps the next by a third: the middle one goes, the last one stays
    boxes = torch.tensor([[0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0], [2.0, 0.0, 4.0, 1.0]])
    assert suppress(boxes, torch.tensor([0.9, 0.8, 0.7]), iou=0.3).tolist() == [0, 2]


def test_generalized_overlap_pulls_boxes_that_do_not_touch():
    box = torch.tensor([[8.0, 0.0, 10.0, 2.0]], requires_grad=True)
    generalized_iou(box, UNIT).sum().backward()
    assert box.grad[0, 0] < 0, "moving the left edge toward the target must raise the overlap"
