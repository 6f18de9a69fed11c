"""DICOM as it comes from the wild: each fault is repaired and flagged or refused with its reason; no traceback."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, RLELossless

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.dicom_headers import list_files, read_headers
from OsteoJointLib.io.dicom_series import choose_stack, files_of_series
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.records import CtVolume, SourceInfo

SLICES, STEP_MM = 12, 2.5


def body(slices: int = SLICES) -> np.ndarray:
    """(slices, 32, 40) int16: an ellipse of muscle in fat in air, with a bone that moves from slice to slice."""
    y, x = np.mgrid[-1:1:32j, -1:1:40j]
    plane = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.65) ** 2 + (y / 0.45) ** 2 < 1] = 50.0
    hu = plane + np.random.default_rng(2).normal(0, 12, (slices, 32, 40))
    for index in range(slices):
        hu[index, 14:17, 10 + index // 2] = 700.0 + index
    return np.clip(hu, -1024, 3071).astype(np.int16)


def write(
    folder: Path, seed: int = 1, slices: int = SLICES, step_mm: float = STEP_MM, pixel_mm: float = 8.0, **tags
) -> Path:
    """Write a small axial series; ``tags`` change the source record."""
    said = {"kvp": 120.0, "kernel": "B30f", "contrast": False, "slice_thickness_mm": step_mm} | tags
    grid = Grid.axis_aligned((slices, 32, 40), (pixel_mm, pixel_mm, step_mm), (-156.0, -124.0, -20.0))
    volume = CtVolume(body(slices), grid, SourceInfo("phantom", **said))
    return write_dicom_series(SimpleNamespace(volume=volume, truth=SimpleNamespace(seed=seed)), folder)


def edit(folder: Path, change, only=None) -> None:
    """Change the data set of every file, or of those whose index (from the feet) is in ``only``."""
    files = sorted(folder.glob("*.dcm"), reverse=True)
    for index, path in enumerate(files):
        if only is None or index in only:
            dataset = pydicom.dcmread(path)
            change(dataset)
            dataset.save_as(path)


def read(folder: Path) -> CtVolume:
    volume = read_ct(folder)
    assert isinstance(volume, CtVolume)
    return volume


def codes(volume: CtVolume) -> set[Reason]:
    """Reasons of the flags, but for the wide pixels that keep these tests small."""
    return {flag.code for flag in volume.flags} - {Reason.THICK_SLICES}


def refusal(path: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        read_ct(path)
    return caught.value


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def series(pristine, tmp_path) -> Path:
    """A sound series of one's own."""
    return Path(shutil.copytree(pristine, tmp_path / "dicom"))


def test_slices_are_sorted_by_position_not_by_name_or_number(series):
    expected = read(series)
    names = sorted(path.name for path in series.iterdir())
    shuffled = np.random.default_rng(0).permutation(names)
    for name, new in zip(names, shuffled, strict=True):
        (series / name).rename(series / f"new-{new}")
    edit(series, lambda dataset: setattr(dataset, "InstanceNumber", 1))
    again = read(series)
    np.testing.assert_array_equal(again.hu, expected.hu)
    np.testing.assert_array_equal(again.hu, body())
    assert again.grid.origin_lps_mm == expected.grid.origin_lps_mm == (-156.0, -124.0, -20.0)
    assert codes(again) == set()


def test_slope_and_intercept_are_applied_once_and_per_slice(series):
    def store_half(dataset):
        stored = np.frombuffer(dataset.PixelData, "<u2").astype(np.int32) - 1024
        dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", "-2000"
        dataset.PixelData = ((stored + 2000) * 2).astype("<u2").tobytes()

    edit(series, store_half, only={0, 5})
    np.testing.assert_array_equal(read(series).hu, body())


def test_padding_far_below_air_becomes_air(series):
    def pad(dataset):
        stored = np.frombuffer(dataset.PixelData, "<u2").astype(np.int16).reshape(32, 40) - 1024
        stored[:, :2] = -2000
        stored[:, 2:] += 1024
        dataset.PixelRepresentation = 1
        dataset.add_new("PixelPaddingValue", "SS", -2000)
        dataset.PixelData = stored.tobytes()

    edit(series, pad)
    hu = read(series).hu
    assert np.all(hu[:, :, :2] == -1024)
    np.testing.assert_array_equal(hu[:, :, 2:], body()[:, :, 2:])


