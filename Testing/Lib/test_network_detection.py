"""The localizer's raw outputs and what is read from them."""

import math
from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.network.detection import OUTPUTS, STRIDES, decode, detect

CONFIG = network_config("compact")
BODY = torch.tensor([220.0, 250.0, 284.0, 294.0])


def empty_raw(batch: int = 1) -> list[torch.Tensor]:
    """Outputs that see nothing anywhere."""
    raw = [torch.zeros(batch, 3, 512 // s, 512 // s, OUTPUTS) for s in STRIDES]
    for output in raw:
        output[..., 4] = -20.0
    return raw


def put(raw, box, scale: int, anchor: int, objectness: float, label: int, image: int = 0) -> None:
    """Write a box into the outputs, as a perfect network would."""
    center, size = (box[:2] + box[2:]) / 2 / STRIDES[scale], box[2:] - box[:2]
    logits = torch.tensor([math.log(objectness / (1 - objectness)), *(5.0 if c == label else -5.0 for c in range(2))])
    coded = torch.logit(center.frac(), eps=1e-4), torch.log(size / torch.tensor(CONFIG.anchors[scale][anchor]))
    raw[scale][image, anchor, int(center[1]), int(center[0])] = torch.cat((*coded, logits))


@pytest.mark.parametrize("scale", [0, 1, 2])
@pytest.mark.parametrize("anchor", [0, 2])
def test_a_box_put_in_comes_out(scale, anchor):
    raw = empty_raw(batch=2)
    put(raw, BODY, scale, anchor, 0.9, label=1, image=1)
    nothing, found = detect(raw, CONFIG)
    assert len(nothing.boxes_xyxy) == 0
    torch.testing.assert_close(found.boxes_xyxy, BODY[None], rtol=0, atol=0.01)
    assert found.objectness.item() == pytest.approx(0.9, abs=1e-5)
    assert found.scores.item() == pytest.approx(0.9 / (1 + math.exp(-5)), abs=1e-5)
    of_l1, of_l2 = found.label_scores[0].tolist()
    assert of_l2 == found.scores.item() and of_l1 == pytest.approx(0.9 / (1 + math.exp(5)), abs=1e-5)


def test_one_body_seen_by_all_scales_gives_its_best_box_whatever_the_label():
    raw = empty_raw()
    for scale, (objectness, label) in enumerate([(0.6, 0), (0.95, 1), (0.5, 0)]):
        put(raw, BODY + scale, scale, 1, objectness, label)
    (found,) = detect(raw, CONFIG)
    torch.testing.assert_close(found.boxes_xyxy, BODY[None] + 1, rtol=0, atol=0.01)


def test_two_bodies_apart_come_best_first():
    raw = empty_raw()
    other = BODY + torch.tensor([100.0, 0.0, 100.0, 0.0])
    put(raw, BODY, 0, 0, 0.5, 0)
    put(raw, other, 0, 0, 0.8, 1)
    (found,) = detect(raw, CONFIG)
    torch.testing.assert_close(found.boxes_xyxy, torch.stack((other, BODY)), rtol=0, atol=0.01)


def test_faint_boxes_are_dropped_and_boxes_are_clipped():
    raw = empty_raw()
    put(raw, BODY, 0, 0, 0.05, 0)
    put(raw, torch.tensor([-20.0, 10.0, 40.0, 50.0]), 1, 0, 0.7, 0)
    (found,) = detect(raw, CONFIG)
    torch.testing.assert_close(found.boxes_xyxy, torch.tensor([[0.0, 10.0, 40.0, 50.0]]), rtol=0, atol=0.01)
    assert len(detect(raw, replace(CONFIG, score_threshold=0.01))[0].boxes_xyxy) == 2


def test_boxes_are_clipped_on_the_right_and_below():
    raw = empty_raw()
    put(raw, torch.tensor([480.0, 470.0, 540.0, 530.0]), 0, 0, 0.7, 0)
    (found,) = detect(raw, CONFIG)
    torch.testing.assert_close(found.boxes_xyxy, torch.tensor([[480.0, 470.0, 512.0, 512.0]]), rtol=0, atol=0.01)


def test_decoding_equals_a_loop():
    generator = torch.Generator().manual_seed(0)
    raw = [torch.randn(2, 3, 64 // s, 96 // s, OUTPUTS, generator=generator) for s in STRIDES]
    decoded = decode(raw, CONFIG.anchors)
    index = 0
    for output, anchors, stride in zip(raw, CONFIG.anchors, STRIDES, strict=True):
        for a, (anchor_width, anchor_height) in enumerate(anchors):
            for row in range(output.shape[2]):
                for column in range(output.shape[3]):
                    tx, ty, tw, th, objectness, *classes = output[1, a, row, column].tolist()
                    x = (column + 1 / (1 + math.exp(-tx))) * stride
                    y = (row + 1 / (1 + math.exp(-ty))) * stride
                    width, height = anchor_width * math.exp(tw), anchor_height * math.exp(th)
                    expected = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
                    assert decoded.boxes_xyxy[1, index].tolist() == pytest.approx(expected, abs=1e-2)
                    assert decoded.objectness_logits[1, index].item() == pytest.approx(objectness)
                    assert decoded.class_logits[1, index].tolist() == pytest.approx(classes)
                    index += 1
    assert index == decoded.boxes_xyxy.shape[1]
