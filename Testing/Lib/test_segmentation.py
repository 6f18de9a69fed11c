"""From logits to one plausible mask."""

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.pipeline.segmentation import (
    SegmentationConfig,
    clean_mask,
    edited_segmentation,
    mask_box,
    refined_segmentation,
    segment_crop,
    segmentation_flags,
)
from OsteoJointLib.records import AxialSlice, Crop, Level, VertebraSegmentation


def square(shape, top, left, size) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[top : top + size, left : left + size] = True
    return mask


def axial(pixel_mm=0.8) -> AxialSlice:
    image = np.zeros((512, 512), dtype=np.float32)
    return AxialSlice(Level.L1, image, image, pixel_mm, 0, (0.0, 0.0), (1.0, 1.0))


def crop(corner_yx=(100, 120)) -> Crop:
    return Crop(np.zeros((224, 224), dtype=np.float32), corner_yx)


def test_the_part_nearest_the_center_stays():
    near, far = square((100, 100), 45, 40, 12), square((100, 100), 2, 2, 20)
    np.testing.assert_array_equal(clean_mask(near | far), near)


def test_a_speck_at_the_center_does_not_win():
    body, speck = square((100, 100), 5, 5, 30), square((100, 100), 49, 49, 2)
    np.testing.assert_array_equal(clean_mask(body | speck), body)


def test_holes_are_filled():
    body = square((60, 60), 20, 20, 20)
    holed = body.copy()
    holed[28:31, 28:31] = False
    np.testing.assert_array_equal(clean_mask(holed), body)


def test_nothing_stays_nothing():
    assert not clean_mask(np.zeros((5, 5), dtype=bool)).any()


def test_logits_are_cut_at_one_half_and_put_on_the_slice():
    logits = np.where(square((224, 224), 90, 100, 40), 0.1, -0.1).astype(np.float32)
    heatmap = np.linspace(0, 1, 224 * 224, dtype=np.float32).reshape(224, 224)
    segmentation = segment_crop(logits, heatmap, axial(0.5), crop())
    np.testing.assert_array_equal(segmentation.mask, square((512, 512), 190, 220, 40))
    assert segmentation.area_mm2 == pytest.approx(40 * 40 * 0.25)
    np.testing.assert_array_equal(segmentation.heatmap[100:324, 120:344], heatmap)
    assert segmentation.heatmap.sum() == pytest.approx(heatmap.sum(), rel=1e-5)


def test_a_higher_threshold_needs_a_higher_logit():
    logits = np.full((224, 224), np.log(0.7 / 0.3), dtype=np.float32)
    assert segment_crop(logits, None, axial(), crop(), SegmentationConfig(threshold=0.69)).mask.any()
    assert not segment_crop(logits, None, axial(), crop(), SegmentationConfig(threshold=0.71)).mask.any()


def drawn(mask, slice_, network_mask):
    before = VertebraSegmentation(Level.L1, network_mask, network_mask, None, 0.0, refined=True)
    return edited_segmentation(mask, slice_, before)


def test_a_mask_is_edited_unless_it_is_the_networks_own():
    mask = square((512, 512), 190, 220, 50)
    edited = drawn(mask, axial(), square((512, 512), 190, 220, 49))
    assert edited.edited and not edited.refined
    assert not drawn(mask, axial(), mask).edited


def test_a_plausible_mask_has_no_flag():
    mask = square((512, 512), 190, 220, 50)  # 1600 mm2
    assert segmentation_flags(drawn(mask, axial(), mask), crop()) == ()


@pytest.mark.parametrize(
    ("mask", "codes"),
    [
        (square((512, 512), 0, 0, 0), [Reason.MASK_EMPTY]),
        (square((512, 512), 190, 220, 30), [Reason.MASK_IMPLAUSIBLE]),  # 576 mm2
        (square((512, 512), 190, 220, 75), [Reason.MASK_IMPLAUSIBLE]),  # 3600 mm2
        (square((512, 512), 100, 220, 50), [Reason.MASK_IMPLAUSIBLE]),  # touches the top
        (square((512, 512), 150, 294, 50), [Reason.MASK_IMPLAUSIBLE]),  # touches the right
        (square((512, 512), 95, 220, 75), [Reason.MASK_IMPLAUSIBLE] * 2),  # too large and cut
    ],
)
def test_what_is_implausible_is_said(mask, codes):
    flags = segmentation_flags(drawn(mask, axial(), mask), crop())
    assert [flag.code for flag in flags] == codes
    assert all(flag.level is Level.L1 for flag in flags)


def test_box_of_a_mask_is_half_open():
    assert mask_box(square((512, 512), 190, 220, 50)).xyxy_px == (220.0, 190.0, 270.0, 240.0)
    assert mask_box(np.zeros((4, 4), dtype=bool)) is None


def test_refinement_keeps_the_network_s_mask_and_leaves_an_empty_one_alone():
    y, x = np.mgrid[:512, :512]
    disk = (x - 256) ** 2 + (y - 256) ** 2 <= 30**2
    rng = np.random.default_rng(0)
    hu = (np.where(disk, 180.0, 30.0) + rng.normal(0, 5, disk.shape)).astype(np.float32)
    slice_ = AxialSlice(Level.L1, hu, hu, 0.8, 0, (0.0, 0.0), (1.0, 1.0))
    small = (x - 256) ** 2 + (y - 256) ** 2 <= 28**2
    before = drawn(small, slice_, small)
    after = refined_segmentation(before, slice_, LevelSetParameters())
    assert not before.refined
    assert after.refined
    assert after.area_mm2 == pytest.approx(after.mask.sum() * 0.64)
    np.testing.assert_array_equal(after.network_mask, small)
    assert (after.mask ^ disk).sum() < (small ^ disk).sum()
    empty = drawn(np.zeros_like(small), slice_, small)
    assert refined_segmentation(empty, slice_, LevelSetParameters()) is empty
