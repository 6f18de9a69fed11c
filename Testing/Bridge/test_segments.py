"""One segment: what is set on one slice leaves the others, and a copy brings only what is drawn."""

import numpy as np
import pytest
import slicer

from OsteoJointLib.frames import shift
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.slicer_bridge.scene import segments
from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_world


def ct_and_segmentation(permuted: bool):
    shape = (12, 30, 40)
    volume = slicer.util.addVolumeFromArray(np.zeros(shape, np.int16))
    matrix = np.diag([-0.7, -0.8, 2.5, 1.0])
    if permuted:
        matrix[:3, :3] = matrix[:3, [2, 0, 1]]
    volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    return volume, node, node.GetSegmentation().AddEmptySegment("L1", "L1")


def drawn(volume, node) -> np.ndarray:
    mask = segments.read_segment(node, "L1")
    corner = np.rint(np.linalg.inv(ijk_to_world(volume)) @ mask.ijk_to_world)[:3, 3].astype(int)[::-1]
    whole = np.zeros((12, 30, 40), np.uint8)
    whole[tuple(slice(c, c + n) for c, n in zip(corner, mask.array_kji.shape, strict=True))] = mask.array_kji
    return whole


@pytest.mark.parametrize("permuted", [False, True])
def test_what_has_these_voxels_already_is_left_alone(scene, permuted):
    volume, node, segment_id = ct_and_segmentation(permuted)
    body = np.zeros((12, 30, 40), np.uint8)
    body[3:8, 5:15, 10:30] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(body, node, segment_id, volume)
    changes = []
    segmentation = node.GetSegmentation()
    segmentation.AddObserver(segmentation.SourceRepresentationModified, lambda *_: changes.append(1))
    patch = np.pad(body[3:8, 5:15, 10:30], 1)  # the same voxels, cut otherwise
    segments.write_segment(node, segment_id, MaskArray(patch, ijk_to_world(volume) @ shift((9, 4, 2))), volume)
    assert changes == []
    moved = MaskArray(patch, ijk_to_world(volume) @ shift((9, 4, 3)))
    segments.write_segment(node, segment_id, moved, volume)
    np.testing.assert_array_equal(drawn(volume, node), np.roll(body, 1, axis=0))
    assert changes != []


def test_a_copy_leaves_the_rest_of_a_large_map_behind(scene):
    volume, node, segment_id = ct_and_segmentation(permuted=False)
    body = np.zeros((12, 30, 40), np.uint8)
    body[3:8, 5:15, 10:30] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(body, node, segment_id, volume)
    target = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    target.GetSegmentation().AddEmptySegment("L1", "L1")
    segments.copy_segment(node.GetSegmentation().GetSegment("L1"), target, "L1")
    np.testing.assert_array_equal(drawn(volume, target), body)
    image = target.GetSegmentation().GetSegment("L1").GetRepresentation(segments.LABEL_MAP)
    assert tuple(image.GetDimensions()) == (20, 10, 5)
