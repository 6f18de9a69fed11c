"""The level network over a coarse volume: tissue per voxel and the heat map of body centers.

The part of the volume that holds the patient is cut out first (a third of the voxels is air); a long scan is run in
overlapping pieces along z, so that memory does not grow with its length.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.io.hu_checks import TISSUE_HU
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.resampling import CoarseVolume

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.level_net import LevelNet

PIECE_SLICES = 192
"""Slices run at once: 768 mm at 4 mm, so that only whole-body scans need more than one piece."""

OVERLAP_SLICES = 32
"""Slices run twice on both sides of a seam: half the receptive field of the default network is 30."""

MARGIN_VOX = 2
"""Voxels of air that are left around the patient, so that the network sees the skin's outer side."""


@dataclass(frozen=True, eq=False)
class LevelPrediction:
    """What the level network saw, on the coarse grid.

    Args:
        classes: (z, y, x) uint8, the likeliest :class:`OsteoJointLib.level_config.Tissue`.
        rib_probability: (z, y, x) float32 in [0, 1].
        heatmap: (z, y, x) float32 in [0, 1], peaks at body centers.
        grid: of all three; isotropic, index axes near L, P, S.
    """

    classes: np.ndarray
    rib_probability: np.ndarray
    heatmap: np.ndarray
    grid: Grid

    @property
    def spacing_mm(self) -> float:
        """Edge of the cubic voxels."""
        return self.grid.spacing_xyz_mm[0]


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
    ([(0, 150), (150, 300)], [(0, 100)])
    """
    if count <= piece:
        return [(0, count)]
    pieces = int(np.ceil(count / (piece - overlap)))
    edges = np.linspace(0, count, pieces + 1).round().astype(int)
    return [(int(low), int(high)) for low, high in itertools.pairwise(edges)]


def predict(network: LevelNet, coarse: CoarseVolume, device: torch.device | str) -> LevelPrediction:
    """Run the network over the whole coarse volume.

    Args:
        network: in eval mode, on ``device``.
        coarse: HU on the network's grid.
        device: where to run.

    Returns:
        The prediction on the grid of ``coarse``; background outside the patient.
    """
    import torch

    hu = coarse.hu
    classes = np.zeros(hu.shape, np.uint8)
    rib_probability, heatmap = np.zeros(hu.shape, np.float32), np.zeros(hu.shape, np.float32)
    rows, columns = patient_extent(hu)
    with torch.inference_mode():
        for low, high in piece_bounds(len(hu)):
            first, last = max(low - OVERLAP_SLICES, 0), min(high + OVERLAP_SLICES, len(hu))
            kept = slice(low - first, high - first)
            output = _run(network, hu[first:last, rows, columns], device)
            classes[low:high, rows, columns] = output[0][kept]
            rib_probability[low:high, rows, columns] = output[1][kept]
            heatmap[low:high, rows, columns] = output[2][kept]
    return LevelPrediction(classes, rib_probability, heatmap, coarse.grid)


def _run(network: LevelNet, hu: np.ndarray, device: torch.device | str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predict classes, rib probability and heat map of one piece, each (z, y, x)."""
    import torch

    from OsteoJointLib.network.level_net import window_channels

    batch = torch.from_numpy(np.ascontiguousarray(hu))[None].to(device)
    image = window_channels(batch, network.config).contiguous(memory_format=torch.channels_last_3d)
    output = network(image)
    logits = output.logits[0].float()
    rib = torch.exp(logits[Tissue.RIB] - torch.logsumexp(logits, dim=0))
    parts = (logits.argmax(dim=0).to(torch.uint8), rib, output.heatmap[0].float())
    return tuple(part.cpu().numpy() for part in parts)  # type: ignore[return-value]
