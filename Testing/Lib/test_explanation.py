"""Explanation maps of networks whose maps can be worked out on paper, and beside Captum's."""

import numpy as np
import pytest
import torch
from torch import nn

from OsteoJointLib.network.multitask import ClassifierOutput
from OsteoJointLib.pipeline.classification import explain_pair, run_segmenter
from OsteoJointLib.pipeline.explanation import explained_layer, influence_maps, scaled_pair
from OsteoJointLib.records import ExplanationMethod

METHODS = (HIRESCAM, GRADCAM) = tuple(ExplanationMethod)


class TwoFilters(nn.Module):
    """Channel 0 passes the image, channel 1 its negative; the logits of a pair weigh both channels' means."""

    def __init__(self, weights):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 1, bias=False)
        self.layer.weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        self.head = nn.Linear(4, 3, bias=False)
        self.head.weight.data = torch.tensor(weights)

    def forward(self, crops):
        features = self.layer(crops).mean(dim=(2, 3))  # (2, 2)
        return self.head(features.reshape(1, 4))

    def influence(self, target: int, method=HIRESCAM) -> np.ndarray:
        return influence_maps(lambda crops: self(crops)[0, target], self.layer, crops(), method)


def crops() -> torch.Tensor:
    images = torch.zeros(2, 1, 8, 8)
    images[0, 0, 1, 2] = 1.0
    images[1, 0, 5, 5] = 1.0
    images[1, 0, 6, 6] = 0.25
    return images


@pytest.mark.parametrize(("method", "against"), [(HIRESCAM, 1 / 64), (GRADCAM, 0.0)])
def test_maps_of_hand_set_weights(method, against):
    # class 1 likes L1's image (channel 0) and L2's negative (channel 1, whose activation is -image: it speaks against)
    l1, l2 = TwoFilters([[0.0] * 4, [1.0, 0.0, 0.0, 1.0], [0.0] * 4]).influence(1, method)
    expected = np.zeros((8, 8), dtype=np.float32)
    expected[1, 2] = 1 / 64
    np.testing.assert_allclose(l1, expected)
    assert (l2[5, 5], l2[6, 6], l2.sum()) == (against, 0.25 * against, 1.25 * against)


def test_the_target_class_decides():
    network = TwoFilters([[0.0, 0.0, 2.0, 0.0], [1.0, 0.0, 0.0, 1.0], [-1.0, 0.0, 0.0, 0.0]])
    l1, l2 = network.influence(0)
    np.testing.assert_allclose(l1, 0.0)
    assert (l2[5, 5], l2[6, 6]) == (2 / 64, 0.5 / 64)
    l1, l2 = network.influence(2)
    assert (l1[1, 2], l1.sum(), l2.sum()) == (1 / 64, 1 / 64, 0.0), "what speaks against a class is shown"
    assert not network.influence(2, GRADCAM).any(), "the paper's map has only what speaks for it"


def test_what_no_score_depends_on_stays_dark_in_hirescam_alone():
    """The score reads the left half only; the averaged gradient of Grad-CAM lights up what is bright on the right."""
    layer = nn.Conv2d(1, 1, 1, bias=False)
    layer.weight.data.fill_(1.0)
    images = torch.zeros(2, 1, 8, 8)
    images[:, 0, 3, 1], images[:, 0, 4, 6] = 0.5, 1.0

    def score_of(crops):
        return layer(crops)[..., :4].mean()

    lit = {method: [np.argwhere(one).tolist() for one in influence_maps(score_of, layer, images, method)]
           for method in METHODS}  # fmt: skip
    assert lit == {HIRESCAM: [[[3, 1]]] * 2, GRADCAM: [[[3, 1], [4, 6]]] * 2}


def test_both_vertebrae_have_one_scale_and_keep_their_order():
    """On a scale of its own each map would have a 1, and the weaker vertebra would look as strong as the other."""
    influence = np.zeros((2, 4, 4))
    influence[0, 1, 2], influence[1, 3, 0], influence[1, 3, 1] = 0.25, 1.0, 0.75
    l1, l2 = scaled_pair(influence, GRADCAM)
    assert (l1.values[1, 2], l2.values[3, 0], l2.values[3, 1]) == (0.25, 1.0, 0.75)
    assert (l1.scale_max, l2.scale_max, l1.share, l2.share) == (1.0, 1.0, 0.125, 0.875)
    assert (l1.values.dtype, l1.method, l1.blank) == (np.float32, GRADCAM, False)


def test_a_blank_map_is_zero_and_says_so():
    influence = np.zeros((2, 4, 4))
    for one in scaled_pair(influence, HIRESCAM):
        assert one.blank and one.share == 0 and one.scale_max == 0 and not one.values.any()
    influence[1, 0, 0] = 3.0
    l1, l2 = scaled_pair(influence, HIRESCAM)
    assert (l1.blank, l1.share, l2.blank, l2.share) == (True, 0.0, False, 1.0)


def said(logits: torch.Tensor, **kwargs: object) -> ClassifierOutput:
    return ClassifierOutput(logits, torch.full((len(logits), 2), 0.5), None, torch.zeros(2, 1), **kwargs)


