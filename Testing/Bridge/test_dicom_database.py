"""Slicer's DICOM database: masks that come from there, whatever they lie in, and results that go there."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import qt
import SimpleITK as sitk
import slicer
from DICOMLib import DICOMUtils
from example_readings import LYING, add_ct, canonical_grid, world_matrix

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import LPS_TO_RAS, Grid
from OsteoJointLib.io.dicom import read_dicom
from OsteoJointLib.io.dicom_study import read_study
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.output.dicom.maker import Maker
from OsteoJointLib.output.dicom.seg import Segment, make_segmentation
from OsteoJointLib.output.terminology import segment_color_rgb, segment_name, vertebra_code
from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.records import CtVolume, Flag, Level, MaskSource, ModelInfo, SourceInfo
from OsteoJointLib.slicer_bridge.panel.export_section import ExportSection
from OsteoJointLib.slicer_bridge.reading import controller
from OsteoJointLib.slicer_bridge.reading.controller import ReadingController
from OsteoJointLib.slicer_bridge.scene import dicom_database, level_nodes
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role
from OsteoJointLib.worker.answers import Delivered

from .fake_reading import FakeReading
from .test_controller import FakeEngine

GRID = Grid.axis_aligned((24, 64, 70), (0.7, 0.7, 2.5), (-25.0, -22.0, -30.0))
SLICES = {Level.L1: range(13, 19), Level.L2: range(3, 9)}
"""Of the whole bodies below."""


def body_labels(shape=GRID.shape_zyx) -> np.ndarray:
    """Two bodies without any symmetry over six slices each, VerSe's numbers."""
    labels = np.zeros(shape, np.uint8)
    for level, slices in SLICES.items():
        for step, index in enumerate(slices):
            labels[index, 12 : 24 + step, 14 + step : 34] = level.verse_label
            labels[index, 12:15, 14:20] = 0
    return labels


def write_series(folder, seed=1, origin=GRID.origin_lps_mm):
    """Write a small CT as a DICOM series; return its files and what is read of them."""
    hu = np.random.default_rng(seed).integers(-100, 200, GRID.shape_zyx).astype(np.int16)
    volume = CtVolume(hu, replace(GRID, origin_lps_mm=origin), SourceInfo("phantom", kvp=120.0))
    series = write_dicom_series(SimpleNamespace(truth=SimpleNamespace(seed=seed), volume=volume), folder)
    files = sorted(series.iterdir())
    return files, read_dicom(files, "", ReadingLimits())


def write_seg(folder, volume, labels):
    """Write masks as a DICOM SEG, as OsteoJoint does."""
    segments = []
    for level in Level:
        mask = PlacedMask(labels == level.verse_label, (0, 0, 0)).trimmed()
        color = segment_color_rgb(level)
        segments.append(
            Segment(segment_name(level), vertebra_code(level), mask, color, MaskSource.NETWORK, SLICES[level][1])
        )
    maker = Maker(ModelInfo("compact", "compact", "f" * 64, "nothing"))
    with quiet_dicom():
        data = make_segmentation(tuple(segments), read_study(volume), maker)
    folder.mkdir(exist_ok=True)
    data.save_as(folder / "segmentation.dcm", enforce_file_format=True)
    return folder / "segmentation.dcm"


@pytest.fixture
def loose(monkeypatch):
    """Let the reader take noise for a CT."""
    monkeypatch.setattr("OsteoJointLib.io.dicom.check_hu", lambda *_: ())
    monkeypatch.setattr("OsteoJointLib.io.dicom.check_geometry", lambda *_: ())
    monkeypatch.setattr("OsteoJointLib.io.dicom._refuse_short", lambda *_: None)


@pytest.fixture
def study(scene, loose, tmp_path):
    """A CT in the database and in the scene, and a SEG of it in the database and as a file."""
    files, volume = write_series(tmp_path / "ct")
    seg = write_seg(tmp_path / "seg", volume, body_labels())
    for folder in (files[0].parent, seg.parent):
        assert DICOMUtils.importDicom(str(folder), copyFiles=True)
    series = {
        slicer.dicomDatabase.instanceValue(slicer.dicomDatabase.filesForSeries(uid)[0].split("/")[-1], "0008,0060"): uid
        for study in slicer.dicomDatabase.studiesForPatient(slicer.dicomDatabase.patients()[0])
        for uid in slicer.dicomDatabase.seriesForStudy(study)
    }
    (node_id,) = DICOMUtils.loadSeriesByUID([series["CT"]])
    return SimpleNamespace(ct=slicer.mrmlScene.GetNodeByID(node_id), seg=seg, series=series, files=files)


@pytest.fixture
def reading(host, scene, monkeypatch):
    monkeypatch.setattr(controller, "Engine", FakeEngine)
    reading = ReadingController()
    reading.follow = False
    yield reading
    reading.close()


