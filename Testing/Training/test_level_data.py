"""Samples, crops and batches of the level network, on tiny stand-ins for phantoms."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from OsteoJointLib.errors import InputRefused
from OsteoJointLib.level_config import LevelNetConfig
from training.data import level_samples
from training.data.level_batches import LevelBatches
from training.data.level_crops import IGNORED, CropSettings, center_heatmap, draw_crop, truncate_ends
from training.data.level_samples import list_samples, load_sample, make_samples, sample_path
from training.seeds import TRAINING_SEEDS, VALIDATION_SEEDS

SETTINGS = CropSettings(shape_zyx=(16, 16, 16), shift_vox=(2.0, 2.0))
STILL = replace(SETTINGS, shift_vox=(0.0, 0.0), rotation_deg=0.0, scale_sd=0.0, truncate=0.0)


def test_sample_round_trip(sample_folder, make_box_sample):
    saved, read = make_box_sample(1), load_sample(sample_path(sample_folder, 1))
    np.testing.assert_array_equal(read.hu, saved.hu)
    np.testing.assert_array_equal(read.classes, saved.classes)
    np.testing.assert_array_equal(read.centers_index_zyx, saved.centers_index_zyx)
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
    heatmap = center_heatmap((9, 9, 9), np.array([[4.0, 4.0, 4.0], [4.0, 4.0, 40.0]]), 2.0)
    assert heatmap[4, 4, 4] == pytest.approx(1.0)
    assert heatmap[4, 6, 4] == pytest.approx(np.exp(-0.5))
    assert heatmap[2, 6, 4] == pytest.approx(np.exp(-1.0))


def test_crop_keeps_image_classes_and_centers_together(make_box_sample):
    rng, met = np.random.default_rng(5), 0
    for _ in range(10):
        crop = draw_crop(make_box_sample(2), SETTINGS, 1.75, rng)
        peaks = crop.heatmap > 0.9
        assert crop.hu.shape == crop.classes.shape == crop.heatmap.shape == (16, 16, 16)
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


def test_truncation_drops_the_centers_it_cuts_off(make_box_sample):
    settings = replace(SETTINGS, truncate=1.0)
    counts = set()
    for number in range(20):
        cut = truncate_ends(make_box_sample(2), settings, np.random.default_rng(number))
        assert len(cut.names) == len(cut.centers_index_zyx)
        assert 24 <= len(cut.hu) <= 40
        for center in np.rint(cut.centers_index_zyx).astype(int):
            assert cut.classes[tuple(center)] == 1
        counts.add(len(cut.names))
    assert counts == {1, 2}


NETWORK = LevelNetConfig(channels=(4, 8))


def test_crops_depend_on_seed_and_number_alone(sample_folder):
    batch = LevelBatches(sample_folder, 7, 2, SETTINGS, NETWORK)[3]
    assert batch.hu.shape == batch.classes.shape == batch.heatmap.shape == (2, 16, 16, 16)
    assert (batch.hu.dtype, batch.classes.dtype, batch.heatmap.dtype) == (torch.float32, torch.int64, torch.float32)
    # crop 7 is the second of the fourth batch of two, and the first of the eighth of one
    alone = LevelBatches(sample_folder, 7, 1, SETTINGS, NETWORK)[7]
    torch.testing.assert_close(batch.hu[1], alone.hu[0], rtol=0, atol=0)
    assert batch.case_ids[1] == alone.case_ids[0]
    other = LevelBatches(sample_folder, 8, 2, SETTINGS, NETWORK)[3]
    assert not torch.equal(batch.hu, other.hu)


def test_a_sample_on_another_grid_is_refused(sample_folder):
    with pytest.raises(InputRefused, match=r"voxels of 4 mm, and the network works on 3 mm"):
        LevelBatches(sample_folder, 0, 1, SETTINGS, replace(NETWORK, spacing_mm=3.0))[0]
