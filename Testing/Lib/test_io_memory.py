"""No more memory is taken than a header was checked for, whatever the bytes behind it would unpack to."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.codestreams import is_of_size
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.files.inflating import Inflated
from OsteoJointLib.io.limits import ReadingLimits

MIB = 2**20
BOMB_MIB = 160
"""What a bomb unpacks to; nobody may ever hold much of it."""


@pytest.fixture
def series(write_series, tmp_path) -> Path:
    return write_series(tmp_path / "dicom", 20, 2.5)


def refusal(path: Path, limits: ReadingLimits | None = None) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_ct(path, limits=limits)
    return caught.value


def peak_mib(action) -> float:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def gzip_bomb(head: bytes) -> bytes:
    packing = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join([packing.compress(head), *(packing.compress(bytes(MIB)) for _ in range(BOMB_MIB)), packing.flush()])


def zlib_bomb() -> bytes:
    packing = zlib.compressobj(1)
    return b"".join([*(packing.compress(bytes(MIB)) for _ in range(BOMB_MIB)), packing.flush()])


@pytest.mark.parametrize("name", ["ct.nrrd", "ct.nii", "ct.nii.gz", "ct.mha", "dicom"])
def test_a_ct_that_needs_more_than_is_allowed_is_refused_with_how_much(series, make_body, tmp_path, name):
    image = sitk.GetImageFromArray(make_body(20))
    image.SetSpacing((6.0, 6.5, 2.5))
    if name != "dicom":
        sitk.WriteImage(image, tmp_path / name)
    needed_gib = 20 * 32 * 40 * 2 / 2**30
    said = refusal(tmp_path / name, ReadingLimits(memory_gib=0.99 * needed_gib))
    assert said.reason is Reason.TOO_LARGE
    assert "40 x 32 x 20 voxels" in said.message
    assert read_ct(tmp_path / name, limits=ReadingLimits(memory_gib=needed_gib)).hu.shape == (20, 32, 40)


def nifti_head(sizes: tuple[int, int, int]) -> bytes:
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, 3, *sizes, 1, 1, 1, 1)
    struct.pack_into("<2h", head, 70, 4, 16)
    struct.pack_into("<4f", head, 76, 1, 6, 6, 2.5)
    struct.pack_into("<3f", head, 108, 352, 1, 0)
    struct.pack_into("<2h", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, -6, 0, 0, 0, 0, -6, 0, 0, 0, 0, 2.5, 0)
    head[344:348] = b"n+1\0"
    return bytes(head)


@pytest.mark.parametrize(
    ("sizes", "reason"), [((20000, 20000, 10), Reason.TOO_LARGE), ((64, 64, 40), Reason.UNREADABLE)]
)
def test_a_packed_nifti_is_no_bomb(tmp_path, sizes, reason):
    path = tmp_path / "ct.nii.gz"
    path.write_bytes(gzip_bomb(nifti_head(sizes)))
    assert path.stat().st_size < 2 * MIB
    assert peak_mib(lambda: refusal(path)) < 20
    assert refusal(path).reason is reason


def test_a_packed_nrrd_and_a_packed_metaimage_are_no_bombs(tmp_path):
    head = "type: short\ndimension: 3\nspace: LPS\nsizes: 64 64 40\nspace directions: (6,0,0) (0,6,0) (0,0,2)\n"
    head += "space origin: (0,0,0)\nendian: little\nencoding: gzip\n\n"
    (tmp_path / "ct.nrrd").write_bytes(b"NRRD0004\n" + head.encode() + gzip_bomb(b""))
    head = "NDims = 3\nDimSize = 64 64 40\nElementSpacing = 6 6 2\nOffset = 0 0 0\nElementType = MET_SHORT\n"
    head += "TransformMatrix = 1 0 0 0 1 0 0 0 1\nCompressedData = True\nElementDataFile = LOCAL\n"
    (tmp_path / "ct.mha").write_bytes(head.encode() + zlib_bomb())
    for path in (tmp_path / "ct.nrrd", tmp_path / "ct.mha"):
        assert peak_mib(lambda path=path: refusal(path)) < 20
        assert "more voxels than its header states" in refusal(path).message


@pytest.mark.parametrize("count", [1, 1000, 10**6, 3 * 10**6])
def test_packed_bytes_are_unpacked_in_pieces_of_any_size(tmp_path, count):
    content = np.random.default_rng(0).integers(0, 8, 2_500_000, dtype=np.uint8).tobytes()
    members = [content[:1_000_000], content[1_000_000:]]
    path = tmp_path / "packed.gz"
    path.write_bytes(b"".join(gzip.compress(member) for member in members) + bytes(100))
    with path.open("rb") as file:
        source = Inflated(file)
        parts = []
        while (part := source.read(count)) and len(parts) < 3000:
            parts.append(part)
    found = b"".join(parts)
    assert found == content[: len(found)]
    assert len(found) == min(len(content), 3000 * count)


def make_deflated(path: Path, zeros_mib: int = 0) -> None:
    """Deflate a file's data set; with zeros, put them between its header and its pixels, and many of them."""
    dataset = pydicom.dcmread(path)
    if zeros_mib:
        dataset.add_new((0x0009, 0x0010), "LO", "OURS")
        dataset.add_new((0x0009, 0x1001), "OB", bytes(zeros_mib * MIB))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)


