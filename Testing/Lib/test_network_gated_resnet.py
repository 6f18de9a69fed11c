"""The classifier against torchvision's ResNet, and its two switches."""

import pytest
import torch
import torchvision

from OsteoJointLib.errors import UsageError
from OsteoJointLib.network.gated_resnet import Bottleneck, GatedResNet, body_mean

RESNET_101 = (64, (64, 128, 256, 512), (3, 4, 23, 3))
SMALL = (4, (2, 3, 3, 4), (1, 2, 1, 1))


def image(channels: int = 1, size: int = 64, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, channels, size, size, generator=torch.Generator().manual_seed(0))


def features(channels: int = 5) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.rand(2, channels, size, size, generator=generator) for size in (16, 8, 4, 2))


def randomize_statistics(network: torch.nn.Module) -> None:
    """Give BatchNorm something to do, in eval mode too."""
    generator = torch.Generator().manual_seed(2)
    for name, value in network.state_dict().items():
        if name.endswith(("running_mean", "bn1.bias")):
            value.copy_(0.1 * torch.randn(value.shape, generator=generator))
        if name.endswith("running_var"):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))


@pytest.fixture(scope="module")
def resnet101() -> torch.nn.Module:
    torch.manual_seed(0)
    network = torchvision.models.resnet101(weights=None)
    network.fc = torch.nn.Identity()
    randomize_statistics(network)
    return network


@pytest.mark.parametrize("training", [False, True])
def test_resnet101_without_gates_and_fusion_equals_torchvision(resnet101, training):
    with torch.device("meta"):  # the weights are torchvision's, so none need be drawn
        ours = GatedResNet(*RESNET_101, gated=False, in_channels=3)
    ours.load_state_dict({name: value.clone() for name, value in resnet101.state_dict().items()}, assign=True)
    resnet101.train(training)
    ours.train(training)
    with torch.no_grad():
        torch.testing.assert_close(ours(image(3)), resnet101(image(3)), rtol=1e-4, atol=1e-5)


def test_gates_and_fusion_add_only_their_own_parameters():
    with torch.device("meta"):
        plain = set(torchvision.models.resnet101().state_dict()) - {"fc.weight", "fc.bias"}
        ours = set(GatedResNet(*RESNET_101, fused_channels=(512, 1024, 2048, 1024)).state_dict())
    extra = ours - plain
    assert plain <= ours
    assert {name.split(".")[0] for name in extra} == {"gates", "fuse"}
    assert len(extra) == 4 * 3 + 4 * 2


def test_fresh_gates_change_nothing():
    torch.manual_seed(0)
    gated = GatedResNet(*SMALL)
    plain = GatedResNet(*SMALL, gated=False)
    plain.load_state_dict({k: v for k, v in gated.state_dict().items() if not k.startswith("gates")})
    torch.testing.assert_close(gated.eval()(image()), plain.eval()(image()), rtol=0, atol=0)


def test_each_stage_is_gated_at_its_first_bottleneck_only():
    gated = GatedResNet(*SMALL)
    assert [gate.out_channels for gate in gated.gates] == [4, 8, 12, 12]
    assert [next(iter(getattr(gated, f"layer{i}"))).conv1.in_channels for i in (1, 2, 3, 4)] == [4, 8, 12, 12]


def test_fresh_fusion_passes_the_resnets_own_channels_through():
    torch.manual_seed(0)
    fused = GatedResNet(*SMALL, fused_channels=(5, 5, 5, 5))
    plain = GatedResNet(*SMALL)
    plain.load_state_dict({k: v for k, v in fused.state_dict().items() if not k.startswith("fuse")})
    silent = tuple(torch.zeros_like(f) for f in features())
    torch.testing.assert_close(fused.eval()(image(), silent), plain.eval()(image()))


def test_every_scale_of_features_reaches_the_vector():
    torch.manual_seed(0)
    fused = GatedResNet(*SMALL, fused_channels=(5, 5, 5, 5)).eval()
    base = fused(image(), features())
    for index in range(4):
        changed = list(features())
        changed[index] = changed[index] + 1.0
        assert not torch.allclose(fused(image(), changed), base)