def settle(host, reading):
    host.wait_until(lambda: False, 0.15)
    assert not reading.running


def drawn(reading) -> np.ndarray:
    """The reading's masks on the CT's voxels as stored, VerSe's numbers."""
    node, volume = reading.nodes.get(Role.MASKS), reading.nodes.volume
    out = np.zeros(volume.GetImageData().GetDimensions()[::-1], np.uint8)
    for level in Level:
        out[slicer.util.arrayFromSegmentBinaryLabelmap(node, level, volume) > 0] = level.verse_label
    return out


@pytest.mark.parametrize("way", ["file", "node"])
def test_a_dicom_seg_comes_back_as_masks_to_correct(host, study, reading, way):
    reading.select(study.ct)
    if way == "file":
        reading.take_mask_file(study.seg)
    else:
        (node_id,) = DICOMUtils.loadSeriesByUID([study.series["SEG"]])
        reading.take_mask_node(slicer.mrmlScene.GetNodeByID(node_id))
        assert not slicer.mrmlScene.GetNodeByID(node_id).GetDisplayVisibility()
    settle(host, reading)
    np.testing.assert_array_equal(drawn(reading), body_labels())
    assert [level.mask_source for level in reading.state.levels.values()] == ["corrected", "corrected"]
    assert [level.source for level in reading.state.levels.values()] == ["user", "user"]
    (wanted,) = reading.engine.asked
    assert set(wanted.masks) == set(Level)
    assert wanted.masks[Level.L1].array_kji.sum() == (body_labels() == 20).sum()
    height = {"file": 1, "node": 3}[way]  # only the file's mark says on which slice the level was read
    for level in Level:
        index = (np.linalg.inv(world_matrix(study.ct)) @ [*level_nodes.points(reading.nodes)[level], 1])[2]
        assert round(index) == SLICES[level][height]


@pytest.mark.parametrize("lying", LYING)
def test_masks_of_a_seg_nrrd_are_laid_on_a_ct_that_lies_in_any_way(host, scene, reading, tmp_path, lying):
    ct = add_ct(lying)
    reading.select(ct)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "mine")
    node.SetAndObserveTransformNodeID(ct.GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    grid = canonical_grid(ct)
    expected = {}
    for level, height in ((Level.L1, 15), (Level.L2, 5)):
        mask = np.zeros(grid.shape_zyx, bool)
        mask[height : height + 4, 10:20, 12:30] = True
        mask[height : height + 4, 10:13, 12:18] = False
        expected[level] = np.argwhere(mask)[:, ::-1] @ grid.matrix[:3, :3].T + grid.matrix[:3, 3]
        stored = np.rint(
            np.linalg.inv(world_matrix(ct)) @ LPS_TO_RAS @ np.c_[expected[level], np.ones(len(expected[level]))].T
        )
        i, j, k = stored[:3].astype(int)
        array = np.zeros(ct.GetImageData().GetDimensions()[::-1], np.uint8)
        array[k, j, i] = 1
        node.GetSegmentation().AddEmptySegment(f"Segment_{level}", f"{level} vertebra")
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, f"Segment_{level}", ct)
    reading.take_mask_node(node)
    settle(host, reading)
    for level in Level:
        k, j, i = np.nonzero(drawn(reading) == level.verse_label)
        ras = (world_matrix(ct) @ [i, j, k, np.ones_like(i)])[:3].T
        wanted = expected[level] * [-1, -1, 1]
        order = lambda points: points[np.lexsort(np.round(points, 2).T)]  # noqa: E731
        np.testing.assert_allclose(order(ras), order(wanted), atol=0.01)


def test_masks_of_another_ct_are_refused_with_the_cause(host, study, reading, tmp_path, loose):
    _, volume = write_series(tmp_path / "other", seed=2, origin=(-24.8, -22.0, -30.0))
    seg = write_seg(tmp_path / "other seg", volume, body_labels())
    reading.select(study.ct)
    with pytest.raises(InputRefused, match="was not drawn on this CT") as refusal:
        reading.take_mask_file(seg)
    assert refusal.value.reason is Reason.MASKS_OFF_GRID
    _, volume = write_series(tmp_path / "same place", seed=3)
    seg = write_seg(tmp_path / "same place seg", volume, body_labels())
    with pytest.raises(InputRefused, match="another frame of reference"):
        reading.take_mask_file(seg)
    assert reading.state.levels["L1"].mask_source is None
    exchanged = np.where(body_labels() == 20, 21, np.where(body_labels() == 21, 20, 0)).astype(np.uint8)
    image = sitk.GetImageFromArray(exchanged)
    image.SetSpacing(GRID.spacing_xyz_mm)
    image.SetOrigin(GRID.origin_lps_mm)
    sitk.WriteImage(image, str(tmp_path / "labels.nii.gz"))
    with pytest.raises(InputRefused, match="exchanged"):
        reading.take_mask_file(tmp_path / "labels.nii.gz")


