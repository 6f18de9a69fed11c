"""What scikit-image and ITK have of the level set's kind, each with settings that suit the task.

Each gets the image under the same window of gray values, the same start, and may change only pixels as near to its
boundary as the level set may. Iterations, weights and signs are sensible values, chosen and not searched for;
scikit-image's defaults run hundreds of iterations.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from OsteoJointLib.level_set.evolution import boundary_distance, refine
from OsteoJointLib.level_set.parameters import LevelSetParameters
from training.evaluation.outlines.cases import signed_distance_mm

Method = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""(y, x) HU, (y, x) bool start and pixel size in mm to the (y, x) bool mask."""
_PARAMETERS = LevelSetParameters()
_CV_LENGTH, _CV_ITERATIONS = 0.1, 40  # chosen
_MORPHOLOGICAL_CV_ITERATIONS, _MORPHOLOGICAL_GAC_ITERATIONS, _SMOOTHINGS = 8, 12, 2  # chosen
_EDGE_SD_MM, _EDGE_ALPHA = 0.7, 1000.0  # under which scikit-image takes its gradient (the default is 5 px), its weight
_ITK_SD_MM, _ITK_EDGE_WEIGHT, _ITK_ITERATIONS, _ITK_CURVATURE, _ITK_ADVECTION = 0.7, 10.0, 150, 0.5, 2.0  # chosen


def _image(hu: np.ndarray) -> np.ndarray:
    """Bring the level set's gray range to [0, 1]."""
    low, high = _PARAMETERS.low_hu, _PARAMETERS.high_hu
    return (np.clip(hu, low, high).astype(np.float64) - low) / (high - low)


def level_set(hu: np.ndarray, start: np.ndarray, pixel_mm: float) -> np.ndarray:
    """OsteoJoint's own."""
    return refine(hu, start, pixel_mm).mask


def chan_vese(hu: np.ndarray, start: np.ndarray, pixel_mm: float) -> np.ndarray:
    """scikit-image's Chan-Vese by Getreuer's scheme (the paper's reference 40)."""
    from skimage.segmentation import chan_vese as run

    phi = signed_distance_mm(start, pixel_mm)
    found = run(_image(hu), mu=_CV_LENGTH, max_num_iter=_CV_ITERATIONS, init_level_set=phi, tol=0.0)
    return _bounded(found, start, pixel_mm)


def morphological_chan_vese(hu: np.ndarray, start: np.ndarray, pixel_mm: float) -> np.ndarray:
    """scikit-image's morphological snakes without edges."""
    from skimage.segmentation import morphological_chan_vese as run

    found = run(_image(hu), _MORPHOLOGICAL_CV_ITERATIONS, init_level_set=start, smoothing=_SMOOTHINGS)
    return _bounded(found > 0, start, pixel_mm)


def morphological_geodesic(hu: np.ndarray, start: np.ndarray, pixel_mm: float) -> np.ndarray:
    """scikit-image's morphological geodesic active contour."""
    from skimage.segmentation import inverse_gaussian_gradient
    from skimage.segmentation import morphological_geodesic_active_contour as run

    edge = inverse_gaussian_gradient(_image(hu), alpha=_EDGE_ALPHA, sigma=_EDGE_SD_MM / pixel_mm)
    found = run(edge, _MORPHOLOGICAL_GAC_ITERATIONS, init_level_set=start, smoothing=1, balloon=0)
    return _bounded(found > 0, start, pixel_mm)


def itk_geodesic(hu: np.ndarray, start: np.ndarray, pixel_mm: float) -> np.ndarray:
    """ITK's geodesic active contour level set."""
    import SimpleITK as sitk

    image, phi = (
        sitk.GetImageFromArray(array.astype(np.float32)) for array in (_image(hu), -signed_distance_mm(start, pixel_mm))
    )
    for one in (image, phi):
        one.SetSpacing((pixel_mm, pixel_mm))
    slope = sitk.GradientMagnitudeRecursiveGaussian(image, _ITK_SD_MM)
    edge = sitk.Cast(sitk.BoundedReciprocal(slope * _ITK_EDGE_WEIGHT), sitk.sitkFloat32)
    evolve = sitk.GeodesicActiveContourLevelSetImageFilter()
    evolve.SetPropagationScaling(0.0)
    evolve.SetCurvatureScaling(_ITK_CURVATURE)
    evolve.SetAdvectionScaling(_ITK_ADVECTION)
    evolve.SetMaximumRMSError(0.0)
    evolve.SetNumberOfIterations(_ITK_ITERATIONS)
    return _bounded(sitk.GetArrayFromImage(evolve.Execute(phi, edge)) < 0, start, pixel_mm)


def _bounded(found: np.ndarray, start: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Keep a method's result within the bound, and of it the largest part without its holes."""
    found = np.asarray(found, dtype=bool)
    bounded = np.where(boundary_distance(start, pixel_mm) <= _PARAMETERS.max_shift_mm, found, start)
    parts, count = ndimage.label(bounded)
    if not count:
        return start
    return ndimage.binary_fill_holes(parts == 1 + np.argmax(np.bincount(parts.ravel())[1:]))


METHODS: dict[str, Method] = {
    "OsteoJoint's level set": level_set,
    "scikit-image chan_vese": chan_vese,
    "scikit-image morphological_chan_vese": morphological_chan_vese,
    "scikit-image morphological_geodesic_active_contour": morphological_geodesic,
    "ITK GeodesicActiveContourLevelSet": itk_geodesic,
}
