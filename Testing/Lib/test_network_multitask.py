"""The whole network: its sizes, its two profiles, its switches."""

from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.multitask import MultitaskNetwork

COMPACT = network_config("compact")
SMALL = replace(
    COMPACT,
    segmenter_channels=(4, 4, 6, 6, 8, 8),
    classifier_stem=4,
    classifier_planes=(2, 3, 3, 4),
    classifier_blocks=(1, 1, 1, 1),
    fusion_hidden=5,
)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def pair(batch: int = 1, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.rand(batch, 1, size, size, generator=generator) for _ in range(2))


def test_compact_is_small():
    with torch.device("meta"):
        network = MultitaskNetwork(COMPACT)
    assert parameters(network) <= 2_000_000
    assert parameters(network.localizer) <= 500_000
    assert COMPACT.segmenter_channels[0] <= 16


@pytest.mark.parametrize("profile", ["compact", "paper"])
def test_shapes_of_a_profile(profile):
    with torch.device("meta"):
        network = MultitaskNetwork(network_config(profile)).eval()
        raw = network.localizer(torch.empty(2, 1, 512, 512))
        output = network.classify(torch.empty(1, 1, 224, 224), torch.empty(1, 1, 224, 224))
    assert [tuple(r.shape) for r in raw] == [(2, 3, n, n, 7) for n in (64, 32, 16)]
    assert output.segmentation.mask_logits.shape == output.segmentation.heatmap.shape == (2, 1, 224, 224)
    assert [f.shape[-1] for f in output.segmentation.features] == [56, 28, 14, 7]
    assert output.logits.shape == (1, 3)
    assert output.weights.shape == (1, 2)
    assert output.features.shape == (2, 2048 if profile == "paper" else 256)


@pytest.mark.parametrize(
    ("switch", "absent"),
    [
        ("layered_fusion", "classifier.fuse"),
        ("gated_convolution", "classifier.gates"),
        ("feature_fusion", "fusion.score"),
        ("boundary_branch", "segmenter.boundary_decoder"),
    ],
)
def test_an_off_switch_leaves_the_plain_network(switch, absent):
    full = MultitaskNetwork(SMALL, with_localizer=False)
    plain = MultitaskNetwork(replace(SMALL, **{switch: False}), with_localizer=False)
    assert [name for name, _ in full.named_parameters() if name.startswith(absent)]
    assert not [name for name, _ in plain.named_parameters() if name.startswith(absent)]
    assert parameters(plain) < parameters(full)
    output = plain.eval().classify(*pair())
    assert torch.isfinite(output.logits).all()


def test_all_switches_off_is_unet_beside_resnet():
    off = dict.fromkeys(
        ("layered_fusion", "gated_convolution", "feature_fusion", "boundary_branch", "grey_evidence"), False
    )
    network = MultitaskNetwork(replace(SMALL, **off), with_localizer=False).eval()
    l1, l2 = pair()
    output = network.classify(l1, l2)
    alone = network.fusion(network.classifier(l1), network.classifier(l2))
    torch.testing.assert_close(output.logits, alone.logits)
    assert output.segmentation.heatmap is None


def test_evidence_needs_layered_fusion():
    network = MultitaskNetwork(replace(SMALL, layered_fusion=False, grey_evidence=True), with_localizer=False)
    assert not network.segmenter.grey_evidence
    assert not network.classifier.evidence


def test_class_gradient_reaches_the_decoders_but_not_the_mask_head():
    network = MultitaskNetwork(SMALL, with_localizer=False)
    network.classify(*pair(2)).logits.square().sum().backward()
    assert network.segmenter.mask_decoder.blocks[2].second.weight.grad.abs().sum() > 0
    assert network.segmenter.boundary_decoder.blocks[2].second.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in network.segmenter.mask_head.parameters())


def test_an_edited_mask_changes_the_class():
    torch.manual_seed(0)
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    l1, l2 = pair()
    mask = torch.zeros_like(l1)
    mask[:, :, 20:44, 20:44] = 1.0
    own, crops = network.classify(l1, l2), torch.cat((l1, l2))
    edited = network.fuse(crops, network.segmenter.with_mask(own.segmentation, crops, torch.cat((mask, mask))))
    assert not torch.allclose(own.logits, edited.logits)
    torch.testing.assert_close(own.segmentation.mask_logits, edited.segmentation.mask_logits, rtol=0, atol=0)
    with pytest.raises(UsageError, match="pairs"):
        network.classify(l1, torch.cat((l2, l2)))


def test_classify_is_its_parts():
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    l1, l2 = pair(2)
    output = network.classify(l1, l2)
    first, second = (network.classifier(x, network.segmenter(x).features) for x in (l1, l2))
    torch.testing.assert_close(output.features, torch.cat((first, second)))
    torch.testing.assert_close(output.logits, network.fusion(first, second).logits)


def test_batch_norm_follows_slowly():
    network = MultitaskNetwork(replace(SMALL, batch_norm_momentum=0.07), with_localizer=False)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert {m.momentum for m in norms} == {0.07}


def test_grey_level_in_the_body_can_be_read_off_exactly():
    """One weight of the last 1x1 convolution and one of the fusion's linear layer give the mean HU of the core."""
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    last = network.classifier.fused_layers[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        last.weight[0, -1] = 1.0  # channel 0 of the map: the evidence's grey level
    crop = 0.6 + 0.3 * torch.rand(1, 1, 224, 224, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros_like(crop)
    mask[:, :, 90:137, 80:144] = 1.0
    segmentation = network.segmenter.with_mask(network.segmenter(crop), crop, mask)
    feature = network.classifier(crop, segmentation.features)[0, 0].item()
    mean_hu = -160 + 400 * crop[:, :, 94:133, 84:140].mean().item()
    assert 120 + 50 * feature == pytest.approx(mean_hu, abs=1.0)