@pytest.fixture
def section(scene):
    reading = FakeReading()
    parent = qt.QWidget()
    made = ExportSection(qt.QVBoxLayout(parent), reading)
    reading.changed.connect(lambda: made.show(reading.state))
    made.parent, made.reading, made.ui = parent, reading, slicer.util.childWidgetVariables(parent)
    return made


def test_results_go_beside_the_study_and_nothing_stays_elsewhere(host, study, section, tmp_path):
    section.reading.select(study.ct)
    section.reading.become_read()
    section.ui.databaseButton.click()
    (_, folder, _, on_done, images) = section.reading.asked[-1]
    assert [slicer.dicomDatabase.seriesForFile(str(image)) for image in images] == [study.series["CT"]] * 24
    folder.mkdir()
    for name in ("measurements.dcm", "result.json"):
        (folder / name).write_bytes(study.seg.read_bytes())
    from pydicom import dcmread
    from pydicom.uid import generate_uid

    measured = dcmread(folder / "measurements.dcm")
    measured.SOPInstanceUID = measured.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    measured.SeriesInstanceUID, measured.Modality = generate_uid(), "SR"
    measured.save_as(folder / "measurements.dcm", enforce_file_format=True)
    on_done(Delivered((folder / "measurements.dcm", folder / "result.json"), (Flag(Reason.NO_PATIENT, "No <name>."),)))
    assert "beside the CT: segmentation and measurements." in section.ui.savedLabel.text
    assert "No &lt;name&gt;." in section.ui.savedLabel.text
    (patient,) = slicer.dicomDatabase.patients()
    (study_uid,) = slicer.dicomDatabase.studiesForPatient(patient)
    assert str(measured.SeriesInstanceUID) in slicer.dicomDatabase.seriesForStudy(study_uid)
    assert not folder.exists()
    assert not list(host.folder.rglob("OsteoJoint-*"))


def test_what_failed_leaves_no_patient_s_file_behind(study, section):
    section.reading.select(study.ct)
    section.reading.become_read()
    section.ui.databaseButton.click()
    folder = section.reading.asked[-1][1].parent
    assert folder.is_dir()
    section.reading.become(message="The disk is full.", reason=Reason.FAILED)
    assert section.ui.savedLabel.text == "The disk is full."
    assert not folder.exists()


def test_a_ct_from_elsewhere_has_no_study(section):
    section.reading.select(add_ct())
    section.reading.become_read()
    assert not section.ui.databaseButton.enabled
    assert "wasn't loaded from Slicer's DICOM database" in section.ui.databaseButton.toolTip


def test_images_that_have_gone_are_told(study, section):
    section.reading.select(study.ct)
    section.reading.become_read()
    slicer.dicomDatabase.initializeDatabase()
    section.ui.databaseButton.click()
    assert "in Slicer&#x27;s DICOM database any more. Import them again." in section.ui.savedLabel.text
    assert section.reading.asked[-1][0] != "deliver"


def test_a_chosen_segmentation_and_a_file_are_asked_for(study, section, tmp_path):
    assert not section.ui.takeButton.enabled and not section.ui.takeFileButton.enabled
    section.reading.select(study.ct)
    section.reading.become_read()
    assert not section.ui.takeButton.enabled
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "from <PACS>")
    section.ui.segmentationSelector.setCurrentNode(node)
    section.ui.takeButton.click()
    assert section.reading.asked[-1] == ("take_mask_node", node)
    assert "from <PACS>" in section.ui.takenLabel.text
    qt.QFileDialog.answers.append(str(study.seg))
    section.ui.takeFileButton.click()
    assert section.reading.asked[-1] == ("take_mask_file", study.seg)
    node.SetAttribute("OsteoJoint.Role", "masks")
    section.ui.segmentationSelector.setCurrentNode(None)
    section.ui.segmentationSelector.setCurrentNode(node)
    assert not section.ui.takeButton.enabled


def test_the_stand_in_knows_what_slicer_s_database_does(study):
    database = slicer.dicomDatabase
    uid = dicom_database.instances(study.ct)[0]
    assert float(database.instanceValue(uid, "0018,0060")) == 120
    assert database.instanceValue(uid, "0020,0037").count("\\") == 5
    assert database.instanceValue("1.2.3", "0018,0060") == database.fileForInstance("1.2.3") == ""
    with pytest.raises(TypeError):
        database.fileForInstance(None)
    np.testing.assert_allclose(world_matrix(study.ct) @ [0, 0, 0, 1], [25.0, 22.0, -30.0, 1.0])
