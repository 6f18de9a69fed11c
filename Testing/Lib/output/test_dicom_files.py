"""DICOM SEG, SR and PDF of a case: read back by pydicom alone and by highdicom, and checked by dciodvfy."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset

from OsteoJointLib.errors import InputRefused, ModelRefused, Reason, UsageError
from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.output.case_folder import Additions, deliver_case
from OsteoJointLib.output.dicom.files import DicomFiles
from OsteoJointLib.output.dicom.sr import NETWORK_ESTIMATE
from OsteoJointLib.output.dicom.viewer_case import pacs_files
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.seg_nrrd import write_segmentation
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.given_masks import read_given_masks
from OsteoJointLib.records import SNOMED_CODES, VERSE_LABELS, BodyHeights, BodyVolume, CtVolume, Level, RoiKind, Status

L1, L2 = Level
NAME, NUMBER = "Doe^Jane", "4711"
IDENTITY = ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "AccessionNumber", "PatientBirthDate")
CORNERS = {L1: (15, 20, 30), L2: (8, 26, 22)}


def body_hu(shape_zyx) -> np.ndarray:
    """Fat, muscle and a little bone in air, so that the reader takes it for a CT."""
    _, rows, columns = shape_zyx
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    plane = np.where((x / 0.9) ** 2 + (y / 0.8) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.7) ** 2 + (y / 0.6) ** 2 < 1] = 50.0
    hu = plane + np.random.default_rng(2).normal(0, 12, shape_zyx)
    hu[:, 20:30, 35:45] += 300
    return np.clip(hu, -1024, 3071).astype(np.int16)


def lopsided_body(level: Level) -> BodyVolume:
    """A body that no exchange of sides or ends leaves as it is: three slices, each of another shape."""
    mask = np.zeros((3, 9, 14), dtype=bool)
    mask[0, :3, :5], mask[1, 2:8, 4:], mask[2, 6:, 1:3] = True, True, True
    if level is L2:
        mask = mask[:, :, ::-1].copy()
    return BodyVolume(level.value, mask, CORNERS[level], 1.0)


def identify(dataset: Dataset) -> None:
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = NAME, NUMBER, "A-815"
    dataset.PatientBirthDate, dataset.PatientSex = "19401231", "F"


def change_all(folder, change) -> None:
    for path in folder.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


def prone(dataset: Dataset) -> None:
    """Store rows and columns the other way round; the patient stays where they are."""
    rows, columns, (dy, dx) = dataset.Rows, dataset.Columns, dataset.PixelSpacing
    image = np.frombuffer(dataset.PixelData, "<u2").reshape(rows, columns)
    cosines = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
    position = np.asarray(dataset.ImagePositionPatient, float)
    position += cosines[0] * dx * (columns - 1) + cosines[1] * dy * (rows - 1)
    dataset.PixelData, dataset.ImagePositionPatient = image[::-1, ::-1].tobytes(), [round(v, 6) for v in position]
    dataset.ImageOrientationPatient = (-cosines).ravel().tolist()


def mirrored(dataset: Dataset) -> None:
    """Store each row from the patient's left to the right: the slices' normal then points to the feet."""
    rows, columns, (_, dx) = dataset.Rows, dataset.Columns, dataset.PixelSpacing
    image = np.frombuffer(dataset.PixelData, "<u2").reshape(rows, columns)
    along, down = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
    position = np.asarray(dataset.ImagePositionPatient, float) + along * dx * (columns - 1)
    dataset.PixelData, dataset.ImagePositionPatient = image[:, ::-1].tobytes(), [round(v, 6) for v in position]
    dataset.ImageOrientationPatient = [*-along, *down]


def from_the_feet(folder, volume: CtVolume) -> None:
    """Number and name the files the other way round, from the feet to the head."""
    for number, path in enumerate(sorted(folder.glob("*.dcm"), reverse=True), start=1):
        dataset = pydicom.dcmread(path)
        dataset.InstanceNumber = number
        path.unlink()
        dataset.save_as(folder / f"from-the-feet-{number:04d}.dcm")


def sagittal(folder, volume: CtVolume) -> None:
    """Write the same voxels as sagittal slices: columns run to the back, rows to the feet."""
    one = pydicom.dcmread(next(folder.glob("*.dcm")))
    shutil.rmtree(folder)
    folder.mkdir()
    dx, dy, dz = volume.grid.spacing_xyz_mm
    for index in range(volume.hu.shape[2]):
        image = volume.hu[::-1, :, index].astype(np.int32) + 1024
        one.Rows, one.Columns = image.shape
        one.PixelData, one.PixelSpacing, one.SliceThickness = image.astype("<u2").tobytes(), [dz, dy], dx
        one.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        one.ImagePositionPatient = volume.grid.index_to_lps(np.array([volume.hu.shape[0] - 1, 0, index])).tolist()
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{index}"
        one.InstanceNumber = index + 1
        one.save_as(folder / f"{index}.dcm")


def item(**tags) -> Dataset:
    dataset = Dataset()
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return dataset


def enhanced(folder) -> None:
    """Put all slices into one multi-frame file, shuffled; orientation and pixel size stand in every frame."""
    files = [pydicom.dcmread(file) for file in sorted(folder.glob("*.dcm"))]
    order = np.random.default_rng(3).permutation(len(files))
    first = pydicom.dcmread(sorted(folder.glob("*.dcm"))[0])
    for tag in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope"):
        delattr(first, tag)
    first.SOPClassUID = first.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    first.NumberOfFrames = len(files)
    first.PixelData = b"".join(files[index].PixelData for index in order)
    rescale = item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
    first.SharedFunctionalGroupsSequence = [item(PixelValueTransformationSequence=[rescale])]
    first.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=one.ImagePositionPatient)],
            PlaneOrientationSequence=[item(ImageOrientationPatient=one.ImageOrientationPatient)],
            PixelMeasuresSequence=[item(PixelSpacing=one.PixelSpacing, SliceThickness=one.SliceThickness)],
        )
        for one in (files[index] for index in order)
    ]
    shutil.rmtree(folder)
    folder.mkdir()
    first.save_as(folder / "frames.dcm")


def as_read(case, folder, arrange=lambda folder, volume: None):
    """The case on a CT that was written as DICOM, arranged in some way, and read back."""
    volume = replace(case.volume, hu=body_hu(case.volume.hu.shape))
    series = write_dicom_series(SimpleNamespace(volume=volume, truth=SimpleNamespace(seed=3)), folder)
    change_all(series, identify)
    arrange(series, volume)
    read = read_ct(series)
    np.testing.assert_array_equal(read.hu, volume.hu)
    np.testing.assert_allclose(read.grid.matrix, volume.grid.matrix, atol=1e-4)
    l1, l2 = (replace(reading, volume=read) for reading in case.readings)
    return replace(case, volume=read, l1=l1, l2=l2)


def whole(case):
    """The case with bodies through several slices; L1 measured through its body, L2 on its slice."""
    l1, l2 = (replace(reading, body=lopsided_body(reading.level)) for reading in case.readings)
    l1 = replace(l1, body=replace(l1.body, edited=True))
    l2 = replace(l2, body=replace(l2.body, refined=True, heights=BodyHeights(21.5, 20.25, 24.75, 2.5)))
    inside = np.zeros((2, 4, 5), dtype=bool)
    inside[0, 0, 1:], inside[1, 1:, :2] = True, True
    roi = replace(
        l1.measurement, kind=RoiKind.BODY, mask=inside, corner_zyx=(16, 22, 35), area_mm2=None, volume_ml=0.75
    )
    neighbor = replace(lopsided_body(L1), name="L3", mask=lopsided_body(L2).mask[::-1], corner_zyx=(2, 30, 40))
    return replace(case, l1=replace(l1, measurement=roi), l2=l2, neighbors=(neighbor,))


def written(case, folder, files: DicomFiles | None = None):
    """The folder with the case's DICOM files alone."""
    folder.mkdir(exist_ok=True)
    (files or DicomFiles(sr=True)).write(case, folder, result_document(case))
    return folder


