"""The segmenter over many slices of the column, as one block of logits.

The slices are looked at through windows that follow the column, on a lattice of square pixels that is the same for all
of them. Thin slices are averaged to slabs, which keeps it quick. Slabs and windows lie on fixed steps, so that after a
moved point most of them are those that were looked at before. They are the CT's own slices: those cut square to the
column, which blur, were worse (measured 2026-11-29: Dice of a phantom's L1 .939 instead of .977).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.device import has_bfloat16
from OsteoJointLib.hu_window import OUTSIDE_HU, to_unit_range
from OsteoJointLib.records import CtVolume
from OsteoJointLib.whole_body.body_places import BodyPlace

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.multitask import MultitaskNetwork

PIXEL_MM, WINDOW_PX = 0.9, 128
"""Of a window: within the pixels that the segmenter was trained on (0.55 to 0.98 mm); 115 mm wide, twice a body."""
SLAB_MM, THICK_SHARE = 3.0, 0.75
"""Slices are averaged to slabs so thick; those thicker than this share of it stand as they are. Slabs of 2 mm gain .001
of Dice and .1 mm of height, and cost a third more (chosen on 12 phantoms)."""
CORNER_PX = 16
"""Windows begin at multiples of it: a body stands at most 7 mm beside the middle of its window."""
MARGIN_MM = 8.0
"""How far beyond the middle of the last discs the column is looked at: half a body's depth at a tilt of 25 degrees."""
SMOOTH_MM = 1.0
"""SD of the Gaussian that smooths the logits from slab to slab (chosen: of 0, 1, 2 and 3 mm it brings the bodies of two
phantoms nearest to the truth, by .001 of Dice)."""
BATCH = 8
"""Windows at a time: 8 MB of features."""
LOGIT_MOST = 4.0
"""Logits are cut at so much, a probability of 0.98: between two slices it is where they cross 0 that counts."""
LOGIT_PER_MM = 2.0
"""How fast a plane or an endplate cuts off: about as the segmenter's logits fall at a body's edge."""


Windows = Mapping[tuple[int, int, int], np.ndarray]
"""Logits of windows, (WINDOW_PX, WINDOW_PX) float32, by the number of the slab and the row and column of the lattice
where the window begins."""


@dataclass(frozen=True, eq=False)
class ColumnLogits:
    """What the segmenter says of the column.

    Args:
        values: (K, Y, X) float32, from -LOGIT_MOST to LOGIT_MOST.
        origin_mm: (3,) z, y, x of its first voxel, in mm along the CT's index axes.
        step_mm: (3,) between its voxels.
    """

    values: np.ndarray
    origin_mm: np.ndarray
    step_mm: np.ndarray

    @property
    def axes_mm(self) -> tuple[np.ndarray, ...]:
        """The places of its voxels along each axis."""
        shape = self.values.shape
        return tuple(o + s * np.arange(n) for o, s, n in zip(self.origin_mm, self.step_mm, shape, strict=True))

    def index_of(self, points_mm: np.ndarray) -> np.ndarray:
        """Map (..., 3) places to continuous indices."""
        return (points_mm - self.origin_mm) / self.step_mm

    def around(self, center_mm: np.ndarray, half_mm: np.ndarray) -> ColumnLogits:
        """Cut a block out around a place."""
        ends = self.index_of(center_mm + np.array([[-1.0], [1.0]]) * half_mm)
        low, high = np.clip(np.rint(ends).astype(int) + np.array([[0], [1]]), 0, self.values.shape)
        block = self.values[tuple(slice(*end) for end in zip(low, high, strict=True))]
        return ColumnLogits(block, self.origin_mm + low * self.step_mm, self.step_mm)