def test_padding_value_that_means_water_is_not_believed(series):
    edit(series, lambda dataset: dataset.add_new("PixelPaddingValue", "US", 1024 + 50))
    np.testing.assert_array_equal(read(series).hu, body())


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_compressed_slices_read_the_same(series, syntax):
    edit(series, lambda dataset: dataset.compress(syntax, generate_instance_uid=False))
    np.testing.assert_array_equal(read(series).hu, body())


@pytest.mark.parametrize(
    "signs", [(-1, -1, 1), (-1, 1, 1), (1, -1, 1)], ids=["prone or feet first", "mirrored x", "mirrored y"]
)
def test_any_storage_of_the_rows_gives_the_same_volume(series, signs):
    def turn(dataset):
        image = np.frombuffer(dataset.PixelData, "<u2").reshape(32, 40)
        position = [float(value) for value in dataset.ImagePositionPatient]
        if signs[0] < 0:
            image, position[0] = image[:, ::-1], position[0] + 39 * 8.0
        if signs[1] < 0:
            image, position[1] = image[::-1], position[1] + 31 * 8.0
        dataset.PixelData, dataset.ImagePositionPatient = image.tobytes(), position
        dataset.ImageOrientationPatient = [signs[0], 0, 0, 0, signs[1], 0]

    edit(series, turn)
    volume = read(series)
    np.testing.assert_array_equal(volume.hu, body())
    np.testing.assert_allclose(volume.grid.origin_lps_mm, (-156.0, -124.0, -20.0))


