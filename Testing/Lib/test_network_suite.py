"""What every network must hold, inherited by one class per network, on tiny sizes."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.backbone import build_backbone
from OsteoJointLib.network.blocks import ConvNormAct, ResidualDoubleConv
from OsteoJointLib.network.detection import OUTPUTS, Localizer
from OsteoJointLib.network.facts import FACTS
from OsteoJointLib.network.fusion import FeatureFusion
from OsteoJointLib.network.gated_resnet import GatedResNet
from OsteoJointLib.network.gct import GatedChannelTransformation
from OsteoJointLib.network.multitask import ClassifierOutput, MultitaskNetwork
from OsteoJointLib.network.segmenter import Segmenter, SegmenterOutput

CHANNELS = (4, 4, 6, 6, 8, 8)
TINY = replace(
    network_config("compact"),
    profile="tiny",
    localizer_width=0.125,
    segmenter_channels=CHANNELS,
    classifier_stem=4,
    classifier_planes=(2, 3, 3, 4),
    classifier_blocks=(1, 1, 2, 1),
    fusion_hidden=5,
)


def random(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def tensors(output) -> list[torch.Tensor]:
    """Every tensor of an output: a tensor, a tuple, or a record of them."""
    if isinstance(output, torch.Tensor):
        return [output]
    if output is None or isinstance(output, str):
        return []
    values = output if isinstance(output, tuple) else vars(output).values()
    return list(itertools.chain.from_iterable(tensors(value) for value in values))


class NetworkSuite:
    """Nine tests for a network that ``make`` builds and that takes ``inputs(batch)``."""

    spatial = True

    def make(self) -> nn.Module:
        raise NotImplementedError

    def inputs(self, batch: int = 2) -> tuple:
        raise NotImplementedError

    def shapes(self, network, batch: int) -> list[tuple[int, ...]]:
        """Expected shapes of the outputs, from the sizes that the network publishes."""
        raise NotImplementedError

    def bad_inputs(self) -> list[tuple]:
        return []

    def call(self, network, *inputs):
        return network(*inputs)

    @pytest.fixture
    def network(self) -> nn.Module:
        torch.manual_seed(0)
        return self.make()

    def test_output_has_the_published_shapes(self, network):
        for batch in (1, 3):
            output = self.call(network.eval(), *self.inputs(batch))
            assert [tuple(t.shape) for t in tensors(output)] == self.shapes(network, batch)

    def test_output_is_finite(self, network):
        assert all(torch.isfinite(t).all() for t in tensors(self.call(network, *self.inputs())))

    def test_gradients_reach_every_parameter(self, network):
        outputs = tensors(self.call(network, *self.inputs()))
        sum((t.float() * random(*t.shape)).sum() for t in outputs).backward()
        unreached = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert unreached == []

    def test_gradients_reach_the_image(self, network):
        inputs = tuple(x.clone().requires_grad_() if isinstance(x, torch.Tensor) else x for x in self.inputs())
        sum((t.float() * random(*t.shape)).sum() for t in tensors(self.call(network, *inputs))).backward()
        assert all(x.grad.abs().sum() > 0 for x in inputs if isinstance(x, torch.Tensor))

    def test_eval_is_deterministic_and_keeps_the_state(self, network):
        network.eval()
        before = {key: value.clone() for key, value in network.state_dict().items()}
        first, second = (tensors(self.call(network, *self.inputs())) for _ in range(2))
        for a, b in zip(first, second, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
        for key, value in network.state_dict().items():
            torch.testing.assert_close(value, before[key], rtol=0, atol=0)

    def test_state_dict_round_trip(self, network):
        network.eval()
        torch.manual_seed(1)
        other = self.make().eval()
        other.load_state_dict({key: value.clone() for key, value in network.state_dict().items()})
        for a, b in zip(
            tensors(self.call(network, *self.inputs())), tensors(self.call(other, *self.inputs())), strict=True
        ):
            torch.testing.assert_close(a, b, rtol=0, atol=0)

    def test_each_tensor_has_its_own_storage(self, network):
        places = [t.untyped_storage().data_ptr() for t in network.state_dict().values()]
        assert len(places) == len(set(places))
        modules = [m for m in network.modules() if any(True for _ in m.parameters(recurse=False))]
        names = [n for n, m in network.named_modules(remove_duplicate=False) if m in modules]
        assert len(names) == len(modules), "a module is kept in two places"

    def test_training_step_in_bfloat16_is_finite(self, network):
        network.to(memory_format=torch.channels_last) if self.spatial else network
        with torch.autocast("cpu", torch.bfloat16):
            outputs = tensors(self.call(network.train(), *self.inputs()))
        sum(t.float().square().mean() for t in outputs).backward()
        assert all(torch.isfinite(p.grad).all() for p in network.parameters())

    def test_wrong_input_is_a_sentence(self, network):
        for bad in self.bad_inputs():
            with pytest.raises(UsageError, match=r"takes|fuses|needs"):
                self.call(network, *bad)


class TestGatedChannelTransformation(NetworkSuite):
    def make(self):
        return self.awake(GatedChannelTransformation(5))

    @staticmethod
    def awake(gate):
        nn.init.normal_(gate.gamma)  # at gamma = 0 no gradient reaches alpha
        return gate

    def inputs(self, batch=2):
        return (random(batch, 5, 6, 7),)

    def shapes(self, network, batch):
        return [(batch, network.out_channels, 6, 7)]


class TestConvNormAct(NetworkSuite):
    def make(self):
        return ConvNormAct(3, 5)

    def inputs(self, batch=2):
        return (random(batch, 3, 6, 7),)

    def shapes(self, network, batch):
        return [(batch, network.out_channels, 6, 7)]


class TestResidualDoubleConv(TestConvNormAct):
    def make(self):
        return ResidualDoubleConv(3, 5)


class TestSegmenter(NetworkSuite):
    def make(self):
        return Segmenter(CHANNELS, reference_tissues=True)

    def inputs(self, batch=2):
        return (random(batch, 1, 64, 96),)

    def shapes(self, network, batch):
        sizes = ((16, 24), (8, 12), (4, 6), (2, 3))
        features = [(batch, c, *size) for c, size in zip(network.feature_channels, sizes, strict=True)]
        masks = [(batch, 1, 64, 96), (batch, 1, 64, 96), *features, (batch, 1, 64, 96)]
        return masks + ([] if network.mask_head[-1].out_channels == 1 else [(batch, 3, 64, 96)])

    def bad_inputs(self):
        return [(random(1, 3, 64, 64),), (random(1, 1, 64, 40),), (random(1, 64, 64),)]


class TestSegmenterWithoutBoundary(TestSegmenter):
    def make(self):
        return Segmenter(CHANNELS, boundary_branch=False)

    def shapes(self, network, batch):
        return super().shapes(network, batch)[1:]


class TestGatedResNet(NetworkSuite):
    fused = (7, 7, 9, 6)

    def make(self):
        network = GatedResNet(4, (2, 3, 3, 4), (1, 2, 1, 1), fused_channels=self.fused)
        for gate in network.gates:
            TestGatedChannelTransformation.awake(gate)
        return network

    def features(self, batch):
        return tuple(random(batch, c, size, size) for c, size in zip(self.fused, (16, 8, 4, 2), strict=True))

    def inputs(self, batch=2):
        return random(batch, 1, 64, 64), self.features(batch)

    def shapes(self, network, batch):
        return [(batch, network.out_channels)]

    def bad_inputs(self):
        return [
            (random(1, 1, 48, 64), None),
            (random(1, 1, 64, 64), None),
            (random(1, 1, 64, 64), self.features(1)[:3]),
        ]


class TestPlainResNet(NetworkSuite):
    def make(self):
        return GatedResNet(4, (2, 3, 3, 4), (1, 1, 1, 1), gated=False, in_channels=3)

    def inputs(self, batch=2):
        return (random(batch, 3, 64, 64),)

    def shapes(self, network, batch):
        return [(batch, network.out_channels)]

    def bad_inputs(self):
        return [(random(1, 1, 64, 64),)]


class TestFeatureFusion(NetworkSuite):
    spatial = False

    def make(self):
        return FeatureFusion(6, hidden=16)

    def inputs(self, batch=2):
        return random(batch, 6), 1 - random(batch, 6).flip(1)

    def shapes(self, network, batch):
        return [(batch, network.out_channels), (batch, 2)]

    def test_gradients_reach_every_parameter(self, network):
        # the last bias moves both scores alike, so the softmax leaves it without a gradient; all others have one
        self.call(network, *self.inputs()).logits.square().sum().backward()
        unreached = [n for n, p in network.named_parameters() if not p.grad.abs().sum() > 1e-9]
        assert unreached in ([], ["score.2.bias"])

    def bad_inputs(self):
        return [(random(2, 6), random(3, 6)), (random(2, 5), random(2, 5))]


class TestLocalizer(NetworkSuite):
    def make(self):
        return Localizer(build_backbone("tiny", 0.125))

    def inputs(self, batch=2):
        return (random(batch, 1, 64, 96),)

    def shapes(self, network, batch):
        return [(batch, network.anchors, 64 // s, 96 // s, OUTPUTS) for s in network.strides]

    def bad_inputs(self):
        return [(random(1, 3, 64, 64),), (random(1, 1, 64, 80),)]

    def test_it_starts_by_seeing_no_body_and_no_label(self, network):
        for raw in network(random(1, 1, 64, 96)):
            assert (raw[..., 4].sigmoid() - 1e-3).abs().max() < 5e-4
            assert (raw[..., 5:].sigmoid() - 0.5).abs().max() < 0.1


class TestMultitaskNetwork(NetworkSuite):
    """The part that runs on crops; the localizer has its own class."""

    def make(self):
        network = MultitaskNetwork(TINY, with_localizer=False)
        for gate in network.classifier.gates:
            TestGatedChannelTransformation.awake(gate)
        nn.init.normal_(network.fusion.score[-1].weight)
        nn.init.normal_(network.fusion.adapt[-1].weight)
        return network

    def inputs(self, batch=2):
        return random(batch, 1, 64, 64), 1 - random(batch, 1, 64, 64), random(batch, FACTS)

    def call(self, network, *inputs) -> ClassifierOutput:
        return network.classify(*inputs)

    def shapes(self, network, batch):
        features = [
            (2 * batch, c, size, size)
            for c, size in zip(network.segmenter.feature_channels, (16, 8, 4, 2), strict=True)
        ]
        masks, guides = [(2 * batch, 1, 64, 64)] * 2, [(2 * batch, 1, 64, 64), (2 * batch, 3, 64, 64)]
        vectors = (2 * batch, network.classifier.out_channels)
        return [(batch, 3), (batch, 2), *masks, *features, *guides, vectors, (batch, 2)]

    def test_gradients_reach_every_parameter(self, network):
        output = self.call(network, *self.inputs())
        said = output.segmentation
        parts = [output.logits, output.bmd, said.mask_logits, said.heatmap, said.tissue_logits]
        sum((t * random(*t.shape)).sum() for t in parts).backward()
        unreached = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert set(unreached) <= {"fusion.score.2.bias"}

    def bad_inputs(self):
        return [(random(2, 1, 64, 64), random(1, 1, 64, 64)), (random(1, 1, 60, 60), random(1, 1, 60, 60))]

    def test_a_case_does_not_depend_on_its_batch(self, network):
        network.eval()
        l1, l2, facts = self.inputs(3)
        alone = self.call(network, l1[1:2], l2[1:2], facts[1:2]).logits
        torch.testing.assert_close(self.call(network, l1, l2, facts).logits[1:2], alone, rtol=1e-4, atol=1e-5)

    def test_segmentation_is_that_of_the_segmenter(self, network):
        network.eval()
        l1, l2, _ = self.inputs(1)
        alone: SegmenterOutput = network.segmenter(l2)
        torch.testing.assert_close(
            self.call(network, l1, l2).segmentation.mask_logits[1:], alone.mask_logits, rtol=1e-4, atol=1e-5
        )