def look_along(
    network: MultitaskNetwork,
    volume: CtVolume,
    places: Sequence[BodyPlace],
    device: torch.device,
    seen: Windows,
) -> tuple[ColumnLogits, Windows]:
    """Segment the column from the disc above the uppermost body that is seen to the disc below the lowest.

    Args:
        network: in eval mode, on ``device``.
        volume: the CT.
        places: of the bodies, top to bottom; the first and the last are only looked towards.
        device: where to compute.
        seen: windows of this CT that this network has looked at.

    Returns:
        The column; the windows that it is put together from.
    """
    from scipy import ndimage

    slice_mm = volume.grid.spacing_xyz_mm[2]
    slab_mm = slice_mm if slice_mm > THICK_SHARE * SLAB_MM else SLAB_MM
    first, last = (round(index * slice_mm / slab_mm) for index in _slices(places, volume))
    slabs = np.arange(first, last + 1)
    heights_mm = (slabs + 0.5) * slab_mm - slice_mm / 2
    order = np.array([place.center_mm for place in places])[::-1]
    middles_px = np.stack([np.interp(heights_mm, order[:, 0], order[:, axis]) for axis in (1, 2)], axis=1) / PIXEL_MM
    corners = CORNER_PX * np.rint((middles_px - WINDOW_PX / 2) / CORNER_PX).astype(int)
    keys = [(int(slab), int(row), int(column)) for slab, (row, column) in zip(slabs, corners, strict=True)]
    unseen = [(key, height) for key, height in zip(keys, heights_mm, strict=True) if key not in seen]
    images = [_window(volume, height, slab_mm, np.array(key[1:])) for key, height in unseen]
    logits = dict(zip((key for key, _ in unseen), _segmented(network, images, device), strict=True))
    windows = {key: logits[key] if key in logits else seen[key] for key in keys}
    low = corners.min(axis=0)
    values = np.full((len(keys), *(corners.max(axis=0) - low + WINDOW_PX)), -LOGIT_MOST, dtype=np.float32)
    for plane, (row, column), window in zip(values, corners - low, windows.values(), strict=True):
        plane[row : row + WINDOW_PX, column : column + WINDOW_PX] = window
    values = ndimage.gaussian_filter1d(values, SMOOTH_MM / slab_mm, axis=0, mode="nearest")
    origin_mm = np.array([heights_mm[0], *(low * PIXEL_MM)])
    return ColumnLogits(values, origin_mm, np.array([slab_mm, PIXEL_MM, PIXEL_MM])), windows


def _segmented(network: MultitaskNetwork, images: Sequence[np.ndarray], device: torch.device) -> list[np.ndarray]:
    """Give the logits of windows, cut at LOGIT_MOST."""
    import torch

    logits: list[np.ndarray] = []
    # half the time; the bodies of 24 phantoms keep their Dice (.955 before; .956 with it and fixed steps)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(device)):
        for begin in range(0, len(images), BATCH):
            batch = torch.from_numpy(np.stack(images[begin : begin + BATCH]))[:, None].to(device)
            batch = batch.to(memory_format=torch.channels_last)  # a fifth faster on a CPU
            said = network.segmenter(batch).mask_logits[:, 0].float().clamp(-LOGIT_MOST, LOGIT_MOST)
            logits.extend(said.cpu().numpy())
    return logits


def _slices(places: Sequence[BodyPlace], volume: CtVolume) -> tuple[int, int]:
    """First and last slice of what is looked at."""
    seen = [index for index, place in enumerate(places) if place.seen and 0 < index < len(places) - 1]
    top, bottom = min(seen), max(seen)
    high_mm = (places[top - 1].center_mm[0] + places[top].center_mm[0]) / 2 + MARGIN_MM
    low_mm = (places[bottom + 1].center_mm[0] + places[bottom].center_mm[0]) / 2 - MARGIN_MM
    low, high = np.rint(np.array([low_mm, high_mm]) / volume.grid.spacing_xyz_mm[2]).astype(int)
    return max(int(low), 0), min(int(high), volume.hu.shape[0] - 1)


def _window(volume: CtVolume, height_mm: float, slab_mm: float, corner_yx: np.ndarray) -> np.ndarray:
    """Cut a window out of a slab as the segmenter sees it; (WINDOW_PX, WINDOW_PX) float32 in [0, 1]."""
    from scipy import ndimage

    spacing_yx_mm = np.asarray(volume.grid.spacing_xyz_mm)[1::-1]
    first, step = corner_yx * PIXEL_MM / spacing_yx_mm, PIXEL_MM / spacing_yx_mm
    low = np.clip(np.floor(first).astype(int), 0, volume.hu.shape[1:])
    high = np.clip(np.ceil(first + step * WINDOW_PX).astype(int) + 1, 0, volume.hu.shape[1:])
    shape = (WINDOW_PX, WINDOW_PX)
    if np.any(high <= low):
        return np.zeros(shape, dtype=np.float32)
    start, weights = _slab_weights(volume, height_mm, slab_mm)
    box = volume.hu[start : start + len(weights), low[0] : high[0], low[1] : high[1]]
    slab = np.tensordot(weights, box.astype(np.float32), 1)
    hu = ndimage.affine_transform(slab, step, first - low, shape, order=1, mode="constant", cval=OUTSIDE_HU)
    return to_unit_range(hu)


def _slab_weights(volume: CtVolume, height_mm: float, slab_mm: float) -> tuple[int, np.ndarray]:
    """Say which slices a slab meets, slice n reaching from n to n + 1: the first, and the share that each has of it."""
    slices = volume.hu.shape[0]
    low, high = (height_mm + np.array([-0.5, 0.5]) * slab_mm) / volume.grid.spacing_xyz_mm[2] + 0.5
    first = min(max(int(np.floor(low + 1e-6)), 0), slices - 1)
    last = min(max(int(np.ceil(high - 1e-6)) - 1, first), slices - 1)
    numbers = np.arange(first, last + 1)
    shares = np.minimum(numbers + 1, high) - np.maximum(numbers, low)
    return first, (shares / shares.sum()).astype(np.float32)
