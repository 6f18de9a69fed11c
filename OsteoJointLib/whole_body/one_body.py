"""One body out of the column: what lies between its two discs, on the CT's own grid.

The planes cut the logits like further surfaces, so that no two bodies can share a voxel. On the segmenter's lattice
low gaps are closed, one connected part stays and holes are filled; then the logits are interpolated to the CT's voxels
and cut at 0. On the mid-slice the level's own mask stands, the one that the class is made with.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from OsteoJointLib.frames import Grid, effective_box
from OsteoJointLib.records import BodyVolume
from OsteoJointLib.whole_body.disc_planes import Plane
from OsteoJointLib.whole_body.heights import body_heights
from OsteoJointLib.whole_body.looking import LOGIT_MOST, ColumnLogits

CLOSED_MM = 5.0
"""Gaps along the column no higher than this are closed inside a body: slices through a sclerotic endplate that the
segmenter takes for none. Less than the thinnest disc and the waist between two lips (chosen; seen on ../shared/ct)."""
LOGIT_PER_MM = 2.0
"""How fast a disc's plane cuts off: about as the segmenter's logits fall at a body's edge."""


def body_between(logits: ColumnLogits, name: str, upper: Plane, lower: Plane, grid: Grid) -> BodyVolume | None:
    """Cut one body out; None where the segmenter sees none between the planes.

    Args:
        logits: of the column.
        name: of the body.
        upper, lower: planes in the discs above and below it.
        grid: of the CT.
    """
    from scipy import ndimage

    within = np.minimum(-upper.above_mm(logits), lower.above_mm(logits)) * LOGIT_PER_MM
    gap = max(int(CLOSED_MM / logits.step_mm[0]), 1)
    closed = ndimage.grey_closing(np.minimum(logits.values, within), (gap + 1, 1, 1), mode="nearest")
    cut = np.minimum(closed, within)
    part = _one_part(cut > 0)
    if not part.any():
        return None
    alone = np.where(part, np.where(cut > 0, cut, LOGIT_MOST), np.where(cut > 0, -LOGIT_MOST, cut))
    return _on_grid(replace(logits, values=np.maximum(alone, -LOGIT_MOST)), name, part, grid)


def _one_part(mask: np.ndarray) -> np.ndarray:
    """Keep the largest connected part and fill its holes slice by slice."""
    from scipy import ndimage

    parts, count = ndimage.label(mask)
    if count == 0:
        return np.zeros(mask.shape, dtype=bool)
    largest = parts == 1 + int(np.bincount(parts.ravel())[1:].argmax())
    in_plane = ndimage.generate_binary_structure(2, 1)[None]
    return np.asarray(ndimage.binary_fill_holes(largest, in_plane))


def _on_grid(logits: ColumnLogits, name: str, part: np.ndarray, grid: Grid) -> BodyVolume | None:
    """Interpolate a body's logits to the CT's voxels."""
    from scipy import ndimage

    spacing = np.asarray(grid.spacing_xyz_mm)[::-1]
    box = effective_box(part)
    assert box is not None
    ends_mm = logits.origin_mm + np.array([(axis.start - 1, axis.stop) for axis in box]).T * logits.step_mm
    low = np.clip(np.ceil(ends_mm[0] / spacing).astype(int), 0, grid.shape_zyx)
    high = np.clip(np.floor(ends_mm[1] / spacing).astype(int) + 1, 0, grid.shape_zyx)
    values = ndimage.affine_transform(
        logits.values,
        spacing / logits.step_mm,
        logits.index_of(low * spacing),
        tuple(high - low),
        order=1,
        mode="nearest",
    )
    mask = _one_part(values > 0)
    if not mask.any():
        return None
    z, y, x = (int(n) for n in low)
    return body_of(name, mask, (z, y, x), grid)


def body_of(name: str, mask: np.ndarray, corner_zyx: tuple[int, int, int], grid: Grid) -> BodyVolume:
    """Say of a mask how large and how high it is, and whether the edge of the CT cuts it.

    Args:
        name: of the body.
        mask: (z, y, x) bool.
        corner_zyx: the CT's voxel under its first.
        grid: of the CT.
    """
    volume_ml = float(np.count_nonzero(mask) * np.prod(grid.spacing_xyz_mm) / 1000)
    hit = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    ends = zip(hit, corner_zyx, grid.shape_zyx, strict=True)
    cut = any(at.size > 0 and (at[0] + first == 0 or at[-1] + first == length - 1) for at, first, length in ends)
    body = BodyVolume(name, mask, corner_zyx, volume_ml, cut=cut)
    return replace(body, heights=body_heights(body, grid))
