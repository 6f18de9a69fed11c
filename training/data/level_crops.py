"""Random crops of cached samples for the level network: rotation, scale, mirror, truncation and image changes.

Everything is drawn from the generator that is passed in, so a crop is a function of the sample and the seed. Only left
and right are mirrored: up, down, front and back are what tells ribs from processes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.level_config import Landmark, Tissue
from OsteoJointLib.records import Level
from training.data.level_samples import S1, CachedSample

IGNORED = 255
"""Label of voxels outside the sample; no loss there."""

AIR_HU = -1024.0
_LEAST_SLICES = 24
"""What is left of a sample that is cut: 96 mm of 4 mm voxels, three bodies."""
_PAST_END_VOX = 4.0
"""How far a crop may reach past the sample's ends (chosen: scans end there too)."""
_SOFT_HU, _BONE_SPAN_HU = 80.0, 1200.0
"""Where bone begins, and how far its grey values reach, for the change of its contrast."""


@dataclass(frozen=True)
class CropSettings:
    """How crops are drawn; the ranges are chosen.

    Args:
        shape_zyx: voxels of a crop; all divisible by 8.
        shift_vox: largest offset of the crop's center from the column, along (y, x).
        rotation_deg: standard deviation of the rotation about each axis.
        scale_sd: standard deviation of the logarithm of the size.
        truncate: probability that the sample is cut at the top, and likewise at the bottom, before the crop is taken.
    """

    shape_zyx: tuple[int, int, int] = (72, 56, 72)
    shift_vox: tuple[float, float] = (6.0, 12.0)
    rotation_deg: float = 5.0
    scale_sd: float = 0.08
    truncate: float = 0.4


@dataclass(frozen=True, eq=False)
class LevelCrop:
    """One training example.

    Args:
        hu: (z, y, x) float32.
        classes: (z, y, x) uint8, :data:`IGNORED` outside the sample.
        landmarks: (3, z, y, x) float32 in [0, 1], in the order of :class:`OsteoJointLib.level_config.Landmark`.
        lumbar: (z, y, x) uint8: whether the nearest body is a lumbar one; :data:`IGNORED` outside bodies.
    """

    hu: np.ndarray
    classes: np.ndarray
    landmarks: np.ndarray
    lumbar: np.ndarray


def landmark_heatmap(shape_zyx: tuple[int, ...], centers_zyx: np.ndarray, sigma_vox: float) -> np.ndarray:
    """Draw the largest of the Gaussians at the landmarks.

    Args:
        shape_zyx: voxels.
        centers_zyx: (N, 3) continuous indices, inside or outside.
        sigma_vox: standard deviation in voxels.

    Returns:
        (z, y, x) float32 in [0, 1]; exp(-d^2 / (2 sigma^2)) with d the distance to the nearest center.
    """
    heatmap = np.zeros(shape_zyx, np.float32)
    for center in centers_zyx:
        lines = [
            np.exp(-0.5 * ((np.arange(count, dtype=np.float32) - value) / sigma_vox) ** 2)
            for count, value in zip(shape_zyx, center, strict=True)
        ]
        np.maximum(heatmap, lines[0][:, None, None] * lines[1][:, None] * lines[2], out=heatmap)
    return heatmap