def test_the_score_is_the_log_odds_of_the_class():
    logits = torch.tensor([[1.0, -0.5, 2.0], [9.0, 9.0, 9.0]], dtype=torch.float64)
    p = torch.softmax(logits[0], dim=0)
    for target in range(3):
        score = said(logits).log_odds(target)[0]
        torch.testing.assert_close(score, torch.log(p[target] / (1 - p[target])))
        moved = said(logits + 5.0).log_odds(target)[0]
        torch.testing.assert_close(score, moved, msg="what moves all three logits alike changes no class")


def test_the_score_follows_bmd_where_bmd_decides():
    logits = torch.zeros(1, 3, requires_grad=True)
    bmd = torch.tensor([[150.0, 10.0]], requires_grad=True)
    score = said(logits, bmd=bmd, class_from="areas").log_odds(0)[0]
    score.backward()
    assert logits.grad is None and bmd.grad[0, 0] > 0, "denser speaks for normal"


@pytest.mark.parametrize("source", ["softmax", "areas", "mean"])
def test_the_log_odds_are_those_of_the_probabilities(source):
    output = said(torch.tensor([[1.0, -0.5, 2.0]]), bmd=torch.tensor([[110.0, 14.0]]), class_from=source)
    for target in range(3):
        torch.testing.assert_close(output.log_odds(target), torch.logit(output.probabilities()[:, target]))


@pytest.mark.parametrize(("mean", "target"), [(300.0, 0), (100.0, 1), (10.0, 2)])
def test_a_class_beyond_doubt_can_be_explained(mean, target):
    bmd = torch.tensor([[mean, 1.5]], requires_grad=True)  # the probability is 1 in float64
    output = said(torch.zeros(1, 3), bmd=bmd, class_from="areas")
    assert output.probabilities()[0, target] == 1
    output.log_odds(target).backward()
    assert torch.isfinite(bmd.grad).all() and bmd.grad[0, 1] < 0, "less spread, more certain"


@pytest.mark.parametrize("method", METHODS)
def test_randomized_weights_change_the_map(chain, method):
    crops = [reading.crop for reading in chain.result.readings]
    maps = []
    for seed in (0, 0, 1):
        reader = chain.make_reader(seed)
        encoded = run_segmenter(reader.network, crops, reader.device)
        l1, l2 = explain_pair(reader.network, encoded, chain.result.classification, method)
        maps.append(np.stack([l1.values, l2.values]))
    assert maps[0].shape == (2, 224, 224)
    assert 0 <= maps[0].min() <= maps[0].max() <= 1
    np.testing.assert_array_equal(maps[0], maps[1])
    assert np.abs(maps[0] - maps[2]).max() > 0.1


@pytest.mark.parametrize("size", [7, 14])
def test_a_coarse_layer_is_upsampled_to_the_crop(size):
    network = TwoFilters([[0.0] * 4, [1.0, 0.0, 1.0, 0.0], [0.0] * 4])
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(size), network)
    images = torch.rand(2, 1, 56, 56)
    maps = influence_maps(lambda crops: pooled(crops)[0, 1], network.layer, images, HIRESCAM)
    assert maps.shape == (2, 56, 56)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), images.mean(dim=(1, 2, 3)) / size**2, rtol=0.05)


def test_each_method_looks_at_its_own_layer(chain):
    reader = chain.make_reader()
    encoded = run_segmenter(reader.network, [reading.crop for reading in chain.result.readings], reader.device)
    sizes = {}
    for method in METHODS:
        layer = explained_layer(reader.network.classifier, method)
        handle = layer.register_forward_hook(lambda m, i, output, method=method: sizes.update({method: output.shape}))
        reader.network.fuse(encoded.crops, encoded.segmentation)
        handle.remove()
    assert {method: (shape[0], *shape[2:]) for method, shape in sizes.items()} == {
        HIRESCAM: (2, 28, 28),
        GRADCAM: (2, 7, 7),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", range(3))
def test_it_is_captum_s(chain, method, target):
    from captum.attr import LayerGradCam, LayerGradientXActivation

    reader = chain.make_reader()
    encoded = run_segmenter(reader.network, [reading.crop for reading in chain.result.readings], reader.device)
    score_of = lambda crops: reader.network.fuse(crops, encoded.segmentation).log_odds(target)  # noqa: E731
    layer, inputs = explained_layer(reader.network.classifier, method), encoded.crops.clone().requires_grad_(True)
    if method is HIRESCAM:
        expected = LayerGradientXActivation(score_of, layer).attribute(inputs).detach().sum(dim=1, keepdim=True).abs()
    else:
        expected = LayerGradCam(score_of, layer).attribute(inputs, relu_attributions=True).detach()
    expected = nn.functional.interpolate(expected, size=(224, 224), mode="bilinear", align_corners=False)[:, 0].numpy()
    assert expected.max() > 0
    maps = influence_maps(score_of, layer, encoded.crops, method)
    np.testing.assert_allclose(maps, expected, atol=1e-5 * expected.max())
