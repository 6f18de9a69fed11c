"""The paper's own input, two single slices, becomes a pair whose upper slice is L1; what is no such pair is refused."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.records import CtSlicePair, CtVolume, SourceInfo


def body(bone_hu: float, rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[-1:1:40j, -1:1:40j]
    plane = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.65) ** 2 + (y / 0.45) ** 2 < 1] = 50.0
    plane[x**2 + (y - 0.2) ** 2 < 0.03] = bone_hu
    return np.clip(plane + rng.normal(0, 12, plane.shape), -1024, 3071).astype(np.int16)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Two files 35 mm apart: L1 (bone of 300 HU) above L2 (bone of 500 HU)."""
    rng = np.random.default_rng(4)
    hu = np.stack([body(500.0, rng), body(300.0, rng)])
    grid = Grid.axis_aligned(hu.shape, (8.0, 8.0, 35.0), (-156.0, -156.0, 100.0))
    source = SourceInfo("phantom", kvp=120.0, kernel="B30f", contrast=False, slice_thickness_mm=1.5)
    return write_dicom_series(
        SimpleNamespace(volume=CtVolume(hu, grid, source), truth=SimpleNamespace(seed=1)), tmp_path
    )


def edit(path: Path, **tags) -> None:
    dataset = pydicom.dcmread(path)
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    dataset.save_as(path)


def refusal(path: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_ct(path)
    return caught.value


def test_the_upper_slice_is_l1_whatever_its_name(folder):
    upper, lower = sorted(folder.iterdir())
    upper.rename(folder / "z.dcm")
    pair = read_ct(folder)
    assert isinstance(pair, CtSlicePair)
    assert [slice_.hu.shape for slice_ in (pair.l1, pair.l2)] == [(1, 40, 40)] * 2
    assert [slice_.grid.origin_lps_mm[2] for slice_ in (pair.l1, pair.l2)] == [135.0, 100.0]
    assert [float(np.median(slice_.hu[0, 22:25, 18:22])) for slice_ in (pair.l1, pair.l2)] == pytest.approx(
        [300, 500], abs=15
    )
    assert pair.l1.grid.spacing_xyz_mm == (8.0, 8.0, 1.5)
    assert (pair.l1.source.file_names, pair.l2.source.file_names) == (("z.dcm",), (lower.name,))
    assert (pair.l1.flags, pair.l2.flags) == ((), ())


def test_slices_of_two_series_of_one_examination_are_a_pair(folder):
    edit(next(folder.iterdir()), SeriesInstanceUID="1.2.3")
    assert isinstance(read_ct(folder), CtSlicePair)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.dcm", b""),
        ("IM0003", b"damaged"),
        ("1.2.840.7", b"damaged"),
        ("half", bytes(128) + b"DICM" + b"\x08\x00\x60\x00CS\xff"),
        ("tagless", bytes(128) + b"DICM" + bytes(8)),
    ],
)
def test_two_slices_left_of_a_damaged_series_are_no_pair(folder, name, content):
    for text in ("notes.txt", "LICENSE"):
        (folder / text).write_text("ours")
    assert isinstance(read_ct(folder), CtSlicePair)
    (folder / name).write_bytes(content)
    said = refusal(folder)
    assert said.reason is Reason.UNREADABLE
    assert said.message.startswith("Only 2 of the 3 images can be read")


def test_a_localizer_beside_two_slices_makes_them_no_pair(folder):
    third = folder / "third.dcm"
    third.write_bytes(min(folder.iterdir()).read_bytes())
    edit(third, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SOPInstanceUID="1.2.3")
    assert refusal(folder).reason is Reason.UNREADABLE


def test_rows_that_run_to_the_front_are_turned(folder):
    expected = read_ct(folder).l1.hu
    upper = min(folder.iterdir())
    image = np.frombuffer(pydicom.dcmread(upper).PixelData, "<u2").reshape(40, 40)[::-1]
    edit(
        upper,
        PixelData=image.tobytes(),
        ImageOrientationPatient=[1, 0, 0, 0, -1, 0],
        ImagePositionPatient=[-156, 156, 135],
    )
    np.testing.assert_array_equal(read_ct(folder).l1.hu, expected)


def test_a_tilted_slice_lies_where_its_center_lies(folder):
    # 30 rows of 8 mm: the center lies 14.5 * 8 = 116 mm down the rows, which sink by sin 20 degrees: 39.7 mm.
    upper, tilt = min(folder.iterdir()), np.radians(20.0)
    edit(
        upper,
        Rows=30,
        PixelData=pydicom.dcmread(upper).PixelData[: 30 * 40 * 2],
        ImageOrientationPatient=[1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))],
        ImagePositionPatient=[-156, -156, 125 + 116 * float(np.sin(tilt))],
    )
    pair = read_ct(folder)
    assert isinstance(pair, CtSlicePair)
    assert pair.l1.hu.shape == (1, 30, 40)  # 25 mm above the other; 13.7 mm if rows and columns were exchanged


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"ImagePositionPatient": [-156, -156, 105]}, Reason.SINGLE_SLICE),
        ({"ImagePositionPatient": [-156, -156, 300]}, Reason.SINGLE_SLICE),
        ({"ImagePositionPatient": [-156, -156, 100]}, Reason.DUPLICATE_SLICES),
        ({"FrameOfReferenceUID": "1.2.3"}, Reason.BAD_GEOMETRY),
        ({"PatientID": "another"}, Reason.SEVERAL_SERIES),
        ({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}, Reason.MIXED_ORIENTATION),
        ({"PixelSpacing": None}, Reason.BAD_GEOMETRY),
        ({"PixelSpacing": [0.1, 0.1]}, Reason.BAD_GEOMETRY),
        ({"Modality": "MR"}, Reason.SINGLE_SLICE),
        ({"RescaleIntercept": 0}, Reason.NOT_HU),
        ({"Rows": 65535}, Reason.UNREADABLE),
    ],
)
def test_what_is_no_pair_of_midslices_is_refused(folder, tags, reason):
    edit(min(folder.iterdir()), **tags)
    assert refusal(folder).reason is reason
