"""Write arrays as NRRD (or by any other ending SimpleITK knows), each file whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.volume_files import CONTRAST_KEY, KERNEL_KEY, KVP_KEY
from OsteoJointLib.records import ContrastPhase, SourceInfo

if TYPE_CHECKING:
    import SimpleITK


def image_on_grid(array: np.ndarray, grid: Grid) -> SimpleITK.Image:
    """Put a (z, y, x) array on a grid as an image."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing([float(v) for v in grid.spacing_xyz_mm])
    image.SetOrigin([float(v) for v in grid.origin_lps_mm])
    image.SetDirection(np.asarray(grid.direction, dtype=np.float64).ravel().tolist())
    return image


def write_image(
    image: SimpleITK.Image, path: Path, keys: Mapping[str, str] | None = None, compress: bool = True
) -> None:
    """Write an image with key/value pairs; compressed at level 1, which is fast and nearly as small as higher ones."""
    import SimpleITK as sitk

    for key, value in (keys or {}).items():
        image.SetMetaData(key, value)
    with write_whole(path) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=compress, compressionLevel=1)


def acquisition_keys(source: SourceInfo) -> dict[str, str]:
    """Write tube voltage, kernel and contrast as key/value pairs that the reader understands, unknown ones left out.

    >>> acquisition_keys(SourceInfo("dicom", kvp=120.0, contrast=False))
    {'osteojoint_kvp': '120.0', 'osteojoint_contrast': 'none'}
    """
    contrast = source.phase
    if source.phase is None and source.contrast is not None:
        contrast = ContrastPhase.GIVEN if source.contrast else ContrastPhase.NONE
    said = {KVP_KEY: source.kvp, KERNEL_KEY: source.kernel, CONTRAST_KEY: contrast}
    return {key: str(value) for key, value in said.items() if value is not None}
