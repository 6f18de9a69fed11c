"""Equations 4-9 of the paper, one function each; arrays are (y, x), ``phi`` > 0 is inside, lengths are in mm.

Gray values are HU divided by :attr:`LevelSetParameters.gray_unit_hu`, so that the terms of Eq. 9 are of order one.
Where the paper's text cannot be taken literally:

* Eq. 4 has H(-phi) in the area term and Eq. 9 H(phi) in the means; with one sign of ``phi`` for both, Eq. 9 follows
  from Eq. 4 only if the area term is that of the inside, H(phi). A positive ``area_weight`` shrinks.
* Eq. 6 squares the difference of the means: it is Otsu's between-class variance.
* Eq. 8 calls eta the variance and sigma the mean; they are the mean and the standard deviation.
* Eq. 9 adds ``gray_weight * Gamma`` where the descent of Eq. 8's energy subtracts it. The text below Eq. 8 wants the
  energy to be negative for gray values of the vertebra, hence the descent: subtract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TINY = 1e-8
"""Keeps quotients finite where phi is flat (mm2) or a region is empty (pixels)."""
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
    """The constants of Eq. 4 and 8: mu (gray^2 mm), v, lambda1, lambda2 (1) and gamma (gray^2)."""

    length: float
    area: float
    inside: float
    outside: float
    gray: float


@dataclass(frozen=True, eq=False)
class Scene:
    """What stays the same during one evolution.

    Args:
        image: (y, x) float32 gray values after the bilateral filter.
        edge: (y, x) float32 in (0, 1], the edge indicator g_r.
        gray_sign: (y, x) float32, Gamma: -1 in the vertebra's gray range, 1 outside it.
        domain: (y, x) bool, Omega: where the energy is integrated.
        pixel_mm: edge length of a pixel.
        epsilon_mm: half width of the smoothed Heaviside step.
    """

    image: np.ndarray
    edge: np.ndarray
    gray_sign: np.ndarray
    domain: np.ndarray
    pixel_mm: float
    epsilon_mm: float


def heaviside(phi: np.ndarray, epsilon_mm: float) -> np.ndarray:
    """H(phi), smoothed as Chan and Vese do: 1/2 + arctan(phi / epsilon) / pi."""
    return 0.5 + np.arctan(phi / epsilon_mm) / np.pi


def dirac(phi: np.ndarray, epsilon_mm: float) -> np.ndarray:
    """delta(phi) in 1/mm, the derivative of :func:`heaviside`."""
    return epsilon_mm / (np.pi * (epsilon_mm**2 + phi**2))


def gradient_magnitude(field: np.ndarray, pixel_mm: float) -> np.ndarray:
    """|grad field| per mm by central differences, (y, x)."""
    along_y, along_x = np.gradient(field, pixel_mm)
    return np.hypot(along_y, along_x)


def energy(phi: np.ndarray, scene: Scene, means: RegionMeans, weights: Weights) -> float:
    """Energy of a contour: Eq. 4 with the gray-level constraint of Eq. 8 added.

    E = mu int g delta |grad phi| + v int g H + lambda1 int (I - C1)^2 H + lambda2 int (I - C2)^2 (1 - H) + int Q.

    Args:
        phi: (y, x) level-set function in mm, positive inside.
        scene: image, edge indicator, Gamma, domain and scale.
        means: C1 and C2.
        weights: the constants.

    Returns:
        gray^2 mm^2, integrated over ``scene.domain``.
    """
    inside = heaviside(phi, scene.epsilon_mm)
    density = weights.length * scene.edge * dirac(phi, scene.epsilon_mm) * gradient_magnitude(phi, scene.pixel_mm)
    density += weights.area * scene.edge * inside
    density += weights.inside * (scene.image - means.inside) ** 2 * inside
    density += weights.outside * (scene.image - means.outside) ** 2 * (1.0 - inside)
    density += gray_constraint(scene.gray_sign, phi, weights.gray, scene.epsilon_mm)
    return float(density[scene.domain].sum(dtype=np.float64) * scene.pixel_mm**2)


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


def edge_indicator(smoothed: np.ndarray, otsu_variance: float, pixel_mm: float) -> np.ndarray:
    """g_r = 1 / (1 + gamma^2 |grad I|) of the filtered image (Eq. 7).

    Args:
        smoothed: (y, x) gray values after the bilateral filter.
        otsu_variance: gamma^2 of Eq. 6.
        pixel_mm: edge length of a pixel.

    Returns:
        (y, x) in (0, 1], 1 where the image is flat.
    """
    return 1.0 / (1.0 + otsu_variance * gradient_magnitude(smoothed, pixel_mm))


def gray_limits(values: np.ndarray, width: float) -> GrayLimits:
    """I_low and I_high = eta -+ w sigma from the prior mask's gray values (Eq. 8).

    Args:
        values: gray values inside the prior mask, at least one.
        width: w, in standard deviations.
    """
    mean, spread = float(np.mean(values)), float(np.std(values))
    return GrayLimits(mean - width * spread, mean + width * spread)


def gray_sign(image: np.ndarray, limits: GrayLimits) -> np.ndarray:
    """Gamma of Eq. 8: -1 where low < I < high, 1 elsewhere, (y, x) float32."""
    return np.where((image > limits.low) & (image < limits.high), np.float32(-1), np.float32(1))


def gray_constraint(sign: np.ndarray, phi: np.ndarray, weight: float, epsilon_mm: float) -> np.ndarray:
    """Q = gamma ((1 + Gamma) / 2 - (1 - Gamma) / 2) H(phi), the density of the gray-level energy (Eq. 8).

    Args:
        sign: (y, x) Gamma.
        phi: (y, x) level-set function in mm.
        weight: gamma in gray^2.
        epsilon_mm: half width of the smoothed step.
    """
    return weight * ((1.0 + sign) / 2.0 - (1.0 - sign) / 2.0) * heaviside(phi, epsilon_mm)


def region_means(phi: np.ndarray, scene: Scene) -> RegionMeans:
    """C1 and C2, the means of I weighted with H(phi) and 1 - H(phi) over the domain (Eq. 9)."""
    inside = heaviside(phi, scene.epsilon_mm)[scene.domain]
    image = scene.image[scene.domain]
    outside = 1.0 - inside
    return RegionMeans(
        float((image * inside).sum() / (inside.sum() + _TINY)),
        float((image * outside).sum() / (outside.sum() + _TINY)),
    )


def weighted_curvature(phi: np.ndarray, edge: np.ndarray, pixel_mm: float) -> np.ndarray:
    """div(g grad phi / |grad phi|) in 1/mm, fluxes taken on the pixels' sides, none through the image's border."""
    along_y, along_x = np.gradient(phi)
    divergence = np.zeros_like(phi)
    for axis, across in ((0, along_x), (1, along_y)):
        left, right = (np.s_[:-1], np.s_[1:]) if axis == 0 else (np.s_[:, :-1], np.s_[:, 1:])
        step = phi[right] - phi[left]
        flux = step / np.sqrt(step**2 + (0.5 * (across[left] + across[right])) ** 2 + _TINY)
        flux *= 0.5 * (edge[left] + edge[right])
        divergence[left] += flux
        divergence[right] -= flux
    return divergence / pixel_mm


def flow(phi: np.ndarray, scene: Scene, means: RegionMeans, weights: Weights) -> np.ndarray:
    """Compute the gradient flow d phi / d t, minus the first variation of :func:`energy` (Eq. 9).

    delta(phi) (mu div(g grad phi / |grad phi|) - g v - lambda1 (I - C1)^2 - gamma Gamma + lambda2 (I - C2)^2).

    Args:
        phi: (y, x) level-set function in mm, positive inside.
        scene: image, edge indicator, Gamma, domain and scale.
        means: C1 and C2.
        weights: the constants.

    Returns:
        (y, x) gray^2 / mm.
    """
    speed = weights.length * weighted_curvature(phi, scene.edge, scene.pixel_mm)
    speed -= weights.area * scene.edge
    speed -= weights.inside * (scene.image - means.inside) ** 2
    speed -= weights.gray * scene.gray_sign
    speed += weights.outside * (scene.image - means.outside) ** 2
    return dirac(phi, scene.epsilon_mm) * speed
