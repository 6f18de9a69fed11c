"""CTs in the scene that lie every which way, and pictures of a reading on them as the worker would send them.

What the worker does is done here by the library's own functions: the CT's grid in the world is brought to the canonical
one, and masks are cut from its planes. So the bridge is held against the place that the library gives each voxel.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from OsteoJointLib.frames import Grid, flip_lps_ras, plane_to_ras
from OsteoJointLib.io.canonical import to_canonical
from OsteoJointLib.output.viewer_arrays import LevelViews, Views
from OsteoJointLib.records import Level


def turned(x_deg: float, z_deg: float) -> np.ndarray:
    """A rotation about x, then about z."""
    x, z = np.deg2rad(x_deg), np.deg2rad(z_deg)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_z @ about_x


def placed(axes: np.ndarray, spacing, origin) -> np.ndarray:
    """4x4 from axes (unit columns), spacing and origin, RAS."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = axes * np.asarray(spacing), origin
    return matrix


AXIAL = np.diag([-1.0, -1.0, 1.0])
LYING = {
    "axial": ((24, 40, 44), placed(AXIAL, (0.7, 0.7, 2.5), (15.0, 14.0, -30.0)), None),
    "oblique": ((24, 40, 44), placed(turned(11, 17) @ AXIAL, (0.7, 0.7, 2.5), (15.0, 14.0, -30.0)), None),
    "sagittal": (
        (44, 24, 40),
        placed(np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]]), (0.7, 2.5, 0.7), (-15.0, -14.0, -30.0)),
        None,
    ),
    "left-handed": ((24, 40, 44), placed(np.diag([1.0, -1.0, 1.0]), (0.7, 0.7, 2.5), (-15.0, 14.0, -30.0)), None),
    "upside down, moved": (
        (24, 40, 44),
        placed(np.diag([-1.0, -1.0, -1.0]), (0.7, 0.7, 2.5), (15.0, 14.0, 30.0)),
        placed(turned(-5, 30), (1, 1, 1), (10.0, -20.0, 33.0)),
    ),
}
"""Shape (k, j, i), voxels to RAS, and the parent transform or None, by name."""


def add_ct(lying: str = "axial", name: str = "CT"):
    """Put a CT into the scene, a ramp of gray values.

    Returns:
        Its vtkMRMLScalarVolumeNode.
    """
    shape, matrix, parent = LYING[lying]
    values = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    return add_volume(values, matrix, parent, name)


def add_volume(values, matrix, parent=None, name: str = "CT"):
    """Put an array into the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    slicer.util.updateVolumeFromArray(node, values)
    node.CreateDefaultDisplayNodes()
    if parent is not None:
        move(node, parent)
    return node


def move(node, parent: np.ndarray) -> None:
    """Put a node under a new linear transform."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(parent))
    node.SetAndObserveTransformNodeID(transform.GetID())


def world_matrix(node) -> np.ndarray:
    """4x4 from a volume's voxels to the world, by VTK alone."""
    to_ras, to_world = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(to_ras)
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(node.GetParentTransformNode(), None, to_world)
    vtk.vtkMatrix4x4.Multiply4x4(to_world, to_ras, to_ras)
    return np.array([[to_ras.GetElement(row, column) for column in range(4)] for row in range(4)])


def canonical_grid(node) -> Grid:
    """The grid in which the library would read a CT of the scene."""
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ world_matrix(node)
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    shape = node.GetImageData().GetDimensions()[::-1]
    grid = Grid(shape, tuple(spacing), tuple(matrix[:3, 3]), matrix[:3, :3] / spacing)
    return to_canonical(np.zeros(shape, dtype=np.uint8), grid)[1]


def body(height: int = 12, width: int = 16) -> np.ndarray:
    """A mask without any symmetry, (height, width) uint8."""
    y, x = np.mgrid[:height, :width]
    mask = ((y - 5.5) / 6) ** 2 + ((x - 7.5) / 8) ** 2 <= 1
    mask[:3, :9] = False
    return mask.astype(np.uint8)


def whole_body() -> np.ndarray:
    """A body of five slices without any symmetry, (5, height, width) uint8: :func:`body` is its middle slice."""
    mask = np.repeat(body()[None], 5, axis=0)
    mask[0, :, :3] = mask[1, :1] = mask[3, -2:] = mask[4, :, -4:] = 0
    return mask


def make_views(node, slices=(16, 6), corner_yx=(14, 12), maps: bool = True, whole: bool = False) -> Views:
    """Pictures of a reading: L1 on the first slice, L2 on the second, a pixel to the side.

    The heat map is 1 on the first row of the body, Grad-CAM 0.5 on its first column; both crops are 20 x 24 pixels and
    start 4 pixels before the body. With ``whole``, each has its whole body, two slices below and above.
    """
    grid = canonical_grid(node)
    levels = {}
    for index, (level, slice_index) in enumerate(zip(Level, slices, strict=True)):
        y, x = corner_yx[0] + index, corner_yx[1] - index
        mask = whole_body() if whole else body()[None]
        network, roi, below = mask.copy(), np.zeros_like(mask), len(mask) // 2
        network[:, 6:] = 0
        roi[:, 5:8, 6:9] = mask[:, 5:8, 6:9]
        heatmap, explanation = np.zeros((20, 24), np.float32), np.zeros((20, 24), np.float32)
        heatmap[4, 4:20], explanation[4:16, 4] = 1.0, 0.5
        place = plane_to_ras(grid, slice_index - below, (y, x)), plane_to_ras(grid, slice_index, (y - 4, x - 4))
        levels[level] = LevelViews(mask, network, roi, *place, *((heatmap, explanation) if maps else (None, None)))
    return Views(levels)


def centers_ras(array: np.ndarray, ijk_to_ras: np.ndarray) -> np.ndarray:
    """World places of what is not zero in a (j, i) or (k, j, i) array: (N, 3), sorted."""
    indices = np.argwhere(array.reshape((1, *array.shape)[-3:]))[:, ::-1]
    points = np.column_stack([indices, np.ones(len(indices))]) @ ijk_to_ras.T
    return points[np.lexsort(np.round(points[:, :3], 3).T), :3]


def lps_to_ras(point_lps) -> tuple[float, ...]:
    """A point in the other frame."""
    return tuple(flip_lps_ras(np.asarray(point_lps)).tolist())


def save_and_load(folder) -> None:
    """Save the scene as .mrb, close it, load it."""
    path = str(folder / "scene.mrb")
    scene = slicer.mrmlScene
    assert slicer.mrmlScene.WriteToMRB(path)
    scene.Clear()
    scene.SetURL(path)
    assert scene.ReadFromMRB(path)
