"""Streaks of metal, from where it lies in a slice: a cheap model of beam hardening and photon starvation.

The metal's path lengths through the slice are found for a set of directions; the scanner's error grows with their
square (beam hardening), with noise where little light comes through, and is filtered and projected back as the image
is. Bands turn dark between two pieces of metal and bright beside them. Numbers are chosen.
"""

from __future__ import annotations

import numpy as np

METAL_FROM_HU = 2300.0
"""HU from which on a voxel counts as metal; cement and enamel lie below."""
_EDGE_PX = 144  # the streaks are made on a plane of this edge and enlarged
_DIRECTIONS = 96  # over half a turn: so few that single rays are seen, as they are in patients
_HARDENING, _SATURATED_MM = 130.0, 12.0  # HU per mm2 of metal, of a ray's error; the path where it stops growing so
_STARVATION = 45.0  # HU per mm of metal, SD of a ray's noise
_MOST_HU = 500.0  # of a streak


def streaks(plane_hu: np.ndarray, pixel_mm: float, rng: np.random.Generator) -> np.ndarray | None:
    """Compute the streaks of one slice.

    Args:
        plane_hu: (y, x) HU without blur and noise.
        pixel_mm: edge of its pixels.
        rng: source of the starved rays' noise.

    Returns:
        (y, x) float32 HU to add, 0 in the metal itself; None where there is no metal.
    """
    import cv2

    metal = (plane_hu > METAL_FROM_HU).astype(np.float32)
    if not metal.any():
        return None
    ny, nx = metal.shape
    edge = min(_EDGE_PX, max(ny, nx))
    step = max(ny, nx) / edge
    size = round(nx / step), round(ny / step)
    small = cv2.resize(metal, size, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 0, edge - size[1], 0, edge - size[0], cv2.BORDER_CONSTANT, value=0)
    ramp = np.abs(np.fft.rfftfreq(2 * edge)).astype(np.float32)
    middle = (0.5 * (edge - 1),) * 2
    image = np.zeros((edge, edge), np.float32)
    for angle in np.arange(_DIRECTIONS) * (180.0 / _DIRECTIONS) + rng.uniform(0, 180.0 / _DIRECTIONS):
        turn = cv2.getRotationMatrix2D(middle, float(angle), 1.0)
        path_mm = cv2.warpAffine(small, turn, (edge, edge)).sum(axis=0) * np.float32(step * pixel_mm)
        if not path_mm.any():
            continue
        hardened = -_HARDENING * path_mm**2 / (1.0 + path_mm / _SATURATED_MM)
        error = hardened + _STARVATION * path_mm * rng.standard_normal(edge, dtype=np.float32)
        filtered = np.fft.irfft(np.fft.rfft(error, 2 * edge) * ramp)[:edge].astype(np.float32)
        ray = np.repeat(filtered[None], edge, axis=0)
        image += cv2.warpAffine(ray, turn, (edge, edge), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    image = np.clip(image * (np.pi / _DIRECTIONS), -_MOST_HU, _MOST_HU)[: size[1], : size[0]]
    return cv2.resize(image, (nx, ny), interpolation=cv2.INTER_LINEAR) * (1.0 - metal)
