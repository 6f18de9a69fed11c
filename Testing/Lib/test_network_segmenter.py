"""The segmenter's wiring: shared encoder, two decoders, the heat map's features beside the mask's."""

import torch
from torch import nn

from OsteoJointLib.network.segmenter import Decoder, Encoder, Segmenter, join_outputs

CHANNELS = (4, 6, 6, 8, 8, 10)


def crops() -> torch.Tensor:
    return torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))


def test_encoder_and_decoder_meet_at_published_sizes():
    encoder, decoder = Encoder(1, CHANNELS), Decoder(CHANNELS)
    maps = encoder(crops())
    assert [(m.shape[1], m.shape[2]) for m in maps] == list(
        zip(encoder.out_channels, (64, 32, 16, 8, 4, 2), strict=True)
    )
    decoded = decoder(maps)
    assert [(m.shape[1], m.shape[2]) for m in decoded] == list(
        zip(decoder.out_channels, (64, 32, 16, 8, 4), strict=True)
    )


def test_a_224_pixel_crop_meets_the_four_resnet_stages():
    segmenter = Segmenter(CHANNELS).eval()
    with torch.no_grad():
        features = segmenter(torch.rand(1, 1, 224, 224)).features
    assert [f.shape[-1] for f in features] == [56, 28, 14, 7]
    # both decoders at the first three scales, the shared bottleneck at the last
    assert [f.shape[1] for f in features] == list(segmenter.feature_channels) == [12, 16, 16, 10]


def test_an_encoder_keeps_the_largest_of_four():
    encoder = Encoder(1, (1, 1))
    encoder.blocks = nn.ModuleList(nn.Identity() for _ in encoder.blocks)
    assert encoder(torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]]))[1].item() == 5.0


def test_a_decoder_puts_what_comes_up_before_the_skip():
    decoder = Decoder((1, 1))
    decoder.blocks = nn.ModuleList([nn.Identity()])
    nn.init.ones_(decoder.reduce[0].weight)
    nn.init.zeros_(decoder.reduce[0].bias)
    (decoded,) = decoder([torch.arange(4.0).view(1, 1, 2, 2), torch.full((1, 1, 1, 1), 7.0)])
    assert decoded[0].tolist() == [[[7.0, 7.0], [7.0, 7.0]], [[0.0, 1.0], [2.0, 3.0]]]


def test_the_masks_decoder_comes_before_the_heat_maps():
    segmenter = Segmenter(CHANNELS).eval()
    maps = segmenter.encoder(crops())
    mask, boundary = segmenter.mask_decoder(maps), segmenter.boundary_decoder(maps)
    output = segmenter(crops())
    torch.testing.assert_close(output.mask_logits, segmenter.mask_head(torch.cat((mask[0], boundary[0]), dim=1)))
    torch.testing.assert_close(output.heatmap, torch.sigmoid(segmenter.boundary_head(boundary[0])))
    for feature, a, b in zip(output.features, mask[2:], boundary[2:], strict=False):
        torch.testing.assert_close(feature, torch.cat((a, b), dim=1))
    torch.testing.assert_close(output.features[-1], maps[-1])


def test_the_heat_maps_features_reach_the_mask():
    segmenter = Segmenter(CHANNELS)
    segmenter(crops()).mask_logits.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in segmenter.boundary_decoder.parameters())
    assert segmenter.boundary_head.weight.grad is None, "only the penultimate features are shared"


def test_the_encoder_is_shared():
    segmenter = Segmenter(CHANNELS)
    segmenter(crops()).heatmap.sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in segmenter.encoder.parameters())
    assert all(p.grad is None for p in segmenter.mask_decoder.parameters())


def test_without_the_boundary_branch_there_is_nothing_of_it():
    segmenter = Segmenter(CHANNELS, boundary_branch=False)
    output = segmenter(crops())
    assert output.heatmap is None
    assert not [name for name in segmenter.state_dict() if "boundary" in name]
    assert segmenter.feature_channels == CHANNELS[2:]


def test_heat_map_starts_near_zero():
    torch.manual_seed(0)
    heatmap = Segmenter(CHANNELS).eval()(crops()).heatmap
    assert heatmap.min() > 0.0 and heatmap.mean() < 0.2


def test_a_users_mask_changes_the_guide_only():
    segmenter = Segmenter(CHANNELS).eval()
    mask = torch.zeros(2, 1, 64, 64)
    mask[:, :, 16:48, 16:48] = 1.0
    own = segmenter(crops())
    torch.testing.assert_close(own.body, torch.sigmoid(own.mask_logits))
    assert not own.body.requires_grad
    edited = own.with_mask(mask)
    assert edited.body is mask and edited.features is own.features and edited.mask_logits is own.mask_logits


def test_features_alone_are_those_of_the_whole():
    segmenter = Segmenter(CHANNELS).eval()
    for alone, whole in zip(segmenter.features(crops()), segmenter(crops()).features, strict=True):
        torch.testing.assert_close(alone, whole, rtol=0, atol=0)


def test_rows_and_joining_are_each_others_way_back():
    output = Segmenter(CHANNELS, reference_tissues=True).eval()(crops())
    again = join_outputs([output.rows(torch.tensor([1])), output.rows(slice(0, 1))]).rows(torch.tensor([1, 0]))
    for name in ("mask_logits", "heatmap", "body", "tissue_logits"):
        torch.testing.assert_close(getattr(again, name), getattr(output, name), rtol=0, atol=0)
    for a, b in zip(again.features, output.features, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_the_mask_head_gives_the_body_first_then_fat_muscle_and_blood():
    segmenter = Segmenter(CHANNELS, reference_tissues=True).eval()
    with torch.no_grad():
        segmenter.mask_head[-1].weight.zero_()
        segmenter.mask_head[-1].bias.copy_(torch.tensor([9.0, 1.0, 2.0, 3.0]))
    output = segmenter(crops())
    assert output.mask_logits.mean() == 9.0 and output.tissue_logits.mean(dim=(0, 2, 3)).tolist() == [1.0, 2.0, 3.0]
    assert Segmenter(CHANNELS)(crops()).tissue_logits is None
