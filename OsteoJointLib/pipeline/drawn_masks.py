"""A user's edited label map: read from a file, laid on the CT's grid, kept where it was changed.

A mask over several slices is a whole body; one on the mid-slice alone changes that slice of the body that is there.

VerSe numbers name the levels (L1 = 20, L2 = 21). In a ``.seg.nrrd`` or a DICOM SEG the segments' own names and SNOMED
codes count: Slicer may give a segment another number and put overlapping segments on several layers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid, effective_box, mask_to_plane, plane_to_mask
from OsteoJointLib.io.dicom_headers import looks_like_dicom
from OsteoJointLib.io.dicom_segments import read_segments
from OsteoJointLib.io.files.opening import read_header, read_voxels
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.pipeline.case import Case, CaseResult, volume_of
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import SNOMED_CODES, VERSE_LABELS, BodyVolume, Level

if TYPE_CHECKING:
    import SimpleITK


_TYPE_CODE = re.compile(r"TerminologyEntry:[^~|]*~[^~|]*~SCT\^(\d+)\^")
"""The code of a segment's type among its tags, see :mod:`OsteoJointLib.output.terminology`."""


@dataclass(frozen=True, eq=False)
class PlacedMask:
    """A mask on a part of a grid; outside it there is nothing.

    Args:
        mask: (z, y, x) bool.
        corner_zyx: index in the grid of its first voxel.
    """

    mask: np.ndarray
    corner_zyx: tuple[int, int, int]

    @classmethod
    def of(cls, body: BodyVolume) -> PlacedMask:
        """Take a body's mask."""
        return cls(body.mask, body.corner_zyx)

    def draw(self, labels: np.ndarray, value: int) -> None:
        """Write a value into the grid's array, in place, where the mask is."""
        part = tuple(slice(c, c + n) for c, n in zip(self.corner_zyx, self.mask.shape, strict=True))
        labels[part][self.mask] = value

    def on_grid(self, grid: Grid) -> np.ndarray:
        """Draw the mask on the whole grid, (z, y, x) bool."""
        out = np.zeros(grid.shape_zyx, dtype=bool)
        self.draw(out, True)
        return out

    def plane(self, slice_index: int, shape_yx: tuple[int, ...]) -> np.ndarray:
        """Cut the mask at one of its grid's slices, (y, x) bool on the grid's plane."""
        plane, (z, y, x) = np.zeros(shape_yx, dtype=bool), self.corner_zyx
        slices, rows, columns = self.mask.shape
        if 0 <= slice_index - z < slices:
            plane[y : y + rows, x : x + columns] = self.mask[slice_index - z]
        return plane

    def in_box(self, corner_zyx: tuple[int, int, int], shape: tuple[int, ...]) -> np.ndarray:
        """Draw the mask on a box of the grid that holds all of it, (z, y, x) bool."""
        out = np.zeros(shape, dtype=bool)
        start = np.subtract(self.corner_zyx, corner_zyx)
        out[tuple(slice(a, a + n) for a, n in zip(start, self.mask.shape, strict=True))] = self.mask
        return out

    def trimmed(self) -> PlacedMask:
        """Cut off what is empty around it."""
        box = effective_box(self.mask)
        if box is None:
            return PlacedMask(np.zeros((0, 0, 0), dtype=bool), (0, 0, 0))
        z, y, x = (int(first + part.start) for first, part in zip(self.corner_zyx, box, strict=True))
        return PlacedMask(self.mask[box], (z, y, x))

    def same_as(self, other: PlacedMask) -> bool:
        """Say whether both have the same voxels."""
        own, others = self.trimmed(), other.trimmed()
        return own.corner_zyx == others.corner_zyx and np.array_equal(own.mask, others.mask)

    def with_plane(self, slice_index: int, plane: np.ndarray) -> PlacedMask:
        """Put a (y, x) bool plane of the grid in the place of one of its slices."""
        hit = np.argwhere(plane)
        low, high = np.array(self.corner_zyx), np.add(self.corner_zyx, self.mask.shape)
        first = np.minimum(low, [slice_index, *hit.min(axis=0)]) if hit.size else low
        last = np.maximum(high, [slice_index + 1, *(hit.max(axis=0) + 1)]) if hit.size else high
        out = np.zeros(last - first, dtype=bool)
        out[tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))] = self.mask
        if 0 <= slice_index - first[0] < len(out):
            out[slice_index - first[0]] = plane[first[1] : last[1], first[2] : last[2]]
        z, y, x = (int(n) for n in first)
        return PlacedMask(out, (z, y, x))

    @property
    def slices(self) -> int:
        """How many slices it touches."""
        return int(np.count_nonzero(self.mask.any(axis=(1, 2))))


