"""Fits the thresholds of the plain rule beside every result (:mod:`OsteoJointLib.pipeline.baseline`).

They are fitted on training phantoms of the same plausible kind as the evaluation's (not on the randomized pairs, whose
grey values are no scanner's), with the ROI of the true masks; in the evaluation the same rule reads the ROI that the
chain measured.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi
from OsteoJointLib.records import STATUSES, Level, Status
from training.seeds import TRAINING_SEEDS, require_seeds

_SLICE_PX = 256
"""Edge of the rendered slices: 169 mm at the least pixel of such a phantom, 0.66 mm; a body is 50 mm wide."""


def fit_thresholds(hu: np.ndarray, statuses: np.ndarray) -> Thresholds:
    """Choose the two thresholds of most cases right (exhaustively, between neighboring values).

    Args:
        hu: (N,) mean HU.
        statuses: (N,) index into ``STATUSES``.

    Returns:
        The thresholds; of several equally good ones the lowest.
    """
    order = np.argsort(hu, kind="stable")
    values, found = np.asarray(hu, dtype=np.float64)[order], np.asarray(statuses)[order]
    below = {status: np.concatenate([[0], np.cumsum(found == STATUSES.index(status))]) for status in Status}
    # right(i, j) = osteoporosis before i + osteopenia from i to j + normal from j on, separable for i <= j
    low_part = below[Status.OSTEOPOROSIS] - below[Status.OSTEOPENIA]
    high_part = below[Status.OSTEOPENIA] + below[Status.NORMAL][-1] - below[Status.NORMAL]
    best_low = np.maximum.accumulate(low_part)
    high = int(np.argmax(best_low + high_part))
    low = int(np.argmax(low_part[: high + 1]))
    cuts = np.concatenate([[values[0] - 1.0], (values[1:] + values[:-1]) / 2.0, [values[-1] + 1.0]])
    right = int(low_part[low] + high_part[high])
    return Thresholds(float(cuts[low]), float(cuts[high]), right / len(values), len(values))


def fit_on_phantoms(first_seed: int, count: int) -> Thresholds:
    """Measure the true masks of plausible training phantoms and fit the thresholds on them.

    Raises:
        UsageError: a seed is none of ``TRAINING_SEEDS``.
    """
    rows = [phantom_hu(seed) for seed in require_seeds(first_seed, count, TRAINING_SEEDS)]
    return fit_thresholds(np.array([hu for hu, _ in rows]), np.array([STATUSES.index(s) for _, s in rows]))


def phantom_hu(seed: int) -> tuple[float, Status]:
    """Measure the mean trabecular HU of L1 and L2 of a plausible phantom on its true masks; its class too.

    Only the two mid-slices are rendered: a coarse grid tells where they are.
    """
    # 320 x 240 x 240 mm in voxels of 20 mm: only the truth is read off it
    around = Grid.axis_aligned((16, 12, 12), (20.0, 20.0, 20.0), (-110.0, -110.0, -150.0))
    truth = make_phantom(seed, grid=around).truth
    pixel_mm, thickness_mm = (float(truth.drawn["acquisition"][key]) for key in ("pixel_mm", "thickness_mm"))
    values: list[float] = []
    for level in Level:
        x, y, z = truth.centers_lps_mm[level.verse_label]
        half_mm = 0.5 * pixel_mm * (_SLICE_PX - 1)
        origin = (x - half_mm, y - half_mm, z)
        grid = Grid.axis_aligned((1, _SLICE_PX, _SLICE_PX), (pixel_mm, pixel_mm, thickness_mm), origin)
        phantom = make_phantom(seed, grid=grid)
        mask = phantom.labels[0] == level.verse_label
        mean_hu = measure_roi(phantom.volume.hu[0].astype(float), mask, pixel_mm, level, MeasureConfig()).hu_mean
        if mean_hu is None:
            raise RunFailed(
                Reason.FAILED,
                f"The ROI of {level} of the phantom of seed {seed} is too small to measure: a fault of the phantom.",
            )
        values.append(mean_hu)
    return float(np.mean(values)), truth.status
