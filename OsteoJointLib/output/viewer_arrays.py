"""What a viewer draws of a reading: masks and maps of each level as small arrays, with the matrices that place them.

The arrays go into one ``.npz``, the matrices into the worker's answer; both are written and read here. A mask is a
whole body on the CT's own voxels, cut to what is drawn, or one slice of it where only that was segmented; a heat map or
explanation map lies on the pixels of the network's crop and is one slice of a volume. A matrix takes (x index, y index,
z index, 1) to RAS mm, the third column being the step to the next slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.frames import Grid, mask_to_plane, plane_to_ras, slice_to_crop
from OsteoJointLib.pipeline.case import CaseResult, images_of
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import VERSE_LABELS, AxialSlice, BodyVolume, Crop, Level

_ARRAYS = ("mask", "network_mask", "roi", "heatmap", "explanation")
_MATRICES = ("mask_to_ras", "crop_to_ras")


@dataclass(frozen=True, eq=False)
class MaskArray:
    """A mask with its place in the world.

    Args:
        array_kji: (k, j, i) uint8, 0 or 1.
        ijk_to_world: (4, 4), voxel indices to RAS mm of the world.
        edited, refined: whether a user drew it, and whether the level set moved it.
    """

    array_kji: np.ndarray
    ijk_to_world: np.ndarray
    edited: bool = False
    refined: bool = False

    def reaches_slice(self, point_ras: Sequence[float]) -> bool:
        """Say whether it has voxels on the axial slice of a point: on the axis that runs nearest to the patient's own.

        >>> mask = MaskArray(np.ones((2, 3, 3), np.uint8), np.diag([1.0, 1.0, 5.0, 1.0]))
        >>> [mask.reaches_slice((99.0, 99.0, height)) for height in (-2.6, -2.4, 7.4, 7.6)]
        [False, True, True, False]
        """
        columns = self.ijk_to_world[:3, :3] / np.linalg.norm(self.ijk_to_world[:3, :3], axis=0)
        axis = int(np.abs(columns[2]).argmax())
        index = (np.linalg.inv(self.ijk_to_world) @ [*point_ras, 1.0])[axis]
        return bool(0 <= round(index) < self.array_kji.shape[2 - axis])


@dataclass(frozen=True, eq=False)
class LevelViews:
    """What is drawn of one level.

    Args:
        mask, network_mask, roi: (d, h, w) uint8, 0 or 1, one box for the three; (1, 1, 1) zeros when all are empty. The
            network's mask is that before any refinement or edit.
        mask_to_ras: (4, 4), of their voxels.
        crop_to_ras: (4, 4), of the maps' pixels.
        heatmap, explanation: (224, 224) float32 in [0, 1], or None where there is none; explanations of a case are in
            one scale, 1 being the strongest place of both levels.
    """

    mask: np.ndarray
    network_mask: np.ndarray
    roi: np.ndarray
    mask_to_ras: np.ndarray
    crop_to_ras: np.ndarray
    heatmap: np.ndarray | None = None
    explanation: np.ndarray | None = None

    def mask_array(self, kind: str = "mask") -> MaskArray:
        """Give ``mask``, ``network_mask`` or ``roi`` with its place."""
        return MaskArray(getattr(self, kind), self.mask_to_ras)


@dataclass(frozen=True, eq=False)
class Views:
    """What is drawn of a case: by level, and the bodies beside them by name."""

    levels: dict[Level, LevelViews]
    neighbors: dict[str, MaskArray] = field(default_factory=dict)


def level_views(reading: VertebraReading) -> LevelViews:
    """Cut out and place what is drawn of one level."""
    segmentation, measured, axial, grid = reading.segmentation, reading.measurement, reading.axial, reading.volume.grid
    corner = measured.corner_zyx
    roi = _placed(None, measured.mask, reading) if corner is None else PlacedMask(measured.mask, corner)
    network = _placed(reading.network_body, segmentation.network_mask, reading)
    masks = [one.trimmed() for one in (_placed(reading.body, segmentation.mask, reading), network, roi)]
    drawn = [one for one in masks if one.mask.size]
    first, end = np.array([axial.slice_index, 0, 0]), np.array([axial.slice_index + 1, 1, 1])
    if drawn:
        first = np.min([one.corner_zyx for one in drawn], axis=0)
        end = np.max([np.add(one.corner_zyx, one.mask.shape) for one in drawn], axis=0)
    z, y, x = (int(index) for index in first)
    mask, network_mask, roi_mask = (one.in_box((z, y, x), tuple(end - first)).astype(np.uint8) for one in masks)
    heatmap = segmentation.heatmap
    return LevelViews(
        mask,
        network_mask,
        roi_mask,
        plane_to_ras(grid, z, (y, x)),
        crop_to_ras(grid, axial, reading.crop),
        None if heatmap is None else slice_to_crop(heatmap, reading.crop).astype(np.float32),
        None if reading.explanation is None else reading.explanation.values,
    )


def _placed(body: BodyVolume | None, mask: np.ndarray, reading: VertebraReading) -> PlacedMask:
    """Give a body with a (512, 512) mask of the slice on its mid-slice, or that mask alone, on the CT's voxels."""
    plane, index = mask_to_plane(mask, reading.axial, reading.volume.grid.shape_zyx[1:]), reading.axial.slice_index
    return PlacedMask(plane[None], (index, 0, 0)) if body is None else PlacedMask.of(body).with_plane(index, plane)


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
        ``file`` and, per level, ``mask_to_ras`` and ``crop_to_ras`` as lists of rows; of T12 and L3, where they were
        seen, ``mask_to_ras``.
    """
    arrays: dict[str, np.ndarray] = {}
    answer: dict[str, Any] = {"file": str(path)}
    for reading in result.readings:
        level, views = reading.level, level_views(reading)
        found = {name: getattr(views, name) for name in _ARRAYS}
        arrays.update({f"{level}_{name}": array for name, array in found.items() if array is not None})
        answer[level.value] = {name: getattr(views, name).tolist() for name in _MATRICES}
    for body in result.neighbors:  # a pair of slices has none
        placed, grid = PlacedMask.of(body).trimmed(), images_of(result.volume)[0].grid
        z, y, x = placed.corner_zyx
        arrays[f"{body.name}_mask"] = placed.mask.astype(np.uint8)
        answer[body.name] = {"mask_to_ras": plane_to_ras(grid, z, (y, x)).tolist()}
    with write_whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    return answer


def read_views(answer: Mapping[str, Any]) -> Views:
    """Read what :func:`write_views` wrote, from its answer; the file may be deleted then."""
    with np.load(Path(answer["file"]), allow_pickle=False) as arrays:
        levels = {level: _level_views(answer[level], arrays, level) for level in Level if level in answer}
        beside = [name for name in answer if name in VERSE_LABELS and name not in list(Level)]
        places = {name: np.asarray(answer[name]["mask_to_ras"], dtype=np.float64) for name in beside}
        return Views(levels, {name: MaskArray(arrays[f"{name}_mask"], place) for name, place in places.items()})


def _level_views(matrices: Mapping[str, Any], arrays: Mapping[str, np.ndarray], level: Level) -> LevelViews:
    found: dict[str, Any] = {name: arrays.get(f"{level}_{name}") for name in _ARRAYS}
    return LevelViews(**found, **{name: np.asarray(matrices[name], dtype=np.float64) for name in _MATRICES})
