"""One body out of the column: what lies between its two discs, on the CT's own grid.

The planes cut the logits like further surfaces, so that no two bodies can share a voxel. On the segmenter's lattice
one connected part stays and holes are filled, it is drawn up to both endplates, and so once more; then the logits are
interpolated to the CT's voxels and cut at 0. On the mid-slice the level's own mask stands, the one that the class is
made with.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from OsteoJointLib.frames import Grid, effective_box
from OsteoJointLib.records import BodyVolume, CtVolume
from OsteoJointLib.whole_body.body_places import BodyPlace
from OsteoJointLib.whole_body.disc_planes import Plane
from OsteoJointLib.whole_body.endplate_surfaces import SKIN_MM, find_endplates, up_to_endplates
from OsteoJointLib.whole_body.heights import body_heights
from OsteoJointLib.whole_body.looking import LOGIT_MOST, LOGIT_PER_MM, ColumnLogits

HALF_MM = np.array([38.0, 38.0, 44.0])
"""Half of the block that a body is looked for in, z, y, x: the largest lumbar body, leaning, and 10 mm off."""


def body_between(
    column: ColumnLogits, volume: CtVolume, place: BodyPlace, upper: Plane, lower: Plane
) -> BodyVolume | None:
    """Cut one body out; None where the segmenter sees none between the planes.

    Args:
        column: its logits.
        volume: the CT.
        place: of the body.
        upper, lower: planes in the discs above and below it.
    """
    logits = _one_alone(_cut_between(column.around(place.center_mm, HALF_MM), upper, lower))
    box = effective_box(logits.values > 0)
    if box is None:
        return None
    ends_mm = logits.origin_mm + np.array([(axis.start, axis.stop - 1) for axis in box]).T * logits.step_mm
    logits = logits.around(ends_mm.mean(axis=0), (ends_mm[1] - ends_mm[0]) / 2 + SKIN_MM)
    endplates = find_endplates(logits, volume, upper, lower)
    if endplates is not None:
        drawn = replace(logits, values=up_to_endplates(logits, endplates))
        logits = _one_alone(_cut_between(drawn, upper, lower))
    return _on_grid(logits, place.name, volume.grid)


def _cut_between(logits: ColumnLogits, upper: Plane, lower: Plane) -> ColumnLogits:
    """Cut a block at the planes above and below a body."""
    within = np.minimum(-upper.above_mm(logits), lower.above_mm(logits)) * LOGIT_PER_MM
    return replace(logits, values=np.minimum(logits.values, within))


def _one_alone(logits: ColumnLogits) -> ColumnLogits:
    """Leave one connected part, without holes, above 0."""
    values = logits.values
    part = _one_part(values > 0)
    alone = np.where(part, np.where(values > 0, values, LOGIT_MOST), np.where(values > 0, -LOGIT_MOST, values))
    return replace(logits, values=np.maximum(alone, -LOGIT_MOST))


def _one_part(mask: np.ndarray) -> np.ndarray:
    """Keep the largest connected part and fill its holes slice by slice."""
    from scipy import ndimage

    parts, count = ndimage.label(mask)
    if count == 0:
        return np.zeros(mask.shape, dtype=bool)
    largest = parts == 1 + int(np.bincount(parts.ravel())[1:].argmax())
    return filled_by_slice(largest)


def filled_by_slice(mask: np.ndarray) -> np.ndarray:
    """Fill a (z, y, x) mask's holes slice by slice, as SciPy's ``binary_fill_holes`` does in ten times the time."""
    from scipy import ndimage

    in_plane = ndimage.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]
    gaps, count = ndimage.label(~mask, in_plane)
    open_ = np.zeros(count + 1, dtype=bool)
    for edge in (gaps[:, [0, -1]], gaps[:, :, [0, -1]]):
        open_[edge] = True
    open_[0] = False  # the mask itself
    return ~open_[gaps]


def _on_grid(logits: ColumnLogits, name: str, grid: Grid) -> BodyVolume | None:
    """Interpolate a body's logits to the CT's voxels."""
    from scipy import ndimage

    spacing = np.asarray(grid.spacing_xyz_mm)[::-1]
    box = effective_box(logits.values > 0)
    if box is None:
        return None
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