Drawn = np.ndarray | PlacedMask
"""What a user drew of a level: (y, x) bool on the CT's own plane at the level's slice, or the whole body."""


def edited_masks(result: CaseResult, files: Mapping[Level, Path]) -> dict[Level, Drawn]:
    """Read edited masks and keep those that differ from the ones there are.

    Args:
        result: the reading that was edited.
        files: the label map that holds each level (one file for both, or one a slice of a pair).

    Returns:
        What was drawn of each level whose mask changed: the whole body where one was segmented and the file has several
        slices of it, else the plane. A level without a segment counts as not edited, one with an empty segment as
        erased.

    Raises:
        InputRefused: a file can't be read.
    """
    images: dict[Path, SimpleITK.Image] = {}
    drawn: dict[Level, Drawn] = {}
    for reading in result.readings:
        level = reading.point.level
        if level not in files:
            continue
        path = files[level]
        if path not in images:
            images[path] = open_label_map(path)
        grid = volume_of(result.volume, level).grid
        mask = mask_on_grid(images[path], level, grid)
        if mask is None:
            continue
        plane = mask.plane(reading.axial.slice_index, grid.shape_zyx[1:])
        if mask.slices > 1 and (reading.body or reading.network_body) is not None:
            if reading.body is None or not mask.same_as(PlacedMask.of(reading.body)):  # erased at the mid-slice before
                drawn[level] = mask
        elif not np.array_equal(plane, mask_to_plane(reading.segmentation.mask, reading.axial, plane.shape)):
            drawn[level] = plane
    return drawn


def mask_from_plane(plane: np.ndarray, reading: VertebraReading) -> np.ndarray:
    """Bring a user's mask from the CT's plane to the slice's frame, (512, 512) bool.

    A plane that shows the network's own mask gives that very mask, so that taking an edit back takes all of it back.
    """
    network_mask = reading.segmentation.network_mask
    if np.array_equal(plane, mask_to_plane(network_mask, reading.axial, plane.shape)):
        return network_mask
    return plane_to_mask(plane, reading.axial)


def read_level_mask(path: Path, level: Level, grid: Grid) -> PlacedMask | None:
    """Read one level's mask from a label map and lay it on a grid, by nearest neighbor.

    Args:
        path: .nrrd, .seg.nrrd, .nii.gz or .mha.
        level: which level.
        grid: of the CT.

    Returns:
        The mask; None when the file has segments, but none of this level.

    Raises:
        InputRefused: UNREADABLE.
    """
    return mask_on_grid(open_label_map(path), level, grid)


def read_level_masks(files: Mapping[Level, Path], case: Case) -> dict[Level, PlacedMask]:
    """Read the masks of all levels that are given.

    Args:
        files: the label map that holds each level.
        case: the CT or the pair of slices on whose grid they are laid.

    Raises:
        InputRefused: a file can't be read or has no segment of its level.
    """
    masks = {}
    for level, path in files.items():
        mask = read_level_mask(path, level, volume_of(case, level).grid)
        if mask is None:
            raise InputRefused(
                Reason.MASK_EMPTY, f"{path.name} has no segment named {level}. Rename the one that is meant."
            )
        masks[level] = mask
    return masks


def open_label_map(path: Path) -> SimpleITK.Image:
    """Open a label map or a segmentation.

    Raises:
        InputRefused: NOT_FOUND, UNREADABLE, NOT_3D, BAD_GEOMETRY, TOO_LARGE.
        ModelRefused: DEPENDENCY_MISSING, a DICOM SEG without highdicom.
    """
    if not path.is_file():
        raise InputRefused(Reason.NOT_FOUND, f"There is no file of masks at {path}. Check the path.")
    if looks_like_dicom(path):
        return read_segments(path, lambda names, code: any(_is_meant(name, names, code) for name in VERSE_LABELS))
    try:
        header = read_header(path)
        image = image_on_grid(read_voxels(header, ReadingLimits().memory_gib), header.grid)
    except InputRefused as refusal:
        said = f"The label map {path.name} can't be used. {refusal.message}"
        raise InputRefused(refusal.reason, said, f"The label map can't be used. {refusal.public}") from refusal
    for key, value in header.keys.items():
        image.SetMetaData(key, value)
    return image


