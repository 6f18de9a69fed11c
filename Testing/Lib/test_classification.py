"""Two crops, their masks and the header become a class; an edited mask takes the network's place."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from OsteoJointLib.network.encoded import EncodedCrops
from OsteoJointLib.network.multitask import ClassifierOutput
from OsteoJointLib.pipeline.classification import (
    classify_pair,
    encode_pair,
    explain_pair,
    facts_tensor,
    run_segmenter,
)
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, BmdEstimate, Classification, CtSlicePair, ExplanationMethod, Status


def pair_of(said, crops, masks) -> list[VertebraReading]:
    """Both levels, each with its part of what was said."""
    return [
        VertebraReading(None, None, None, None, crop, encoded=encoded, segmentation=mask)
        for crop, mask, encoded in zip(crops, masks, said.split(), strict=True)
    ]


@pytest.fixture
def parts(chain):
    """Network, crops and segmentations of the tiny case."""
    readings = chain.result.readings
    return chain.reader.network, [r.crop for r in readings], [r.segmentation for r in readings], chain.reader.device


def shrunk(segmentation):
    mask = segmentation.mask.copy()
    rows = np.flatnonzero(mask.any(axis=1))
    mask[rows[0] : rows[len(rows) // 3]] = False
    return replace(segmentation, mask=mask)


def test_status_is_the_likeliest_class_and_weights_sum_to_one(parts):
    network, crops, masks, device = parts
    said = run_segmenter(network, crops, device)
    classification = classify_pair(network, encode_pair(pair_of(said, crops, masks)))
    assert classification.status is STATUSES[int(np.argmax(classification.probabilities))]
    assert sum(classification.probabilities) == pytest.approx(1)
    assert classification.fusion_weight_l1 + classification.fusion_weight_l2 == pytest.approx(1)


class HandSetNetwork(torch.nn.Module):
    """Each class likes one channel of one level's image, so its map is known; the weights are 0.7 and 0.3."""

    def __init__(self):
        super().__init__()
        self.classifier = torch.nn.Module()
        self.layer = torch.nn.Conv2d(1, 2, 1, bias=False)
        self.layer.weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        self.classifier.fused_layers = [self.layer] * 4

    def fuse(self, crops, segmentation, facts, left_out):
        means = self.layer(crops).mean(dim=(2, 3))  # (level, channel)
        logits = torch.stack([means[0, 0], means[1, 0], 2 * means[1, 1]])[None]
        weights, bmd = torch.tensor([[0.7, 0.3]]), torch.tensor([[90.0, 12.0]])
        return ClassifierOutput(logits, weights, segmentation, means, bmd, "softmax")


def test_weights_probabilities_and_status_are_each_in_their_place():
    crops = torch.zeros(2, 1, 4, 4)
    crops[0], crops[1] = 1.0, -1.0  # logits 1, -1, 2
    classification = classify_pair(HandSetNetwork(), EncodedCrops(crops, None))
    assert (classification.fusion_weight_l1, classification.fusion_weight_l2) == pytest.approx((0.7, 0.3))
    whole = np.exp([1.0, -1.0, 2.0])
    assert classification.probabilities == pytest.approx(tuple(whole / whole.sum()))
    assert classification.status is Status.OSTEOPOROSIS
    assert classification.bmd == BmdEstimate(90.0, 12.0)


def test_the_intervals_of_bmd_are_those_of_a_normal_distribution():
    bmd = BmdEstimate(90.0, 12.0)
    for percent in (50, 90):
        expected = scipy.stats.norm.interval(percent / 100, 90.0, 12.0)
        assert bmd.interval_mg_cm3(percent) == pytest.approx(expected, abs=1e-3)


def test_the_header_reaches_the_network(chain):
    volume = chain.make_ct()
    torch.testing.assert_close(facts_tensor(volume, torch.device("cpu")), torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    unlike = replace(volume, source=replace(volume.source, kvp=100.0))
    # of two slices that differ in voltage, it is unknown
    pair = CtSlicePair(volume, unlike)
    torch.testing.assert_close(facts_tensor(pair, torch.device("cpu")), torch.tensor([[0.0, 0.0, 1.0, 0.0]]))
    reader = chain.make_reader()
    torch.nn.init.normal_(reader.network.fusion.adapt[-1].weight)
    said = [reader.read(case).classification.probabilities for case in (volume, unlike, volume)]
    assert said[0] == said[2] != said[1]


def test_the_map_is_of_the_class_that_was_said():
    crops = torch.zeros(2, 1, 4, 4)
    crops[0, 0, 1, 2], crops[1, 0, 3, 0] = 1.0, 1.0
    where = {}
    for status in STATUSES:
        said = Classification(status, (0.2, 0.3, 0.5), 0.5, 0.5)
        where[status] = [
            np.argwhere(one.values).tolist()
            for one in explain_pair(HandSetNetwork(), EncodedCrops(crops, None), said, ExplanationMethod.GRADCAM)
        ]
    # L2's image speaks against osteoporosis, and so for both of the others; L1's for normal alone
    assert where == {
        Status.NORMAL: [[[1, 2]], [[3, 0]]],
        Status.OSTEOPENIA: [[], [[3, 0]]],
        Status.OSTEOPOROSIS: [[], []],
    }


def test_unchanged_masks_take_what_the_segmenter_said(parts):
    network, crops, masks, device = parts
    said = run_segmenter(network, crops, device)
    encoded = encode_pair(pair_of(said, crops, masks))
    torch.testing.assert_close(encoded.segmentation.body, said.segmentation.body, rtol=0, atol=0)


@pytest.mark.parametrize("levels", [(0,), (1,), (0, 1)])
def test_a_changed_mask_replaces_the_soft_one_of_its_level_only(parts, levels):
    network, crops, masks, device = parts
    said = run_segmenter(network, crops, device)
    masks = [shrunk(mask) if index in levels else mask for index, mask in enumerate(masks)]
    expected = said.segmentation.body.clone()
    for index in levels:
        (top, left), drawn = crops[index].corner_yx, masks[index].mask
        expected[index, 0] = torch.from_numpy(drawn[top : top + 224, left : left + 224].astype(np.float32))
    calls = network.segmenter.calls
    encoded = encode_pair(pair_of(said, crops, masks))
    torch.testing.assert_close(encoded.segmentation.body, expected)
    drawn, own = classify_pair(network, encoded), classify_pair(network, said)
    assert drawn.probabilities != own.probabilities and drawn.bmd != own.bmd
    assert network.segmenter.calls == calls
    for feature, other in zip(encoded.segmentation.features, said.segmentation.features, strict=True):
        torch.testing.assert_close(feature, other, rtol=0, atol=0)


def test_an_empty_mask_guides_nowhere(parts):
    network, crops, masks, device = parts
    erased = replace(masks[0], mask=np.zeros_like(masks[0].mask))
    said = run_segmenter(network, crops, device)
    encoded = encode_pair(pair_of(said, crops, [erased, masks[1]]))
    torch.testing.assert_close(encoded.segmentation.body, said.segmentation.body)