def test_sagittal_series_is_brought_to_axial_order(tmp_path):
    # The same voxels, cut into sagittal slices: columns run to the back, rows to the feet.
    folder = write(tmp_path, slices=40, step_mm=8.0)
    hu = body()
    edit(folder, lambda dataset: dataset.update({"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}))
    for index, path in enumerate(sorted(folder.glob("*.dcm"))):
        dataset = pydicom.dcmread(path)
        image = hu[::-1, :, index].astype(np.int32) + 1024
        dataset.Rows, dataset.Columns = image.shape
        dataset.PixelData = image.astype("<u2").tobytes()
        dataset.PixelSpacing = [2.5, 8.0]
        dataset.ImagePositionPatient = [-156.0 + 8.0 * index, -124.0, -20.0 + 2.5 * (SLICES - 1)]
        dataset.save_as(path)
    volume = read(folder)
    np.testing.assert_array_equal(volume.hu, hu)
    assert volume.grid.spacing_xyz_mm == pytest.approx((8.0, 8.0, 2.5))
    np.testing.assert_allclose(volume.grid.origin_lps_mm, (-156.0, -124.0, -20.0))


def test_one_missing_thin_slice_is_interpolated_and_flagged(series):
    sorted(series.glob("*.dcm"), reverse=True)[6].unlink()
    volume = read(series)
    expected = np.rint((body()[5].astype(float) + body()[7]) / 2)
    np.testing.assert_array_equal(volume.hu[6], expected)
    np.testing.assert_array_equal(np.delete(volume.hu, 6, 0), np.delete(body(), 6, 0))
    assert codes(volume) == {Reason.UNEVEN_SLICES}


def test_a_wide_gap_is_refused_and_its_place_named(series):
    for path in sorted(series.glob("*.dcm"), reverse=True)[6:8]:
        path.unlink()
    error = refusal(series)
    assert error.reason is Reason.UNEVEN_SLICES
    assert "2.50 to 7.50 mm, the widest after slice 6 of 10" in error.message


def test_rounded_positions_are_no_fault(series):
    def round_position(dataset):
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, round(z + 0.04, 1)]

    edit(series, round_position)
    volume = read(series)
    assert codes(volume) == set()
    assert volume.grid.spacing_xyz_mm[2] == pytest.approx(2.5, abs=0.01)


def test_even_spacing_is_the_mean_of_the_gaps(series):
    edit(series, lambda dataset: setattr(dataset, "ImagePositionPatient", [-156, -124, 8.05]), only={SLICES - 1})
    assert read(series).grid.spacing_xyz_mm[2] == pytest.approx((8.05 + 20.0) / 11)  # ten gaps of 2.5, one of 3.05 mm


def test_copies_of_slices_are_used_once_and_flagged(series):
    for index, path in enumerate(sorted(series.glob("*.dcm"))[3:6]):
        (series / f"copy-{index}.dcm").write_bytes(path.read_bytes())
    volume = read(series)
    np.testing.assert_array_equal(volume.hu, body())
    assert codes(volume) == {Reason.DUPLICATE_SLICES}


def test_different_images_at_one_position_are_refused(series, tmp_path):
    other = write(tmp_path / "other")
    edit(other, lambda dataset: setattr(dataset, "PixelData", dataset.PixelData[2:] + b"\0\0"))
    for path in list(other.iterdir())[:6]:
        path.rename(series / f"other-{path.name}")
    assert refusal(series).reason is Reason.DUPLICATE_SLICES


def test_two_phases_in_one_series_are_told_apart_by_their_acquisition(series, tmp_path):
    other = write(tmp_path / "other")
    edit(other, lambda dataset: setattr(dataset, "AcquisitionNumber", 2))
    edit(other, lambda dataset: setattr(dataset, "ContrastBolusAgent", "OMNIPAQUE"))
    for path in other.iterdir():
        path.rename(series / f"other-{path.name}")
    volume = read(series)
    assert volume.source.contrast is False
    assert "because no contrast agent was given" in volume.source.choice
    assert codes(volume) == {Reason.SEVERAL_SERIES}


def test_all_images_at_one_position_are_refused_as_a_bolus_series(series):
    def put_together(dataset):
        dataset.ImagePositionPatient = [0, 0, 0]
        dataset.AcquisitionNumber = dataset.InstanceNumber

    edit(series, put_together)
    error = refusal(series)
    assert error.reason is Reason.DUPLICATE_SLICES
    assert "All 12 images lie at one position" in error.message


def test_gantry_tilt_is_straightened_and_flagged(series):
    """A vertical bone edge in the patient is drawn lower in each slice's rows; it must come back straight."""
    angle = np.radians(15.0)

    def tilt(dataset):
        index = round((float(dataset.ImagePositionPatient[2]) + 20.0) / STEP_MM)
        image = body()[0].astype(np.int32)
        image[20, 5:35] = 1500 + index
        dataset.PixelData = (image + 1024).astype("<u2").tobytes()
        dataset.ImageOrientationPatient = [1, 0, 0, 0, float(np.cos(angle)), float(-np.sin(angle))]

    edit(series, tilt)
    volume = read(series)
    assert codes(volume) == {Reason.GANTRY_TILT, Reason.OBLIQUE}
    assert "15.0 degrees" in next(flag.message for flag in volume.flags if flag.code is Reason.GANTRY_TILT)
    np.testing.assert_allclose(volume.grid.direction.T @ volume.grid.direction, np.eye(3), atol=1e-9)
    assert volume.grid.spacing_xyz_mm[2] == pytest.approx(STEP_MM * np.cos(angle))
    for index in (0, 7, 11):
        row, column = 20, 20
        acquired_mm = np.array([-156.0, -124.0, -20.0 + STEP_MM * index])
        acquired_mm += column * 8.0 * np.array([1.0, 0, 0]) + row * 8.0 * np.array([0, np.cos(angle), -np.sin(angle)])
        place = volume.grid.lps_to_index(acquired_mm)
        assert place[0] == pytest.approx(index)
        below = int(np.floor(place[1]))
        part = place[1] - below
        bright = volume.hu[index, below : below + 2, column].astype(float)
        # Linear interpolation spreads the row over its two neighbors, whose values lie near 50 HU.
        assert np.average(bright, weights=[1 - part, part]) == pytest.approx(
            (1500 - 50) * ((1 - part) ** 2 + part**2), abs=120
        )


def test_tilt_named_only_by_the_tag_is_flagged(series):
    edit(series, lambda dataset: setattr(dataset, "GantryDetectorTilt", "12"))
    volume = read(series)
    assert codes(volume) == {Reason.GANTRY_TILT}
    np.testing.assert_array_equal(volume.hu, body())


def test_a_few_odd_slices_are_left_out_and_many_are_refused(series):
    sagittal = [0, 1, 0, 0, 0, -1]
    edit(series, lambda dataset: setattr(dataset, "ImageOrientationPatient", sagittal), only={0})
    volume = read(series)
    np.testing.assert_array_equal(volume.hu, body()[1:])
    assert codes(volume) == {Reason.MIXED_ORIENTATION}
    edit(series, lambda dataset: setattr(dataset, "ImageOrientationPatient", sagittal), only=range(1, 6))
    assert refusal(series).reason is Reason.MIXED_ORIENTATION


def test_localizers_and_other_modalities_are_left_out_and_told(series):
    edit(series, lambda dataset: setattr(dataset, "ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), only={11})
    edit(series, lambda dataset: setattr(dataset, "Modality", "PT"), only={10})
    volume = read(series)
    assert volume.hu.shape[0] == 10
    assert volume.source.choice == "It is the only CT series. Left out: 1 PT image, 1 localizer."
    assert codes(volume) == set()


@pytest.mark.parametrize(
    ("worse", "words"),
    [
        ({"kernel": "B70f"}, "its kernel is softer"),
        ({"contrast": True}, "no contrast agent was given"),
        ({"slice_thickness_mm": 5.0}, "its slices are thinner"),
        ({"kvp": 80.0}, "its tube voltage is 120 kV"),
        ({"slices": 11}, "it has more slices"),
    ],
)
def test_the_better_series_is_chosen_and_the_reason_given(tmp_path, worse, words):
    write(tmp_path / "b", seed=2, **worse)
    write(tmp_path / "a", seed=1)
    for path in tmp_path.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = dataset.PatientName = "ONE PERSON"
        dataset.SeriesNumber = 5 if "b" in path.parent.parent.name else 9
        dataset.save_as(path)
    volume = read(tmp_path)
    assert volume.source.choice.startswith("2 CT series were found; series 9 [")
    assert f"because {words}" in volume.source.choice
    assert codes(volume) == {Reason.SEVERAL_SERIES}
    assert next(f for f in volume.flags if f.code is Reason.SEVERAL_SERIES).message.startswith(volume.source.choice)


def test_a_series_is_chosen_by_its_number_or_hash(tmp_path):
    write(tmp_path / "b", seed=2), write(tmp_path / "a", seed=1)
    for path in tmp_path.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.PatientID = dataset.PatientName = "ONE PERSON"
        dataset.SeriesNumber = 5 if "b" in path.parent.parent.name else 9
        dataset.save_as(path)
    limits = ReadingLimits()
    folder = read_headers(list_files(tmp_path, limits))
    nine = files_of_series(folder, "9", limits)
    assert sorted(nine) == sorted((tmp_path / "a").rglob("*.dcm"))
    volume = read_ct(nine)
    assert volume.source.choice is None
    assert volume.source.series_sha256 != read(tmp_path).source.series_sha256
    assert files_of_series(folder, volume.source.series_sha256[:8].upper(), limits) == nine
    for wanted in ("7", ""):
        with pytest.raises(InputRefused, match=r"called '.?'.*series 5 \[\w{8}\].*series 9 \[\w{8}\]"):
            files_of_series(folder, wanted, limits)


def stretched(headers, factor):
    return [replace(h, position_mm=(*h.position_mm[:2], factor * h.position_mm[2])) for h in headers]


def coronal(headers):
    standing = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
    return [replace(h, orientation=standing, position_mm=(-156.0, h.position_mm[2], 100.0)) for h in headers]


def derived(headers):
    return [replace(h, image_type=("DERIVED", "PRIMARY")) for h in headers]


@pytest.mark.parametrize(
    ("better", "worse", "words"),
    [
        (list, coronal, "it is axial"),
        (lambda headers: stretched(headers, 4.0), list, "it covers the trunk"),
        (list, lambda headers: [*headers, *headers[:3]], "its slices lie apart from each other"),
        (list, derived, "it is an original reconstruction"),
        (list, lambda headers: headers[:5] + headers[6:], "its slices are evenly spaced"),
        (list, lambda headers: stretched(headers, 0.5), "it covers more of the body"),
        (list, lambda headers: [replace(h, series_number=7) for h in headers], "it has the lower series number"),
    ],
)
def test_what_makes_one_series_better_than_another(pristine, better, worse, words):
    headers = [replace(h, series_number=5) for h in read_headers(sorted(pristine.glob("*.dcm"))).images]
    other = [replace(h, series="other", series_number=h.series_number + 1) for h in worse(headers)]
    choice = choose_stack((*other, *better(headers)), Counter(), ReadingLimits())
    assert choice.stack.first.series != "other"
    assert f"because {words} (next best" in choice.why


def test_slices_of_two_patients_are_refused(tmp_path):
    write(tmp_path / "a", seed=1)
    write(tmp_path / "b", seed=2)
    assert refusal(tmp_path).reason is Reason.SEVERAL_SERIES


def test_missing_series_uid_and_sop_class_are_repaired_and_flagged(series):
    def strip(dataset):
        dataset.SeriesInstanceUID = ""
        dataset.SOPClassUID = ""

    edit(series, strip)
    volume = read(series)
    np.testing.assert_array_equal(volume.hu, body())
    assert codes(volume) == {Reason.TAGS_REPAIRED}


def test_missing_rescale_is_refused_where_the_image_needs_it_and_flagged_where_not(series):
    def strip(dataset):
        del dataset.RescaleSlope, dataset.RescaleIntercept

    edit(series, strip)
    error = refusal(series)
    assert error.reason is Reason.NOT_HU
    assert "rescale intercept was not applied" in error.message

    def store_hu(dataset):
        stored = np.frombuffer(dataset.PixelData, "<u2").astype(np.int32) - 1024
        dataset.PixelRepresentation, dataset.PixelData = 1, stored.astype("<i2").tobytes()

    edit(series, store_hu)
    volume = read(series)
    np.testing.assert_array_equal(volume.hu, body())
    assert codes(volume) == {Reason.TAGS_REPAIRED}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, Reason.NOT_CT),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, Reason.NOT_CT),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, Reason.NO_SERIES),
        ({"ImageType": ["DERIVED", "PRIMARY", "PERFUSION"]}, Reason.NOT_HU),
        ({"RescaleType": "MGML"}, Reason.NOT_HU),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, Reason.BAD_GEOMETRY),
        ({"ImagePositionPatient": None}, Reason.BAD_GEOMETRY),
        ({"PixelSpacing": [0, 0]}, Reason.BAD_GEOMETRY),
        ({"BodyPartExamined": "HEAD", "PixelSpacing": [4.0, 4.0]}, Reason.LEVEL_NOT_IN_VIEW),
        ({"Rows": 65535}, Reason.UNREADABLE),
        ({"SamplesPerPixel": 3}, Reason.UNREADABLE),
    ],
)
def test_what_can_not_be_read_is_refused_with_its_reason(series, change, reason):
    def apply(dataset):
        for tag, value in change.items():
            setattr(dataset, tag, value)

    edit(series, apply)
    assert refusal(series).reason is reason


