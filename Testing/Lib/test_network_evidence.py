"""The body's core and its mean grey level as feature maps."""

import numpy as np
import pytest
import scipy.ndimage
import torch

from OsteoJointLib.network.evidence import body_evidence, erode, evidence_pool

SIZES = (56, 28, 14, 7)


def disk(radius: float = 30.0, center=(100.0, 120.0)) -> torch.Tensor:
    rows, columns = np.mgrid[:224, :224]
    inside = np.hypot(rows - center[0], columns - center[1]) < radius
    return torch.from_numpy(inside.astype(np.float32))[None, None]


def hu_of(grey_units: float) -> float:
    """HU of the evidence's grey unit: 0.125 of the 400 HU window around 0.7 of it."""
    return -160 + 400 * (0.7 + 0.125 * grey_units)


def test_unit_is_50_hu_around_120_hu():
    assert (hu_of(0.0), hu_of(1.0)) == (120.0, 170.0)


def test_erosion_equals_scipy():
    mask = torch.rand(1, 1, 40, 30, generator=torch.Generator().manual_seed(0))
    expected = scipy.ndimage.minimum_filter(mask[0, 0].numpy(), size=7, mode="nearest")
    np.testing.assert_array_equal(erode(mask, 3)[0, 0].numpy(), expected)


@pytest.mark.parametrize("size", [56, 7])
def test_pooled_grey_is_the_mean_of_the_core(size):
    mask = disk()
    noise = torch.rand(1, 1, 224, 224, generator=torch.Generator().manual_seed(0))
    (evidence,) = body_evidence(noise, mask, (size,))
    pooled = evidence_pool(evidence, evidence[:, :1])[0, 1].item()
    core = scipy.ndimage.minimum_filter(mask[0, 0].numpy(), size=9) > 0
    assert hu_of(pooled) == pytest.approx(-160 + 400 * noise[0, 0].numpy()[core].mean(), abs=1.0)


def test_what_lies_outside_the_core_does_not_count():
    mask, image = disk(), torch.full((1, 1, 224, 224), 0.7)
    bright = torch.where(disk(radius=27.0) > 0, image, torch.ones(()))
    for a, b in zip(body_evidence(image, mask, SIZES), body_evidence(bright, mask, SIZES), strict=True):
        torch.testing.assert_close(a, b)


def test_core_share_adds_up_to_the_core():
    mask = disk()
    for evidence, size in zip(body_evidence(mask, mask, SIZES), SIZES, strict=True):
        assert evidence.shape == (1, 2, size, size)
        share = evidence[0, 0]
        assert share.min() >= 0 and share.max() <= 1
        torch.testing.assert_close(share.mean(), erode(mask, 4).mean())


def test_an_empty_mask_gives_zero_and_a_plain_mean():
    image = torch.rand(1, 1, 224, 224)
    (evidence,) = body_evidence(image, torch.zeros_like(image), (7,))
    assert evidence.abs().max() == 0
    features = torch.rand(1, 3, 7, 7)
    torch.testing.assert_close(evidence_pool(features, evidence[:, :1]), features.mean(dim=(2, 3)))


def test_no_gradient_reaches_the_mask():
    image = torch.rand(1, 1, 64, 64, requires_grad=True)
    mask = torch.rand(1, 1, 64, 64, requires_grad=True)
    sum(e.sum() for e in body_evidence(image, mask, (16, 2))).backward()
    assert mask.grad is None
    assert image.grad.abs().sum() > 0


def test_autocast_does_not_round_grey_levels():
    mask, image = disk(), torch.full((1, 1, 224, 224), 0.7013)
    with torch.autocast("cpu", torch.bfloat16):
        (evidence,) = body_evidence(image, mask, (7,))
    assert evidence.dtype == torch.float32
    assert evidence[0, 1].max().item() == pytest.approx(0.0104, abs=2e-4)
