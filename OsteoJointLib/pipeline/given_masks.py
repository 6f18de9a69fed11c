"""Masks of both levels that a user gives for a CT: they stand for its levels, too, and what comes before isn't run.

Nothing is guessed of them: they lie on the CT's own voxels, both levels are there, and L1 lies above L2; or they are
refused with the cause. A level is read on the slice it was read on before, where the file says it and the mask is still
there, else on the middle one of its mask. Masks of T12 and L3 are taken along where they are in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid, are_same_voxels
from OsteoJointLib.io.dicom_segments import FRAME_OF_REFERENCE_KEY
from OsteoJointLib.io.dicom_study import frame_of_reference
from OsteoJointLib.io.volume_files import grid_of
from OsteoJointLib.pipeline.case import Case, volume_of
from OsteoJointLib.pipeline.drawn_masks import PlacedMask, count_voxels, mask_on_grid, open_label_map, tags_of
from OsteoJointLib.pipeline.mask_mark import MaskMark
from OsteoJointLib.pipeline.points import Points
from OsteoJointLib.records import VERSE_LABELS, CtVolume, Level, MaskSource

if TYPE_CHECKING:
    import SimpleITK


@dataclass(frozen=True, eq=False)
class GivenMask:
    """One mask of a file.

    Args:
        mask: on the CT's grid, not empty.
        source: who drew it: a user, or whom the file names where it is as it was written.
        slice_index: the slice that its level is read on.
    """

    mask: PlacedMask
    source: MaskSource
    slice_index: int

    def center_lps_mm(self, grid: Grid) -> tuple[float, float, float]:
        """Find the center of the mask on its slice, LPS mm; ``grid`` is the CT's."""
        y, x = np.argwhere(self.mask.plane(self.slice_index, grid.shape_zyx[1:])).mean(axis=0)
        x_mm, y_mm, z_mm = (float(value) for value in grid.index_to_lps(np.array([self.slice_index, y, x])))
        return (x_mm, y_mm, z_mm)


GivenMasks = Mapping[str, GivenMask]
"""The masks of L1 and L2, and those of T12 and L3 that there are, from top to bottom."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """What masks were drawn on.

    Args:
        grid: of the CT.
        frame: gives its frame of reference; None where that isn't known.
    """

    grid: Grid
    frame: Callable[[], str | None]


def read_given_masks(path: Path, case: Case) -> GivenMasks:
    """Read the masks of a file.

    Args:
        path: .seg.nrrd, a label map in VerSe's numbers, or a DICOM SEG.
        case: the CT or the pair of slices that they were drawn on.

    Raises:
        OsteoJointError: as :func:`masks_on`.
    """
    names = VERSE_LABELS if isinstance(case, CtVolume) else Level
    volumes = {name: case if isinstance(case, CtVolume) else volume_of(case, Level(name)) for name in names}
    return masks_on({name: Canvas(one.grid, partial(frame_of_reference, one)) for name, one in volumes.items()}, path)


def masks_on(canvases: Mapping[str, Canvas], path: Path) -> GivenMasks:
    """Read the masks of a file that were drawn on a CT.

    Args:
        canvases: by the body's name, what it must have been drawn on; L1 and L2 at least.
        path: .seg.nrrd, a label map in VerSe's numbers, or a DICOM SEG.

    Raises:
        InputRefused: NOT_FOUND, UNREADABLE, NOT_3D; MASK_EMPTY, a level has none; MASKS_OFF_GRID, they were drawn on
            other voxels; MASKS_EXCHANGED, a body lies below the next one.
        ModelRefused: DEPENDENCY_MISSING, a DICOM SEG without highdicom.
    """
    image = open_label_map(path)
    masks: dict[str, GivenMask] = {}
    for name, canvas in canvases.items():
        if count_voxels(image, name):
            masks[name] = _read(image, name, canvas, path.name)
        elif name in list(Level):
            message = f"{path.name} holds no mask of {name}. Draw it in a segment of that name"
            raise InputRefused(Reason.MASK_EMPTY, f"{message} (label {VERSE_LABELS[name]}).")
    heights = {name: one.center_lps_mm(canvases[name].grid)[2] for name, one in masks.items()}
    for upper, lower in pairwise(masks):
        if heights[upper] <= heights[lower]:
            raise InputRefused(
                Reason.MASKS_EXCHANGED,
                f"In {path.name} the mask of {upper} lies below that of {lower}, so the two are exchanged. Exchange "
                "their names.",
            )
    return masks


def _read(image: SimpleITK.Image, name: str, canvas: Canvas, file: str) -> GivenMask:
    """Read one body's mask, which isn't empty."""
    mask, grid = mask_on_grid(image, name, canvas.grid), grid_of(image)
    assert mask is not None
    to_ct = np.linalg.inv(canvas.grid.matrix) @ grid.matrix
    whole = int(np.count_nonzero(mask.mask)) == count_voxels(image, name)
    if not (are_same_voxels(grid.shape_zyx, to_ct) and whole):
        raise InputRefused(
            Reason.MASKS_OFF_GRID,
            f"The mask of {name} in {file} was not drawn on this CT: its voxels lie elsewhere or are of another size. "
            "Give the CT's own masks; in Slicer, choose the CT as the segmentation's geometry.",
        )
    frame = image.GetMetaData(FRAME_OF_REFERENCE_KEY) if image.HasMetaDataKey(FRAME_OF_REFERENCE_KEY) else None
    if frame not in (None, canvas.frame() or frame):
        raise InputRefused(
            Reason.MASKS_OFF_GRID,
            f"{file} belongs to another frame of reference than this CT, such as another study's. Give the CT's own "
            "masks.",
        )
    mark = MaskMark.find(tags_of(image, name))
    slices = (mask.corner_zyx[0] + np.flatnonzero(mask.mask.any(axis=(1, 2)))).tolist()
    slice_index = slices[len(slices) // 2] if mark is None or mark.slice_index not in slices else mark.slice_index
    return GivenMask(mask, MaskSource.EDITED if mark is None else mark.source_of(mask), int(slice_index))


def centers_of(masks: GivenMasks, case: Case) -> Points:
    """Find each level's point, LPS mm: the center of its mask on its slice."""
    grids = {level: (case if isinstance(case, CtVolume) else volume_of(case, level)).grid for level in Level}
    return {level: masks[level].center_lps_mm(grids[level]) for level in Level}