def truncate_ends(sample: CachedSample, settings: CropSettings, rng: np.random.Generator) -> CachedSample:
    """Cut the sample at a random height at the top or the bottom, as a scan ends anywhere.

    At least 24 slices stay.
    """
    count = sample.hu.shape[0]
    room = max(count - _LEAST_SLICES, 0)
    low = int(rng.integers(0, room // 2 + 1)) if rng.random() < settings.truncate else 0
    high = count - (int(rng.integers(0, room // 2 + 1)) if rng.random() < settings.truncate else 0)
    first = np.array([low, 0, 0], np.float32)
    return replace(
        sample,
        hu=sample.hu[low:high],
        classes=sample.classes[low:high],
        centers_index_zyx=sample.centers_index_zyx - first,
        rib_heads_index_zyx=sample.rib_heads_index_zyx - first,
    )


def _draw_rotation(settings: CropSettings, rng: np.random.Generator) -> np.ndarray:
    """(3, 3) matrix from crop offsets to sample offsets: small rotations, one scale, sometimes a mirror of x."""
    from scipy.spatial.transform import Rotation

    angles = rng.normal(0.0, settings.rotation_deg, 3)
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * np.exp(rng.normal(0.0, settings.scale_sd))
    if rng.random() < 0.5:
        matrix = matrix @ np.diag([1.0, 1.0, -1.0])
    return matrix


def draw_crop(sample: CachedSample, settings: CropSettings, sigma_vox: float, rng: np.random.Generator) -> LevelCrop:
    """Draw one crop around the column.

    Args:
        sample: a whole phantom.
        settings: how.
        sigma_vox: of the Gaussian at a body's center, in voxels.
        rng: everything random comes from here.

    Returns:
        The crop, its HU changed by :func:`change_image`.
    """
    from scipy import ndimage

    sample = truncate_ends(sample, settings, rng)
    shape = np.asarray(settings.shape_zyx)
    target = _draw_center(sample, settings, rng)
    matrix = _draw_rotation(settings, rng)
    offset = target - matrix @ ((shape - 1) / 2.0)
    common = {"offset": offset, "output_shape": tuple(shape), "mode": "constant"}
    hu = ndimage.affine_transform(sample.hu.astype(np.float32), matrix, order=1, cval=AIR_HU, **common)
    classes = ndimage.affine_transform(sample.classes, matrix, order=0, cval=IGNORED, **common)
    centers, heads = (
        (points - offset) @ np.linalg.inv(matrix).T for points in (sample.centers_index_zyx, sample.rib_heads_index_zyx)
    )
    names = np.asarray(sample.names)
    points = {Landmark.BODY: centers[names != S1], Landmark.RIB_HEAD: heads, Landmark.SACRUM: centers[names == S1]}
    landmarks = np.stack([landmark_heatmap(tuple(shape), points[mark], sigma_vox) for mark in Landmark])
    lumbar = lumbar_map(classes, centers[names != S1], names[names != S1])
    hu[classes == IGNORED] = AIR_HU
    return LevelCrop(change_image(hu, rng), classes, landmarks, lumbar)


def lumbar_map(classes: np.ndarray, centers_zyx: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Say of every body voxel whether the nearest center is of a lumbar body.

    Args:
        classes: (z, y, x) uint8.
        centers_zyx: (N, 3).
        names: (N,) VerSe labels.

    Returns:
        (z, y, x) uint8: 1 lumbar, 0 thoracic, :data:`IGNORED` outside bodies.
    """
    from scipy.spatial import cKDTree

    lumbar = np.full(classes.shape, IGNORED, np.uint8)
    bodies = classes == Tissue.BODY
    nearest = cKDTree(centers_zyx).query(np.argwhere(bodies))[1]
    lumbar[bodies] = (names >= Level.L1.verse_label)[nearest]
    return lumbar


def _draw_center(sample: CachedSample, settings: CropSettings, rng: np.random.Generator) -> np.ndarray:
    """(3,) index of the sample that the crop's center falls on: near the column, the crop inside the sample along z."""
    count = sample.hu.shape[0]
    half = settings.shape_zyx[0] / 2.0
    low, high = half - _PAST_END_VOX, count - half + _PAST_END_VOX
    z = rng.uniform(low, high) if low < high else count / 2.0
    middle = (np.asarray(sample.hu.shape) - 1) / 2.0
    inside = np.array(list(sample.in_view().values()))
    if len(inside):
        middle = inside[np.argmin(np.abs(inside[:, 0] - z))]
    y, x = middle[1:] + rng.uniform(-1.0, 1.0, 2) * np.asarray(settings.shift_vox)
    return np.array([z, y, x])


def change_image(hu: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change contrast, brightness, sharpness and noise; the ranges are chosen, beyond what scanners differ by.

    Args:
        hu: (z, y, x) float32.
        rng: draws slope (0.9 to 1.15), offset (SD 15 HU), the gamma of bone (0.8 to 1.25), blur or thick slices, noise
            of up to 60 HU, mostly little.

    Returns:
        (z, y, x) float32.
    """
    from scipy import ndimage

    hu = hu * rng.uniform(0.9, 1.15) + rng.normal(0.0, 15.0)
    bone = np.clip((hu - _SOFT_HU) / _BONE_SPAN_HU, 0.0, None)
    hu = np.where(bone > 0.0, _SOFT_HU + _BONE_SPAN_HU * bone ** rng.uniform(0.8, 1.25), hu)
    if rng.random() < 0.3:
        hu = ndimage.gaussian_filter(hu, (rng.uniform(0.0, 0.8), *(rng.uniform(0.0, 0.6),) * 2))
    if rng.random() < 0.5:
        noise = rng.standard_normal(hu.shape, np.float32)
        if rng.random() < 0.5:
            # the mean of two slices, as thick slices have it, with the noise's strength restored
            noise = ndimage.uniform_filter1d(noise, 2, axis=0) * np.float32(2**0.5)
        hu = hu + noise * np.float32(60.0 * rng.random() ** 2)
    return np.clip(hu, AIR_HU, 3071.0).astype(np.float32)
