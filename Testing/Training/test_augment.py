"""Augmentation: geometry meets image, mask and box alike; the class term's rows keep their HU."""

import numpy as np
import pytest

from training.data.augment import (
    AugmentConfig,
    Intensity,
    Placement,
    add_objects,
    box_center_xy,
    box_of,
    degrade,
    draw_crop_placement,
    draw_image_placement,
)

DOT = np.zeros((64, 64), dtype=np.float32)
DOT[20, 30] = 100.0


def test_a_straight_placement_copies_pixels():
    crop = Placement((30.0, 20.0)).image(DOT, 16)
    assert crop[8, 8] == 100.0 and crop.sum() == 100.0
    np.testing.assert_array_equal(crop, DOT[12:28, 22:38])


def test_flip_mirrors_about_the_center():
    image = DOT.copy()
    image[20, 33] = 50.0
    crop = Placement((30.0, 20.0), flip=True).image(image, 16)
    assert crop[8, 8] == pytest.approx(100.0) and crop[8, 5] == pytest.approx(50.0)


def test_scale_and_quarter_turn():
    image = DOT.copy()
    image[20, 33] = 50.0
    crop = Placement((30.0, 20.0), scale=2.0).image(image, 16)
    assert crop[8, 14] == pytest.approx(50.0)
    turned = Placement((30.0, 20.0), angle_rad=np.pi / 2).image(image, 16)
    assert turned[5, 8] == pytest.approx(50.0, abs=0.5)


def test_outside_of_the_source_is_air():
    crop = Placement((0.0, 0.0)).image(np.zeros((64, 64)), 16)
    assert crop[0, 0] == -1000.0 and crop[8, 8] == 0.0


def test_box_counts_whole_pixels():
    mask = np.zeros((10, 10), dtype=bool)
    mask[2:5, 3:9] = True
    np.testing.assert_array_equal(box_of(mask), [3, 2, 9, 5])
    np.testing.assert_array_equal(box_center_xy(mask), [5.5, 3.0])
    with pytest.raises(ValueError, match="at least one pixel"):
        box_of(np.zeros((3, 3), dtype=bool))


def test_drawn_placements_keep_the_body_in_view():
    mask = np.zeros((512, 512), dtype=bool)
    mask[300:340, 400:460] = True
    generator, config = np.random.default_rng(0), AugmentConfig()
    for _ in range(30):
        scale = float(generator.uniform(*config.scale))
        crop = draw_crop_placement(mask, scale, True, config, generator).mask(mask, 224)
        assert crop.sum() == pytest.approx(mask.sum() * scale**2, rel=0.06)
        assert np.abs(box_center_xy(crop) - 112).max() <= config.center_limit_px + 4
        image = draw_image_placement(mask, False, config, generator)
        assert image.mask(mask, 512).sum() == pytest.approx(mask.sum() * image.scale**2, rel=0.06)


def test_degrading_keeps_the_mean_of_a_body():
    hu = np.full((2, 224, 224), 40.0, dtype=np.float32)
    hu[:, 80:140, 70:150] = 150.0
    config = AugmentConfig(noise_probability=0.0, coarse_probability=1.0, blur_probability=0.5, sharpen_probability=1.0)
    for seed in range(10):
        out = degrade(hu, config, np.random.default_rng(seed))
        assert out.shape == hu.shape and not np.array_equal(out, hu)
        assert out[:, 95:125, 85:135].mean() == pytest.approx(150.0, abs=2.0)


def test_noise_has_the_drawn_strength():
    hu = np.zeros((1, 224, 224), dtype=np.float32)
    config = AugmentConfig(
        noise_probability=1.0,
        noise_hu=(20.0, 20.0),
        coarse_probability=0.0,
        blur_probability=0.0,
        sharpen_probability=0.0,
    )
    for seed in range(5):
        assert degrade(hu, config, np.random.default_rng(seed)).std() == pytest.approx(20.0, rel=0.03)


def test_objects_stay_outside_the_body():
    hu = np.zeros((224, 224), dtype=np.float32)
    mask = np.zeros((224, 224), dtype=bool)
    mask[90:130, 80:140] = True
    for seed in range(5):
        out = add_objects(hu, mask, AugmentConfig(), np.random.default_rng(seed))
        assert np.any(out != 0) and not np.any(out[mask])


def test_intensity_moves_grey_values_but_not_air():
    hu = np.array([[-1000.0, 50.0, 150.0]], dtype=np.float32)
    intensity = Intensity(gain=2.0, pivot_hu=50.0, offset_hu=10.0, body_offset_hu=0.0, gamma=1.0)
    np.testing.assert_allclose(intensity.on_hu(hu, np.zeros((1, 3), dtype=bool)), [[-1000.0, 60.0, 260.0]])


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_the_localizers_error_is_of_the_crops_own_pixels(scale):
    mask = np.zeros((512, 512), dtype=bool)
    mask[236:276, 226:286] = True
    # so wide a jitter is always cut at the limit, which the localizer's error has in the crop that it sees
    config = AugmentConfig(center_jitter_px=1e6, center_limit_px=20.0, rotation_deg=0.0)
    crop = draw_crop_placement(mask, scale, False, config, np.random.default_rng(0)).mask(mask, 224)
    np.testing.assert_allclose(np.abs(box_center_xy(crop) - 112), 20.0, atol=scale + 0.5)


def test_only_crops_that_are_scaled_are_turned():
    mask = np.zeros((512, 512), dtype=bool)
    mask[236:276, 226:286] = True
    angles = [
        draw_crop_placement(mask, scale, False, AugmentConfig(), np.random.default_rng(seed)).angle_rad
        for scale in (1.0, 1.2)
        for seed in range(20)
    ]
    assert set(angles[:20]) == {0.0}
    assert np.rad2deg(np.abs(angles[20:])).max() == pytest.approx(15.0, abs=3.0)
    assert np.sign(angles[20:]).min() == -1 and np.sign(angles[20:]).max() == 1
