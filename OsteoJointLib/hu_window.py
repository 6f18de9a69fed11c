"""The window through which every network but the level network sees HU, and what lies outside the field of view."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.config import WindowConfig

OUTSIDE_HU = -1024.0
"""HU of pixels outside the field of view: air, as scanners write it."""

WINDOW = WindowConfig()
"""The soft-tissue window of every image that a network sees."""


def to_unit_range(hu: np.ndarray, window: WindowConfig = WINDOW) -> np.ndarray:
    """Map HU to [0, 1] through a window, clipped at both ends.

    Args:
        hu: any shape.
        window: center and width in HU.

    Returns:
        float32 array of the same shape.

    >>> to_unit_range(np.array([-160.0, 40.0, 500.0]), WindowConfig(center_hu=40, width_hu=400)).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.clip((np.asarray(hu, dtype=np.float32) - window.low_hu) / window.width_hu, 0.0, 1.0, dtype=np.float32)
