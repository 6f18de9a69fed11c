"""Refine a mask with the modified Chan-Vese energy of sections 3.4.1-3.4.2, in a narrow band around it.

The prior mask gives the start, the vertebra's gray range and the bound. Rays cross its boundary; the closed contour of
least energy (Eq. 4-8) across them runs where the image falls most steeply from bright bone to what is darker, and from
there to the bone's surface (:mod:`~OsteoJointLib.level_set.cortex`). The prior's boundary stays where it lies so near
that the difference is finer than the image shows. Where there is no such fall, as at the pedicles, it stays too, unless
its neighbors move far and carry it along. Every call starts afresh; nothing is kept between calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.level_set import cortex, equations
from OsteoJointLib.level_set.closed_path import closed_path
from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.level_set.rays import SPACING_MM, STEP_MM, Rays, lay_rays

_OUTSIDE_MM = 1.0
"""How far beyond the bound the steepest fall may lie, whose surface lies within: half a crest's reach; chosen."""
_OFF_FOOT_MM = 3.0
"""How far the prior's boundary may lie from the smoothed outline on which the rays stand; chosen."""
_BLUR_ALONG_MM, _BLUR_ACROSS_MM = 1.2, 0.4
"""Standard deviations of the Gaussian under which the fall is taken: along the boundary, where it changes little, and
across it; chosen."""
_PROFILE_STEP_MM = 0.1
"""Of the mean profile across the rim; a surface half a step off is 0.05 mm; chosen."""
_ABOVE_NOISE_SD = 2.0
"""There is an edge where in the best quarter of the rays the image falls by at least so many of the noise's standard
deviations; chosen: in noise alone it falls by 1."""
_SD_OF_MEDIAN = 1.4826
"""Standard deviation of a normal distribution over its median deviation."""
_REST_IN_GAPS = 2.5
"""Where a ray shows no edge its neighbors carry it along, if they move it by so many times ``rest_mm``; chosen: what is
less is not told from a good mask's pedicle, which is to stay."""
_RIM_MM = 2.0
"""How deep below the innermost contour the shell's blur reaches; what is deeper counts as noise; chosen."""
_FORBIDDEN = 1e6
"""Energy of a shift beyond the bound; that of all rays together is in the hundreds."""


@dataclass(frozen=True, eq=False)
class RefinedMask:
    """What the refinement came to.

    Args:
        mask: (y, x) bool.
        shift_mm_max: how far the boundary moved at most: the largest distance of a changed pixel's center from the
            nearest pixel center on the other side of the prior's boundary; never above ``max_shift_mm``.
    """

    mask: np.ndarray
    shift_mm_max: float


@dataclass(frozen=True, eq=False)
class Scene:
    """What the contour is chosen by.

    Args:
        image: (y, x) float32 gray values after the bilateral filter.
        edge_weight: gamma^2 of Eq. 6.
        limits: the vertebra's gray range.
        means: C1 and C2.
    """

    image: np.ndarray
    edge_weight: float
    limits: equations.GrayLimits
    means: equations.RegionMeans


def refine(
    hu: np.ndarray, mask: np.ndarray, pixel_mm: float, parameters: LevelSetParameters | None = None
) -> RefinedMask:
    """Move a mask's boundary to the bone's edge, never farther than ``max_shift_mm``.

    Args:
        hu: (y, x) HU.
        mask: (y, x) bool, the prior (the network's mask), not empty.
        pixel_mm: edge length of its square pixels, > 0.
        parameters: None: the defaults.

    Returns:
        The refined mask. Its largest part stays, with holes filled as far as the bound allows. Pixels so large that
        none lies within ``max_shift_mm`` leave the prior as it is.

    Raises:
        ValueError: if the shapes differ or the pixel size is not positive.
        RunFailed: MASK_EMPTY if the prior is empty or nothing of it was left.
    """
    parameters = parameters or LevelSetParameters()
    prior = np.asarray(mask, dtype=bool)
    if prior.ndim != 2 or prior.shape != np.shape(hu):
        raise ValueError(f"hu and mask must be (y, x) of one shape, got {np.shape(hu)} and {prior.shape}.")
    if not pixel_mm > 0:
        raise ValueError(f"pixel_mm must be positive, got {pixel_mm}.")
    if not prior.any():
        raise RunFailed(Reason.MASK_EMPTY, "There is no mask to refine: it is empty. Draw one, or take the network's.")
    window = _window(prior, int(np.ceil((parameters.neighborhood_mm + parameters.bilateral_sigma_mm) / pixel_mm)))
    part = prior[window]
    distance_mm = boundary_distance(part, pixel_mm)
    tidy = _tidy(_moved(np.asarray(hu)[window], part, distance_mm, pixel_mm, parameters))
    moved = np.where(distance_mm <= parameters.max_shift_mm, tidy, part)
    if not moved.any():
        raise RunFailed(Reason.MASK_EMPTY, "Refining left nothing of the mask. Keep the mask as it was, or draw one.")
    refined = np.zeros_like(prior)
    refined[window] = moved
    return RefinedMask(refined, float(distance_mm[moved != part].max(initial=0.0)))


def boundary_distance(mask: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Distance from each pixel's center to the nearest center on the other side of the boundary, (y, x) mm, > 0."""
    return np.where(mask, ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)) * pixel_mm


