"""Whether an explanation map is true: where it points, and whether hiding what it marks moves the class.

A map may look right and be wrong, so it is held against the network itself. Of the places that a map marks most, a
growing share of both crops is hidden (deletion) or alone shown (insertion; Petsiuk 2018, RISE), and the probability of
the predicted class is read. The same is done with the map moved to elsewhere in the crops, which hides as many pixels
of the same shape: a faithful map makes the class fall further when hidden, and brings back more of it when shown.

What is hidden is painted dark and, in a second run, bright, and the two are averaged: with one gray alone, hiding bone
would always speak for the class that this gray looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SHARES = (0.02, 0.04, 0.08, 0.16)
"""Shares of both crops' pixels that are hidden or shown; a body fills about 6 % of its crop
(chosen)."""
FILLS = (0.25, 0.90)
"""Grays painted over what is hidden, in the window of [-160, 240] HU: -60 HU, below any trabecular mean but fat, and
200 HU, above any osteopenic one (chosen)."""
_ELSEWHERE = ((0.5, 0.0), (0.0, 0.5))
"""How far, in crops' heights and widths, a map is moved (around the edge) to hide as much elsewhere
(chosen)."""

MARGIN_MM = 5.0
"""About the body: a map's cell is 8 pixels wide, and the cortex lies on the edge (chosen)."""

Classify = Callable[[np.ndarray], np.ndarray]
"""Takes crops (2, H, W) float32 in [0, 1], L1 then L2, and gives the three probabilities."""


@dataclass(frozen=True)
class HidingCurves:
    """Probability of the predicted class of one case while more and more of the crops is hidden or shown.

    Args:
        shares: of the pixels, at most; a map that marks fewer pixels hides those alone.
        whole, blank: with nothing and with everything hidden.
        deleted, deleted_elsewhere: with what the map marks hidden, and with as much elsewhere hidden.
        inserted, inserted_elsewhere: with all hidden but what the map marks, and but as much elsewhere.
    """

    shares: tuple[float, ...]
    whole: float
    blank: float
    deleted: tuple[float, ...]
    deleted_elsewhere: tuple[float, ...]
    inserted: tuple[float, ...]
    inserted_elsewhere: tuple[float, ...]

    @property
    def deletion_gain(self) -> float:
        """How much further the probability falls for what the map marks than for elsewhere, mean over the shares."""
        return float(np.mean(self.deleted_elsewhere) - np.mean(self.deleted))

    @property
    def insertion_gain(self) -> float:
        """How much more of the probability what the map marks brings back than elsewhere does, mean over the shares."""
        return float(np.mean(self.inserted) - np.mean(self.inserted_elsewhere))


def hiding_curves(classify: Classify, crops: np.ndarray, maps: np.ndarray, target: int) -> HidingCurves | None:
    """Hide and show what the maps mark.

    Args:
        classify: the whole way from crops to probabilities, the segmenter included.
        crops: (2, H, W) float32 in [0, 1], L1 then L2.
        maps: (2, H, W), at least 0, in one scale; more is more support.
        target: index of the predicted class.

    Returns:
        The curves; None for maps that mark nothing.
    """
    if not maps.any():
        return None

    def probability(hidden: np.ndarray) -> float:
        painted = (np.where(hidden, np.float32(fill), crops) for fill in FILLS)
        return float(np.mean([classify(one)[target] for one in painted]))

    def curve(marks: list[np.ndarray], insert: bool) -> tuple[float, ...]:
        return tuple(probability(~mark if insert else mark) for mark in marks)

    marked = [most_marked(maps, share) for share in SHARES]
    moved = [[_moved(mark, by) for mark in marked] for by in _ELSEWHERE]
    deleted, inserted = ([curve(marks, insert) for marks in (marked, *moved)] for insert in (False, True))
    return HidingCurves(
        SHARES,
        float(classify(crops)[target]),
        probability(np.ones_like(maps, dtype=bool)),
        deleted[0],
        tuple(np.mean(deleted[1:], axis=0).tolist()),
        inserted[0],
        tuple(np.mean(inserted[1:], axis=0).tolist()),
    )


def most_marked(maps: np.ndarray, share: float) -> np.ndarray:
    """Say which pixels a pair of maps marks most.

    Args:
        maps: (2, H, W), at least 0.
        share: of all pixels, at most.

    Returns:
        (2, H, W) bool: at most ``share`` of the pixels, and none where the maps are 0.

    >>> most_marked(np.array([[[3.0, 0.0]], [[2.0, 1.0]]]), 0.5).tolist()
    [[[True, False]], [[True, False]]]
    >>> most_marked(np.array([[[3.0, 0.0]], [[0.0, 0.0]]]), 0.5).tolist()
    [[[True, False]], [[False, False]]]
    """
    order = np.argsort(-maps, axis=None, kind="stable")[: round(share * maps.size)]
    marked = np.zeros(maps.size, dtype=bool)
    marked[order] = True
    return marked.reshape(maps.shape) & (maps > 0)


def _moved(marked: np.ndarray, by_yx: tuple[float, float]) -> np.ndarray:
    steps = [round(share * size) for share, size in zip(by_yx, marked.shape[1:], strict=True)]
    return np.roll(marked, steps, axis=(1, 2))


def energy_inside(values: np.ndarray, mask: np.ndarray, pixel_mm: float, margin_mm: float = MARGIN_MM) -> float | None:
    """Measure which share of a map lies in the body and a margin around it.

    Args:
        values: (H, W), at least 0.
        mask: (H, W) bool, the body in the same frame.
        pixel_mm: edge length of a pixel.
        margin_mm: how far around the body still counts.

    Returns:
        0 to 1; None for a map that is 0 everywhere.
    """
    total = float(values.sum())
    return float(values[_widened(mask, pixel_mm, margin_mm)].sum()) / total if total > 0 else None


def peak_inside(values: np.ndarray, mask: np.ndarray, pixel_mm: float, margin_mm: float = MARGIN_MM) -> bool:
    """Say whether a map's strongest place lies in the body or its margin; False for a map that is 0 everywhere."""
    peak = np.unravel_index(values.argmax(), values.shape)
    return bool(values[peak] > 0 and _widened(mask, pixel_mm, margin_mm)[peak])


def _widened(mask: np.ndarray, pixel_mm: float, margin_mm: float) -> np.ndarray:
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=pixel_mm) <= margin_mm) if mask.any() else mask