def test_irregular_sideways_shift_is_refused(series):
    edit(
        series,
        lambda dataset: setattr(dataset, "ImagePositionPatient", [-140, *dataset.ImagePositionPatient[1:]]),
        only={7},
    )
    assert refusal(series).reason is Reason.BAD_GEOMETRY


def test_truncated_pixels_are_refused_and_a_broken_header_is_left_out(series):
    files = sorted(series.glob("*.dcm"), reverse=True)
    top = files[-1].read_bytes()
    files[-1].write_bytes(top[:300])
    volume = read(series)
    assert volume.hu.shape[0] == SLICES - 1
    assert codes(volume) == {Reason.FILES_DAMAGED}
    files[-1].write_bytes(top[:-100])
    error = refusal(series)
    assert error.reason is Reason.UNREADABLE
    assert "image 12 of 12" in error.message


def test_single_slice_and_empty_folder_and_other_files_are_refused(series, tmp_path):
    one = next(series.glob("*.dcm"))
    assert refusal(one).reason is Reason.SINGLE_SLICE
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty").reason is Reason.NO_SERIES
    (tmp_path / "empty" / "notes.txt").write_text("no image")
    assert "no DICOM image here, only 1 other file(s)" in refusal(tmp_path / "empty").message
    assert refusal(tmp_path / "empty" / "notes.txt").reason is Reason.UNREADABLE
    assert refusal(tmp_path / "nowhere").reason is Reason.NOT_FOUND