def test_deflated_slices_are_read_like_others(series):
    expected = read_ct(series).hu
    for path in series.iterdir():
        make_deflated(path)
    np.testing.assert_array_equal(read_ct(series).hu, expected)


def test_a_deflated_file_is_no_bomb(series):
    path = sorted(series.iterdir())[5]
    make_deflated(path, BOMB_MIB)
    assert path.stat().st_size < MIB
    assert peak_mib(lambda: read_ct(series)) < 140  # twice the 64 MiB of a header
    assert Reason.FILES_DAMAGED in {flag.code for flag in read_ct(series).flags}


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
def test_compressed_bytes_of_another_size_than_the_header_states_are_refused(series, syntax):
    whole = pydicom.dcmread(sorted(series.iterdir())[5])
    rows, columns = whole.Rows, whole.Columns
    large = pydicom.dcmread(sorted(series.iterdir())[5])
    large.Rows = large.Columns = 700
    large.PixelData = np.random.default_rng(0).integers(0, 2000, (700, 700), dtype=np.uint16).tobytes()
    for one in (whole, large):
        one.compress(syntax, generate_instance_uid=False)
    frames = [get_frame(one.PixelData, 0, number_of_frames=1) for one in (whole, large)]
    fits = [is_of_size(frame, rows, columns, 2, syntax == RLELossless) for frame in frames]
    assert fits == [True, False]
    assert is_of_size(frames[1], 700, 700, 2, syntax == RLELossless)
    whole.PixelData = encapsulate([frames[1]])
    whole.save_as(sorted(series.iterdir())[5])
    assert "pixels of image 15 of 20" in refusal(series).message


def test_a_stated_length_takes_no_memory(series):
    path = sorted(series.iterdir())[5]
    content = path.read_bytes()
    at = content.index(b"\x28\x00\x10\x00US")
    path.write_bytes(content[:at] + b"\x09\x00\x10\x00OB\0\0\xf0\xff\xff\x7f" + content[at:])
    assert peak_mib(lambda: read_ct(series)) < 20


def test_a_tilt_that_would_fill_the_memory_is_refused(series):
    for index, path in enumerate(sorted(series.iterdir(), reverse=True)):
        dataset = pydicom.dcmread(path)
        dataset.PixelSpacing = [1e-4, 1e-4]
        dataset.ImagePositionPatient = [0, 500.0 * index, 2.5 * index]
        dataset.save_as(path)
    assert refusal(series).reason is Reason.TOO_LARGE


def test_a_multi_frame_file_is_read_frame_by_frame(tmp_path):
    """As it is stored it is never in memory: no more than the HU and an image."""
    frames, size = 60, 512
    rng = np.random.default_rng(1)
    dataset = Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SeriesInstanceUID = "1.2.3"
    dataset.Modality, dataset.NumberOfFrames, dataset.Rows, dataset.Columns = "CT", frames, size, size
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    plane = np.select([x**2 + y**2 < 0.3, x**2 + y**2 < 0.5], [50, -100], -1000) + rng.integers(-9, 9, (size, size))
    stored = plane + np.arange(frames)[:, None, None]
    dataset.PixelData = stored.astype("<i2").tobytes()
    groups = []
    for index in range(frames):
        group = Dataset()
        for sequence, tag, value in (
            ("PlanePositionSequence", "ImagePositionPatient", [0, 0, 2.0 * index]),
            ("PlaneOrientationSequence", "ImageOrientationPatient", [1, 0, 0, 0, 1, 0]),
            ("PixelMeasuresSequence", "PixelSpacing", [0.7, 0.7]),
            ("PixelValueTransformationSequence", "RescaleSlope", 1),
        ):
            item = Dataset()
            setattr(item, tag, value)
            item.RescaleIntercept = 0
            setattr(group, sequence, [item])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    del dataset, groups
    assert peak_mib(lambda: read_ct(tmp_path / "ct.dcm")) < 1.7 * frames * size * size * 2 / MIB
    np.testing.assert_array_equal(read_ct(tmp_path / "ct.dcm").hu, stored)
