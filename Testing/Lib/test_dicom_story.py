"""From a DICOM series by the command line to files for a PACS, and back by its own segmentation."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from OsteoJointLib.cli.main import main
from OsteoJointLib.io.nrrd import image_on_grid
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.records import CtVolume

IDENTITY = {"PatientName": "Doe^Jane", "PatientID": "4711", "PatientBirthDate": "19401231", "AccessionNumber": "A-815"}
FILES = ("segmentation.dcm", "measurements.dcm", "report.dcm")


def make_ct(chain) -> CtVolume:
    """The tiny CT with fat and noise, so that it passes for one."""
    ct = chain.make_ct()
    ct.hu[:, 10:24, 10:110] = -100
    noise = np.random.default_rng(0).normal(0, 8, ct.hu.shape)
    ct.hu[:] = np.clip(ct.hu + noise, -1024, None).round()
    return ct


def write_series(chain, folder: Path, **tags) -> Path:
    """It as a DICOM series of somebody's."""
    ct = make_ct(chain)
    series = write_dicom_series(SimpleNamespace(volume=ct, truth=SimpleNamespace(seed=1)), folder)
    for path in series.iterdir():
        dataset = pydicom.dcmread(path)
        for tag, value in (IDENTITY | tags).items():
            setattr(dataset, tag, value)
        dataset.save_as(path)
    return series