def test_no_patient_data_in_source_flags_or_refusals(series):
    folder = series.rename(series.parent / "DOE_Jane-4711 1.2.840.113619.2.55.3.604")
    file_names = (folder.name,)

    def name(dataset):
        dataset.PatientName, dataset.PatientID = "Doe^Jane", "4711"
        dataset.SeriesDescription = "Spine Doe"

    edit(folder, name)
    sorted(folder.glob("*.dcm"))[5].unlink()
    volume = read(folder)
    assert volume.source.file_names == file_names
    told = f"{replace(volume.source, file_names=())} {volume.flags}"
    uid = pydicom.dcmread(next(folder.glob("*.dcm"))).SeriesInstanceUID
    for secret in ("Doe", "DOE", "Jane", "4711", "1.2.840.113619", uid):
        assert secret not in told
    assert volume.source.series_sha256 == hashlib.sha256(uid.encode()).hexdigest()


def test_a_kernel_that_is_no_known_one_is_not_repeated(series):
    edit(series, lambda dataset: setattr(dataset, "ConvolutionKernel", ["Doe", "Jane"]))
    volume = read(series)
    assert (volume.source.kernel, codes(volume)) == (None, {Reason.KERNEL_UNKNOWN})
    assert "no known kernel" in volume.flags[-1].message


