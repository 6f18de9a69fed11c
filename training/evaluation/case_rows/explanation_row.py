"""Where the explanation map lies: how much of it inside the true body and 5 mm about it, and whether its peak does."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.frames import slice_to_crop
from OsteoJointLib.records import Crop
from training.evaluation.rows import Row

MARGIN_MM = 5.0
"""About the body: the map's own cells are 8 pixels wide, and the cortex lies on the edge (chosen with the target)."""


def explanation_row(values: np.ndarray, body: np.ndarray, crop: Crop, pixel_mm: float) -> Row:
    """Measure a map.

    Args:
        values: (224, 224) at least 0, in the crop's frame.
        body: (512, 512) bool, the true body on the slice.
        crop: the window.
        pixel_mm: of the slice.

    Returns:
        ``energy_inside``, the share of the map's sum that lies within the body and the margin, None for a map without
        support; ``peak_inside``, whether its largest value does, False for such a map.
    """
    from scipy import ndimage

    total = float(values.sum())
    if total <= 0 or not body.any():
        return {"energy_inside": None, "peak_inside": False}
    near = slice_to_crop(ndimage.distance_transform_edt(~body) * pixel_mm <= MARGIN_MM, crop)
    peak = np.unravel_index(int(np.argmax(values)), values.shape)
    return {"energy_inside": float(values[near].sum()) / total, "peak_inside": bool(near[peak])}
