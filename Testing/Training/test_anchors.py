"""Anchors from a folder of pairs."""

import ast
from dataclasses import replace

import numpy as np

from OsteoJointLib.network.anchors import mean_best_overlap
from training.__main__ import main
from training.data.anchors import box_sizes_px
from training.data.augment import box_of
from training.data.pairs import PairFolder, load_pair, save_pair
from training.seeds import TRAINING_SEEDS


def test_sizes_are_those_of_the_masks_boxes(pair_folder):
    sizes = box_sizes_px(pair_folder, most=2)
    first = load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    x1, y1, x2, y2 = box_of(first.masks[0])
    assert sizes.shape == (4, 2)
    np.testing.assert_allclose(sizes[0], [x2 - x1, y2 - y1])


def test_printed_anchors_fit_better_than_any_single_one(pair_folder, tmp_path, capsys):
    generator, first = np.random.default_rng(0), load_pair(PairFolder.listed(pair_folder, TRAINING_SEEDS).paths[0])
    for seed in range(12):
        masks = np.zeros((4, 512, 512), bool)
        for mask in masks:
            width, height = generator.integers(40, 100), generator.integers(30, 70)
            mask[200 : 200 + height, 200 : 200 + width] = True
        hu = np.zeros(masks.shape, np.float32)
        changes = {"hu": hu, "masks": masks, "tissues": np.zeros(masks.shape, np.uint8), "seed": seed}
        save_pair(replace(first, **changes), tmp_path)
    assert main(["anchors", "--data", str(tmp_path)]) == 0
    anchors = ast.literal_eval(capsys.readouterr().out.splitlines()[0])
    sizes = box_sizes_px(tmp_path, most=100)
    assert mean_best_overlap(sizes, anchors) > mean_best_overlap(sizes, ((tuple(sizes.mean(axis=0)),),)) + 0.05
