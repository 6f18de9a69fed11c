"""Labeling a folder of CTs in the panel's section: order, notes, resuming, what can't be read, what is never lost.

The engine pretends, as in the controller's tests; CTs come from files, labels go to a real dataset.
"""

from __future__ import annotations

import gc
import html
import json
from dataclasses import replace

import numpy as np
import psutil
import pytest
import qt
import SimpleITK as sitk
import slicer
from PySide6.QtTest import QTest

from OsteoJointLib.batch.inputs import place_of
from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, MaskSlices
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.dataset.worklist import Ending, Worklist
from OsteoJointLib.errors import InputRefused, ModelRefused, OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import as_ending
from OsteoJointLib.frames import Grid, flip_lps_ras
from OsteoJointLib.records import CtVolume, Flag, Level, SourceInfo
from OsteoJointLib.slicer_bridge.labels import fetching
from OsteoJointLib.slicer_bridge.panel.label_section import LabelSection
from OsteoJointLib.slicer_bridge.reading import controller
from OsteoJointLib.slicer_bridge.reading.controller import ReadingController
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, volumes
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.worker.answers import Converted, Labeled
from OsteoJointLib.worker.requests import Label

from .fake_reading import add_ct
from .test_controller import FakeEngine

SHAPE = (24, 40, 44)
GRID = Grid.axis_aligned(SHAPE, (0.7, 0.7, 2.5), (-15.0, -14.0, -30.0))


def write_ct(path, value: int, shape=SHAPE) -> None:
    path.parent.mkdir(exist_ok=True)
    array = np.full(shape, value, np.int16)
    array[0, 0, 0] = hash(path.name) % 1000
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(GRID.spacing_xyz_mm)
    image.SetOrigin(GRID.origin_lps_mm)
    image.SetMetaData("osteojoint_kvp", "100")
    sitk.WriteImage(image, str(path))


class FolderClient:
    """Stands in for the worker: gives the files of the folder as they are; a name says what is wrong with one."""

    log = ()

    def __init__(self):
        self.asked = []

    def ask(self, request, on_done, on_error, on_progress=None):
        self.asked.append(request.input.name)
        qt.QTimer.singleShot(0, lambda: self._answer(request, on_done, on_error))

    def _answer(self, request, on_done, on_error):
        name = request.input.name
        if name.startswith("no_ct"):
            on_error(InputRefused(Reason.NOT_CT, f"{request.input} is an MR.", "This is an MR."))
        elif name.startswith("no_worker"):
            on_error(ModelRefused(Reason.DEPENDENCY_MISSING, "pydicom is missing."))
        else:
            request.out.parent.mkdir(exist_ok=True)
            request.out.write_bytes(request.input.read_bytes())
            on_done(Converted(request.out, ()))

    def close(self):
        pass


class LabelingEngine(FakeEngine):
    """Writes labels into a dataset, as the worker would."""

    def start(self, wanted, **callbacks):
        name = slicer.mrmlScene.GetNodeByID(wanted.volume_id).GetName()
        self.fails = RunFailed(Reason.NO_SPINE, "There is no spine.") if name.startswith("no_spine") else None
        super().start(wanted, **callbacks)

    def ask_case(self, request, masks, on_done, on_error):
        label = request("case-1", {})
        assert isinstance(label, Label)
        qt.QTimer.singleShot(0, lambda: self._label(label, masks, on_done, on_error))

    def _label(self, label, masks, on_done, on_error):
        node = slicer.mrmlScene.GetNodeByID(self.asked[-1].volume_id)
        volume = CtVolume(slicer.util.arrayFromVolume(node).copy(), GRID, SourceInfo("volume"))
        labels = np.zeros(volume.hu.shape, np.uint8)
        centers = {}
        for level, mask in masks.items():
            k, j, i = np.argwhere(mask.array_kji).T
            lps = np.diag([-1, -1, 1, 1]) @ mask.ijk_to_world @ [i, j, k, np.ones_like(i)]
            x, y, z = np.rint(np.linalg.inv(GRID.matrix) @ lps)[:3].astype(int)
            labels[z, y, x] = level.verse_label
            centers[level] = tuple(lps[:3].mean(axis=1))
        try:
            known = CaseLabel(label.patient, centers, MaskSlices.MID, label.status)
            added = add_case(label.folder, label.name, volume, labels, known, label.replace)
        except OsteoJointError as error:
            on_error(as_ending(error))
            return
        on_done(Labeled(added.files, added.entry, added.count))


