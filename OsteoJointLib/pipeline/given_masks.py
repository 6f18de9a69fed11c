"""Masks of both levels that a user gives for a CT: they stand for its levels, too, and what comes before isn't run.

They are a user's own, so nothing is guessed of them: they lie on the CT's own voxels, both levels are there, and L1
lies above L2; or they are refused with the cause. A level's slice is the middle one of its mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import are_same_voxels
from OsteoJointLib.io.dicom_segments import FRAME_OF_REFERENCE_KEY
from OsteoJointLib.io.dicom_study import frame_of_reference
from OsteoJointLib.io.volume_files import grid_of
from OsteoJointLib.pipeline.case import Case, volume_of
from OsteoJointLib.pipeline.drawn_masks import PlacedMask, count_voxels, mask_on_grid, open_label_map
from OsteoJointLib.pipeline.points import Points
from OsteoJointLib.records import Level

GivenMasks = Mapping[Level, PlacedMask]
"""The masks of both levels on the CT's grid."""


def read_given_masks(path: Path, case: Case) -> GivenMasks:
    """Read the masks of both levels.

    Args:
        path: .seg.nrrd, a label map in VerSe's numbers, or a DICOM SEG.
        case: the CT or the pair of slices that they were drawn on.

    Raises:
        InputRefused: NOT_FOUND, UNREADABLE, NOT_3D; MASK_EMPTY, a level has none; MASKS_OFF_GRID, they were drawn on
            other voxels; MASKS_EXCHANGED, L1 lies below L2.
        ModelRefused: DEPENDENCY_MISSING, a DICOM SEG without highdicom.
    """
    image, masks = open_label_map(path), {}
    grid, frame = grid_of(image), None
    if image.HasMetaDataKey(FRAME_OF_REFERENCE_KEY):
        frame = image.GetMetaData(FRAME_OF_REFERENCE_KEY)
    for level in Level:
        volume = volume_of(case, level)
        mask = mask_on_grid(image, level, volume.grid)
        if mask is None or not count_voxels(image, level):
            raise InputRefused(
                Reason.MASK_EMPTY,
                f"{path.name} holds no mask of {level}. Draw it in a segment of that name (label {level.verse_label}).",
            )
        to_ct = np.linalg.inv(volume.grid.matrix) @ grid.matrix
        whole = int(np.count_nonzero(mask.mask)) == count_voxels(image, level)
        if not (are_same_voxels(grid.shape_zyx, to_ct) and whole):
            raise InputRefused(
                Reason.MASKS_OFF_GRID,
                f"The mask of {level} in {path.name} was not drawn on this CT: its voxels lie elsewhere or are of "
                "another size. Give the CT's own masks; in Slicer, choose the CT as the segmentation's geometry.",
            )
        if frame not in (None, frame_of_reference(volume) or frame):
            raise InputRefused(
                Reason.MASKS_OFF_GRID,
                f"{path.name} belongs to another frame of reference than this CT, such as another study's. Give the "
                "CT's own masks.",
            )
        masks[level] = mask
    points = centers_of(masks, case)
    if points[Level.L1][2] <= points[Level.L2][2]:
        raise InputRefused(
            Reason.MASKS_EXCHANGED,
            f"In {path.name} the mask of L1 lies below that of L2, so the two are exchanged. Exchange their names.",
        )
    return masks


def centers_of(masks: GivenMasks, case: Case) -> Points:
    """Find each level's point, LPS mm: the center of its mask's middle slice."""
    points = {}
    for level, mask in masks.items():
        slices = np.flatnonzero(mask.mask.any(axis=(1, 2)))
        middle = int(slices[len(slices) // 2])
        y, x = np.argwhere(mask.mask[middle]).mean(axis=0)
        place = volume_of(case, level).grid.index_to_lps(np.add(mask.corner_zyx, (middle, y, x)))
        points[level] = (float(place[0]), float(place[1]), float(place[2]))
    return points
