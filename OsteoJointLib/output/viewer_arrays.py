"""What a viewer draws of a reading: masks and maps of each level as small arrays, with the matrices that place them.

The arrays go into one ``.npz``, the matrices into the worker's answer. A mask lies on the CT's own plane of the level's
slice, cut to what is drawn; a heat map or Grad-CAM map lies on the pixels of the network's crop. Each is one slice of
a volume: its matrix takes (x index, y index, z index, 1) to RAS mm, the third column being the step to the next slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.frames import Grid, mask_extent_xyxy, mask_to_plane, slice_to_crop
from OsteoJointLib.output.axial_pictures import roi_of
from OsteoJointLib.pipeline.case import CaseResult, volume_of
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import AxialSlice, Crop, CtVolume

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class LevelViews:
    """What is drawn of one level.

    Args:
        mask, network_mask, roi: (h, w) uint8, 0 or 1, one box for the three; (1, 1) zeros when all are empty.
        mask_to_ras: (4, 4), of their pixels.
        heatmap, gradcam: (224, 224) float32 in [0, 1], or None where there is none.
        crop_to_ras: (4, 4), of the maps' pixels.
    """

    mask: np.ndarray
    network_mask: np.ndarray
    roi: np.ndarray
    mask_to_ras: np.ndarray
    heatmap: np.ndarray | None
    gradcam: np.ndarray | None
    crop_to_ras: np.ndarray


def level_views(reading: VertebraReading, volume: CtVolume) -> LevelViews:
    """Cut out and place what is drawn of one level.

    Args:
        reading: the level.
        volume: the CT, or that level's slice of a pair.
    """
    segmentation, axial = reading.segmentation, reading.axial
    roi = roi_of(reading)
    if roi is None:
        roi = np.zeros_like(segmentation.mask)
    shape_yx = volume.grid.shape_zyx[1:]
    planes = [mask_to_plane(mask, axial, shape_yx) for mask in (segmentation.mask, segmentation.network_mask, roi)]
    x1, y1, x2, y2 = (int(edge) for edge in mask_extent_xyxy(np.any(planes, axis=0)) or (0, 0, 1, 1))
    mask, network_mask, roi = (plane[y1:y2, x1:x2].astype(np.uint8) for plane in planes)
    heatmap = segmentation.heatmap
    return LevelViews(
        mask,
        network_mask,
        roi,
        plane_to_ras(volume.grid, axial.slice_index, (y1, x1)),
        None if heatmap is None else slice_to_crop(heatmap, reading.crop).astype(np.float32),
        None if reading.gradcam is None else reading.gradcam.astype(np.float32),
        crop_to_ras(volume.grid, axial, reading.crop),
    )


def plane_to_ras(
    grid: Grid, slice_index: int, corner_yx: tuple[float, float], step_yx: tuple[float, float] = (1.0, 1.0)
) -> np.ndarray:
    """Place an array that lies on one plane of a grid.

    Args:
        grid: of the CT.
        slice_index: the plane.
        corner_yx: continuous index in the plane under the array's first pixel.
        step_yx: indices in the plane per pixel of the array.

    Returns:
        (4, 4): from (x, y, z) index of the array to RAS mm.

    >>> grid = Grid.axis_aligned((9, 9, 9), (0.5, 0.5, 2.0), (10.0, 20.0, 30.0))
    >>> (plane_to_ras(grid, 3, (4, 2)) @ [0, 0, 0, 1]).tolist()
    [-11.0, -22.0, 36.0, 1.0]
    """
    place = np.diag([step_yx[1], step_yx[0], 1.0, 1.0])
    place[:3, 3] = (corner_yx[1], corner_yx[0], slice_index)
    return LPS_TO_RAS @ grid.matrix @ place


def crop_to_ras(grid: Grid, axial: AxialSlice, crop: Crop) -> np.ndarray:
    """Place the pixels of a crop of the network's slice; as :func:`plane_to_ras`."""
    corner_yx = np.asarray(axial.origin_yx) + np.asarray(crop.corner_yx) * np.asarray(axial.step_yx)
    return plane_to_ras(grid, axial.slice_index, (float(corner_yx[0]), float(corner_yx[1])), axial.step_yx)


def write_views(result: CaseResult, path: Path) -> dict[str, Any]:
    """Write the arrays of both levels as an uncompressed ``.npz``, whole.

    Args:
        result: the case.
        path: where; an existing file is replaced.

    Returns:
        ``file`` and, per level, ``mask_to_ras`` and ``crop_to_ras`` as lists of rows.
    """
    arrays: dict[str, np.ndarray] = {}
    answer: dict[str, Any] = {"file": str(path)}
    for reading in result.readings:
        level = reading.point.level
        views = level_views(reading, volume_of(result.volume, level))
        for name in ("mask", "network_mask", "roi", "heatmap", "gradcam"):
            array = getattr(views, name)
            if array is not None:
                arrays[f"{level}_{name}"] = array
        answer[level.value] = {"mask_to_ras": views.mask_to_ras.tolist(), "crop_to_ras": views.crop_to_ras.tolist()}
    with write_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return answer
