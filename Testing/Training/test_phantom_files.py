"""Phantoms on disk: files, hashes and manifest agree; a ROI measures the truth."""

import hashlib
import json
from functools import partial

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom import cases
from OsteoJointLib.pipeline.measure import MeasureConfig, measure_roi
from OsteoJointLib.records import Level, Status
from training.data import phantom_files
from training.data.phantom_files import write_phantoms

COARSE = Grid.axis_aligned((20, 20, 20), (15.0, 15.0, 15.0), (-140.0, -140.0, -150.0))


def test_manifest_names_files_truth_and_hashes(tmp_path, monkeypatch):
    pytest.importorskip("SimpleITK")
    monkeypatch.setattr(phantom_files, "make_phantom", partial(cases.make_phantom, grid=COARSE))
    write_phantoms(3, 1, tmp_path)
    write_phantoms(3, 2, tmp_path)
    lines = (tmp_path / "cases.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["id"] for entry in entries] == ["phantom-0000003", "phantom-0000004"]
    for entry in entries:
        for file in (entry["image"], entry["mask"]):
            assert hashlib.sha256((tmp_path / file["path"]).read_bytes()).hexdigest() == file["sha256"]
        truth = json.loads((tmp_path / entry["id"] / "truth.json").read_text())
        assert entry["levels"]["L1"]["center_lps_mm"] == truth["centers_lps_mm"]["20"]
        mean = np.mean([entry["bmd"][level.value]["mg_cm3"] for level in Level])
        assert Status.from_bmd(mean).value == entry["status"]
        assert (entry["mask"]["kind"], entry["mask"]["slices"]) == ("body", "all")


def test_dicom_and_rods_when_asked_for(tmp_path, monkeypatch):
    pytest.importorskip("SimpleITK")
    monkeypatch.setattr(phantom_files, "make_phantom", partial(cases.make_phantom, grid=COARSE))
    write_phantoms(3, 1, tmp_path, dicom=True, rods=True)
    assert len(list((tmp_path / "phantom-0000003" / "dicom").glob("*.dcm"))) == COARSE.shape_zyx[0]
    truth = json.loads((tmp_path / "phantom-0000003" / "truth.json").read_text())
    assert truth["drawn"]["acquisition"]["rods"] is True


def test_a_roi_measures_the_truth():
    truth = cases.make_phantom(6, grid=COARSE).truth
    x, y, z = truth.centers_lps_mm[Level.L1.verse_label]
    pixel_mm, thickness_mm = truth.drawn["acquisition"]["pixel_mm"], truth.drawn["acquisition"]["thickness_mm"]
    origin = (x - 64 * pixel_mm, y - 64 * pixel_mm, z - 2 * thickness_mm)
    grid = Grid.axis_aligned((5, 128, 128), (pixel_mm, pixel_mm, thickness_mm), origin)
    phantom = cases.make_phantom(6, grid=grid)
    hu = measure_roi(
        phantom.volume.hu[2].astype(float), phantom.labels[2] == 20, pixel_mm, Level.L1, MeasureConfig()
    ).hu_mean
    assert hu == pytest.approx(truth.trabecular_hu[Level.L1], abs=20.0)
