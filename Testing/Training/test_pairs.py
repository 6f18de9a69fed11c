"""Pairs go to disk whole and come back the same."""

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.errors import InputRefused
from OsteoJointLib.records import STATUSES
from training.data.pairs import PairFolder, load_pair, make_pairs, save_pair
from training.seeds import TRAINING_SEEDS, VALIDATION_SEEDS


def test_a_stored_pair_comes_back(pair_folder):
    cases = PairFolder.listed(pair_folder, TRAINING_SEEDS, 12)
    assert len(cases) == 12
    np.testing.assert_array_equal(np.bincount(cases.statuses), [4, 4, 4])
    pair = load_pair(cases.paths[4])
    assert pair.hu.shape == pair.masks.shape == pair.tissues.shape == (4, 512, 512)
    assert pair.hu.dtype == np.int16 and pair.masks.dtype == bool
    assert pair.seed == 4 and pair.status is STATUSES[1] and pair.pixel_mm == 0.75
    area = pair.masks.sum(axis=(1, 2))
    np.testing.assert_allclose(area, np.pi * 32 * 22 * np.array([1.0, 1.0, 0.25, 0.0]), rtol=0.02)
    assert (pair.bmd_mg_cm3, pair.kvp, pair.phase) == (100.0, 120.0, "none")
    assert pair.level_bmd_mg_cm3.tolist() == [103.0, 97.0]
    middle = np.argwhere(pair.masks[2]).mean(axis=0)
    np.testing.assert_allclose(pair.centers_px[2][::-1], middle, atol=1.0)
    blood = np.argwhere(pair.tissues[3] == ReferenceTissue.BLOOD).mean(axis=0)
    np.testing.assert_allclose(blood, pair.centers_px[3][::-1] - np.array([50.0, 0.0]), atol=1.0)
    np.testing.assert_allclose(pair.hu[:2][pair.masks[:2]].mean(), 120.0, atol=1.0)


def test_too_few_pairs_and_broken_files_are_refused(pair_folder, tmp_path):
    with pytest.raises(InputRefused, match="12 pairs .* at least 13"):
        PairFolder.listed(pair_folder, TRAINING_SEEDS, 13)
    with pytest.raises(InputRefused, match="python -m training pairs .* --seed 800000"):
        PairFolder.listed(tmp_path / "nowhere", VALIDATION_SEEDS)
    broken = tmp_path / "0000007-normal.npz"
    broken.write_bytes(b"no zip")
    with pytest.raises(InputRefused, match="0000007-normal"):
        load_pair(broken)


def test_a_pair_that_departs_from_physics_says_so(pair_folder, tmp_path):
    pair = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[4])
    path = save_pair(replace(pair, departing=True), tmp_path)
    save_pair(replace(pair, seed=5), tmp_path)
    assert path.name == "0000004-osteopenia-departing.npz" and load_pair(path).departing
    assert PairFolder.listed(tmp_path, TRAINING_SEEDS).lawful.tolist() == [False, True]


def test_unfinished_files_are_not_listed(pair_folder, tmp_path):
    source = PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0]
    (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / f".osteojoint-{source.name}").write_bytes(b"half")
    assert len(PairFolder.listed(tmp_path, TRAINING_SEEDS)) == 1


def test_pairs_of_the_phantom_are_made_once(tmp_path):
    assert make_pairs(tmp_path, range(2, 4)) == 2
    assert make_pairs(tmp_path, range(2, 5)) == 1
    cases = PairFolder.listed(tmp_path, TRAINING_SEEDS, 3)
    pair = load_pair(cases.paths[0])
    assert pair.hu.shape == (4, 512, 512) and pair.masks[:2].any(axis=(1, 2)).all()


def test_a_folder_with_a_phantom_kept_for_something_else_is_refused(watched_pairs):
    assert len(PairFolder.listed(watched_pairs, VALIDATION_SEEDS)) == 3
    with pytest.raises(InputRefused, match="seed 800000, which is kept"):
        PairFolder.listed(watched_pairs, TRAINING_SEEDS)
