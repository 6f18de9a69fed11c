"""Cluster the nine anchors of the localizer on training boxes.

``python -m training.anchors --pairs runs/pairs`` prints them in the form that
:data:`OsteoJointLib.config.VERTEBRA_ANCHORS` has, beside how well they and the present ones fit. Anchors belong to a
network's weights: changed ones need a fresh training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from OsteoJointLib.config import VERTEBRA_ANCHORS
from OsteoJointLib.network.anchors import cluster_anchors, mean_best_overlap
from training.augment import box_of
from training.pairs import PairFolder, load_pair


def box_sizes_px(folder: Path, most: int) -> np.ndarray:
    """(2 N, 2) width and height in pixels of the bodies' boxes in the first ``most`` pairs of a folder."""
    pairs = (load_pair(path) for path in PairFolder.listed(folder).paths[:most])
    boxes = np.array([box_of(mask) for pair in pairs for mask in pair.masks])
    return boxes[:, 2:] - boxes[:, :2]


def main(arguments: list[str] | None = None) -> int:
    """Print re-clustered anchors."""
    parser = argparse.ArgumentParser(prog="python -m training.anchors", description=main.__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="folder of training pairs")
    parser.add_argument("--most", type=int, default=1000, help="pairs to use (default: 1000)")
    options = parser.parse_args(arguments)
    sizes = box_sizes_px(options.pairs, options.most)
    anchors = cluster_anchors(sizes, np.random.default_rng(0))
    print(anchors)
    print(f"mean best IoU on {len(sizes)} boxes: {mean_best_overlap(sizes, anchors):.3f}")
    print(f"that of the present anchors: {mean_best_overlap(sizes, VERTEBRA_ANCHORS):.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
