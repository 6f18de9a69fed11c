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
    draw_scale,
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
        crop = draw_crop_placement(box_center_xy(mask), scale, True, config, generator).mask(mask, 224)
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
    crop = draw_crop_placement(box_center_xy(mask), scale, False, config, np.random.default_rng(0)).mask(mask, 224)
    np.testing.assert_allclose(np.abs(box_center_xy(crop) - 112), 20.0, atol=scale + 0.5)


def test_the_localizers_error_has_no_direction():
    mask = np.zeros((512, 512), dtype=bool)
    mask[236:276, 226:286] = True
    config = AugmentConfig(center_jitter_px=6.0)
    centers = [
        draw_crop_placement(box_center_xy(mask), 1.0, False, config, np.random.default_rng(s)).center_xy
        for s in range(400)
    ]
    offsets = np.array(centers) - box_center_xy(mask)
    np.testing.assert_allclose(offsets.mean(axis=0), 0.0, atol=1.2)
    np.testing.assert_allclose(offsets.std(axis=0), 6.0, atol=0.7)


def test_only_crops_that_are_scaled_are_turned():
    mask = np.zeros((512, 512), dtype=bool)
    mask[236:276, 226:286] = True
    angles = [
        draw_crop_placement(box_center_xy(mask), scale, False, AugmentConfig(), np.random.default_rng(seed)).angle_rad
        for scale in (1.0, 1.2)
        for seed in range(20)
    ]
    assert set(angles[:20]) == {0.0}
    assert np.rad2deg(np.abs(angles[20:])).max() == pytest.approx(15.0, abs=3.0)
    assert np.sign(angles[20:]).min() == -1 and np.sign(angles[20:]).max() == 1


ONLY = {f"{kind}_probability": 0.0 for kind in ("noise", "coarse", "blur", "sharpen")}
IMPULSE = np.zeros((1, 33, 33), dtype=np.float32)
IMPULSE[0, 16, 16] = 100.0
GAUSSIAN_PEAK = 1 / (2 * np.pi)  # of one pixel's standard deviation


def test_blur_and_sharpening_have_the_drawn_strength():
    blurred = degrade(IMPULSE, AugmentConfig(**{**ONLY, "blur_probability": 1.0}, blur_px=(1.0, 1.0)), rng())
    assert blurred[0, 16, 16] == pytest.approx(100 * GAUSSIAN_PEAK, rel=0.03)
    assert blurred[0, 16, 17] == pytest.approx(blurred[0, 16, 16] * np.exp(-0.5), rel=0.03)
    config = AugmentConfig(**{**ONLY, "sharpen_probability": 1.0}, sharpen_gain=(0.5, 0.5))
    assert degrade(IMPULSE, config, rng())[0, 16, 16] == pytest.approx(100 * (1 + 0.5 * (1 - GAUSSIAN_PEAK)), rel=0.01)


def test_coarse_voxels_lose_what_is_finer_and_keep_what_is_not():
    config = AugmentConfig(**{**ONLY, "coarse_probability": 1.0}, coarse_factor=(4.0, 4.0))
    stripes = np.tile(np.float32([0.0, 100.0]), (1, 64, 32))
    np.testing.assert_allclose(degrade(stripes, config, rng()), 50.0)
    ramp = np.tile(np.arange(64, dtype=np.float32), (1, 64, 1))
    np.testing.assert_allclose(degrade(ramp, config, rng())[0, :, 4:-4], ramp[0, :, 4:-4], atol=1e-3)


def test_noise_comes_in_three_grains():
    config = AugmentConfig(**{**ONLY, "noise_probability": 1.0}, noise_hu=(10.0, 10.0))
    flat, grains = np.zeros((1, 128, 128), dtype=np.float32), set()
    for seed in range(12):
        noise = degrade(flat, config, rng(seed))[0]
        neighbors = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
        grains.add(round(float(neighbors), 1))
    # white; a Gaussian of s pixels correlates neighbors by exp(-1 / 4 s^2): 0.60 and 0.84 for 0.7 and 1.2
    assert sorted(grains) == [0.0, 0.6, 0.8]


