"""One segment of a segmentation: written, read, copied and found, in milliseconds whatever the size of the CT.

A label map covers its body only, in the voxels of the CT. Reading allows for what Slicer's Segment Editor makes of it:
other segments in the same layer, a larger extent, another geometry.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
import vtk.util.numpy_support

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import Placed, effective_box, onto_grid, shift
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_world, local_to_world

LABEL_MAP = "Binary labelmap"


Memory = dict[str, tuple[tuple[int, int, int], Placed | None]]
"""What was read of a node's segments, by name, each with what shows that it was changed since."""


def find_segment(node: slicer.vtkMRMLSegmentationNode | None, name: str) -> slicer.vtkSegment | None:
    """Find the segment with this ID or else this name; None where there is none, or no node."""
    segment_id = find_segment_id(node, name)
    return node.GetSegmentation().GetSegment(segment_id) if node is not None and segment_id else None


def find_segment_id(node: slicer.vtkMRMLSegmentationNode | None, name: str) -> str:
    """Find the ID of a segment, as :func:`find_segment`; "" where there is none."""
    if node is None:
        return ""
    segmentation = node.GetSegmentation()
    return name if segmentation.GetSegment(name) is not None else segmentation.GetSegmentIdBySegmentName(name)


def write_segment(
    node: slicer.vtkMRMLSegmentationNode,
    segment_id: str,
    mask: MaskArray,
    volume_node: slicer.vtkMRMLVolumeNode,
    memory: Memory | None = None,
) -> None:
    """Set a segment's voxels in place: its ID, color and tags stay. One that has these voxels is left alone.

    Args:
        node: under the same parent transform as the CT.
        segment_id: of a segment that is there.
        mask: its new voxels.
        volume_node: the CT, whose voxels the mask is on.
        memory: of the same node, as in :func:`read_segment`.

    Raises:
        RunFailed: it is not on the CT's voxels.
    """
    to_ct = np.linalg.inv(ijk_to_world(volume_node))
    placed = _on_ct(mask, to_ct).trimmed()
    former = read_segment(node, segment_id, memory)
    if former is not None and placed.same_as(onto_grid(former.array_kji, to_ct @ former.ijk_to_world)):
        return  # what isn't touched needs no new surface, and no new look
    image = None
    if placed.array_kji.any():
        matrix = vtk.vtkMatrix4x4()
        volume_node.GetIJKToRASMatrix(matrix)
        image = _image(placed, matrix)
    _set(node, segment_id, image)


def read_segment(
    node: slicer.vtkMRMLSegmentationNode | None, name: str, memory: Memory | None = None
) -> MaskArray | None:
    """Read a segment's voxels, cut to what is drawn; None where nothing is.

    Args:
        node: None holds nothing.
        name: of the segment.
        memory: of the same node; a label map that wasn't changed since isn't searched again.
    """
    segment = find_segment(node, name)
    image: Any = None if segment is None else segment.GetRepresentation(LABEL_MAP)
    if segment is None or _is_empty(image):
        return None
    stamp = (image.GetMTime(), image.GetPointData().GetScalars().GetMTime(), segment.GetLabelValue())
    memory = {} if memory is None else memory
    if memory.get(name, (None, None))[0] != stamp:
        memory[name] = stamp, _drawn(image, segment.GetLabelValue())
    drawn = memory[name][1]
    if drawn is None:
        return None
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    ijk = local_to_world(node) @ slicer.util.arrayFromVTKMatrix(matrix) @ shift(drawn.corner_ijk)
    return MaskArray(drawn.array_kji, ijk)


def copy_segment(segment: slicer.vtkSegment, node: slicer.vtkMRMLSegmentationNode, segment_id: str) -> None:
    """Set a segment's voxels to those of another one, in the geometry that this one has.

    Args:
        segment: to copy.
        node: under the same parent transform.
        segment_id: of the segment that is set.
    """
    image = segment.GetRepresentation(LABEL_MAP)
    # its neighbors in the layer aren't wanted, nor the rest of a map that the Segment Editor made as large as the CT
    drawn = None if _is_empty(image) else _drawn(image, segment.GetLabelValue())
    if drawn is None:
        _set(node, segment_id, None)
        return
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    _set(node, segment_id, _image(drawn, matrix))


def tag(segment: slicer.vtkSegment | None, name: str) -> str | None:
    """Read a segment's tag; None where it has none, or there is no segment."""
    value = vtk.reference("")
    return str(value) if segment is not None and segment.GetTag(name, value) else None


def set_terminology(segment: slicer.vtkSegment, entry: str) -> None:
    """Set a segment's terminology from an entry in Slicer's grammar."""
    if hasattr(segment, "SetTerminology"):  # since Slicer 5.10
        segment.SetTerminology(entry)
    else:
        segment.SetTag(segment.GetTerminologyEntryTagName(), entry)


def _on_ct(mask: MaskArray, to_ct: np.ndarray) -> Placed:
    placed = onto_grid(mask.array_kji, to_ct @ mask.ijk_to_world)
    if placed is None:
        raise RunFailed(
            Reason.FAILED, "The CT was moved or replaced during the run, so the new mask doesn't fit it. Press Update."
        )
    return placed


def _drawn(image: slicer.vtkOrientedImageData, label: int) -> Placed | None:
    """Read what is drawn in a label map, voxels 0 or 1; None where nothing is."""
    voxels = _voxels(image)
    # slice by slice first: comparing a map as large as the CT would take ten times as long
    filled = np.flatnonzero(voxels.reshape(len(voxels), -1).max(axis=1))
    if filled.size == 0:
        return None
    first_k, end_k = int(filled[0]), int(filled[-1]) + 1
    inside = voxels[first_k:end_k] == label
    box = effective_box(inside)
    if box is None:
        return None
    i, j, k = (int(first) + one.start for first, one in zip(image.GetExtent()[::2], reversed(box), strict=True))
    return Placed(inside[box].astype(np.uint8), (i, j, k + first_k))


def _image(placed: Placed, ijk_to_local: vtk.vtkMatrix4x4) -> slicer.vtkOrientedImageData:
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*placed.extent)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    _voxels(image)[:] = placed.array_kji > 0
    image.SetGeometryFromImageToWorldMatrix(ijk_to_local)
    return image


def _set(node: slicer.vtkMRMLSegmentationNode, segment_id: str, image: slicer.vtkOrientedImageData | None) -> None:
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    with slicer.util.NodeModify(node):
        if image is None:
            logic.ClearSegment(node, segment_id)
        else:
            logic.SetBinaryLabelmapToSegment(image, node, segment_id, logic.MODE_REPLACE)


def _voxels(image: slicer.vtkOrientedImageData) -> np.ndarray:
    """Give the (k, j, i) view of an image's voxels."""
    values = vtk.util.numpy_support.vtk_to_numpy(image.GetPointData().GetScalars())
    return values.reshape(image.GetDimensions()[::-1])


def _is_empty(image: Any) -> bool:
    return image is None or image.GetPointData().GetScalars() is None or 0 in image.GetDimensions()
