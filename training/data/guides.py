"""Masks that are not quite right: what guides the classifier while it is trained, so that a person's mask may be too.

Shifted, widened or narrowed, and roughened, all at once, by a signed distance; each draw is mostly small.
"""

from __future__ import annotations

import cv2
import numpy as np

_TRUE_SHARE = 0.25
"""Of the guides: the true mask as it is; chosen."""
_SHIFT_PX, _MOST_SHIFT_PX = 3.0, 10
"""SD and bound along each axis, chosen: 2 mm, and a third of a body's half depth."""
_GROWN_PX = 2.5
"""SD of what is added all round, negative for taken away, chosen."""
_ROUGH_PX, _GRAIN_PX = 3.0, 5.0
"""Largest SD of a boundary's unevenness, and how wide its waves are, chosen."""


def imperfect(mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw what somebody might have outlined.

    Args:
        mask: (y, x) bool, the truth.
        generator: all chance comes from it.

    Returns:
        (y, x) bool, maybe the truth; empty where that is.
    """
    if generator.random() < _TRUE_SHARE or not mask.any():
        return mask
    inside, outside = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for part in (mask, ~mask)
    )
    noise = cv2.GaussianBlur(generator.standard_normal(mask.shape, dtype=np.float32), (0, 0), _GRAIN_PX)
    rough = generator.uniform(0.0, _ROUGH_PX) / noise.std() * noise
    found = inside - outside + generator.normal(0.0, _GROWN_PX) + rough > 0.0
    right, down = np.clip(np.rint(generator.normal(0.0, _SHIFT_PX, 2)), -_MOST_SHIFT_PX, _MOST_SHIFT_PX).astype(int)
    return np.roll(found, (down, right), axis=(0, 1))
