"""Normalization folded into convolutions, and bfloat16, change nothing that is read."""

from __future__ import annotations

import copy
import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from OsteoJointLib.config import network_config
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.network.folding import fold_batch_norm
from OsteoJointLib.network.level_net import LevelNet
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.pipeline import classification
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.settings import ReadOptions

NORMALIZATIONS = (nn.BatchNorm2d, nn.BatchNorm3d)


def remembering(network: nn.Module) -> nn.Module:
    """Give every normalization something to do, each another thing."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, NORMALIZATIONS):
            for values in (module.running_var, module.weight.data):
                values.copy_(0.5 + torch.rand(values.shape, generator=generator))
            for values in (module.running_mean, module.bias.data):
                values.copy_(torch.rand(values.shape, generator=generator) - 0.5)
    return network.eval()


def folded(network: nn.Module) -> nn.Module:
    network = copy.deepcopy(network)
    fold_batch_norm(network)
    assert not any(isinstance(module, NORMALIZATIONS) for module in network.modules())
    return network


def test_the_level_network_says_the_same():
    network, image = remembering(LevelNet(LevelNetConfig())), torch.rand(1, 2, 16, 16, 16)
    plain, other = network(image), folded(network)(image)
    torch.testing.assert_close(other.logits, plain.logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("localizer", [False, True])
def test_the_multitask_network_says_the_same(localizer):
    if localizer and importlib.util.find_spec("ultralytics") is None:
        pytest.skip("Ultralytics isn't installed, so there is no localizer.")
    network = remembering(MultitaskNetwork(network_config("compact"), with_localizer=localizer))
    other, crops = folded(network), torch.rand(2, 1, 224, 224)
    with torch.no_grad():
        said = network.segmenter(crops)
        torch.testing.assert_close(other.segmenter(crops).mask_logits, said.mask_logits, atol=1e-3, rtol=1e-3)
        features = [one.classifier(crops, said.features, said.body) for one in (network, other)]
        torch.testing.assert_close(features[1], features[0], atol=1e-3, rtol=1e-3)
        if localizer:
            images = torch.rand(1, 1, 512, 512)
            torch.testing.assert_close(other.localizer(images), network.localizer(images), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("seed", [950_001, 950_005])
def test_bfloat16_moves_a_mask_by_a_handful_of_pixels_and_the_class_by_nothing_that_counts(seed, monkeypatch):
    reader, volume = load_reader(device="cpu", threads=1), make_phantom(seed).volume
    results = []
    for half in (False, True):
        cast = torch.autocast("cpu", torch.bfloat16, enabled=half)
        monkeypatch.setattr(classification, "in_its_precision", lambda device, cast=cast: cast)
        results.append(reader.read(volume, options=ReadOptions(volume=False, gradcam=False)))
    plain, half = results
    assert half.classification.status is plain.classification.status
    np.testing.assert_allclose(half.classification.probabilities, plain.classification.probabilities, atol=0.01)
    assert half.classification.bmd.mean_mg_cm3 == pytest.approx(plain.classification.bmd.mean_mg_cm3, abs=0.2)
    for one, other in zip(half.readings, plain.readings, strict=True):
        assert np.count_nonzero(one.segmentation.mask != other.segmentation.mask) <= 8
        assert one.measurement.hu_mean == pytest.approx(other.measurement.hu_mean, abs=0.5)
        assert not torch.equal(one.encoded.segmentation.mask_logits, other.encoded.segmentation.mask_logits)
