"""A phantom written to disk is read back the same by OsteoJoint, pydicom and SimpleITK; same seed, same files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.phantom.writing import (
    voxel_sha256,
    write_dicom_series,
    write_nrrd,
    write_truth,
)
from OsteoJointLib.records import CtVolume, Level, SourceInfo, Status


@dataclass(frozen=True)
class SmallTruth:
    seed: int
    centers_lps_mm: dict
    boxes_px_xyxy: dict
    bmd_mg_cm3: dict
    mean_bmd_mg_cm3: float
    status: Status
    drawn: dict


@dataclass(frozen=True, eq=False)
class SmallPhantom:
    volume: CtVolume
    labels: np.ndarray
    truth: SmallTruth


@pytest.fixture(scope="module")
def phantom() -> SmallPhantom:
    y, x = np.mgrid[-1:1:64j, -1:1:56j]
    plane = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.7) ** 2 + (y / 0.5) ** 2 < 1] = 50.0
    hu = np.clip(plane + np.random.default_rng(1).normal(0, 12, (30, 64, 56)), -1024, 3071).astype(np.int16)
    hu[3, 4, 5], hu[20, 30, 28] = -1024, 3071
    grid = Grid.axis_aligned(hu.shape, (0.9003906 * 6, 0.8203125 * 6, 2.5), (-151.2345678901, -160.987, -70.123456789))
    labels = np.zeros(hu.shape, dtype=np.uint8)
    labels[15:20, 30:40, 20:30], labels[8:13, 30:40, 20:30] = 20, 21
    truth = SmallTruth(
        7,
        {20: (0.0, np.float64(1.5), 2.0)},
        {Level.L1: (20.0, 30.0, 30.0, 40.0)},
        {Level.L1: 111.0, Level.L2: np.float32(110.0)},
        110.5,
        Status.OSTEOPENIA,
        {"sex": "F", "curve": np.arange(3), "kernel": ("soft", 1)},
    )
    source = SourceInfo("phantom", ("phantom-7",), kvp=120.0, kernel="soft", contrast=False, slice_thickness_mm=2.5)
    return SmallPhantom(CtVolume(hu, grid, source), labels, truth)


def assert_same_ct(read: CtVolume, phantom: SmallPhantom) -> None:
    np.testing.assert_array_equal(read.hu, phantom.volume.hu)
    assert read.hu.dtype == np.int16
    np.testing.assert_allclose(read.grid.matrix, phantom.volume.grid.matrix, atol=1e-9)
    kept = ("kvp", "kernel", "contrast")
    assert [getattr(read.source, name) for name in kept] == [getattr(phantom.volume.source, name) for name in kept]
    assert {flag.code for flag in read.flags} <= {Reason.THICK_SLICES}  # its pixels are 5.4 x 4.9 mm


def test_dicom_series_reads_back_the_same(phantom, tmp_path):
    folder = write_dicom_series(phantom, tmp_path)
    assert len(list(folder.iterdir())) == 30
    read = read_ct(folder)
    assert_same_ct(read, phantom)
    assert read.source.slice_thickness_mm == 2.5
    assert read.source.choice is None


@pytest.mark.parametrize("compress", [True, False])
def test_nrrd_reads_back_the_same(phantom, tmp_path, compress):
    assert_same_ct(read_ct(write_nrrd(phantom, tmp_path, compress)), phantom)


def test_gdcm_reads_the_series_the_same(phantom, tmp_path):
    folder = write_dicom_series(phantom, tmp_path)
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), phantom.volume.hu)
    np.testing.assert_allclose(image.GetOrigin(), phantom.volume.grid.origin_lps_mm, atol=1e-9)
    np.testing.assert_allclose(image.GetSpacing(), phantom.volume.grid.spacing_xyz_mm, atol=1e-6)


def test_dicom_tags_are_those_of_a_ct_and_name_no_person(phantom, tmp_path):
    files = sorted(write_dicom_series(phantom, tmp_path).iterdir())
    first, last = (pydicom.dcmread(path) for path in (files[0], files[-1]))
    assert first.SOPClassUID == pydicom.uid.CTImageStorage
    assert (first.PatientID, first.Modality, first.KVP, first.ConvolutionKernel) == ("PHANTOM-7", "CT", 120, "soft")
    assert (first.RescaleSlope, first.RescaleIntercept, first.ContrastBolusAgent) == (1, -1024, "NONE")
    assert first.SeriesInstanceUID == last.SeriesInstanceUID
    assert first.SOPInstanceUID != last.SOPInstanceUID
    assert first.ImagePositionPatient[2] > last.ImagePositionPatient[2]


def test_enhanced_phantom_says_so(phantom, tmp_path):
    enhanced = replace(phantom, volume=replace(phantom.volume, source=replace(phantom.volume.source, contrast=True)))
    for path in (write_dicom_series(enhanced, tmp_path), write_nrrd(enhanced, tmp_path)):
        read = read_ct(path)
        assert read.source.contrast is True
        assert Reason.CONTRAST in {flag.code for flag in read.flags}


def test_same_phantom_gives_the_same_bytes(phantom, tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        write_dicom_series(phantom, folder)
        write_truth(phantom, folder)
    written = [sorted(path.relative_to(folder) for path in folder.rglob("*.*")) for folder in (first, second)]
    assert written[0] == written[1]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in written[0])


def test_a_series_is_never_written_among_other_files(phantom, tmp_path):
    write_dicom_series(phantom, tmp_path)
    with pytest.raises(UsageError, match="holds files") as caught:
        write_dicom_series(phantom, tmp_path)
    assert caught.value.reason is Reason.OUTPUT_EXISTS


def test_truth_holds_every_field_and_the_hashes_of_the_voxels(phantom, tmp_path):
    truth = json.loads(Path(write_truth(phantom, tmp_path)).read_text())
    assert truth["format"] == "osteojoint.phantom/1"
    assert truth["centers_lps_mm"] == {"20": [0.0, 1.5, 2.0]}
    assert truth["bmd_mg_cm3"] == {"L1": 111.0, "L2": 110.0}
    assert truth["status"] == "osteopenia"
    assert truth["drawn"] == {"sex": "F", "curve": [0, 1, 2], "kernel": ["soft", 1]}
    assert truth["geometry"]["shape_zyx"] == [30, 64, 56]
    back = read_ct(write_nrrd(phantom, tmp_path))
    assert truth["sha256"]["hu_int16"] == voxel_sha256(back.hu)
    assert truth["sha256"]["labels_uint8"] == voxel_sha256(phantom.labels)
