"""Equations 4-9 of the paper, one function each, on rays across the prior's boundary.

A ray crosses the boundary from inside to outside; on ray u the contour lies at the shift s(u), in mm. In the band that
the rays span, phi(u, s) = s(u) - s is the level-set function, so H(phi) is 1 from inside up to the contour. Arrays of
rays are (U, S): one row a ray, one column a shift. Gray values are HU divided by
:attr:`LevelSetParameters.gray_unit_hu`. Where the paper's text is not taken literally:

* Eq. 4 has H(-phi) in the area term and Eq. 9 H(phi) in the means; with one sign of ``phi`` for both, Eq. 9 follows
  from Eq. 4 only if the area term is that of the inside, H(phi). A positive ``area_weight`` shrinks.
* Eq. 6 squares the difference of the means: it is Otsu's between-class variance.
* Eq. 7 takes |grad I|; here it is what the gray value loses on the way out, so that the edges of a bright bone count
  and those of a bright neighbor don't.
* Eq. 8 calls eta the variance and sigma the mean; they are the mean and the standard deviation.
* Eq. 9 descends the energy step by step. From 2 mm away that ends in the first valley it meets, so the least energy
  in the band is found at once (:mod:`~OsteoJointLib.level_set.closed_path`). C1 and C2 are those of the prior.
* What holds the contour to the prior where the image shows nothing has no equation in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STAMP_SD = 2.0
"""Half width of the bilateral filter's window in spatial standard deviations; the weight there is 0.14; chosen."""


@dataclass(frozen=True)
class OtsuSplit:
    """Otsu's threshold (gray) and the between-class variance gamma^2 (gray^2) that it maximizes."""

    threshold: float
    variance: float


@dataclass(frozen=True)
class GrayLimits:
    """The gray values between which a pixel counts as vertebra (Eq. 8)."""

    low: float
    high: float


@dataclass(frozen=True)
class RegionMeans:
    """Mean gray value inside and outside the contour, C1 and C2 of Eq. 4 and 9."""

    inside: float
    outside: float


@dataclass(frozen=True)
class Weights:
    """The constants of Eq. 4 and 8: v, lambda1, lambda2 and gamma; what each weighs is told by :func:`energy`."""

    area: float
    inside: float
    outside: float
    gray: float


def bilateral_filter(image: np.ndarray, sigma_px: float, sigma_gray: float) -> np.ndarray:
    """Smooth without blurring edges: weights fall with distance and with the difference of gray values (Eq. 5).

    Args:
        image: (y, x) gray values.
        sigma_px: standard deviation of the spatial weight in pixels.
        sigma_gray: standard deviation of the range weight in gray values.

    Returns:
        (y, x) float32.
    """
    import cv2

    diameter = 2 * int(np.ceil(_STAMP_SD * sigma_px)) + 1
    return cv2.bilateralFilter(np.ascontiguousarray(image, dtype=np.float32), diameter, sigma_gray, sigma_px)


def otsu_split(values: np.ndarray) -> OtsuSplit:
    """Find the threshold that maximizes gamma^2 = w0 w1 (u0 - u1)^2 (Eq. 6).

    Args:
        values: gray values, any shape, at least one.

    Returns:
        Threshold and variance; the variance is 0 when all values are equal.

    >>> split = otsu_split(np.array([0.0, 0.0, 0.0, 4.0]))
    >>> 0.0 < split.threshold < 4.0, split.variance
    (True, 3.0)
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=None)
    below_count = 1 + np.flatnonzero(np.diff(ordered))  # every split between two different values
    if below_count.size == 0:
        return OtsuSplit(float(ordered[0]), 0.0)
    below_sum = np.cumsum(ordered)[below_count - 1]
    above_count = ordered.size - below_count
    difference = below_sum / below_count - (ordered.sum() - below_sum) / above_count
    variance = (below_count / ordered.size) * (above_count / ordered.size) * difference**2
    best = int(np.argmax(variance))
    threshold = 0.5 * (ordered[below_count[best] - 1] + ordered[below_count[best]])
    return OtsuSplit(float(threshold), float(variance[best]))


def edge_indicator(drop: np.ndarray, otsu_variance: float) -> np.ndarray:
    """g_r = 1 / (1 + gamma^2 |grad I|) of the filtered image (Eq. 7), for what falls on the way out.

    Args:
        drop: gray values lost per mm outward; where they rise it is negative and counts as flat.
        otsu_variance: gamma^2 of Eq. 6.

    Returns:
        The same shape, in (0, 1], 1 where the image is flat.

    >>> edge_indicator(np.array([3.0, 0.0, -3.0]), otsu_variance=1.0).tolist()
    [0.25, 1.0, 1.0]
    """
    return 1.0 / (1.0 + otsu_variance * np.maximum(drop, 0.0))


def gray_limits(values: np.ndarray, width: float) -> GrayLimits:
    """I_low and I_high = eta -+ w sigma from the prior mask's gray values (Eq. 8).

    Args:
        values: gray values inside the prior mask, at least one.
        width: w, in standard deviations.
    """
    mean, spread = float(np.mean(values)), float(np.std(values))
    return GrayLimits(mean - width * spread, mean + width * spread)


def gray_sign(image: np.ndarray, limits: GrayLimits) -> np.ndarray:
    """Gamma of Eq. 8: -1 where low < I < high, 1 elsewhere; float32 of the same shape."""
    return np.where((image > limits.low) & (image < limits.high), np.float32(-1), np.float32(1))


def region_means(image: np.ndarray, inside: np.ndarray, domain: np.ndarray) -> RegionMeans:
    """C1 and C2 of a contour (Eq. 9).

    Args:
        image: (y, x) gray values.
        inside: (y, x) bool, H(phi); not empty.
        domain: (y, x) bool, Omega; without any pixel outside the contour C2 is C1.
    """
    outside = domain & ~inside
    mean = float(image[inside].mean())
    return RegionMeans(mean, float(image[outside].mean()) if outside.any() else mean)


def energy(
    gray: np.ndarray, edge: np.ndarray, sign: np.ndarray, step_mm: float, means: RegionMeans, weights: Weights
) -> np.ndarray:
    """Energy per mm of a contour that crosses ray u at shift s: Eq. 4 with the constraint of Eq. 8, (U, S).

    E(u, s) = g + int (v g + lambda1 (I - C1)^2 - lambda2 (I - C2)^2 + gamma Gamma) ds, the integral taken from the
    inner end of the ray. The first term is Eq. 4's g delta |grad phi|; the others are its terms in H(phi) (and in
    1 - H(phi), whose integral over the whole ray is a constant) and Q of Eq. 8.

    Args:
        gray: (U, S) gray values after the bilateral filter.
        edge: (U, S) g_r.
        sign: (U, S) Gamma.
        step_mm: from one shift to the next.
        means: C1 and C2.
        weights: of the integral against the edge; v and gamma in 1/mm, lambda1 and lambda2 in 1/(gray^2 mm).
    """
    density = weights.area * edge + weights.gray * sign
    density += weights.inside * (gray - means.inside) ** 2 - weights.outside * (gray - means.outside) ** 2
    steps = 0.5 * step_mm * (density[:, 1:] + density[:, :-1])
    return edge + np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0)))
