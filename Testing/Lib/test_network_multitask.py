"""The whole network: its sizes, its two profiles, its switches."""

from dataclasses import replace

import pytest
import scipy.stats
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.facts import case_facts, header_facts
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.ordinal import bmd_estimate, class_areas
from OsteoJointLib.records import STATUSES, SourceInfo

PAPERS = ("layered_fusion", "gated_convolution", "feature_fusion", "boundary_branch")
OURS = ("mask_guidance", "ordinal_head", "reference_tissues", "header_facts")
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
    assert parameters(network) <= 2_100_000
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
    assert output.features.shape == (2, 2048 if profile == "paper" else 2 * 256)  # of all the map, and of the body
    assert (output.bmd is None) == (profile == "paper")


@pytest.mark.parametrize(
    ("switch", "absent"),
    [
        ("layered_fusion", "classifier.fuse"),
        ("gated_convolution", "classifier.gates"),
        ("feature_fusion", "fusion.score"),
        ("boundary_branch", "segmenter.boundary_decoder"),
        ("ordinal_head", "fusion.estimate"),
        ("header_facts", "fusion.adapt"),
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
    off = dict.fromkeys((*PAPERS, *OURS), False)
    network = MultitaskNetwork(replace(SMALL, **off), with_localizer=False).eval()
    l1, l2 = pair()
    output = network.classify(l1, l2)
    alone = network.fusion(network.classifier(l1), network.classifier(l2))
    torch.testing.assert_close(output.logits, alone.logits)
    assert output.segmentation.heatmap is None and output.segmentation.tissue_logits is None and output.bmd is None
    torch.testing.assert_close(output.probabilities(), torch.softmax(output.logits.double(), dim=1))
    torch.testing.assert_close(network.classify(l1, l2, torch.ones(1, 4)).logits, output.logits)  # no place for facts


def test_with_ours_off_it_is_the_papers_network():
    network = MultitaskNetwork(replace(SMALL, **dict.fromkeys(OURS, False)), with_localizer=False)
    full = MultitaskNetwork(SMALL, with_localizer=False)
    assert network.classifier.out_channels == 16 and network.segmenter.mask_head[-1].out_channels == 1
    assert network.fusion.classify.in_features == 32
    assert {n.split(".")[1] for n, _ in full.fusion.named_parameters(prefix="fusion")} == {
        *(n.split(".")[1] for n, _ in network.fusion.named_parameters(prefix="fusion")),
        "adapt",
        "estimate",
    }


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
    edited = network.fuse(crops, own.segmentation.with_mask(torch.cat((mask, mask))))
    assert not torch.allclose(own.logits, edited.logits) and not torch.allclose(own.bmd, edited.bmd)
    torch.testing.assert_close(own.segmentation.mask_logits, edited.segmentation.mask_logits, rtol=0, atol=0)
    with pytest.raises(UsageError, match="pairs"):
        network.classify(l1, torch.cat((l2, l2)))


def test_classify_is_its_parts():
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    l1, l2 = pair(2)
    output = network.classify(l1, l2)
    said = [network.segmenter(x) for x in (l1, l2)]
    first, second = (network.classifier(x, s.features, s.body) for x, s in zip((l1, l2), said, strict=True))
    torch.testing.assert_close(output.features, torch.cat((first, second)))
    torch.testing.assert_close(output.logits, network.fusion(first, second).logits)


def test_batch_norm_follows_slowly():
    network = MultitaskNetwork(replace(SMALL, batch_norm_momentum=0.07), with_localizer=False)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms
    assert {m.momentum for m in norms} == {0.07}


def test_the_class_comes_from_the_picture_and_from_the_decoders():
    torch.manual_seed(0)
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    crops = torch.cat(pair())
    said = network.segmenter(crops)
    own = network.fuse(crops, said)
    constant = network.fuse(torch.full_like(crops, 0.5), said)
    blind = network.fuse(crops, replace(said, features=tuple(torch.zeros_like(f) for f in said.features)))
    for other in (constant, blind):
        assert not torch.allclose(own.features, other.features) and not torch.allclose(own.logits, other.logits)


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("level", [0, 1])
def test_a_vertebra_that_is_left_out_says_nothing(level, learned):
    torch.manual_seed(0)
    network = MultitaskNetwork(replace(SMALL, feature_fusion=learned), with_localizer=False).eval()
    crops = [torch.rand(3, 1, 64, 64) for _ in range(2)]
    replaced = list(crops)
    replaced[level] = torch.rand(3, 1, 64, 64)
    left_out = torch.zeros(3, 2, dtype=torch.bool)
    left_out[1:, level] = True  # but of the first case neither
    before, after = (network.classify(*pair, left_out=left_out) for pair in (crops, replaced))
    torch.testing.assert_close(before.weights[1:, level], torch.zeros(2))
    torch.testing.assert_close(before.weights[1:, 1 - level], torch.ones(2))
    for name in ("logits", "bmd"):
        a, b = getattr(before, name), getattr(after, name)
        torch.testing.assert_close(a[1:], b[1:], rtol=0, atol=0)
        assert not torch.allclose(a[0], b[0])
    with pytest.raises(UsageError, match="both left out"):
        network.classify(*crops, left_out=torch.ones(3, 2, dtype=torch.bool))


def test_an_unknown_header_is_no_header_and_a_fresh_network_heeds_none():
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    known = torch.tensor([header_facts(100.0, True)])
    plain = network.classify(*pair())
    torch.testing.assert_close(network.classify(*pair(), known).logits, plain.logits)
    torch.nn.init.normal_(network.fusion.adapt[-1].weight)
    torch.nn.init.normal_(network.fusion.adapt[0].bias)
    plain = network.classify(*pair())
    torch.testing.assert_close(network.classify(*pair(), torch.tensor([header_facts(None, None)])).logits, plain.logits)
    assert not torch.allclose(network.classify(*pair(), known).logits, plain.logits)


def test_facts_tell_unknown_from_usual_and_from_none():
    told = [header_facts(*pair) for pair in ((None, None), (120.0, None), (None, False), (None, True), (80.0, True))]
    assert len(set(told)) == 5
    assert told[4] == (1.0, -2.0, 1.0, 1.0)
    sources = [SourceInfo("dicom", kvp=kvp, contrast=contrast) for kvp, contrast in ((120.0, True), (120.0, None))]
    assert case_facts(sources[:1]) == header_facts(120.0, True)
    assert case_facts(sources) == header_facts(120.0, None)


def test_the_classes_are_areas_of_the_normal_distribution_of_bmd():
    bmd = torch.tensor([[70.0, 10.0], [130.0, 5.0], [100.0, 40.0]])
    for (mean, sd), areas in zip(bmd.tolist(), class_areas(bmd).tolist(), strict=True):
        low, high = scipy.stats.norm.cdf((80.0, 120.0), mean, sd)
        assert areas == pytest.approx((1 - high, high - low, low), abs=1e-5)
    assert [STATUSES[i] for i in class_areas(bmd).argmax(dim=1)] == ["osteoporosis", "normal", "osteopenia"]


def test_probabilities_come_from_where_the_config_says():
    network = MultitaskNetwork(SMALL, with_localizer=False).eval()
    output = network.classify(*pair())
    softmax, areas = torch.softmax(output.logits.double(), dim=1), class_areas(output.bmd.double())
    assert not torch.allclose(softmax, areas)
    for source, expected in (("softmax", softmax), ("areas", areas), ("mean", (softmax + areas) / 2)):
        network.config = replace(SMALL, class_from=source)
        torch.testing.assert_close(network.classify(*pair()).probabilities(), expected)


def test_a_fresh_ordinal_head_starts_amid_osteopenia():
    torch.testing.assert_close(bmd_estimate(torch.zeros(1, 2)), torch.tensor([[100.0, 25.0]]))
    assert torch.isfinite(bmd_estimate(torch.tensor([[1e4, -1e4], [0.0, 1e4]]))).all()