def mask_on_grid(image: SimpleITK.Image, name: str, grid: Grid) -> PlacedMask | None:
    """Lay a body's mask on a grid, by nearest neighbor; None without such a segment.

    Args:
        image: as :func:`open_label_map` gives it.
        name: of the body, T12 to L3.
        grid: of the CT.
    """
    import SimpleITK as sitk

    place = _place_of(image, name)
    if place is None:
        return None
    layer, value = place.layer, place.value
    if image.GetNumberOfComponentsPerPixel() > 1:
        image = sitk.VectorIndexSelectionCast(image, layer)
    corner, stop = _reach(image, value, grid)
    if np.any(stop <= corner):
        return PlacedMask(np.zeros((0, 0, 0), dtype=bool), (0, 0, 0))
    reference = sitk.Image([int(n) for n in (stop - corner)[::-1]], sitk.sitkUInt8)
    reference.SetSpacing([float(v) for v in grid.spacing_xyz_mm])
    reference.SetOrigin(grid.index_to_lps(corner).tolist())
    reference.SetDirection(np.asarray(grid.direction, dtype=np.float64).ravel().tolist())
    labels = sitk.Resample(image, reference, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    z, y, x = (int(index) for index in corner)
    return PlacedMask(sitk.GetArrayViewFromImage(labels) == value, (z, y, x))


def count_voxels(image: SimpleITK.Image, name: str) -> int:
    """Count a body's voxels in a label map; 0 without such a segment."""
    import SimpleITK as sitk

    place = _place_of(image, name)
    if place is None:
        return 0
    voxels = sitk.GetArrayViewFromImage(image)
    return int(np.count_nonzero((voxels if voxels.ndim == 3 else voxels[..., place.layer]) == place.value))


def tags_of(image: SimpleITK.Image, name: str) -> str:
    """Read what Slicer's field of tags says of a body's segment; empty without such a segment or field."""
    place = _place_of(image, name)
    return "" if place is None else place.tags


def _reach(image: SimpleITK.Image, value: int, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """First and past-the-last (z, y, x) index of the part of a grid that a label's voxels may reach."""
    import SimpleITK as sitk

    voxels = sitk.GetArrayViewFromImage(image) == value
    ends = []
    for axis in range(3):
        hit = np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != axis)))
        if hit.size == 0:
            return np.zeros(3, dtype=int), np.zeros(3, dtype=int)
        ends.append((hit[0] - 0.5, hit[-1] + 0.5))
    corners = [
        image.TransformContinuousIndexToPhysicalPoint((x, y, z)) for z in ends[0] for y in ends[1] for x in ends[2]
    ]
    index = grid.lps_to_index(np.asarray(corners))
    first = np.clip(np.floor(index.min(axis=0)).astype(int), 0, grid.shape_zyx)
    return first, np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, 0, grid.shape_zyx)


@dataclass(frozen=True)
class _Place:
    """Where a body stands in a label map: layer and value; with the tags of its segment."""

    layer: int
    value: int
    tags: str = ""


def _place_of(image: SimpleITK.Image, name: str) -> _Place | None:
    """Find a body by its segment's ID, name or code where there are segments, else by VerSe's number."""
    fields = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    segments = [found[1] for key in sorted(fields) if (found := re.fullmatch(r"(Segment\d+)_ID", key))]
    for segment in segments:
        names = (fields[f"{segment}_ID"], fields.get(f"{segment}_Name", ""))
        tags = fields.get(f"{segment}_Tags", "")
        code = _TYPE_CODE.search(tags)
        if _is_meant(name, names, code[1] if code else ""):
            return _Place(int(fields.get(f"{segment}_Layer", 0)), int(fields[f"{segment}_LabelValue"]), tags)
    return None if segments else _Place(0, VERSE_LABELS[name])


def _is_meant(body: str, names: tuple[str, ...], code: str) -> bool:
    """Say whether a segment is a body's, by one of its names or by SNOMED's code of the vertebra."""
    return code == SNOMED_CODES[body] or any(re.match(rf"{body}\b", name) for name in names)
