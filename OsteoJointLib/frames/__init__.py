"""Coordinate conventions, written once, and the maps between them.

* Arrays are (z, y, x) for volumes and (y, x) for slices.
* World is LPS millimetres: x to the patient's left, y to posterior, z to superior. RAS (Slicer, command line) differs
  by the sign of the first two and is converted only at the edge, by :func:`flip_lps_ras`.
* A continuous index counts voxel *centers*: index 0.0 is the center of the first voxel (ITK's convention).
* Boxes are (x1, y1, x2, y2) in *edge* coordinates, half-open: the first pixel spans 0 to 1. The half pixel between
  the two lives in :func:`edge_to_center` and :func:`center_to_edge`.
* A *plane* is (y, x) pixels of the CT itself; a *slice* is a plane as the networks see it, resampled where the CT's
  pixels are too coarse, too fine or oblong; a *crop* is a window of a slice.
"""

from OsteoJointLib.frames.grid import (
    Grid,
    center_to_edge,
    edge_to_center,
    flip_lps_ras,
    mask_extent_xyxy,
)
from OsteoJointLib.frames.slices import (
    CropFrame,
    SliceFrame,
    box_to_plane,
    crop_to_slice,
    mask_to_plane,
    plane_to_mask,
    point_in_slice,
    slice_to_crop,
    slice_to_lps,
)
from OsteoJointLib.frames.voxels import (
    LPS_TO_RAS,
    OFF_GRID_VOXELS,
    Placed,
    anatomical_axes,
    anatomical_order,
    are_same_voxels,
    effective_box,
    onto_grid,
    plane_to_ras,
    shift,
)

__all__ = [
    "LPS_TO_RAS",
    "OFF_GRID_VOXELS",
    "CropFrame",
    "Grid",
    "Placed",
    "SliceFrame",
    "anatomical_axes",
    "anatomical_order",
    "are_same_voxels",
    "box_to_plane",
    "center_to_edge",
    "crop_to_slice",
    "edge_to_center",
    "effective_box",
    "flip_lps_ras",
    "mask_extent_xyxy",
    "mask_to_plane",
    "onto_grid",
    "plane_to_mask",
    "plane_to_ras",
    "point_in_slice",
    "shift",
    "slice_to_crop",
    "slice_to_lps",
]
