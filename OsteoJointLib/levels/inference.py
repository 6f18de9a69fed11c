"""The level network over coarse volumes: tissue, landmarks and kind of body per voxel.

The part of the volume that holds the patient is cut out first (a third of the voxels is air); a long scan is run in
overlapping pieces along z, so that memory does not grow with its length.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.device import in_its_precision
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.hu_checks import TISSUE_HU
from OsteoJointLib.level_config import Landmark, Tissue
from OsteoJointLib.levels.resampling import CoarseVolume

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.level_net import LevelNet

PIECE_SLICES = 192
"""Slices run at once: 768 mm at 4 mm, so that only whole-body scans need more than one piece."""

OVERLAP_SLICES = 72
"""Slices run twice on both sides of a seam: half the receptive field of the default network is 74."""

MARGIN_VOX = 2
"""Voxels of air that are left around the patient, so that the network sees the skin's outer side."""


@dataclass(frozen=True, eq=False)
class LevelPrediction:
    """What the level network saw, on the coarse grid.

    Args:
        grid: of all that follows; isotropic, index axes near L, P, S.
        classes: (z, y, x) uint8, the likeliest :class:`OsteoJointLib.level_config.Tissue`.
        rib_probability: (z, y, x) float32 in [0, 1].
        landmarks: (3, z, y, x) float32 in [0, 1], peaks at each :class:`OsteoJointLib.level_config.Landmark`.
        lumbar_probability: (z, y, x) float32 in [0, 1], of a body at that voxel being a lumbar one.
    """

    grid: Grid
    classes: np.ndarray
    rib_probability: np.ndarray
    landmarks: np.ndarray
    lumbar_probability: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All arrays, in the order of the fields."""
        return (self.classes, self.rib_probability, self.landmarks, self.lumbar_probability)

    @property
    def heatmap(self) -> np.ndarray:
        """(z, y, x) peaks at body centers."""
        heatmap: np.ndarray = self.landmarks[Landmark.BODY]
        return heatmap

    @property
    def spacing_mm(self) -> float:
        """Edge of the cubic voxels."""
        return self.grid.spacing_xyz_mm[0]


def voxels_of(mask: np.ndarray) -> np.ndarray:
    """List the (N, 3) z, y, x indices of a mask's voxels, as ``numpy.argwhere`` does in ten times the time."""
    return np.column_stack(np.unravel_index(np.flatnonzero(mask), mask.shape))


def patient_extent(hu: np.ndarray) -> tuple[slice, slice]:
    """Find the rows and columns that hold anything denser than air.

    Args:
        hu: (z, y, x) HU.

    Returns:
        Slices along y and x with a margin of two voxels; everything when there is nothing dense.
    """
    extent = []
    for axis, count in ((1, hu.shape[1]), (2, hu.shape[2])):
        dense = np.flatnonzero(hu.max(axis=(0, 3 - axis)) > TISSUE_HU)
        low, high = (dense[0], dense[-1] + 1) if len(dense) else (0, count)
        extent.append(slice(max(int(low) - MARGIN_VOX, 0), min(int(high) + MARGIN_VOX, count)))
    return extent[0], extent[1]


def piece_bounds(count: int, piece: int = PIECE_SLICES, overlap: int = OVERLAP_SLICES) -> list[tuple[int, int]]:
    """Split slices into even pieces that are kept; each is run with ``overlap`` more on both sides.

    >>> piece_bounds(300, 192), piece_bounds(100, 192)
    ([(0, 100), (100, 200), (200, 300)], [(0, 100)])
    """
    if count <= piece:
        return [(0, count)]
    pieces = int(np.ceil(count / (piece - overlap)))
    edges = np.linspace(0, count, pieces + 1).round().astype(int)
    return [(int(low), int(high)) for low, high in itertools.pairwise(edges)]


def predict(network: LevelNet, coarse: CoarseVolume, device: torch.device | str) -> LevelPrediction:
    """Run the network over a whole coarse volume.

    Args:
        network: in eval mode, on ``device``.
        coarse: HU on the network's grid.
        device: where to run.

    Returns:
        The prediction on the grid of ``coarse``; background outside the patient.
    """
    hu = coarse.hu
    rows, columns = patient_extent(hu)
    whole: LevelPrediction | None = None
    for low, high in piece_bounds(len(hu)):
        first, last = max(low - OVERLAP_SLICES, 0), min(high + OVERLAP_SLICES, len(hu))
        (part,) = predict_batch(network, [CoarseVolume(hu[first:last, rows, columns], coarse.grid)], device)
        if whole is None:
            whole = LevelPrediction(
                coarse.grid, *(np.zeros((*array.shape[:-3], *hu.shape), array.dtype) for array in part.arrays)
            )
        for target, source in zip(whole.arrays, part.arrays, strict=True):
            target[..., low:high, rows, columns] = source[..., low - first : high - first, :, :]
    assert whole is not None
    return whole


def predict_batch(
    network: LevelNet, coarse: Sequence[CoarseVolume], device: torch.device | str
) -> list[LevelPrediction]:
    """Run the network over coarse volumes of one shape at once, all of each.

    Args:
        network: in eval mode, on ``device``.
        coarse: B volumes.
        device: where to run.

    Returns:
        B predictions.
    """
    import torch

    from OsteoJointLib.network.level_net import window_channels

    batch = torch.from_numpy(np.stack([volume.hu for volume in coarse])).to(device)
    with torch.inference_mode(), in_its_precision(batch.device):
        image = window_channels(batch, network.config).contiguous(memory_format=torch.channels_last_3d)
        output = network(image)
        logits = output.logits.float()
        ribs = torch.softmax(logits, dim=1)[:, Tissue.RIB]
        parts = (logits.argmax(dim=1).to(torch.uint8), ribs, output.landmarks.float(), output.lumbar.float().sigmoid())
    arrays = [part.contiguous().cpu().numpy() for part in parts]
    return [LevelPrediction(volume.grid, *(array[i] for array in arrays)) for i, volume in enumerate(coarse)]
