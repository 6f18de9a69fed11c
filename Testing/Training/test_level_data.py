"""Samples, crops and batches of the level network, on tiny stand-ins for phantoms."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.level_config import Landmark, LevelNetConfig
from training.data import level_samples
from training.data.level_batches import LevelBatches
from training.data.level_crops import IGNORED, CropSettings, change_image, draw_crop, landmark_heatmap, truncate_ends
from training.data.level_samples import list_samples, load_sample, make_samples, sample_path
from training.seeds import TRAINING_SEEDS, VALIDATION_SEEDS

SETTINGS = CropSettings(shape_zyx=(16, 16, 16), shift_vox=(2.0, 2.0))
STILL = replace(SETTINGS, shift_vox=(0.0, 0.0), rotation_deg=0.0, scale_sd=0.0, truncate=0.0)


def highest(heatmap):
    return np.array(np.unravel_index(heatmap.argmax(), heatmap.shape))


def test_each_landmark_has_its_own_map_and_the_sacrum_is_no_body(make_box_sample):
    sample = make_box_sample(2)
    sacrum = np.concatenate([sample.centers_index_zyx, np.float32([[14, 10, 10]])])
    sample = replace(sample, centers_index_zyx=sacrum, names=(20, 21, 26))
    crop = draw_crop(sample, replace(STILL, shape_zyx=(48, 20, 20)), 1.0, np.random.default_rng(0))
    bodies, heads, first = (np.argwhere(crop.landmarks[mark] > 0.6) for mark in Landmark)
    l1 = bodies[:, 0].max()
    assert sorted({*bodies[:, 0]}) == [l1 - 11, l1 - 10, l1 - 1, l1]
    assert {*heads[:, 0]} == {l1, l1 + 1} and {*first[:, 0]} == {l1 - 21, l1 - 20}
    assert heads[:, 1].mean() - bodies[:, 1].mean() == 3.0
    assert sorted({*np.abs(heads[:, 2] - bodies[:, 2].mean())}) == [3.5, 4.5]


def test_a_body_voxel_is_lumbar_as_the_nearest_center_says(make_box_sample):
    settings = replace(STILL, shape_zyx=(48, 20, 20))
    crop = draw_crop(replace(make_box_sample(2), names=(19, 20)), settings, 1.0, np.random.default_rng(0))
    heights = {kind: np.argwhere(crop.lumbar == kind)[:, 0].mean() for kind in (0, 1)}
    assert heights[0] - heights[1] == pytest.approx(10.0, abs=0.6)
    np.testing.assert_array_equal(crop.lumbar != IGNORED, crop.classes == 1)


def test_sample_round_trip(sample_folder, make_box_sample):
    saved, read = make_box_sample(1), load_sample(sample_path(sample_folder, 1))
    np.testing.assert_array_equal(read.hu, saved.hu)
    np.testing.assert_array_equal(read.classes, saved.classes)
    np.testing.assert_array_equal(read.centers_index_zyx, saved.centers_index_zyx)
    np.testing.assert_array_equal(read.rib_heads_index_zyx, saved.rib_heads_index_zyx)
    assert (read.names, read.spacing_mm, read.seed) == ((20, 21), 4.0, 1)


def test_folders_are_listed_by_seed_and_strange_ones_refused(sample_folder, watched_samples, tmp_path):
    assert [path.stem for path in list_samples(sample_folder, TRAINING_SEEDS)] == [
        f"level_0000000{n}" for n in range(3)
    ]
    assert len(list_samples(watched_samples, VALIDATION_SEEDS)) == 1
    with pytest.raises(InputRefused, match="seed 800000, which is kept"):
        list_samples(watched_samples, TRAINING_SEEDS)
    with pytest.raises(InputRefused, match="python -m training samples"):
        list_samples(tmp_path / "nowhere", TRAINING_SEEDS)
    sample_path(tmp_path, 5).write_bytes(b"no zip")
    with pytest.raises(InputRefused, match="level_00000005.npz is damaged"):
        load_sample(sample_path(tmp_path, 5))


def test_generator_keeps_what_is_there(tmp_path, make_box_sample, monkeypatch):
    made = []
    monkeypatch.setattr(level_samples, "make_sample", lambda seed, _: made.append(seed) or make_box_sample(seed))
    assert make_samples(tmp_path, range(2, 4), 4.0) == 2
    assert make_samples(tmp_path, range(1, 5), 4.0) == 2
    assert made == [2, 3, 1, 4]
    assert len(list(tmp_path.iterdir())) == 4


def test_heatmap_is_the_gaussian_of_the_nearest_center():
    heatmap = landmark_heatmap((9, 9, 9), np.array([[4.0, 4.0, 4.0], [4.0, 4.0, 40.0]]), 2.0)
    assert heatmap[4, 4, 4] == pytest.approx(1.0)
    assert heatmap[4, 6, 4] == pytest.approx(np.exp(-0.5))
    assert heatmap[2, 6, 4] == pytest.approx(np.exp(-1.0))


def test_crop_keeps_image_classes_and_centers_together(make_box_sample):
    rng, met = np.random.default_rng(5), 0
    for _ in range(10):
        crop = draw_crop(make_box_sample(2), SETTINGS, 1.75, rng)
        peaks = crop.landmarks[Landmark.BODY] > 0.9
        assert crop.hu.shape == crop.classes.shape == crop.lumbar.shape == crop.landmarks.shape[1:] == (16, 16, 16)
        if not peaks.any():
            continue
        met += 1
        assert np.isin(crop.classes[peaks], (1, IGNORED)).mean() > 0.95
        body, rest = crop.hu[crop.classes == 1], crop.hu[crop.classes == 0]
        assert np.median(body) > np.median(rest) + 150
    assert met >= 4


def test_crops_depend_on_the_generator_alone(make_box_sample):
    crops = [draw_crop(make_box_sample(2), SETTINGS, 1.75, np.random.default_rng((7, 1))) for _ in range(2)]
    np.testing.assert_array_equal(crops[0].hu, crops[1].hu)


def test_mirror_is_left_right_only(make_box_sample):
    sample = make_box_sample(2)
    sample.classes[20:, :, 12:] = 3  # upper left
    sample.classes[:, :5] = 5  # front
    for number in range(12):
        crop = draw_crop(sample, STILL, 1.75, np.random.default_rng(number))
        heights = np.argwhere(crop.classes == 3)[:, 0]
        inside = np.argwhere(crop.classes != IGNORED)[:, 0]
        assert not len(heights) or heights.max() == inside.max()
        assert np.argwhere(crop.classes == 5)[:, 1].mean() < 7.5


def test_half_of_the_crops_are_mirrored(make_box_sample):
    sample = make_box_sample(2)
    sample.classes[:, :, 12:] = 3
    crops = [draw_crop(sample, STILL, 1.75, np.random.default_rng(number)) for number in range(100)]
    left = [np.argwhere(crop.classes == 3)[:, 2].mean() < 8 for crop in crops]
    assert 35 <= sum(left) <= 65


def test_a_sample_without_bodies_is_cropped_about_its_middle(make_box_sample):
    none = replace(make_box_sample(2), centers_index_zyx=np.zeros((0, 3), np.float32), names=())
    crop = draw_crop(none, STILL, 1.75, np.random.default_rng(0))
    inside = np.argwhere(crop.classes != IGNORED)
    assert inside[:, 1:].min() == 0 and inside[:, 1:].max() == 15 and not crop.landmarks[Landmark.BODY].any()


def test_crops_follow_a_column_that_leans(make_box_sample):
    leaning = replace(make_box_sample(2), centers_index_zyx=np.float32([[34, 10, 8], [24, 10, 12]]))
    met = 0
    for number in range(60):
        crop = draw_crop(leaning, STILL, 1.75, np.random.default_rng(number))
        middle = crop.landmarks[Landmark.BODY, 7:9].max(axis=0)
        if middle.max() > 0.5:
            np.testing.assert_allclose(np.unravel_index(middle.argmax(), middle.shape), 7.5, atol=1.0)
            met += 1
    assert met > 5


def test_truncation_moves_the_landmarks_and_forgets_those_it_cuts_off(make_box_sample):
    settings = replace(SETTINGS, truncate=1.0)
    counts = set()
    for number in range(20):
        cut = truncate_ends(make_box_sample(2), settings, np.random.default_rng(number))
        assert 24 <= len(cut.hu) <= 40
        for center in cut.in_view().values():
            assert cut.classes[tuple(np.rint(center).astype(int))] == 1
        np.testing.assert_array_equal(cut.rib_heads_index_zyx[:, 0] - cut.centers_index_zyx[0, 0], 1.0)
        counts.add(len(cut.in_view()))
    assert counts == {1, 2}


def test_heatmap_and_classes_turn_and_scale_together(make_box_sample):
    whole = make_box_sample(2)
    one_body = replace(whole, classes=np.where(np.arange(40)[:, None, None] > 29, whole.classes, 0).astype(np.uint8))
    one_body = replace(one_body, centers_index_zyx=whole.centers_index_zyx[:1], names=(20,))
    settings = CropSettings((48, 40, 44), (3.0, 6.0), rotation_deg=25.0, scale_sd=0.2, truncate=0.0)
    for number in range(8):
        crop = draw_crop(one_body, settings, 1.75, np.random.default_rng(number))
        peak = highest(crop.landmarks[Landmark.BODY])
        np.testing.assert_allclose(peak, np.argwhere(crop.classes == 1).mean(axis=0), atol=1.2)


def test_the_column_lies_within_the_shifts_of_its_axis(make_box_sample):
    settings = replace(STILL, shape_zyx=(16, 32, 48), shift_vox=(4.0, 9.0))
    offsets = []
    for number in range(60):
        crop = draw_crop(make_box_sample(2), settings, 1.75, np.random.default_rng(number))
        peak = highest(crop.landmarks[Landmark.BODY])
        offsets.append(peak[1:] - np.array([15.5, 23.5]))
    y, x = np.array(offsets).T
    assert 3 < y.max() <= 4.5 and -4.5 <= y.min() < -3
    assert 7.5 < x.max() <= 9.5 and -9.5 <= x.min() < -7.5


def test_crops_reach_a_little_past_both_ends_and_no_farther(make_box_sample):
    outside = []
    for number in range(80):
        crop = draw_crop(make_box_sample(2), STILL, 1.75, np.random.default_rng(number))
        there = (crop.classes[:, 8, 8] != IGNORED).nonzero()[0]
        outside.append((there.min(), 15 - there.max()))
    below, above = np.array(outside).max(axis=0)
    assert 3 <= below <= 4 and 3 <= above <= 4


def test_image_changes_are_drawn_from_their_ranges():
    hu = np.zeros((16, 16, 16), np.float32)
    hu[:, :, 8:] = -40.0
    slopes, offsets, noises = [], [], []
    for seed in range(300):
        changed = change_image(hu, np.random.default_rng(seed))
        water, fat = changed[4:-4, 4:-4, 2:6], changed[4:-4, 4:-4, 10:14]
        offsets.append(water.mean())
        noises.append(water.std())
        if noises[-1] < 0.01:
            slopes.append((water.mean() - fat.mean()) / 40.0)
    assert 0.9 <= min(slopes) < 0.93 and 1.12 < max(slopes) <= 1.15
    assert np.std(offsets) == pytest.approx(15.0, rel=0.15) and np.mean(offsets) == pytest.approx(0.0, abs=3.0)
    noises = np.array(noises)
    assert np.mean(noises < 0.01) == pytest.approx(0.5, abs=0.1) and 50.0 < noises.max() < 66.0


def test_bone_bends_and_soft_tissue_does_not():
    bent = []
    for seed in range(200):
        changed = change_image(np.full((4, 4, 4), 680.0, np.float32), np.random.default_rng(seed))
        if changed.std() < 0.01:
            bent.append(changed.mean())
    # 680 HU is half of the span: slope 0.9 and gamma 1.25 lower it most, 1.15 and 0.8 lift it most
    assert 470 < min(bent) < 560 and 820 < max(bent) < 910
    for far, end in ((-2000.0, -1024.0), (9000.0, 3071.0)):
        assert np.all(change_image(np.full((4, 4, 4), far, np.float32), np.random.default_rng(0)) == end)


NETWORK = LevelNetConfig(channels=(4, 8))


def test_crops_depend_on_seed_and_number_alone(sample_folder):
    batch = LevelBatches(sample_folder, 7, 2, SETTINGS, NETWORK)[3]
    assert batch.hu.shape == batch.classes.shape == batch.lumbar.shape == (2, 16, 16, 16)
    assert batch.landmarks.shape == (2, 3, 16, 16, 16)
    assert (batch.hu.dtype, batch.classes.dtype, batch.landmarks.dtype) == (torch.float32, torch.int64, torch.float32)
    # crop 7 is the second of the fourth batch of two, and the first of the eighth of one
    alone = LevelBatches(sample_folder, 7, 1, SETTINGS, NETWORK)[7]
    torch.testing.assert_close(batch.hu[1], alone.hu[0], rtol=0, atol=0)
    assert batch.case_ids[1] == alone.case_ids[0]
    other = LevelBatches(sample_folder, 8, 2, SETTINGS, NETWORK)[3]
    assert not torch.equal(batch.hu, other.hu)


def test_a_sample_on_another_grid_is_refused(sample_folder):
    with pytest.raises(InputRefused, match=r"voxels of 4 mm, and the network works on 3 mm"):
        LevelBatches(sample_folder, 0, 1, SETTINGS, replace(NETWORK, spacing_mm=3.0))[0]