def _window(mask: np.ndarray, margin_px: int) -> tuple[slice, slice]:
    """Find the mask's bounding box, widened by a margin and cut at the image's border."""
    rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
    height, width = mask.shape
    return (
        slice(max(0, rows.start - margin_px), min(height, rows.stop + margin_px)),
        slice(max(0, columns.start - margin_px), min(width, columns.stop + margin_px)),
    )


def _tidy(mask: np.ndarray) -> np.ndarray:
    """Keep the largest part of a (y, x) bool mask and fill its holes."""
    parts, count = ndimage.label(mask)
    if count == 0:
        return mask
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return ndimage.binary_fill_holes(parts == largest)


def _moved(
    hu: np.ndarray, prior: np.ndarray, distance_mm: np.ndarray, pixel_mm: float, parameters: LevelSetParameters
) -> np.ndarray:
    """Move a prior's outline: (y, x) bool, the pixels that it sweeps on its way change sides."""
    reach_mm = parameters.max_shift_mm + _OUTSIDE_MM + _OFF_FOOT_MM
    rays = lay_rays(prior, pixel_mm, reach_mm)
    if rays is None:
        return prior
    scene = prepare(hu, prior, distance_mm, pixel_mm, parameters)
    start_mm = rays.crossings_mm(np.where(prior, 1.0, -1.0) * (distance_mm - 0.5 * pixel_mm))
    end_mm = _shifts_mm(scene, rays, start_mm, parameters)
    before, after = rays.drawn(start_mm, prior.shape), rays.drawn(end_mm, prior.shape)
    return (prior | (after & ~before)) & ~(before & ~after)


def prepare(
    hu: np.ndarray, prior: np.ndarray, distance_mm: np.ndarray, pixel_mm: float, parameters: LevelSetParameters
) -> Scene:
    """Filter the image and take from it and the prior all that the contour is chosen by (Eq. 5, 6, 8, 9).

    Args:
        hu: (y, x) HU.
        prior: (y, x) bool, not empty.
        distance_mm: (y, x), from :func:`boundary_distance`.
        pixel_mm: edge length of a pixel.
        parameters: see :class:`LevelSetParameters`.
    """
    unit = parameters.gray_unit_hu
    clipped = np.clip(hu, parameters.low_hu, parameters.high_hu).astype(np.float32) / np.float32(unit)
    image = equations.bilateral_filter(
        clipped, parameters.bilateral_sigma_mm / pixel_mm, parameters.bilateral_sigma_hu / unit
    )
    domain = prior | (distance_mm <= parameters.neighborhood_mm)
    return Scene(
        image=image,
        edge_weight=equations.otsu_split(image[domain]).variance,
        limits=equations.gray_limits(image[prior], parameters.gray_range_sd),
        means=equations.region_means(image, prior, domain),
    )


def _shifts_mm(scene: Scene, rays: Rays, start_mm: np.ndarray, parameters: LevelSetParameters) -> np.ndarray:
    """Choose where the contour crosses each ray, (U,) mm, from where the prior's boundary does."""
    gray = rays.seen(scene.image)
    along = ndimage.gaussian_filter1d(gray, _BLUR_ALONG_MM / SPACING_MM, axis=0, mode="wrap")
    drop = -ndimage.gaussian_filter1d(along, _BLUR_ACROSS_MM / STEP_MM, axis=1, order=1) / STEP_MM
    sign = equations.gray_sign(gray, scene.limits)
    edge = equations.edge_indicator(drop, scene.edge_weight)
    cost = equations.energy(gray, edge, sign, STEP_MM, scene.means, parameters.weights())
    bound, off = parameters.max_shift_mm, rays.shifts_mm - start_mm[:, None]
    cost += parameters.prior_weight * (off / bound) ** 2
    cost[(off < -bound) | (off > bound + _OUTSIDE_MM)] = _FORBIDDEN
    chosen = closed_path(cost, parameters.length_weight * (STEP_MM / SPACING_MM) ** 2)
    falls = drop[np.arange(len(chosen)), chosen]
    if np.percentile(falls, 75) < _ABOVE_NOISE_SD * _noise(drop[off < -bound - _RIM_MM]):
        return start_mm
    found = falls >= parameters.least_fall_hu_mm / parameters.gray_unit_hu
    if not found.any():
        return start_mm
    end_mm = rays.shifts_mm[chosen]
    end_mm = np.clip(end_mm + _surface_mm(scene, rays, end_mm, found), start_mm - bound, start_mm + bound)
    rest_mm = parameters.rest_mm * np.where(found, 1.0, _REST_IN_GAPS)
    return np.where(np.abs(end_mm - start_mm) > rest_mm, end_mm, start_mm)


def _noise(deep: np.ndarray) -> float:
    """Take the standard deviation of falls and rises deep inside the prior, where there is no edge."""
    return _SD_OF_MEDIAN * float(np.median(np.abs(deep))) if deep.size else 0.0


def _surface_mm(scene: Scene, rays: Rays, edge_mm: np.ndarray, found: np.ndarray) -> float:
    """Find how far from the steepest fall the surface lies, on the mean profile of the rays that have one."""
    around = np.arange(-cortex.REACH_MM, _OUTSIDE_MM, _PROFILE_STEP_MM)
    profile = rays.seen(scene.image, edge_mm[:, None] + around)[found].mean(axis=0)
    return cortex.surface_mm(around, profile)
