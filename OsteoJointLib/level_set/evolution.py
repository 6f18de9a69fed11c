"""Refine a mask with the modified Chan-Vese evolution of sections 3.4.1-3.4.2, in a narrow band around it.

The prior mask gives the start, the vertebra's gray range and the bound: only pixels within ``max_shift_mm`` of the
prior's boundary may change, and outside it only those from which the dark side of a boundary (below Otsu's threshold)
is as near. The second rule keeps the contour out of pedicles and vessels, where the mask ends without an edge: where
there is none within reach, there is nothing to move to. Every call starts afresh; nothing is kept between calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.level_set import equations
from OsteoJointLib.level_set.equations import Scene
from OsteoJointLib.level_set.parameters import LevelSetParameters

_STABLE = 0.2
"""Largest share of the explicit scheme's diffusion limit that a time step takes (0.25 in two dimensions); chosen."""
_FILTER_SD = 4
"""How far around the domain pixels are kept, in the filter's standard deviations: twice what it looks at; chosen."""


@dataclass(frozen=True, eq=False)
class RefinedMask:
    """What the evolution came to.

    Args:
        mask: (y, x) bool.
        shift_mm_max: how far the boundary moved at most: the largest distance of a changed pixel's center from the
            nearest pixel center on the other side of the prior's boundary; never above ``max_shift_mm``.
        iterations: steps taken.
        converged: whether the contour had come to rest before the last permitted step.
        energies: Eq. 4 with Eq. 8, in gray^2 mm^2, before the first step and every ``check_every`` steps.
    """

    mask: np.ndarray
    shift_mm_max: float
    iterations: int
    converged: bool
    energies: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class _Path:
    """Where an evolution ended: phi in mm, the steps it took, whether it came to rest, the energies on the way."""

    phi: np.ndarray
    iterations: int
    converged: bool
    energies: tuple[float, ...]


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
        The refined mask and how it came about. Pixels so large that none lies within ``max_shift_mm`` leave the
        prior as it is, after 0 iterations.

    Raises:
        ValueError: if the shapes differ or the pixel size is not positive.
        RunFailed: MASK_EMPTY if the prior is empty or the evolution left nothing of it.
    """
    parameters = parameters or LevelSetParameters()
    prior = np.asarray(mask, dtype=bool)
    if prior.ndim != 2 or prior.shape != np.shape(hu):
        raise ValueError(f"hu and mask must be (y, x) of one shape, got {np.shape(hu)} and {prior.shape}.")
    if not pixel_mm > 0:
        raise ValueError(f"pixel_mm must be positive, got {pixel_mm}.")
    if not prior.any():
        raise RunFailed(Reason.MASK_EMPTY, "There is no mask to refine: it is empty. Draw one, or take the network's.")
    window = _window(
        prior, int(np.ceil((parameters.neighborhood_mm + _FILTER_SD * parameters.bilateral_sigma_mm) / pixel_mm))
    )
    part = prior[window]
    scene = prepare(np.asarray(hu)[window], part, pixel_mm, parameters)
    distance_mm = boundary_distance(part, pixel_mm)
    band = movable(part, scene, distance_mm, parameters.max_shift_mm)
    path = _evolve(np.where(part, 1.0, -1.0) * (distance_mm - 0.5 * pixel_mm), band, scene, parameters)
    tidy = _tidy(path.phi, parameters.smoothing_mm / pixel_mm)
    moved = np.where(distance_mm <= parameters.max_shift_mm, tidy, part) if path.iterations else part
    if not moved.any():
        raise RunFailed(Reason.MASK_EMPTY, "Refining left nothing of the mask. Keep the mask as it was, or draw one.")
    refined = np.zeros_like(prior)
    refined[window] = moved
    shift_mm_max = float(distance_mm[moved != part].max(initial=0.0))
    return RefinedMask(refined, shift_mm_max, path.iterations, path.converged, path.energies)


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


def prepare(hu: np.ndarray, prior: np.ndarray, pixel_mm: float, parameters: LevelSetParameters) -> Scene:
    """Filter the image and lay down all that the evolution needs (Eq. 5-8).

    Args:
        hu: (y, x) HU.
        prior: (y, x) bool, the network's mask, not empty.
        pixel_mm: edge length of a pixel.
        parameters: see :class:`LevelSetParameters`.
    """
    unit = parameters.gray_unit_hu
    clipped = np.clip(hu, parameters.low_hu, parameters.high_hu).astype(np.float32) / np.float32(unit)
    image = equations.bilateral_filter(
        clipped, parameters.bilateral_sigma_mm / pixel_mm, parameters.bilateral_sigma_hu / unit
    )
    domain = prior | (boundary_distance(prior, pixel_mm) <= parameters.neighborhood_mm)
    split = equations.otsu_split(image[domain])
    limits = equations.gray_limits(image[prior], parameters.gray_range_sd)
    return Scene(
        image=image,
        edge=equations.edge_indicator(image, split.variance, pixel_mm).astype(np.float32),
        gray_sign=equations.gray_sign(image, limits),
        domain=domain,
        pixel_mm=pixel_mm,
        epsilon_mm=parameters.epsilon_px * pixel_mm,
    )


def movable(prior: np.ndarray, scene: Scene, distance_mm: np.ndarray, max_shift_mm: float) -> np.ndarray:
    """Find the pixels that may change: the narrow band, without the places where there is no edge to move to.

    Args:
        prior: (y, x) bool.
        scene: image and domain.
        distance_mm: (y, x), from :func:`boundary_distance`.
        max_shift_mm: the bound.

    Returns:
        (y, x) bool.
    """
    threshold = equations.otsu_split(scene.image[scene.domain]).threshold
    dark_outside = (scene.image < threshold) & ~prior
    if not dark_outside.any():
        return np.zeros_like(prior)
    to_dark_mm = ndimage.distance_transform_edt(~dark_outside) * scene.pixel_mm
    return (distance_mm <= max_shift_mm) & (prior | (to_dark_mm <= max_shift_mm))


def _tidy(phi: np.ndarray, sigma_px: float) -> np.ndarray:
    """Round off the teeth that the band's own outline leaves; keep the largest part and fill its holes, (y, x) bool."""
    parts, count = ndimage.label(ndimage.gaussian_filter(np.sign(phi), sigma_px) > 0)
    if count == 0:
        return parts > 0
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    return ndimage.binary_fill_holes(parts == largest)


