"""Where the explanation map lies: how much of it inside the true body and 5 mm about it, and whether its peak does."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.frames import slice_to_crop
from OsteoJointLib.records import Crop
from training.evaluation.faithfulness import energy_inside, peak_inside
from training.evaluation.rows import Row


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
    mask = slice_to_crop(body, crop)
    return {"energy_inside": energy_inside(values, mask, pixel_mm), "peak_inside": peak_inside(values, mask, pixel_mm)}
