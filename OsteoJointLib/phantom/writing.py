"""Write a phantom to disk: its CT as NRRD and as a DICOM series, and its truth beside them.

The DICOM series carries real CT tags, so that pydicom, SimpleITK and Slicer read it like a scanner's. All identifiers
follow from the seed: the same phantom gives the same files. The patient is named PHANTOM-<seed>, so that nobody takes
it for a person. Every file, and the series as a whole, appears whole.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from OsteoJointLib.atomic import write_folder_whole, write_text_whole
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image

if TYPE_CHECKING:
    from pydicom import Dataset

    from OsteoJointLib.phantom.cases import Phantom

TRUTH_FORMAT = "osteojoint.phantom/1"
_INTERCEPT_HU = -1024  # the usual one: what is stored is unsigned
_DATE, _TIME = "20000101", "120000"  # the same for all: a phantom is from no day
_WINDOW_CENTER_HU, _WINDOW_WIDTH_HU = 40, 400  # a usual abdominal window


def write_nrrd(phantom: Phantom, folder: Path | str, compress: bool = True) -> Path:
    """Write the CT as ``ct.nrrd`` with its tube voltage, kernel and contrast as key/value pairs.

    Args:
        phantom: the phantom.
        folder: made when missing.
        compress: gzip, fast level.

    Returns:
        The file's path.
    """
    path = Path(folder) / "ct.nrrd"
    image = image_on_grid(phantom.volume.hu, phantom.volume.grid)
    write_image(image, path, acquisition_keys(phantom.volume.source), compress)
    return path


def write_truth(phantom: Phantom, folder: Path | str) -> Path:
    """Write ``truth.json``: every field of the truth, and the SHA-256 of the voxels of CT and masks; returns its path.

    The hashes are of the (z, y, x) arrays' bytes in little-endian order, so they hold for every file format.
    """
    truth = {field.name: _plain(getattr(phantom.truth, field.name)) for field in fields(phantom.truth)}
    grid = phantom.volume.grid
    document = {
        "format": TRUTH_FORMAT,
        **truth,
        "geometry": {
            "shape_zyx": _plain(grid.shape_zyx),
            "spacing_xyz_mm": _plain(grid.spacing_xyz_mm),
            "origin_lps_mm": _plain(grid.origin_lps_mm),
            "direction": _plain(grid.direction),
        },
        "sha256": {
            "hu_int16": voxel_sha256(phantom.volume.hu.astype("<i2")),
            "labels_uint8": voxel_sha256(phantom.labels.astype(np.uint8)),
        },
    }
    path = Path(folder) / "truth.json"
    write_text_whole(path, json.dumps(document, indent=2, allow_nan=False) + "\n")
    return path


def voxel_sha256(array: np.ndarray) -> str:
    """SHA-256 of an array's bytes in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def write_dicom_series(phantom: Phantom, folder: Path | str) -> Path:
    """Write the CT as a DICOM series, one file a slice from head to foot, in ``folder/dicom``.

    Args:
        phantom: the phantom.
        folder: made when missing.

    Returns:
        The series' folder.

    Raises:
        UsageError: OUTPUT_EXISTS when the folder already holds files, so that no two series mix.
    """
    series = Path(folder) / "dicom"
    if series.exists() and any(series.iterdir()):
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"The folder {series} already holds files, and two series must not mix. Name another folder, or empty it.",
        )
    common = _common_dataset(phantom)
    count = phantom.volume.hu.shape[0]
    with write_folder_whole(series) as temporary:
        for number in range(1, count + 1):
            dataset = _slice_dataset(common, phantom, count - number, number)
            dataset.save_as(temporary / f"IM-{number:04d}.dcm", enforce_file_format=True)
    return series


def _common_dataset(phantom: Phantom) -> Dataset:
    """Fill in what all slices share: patient, study, series, acquisition, pixel description."""
    from pydicom import Dataset
    from pydicom.uid import CTImageStorage

    seed, volume = phantom.truth.seed, phantom.volume
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = _DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = _TIME
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.Modality = "CT"
    dataset.Manufacturer = "OsteoJoint phantom"
    dataset.StudyDescription = dataset.SeriesDescription = "Synthetic lumbar CT, not a patient"
    dataset.PatientName = dataset.PatientID = f"PHANTOM-{seed}"
    dataset.PatientBirthDate = dataset.PatientSex = ""
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.PatientPosition = "HFS"
    dataset.StudyInstanceUID = _uid(seed, "study")
    dataset.SeriesInstanceUID = _uid(seed, "series")
    dataset.FrameOfReferenceUID = _uid(seed, "frame of reference")
    dataset.StudyID, dataset.SeriesNumber, dataset.AcquisitionNumber = "1", 1, 1
    dataset.PositionReferenceIndicator = ""
    _describe_acquisition(dataset, phantom)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    _, dataset.Rows, dataset.Columns = volume.hu.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, _INTERCEPT_HU, "HU"
    dataset.WindowCenter, dataset.WindowWidth = _WINDOW_CENTER_HU, _WINDOW_WIDTH_HU
    return dataset


def _describe_acquisition(dataset: Dataset, phantom: Phantom) -> None:
    source, grid = phantom.volume.source, phantom.volume.grid
    x_mm, y_mm, z_mm = grid.spacing_xyz_mm
    if source.kvp is not None:
        dataset.KVP = _decimal(source.kvp)
    if source.kernel is not None:
        dataset.ConvolutionKernel = source.kernel
    if source.contrast is not None:
        dataset.ContrastBolusAgent = "IODINE (SIMULATED)" if source.contrast else "NONE"
    dataset.SliceThickness = _decimal(source.slice_thickness_mm or z_mm)
    dataset.SpacingBetweenSlices = _decimal(z_mm)
    dataset.GantryDetectorTilt = 0
    dataset.PixelSpacing = [_decimal(y_mm), _decimal(x_mm)]
    dataset.ImageOrientationPatient = [_decimal(value) for value in grid.direction[:, :2].T.ravel()]


def _slice_dataset(common: Dataset, phantom: Phantom, index: int, number: int) -> Dataset:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset(common)
    position = phantom.volume.grid.index_to_lps(np.array([index, 0, 0]))
    dataset.SOPInstanceUID = _uid(phantom.truth.seed, f"image {number}")
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = [_decimal(value) for value in position]
    dataset.SliceLocation = _decimal(position[2])
    stored = phantom.volume.hu[index].astype(np.int32) - _INTERCEPT_HU
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _uid(seed: int, what: str) -> str:
    """Make a DICOM UID that follows from the seed."""
    from pydicom.uid import generate_uid

    return generate_uid(entropy_srcs=["OsteoJoint phantom", str(seed), what])


def _decimal(value: float) -> str:
    """Write a number as a DICOM decimal string of at most 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    return format_number_as_ds(float(value))


def _plain(value: Any) -> Any:
    """Turn NumPy values, enumerations and tuples into what JSON holds."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value
