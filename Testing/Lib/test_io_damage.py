"""What is damaged is counted and named, and what is left of a series is never taken for a whole one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.records import Flag

SLICES = 40


@pytest.fixture
def series(write_series, tmp_path) -> Path:
    """Forty slices of 2 mm, lowest file name uppermost."""
    return write_series(tmp_path / "dicom", SLICES, 2.0)


@pytest.fixture
def write_sagittal(write_series, make_body, tmp_path):
    """Write the body in forty sagittal slices, 4 mm apart."""

    def write() -> Path:
        series = write_series(tmp_path / "sagittal", 40, 4.0)
        values = make_body(SLICES)[::-1].astype(np.int32) + 1024
        for index, path in enumerate(files_of(series)):
            dataset = pydicom.dcmread(path)
            dataset.Rows, dataset.Columns = SLICES, 32
            dataset.PixelData = values[:, :, index].astype("<u2").tobytes()
            dataset.PixelSpacing = [2.0, 8.0]
            dataset.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [-80.0 + 4.0 * index, -124.0, 58.0]
            dataset.save_as(path)
        return series

    return write


def files_of(series: Path) -> list[Path]:
    return sorted(series.iterdir())


def refusal(path: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_ct(path)
    return caught.value


def flag_of(path: Path, code: Reason) -> Flag:
    return next(flag for flag in read_ct(path).flags if flag.code is code)


def overwrite(path: Path) -> None:
    """All zeros, as after a failing disk."""
    path.write_bytes(bytes(path.stat().st_size))


def cut_off(path: Path) -> None:
    """The preamble is there, and nothing behind it."""
    path.write_bytes(path.read_bytes()[:140])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def without_a_say(path: Path) -> None:
    """It is DICOM, and says neither of what modality nor of what class."""
    dataset = pydicom.dcmread(path)
    del dataset.Modality, dataset.SOPClassUID
    dataset.save_as(path)


def cut_before_the_pixels(path: Path) -> None:
    """Most of the header is there."""
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xe0\x7f\x10\x00") - 2])


DAMAGES = [overwrite, cut_before_the_pixels, cut_off, empty, without_a_say]


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_second_slice_damaged_is_no_series_of_half_as_many(series, damage):
    for path in files_of(series)[1::2]:
        damage(path)
    said = refusal(series)
    assert said.reason is Reason.UNREADABLE
    assert "20 of the 40 DICOM files" in said.message
    assert files_of(series)[1].name in said.message
    assert "by name number 2, 4, 6 and 17 more of 40" in said.public
    assert files_of(series)[1].name not in said.public


@pytest.mark.parametrize("damage", DAMAGES)
def test_two_slices_left_of_forty_are_not_l1_and_l2(series, damage):
    for index, path in enumerate(files_of(series)):
        if index not in (10, 27):
            damage(path)
    assert "Only 2 of the 40 images" in refusal(series).message


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_slice_is_counted_and_its_place_told(series, damage):
    damage(files_of(series)[6])
    said = flag_of(series, Reason.FILES_DAMAGED).message
    assert said.startswith("1 of 40 files claims to be DICOM and can't be read (by name number 7 of 40)")
    assert files_of(series)[6].name not in said


@pytest.mark.parametrize("suffix", [".img", ""])
def test_files_named_like_those_that_can_be_read_claim_to_be_dicom(series, suffix):
    for index, path in enumerate(files_of(series)):
        path.rename(series / f"slice-{index:02d}{suffix}")
    overwrite(files_of(series)[3])
    assert "number 4 of 40" in flag_of(series, Reason.FILES_DAMAGED).message


def test_notes_and_a_table_of_contents_are_no_damage(series):
    for name in ("notes.txt", "LICENSE", "preview.png"):
        (series / name).write_bytes(b"ours")
    contents = pydicom.dcmread(files_of(series)[0])
    table = Dataset()
    table.file_meta, table.FileSetID = contents.file_meta, "DISC"
    table.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    table.save_as(series / "table.dcm")
    assert Reason.FILES_DAMAGED not in {flag.code for flag in read_ct(series).flags}


def test_damage_in_another_folder_does_not_refuse_the_series(series):
    (series.parent / "other").mkdir()
    for index in range(9):
        (series.parent / "other" / f"{index}.dcm").write_bytes(b"DICM")
    assert "9 of 49 files" in flag_of(series.parent, Reason.FILES_DAMAGED).message


def test_nothing_but_damage_is_refused_with_how_many(series):
    for path in files_of(series):
        overwrite(path)
    assert "All 40 DICOM files" in refusal(series).message
    single = files_of(series)[0]
    single.write_bytes(bytes(128) + b"DICM")
    assert refusal(single).message.startswith("The DICOM file is damaged")


def test_slices_that_lost_their_series_are_told(series):
    """A slice whose series UID is damaged forms no volume by itself, and must not vanish."""
    for path in files_of(series)[:2]:
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.Rows = 1 + int(dataset.InstanceNumber)
        dataset.save_as(path)
    assert "Left out: 2 CT slices that form no volume." in flag_of(series, Reason.SEVERAL_SERIES).message
    assert read_ct(series).hu.shape[0] == SLICES - 2


@pytest.mark.parametrize("described", [0, 20, 41])
def test_an_enhanced_ct_that_describes_other_than_its_images_is_refused(series, described):
    files = [pydicom.dcmread(path) for path in files_of(series)]
    whole = files[0]
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    whole.NumberOfFrames, whole.PixelData = SLICES, b"".join(one.PixelData for one in files)
    whole.PerFrameFunctionalGroupsSequence = []
    for index in range(described):
        position = Dataset()
        position.ImagePositionPatient = [*whole.ImagePositionPatient[:2], 2.0 * index]
        group = Dataset()
        group.PlanePositionSequence = [position]
        whole.PerFrameFunctionalGroupsSequence.append(group)
    path = series.parent / "enhanced.dcm"
    whole.save_as(path)
    said = refusal(path)
    assert said.reason is Reason.UNREADABLE
    assert f"describes {described} images and says that it holds 40" in said.message


def rewrite(path: Path, **tags: object) -> None:
    dataset = pydicom.dcmread(path)
    for tag, value in tags.items():
        if value is None:
            delattr(dataset, tag)
        else:
            setattr(dataset, tag, value)
    if "PixelPaddingValue" in tags:
        dataset["PixelPaddingValue"].VR = "US"
    dataset.save_as(path)


@pytest.mark.parametrize("missing", [{"RescaleSlope": None}, {"RescaleIntercept": None}, {"RescaleSlope": 0}])
def test_slices_without_rescale_beside_others_with_it_are_refused(series, missing):
    for path in files_of(series)[3:10]:
        rewrite(path, **missing)
    said = refusal(series)
    assert (said.reason, "7 of the 40 slices" in said.message) == (Reason.RESCALE_DIFFERS, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"RescaleIntercept": -974}, "slope 1 and intercept -1024 in 33, 1 and -974 in 7"),
        ({"BitsStored": 13}, "numbers of bits"),
        ({"PixelPaddingValue": 60000}, "values of padding"),
    ],
)
def test_what_differs_within_a_series_is_told(series, change, words):
    for path in files_of(series)[3:10]:
        rewrite(path, **change)
    assert words in flag_of(series, Reason.RESCALE_DIFFERS).message


def test_slices_whose_pixels_were_lost_are_refused(series):
    for path in files_of(series)[4:37:7]:
        rewrite(path, PixelData=bytes(32 * 40 * 2))
    said = refusal(series)
    assert said.reason is Reason.UNREADABLE
    assert "The axial slices 8, 15, 22, 29, 36 of 40 hold one value only" in said.message


def test_empty_slices_at_the_ends_are_no_loss(series):
    for path in (*files_of(series)[:2], *files_of(series)[-2:]):
        rewrite(path, PixelData=bytes(32 * 40 * 2))
    assert read_ct(series).hu.shape[0] == SLICES


def stored_as(plane: str, path: Path, values: np.ndarray) -> Path:
    """Write a volume in coronal or sagittal slices; every voxel keeps its place in the patient."""
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((8.0, 8.0, 2.0))
    sitk.WriteImage(sitk.PermuteAxes(image, (0, 2, 1) if plane == "coronal" else (1, 2, 0)), path)
    return path


@pytest.mark.parametrize(("plane", "axis", "slices"), [("coronal", 1, 32), ("sagittal", 2, 40)])
def test_lost_slices_are_refused_in_whatever_plane_they_lie(make_body, tmp_path, plane, axis, slices):
    values = make_body(SLICES)
    assert read_ct(stored_as(plane, tmp_path / "whole.nrrd", values)).hu.shape == values.shape
    np.moveaxis(values, axis, 0)[14:20:5] = -1024
    said = refusal(stored_as(plane, tmp_path / "lost.nrrd", values))
    assert said.reason is Reason.UNREADABLE
    assert f"The {plane} slices 15, 20 of {slices} hold one value only" in said.message


def test_lost_slices_of_a_sagittal_series_are_refused(write_sagittal):
    series = write_sagittal()
    for path in files_of(series)[12:16:3]:
        rewrite(path, PixelData=bytes(SLICES * 32 * 2))
    said = refusal(series)
    assert said.reason is Reason.UNREADABLE
    assert "The sagittal slices 25, 28 of 40 hold one value only" in said.message  # in the order of their normal


@pytest.mark.parametrize("damage", [overwrite, cut_off, empty])
def test_damaged_and_missing_slices_of_a_sagittal_series_are_told(write_sagittal, damage):
    series = write_sagittal()
    files = files_of(series)
    damage(files[0])
    assert "1 of 40 files" in flag_of(series, Reason.FILES_DAMAGED).message
    for path in files[1::2]:
        damage(path)
    assert "21 of the 40 DICOM files" in refusal(series).message


def test_a_wide_gap_in_a_sagittal_series_is_refused(write_sagittal):
    series = write_sagittal()
    for path in files_of(series)[17:19]:
        path.unlink()
    assert refusal(series).reason is Reason.UNEVEN_SLICES


@pytest.mark.parametrize(("high", "overlay"), [(11, 14), (15, None), (15, 2), (14, 15)])
def test_pixels_are_taken_from_their_own_bits(series, high, overlay):
    plain = read_ct(series).hu
    for path in files_of(series):
        values = np.frombuffer(pydicom.dcmread(path).PixelData, "<u2") << (high - 11)
        if overlay is not None:
            values[::3] |= 1 << overlay
        rewrite(path, BitsStored=12, HighBit=high, PixelData=values.tobytes())
    np.testing.assert_array_equal(read_ct(series).hu, plain)


def test_a_wrong_highest_bit_changes_nothing(series):
    plain = read_ct(series).hu
    for path in files_of(series):
        rewrite(path, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(read_ct(series).hu, plain)


def test_blanked_air_between_back_and_table_is_no_loss(make_body, tmp_path):
    values = make_body(SLICES)
    values[:, 26:] = -1000
    values[:, 30, 5:35] = -150 + np.arange(30)  # the table
    assert read_ct(nrrd(tmp_path / "ct.nrrd", values)).hu.shape == values.shape


def nrrd(path: Path, values: np.ndarray) -> Path:
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((8.0, 8.0, 2.5))
    sitk.WriteImage(image, path)
    return path


@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [np.s_[3::7], np.s_[10:13], np.s_[8, 10:30], np.s_[::2]])
def test_slices_that_hold_no_numbers_are_refused(make_body, tmp_path, what, where):
    values = make_body(SLICES).astype(np.float32)
    values[where] = what
    said = refusal(nrrd(tmp_path / "ct.nrrd", values))
    assert said.reason is Reason.UNREADABLE
    assert "no numbers (NaN or infinite)" in said.message


def test_a_view_cut_out_by_nan_is_read(make_body, tmp_path):
    """A tool may have cut the field of view, and a turned volume has empty ends."""
    values = make_body(SLICES).astype(np.float32)
    y, x = np.mgrid[-1:1:32j, -1:1:40j]
    values[:, y**2 + x**2 > 1] = np.nan
    values[:2], values[-3:] = np.nan, np.nan
    values[5, 5, 5] = np.nan
    assert "voxels hold no number" in flag_of(nrrd(tmp_path / "ct.nrrd", values), Reason.TAGS_REPAIRED).message


def test_what_is_no_ordinary_file_is_never_waited_for(series):
    os.mkfifo(series / "IM0099.dcm")
    os.mkfifo(series / "pipe")
    (series / "IM0100.dcm").symlink_to("nowhere")
    (series / "loop").symlink_to(series)
    (series / "self.dcm").symlink_to("self.dcm")
    assert "3 of 44 files" in flag_of(series, Reason.FILES_DAMAGED).message
    assert refusal(series / "pipe").reason is Reason.UNREADABLE
    for name in ("ct.nii.gz", "ct.nrrd", "ct.mha", "ct.mhd"):
        os.mkfifo(series.parent / name)
        assert refusal(series.parent / name).reason is Reason.UNREADABLE
    assert refusal(Path("/dev/zero")).reason is Reason.UNREADABLE
    assert refusal(series / "self.dcm").reason is Reason.NOT_FOUND


@pytest.mark.parametrize("name", [b"J\xf6rg-\xff.nrrd", b"%s%n%x.nii.gz", b"a\nb.mha", b"-rf.nrrd"])
def test_files_of_any_name_are_read_and_told_in_letters(make_body, tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    nrrd(tmp_path / f"ct{''.join(path.suffixes)}", make_body(SLICES)).rename(path)
    (told,) = read_ct(path).source.file_names
    told.encode("utf-8")
    path.unlink()
    said = refusal(path)
    assert said.reason is Reason.NOT_FOUND
    said.message.encode("utf-8")
