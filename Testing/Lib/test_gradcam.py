"""Grad-CAM on networks whose maps can be worked out on paper."""

import numpy as np
import pytest
import torch
from torch import nn

from OsteoJointLib.pipeline.gradcam import gradcam_maps


class TwoFilters(nn.Module):
    """Channel 0 passes the image, channel 1 its negative; the logits of a pair weigh both channels' means."""

    def __init__(self, weights):
        super().__init__()
        self.last_conv = nn.Conv2d(1, 2, 1, bias=False)
        self.last_conv.weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        self.head = nn.Linear(4, 3, bias=False)
        self.head.weight.data = torch.tensor(weights)

    def forward(self, crops):
        features = self.last_conv(crops).mean(dim=(2, 3))  # (2, 2)
        return self.head(features.reshape(1, 4))


def crops() -> torch.Tensor:
    images = torch.zeros(2, 1, 8, 8)
    images[0, 0, 1, 2] = 1.0
    images[1, 0, 5, 5] = 1.0
    images[1, 0, 6, 6] = 0.25
    return images


def test_maps_of_hand_set_weights():
    # class 1 likes L1's image (channel 0) and L2's negative (channel 1, whose activation -image ReLU takes away)
    network = TwoFilters([[0.0] * 4, [1.0, 0.0, 0.0, 1.0], [0.0] * 4])
    l1, l2 = gradcam_maps(network, network.last_conv, crops(), 1)
    expected = np.zeros((8, 8), dtype=np.float32)
    expected[1, 2] = 1.0
    np.testing.assert_allclose(l1, expected)
    np.testing.assert_allclose(l2, 0.0)


def test_the_target_class_decides():
    network = TwoFilters([[0.0, 0.0, 2.0, 0.0], [1.0, 0.0, 0.0, 1.0], [-1.0, 0.0, 0.0, 0.0]])
    l1, l2 = gradcam_maps(network, network.last_conv, crops(), 0)
    np.testing.assert_allclose(l1, 0.0)
    assert (l2[5, 5], l2[6, 6]) == (1.0, 0.25)  # scaled by its own maximum, ratios kept
    assert not gradcam_maps(network, network.last_conv, crops(), 2).any()


def test_a_map_without_support_is_zero_and_finite():
    network = TwoFilters([[0.0] * 4] * 3)
    maps = gradcam_maps(network, network.last_conv, crops(), 0)
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps, np.zeros((2, 8, 8)))


def test_randomized_weights_change_the_map(chain):
    from OsteoJointLib.pipeline.classification import explain_pair, run_segmenter

    crops = [reading.crop for reading in chain.result.readings]
    maps = []
    for seed in (0, 0, 1):
        reader = chain.make_reader(seed)
        encoded = run_segmenter(reader.network, crops, reader.device)
        maps.append(explain_pair(reader.network, encoded, chain.result.classification))
    assert maps[0].shape == (2, 224, 224)
    assert 0 <= maps[0].min() <= maps[0].max() <= 1
    np.testing.assert_array_equal(maps[0], maps[1])
    assert np.abs(maps[0] - maps[2]).max() > 0.1


@pytest.mark.parametrize("size", [7, 14])
def test_a_coarse_layer_is_upsampled_to_the_crop(size):
    network = TwoFilters([[0.0] * 4, [1.0, 0.0, 1.0, 0.0], [0.0] * 4])
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(size), network)
    maps = gradcam_maps(pooled, network.last_conv, torch.rand(2, 1, 56, 56), 1)
    assert maps.shape == (2, 56, 56)


def test_it_is_captum_s(chain):
    from captum.attr import LayerGradCam

    from OsteoJointLib.pipeline.classification import run_segmenter

    reader = chain.make_reader()
    encoded = run_segmenter(reader.network, [reading.crop for reading in chain.result.readings], reader.device)
    logits_of = lambda crops: reader.network.fuse(crops, encoded.segmentation).logits  # noqa: E731
    layer, inputs = reader.network.classifier.last_conv, encoded.crops.clone().requires_grad_(True)
    for target in range(3):
        expected = LayerGradCam(logits_of, layer).attribute(inputs, target=target, relu_attributions=True).detach()
        expected = nn.functional.interpolate(expected, size=(224, 224), mode="bilinear", align_corners=False)[:, 0]
        maps = gradcam_maps(logits_of, layer, encoded.crops, target)
        peaks = expected.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30)
        np.testing.assert_allclose(maps, (expected / peaks).numpy(), atol=1e-5)
