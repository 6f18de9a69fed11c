"""The boundary branch's target: Canny edge of the label mask, a Gaussian on each edge pixel, combined (Eq. 10-11).

Canny's non-maximum suppression has to choose between the two pixels that a binary step lies between, and OpenCV
prefers the left or upper one: half a pixel of bias, which a mirrored mask would not share. Here the detector runs on
the mask and on the mask turned by 180 degrees, and what it puts outside the mask moves to the pixels inside that it
touches, as section 3.4 wants the *inner* boundary. Where the image cuts the mask there is no boundary.
"""

from __future__ import annotations

import cv2
import numpy as np

_REACH = 5.0
"""Half width of the stamp in standard deviations; the Gaussian is below 4e-6 beyond it."""
_CANNY = (100, 200)
"""Thresholds of Canny's gradient; any will do, since a step of 255 is far above both."""


def canny_edge(mask: np.ndarray) -> np.ndarray:
    """Find the inner boundary of a binary mask with Canny's detector (Eq. 10).

    Args:
        mask: (y, x) bool or uint8, nonzero inside.

    Returns:
        (y, x) bool, the edge pixels; all lie inside the mask.
    """
    inside = np.asarray(mask) != 0
    image = np.where(inside, np.uint8(255), np.uint8(0))
    turned = np.ascontiguousarray(image[::-1, ::-1])
    straight = cv2.Canny(image, *_CANNY, L2gradient=True) != 0
    back = cv2.Canny(turned, *_CANNY, L2gradient=True)[::-1, ::-1] != 0
    edge = straight | back
    outside = np.where(edge & ~inside, np.uint8(255), np.uint8(0))
    touched = cv2.dilate(outside, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) != 0
    return (edge | touched) & inside


def gaussian_stamp(sigma_px: float) -> np.ndarray:
    """Tabulate G(x, y, sigma) = exp(-(x^2 + y^2) / (2 sigma^2)), 1 in the middle.

    Args:
        sigma_px: standard deviation in pixels, > 0.

    Returns:
        (2 r + 1, 2 r + 1) float32 with r = ceil(5 sigma).
    """
    radius = int(np.ceil(_REACH * sigma_px))
    squared = np.arange(-radius, radius + 1, dtype=np.float64) ** 2
    return np.exp(-(squared[:, None] + squared[None, :]) / (2.0 * sigma_px**2)).astype(np.float32)


def heat_sum(edge: np.ndarray, sigma_px: float) -> np.ndarray:
    """Combine a Gaussian on each edge pixel into 1 - prod(1 - G) (Eq. 11).

    Args:
        edge: (y, x) bool, the edge pixels.
        sigma_px: standard deviation of each Gaussian in pixels, > 0.

    Returns:
        (y, x) float32 in [0, 1]: 1 on edge pixels, 0 everywhere when there are none.

    Raises:
        ValueError: if ``sigma_px`` is not positive.

    >>> heat_sum(np.array([[False, True, False]]), sigma_px=1.0).round(4).tolist()
    [[0.6065000295639038, 1.0, 0.6065000295639038]]
    """
    if not sigma_px > 0:
        raise ValueError(f"sigma_px must be a positive number of pixels, got {sigma_px}; 2 is usual.")
    absence = 1.0 - gaussian_stamp(sigma_px)
    width = absence.shape[0]
    radius = width // 2
    rows, columns = edge.shape
    product = np.ones((rows + 2 * radius, columns + 2 * radius), dtype=np.float32)
    for y, x in np.argwhere(edge).tolist():
        product[y : y + width, x : x + width] *= absence
    return 1.0 - product[radius : radius + rows, radius : radius + columns]


def boundary_heatmap(mask: np.ndarray, sigma_px: float) -> np.ndarray:
    """Draw the boundary heat map of a label mask (Eq. 10-11).

    Args:
        mask: (y, x) bool or uint8, nonzero inside the vertebral body.
        sigma_px: standard deviation of the Gaussian in pixels, > 0.

    Returns:
        (y, x) float32 in [0, 1], 1 on the inner boundary; all 0 for an empty mask.

    Raises:
        ValueError: if ``sigma_px`` is not positive.
    """
    return heat_sum(canny_edge(mask), sigma_px)