def test_fusion_is_a_1x1_convolution_of_the_concatenation():
    # Eq. 16 at the last stage, computed by hand from the maps before it
    torch.manual_seed(0)
    fused = GatedResNet(*SMALL, fused_channels=(5, 5, 5, 5)).eval()
    seen = {}
    fused.layer4.register_forward_hook(lambda module, inputs, output: seen.update(y=output))
    vector = fused(image(), features())
    weight, bias = fused.fuse[3].weight[:, :, 0, 0], fused.fuse[3].bias
    joined = torch.cat((seen["y"], features()[3]), dim=1)
    expected = torch.einsum("oc,bchw->bohw", weight, joined) + bias[:, None, None]
    torch.testing.assert_close(vector, expected.mean(dim=(2, 3)))


def test_the_last_stage_s_map_is_the_one_that_is_pooled():
    for network, inputs in (
        (GatedResNet(*SMALL), (image(),)),
        (GatedResNet(*SMALL, fused_channels=(5, 5, 5, 5)), (image(), features())),
    ):
        seen = {}
        network.eval().fused_layers[-1].register_forward_hook(lambda m, i, output, seen=seen: seen.update(map=output))
        torch.testing.assert_close(network(*inputs), seen["map"].mean(dim=(2, 3)))


def box_mask(top: int = 16, left: int = 20) -> torch.Tensor:
    mask = torch.zeros(2, 1, 64, 64)
    mask[:, :, top : top + 24, left : left + 24] = 1.0
    return mask


def test_guided_the_last_map_is_pooled_over_all_and_over_the_body():
    network = GatedResNet(*SMALL, fused_channels=(5, 5, 5, 5), guided=True).eval()
    seen = {}
    network.fused_layers[-1].register_forward_hook(lambda m, i, output: seen.update(map=output))
    vector = network(image(), features(), box_mask())
    half = network.out_channels // 2
    torch.testing.assert_close(vector[:, :half], seen["map"].mean(dim=(2, 3)))
    # 24 rows from 16, 24 columns from 20, in cells of 32: 16 x 12, 16 x 12, 8 x 12, 8 x 12 pixels
    weight = torch.tensor([[16 * 12, 16 * 12], [8 * 12, 8 * 12]]) / 1024 + 1e-4
    torch.testing.assert_close(vector[:, half:], (seen["map"] * weight).sum(dim=(2, 3)) / weight.sum())


def test_a_moved_mask_moves_every_scale():
    torch.manual_seed(0)
    network = GatedResNet(*SMALL, fused_channels=(5, 5, 5, 5), guided=True).eval()
    maps: dict[str, list[torch.Tensor]] = {"here": [], "there": []}
    for name, mask in (("here", box_mask()), ("there", box_mask(18, 22))):
        hooks = [
            layer.register_forward_hook(lambda m, i, output, name=name: maps[name].append(output))
            for layer in network.fused_layers
        ]
        network(image(), features(), mask)
        for hook in hooks:
            hook.remove()
    assert [m.shape[-1] for m in maps["here"]] == [16, 8, 4, 2]
    assert not any(torch.allclose(a, b) for a, b in zip(maps["here"], maps["there"], strict=True))


def test_an_empty_mask_gives_the_plain_mean():
    x = torch.rand(2, 3, 7, 7)
    torch.testing.assert_close(body_mean(x, torch.zeros(2, 1, 7, 7)), x.mean(dim=(2, 3)))


def test_without_layered_fusion_the_mask_still_pools():
    network = GatedResNet(*SMALL, guided=True).eval()
    here, there = (network(image(), body=mask) for mask in (box_mask(), box_mask(24, 36)))
    half = network.out_channels // 2
    torch.testing.assert_close(here[:, :half], there[:, :half], rtol=0, atol=0)
    assert not torch.allclose(here[:, half:], there[:, half:])
    with pytest.raises(UsageError, match="one for each of the 2 crops"):
        network(image())


def test_bottleneck_equals_torchvisions():
    torch.manual_seed(0)
    downsample = torch.nn.Sequential(torch.nn.Conv2d(6, 16, 1, 2, bias=False), torch.nn.BatchNorm2d(16))
    reference = torchvision.models.resnet.Bottleneck(6, 4, stride=2, downsample=downsample)
    ours = Bottleneck(6, 4, stride=2)
    ours.load_state_dict(reference.state_dict())
    x = torch.rand(2, 6, 8, 8)
    torch.testing.assert_close(ours(x), reference(x), rtol=0, atol=0)
