"""Small sound inputs, one of each format, from which the attacks are made: no patient, half a second to read all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.records import CtVolume, SourceInfo

SLICES, ROWS, COLUMNS = 20, 32, 40
SPACING_MM, ORIGIN_MM = (8.0, 8.0, 2.5), (-156.0, -124.0, -20.0)
PHANTOM_GRID = Grid.axis_aligned((72, 128, 128), (2.8, 2.8, 3.0), (-178.0, -178.0, -108.0))
VOLUME_NAMES = ("ct.nrrd", "packed.nrrd", "ct.nhdr", "ct.nii", "ct.nii.gz", "ct.mha", "packed.mha", "ct.mhd")
DICOM_NAMES = ("classic", "run-length", "jpeg2000", "enhanced")


def body() -> np.ndarray:
    """(z, y, x) int16: muscle in fat in air, with bone; no two slices alike."""
    y, x = np.mgrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    plane = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.65) ** 2 + (y / 0.45) ** 2 < 1] = 50.0
    hu = plane + np.random.default_rng(2).normal(0, 12, (SLICES, ROWS, COLUMNS))
    for index in range(SLICES):
        hu[index, ROWS // 2 - 2 : ROWS // 2 + 1, COLUMNS // 4 + index // 2] = 700.0 + index
    return np.clip(hu, -1024, 3071).astype(np.int16)


def small_phantom(seed: int) -> Phantom:
    """Make a phantom that is read in under a second: the lumbar spine on coarse voxels."""
    return make_phantom(seed, grid=PHANTOM_GRID)


def write_seeds(folder: Path) -> None:
    """Write every seed, each into a folder of its own: ``folder/<name>/``."""
    hu = body()
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing(SPACING_MM)
    image.SetOrigin(ORIGIN_MM)
    image.SetMetaData("osteojoint_kvp", "120")
    for name in VOLUME_NAMES:
        own = folder / name
        own.mkdir(parents=True)
        if name.startswith("ct.nii"):
            affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
            affine[:3, 3] = -ORIGIN_MM[0], -ORIGIN_MM[1], ORIGIN_MM[2]
            nifti = nibabel.Nifti1Image(hu.T, affine)
            nifti.set_qform(affine, 1)
            nifti.set_sform(affine, 1)
            nibabel.save(nifti, own / name)
        else:
            sitk.WriteImage(image, own / name, useCompression=name.startswith("packed"))
    grid = Grid.axis_aligned(hu.shape, SPACING_MM, ORIGIN_MM)
    said = SourceInfo("phantom", kvp=120.0, kernel="B30f", contrast=False, slice_thickness_mm=SPACING_MM[2])
    case = SimpleNamespace(volume=CtVolume(hu, grid, said), truth=SimpleNamespace(seed=1))
    for name in ("classic", "run-length", "jpeg2000"):
        series = write_dicom_series(case, folder / name)
        for path in sorted(series.iterdir()):
            if name == "classic":
                continue
            dataset = pydicom.dcmread(path)
            dataset.compress(RLELossless if name == "run-length" else JPEG2000Lossless, generate_instance_uid=False)
            dataset.save_as(path)
    _write_enhanced(sorted((folder / "classic").rglob("*.dcm")), folder / "enhanced")


def _write_enhanced(files: list[Path], folder: Path) -> None:
    """Put a classic series into one enhanced file."""
    datasets = [pydicom.dcmread(path) for path in files]
    whole = pydicom.dcmread(files[0])
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    whole.NumberOfFrames = len(datasets)
    whole.PixelData = b"".join(dataset.PixelData for dataset in datasets)
    groups = []
    for dataset in datasets:
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = dataset.ImagePositionPatient
        group.PlanePositionSequence = [position]
        groups.append(group)
    whole.PerFrameFunctionalGroupsSequence = groups
    folder.mkdir()
    whole.save_as(folder / "ct.dcm")


def input_of(folder: Path, name: str) -> Path:
    """The path that is read of a seed, or of what was made of it."""
    return folder / name if name in VOLUME_NAMES else folder