def test_objects_have_the_drawn_hu_and_leave_three_pixels_around_the_body():
    mask = np.zeros((224, 224), dtype=bool)
    mask[80:150, 70:160] = True
    painted = np.zeros_like(mask)
    for seed in range(60):
        out = add_objects(np.zeros(mask.shape, np.float32), mask, AugmentConfig(object_hu=(500.0, 500.0)), rng(seed))
        assert set(np.unique(out)) <= {0.0, 500.0}
        painted |= out > 0
    assert not painted[77:153, 67:163].any()
    assert painted[76, 66:164].any() and painted[76:154, 66].any()


def test_intensities_are_drawn_from_their_ranges():
    drawn = [Intensity.drawn(rng(seed)) for seed in range(1500)]
    for name, low, high, middle in (
        ("gain", 0.5, 1.7, np.sqrt(0.5 * 1.7)),  # log-uniform: the middle is the geometric mean
        ("pivot_hu", 0.0, 100.0, 50.0),
        ("offset_hu", -80.0, 80.0, 0.0),
    ):
        values = np.array([getattr(one, name) for one in drawn])
        assert low <= values.min() and values.max() <= high
        assert np.ptp(values) > 0.98 * (high - low) and np.median(values) == pytest.approx(
            middle, abs=0.06 * (high - low)
        )
    for name, still, share, low, high in (("body_offset_hu", 0.0, 0.6, -120, 150), ("gamma", 1.0, 0.7, 0.7, 1.4)):
        values = np.array([getattr(one, name) for one in drawn])
        assert np.mean(values == still) == pytest.approx(share, abs=0.05)
        assert low <= values.min() < 0.8 * low + 0.2 * high and 0.2 * low + 0.8 * high < values.max() <= high


def test_the_bodys_own_offset_is_inside_and_soft_at_its_edge():
    mask = np.zeros((64, 64), dtype=bool)
    mask[20:44, 20:44] = True
    changed = Intensity(1.0, 0.0, 0.0, 100.0, 1.0).on_hu(np.full(mask.shape, 50.0, np.float32), mask)
    assert changed[32, 32] == pytest.approx(150.0, abs=0.1) and changed[5, 5] == pytest.approx(50.0, abs=0.1)
    assert 90.0 < (changed[32, 19] + changed[32, 20]) / 2 < 110.0


def test_scales_are_log_uniform_and_some_are_left_out():
    scales = np.array([draw_scale(AugmentConfig(), rng(seed)) for seed in range(1500)])
    assert np.mean(scales == 1.0) == pytest.approx(0.3, abs=0.04)
    drawn = scales[scales != 1.0]
    assert 0.75 <= drawn.min() < 0.77 and 1.32 < drawn.max() <= 1.35
    assert np.median(drawn) == pytest.approx(np.sqrt(0.75 * 1.35), abs=0.03)


def test_whole_slices_turn_half_as_far_and_shift_either_way():
    mask = np.zeros((512, 512), dtype=bool)
    mask[236:276, 226:286] = True
    placements = [draw_image_placement(mask, True, AugmentConfig(), rng(seed)) for seed in range(200)]
    angles = np.rad2deg([p.angle_rad for p in placements])
    assert -7.5 <= angles.min() < -6 and 6 < angles.max() <= 7.5
    assert min(p.scale for p in placements) >= 0.75 and max(p.scale for p in placements) <= 1.25
    shifts = np.array([p.center_xy for p in placements]) - 256
    assert np.all(np.abs(shifts) <= 60) and np.all(shifts.min(axis=0) < -50) and np.all(shifts.max(axis=0) > 50)
    assert all(p.flip for p in placements)


def test_a_body_far_out_is_brought_into_the_image():
    mask = np.zeros((512, 512), dtype=bool)
    mask[2:22, 470:500] = True
    for seed in range(20):
        placement = draw_image_placement(mask, False, AugmentConfig(), rng(seed))
        offset = np.abs((box_center_xy(mask) - placement.center_xy) * placement.scale)
        assert offset.max() <= 0.35 * 512 + 1e-6


def rng(seed=0):
    return np.random.default_rng(seed)