def _time_step(change: np.ndarray, scene: Scene, parameters: LevelSetParameters) -> float:
    """Choose the time of one step: the first moves phi by ``step_px`` at most, and diffusion stays stable."""
    fastest = float(np.abs(change).max(initial=0.0))
    diffusion = parameters.length_weight * float(equations.dirac(np.zeros(()), scene.epsilon_mm))
    limits = [parameters.step_px * scene.pixel_mm / fastest] if fastest > 0 else []
    limits += [_STABLE * scene.pixel_mm**2 / diffusion] if diffusion > 0 else []
    return min(limits, default=0.0)


def _evolve(phi: np.ndarray, band: np.ndarray, scene: Scene, parameters: LevelSetParameters) -> _Path:
    """Step Eq. 9 inside the band until the contour rests or the steps are used up."""
    weights = parameters.weights()
    energies: list[float] = []
    resting = phi > 0
    time_step = 0.0
    for step in range(parameters.max_iterations if band.any() else 0):
        means = equations.region_means(phi, scene)
        if step % parameters.check_every == 0:
            energies.append(equations.energy(phi, scene, means, weights))
            if step > 0 and np.array_equal(phi > 0, resting):
                return _Path(phi, step, True, tuple(energies))
            resting = phi > 0
        change = equations.flow(phi, scene, means, weights)[band]
        if step == 0:
            time_step = _time_step(change, scene, parameters)
        phi[band] += time_step * change
    return _Path(phi, parameters.max_iterations if band.any() else 0, not band.any(), tuple(energies))
