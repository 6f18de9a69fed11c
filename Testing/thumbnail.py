"""Render the picture of the sample CT: ``python Testing/thumbnail.py`` writes Resources/Icons/Phantom.png.

The bones of the demo's phantom from the front, L1 and L2 in the colors of their segments.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage

from OsteoJointLib.cli.demo import DEMO_SEED
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.records import Level
from OsteoJointLib.resources import resource_path

SIZE_PX = (260, 280)
VOXEL_MM = 0.8
BONE_HU = 145
SMALLEST_VOXELS = 3000
LIGHT = np.array([0.45, -0.8, -0.4])
"""From the observer's upper right, (z, y, x)."""


def bones_from_the_front(phantom: Phantom) -> np.ndarray:
    """Render (z, x, 3) in [0, 1], feet first."""
    zoom = np.array(phantom.volume.grid.spacing_xyz_mm[::-1]) / VOXEL_MM
    hu = ndimage.zoom(phantom.volume.hu.astype(np.float32), zoom, order=1)
    labels = ndimage.zoom(phantom.labels, zoom, order=0)
    bone = ndimage.binary_opening(ndimage.gaussian_filter(hu, 0.9) > BONE_HU)
    parts, _ = ndimage.label(bone)
    bone = (np.bincount(parts.ravel()) > SMALLEST_VOXELS)[parts] & bone
    seen = bone.any(axis=1)
    depth = np.where(seen, bone.argmax(axis=1), hu.shape[1] - 1)
    z, x = np.indices(depth.shape)

    outward = -np.stack(np.gradient(ndimage.gaussian_filter(hu, 1.6)))[:, z, depth, x]
    outward /= np.linalg.norm(outward, axis=0) + 1e-6
    bright = np.clip(np.tensordot(LIGHT / np.linalg.norm(LIGHT), outward, 1), 0, 1)
    nearest, farthest = depth[seen].min(), np.percentile(depth[seen], 99)
    far = np.clip((depth - nearest) / (farthest - nearest), 0, 1)
    shade = (0.22 + 0.78 * bright) * (1.05 - 0.55 * far)

    color = np.broadcast_to([0.93, 0.89, 0.80], (*depth.shape, 3)).copy()
    body = ndimage.maximum_filter(labels, 5)[z, depth, x]
    for level in Level:
        color[ndimage.binary_opening(body == level.verse_label)] = np.array(segment_color_rgb(level)) / 255
    tissue = np.clip(ndimage.gaussian_filter((hu > -200).sum(axis=1).astype(float), 2) * VOXEL_MM / 250, 0, 1)
    ground = tissue[..., None] * [0.10, 0.11, 0.12] + [0.06, 0.07, 0.09]
    cover = ndimage.gaussian_filter(seen.astype(float), 0.7)[..., None]
    return np.clip(cover * color * shade[..., None] + (1 - cover) * ground, 0, 1)


def main() -> None:
    """Cut the picture about the column, head first, and write it small."""
    phantom = make_phantom(DEMO_SEED)
    picture = bones_from_the_front(phantom)[::-1]
    column = phantom.volume.grid.lps_to_index(np.array(phantom.truth.centers_lps_mm[Level.L1.verse_label]))[2]
    middle = round(column * phantom.volume.grid.spacing_xyz_mm[0] / VOXEL_MM)
    half = round(picture.shape[0] * SIZE_PX[0] / SIZE_PX[1] / 2)
    cut = (255 * picture[:, middle - half : middle + half] ** 0.9).astype(np.uint8)
    small = Image.fromarray(cut).resize(SIZE_PX, Image.Resampling.LANCZOS)
    small.quantize(256, kmeans=5).save(resource_path("Icons", "Phantom.png"), optimize=True)


if __name__ == "__main__":
    main()
