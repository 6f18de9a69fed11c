"""Volumes out of Slicer's scene, segmentations into it."""

from __future__ import annotations

from pathlib import Path

import slicer

from OsteoJointLib.errors import Reason, RunFailed


def export_volume(volume_node, path: Path) -> None:
    """Write a volume as it lies in the world, parent transforms applied; the node and its storage stay as they are.

    Raises:
        RunFailed: it could not be written.
    """
    slicer.util.exportNode(volume_node, str(path), {"useCompression": 0}, world=True)
    if not path.is_file():
        name = volume_node.GetName()
        raise RunFailed(Reason.FAILED, f"Expected Slicer to write {name} to {path}: is there room on the disk?")


def load_segmentation(path: Path, volume_node):
    """Load a segmentation beside its volume, in the volume's geometry and study.

    Returns:
        The new vtkMRMLSegmentationNode.
    """
    node = slicer.util.loadSegmentation(str(path))
    node.SetName(f"{volume_node.GetName()} L1 L2")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    volume_item = hierarchy.GetItemByDataNode(volume_node)
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(node), hierarchy.GetItemParent(volume_item))
    return node
