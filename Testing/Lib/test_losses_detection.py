"""The three localizer terms: assignment, box, class, objectness."""

import math

import pytest
import torch

from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.detection import OUTPUTS, STRIDES, decode
from OsteoJointLib.network.losses.anchor_matching import assign, shape_iou
from OsteoJointLib.network.losses.box import box_loss
from OsteoJointLib.network.losses.box_class import box_class_loss
from OsteoJointLib.network.losses.localizer import assigned
from OsteoJointLib.network.losses.localizer import detection_losses as losses_of_pairs
from OsteoJointLib.network.losses.objectness import asked_anchors, objectness_loss

ANCHORS = (
    ((20.0, 14.0), (30.0, 20.0), (40.0, 28.0)),
    ((60.0, 42.0), (64.0, 44.0), (70.0, 50.0)),
    ((120.0, 80.0), (150.0, 100.0), (200.0, 140.0)),
)
SIZE = 128
GRIDS = [(SIZE // s, SIZE // s) for s in STRIDES]
BODY = torch.tensor([[33.0, 50.0, 95.0, 93.0]])  # 62 x 43 about (64, 71.5)


def detection_losses(raw, boxes_xyxy, labels, anchors):
    return losses_of_pairs(raw, boxes_xyxy, assigned(boxes_xyxy, labels, anchors, (SIZE, SIZE)), anchors)


def perfect_raw(body: torch.Tensor, label: int, sure: float) -> list[torch.Tensor]:
    """Outputs of a network that knows the body; every anchor that may answer has its box."""
    raw = []
    for anchors, (rows, columns), stride in zip(ANCHORS, GRIDS, STRIDES, strict=True):
        output = torch.zeros(1, len(anchors), rows, columns, OUTPUTS)
        output[..., 4] = -sure
        center = (body[0, :2] + body[0, 2:]) / 2 / stride
        column, row = center.long().tolist()
        offset = torch.logit(center.frac(), eps=1e-4).tolist()
        for a, anchor in enumerate(anchors):
            size = torch.log((body[0, 2:] - body[0, :2]) / torch.tensor(anchor)).tolist()
            classes = [sure if c == label else -sure for c in range(2)]
            output[0, a, row, column] = torch.tensor([*offset, *size, sure, *classes])
        raw.append(output)
    return raw


def test_shape_overlap_worked_by_hand():
    overlap = shape_iou(torch.tensor([[4.0, 2.0]]), torch.tensor([[4.0, 4.0], [2.0, 4.0]]))
    torch.testing.assert_close(overlap, torch.tensor([[0.5, 1 / 3]]))


def test_the_cell_of_the_center_answers_with_every_anchor_that_fits():
    pairs = assign([BODY], [torch.tensor([1])], ANCHORS, GRIDS, STRIDES, match_iou=0.7)
    # stride 16's three anchors fit; the center (64, 71.5) lies in column 4, row 4 of its 8 x 8 cells,
    # whose slots start after stride 8's 3 x 16 x 16
    assert pairs.slot.tolist() == [768 + a * 64 + 4 * 8 + 4 for a in range(3)]
    assert pairs.image.tolist() == [0, 0, 0]
    assert pairs.labels.tolist() == [1, 1, 1]
    torch.testing.assert_close(pairs.boxes_xyxy, BODY.expand(3, 4))


def test_rows_and_columns_of_an_oblong_slice_are_told_apart():
    # 128 wide, 64 high: stride 8 has 8 rows of 16 columns; the center (100, 20) lies in column 12, row 2
    grids = [(64 // s, 128 // s) for s in STRIDES]
    body = torch.tensor([[85.0, 10.0, 115.0, 30.0]])  # 30 x 20, the second anchor
    pairs = assign([body], [torch.tensor([0])], ANCHORS, grids, STRIDES, match_iou=0.9)
    assert pairs.slot.tolist() == [(1 * 8 + 2) * 16 + 12]


def test_the_best_anchor_answers_even_where_none_fits():
    narrow = torch.tensor([[10.0, 10.0, 14.0, 70.0]])
    pairs = assign([narrow], [torch.tensor([0])], ANCHORS, GRIDS, STRIDES, match_iou=0.9)
    assert len(pairs.slot) == 1


def test_slots_are_those_of_the_decoded_boxes():
    raw = perfect_raw(BODY, label=0, sure=5.0)
    pairs = assign([BODY], [torch.tensor([0])], ANCHORS, GRIDS, STRIDES, match_iou=0.2)
    assert len(pairs.slot) > 3
    chosen = decode(raw, ANCHORS).boxes_xyxy[pairs.image, pairs.slot]
    torch.testing.assert_close(chosen, BODY.expand(len(pairs.slot), 4), rtol=0, atol=0.01)


def test_images_are_counted_and_may_be_empty():
    boxes = [torch.zeros(0, 4), BODY, torch.cat((BODY, BODY + 20))]
    labels = [torch.zeros(0, dtype=torch.int64), torch.tensor([1]), torch.tensor([0, 1])]
    pairs = assign(boxes, labels, ANCHORS, GRIDS, STRIDES, match_iou=0.6)
    assert set(pairs.image.tolist()) == {1, 2}
    assert (pairs.image == 2).sum() == 2 * (pairs.image == 1).sum()


@pytest.mark.parametrize("box", [[90.0, 50.0, 30.0, 90.0], [200.0, 50.0, 240.0, 90.0]])
def test_impossible_boxes_are_refused(box):
    with pytest.raises(UsageError, match="outside the slice"):
        assign([torch.tensor([box])], [torch.tensor([0])], ANCHORS, GRIDS, STRIDES, match_iou=0.6)


def test_box_loss_worked_by_hand():
    predicted = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    target = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0]])
    expected = (0 + 1 - (1 / 7 - 2 / 9)) / 2
    assert box_loss(predicted, target).item() == pytest.approx(expected)


def test_class_loss_worked_by_hand():
    # p(L1) = 3/4, p(L2) = 1/2, truth L1: -(log 3/4 + log 1/2) / 2
    logits = torch.tensor([[math.log(3), 0.0]])
    expected = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    assert box_class_loss(logits, torch.tensor([0])).item() == pytest.approx(expected)


def test_objectness_loss_worked_by_hand():
    # one positive (p = 3/4), one negative (p = 1/2), one not asked; divided by one positive
    logits = torch.tensor([[math.log(3), 0.0, 9.0]])
    target, asked = torch.tensor([[True, False, False]]), torch.tensor([[True, True, False]])
    expected = -(math.log(3 / 4) + math.log(1 / 2))
    assert objectness_loss(logits, target, asked).item() == pytest.approx(expected)


def test_slices_without_a_body_count_as_one_positive_each():
    logits = torch.zeros(2, 1)  # p = 1/2 twice: 2 log 2 over 2 slices
    nowhere = torch.zeros(2, 1, dtype=torch.bool)
    assert objectness_loss(logits, nowhere, ~nowhere).item() == pytest.approx(math.log(2))


def test_good_boxes_that_do_not_answer_are_not_asked():
    predicted = torch.cat((BODY, BODY + 1, BODY + 60))[None]
    target = torch.tensor([[True, False, False]])
    assert asked_anchors(predicted, [BODY], target, ignore_iou=0.5).tolist() == [[True, False, True]]
    two = torch.cat((BODY, BODY + 60))
    assert asked_anchors(predicted, [two], target, ignore_iou=0.5).tolist() == [[True, False, False]]
    assert asked_anchors(predicted, [torch.zeros(0, 4)], ~target & False, ignore_iou=0.5).all()


def test_a_perfect_network_has_no_loss():
    losses = detection_losses(perfect_raw(BODY, 1, sure=15.0), [BODY], [torch.tensor([1])], ANCHORS)
    assert losses.box.item() == pytest.approx(0.0, abs=1e-3)
    assert losses.box_class.item() == pytest.approx(0.0, abs=1e-3)
    assert losses.objectness.item() == pytest.approx(0.0, abs=1e-3)


def test_each_term_sees_its_own_mistake():
    truth = {"boxes_xyxy": [BODY], "labels": [torch.tensor([1])], "anchors": ANCHORS}
    moved = detection_losses(perfect_raw(BODY + 4, 1, sure=15.0), **truth)
    assert moved.box > 0.05
    assert moved.box_class < 1e-3
    renamed = detection_losses(perfect_raw(BODY, 0, sure=15.0), **truth)
    assert renamed.box_class > 1.0
    assert renamed.box < 1e-2
    blind = [output.clone() for output in perfect_raw(BODY, 1, sure=15.0)]
    for output in blind:
        output[..., 4] = -15.0
    assert detection_losses(blind, **truth).objectness > 1.0


def test_a_slice_without_a_body_teaches_objectness_only():
    raw = [torch.zeros(1, 3, *grid, OUTPUTS, requires_grad=True) for grid in GRIDS]
    losses = detection_losses(raw, [torch.zeros(0, 4)], [torch.zeros(0, dtype=torch.int64)], ANCHORS)
    assert losses.box.item() == losses.box_class.item() == 0.0
    (losses.box + losses.box_class + losses.objectness).backward()
    for output in raw:
        assert output.grad[..., :4].abs().sum() == 0
        assert (output.grad[..., 4] > 0).all()


def test_lists_and_stacked_tensors_say_the_same():
    raw = [torch.randn(2, 3, *grid, OUTPUTS, generator=torch.Generator().manual_seed(0)) for grid in GRIDS]
    boxes, labels = torch.stack((BODY, BODY + 10)), torch.tensor([[0], [1]])
    stacked = detection_losses(raw, boxes, labels, ANCHORS)
    listed = detection_losses(raw, list(boxes), list(labels), ANCHORS)
    for name in ("box", "box_class", "objectness"):
        torch.testing.assert_close(getattr(stacked, name), getattr(listed, name), rtol=0, atol=0)


def test_descending_the_losses_finds_the_body():
    raw = [torch.zeros(1, 3, *grid, OUTPUTS, requires_grad=True) for grid in GRIDS]
    optimizer = torch.optim.Adam(raw, lr=0.2)
    for _ in range(60):
        losses = detection_losses(raw, [BODY], [torch.tensor([1])], ANCHORS)
        optimizer.zero_grad()
        (losses.box + losses.box_class + losses.objectness).backward()
        optimizer.step()
    decoded = decode(raw, ANCHORS)
    best = decoded.objectness_logits[0].argmax()
    torch.testing.assert_close(decoded.boxes_xyxy[0, best], BODY[0], rtol=0, atol=1.5)
    assert decoded.class_logits[0, best].argmax() == 1
