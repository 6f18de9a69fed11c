"""Samples, crops, losses and the run of the level network, on tiny stand-ins for phantoms."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from OsteoJointLib.network.level_net import LevelNetConfig, LevelNetOutput
from training.data.level_crops import IGNORED, CropSettings, center_heatmap, crop_stream, draw_crop, truncate_ends
from training.data.level_samples import CachedSample, list_samples, load_sample, main, sample_path, save_sample
from training.evaluation.level_scores import evaluate_levels, summarize
from training.tasks.level_losses import heatmap_loss, level_loss, soft_dice_loss
from training.tasks.levels import LevelTraining, load_network, train

SETTINGS = CropSettings(shape_zyx=(16, 16, 16), shift_vox=(2.0, 2.0))
STILL = replace(SETTINGS, shift_vox=(0.0, 0.0), rotation_deg=0.0, scale_sd=0.0, truncate=0.0)


def make_box_sample(seed: int) -> CachedSample:
    """Two bodies over each other: boxes of 400 HU in 40 HU."""
    rng = np.random.default_rng(seed)
    hu = rng.normal(40, 10, (40, 20, 20))
    classes = np.zeros(hu.shape, np.uint8)
    centers = np.array([[34.0, 10, 10], [24.0, 10, 10]], np.float32)
    for z, y, x in centers.astype(int):
        box = np.s_[z - 3 : z + 4, y - 4 : y + 5, x - 4 : x + 5]
        classes[box], hu[box] = 1, 400.0
    return CachedSample(np.rint(hu).astype(np.int16), classes, centers, (20, 21), 4.0, seed)


@pytest.fixture
def samples(tmp_path):
    folder = tmp_path / "samples"
    folder.mkdir()
    for seed in range(3):
        save_sample(sample_path(folder, seed), make_box_sample(seed))
    return folder


def test_sample_round_trip(samples):
    saved, read = make_box_sample(1), load_sample(sample_path(samples, 1))
    np.testing.assert_array_equal(read.hu, saved.hu)
    np.testing.assert_array_equal(read.classes, saved.classes)
    np.testing.assert_array_equal(read.centers_index_zyx, saved.centers_index_zyx)
    assert (read.names, read.spacing_mm, read.seed) == ((20, 21), 4.0, 1)


def test_validation_seeds_are_apart(samples):
    assert [path.stem for path in list_samples(samples, validation=True)] == ["level_00000000"]
    assert len(list_samples(samples, validation=False)) == 2


def test_generator_keeps_what_is_there(samples, monkeypatch, capsys):
    made = []
    monkeypatch.setattr(
        "training.data.level_samples.make_sample", lambda seed, _: made.append(seed) or make_box_sample(seed)
    )
    assert main(["--out", str(samples), "--first", "1", "--count", "4"]) == 0
    assert made == [3, 4]
    assert "2 samples" in capsys.readouterr().out
    assert len(list(samples.iterdir())) == 5


def test_heatmap_is_the_gaussian_of_the_nearest_center():
    heatmap = center_heatmap((9, 9, 9), np.array([[4.0, 4.0, 4.0], [4.0, 4.0, 40.0]]), 2.0)
    assert heatmap[4, 4, 4] == pytest.approx(1.0)
    assert heatmap[4, 6, 4] == pytest.approx(np.exp(-0.5))
    assert heatmap[2, 6, 4] == pytest.approx(np.exp(-1.0))


def test_crop_keeps_image_classes_and_centers_together():
    rng, met = np.random.default_rng(5), 0
    for _ in range(10):
        crop = draw_crop(make_box_sample(2), SETTINGS, rng)
        peaks = crop.heatmap > 0.9
        assert crop.hu.shape == crop.classes.shape == crop.heatmap.shape == (16, 16, 16)
        if not peaks.any():
            continue
        met += 1
        assert np.isin(crop.classes[peaks], (1, IGNORED)).mean() > 0.95
        body, rest = crop.hu[crop.classes == 1], crop.hu[crop.classes == 0]
        assert np.median(body) > np.median(rest) + 150
    assert met >= 4


def test_crops_depend_on_the_generator_alone():
    crops = [draw_crop(make_box_sample(2), SETTINGS, np.random.default_rng((7, 1))) for _ in range(2)]
    np.testing.assert_array_equal(crops[0].hu, crops[1].hu)


def test_mirror_is_left_right_only():
    sample = make_box_sample(2)
    sample.classes[20:, :, 12:] = 3  # upper left
    sample.classes[:, :5] = 5  # front
    for number in range(12):
        crop = draw_crop(sample, STILL, np.random.default_rng(number))
        heights = np.argwhere(crop.classes == 3)[:, 0]
        inside = np.argwhere(crop.classes != IGNORED)[:, 0]
        assert not len(heights) or heights.max() == inside.max()
        assert np.argwhere(crop.classes == 5)[:, 1].mean() < 7.5


def test_truncation_drops_the_centers_it_cuts_off():
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


def test_stream_without_samples_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="level_samples"):
        next(crop_stream(tmp_path, SETTINGS, 0, 0))


def test_soft_dice_by_hand():
    classes = torch.tensor([[[[0, 1, 1, IGNORED]]]])
    probabilities = torch.tensor([[0.5, 0.2, 0.8, 0.1], [0.5, 0.8, 0.2, 0.9]])
    loss = soft_dice_loss(probabilities.log()[None, :, None, None], classes, smooth=0.5)
    assert float(loss) == pytest.approx(1.0 - (2 * 1.0 + 0.5) / (1.5 + 2.0 + 0.5))


def test_heatmap_loss_by_hand():
    heatmap, target = torch.tensor([0.5, 0.25, 1.0]), torch.tensor([1.0, 0.0, 0.0])
    valid = torch.tensor([True, True, False])
    assert float(heatmap_loss(heatmap, target, valid)) == pytest.approx((21 * 0.25 + 0.0625) / 21)


def test_a_perfect_output_costs_almost_nothing():
    classes = torch.randint(0, 6, (1, 8, 8, 8), generator=torch.Generator().manual_seed(0))
    logits = 30.0 * torch.nn.functional.one_hot(classes, 6).movedim(-1, 1).float()
    loss = level_loss(LevelNetOutput(logits, torch.zeros(1, 8, 8, 8)), classes, torch.zeros(1, 8, 8, 8))
    assert float(loss.total) < 1e-4


@pytest.fixture
def run(samples, tmp_path):
    return LevelTraining(samples, tmp_path / "run", minutes=10.0, max_steps=2, workers=0, threads=1, validation_cases=1)


def test_training_writes_weights_that_load_and_predict(run, samples):
    weights = train(run, LevelNetConfig(channels=(4, 8)), SETTINGS)
    network = load_network(weights)
    assert network.config == LevelNetConfig(channels=(4, 8))
    rows = evaluate_levels(network, list_samples(samples, validation=True), "cpu")
    assert summarize(rows)["cases"] == 1
    with (run.out / "log.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2"]
    assert (run.out / "validation.csv").exists()


def test_resuming_goes_on_from_the_checkpoint(run, capsys):
    config = LevelNetConfig(channels=(4, 8))
    train(run, config, SETTINGS)
    before = load_network(run.out / "last.pt").state_dict()
    train(replace(run, max_steps=4), config, SETTINGS)
    assert "resumed at step 2" in capsys.readouterr().out
    state = torch.load(run.out / "last.pt", weights_only=True)
    assert state["step"] == 4
    assert any(not torch.equal(state["network"][name], value) for name, value in before.items())
