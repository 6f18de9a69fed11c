"""From the nodes' matrices to numpy's; what needs no node is in :mod:`OsteoJointLib.frames`.

Everything is RAS mm. "World" is the scene; "local" is the frame of a node, which its parent transform takes to the
world.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from OsteoJointLib.frames import anatomical_order


def local_to_world(node: slicer.vtkMRMLTransformableNode) -> np.ndarray:
    """Give the 4x4 of a node's parent transform (linear); identity where it has none."""
    matrix = vtk.vtkMatrix4x4()
    if (parent := node.GetParentTransformNode()) is not None:
        parent.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def ijk_to_local(volume_node: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Give the 4x4 from a volume's voxel indices to its own frame."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def ijk_to_world(volume_node: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Give the 4x4 from a volume's voxel indices to the world."""
    return local_to_world(volume_node) @ ijk_to_local(volume_node)


def anatomical_ijk_to_world(volume_node: slicer.vtkMRMLVolumeNode) -> np.ndarray:
    """Give the 4x4 to the world from voxels counted right, front and up, however the volume stores them.

    Slicer turns the slices of a left-handed volume round when it loads a scene: counted like this, every voxel keeps
    its number.
    """
    ijk_to_ras = ijk_to_local(volume_node)
    last = np.array(volume_node.GetImageData().GetDimensions()) - 1
    stored = np.eye(4)
    stored[:3, :3] = 0.0
    for axis, (of, sign) in enumerate(zip(*anatomical_order(ijk_to_ras), strict=True)):
        stored[of, axis] = sign
        stored[of, 3] = last[of] if sign < 0 else 0
    return local_to_world(volume_node) @ ijk_to_ras @ stored
