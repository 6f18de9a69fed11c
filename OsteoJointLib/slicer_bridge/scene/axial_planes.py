"""Which axial slice of a level the slice views show."""

from __future__ import annotations

import numpy as np
import slicer

Point = tuple[float, float, float]


def slice_shown(center_ras: Point | None) -> Point | None:
    """Find a level's axial slice that is shown: of the axial views in the layout, that nearest to its center.

    Args:
        center_ras: RAS mm of the level; None where it isn't placed.

    Returns:
        The point of that slice nearest to the center; None where no view is axial.
    """
    if center_ras is None:
        return None
    points = []
    scene = slicer.mrmlScene
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLSliceNode")
        place = slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS())
        normal = place[:3, 2]
        if node.IsMappedInLayout() and np.abs(normal).argmax() == 2:
            points.append(np.asarray(center_ras) - normal * (normal @ (center_ras - place[:3, 3])))
    if not points:
        return None
    r, a, s = (float(v) for v in min(points, key=lambda point: float(np.linalg.norm(point - center_ras))))
    return r, a, s