@pytest.fixture(scope="module")
def run(chain):
    """The command line with the tiny reader; called with arguments, it gives the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("OsteoJointLib.pipeline.loading.load_reader", lambda config, **_: chain.make_reader())
        yield lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def filed(chain, run, tmp_path_factory):
    """A series, and the folder of all files that can be had of it; L2 is left out by the user."""
    folder = tmp_path_factory.mktemp("filed")
    series, out = write_series(chain, folder / "Doe_Jane"), folder / "out"
    asked = ("--dicom-sr", "--pdf", "--leave-out", "L2", "--reason", "focal-lesion", "--contrast", "portal")
    assert run("analyze", series, "--out", out, *asked) == 0
    return SimpleNamespace(series=series, out=out, document=json.loads((out / "result.json").read_text()))


def errors_of(path: Path) -> list[str]:
    said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (Debian: dicom3tools) is not installed")
@pytest.mark.parametrize("name", FILES)
def test_dciodvfy_finds_no_error(filed, name):
    assert errors_of(filed.out / name) == []


def test_every_file_is_of_the_source_s_study_and_refers_to_its_images(filed):
    images = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, filed.series.iterdir())}
    source = next(iter(images.values()))
    segmentation = pydicom.dcmread(filed.out / "segmentation.dcm").SOPInstanceUID
    for name in FILES:
        dataset = pydicom.dcmread(filed.out / name)
        assert dataset.StudyInstanceUID == source.StudyInstanceUID
        assert {tag: str(dataset.get(tag)) for tag in IDENTITY} == IDENTITY
        referred = set()
        dataset.walk(
            lambda _, element, found=referred: (
                found.add(element.value) if element.keyword == "ReferencedSOPInstanceUID" else None
            )
        )
        assert referred - {segmentation} <= images.keys()
        assert referred - {segmentation}
    for path in filed.out.iterdir():
        assert path.suffix == ".dcm" or not any(value.encode() in path.read_bytes() for value in IDENTITY.values())


def test_the_pdf_is_the_report_s(filed):
    dataset = pydicom.dcmread(filed.out / "report.dcm")
    content = dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength]
    assert content == (filed.out / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")


def texts_of(path: Path) -> list[str]:
    texts = []
    pydicom.dcmread(path).walk(
        lambda _, element: texts.append(element.value) if element.keyword == "TextValue" else None
    )
    return texts


def test_highdicom_reads_the_report_and_it_says_who_was_left_out_and_why(filed):
    from highdicom.sr import srread

    report = srread(filed.out / "measurements.dcm")
    groups = report.content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 4
    texts = texts_of(filed.out / "measurements.dcm")
    assert "L2, by user: focal lesion" in texts
    for flag in filed.document["flags"]:
        assert any(text.startswith(flag["code"]) and text.endswith(flag["message"]) for text in texts)
    hu = {group.tracking_identifier: group.get_measurements() for group in groups}["ROI of L1"][0]
    assert hu.value == filed.document["measurements"]["L1"]["hu_mean"]


def test_its_own_segmentation_gives_the_same_reading_and_says_the_network_s(filed, run, tmp_path):
    assert run("analyze", filed.series, "--out", tmp_path / "again", "--masks", filed.out / "segmentation.dcm") == 0
    again = json.loads((tmp_path / "again" / "result.json").read_text())
    for level in ("L1", "L2"):
        assert again["segmentation"][level] == filed.document["segmentation"][level]
        assert again["segmentation"][level]["source"] == "network"
        assert again["measurements"][level]["hu_mean"] == filed.document["measurements"][level]["hu_mean"]
        assert again["levels"][level]["slice_index"] == filed.document["levels"][level]["slice_index"]
    assert filed.document["measurements"]["L1"]["hu_mean"] != filed.document["measurements"]["L2"]["hu_mean"]


def test_an_edited_segmentation_counts_where_it_was_edited(filed, run, tmp_path):
    dataset = pydicom.dcmread(filed.out / "segmentation.dcm")
    number = next(one.SegmentNumber for one in dataset.SegmentSequence if one.SegmentLabel == "L1 vertebral body")
    frames = [
        index
        for index, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence)
        if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number
    ]
    pixels = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
    size = dataset.Rows * dataset.Columns
    pixels[frames[0] * size : (frames[0] + 1) * size] = 0
    dataset.PixelData = np.packbits(pixels, bitorder="little").tobytes()
    dataset.save_as(tmp_path / "edited.dcm")
    asked = ("--masks", tmp_path / "edited.dcm", "--dicom-seg")
    assert run("analyze", filed.series, "--out", tmp_path / "again", *asked) == 0
    again = json.loads((tmp_path / "again" / "result.json").read_text())["segmentation"]
    assert (again["L1"]["source"], again["L2"]["source"]) == ("edited", "network")
    assert again["L1"]["volume_ml"] < filed.document["segmentation"]["L1"]["volume_ml"]
    segments = pydicom.dcmread(tmp_path / "again" / "segmentation.dcm").SegmentSequence
    kinds = {one.SegmentLabel: one.SegmentAlgorithmType for one in segments}
    assert kinds["L1 vertebral body"] == kinds["ROI of L1"] == "SEMIAUTOMATIC"
    assert kinds["L2 vertebral body"] == kinds["ROI of L2"] == "AUTOMATIC"


def test_a_ct_without_dicom_files_is_refused_before_anything_is_written(chain, run, tmp_path, capsys):
    ct = make_ct(chain)
    sitk.WriteImage(image_on_grid(ct.hu, ct.grid), str(tmp_path / "ct.nii.gz"))
    assert run("analyze", tmp_path / "ct.nii.gz", "--out", tmp_path / "out", "--dicom-seg") == 3
    said = capsys.readouterr().err
    assert "[no_dicom_source]" in said
    assert "not read from DICOM files" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tags", [{"PatientIdentityRemoved": "YES"}, {"PatientID": ""}])
def test_of_a_de_identified_ct_it_is_said_that_nobody_can_be_filed(chain, run, tmp_path, tags):
    series = write_series(chain, tmp_path, **tags)
    assert run("analyze", series, "--out", tmp_path / "out", "--dicom-sr") == 0
    flags = json.loads((tmp_path / "out" / "result.json").read_text())["flags"]
    [said] = [flag["message"] for flag in flags if flag["code"] == "no_patient"]
    assert any(said in text for text in texts_of(tmp_path / "out" / "measurements.dcm"))
    assert run("analyze", series, "--out", tmp_path / "plain") == 0
    assert "no_patient" not in (tmp_path / "plain" / "result.json").read_text()


def test_of_a_patient_s_ct_nothing_is_said(filed):
    assert "no_patient" not in [flag["code"] for flag in filed.document["flags"]]
