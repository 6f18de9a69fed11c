"""The level network, its config and its run over a volume."""

import numpy as np
import pytest
import torch

from OsteoJointLib.frames import Grid
from OsteoJointLib.levels.inference import patient_extent, piece_bounds, predict
from OsteoJointLib.levels.resampling import CoarseVolume
from OsteoJointLib.network.level_net import Landmark, LevelNet, LevelNetConfig, Tissue, window_channels

SMALL = LevelNetConfig(channels=(4, 6, 8, 8))


@pytest.fixture
def network():
    torch.manual_seed(3)
    return LevelNet(SMALL).eval()


@pytest.mark.parametrize("size", [(8, 8, 8), (9, 11, 13), (1, 17, 6)])
def test_output_has_the_size_of_the_input(network, size):
    output = network(torch.rand(2, 2, *size))
    assert output.logits.shape == (2, len(Tissue), *size)
    assert output.landmarks.shape == (2, len(Landmark), *size)
    assert output.lumbar.shape == (2, *size)
    assert ((output.landmarks >= 0) & (output.landmarks <= 1)).all()


def test_tissue_landmarks_and_kind_of_body_follow_each_other(network):
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.copy_(torch.arange(11.0) / 10.0)
    output = network(torch.rand(1, 2, 8, 8, 8))
    torch.testing.assert_close(output.logits[0, :, 0, 0, 0], torch.arange(7.0) / 10.0)
    torch.testing.assert_close(output.landmarks[0, :, 0, 0, 0], torch.tensor([0.7, 0.8, 0.9]).sigmoid())
    torch.testing.assert_close(output.lumbar, torch.full((1, 8, 8, 8), 1.0))


def test_the_head_is_a_convolution_of_one_voxel(network):
    features = torch.rand(2, network.head.in_channels, 3, 4, 5)
    torch.testing.assert_close(network._say(features), network.head(features))


def test_fine_features_reach_the_head_beside_the_coarse(network):
    with torch.no_grad():
        for reduce in network.reduce:
            reduce.weight.zero_()
            reduce.bias.zero_()
    dark, bright = (network(torch.full((1, 2, 8, 8, 8), grey)).logits for grey in (0.0, 1.0))
    assert not torch.allclose(dark, bright)


def test_wrong_channels_are_refused(network):
    with pytest.raises(ValueError, match="must be"):
        network(torch.rand(1, 3, 8, 8, 8))


def test_default_size_stays_within_its_budget():
    assert sum(parameter.numel() for parameter in LevelNet(LevelNetConfig()).parameters()) <= 1_500_000, (
        "3 MB in half precision"
    )


def test_receptive_field_is_as_wide_as_said():
    network = LevelNet(LevelNetConfig()).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv3d):
            torch.nn.init.constant_(module.weight, 0.01)
    image = torch.ones(1, 2, 160, 8, 8, requires_grad=True)
    network(image).logits[0, 0, 80, 4, 4].backward()
    reached = np.flatnonzero(image.grad[0, 0].abs().sum(dim=(1, 2)).numpy())
    assert (reached[-1] - reached[0] + 1) * 4.0 == 596.0


def test_every_parameter_learns(network):
    network.train()
    output = network(torch.rand(1, 2, 16, 16, 16))
    (output.logits.square().mean() + output.landmarks.square().mean() + output.lumbar.square().mean()).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_windows_map_hu_to_unit_channels():
    channels = window_channels(torch.tensor([[[[-2000.0, -200.0, 40.0, 400.0, 3000.0]]]]), LevelNetConfig())
    torch.testing.assert_close(channels[0, 0, 0, 0], torch.tensor([0.0, 0.0, 0.2, 0.5, 1.0]))
    torch.testing.assert_close(channels[0, 1, 0, 0], torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]))


def test_config_round_trip_and_checks():
    assert LevelNetConfig.from_json(SMALL.to_json()) == SMALL
    with pytest.raises(ValueError, match="low < high"):
        LevelNetConfig(windows_hu=((100.0, -100.0),))
    with pytest.raises(TypeError):
        LevelNetConfig.from_json({"no_such_field": 1})


def test_prediction_lies_on_the_grid_and_air_is_background(network):
    hu = np.full((20, 30, 40), -1000.0, np.float32)
    hu[:, 10:20, 12:28] = 60.0
    prediction = predict(network, CoarseVolume(hu, Grid.axis_aligned(hu.shape, (4.0,) * 3, (0, 0, 0))), "cpu")
    assert prediction.heatmap.shape == prediction.classes.shape == hu.shape
    assert prediction.heatmap[:, :8].max() == 0.0
    direct = network(window_channels(torch.from_numpy(hu[None, :, 8:22, 10:30].copy()), SMALL))
    np.testing.assert_allclose(
        prediction.heatmap[:, 8:22, 10:30], direct.landmarks[0, Landmark.BODY].detach().numpy(), atol=5e-3
    )


def test_patient_extent_has_a_margin_and_survives_air():
    hu = np.full((4, 20, 20), -1000.0, np.float32)
    assert patient_extent(hu) == (slice(0, 20), slice(0, 20))
    hu[2, 5, 9] = 0.0
    assert patient_extent(hu) == (slice(3, 8), slice(7, 12))


def test_pieces_tile_the_volume():
    for count in (1, 192, 193, 500, 1000):
        bounds = piece_bounds(count)
        assert [low for low, _ in bounds[1:]] == [high for _, high in bounds[:-1]]
        assert (bounds[0][0], bounds[-1][1]) == (0, count)


def test_pieces_agree_with_one_run(network, monkeypatch):
    rng = np.random.default_rng(0)
    hu = rng.normal(50, 200, (96, 8, 8)).astype(np.float32)
    volume = CoarseVolume(hu, Grid.axis_aligned(hu.shape, (4.0,) * 3, (0, 0, 0)))
    whole = predict(network, volume, "cpu")
    monkeypatch.setattr("OsteoJointLib.levels.inference.piece_bounds", lambda _: [(0, 48), (48, 96)])
    split = predict(network, volume, "cpu")
    np.testing.assert_allclose(split.heatmap, whole.heatmap, atol=1e-5)
