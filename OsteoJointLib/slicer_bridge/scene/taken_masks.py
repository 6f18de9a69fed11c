"""Masks that a user has already, in a file or as a segmentation of the scene, taken as a reading's own to be corrected.

They are read by the library's rules, wherever they come from: on the CT's own voxels, both levels, L1 above L2, or
refused with the cause.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer

from OsteoJointLib.errors import InputRefused, Reason, RunFailed
from OsteoJointLib.frames import LPS_TO_RAS, Grid, flip_lps_ras, shift
from OsteoJointLib.io.canonical import to_canonical, triple
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.pipeline.given_masks import Canvas, masks_on
from OsteoJointLib.records import VERSE_LABELS, Level
from OsteoJointLib.slicer_bridge.scene.dicom_database import frame_of_reference
from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_local, local_to_world
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE


@dataclass(frozen=True, eq=False)
class TakenMasks:
    """Masks of both levels, and where each level is.

    Args:
        masks: on the CT's voxels.
        points_ras: RAS mm of the world.
    """

    masks: dict[Level, MaskArray]
    points_ras: Mapping[Level, tuple[float, float, float]]


def masks_of_file(
    path: Path,
    volume_node: slicer.vtkMRMLVolumeNode,
    centers_lps_mm: Mapping[Level, Sequence[float]] | None = None,
) -> TakenMasks:
    """Read the masks of a file.

    Args:
        path: .seg.nrrd, a label map in VerSe's numbers, or a DICOM SEG.
        volume_node: the CT that they were drawn on.
        centers_lps_mm: of the levels, in the CT's own frame; None: where the masks are.

    Raises:
        OsteoJointError: as :func:`OsteoJointLib.pipeline.given_masks.masks_on`.
    """
    grid = _grid(volume_node)
    given = masks_on(dict.fromkeys(VERSE_LABELS, Canvas(grid, lambda: frame_of_reference(volume_node))), path)
    to_world = local_to_world(volume_node) @ LPS_TO_RAS @ grid.matrix
    masks, points = {}, {}
    for level in Level:
        one = given[level].mask
        masks[level] = MaskArray(one.mask.astype(np.uint8), to_world @ shift(one.corner_zyx[::-1]), edited=True)
        center = given[level].center_lps_mm(grid) if centers_lps_mm is None else centers_lps_mm[level]
        points[level] = triple((local_to_world(volume_node) @ [*flip_lps_ras(np.asarray(center)), 1.0])[:3])
    return TakenMasks(masks, points)


def masks_of_node(node: slicer.vtkMRMLSegmentationNode, volume_node: slicer.vtkMRMLVolumeNode) -> TakenMasks:
    """Read the masks of a segmentation of the scene, as one that was loaded from DICOM.

    Args:
        node: with segments of L1 and L2, by name or terminology.
        volume_node: the CT that they were drawn on.

    Raises:
        OsteoJointError: as :func:`masks_of_file`.
    """
    if node.GetParentTransformNode() is not volume_node.GetParentTransformNode():
        raise InputRefused(
            Reason.MASKS_OFF_GRID,
            f"{node.GetName()} lies under another transform than the CT. Put both under the same one (module "
            "Transforms).",
        )
    folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
    try:
        file = folder / "segmentation.seg.nrrd"
        storage = slicer.vtkMRMLSegmentationStorageNode()
        storage.SetFileName(str(file))
        storage.SetUseCompression(False)
        if not storage.WriteData(node):
            raise RunFailed(Reason.FAILED, f"The masks of {node.GetName()} can't be read. Save it as a file first.")
        return masks_of_file(file, volume_node)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_foreign(node: slicer.vtkMRMLSegmentationNode) -> bool:
    """Say whether a segmentation is none that a reading has put into the scene."""
    return node.GetAttribute(ROLE) is None


def _grid(volume_node: slicer.vtkMRMLVolumeNode) -> Grid:
    """Give the grid of a CT in its own frame, its axes in the library's order."""
    matrix = LPS_TO_RAS @ ijk_to_local(volume_node)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    i, j, k = volume_node.GetImageData().GetDimensions()
    stored = Grid((k, j, i), triple(spacing), triple(matrix[:3, 3]), matrix[:3, :3] / spacing)
    return to_canonical(np.broadcast_to(np.uint8(0), (k, j, i)), stored)[1]