@pytest.fixture(scope="module")
def filed(lopsided_case, tmp_path_factory):
    """A case whose every number differs, with whole bodies, and the folder of its files."""
    folder = tmp_path_factory.mktemp("filed")
    case = whole(as_read(lopsided_case, folder / "Doe_Jane 4711"))
    deliver_case(case, folder / "out", Additions(writers=DicomFiles(sr=True).writers))
    return SimpleNamespace(case=case, out=folder / "out", series=folder / "Doe_Jane 4711" / "dicom")


def voxels_of(path, grid) -> dict[str, np.ndarray]:
    """Each segment's voxels on a grid, by the world position of every pixel of every frame; pydicom alone."""
    dataset = pydicom.dcmread(path)
    frames = dataset.pixel_array.reshape(int(dataset.NumberOfFrames), dataset.Rows, dataset.Columns)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    cosines = np.asarray(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    dy, dx = (float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing)
    labels = {one.SegmentNumber: one.SegmentLabel for one in dataset.SegmentSequence}
    found = {label: np.zeros(grid.shape_zyx, dtype=bool) for label in labels.values()}
    for pixels, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        rows, columns = np.nonzero(pixels)
        position = np.asarray(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        world = position + np.outer(columns * dx, cosines[:3]) + np.outer(rows * dy, cosines[3:])
        index = grid.lps_to_index(world)
        np.testing.assert_allclose(index, np.rint(index), atol=0.01)
        z, y, x = np.rint(index).astype(int).T
        found[labels[groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber]][z, y, x] = True
    return found


def expected_voxels(case) -> dict[str, np.ndarray]:
    grid, found = case.volume.grid, {}
    for reading in case.readings:
        body = PlacedMask(reading.body.mask, reading.body.corner_zyx).on_grid(grid)
        roi, measured = np.zeros(grid.shape_zyx, dtype=bool), reading.measurement
        if measured.kind is RoiKind.BODY:
            PlacedMask(measured.mask, measured.corner_zyx).draw(roi, True)
        else:
            roi[reading.axial.slice_index] = mask_to_plane(measured.mask, reading.axial, grid.shape_zyx[1:])
        found |= {f"{reading.level} vertebral body": body, f"ROI of {reading.level}": roi}
    for neighbor in case.neighbors:
        found[f"{neighbor.name} vertebral body"] = PlacedMask.of(neighbor).on_grid(grid)
    return found


@pytest.mark.parametrize(
    ("name", "arrange"),
    [
        ("lopsided_case", lambda folder, volume: None),
        ("oblique_case", lambda folder, volume: None),
        ("case", lambda folder, volume: change_all(folder, prone)),
        ("oblique_case", lambda folder, volume: change_all(folder, mirrored)),
        ("lopsided_case", from_the_feet),
        ("case", sagittal),
        ("case", lambda folder, volume: enhanced(folder)),
    ],
    ids=[
        *("axial", "oblique", "rows and columns reversed", "oblique, mirrored", "from the feet", "sagittal"),
        "enhanced, frames shuffled",
    ],
)
def test_every_voxel_comes_back_where_it_was(name, arrange, request, tmp_path):
    case = whole(as_read(request.getfixturevalue(name), tmp_path, arrange))
    out = written(case, tmp_path / "out")
    found, expected = voxels_of(out / "segmentation.dcm", case.volume.grid), expected_voxels(case)
    assert found.keys() == expected.keys()
    for label, mask in expected.items():
        assert mask.any()
        np.testing.assert_array_equal(found[label], mask, err_msg=label)
        assert label == "ROI of L2" or not np.array_equal(mask, mask[:, :, ::-1])
    assert not any(check(out / name) for name in ("segmentation.dcm", "measurements.dcm"))
    same_as_in_slicer_s_file(case, out / "segmentation.dcm", tmp_path / "masks.seg.nrrd")


def same_as_in_slicer_s_file(case, segmentation, path) -> None:
    """Hold the bodies, resampled onto the CT by highdicom's affine and SimpleITK, against the .seg.nrrd."""
    from highdicom.seg import segread

    write_segmentation(case, path)
    ct, dataset = sitk.ReadImage(str(path)), segread(segmentation)
    labels = sitk.GetArrayFromImage(ct)
    for number in dataset.segment_numbers:
        name, *rest = dataset.get_segment_description(number).segment_label.split()
        if rest != ["vertebral", "body"]:
            continue
        volume = dataset.get_volume(segment_numbers=[number], combine_segments=True)
        image = sitk.GetImageFromArray(volume.array)
        steps = volume.affine[:3, 2::-1]
        spacing = np.linalg.norm(steps, axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((steps / spacing).ravel().tolist())
        image.SetOrigin(volume.affine[:3, 3].tolist())
        found = sitk.GetArrayFromImage(sitk.Resample(image, ct, sitk.Transform(), sitk.sitkNearestNeighbor, 0)) != 0
        np.testing.assert_array_equal(found, labels == VERSE_LABELS[name], err_msg=name)
        assert np.count_nonzero(found) == np.count_nonzero(volume.array)


def check(path) -> list[str]:
    """What dciodvfy calls an error; nothing where it isn't installed."""
    if shutil.which("dciodvfy") is None:
        return []
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (Debian: dicom3tools) is not installed")
def test_dciodvfy_finds_no_error_in_any_file(filed, tmp_path):
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4 of an odd length\n%%EOF\n")
    pdf = written(filed.case, tmp_path)
    for name in ("segmentation.dcm", "measurements.dcm", "report.dcm"):
        assert check(pdf / name) == []
    broken = pydicom.dcmread(pdf / "segmentation.dcm")
    del broken.SegmentSequence[0].SegmentedPropertyTypeCodeSequence
    broken.save_as(tmp_path / "broken.dcm")
    assert check(tmp_path / "broken.dcm") != []


def test_segments_bear_their_level_s_codes(filed):
    from highdicom.seg import segread

    segmentation = segread(filed.out / "segmentation.dcm")
    said = {one.SegmentLabel: one for one in segmentation.SegmentSequence}
    assert list(said) == [*(f"{name} vertebral body" for name in ("L1", "L2", "L3")), "ROI of L1", "ROI of L2"]
    assert said["L3 vertebral body"].SegmentedPropertyTypeCodeSequence[0].CodeValue == "36470004"
    for level, code in ((L1, "66794005"), (L2, "14293000")):
        body, roi = said[f"{level} vertebral body"], said[f"ROI of {level}"]
        kind = body.SegmentedPropertyTypeCodeSequence[0]
        assert (kind.CodeValue, kind.CodingSchemeDesignator) == (code, "SCT")
        assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeValue == "3572006"
        assert roi.AnatomicRegionSequence[0].CodeValue == code
        assert roi.SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Selected region"
    kinds = {level: said[f"{level} vertebral body"].SegmentAlgorithmType for level in Level}
    assert kinds == {L1: "SEMIAUTOMATIC", L2: "AUTOMATIC"}  # a user drew that of L1
    assert "user" in said["ROI of L1"].SegmentDescription
    assert "level set" in said["ROI of L2"].SegmentDescription
    volume = segmentation.get_volume(segment_numbers=[1])
    assert int(volume.array.sum()) == int(filed.case.l1.body.mask.sum())


def groups_of(path) -> dict[str, list[Dataset]]:
    """The content of each measurement group of a report, by its tracking identifier."""
    dataset = pydicom.dcmread(path)
    [container] = [one for one in dataset.ContentSequence if meaning(one) == "Imaging Measurements"]
    groups = [list(group.ContentSequence) for group in container.ContentSequence]
    return {one.TextValue: group for group in groups for one in group if meaning(one) == "Tracking Identifier"}


def meaning(content: Dataset) -> str:
    return content.ConceptNameCodeSequence[0].CodeMeaning


def numbers_in(group: list[Dataset]) -> dict[tuple[str, ...], float]:
    """The numbers of a group by name, derivation and unit."""
    found = {}
    for one in group:
        if one.ValueType == "NUM":
            value = one.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            found[(meaning(one), *modifiers_of(one), unit)] = float(value.NumericValue)
    return found


def modifiers_of(content: Dataset) -> list[str]:
    """The codes below a content item, depth first: derivation, method, place and where in it."""
    found = []
    for sub in content.get("ContentSequence", []):
        found += [str(sub.ConceptCodeSequence[0].CodeMeaning)] if sub.ValueType == "CODE" else []
        found += modifiers_of(sub)
    return found


def test_the_report_holds_the_document_s_numbers_each_at_its_level(filed):
    document, groups = result_document(filed.case), groups_of(filed.out / "measurements.dcm")
    assert document["measurements"]["L1"] != document["measurements"]["L2"]
    for level in Level:
        roi, measured = numbers_in(groups[f"ROI of {level}"]), document["measurements"][level]
        for derivation, key in (("Mean", "hu_mean"), ("Median", "hu_median"), ("Standard Deviation", "hu_sd")):
            assert roi["Attenuation Coefficient", derivation, "[hnsf'U]"] == measured[key]
        assert roi.get(("Area", "mm2")) == measured["roi_area_mm2"]
        assert roi.get(("Volume", "mL")) == measured["roi_volume_ml"]
        for label in (f"ROI of {level}", f"{level} vertebral body"):
            sites = [one.ConceptCodeSequence[0].CodeValue for one in groups[label] if meaning(one) == "Finding Site"]
            assert sites == [SNOMED_CODES[level]]
    assert document["measurements"]["L1"]["roi_volume_ml"] == 0.75
    body = numbers_in(groups["L2 vertebral body"])
    heights = [body["Height", "L2 vertebra", place, "mm"] for place in ("Anterior", "Central", "Posterior")]
    assert heights == [21.5, 20.25, 24.75]
    assert body["Volume", "mL"] == 1.0
    assert [key for key in numbers_in(groups["L1 vertebral body"]) if "height" in key[0].lower()] == []
    assert numbers_in(groups["L3 vertebral body"]) == {("Volume", "mL"): 1.0}
    assert body["Area", "mm2"] == document["segmentation"]["L2"]["area_mm2"] == 1021.5


def test_bmd_stands_with_each_calibration_s_method_and_error(filed):
    groups = groups_of(filed.out / "measurements.dcm")
    assert not [key for key in numbers_in(groups["ROI of L2"]) if "mineral" in key[0]]
    numbers = {key: value for key, value in numbers_in(groups["ROI of L1"]).items() if "mineral" in key[0]}
    by_method = {}
    for (name, method, unit), value in numbers.items():
        assert unit == "mg/cm3"
        by_method.setdefault(method, {})["error" if "error" in name else "bmd"] = value
    assert by_method == {
        "Calibrated by a file made on the same scanner": {"bmd": 101.5, "error": 6.5},
        "Calibrated by rods of known density in the scan": {"bmd": 98.75, "error": 3.25},
    }
    named = [one.TextValue for one in groups["ROI of L1"] if meaning(one) == "Calibration"]
    assert named == ["phantom 7, made with HA", "rods in the scan, made with K2HPO4"]
    case = [key for key in numbers_in(groups["Bone status"]) if key[0].startswith("Volumetric bone mineral")]
    assert {key[1:] for key in case} == {(NETWORK_ESTIMATE.meaning, "L1 vertebra", "L2 vertebra", "mg/cm3")}


def test_the_report_says_class_probabilities_doubts_and_what_it_is_not(filed):
    document = result_document(filed.case)
    case = groups_of(filed.out / "measurements.dcm")["Bone status"]
    numbers = numbers_in(case)
    said = document["classification"]["probabilities"]
    assert {status: numbers[f"Probability of {status}", "1"] for status in Status} == said
    [status] = [one.ConceptCodeSequence[0] for one in case if meaning(one).startswith("Bone status by")]
    assert (status.CodeValue, status.CodeMeaning) == ("312894000", "Osteopenia")
    texts = [one.TextValue for one in case if one.ValueType == "TEXT"]
    for flag in document["flags"]:
        assert any(text.startswith(flag["code"]) and text.endswith(flag["message"]) for text in texts)
    assert document["notice"] in texts
    root = pydicom.dcmread(filed.out / "measurements.dcm")
    assert (root.VerificationFlag, root.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


def test_the_report_refers_to_the_segments_it_speaks_of_and_to_the_images(filed):
    segmentation = pydicom.dcmread(filed.out / "segmentation.dcm")
    labels = {one.SegmentNumber: one for one in segmentation.SegmentSequence}
    images = {pydicom.dcmread(path).SOPInstanceUID for path in filed.series.glob("*.dcm")}
    groups = groups_of(filed.out / "measurements.dcm")
    for label in ("ROI of L1", "ROI of L2", "L1 vertebral body", "L2 vertebral body"):
        references = [one.ReferencedSOPSequence[0] for one in groups[label] if one.ValueType == "IMAGE"]
        [segment] = [one for one in references if one.ReferencedSOPInstanceUID == segmentation.SOPInstanceUID]
        assert labels[segment.ReferencedSegmentNumber].SegmentLabel == label
        [uid] = [one.UID for one in groups[label] if meaning(one) == "Tracking Unique Identifier"]
        assert uid == labels[segment.ReferencedSegmentNumber].TrackingUID
        others = {one.ReferencedSOPInstanceUID for one in references} - {segmentation.SOPInstanceUID}
        assert others
        assert others <= images


def test_identity_is_the_source_s_and_stands_in_the_dicom_files_alone(filed):
    source = pydicom.dcmread(next(filed.series.glob("*.dcm")))
    uids = set()
    for path in sorted(filed.out.iterdir()):
        assert not any(secret in path.name for secret in ("Doe", "Jane", NUMBER))
        if path.suffix == ".dcm":
            dataset = pydicom.dcmread(path)
            assert [dataset.get(tag) for tag in IDENTITY] == [source.get(tag) for tag in IDENTITY]
            uids |= {dataset.SeriesInstanceUID, dataset.SOPInstanceUID}
            assert "research only" in dataset.SeriesDescription
        else:
            secrets = (b"Doe", b"Jane", b"A-815", source.StudyInstanceUID.encode())
            words = re.sub(rb'base64,[^"]+', b"", path.read_bytes())  # three letters may stand in any picture
            assert not any(secret in words for secret in secrets)
    assert len(uids) == 4
    segmentation = pydicom.dcmread(filed.out / "segmentation.dcm")
    assert segmentation.FrameOfReferenceUID == source.FrameOfReferenceUID


def test_tags_that_break_the_standard_are_no_hindrance(case, tmp_path):
    def spoil(dataset):
        dataset.PatientSex, dataset.PatientBirthDate = "W", "31.12.1940"
        del dataset.AccessionNumber, dataset.StudyTime

    with quiet_dicom():
        read = as_read(case, tmp_path, lambda folder, volume: change_all(folder, spoil))
    out = written(read, tmp_path / "out")
    dataset = pydicom.dcmread(out / "measurements.dcm")
    assert (dataset.PatientSex, dataset.PatientBirthDate, dataset.PatientID) == ("", "", NUMBER)
    assert check(out / "measurements.dcm") == []


def refusal(case) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        DicomFiles(seg=True).check(case)
    assert caught.value.reason is Reason.NO_DICOM_SOURCE
    return caught.value


def test_what_has_no_images_of_its_own_is_refused_with_the_cause(case, pair_case, poor_case, tmp_path):
    assert "not read from DICOM" in refusal(poor_case.volume).message
    assert "Two single slices" in refusal(pair_case.volume).message

    def forget(dataset):
        del dataset.FrameOfReferenceUID

    read = as_read(case, tmp_path, lambda folder, volume: change_all(folder, forget))
    assert "frame of reference" in refusal(read.volume).message
    DicomFiles().check(poor_case.volume)  # nothing is asked, so nothing is refused


def test_a_straightened_gantry_tilt_is_refused_because_its_slices_were_shifted(case, tmp_path):
    def tilt(dataset):
        x, y, z = (float(value) for value in dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.2 * z, z]

    volume = replace(case.volume, hu=body_hu(case.volume.hu.shape))
    series = write_dicom_series(SimpleNamespace(volume=volume, truth=SimpleNamespace(seed=3)), tmp_path)
    change_all(series, tilt)
    read = read_ct(series)
    assert Reason.GANTRY_TILT in {flag.code for flag in read.flags}
    assert "gantry tilt" in refusal(read).message


def test_without_highdicom_it_is_said_before_anything_is_read(case, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelRefused, match="pip install highdicom"):
        DicomFiles(sr=True).check(case.volume)


def test_the_files_of_an_earlier_result_don_t_stay_beside_a_later_one(filed, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(filed.out, out)
    deliver_case(filed.case, out)
    assert not list(out.glob("*.dcm"))


def test_the_pdf_goes_along_byte_for_byte(filed, tmp_path):
    content = b"%PDF-1.4 of an odd length\n%%EOF"
    (tmp_path / "report.pdf").write_bytes(content)
    written(filed.case, tmp_path, DicomFiles(seg=True))
    dataset = pydicom.dcmread(tmp_path / "report.dcm")
    assert dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength] == content
    assert (dataset.MIMETypeOfEncapsulatedDocument, dataset.Modality) == ("application/pdf", "DOC")
    assert not (tmp_path / "measurements.dcm").exists()


def recoded(dataset: Dataset) -> None:
    """As another program may write it: labels of its own, codes of the older scheme."""
    old = {"66794005": "T-11910", "14293000": "T-11920"}
    for number, segment in enumerate(dataset.SegmentSequence):
        segment.SegmentLabel = f"Segment_{number}"
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        if kind.CodeValue in old:
            kind.CodeValue, kind.CodingSchemeDesignator = old[kind.CodeValue], "SRT"


@pytest.mark.parametrize("change", [lambda dataset: None, recoded], ids=["ours", "another's"])
def test_a_segmentation_comes_back_as_masks_level_by_level(filed, change, tmp_path):
    dataset = pydicom.dcmread(filed.out / "segmentation.dcm")
    change(dataset)
    dataset.save_as(tmp_path / "masks.dcm")
    masks = read_given_masks(tmp_path / "masks.dcm", filed.case.volume)
    for reading in filed.case.readings:
        expected = PlacedMask(reading.body.mask, reading.body.corner_zyx).on_grid(filed.case.volume.grid)
        np.testing.assert_array_equal(masks[reading.level].mask.on_grid(filed.case.volume.grid), expected)


@pytest.mark.parametrize(
    "arrange",
    [lambda folder, volume: None, lambda folder, volume: change_all(folder, prone), sagittal],
    ids=["axial", "rows and columns reversed", "sagittal"],
)
def test_masks_of_single_slices_come_back_too(case, arrange, tmp_path):
    read = as_read(case, tmp_path, arrange)
    masks = read_given_masks(written(read, tmp_path / "out") / "segmentation.dcm", read.volume)
    for reading in read.readings:
        plane = mask_to_plane(reading.segmentation.mask, reading.axial, read.volume.hu.shape[1:])
        found = masks[reading.level].mask.on_grid(read.volume.grid)
        np.testing.assert_array_equal(found[reading.axial.slice_index], plane)
        assert np.count_nonzero(found) == np.count_nonzero(plane)


def test_a_segmentation_of_another_study_is_refused(filed, tmp_path):
    dataset = pydicom.dcmread(filed.out / "segmentation.dcm")
    dataset.FrameOfReferenceUID = "1.2.3"
    dataset.save_as(tmp_path / "masks.dcm")
    with pytest.raises(InputRefused, match="another frame of reference") as caught:
        read_given_masks(tmp_path / "masks.dcm", filed.case.volume)
    assert caught.value.reason is Reason.MASKS_OFF_GRID


def test_a_dicom_file_that_is_no_segmentation_is_refused(filed):
    for path in (next(filed.series.glob("*.dcm")), filed.out / "measurements.dcm"):
        with pytest.raises(InputRefused) as caught:
            read_given_masks(path, filed.case.volume)
        assert caught.value.reason is Reason.UNREADABLE


def test_a_segmentation_without_l1_and_l2_is_refused(filed, tmp_path):
    dataset = pydicom.dcmread(filed.out / "segmentation.dcm")
    for segment in dataset.SegmentSequence:
        segment.SegmentLabel = "liver"
        segment.SegmentedPropertyTypeCodeSequence[0].CodeValue = "10200004"
        segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning = "Liver"
    dataset.save_as(tmp_path / "masks.dcm")
    with pytest.raises(InputRefused, match="no segment of L1 or L2"):
        read_given_masks(tmp_path / "masks.dcm", filed.case.volume)


def from_a_viewer(case):
    """The case as it was read of what a viewer handed over: the same voxels, and nothing of their files."""
    volume = replace(case.volume, images=(), stored=None, source=replace(case.volume.source, kind="nrrd"))
    l1, l2 = (replace(reading, volume=volume) for reading in case.readings)
    return replace(case, volume=volume, l1=l1, l2=l2)


def test_a_viewer_s_case_is_written_of_the_images_that_it_was_loaded_from(filed, tmp_path, monkeypatch):
    case, images = from_a_viewer(filed.case), sorted(filed.series.glob("*.dcm"))
    monkeypatch.setattr("OsteoJointLib.output.dicom.viewer_case.check_pdf", lambda: None)
    assert pacs_files(case, images).pdf
    pacs = pacs_files(case, images[::-1])
    deliver_case(case, tmp_path / "out", Additions(writers=pacs.writers))
    found, expected = voxels_of(tmp_path / "out" / "segmentation.dcm", case.volume.grid), expected_voxels(filed.case)
    for label, mask in expected.items():
        np.testing.assert_array_equal(found[label], mask, err_msg=label)
    source, written_ = pydicom.dcmread(images[0]), pydicom.dcmread(tmp_path / "out" / "measurements.dcm")
    assert all(source.get(tag) == written_.get(tag) for tag in IDENTITY)
    assert pacs.flags == ()


def test_a_viewer_s_case_that_lies_elsewhere_than_its_images_is_refused(filed):
    case, images = from_a_viewer(filed.case), sorted(filed.series.glob("*.dcm"))
    x, y, z = case.volume.grid.origin_lps_mm
    for grid in (
        replace(case.volume.grid, origin_lps_mm=(x + 0.1, y, z)),
        replace(case.volume.grid, spacing_xyz_mm=tuple(1.01 * np.array(case.volume.grid.spacing_xyz_mm))),
    ):
        with pytest.raises(InputRefused, match="moved, cut or resampled") as refusal:
            pacs_files(replace(case, volume=replace(case.volume, grid=grid)), images)
        assert refusal.value.reason is Reason.NO_DICOM_SOURCE
    cut = replace(
        case.volume, hu=case.volume.hu[1:], grid=replace(case.volume.grid, shape_zyx=case.volume.hu[1:].shape)
    )
    with pytest.raises(InputRefused, match="moved, cut or resampled"):
        pacs_files(replace(case, volume=cut), images)


def test_where_no_pdf_can_be_made_the_others_are_and_it_is_said(filed, monkeypatch):
    def lacking():
        raise UsageError(Reason.DEPENDENCY_MISSING, "WeasyPrint isn't installed.")

    monkeypatch.setattr("OsteoJointLib.output.dicom.viewer_case.check_pdf", lacking)
    pacs = pacs_files(from_a_viewer(filed.case), sorted(filed.series.glob("*.dcm")))
    assert not pacs.pdf and pacs.writers
    assert [flag.message for flag in pacs.flags] == ["WeasyPrint isn't installed."]