class Desk:
    """The section at work: folders, widgets, and a user's acts, whose clicks are counted."""

    def __init__(self, host, folder):
        self.host, self.folder = host, folder
        self.source, self.dataset = folder / "cts", folder / "labels"
        self.clicks = 0
        self.open()

    def open(self):
        """Open the module's section, as after a start of Slicer."""
        self.reading = ReadingController()
        self.reading.client = FolderClient()
        self.reading.follow = False
        self.parent = qt.QWidget()
        self.section = LabelSection(qt.QVBoxLayout(self.parent), self.reading)
        self.reading.changed.connect(lambda: self.section.show(self.reading.state))
        self.ui = slicer.util.childWidgetVariables(self.parent)
        self.parent.show()

    def close(self):
        self.section.close()
        self.reading.close()
        self.parent.deleteLater()
        self.host.app.processEvents()

    def choose(self):
        self.ui.datasetPath.setCurrentPath(str(self.dataset))
        self.ui.sourcePath.setCurrentPath(str(self.source))

    def click(self, name):
        button = getattr(self.ui, name)
        assert button.enabled, button.toolTip
        self.clicks += 1
        button.click()
        self.settle()

    def settle(self):
        """Wait until nothing is loaded, read or saved."""

        def idle():
            flow = self.section._flow
            at_work = self.reading.running or self.section._form._saving
            return not at_work and (flow is None or flow.is_open)

        assert self.host.wait_until(idle, 20)
        self.host.wait_until(lambda: False, 0.03)

    def begin(self):
        self.choose()
        self.click("flowButton")

    @property
    def said(self) -> str:
        return html.unescape(self.ui.flowLabel.text)

    @property
    def volumes(self) -> list[str]:
        return [
            node.GetName()
            for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
            if not node.GetAttribute("OsteoJoint.Role")
        ]

    def table(self) -> list[tuple[str, ...]]:
        table = self.ui.labelTable
        return [tuple(table.item(row, column).text() for column in range(3)) for row in range(table.rowCount)]

    def states(self) -> list[str]:
        return [row[1] for row in self.table()]

    def double_click(self, row):
        """Double-click a row of the table."""
        table = self.ui.labelTable
        place = table.visualItemRect(table.item(row, 0)).center()
        QTest.mouseClick(table.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
        QTest.mouseDClick(table.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
        self.clicks += 2
        self.settle()

    def correct(self, level=Level.L1):
        """Take columns off a mask, as a user does."""
        nodes = self.reading.nodes
        mask = mask_nodes.masks(nodes)[level]
        mask.array_kji[:, :, 5:] = 0
        mask_nodes.take(nodes, {level: mask})
        self.host.wait_until(lambda: False, 0.15)
        self.reading.update()
        self.settle()


@pytest.fixture
def desk(host, scene, monkeypatch, tmp_path):
    monkeypatch.setattr(controller, "Engine", LabelingEngine)
    monkeypatch.setattr("OsteoJointLib.slicer_bridge.reading.controller.screenshots", lambda folder: ())
    desk = Desk(host, tmp_path)
    for index, name in enumerate(("a", "b", "c")):
        write_ct(desk.source / f"{name}.nrrd", 40 + index)
    yield desk
    desk.close()


def never(*_):
    raise AssertionError("Nothing should be asked.")


def test_a_folder_is_labeled_ct_by_ct_with_one_click_each(desk, monkeypatch):
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", never)
    desk.begin()
    assert desk.volumes == ["a"]
    assert volumes.acquisition(desk.reading.nodes.volume) == {"osteojoint_kvp": "100"}
    assert "a.nrrd, CT 1 of 3" in desk.said
    assert desk.states() == ["open", "to do", "to do"]
    desk.correct()
    desk.clicks = 0
    desk.click("labelButton")
    assert desk.clicks == 1
    assert desk.volumes == ["b"]
    assert desk.reading.state.levels["L1"].mask_source == "network"
    desk.ui.statusCombo.setCurrentIndex(3)
    desk.click("labelButton")
    assert desk.ui.statusCombo.currentIndex == 0
    desk.click("labelButton")
    assert desk.volumes == []
    assert "Nothing is left to do: 3 labeled." in desk.said
    cases = Manifest(desk.dataset).read()
    assert [(case.id, case.patient, case.status) for case in cases] == [
        ("case-0001", "P001", None),
        ("case-0002", "P002", "osteoporosis"),
        ("case-0003", "P003", None),
    ]
    assert desk.table()[1] == ("b.nrrd", "labeled", "case-0002, P002, osteoporosis")
    for row in range(3):
        assert not desk.ui.labelTable.item(row, 0).icon().isNull()
    desk.double_click(1)
    assert desk.volumes == ["b"]
    words = json.dumps([line.read_text() for line in desk.dataset.glob("*.jsonl")])
    assert str(desk.source) not in words and "a.nrrd" not in words


def test_whoever_stops_goes_on_there_another_day(desk):
    desk.begin()
    desk.click("labelButton")
    desk.click("flowButton")
    assert desk.volumes == [] and desk.reading.nodes is None
    assert desk.said == "Stopped. Go on when you like."
    desk.close()
    desk.open()
    assert (desk.ui.sourcePath.currentPath, desk.ui.datasetPath.currentPath) == (str(desk.source), str(desk.dataset))
    assert desk.table() == [("case-0001", "labeled", "case-0001, P001")]
    desk.click("flowButton")
    assert desk.volumes == ["b"]
    assert desk.reading.client.asked == ["b.nrrd"]
    assert desk.states() == ["labeled", "open", "to do"]
    assert "1 labeled, 2 to do" in desk.said
    assert (desk.ui.nameEdit.text, desk.ui.patientEdit.text) == ("case-0002", "P002")


def test_a_ct_that_cannot_be_read_is_told_noted_and_passed_over(desk):
    write_ct(desk.source / "b.nrrd", 1)
    (desk.source / "b.nrrd").rename(desk.source / "no_ct.nrrd")
    desk.begin()
    desk.click("labelButton")
    assert desk.volumes == ["c"]
    desk.click("labelButton")
    assert desk.states() == ["labeled", "labeled", "not readable"]
    assert "no_ct.nrrd can't be read" in desk.said
    assert desk.table()[2][2] == "This is an MR."
    noted = Worklist(desk.dataset).read()[place_of((desk.source / "no_ct.nrrd").resolve())]
    assert (noted.ending, noted.reason, noted.message) == (Ending.NOT_READ, "not_ct", "This is an MR.")
    desk.click("flowButton")
    assert "Nothing is left to do: 2 labeled, 1 not readable." in desk.said


def test_one_in_the_middle_is_passed_over_too(desk):
    (desk.source / "b.nrrd").rename(desk.source / "b2")
    (desk.source / "b2").rename(desk.source / "no_ct.nrrd")
    write_ct(desk.source / "z.nrrd", 77)
    desk.begin()
    desk.click("labelButton")  # a
    desk.click("labelButton")  # c
    assert desk.volumes == ["z"]
    assert desk.states() == ["labeled", "labeled", "not readable", "open"]
    assert "no_ct.nrrd can't be read" in desk.said
    desk.click("labelButton")
    assert "3 labeled, 1 not readable" in desk.said


def test_where_no_spine_is_found_a_user_decides(desk):
    (desk.source / "a.nrrd").rename(desk.source / "no_spine.nrrd")
    desk.begin()
    desk.click("labelButton")
    desk.click("labelButton")
    assert desk.volumes == ["no_spine"]
    assert not desk.ui.labelButton.enabled
    assert "There is no spine. Place L1 and L2 yourself" in desk.said
    desk.click("skipButton")
    assert desk.states() == ["labeled", "labeled", "not readable"]
    assert desk.table()[2][2] == "There is no spine."


def test_levels_in_doubt_are_told_and_confirmed_before_the_label(desk):
    desk.reading.engine.doubt = (Flag(Reason.LEVELS_UNCERTAIN, "They are right with 72 %."),)
    desk.begin()
    assert "in doubt. Confirm or correct them first" in desk.said
    assert not desk.ui.labelButton.enabled
    desk.reading.confirm_levels()
    desk.settle()
    assert "doubt" not in desk.said
    desk.click("labelButton")
    assert desk.states()[0] == "labeled"


def test_what_would_befall_every_ct_ends_it_and_notes_nothing(desk):
    (desk.source / "a.nrrd").rename(desk.source / "no_worker.nrrd")
    for name in ("b", "c"):
        (desk.source / f"{name}.nrrd").unlink()
    desk.begin()
    assert desk.section._flow is None
    assert "pydicom is missing." in desk.said
    assert Worklist(desk.dataset).read() == {}


def test_a_skipped_ct_is_opened_again_by_a_double_click(desk, monkeypatch):
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", never)
    desk.begin()
    desk.click("skipButton")
    assert desk.states() == ["skipped", "open", "to do"]
    desk.double_click(0)
    assert desk.volumes == ["a"]
    desk.click("labelButton")
    assert desk.states() == ["labeled", "open", "to do"]


@pytest.mark.parametrize("agreed", [True, False])
@pytest.mark.parametrize("act", ["skip", "stop", "open another"])
def test_corrections_that_are_not_saved_are_asked_about(desk, monkeypatch, agreed, act):
    questions = []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, *a, **k: questions.append(text) or agreed)
    desk.begin()
    desk.correct()
    if act == "open another":
        desk.double_click(2)
    else:
        desk.click({"skip": "skipButton", "stop": "flowButton"}[act])
    assert questions == ["What you corrected isn't saved. Leave this CT all the same?"]
    kept = [] if act == "stop" else ["b"] if act == "skip" else ["c"]
    assert desk.volumes == (kept if agreed else ["a"])
    if not agreed:
        assert desk.reading.state.levels["L1"].mask_source == "corrected"


@pytest.mark.parametrize("agreed", [True, False])
def test_a_label_comes_back_as_it_was_saved_and_is_replaced_only_on_request(desk, monkeypatch, agreed):
    desk.begin()
    desk.correct()
    corrected = mask_nodes.mask_fingerprints(desk.reading.nodes)
    points = level_nodes.points(desk.reading.nodes)
    desk.click("labelButton")
    before = (desk.dataset / "case-0001" / "labels.nrrd").read_bytes()
    desk.double_click(0)
    assert desk.volumes == ["a"]
    assert mask_nodes.mask_fingerprints(desk.reading.nodes) == corrected
    assert desk.reading.state.levels["L1"].mask_source == MaskSource.CORRECTED
    manifest = Manifest(desk.dataset).read()[0]
    for level, point in level_nodes.points(desk.reading.nodes).items():
        center = flip_lps_ras(np.array(manifest.levels[level].center_lps_mm))
        np.testing.assert_allclose(point, center, atol=0.01)
        assert np.linalg.norm(np.subtract(point, points[level])) < 4
    assert (desk.ui.nameEdit.text, desk.ui.patientEdit.text) == ("case-0001", "P001")
    desk.correct(Level.L2)
    questions = []
    monkeypatch.setattr(slicer.util, "confirmYesNoDisplay", lambda text, *a, **k: questions.append(text) or agreed)
    desk.click("labelButton")
    assert questions == ["The dataset has case-0001 (patient P001) already. Replace it?"]
    after = (desk.dataset / "case-0001" / "labels.nrrd").read_bytes()
    assert (after != before) == agreed
    assert desk.volumes == (["b"] if agreed else ["a"])
    assert [case.id for case in Manifest(desk.dataset).cases()] == ["case-0001"]


def test_a_ct_that_stands_in_the_dataset_under_another_path_is_told(desk):
    desk.begin()
    desk.click("labelButton")
    desk.click("flowButton")
    moved = desk.folder / "moved"
    desk.source.rename(moved)
    desk.source = moved
    desk.begin()
    desk.click("labelButton")
    assert "has this very CT already as case-0001 (patient P001)" in desk.ui.labeledLabel.text
    assert desk.volumes == ["a"]
    assert [case.id for case in Manifest(desk.dataset).cases()] == ["case-0001"]


def test_choosing_another_ct_or_closing_the_scene_ends_it_without_losing_a_note(desk):
    desk.begin()
    desk.click("labelButton")
    slicer.mrmlScene.Clear()
    desk.settle()
    assert desk.section._flow is None
    assert "so labeling has stopped" in desk.said
    desk.click("flowButton")
    assert desk.volumes == ["b"]
    other = slicer.util.addVolumeFromArray(np.zeros((4, 8, 8), np.int16), name="other")
    desk.reading.select(other)
    desk.settle()
    assert desk.section._flow is None
    assert sorted(desk.volumes) == ["b", "other"]


def test_who_skips_while_a_ct_is_loaded_leaves_no_file(desk, host):
    desk.choose()
    desk.ui.flowButton.click()
    assert desk.states() == ["loading …", "to do", "to do"]
    assert desk.ui.labelButton.toolTip == "The next CT is being loaded."
    desk.click("skipButton")
    assert desk.volumes == ["b"]
    assert desk.states() == ["skipped", "open", "to do"]
    assert not list(host.folder.rglob("OsteoJoint-*"))


def test_nothing_begins_before_everything_is_installed(desk):
    desk.choose()
    desk.section.show(replace(desk.reading.state, ready=False))
    assert not desk.ui.flowButton.enabled
    desk.ui.sourcePath.setCurrentPath(str(desk.source / "more"))
    assert not desk.ui.flowButton.enabled


def test_labels_do_not_go_where_the_cts_are(desk):
    desk.dataset = desk.source
    desk.begin()
    assert "can't go into the folder of the CTs itself" in desk.said
    desk.dataset = desk.folder / "labels"
    desk.source = desk.folder / "nothing"
    desk.begin()
    assert "There is no folder" in desk.said


def test_two_cts_of_one_person_get_one_code(desk, monkeypatch):
    people = {"a.nrrd": "17", "b.nrrd": "18", "c.nrrd": "17"}
    monkeypatch.setattr("OsteoJointLib.dataset.patient_codes.person_of", lambda path: people[path.name])
    desk.begin()
    desk.click("labelButton")
    desk.close()
    desk.open()
    desk.click("flowButton")
    desk.click("labelButton")
    desk.click("labelButton")
    assert [case.patient for case in Manifest(desk.dataset).cases()] == ["P001", "P002", "P001"]


@pytest.mark.timeout_s(400)
def test_fifty_cts_leave_nothing_behind(desk, capsys):
    for name in ("a", "b", "c"):
        (desk.source / f"{name}.nrrd").unlink()
    shape = (24, 200, 200)
    for index in range(50):
        write_ct(desk.source / f"ct{index:02d}.nrrd", index, shape)
    memory, nodes = [], []
    process = psutil.Process()
    desk.begin()
    for index in range(50):
        assert desk.volumes == [f"ct{index:02d}"]
        gc.collect()
        memory.append(process.memory_info().rss / 2**20)
        nodes.append(slicer.mrmlScene.GetNumberOfNodes())
        desk.click("labelButton" if index % 5 else "skipButton")
    assert desk.volumes == []
    told = [round(memory[index]) for index in (0, 9, 19, 29, 39, 49)]
    with capsys.disabled():
        print(f"\nMiB after 1, 10, 20, …, 50 CTs: {told}; nodes: {nodes[0]} … {nodes[-1]}")
    assert len(set(nodes)) == 1
    ct_mib = 2 * np.prod(shape) / 2**20
    assert memory[-1] - memory[9] < 5 * ct_mib


def test_a_fetched_ct_has_its_display_when_it_comes_into_the_scene(scene, tmp_path):
    slicer.util.saveNode(add_ct(), str(tmp_path / "ct.nrrd"))
    came = []
    tag = scene.AddObserver(
        scene.NodeAddedEvent,
        lambda *_: came.extend(n.GetDisplayNode() for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")[1:]),
    )
    node = fetching._load(tmp_path / "ct.nrrd", "CT")
    scene.RemoveObserver(tag)
    assert came == [node.GetDisplayNode()]  # else the views would look for a window in all its voxels