def enhanced(path: Path, source: Path) -> Path:
    """Write the slices of a classic series as one enhanced multi-frame file, frames in shuffled order."""
    files = [pydicom.dcmread(file) for file in sorted(source.glob("*.dcm"))]
    order = np.random.default_rng(3).permutation(len(files))
    first = files[0]
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "KVP"):
        delattr(first, tag)
    for tag in ("RescaleSlope", "RescaleIntercept", "RescaleType", "ConvolutionKernel", "SliceLocation"):
        delattr(first, tag)
    first.SOPClassUID = first.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    first.NumberOfFrames = len(files)
    first.PixelData = b"".join(pydicom.dcmread(sorted(source.glob("*.dcm"))[index]).PixelData for index in order)
    first.SharedFunctionalGroupsSequence = [shared := Dataset()]
    shared.PlaneOrientationSequence = [item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelMeasuresSequence = [item(PixelSpacing=[8.0, 8.0], SliceThickness=2.5)]
    shared.PixelValueTransformationSequence = [item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")]
    shared.CTXRayDetailsSequence = [item(KVP=120.0)]
    shared.CTReconstructionSequence = [item(ConvolutionKernel="B30f")]
    shared.CTImageFrameTypeSequence = [item(FrameType=["ORIGINAL", "PRIMARY", "AXIAL", "NONE"])]
    first.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[
                item(ImagePositionPatient=pydicom.dcmread(sorted(source.glob("*.dcm"))[index]).ImagePositionPatient)
            ]
        )
        for index in order
    ]
    first.save_as(path)
    return path


def item(**tags) -> Dataset:
    dataset = Dataset()
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return dataset


def test_enhanced_multiframe_file_reads_like_its_classic_series(series, tmp_path):
    volume = read(enhanced(tmp_path / "enhanced.dcm", series))
    np.testing.assert_array_equal(volume.hu, body())
    np.testing.assert_allclose(volume.grid.matrix, read(series).grid.matrix)
    assert (volume.source.kvp, volume.source.kernel, volume.source.slice_thickness_mm) == (120.0, "B30f", 2.5)
    assert codes(volume) == set()


@pytest.mark.parametrize("seed", range(20))
def test_random_damage_ends_in_a_refusal_or_a_volume(series, seed):
    rng = np.random.default_rng(seed)
    for path in rng.choice(sorted(series.glob("*.dcm")), 4, replace=False):
        content = bytearray(path.read_bytes())
        for place in rng.integers(128, 1600, 12):
            content[place] = rng.integers(256)
        path.write_bytes(content[: rng.integers(200, len(content))] if rng.random() < 0.3 else content)
    # Where nothing was raised the damage hit no tag that matters; anything but a refusal fails the test by itself.
    with contextlib.suppress(InputRefused):
        assert isinstance(read_ct(series), CtVolume)
