"""Labeling a folder as a researcher does it: load, read, correct, save, next; stop and go on; what can't be read.

Run by `ctest` in a real Slicer and by `make test` in the test host, with the real worker.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import OsteoJointTestSupport as support
import SimpleITK as sitk
import slicer
from OsteoJointTestSupport import SlicerTestCase, waitUntil

from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.dataset.worklist import Ending, Worklist
from OsteoJointLib.phantom.writing import write_dicom_series, write_nrrd
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role


class OsteoJointLabelTest(SlicerTestCase):
    """One folder with a DICOM series, a broken file and a NRRD."""

    def setUp(self):
        super().setUp()
        if whyNot := support.whyNotRun():
            self.skipTest(whyNot)
        slicer.mrmlScene.Clear()
        self.widget = slicer.util.getModuleWidget("OsteoJoint")
        self.reading = self.widget.logic.reading
        self.reading.follow = True
        folder = tempfile.TemporaryDirectory(prefix="OsteoJoint-test-")
        self.addCleanup(folder.cleanup)
        self.source, self.dataset = Path(folder.name) / "cts", Path(folder.name) / "labels"
        self.clicks = 0

    def tearDown(self):
        if self.child("flowButton").text == "Stop":
            self.child("flowButton").click()
        self.reading.cancel()
        slicer.mrmlScene.Clear()
        support.idle(0.05)

    def child(self, name):
        return slicer.util.findChild(self.widget.parent, name)

    def click(self, name):
        """Click a button, and wait until a CT is open and read, or all is done."""
        button = self.child(name)
        self.assertTrue(waitUntil(lambda: button.enabled, 5), f"{name}: {button.toolTip}")
        button.click()
        self.clicks += 1
        self.assertTrue(waitUntil(lambda: self.child("labelButton").enabled or not self.labeling()), self.said())
        support.idle(0.1)

    def labeling(self):
        return self.child("flowButton").text == "Stop"

    def said(self):
        return self.child("flowLabel").text + self.child("labeledLabel").text + self.reading.state.message

    def volumes(self):
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        return [node.GetName() for node in nodes if not node.GetAttribute("OsteoJoint.Role")]

    def makeFolder(self):
        phantom = support.phantom()
        write_dicom_series(phantom, self.source / "a")
        (self.source / "broken.nrrd").write_bytes(b"NRRD0004\ntype: short\n")
        hu = phantom.volume.hu.copy()
        hu[0, 0, 0] += 1  # another CT by its voxels
        write_nrrd(replace(phantom, volume=replace(phantom.volume, hu=hu)), self.source / "c", compress=False)

    def correct(self, level):
        """Take the left columns off a body, on all its slices; return what is left."""
        nodes = self.reading.nodes
        mask = support.segmentMask(nodes.get(Role.MASKS), level, nodes.volume)
        edited = mask & (np.cumsum(mask, axis=2) > 6)
        before = self.reading.state.document
        support.paint(nodes.get(Role.MASKS), level, nodes.volume, edited)
        self.assertTrue(waitUntil(lambda: self.reading.state.document != before), self.said())
        self.assertTrue(waitUntil(lambda: not self.reading.running and not self.reading.state.stale), self.said())
        return edited

    def test_aFolderIsLabeled(self):
        self.makeFolder()
        self.child("datasetPath").setCurrentPath(str(self.dataset))
        self.child("sourcePath").setCurrentPath(str(self.source))
        self.click("flowButton")
        self.assertEqual(self.volumes(), ["a_dicom"])
        edited = self.correct("L2")
        self.clicks = 0
        self.click("labelButton")
        self.assertEqual(self.clicks, 1)
        self.assertEqual(self.volumes(), ["c_ct"], self.said())
        self.assertIn("broken.nrrd", self.child("flowLabel").text)

        labels = sitk.GetArrayFromImage(sitk.ReadImage(str(self.dataset / "case-0001" / "labels.nrrd")))
        truth = support.phantom().labels
        drawn = edited.any(axis=(1, 2))
        self.assertTrue(np.array_equal((labels == 21)[drawn], edited[drawn]))
        for label in (20, 21):
            self.assertGreater(np.count_nonzero((labels == label).any(axis=(1, 2))), 5)
        mask, true = labels == 20, truth == 20
        self.assertGreater(2 * (mask & true).sum() / (mask.sum() + true.sum()), 0.9)

        self.click("flowButton")
        self.assertEqual(self.volumes(), [])
        self.click("flowButton")
        self.assertEqual(self.volumes(), ["c_ct"])
        self.click("labelButton")
        self.assertFalse(self.labeling())
        cases = Manifest(self.dataset).read()
        self.assertEqual((cases[0].patient, cases[0].mask.slices), ("P001", "all"))
        self.assertEqual([case.id for case in cases], ["case-0001", "case-0002"])
        for level in Level:
            x, y, z = cases[0].levels[level].center_lps_mm
            self.assertLess(np.linalg.norm(np.array([-x, -y, z]) - support.truePoint(level)), 10)
        endings = sorted(one.ending for one in Worklist(self.dataset).read().values())
        self.assertEqual(endings, [Ending.LABELED, Ending.LABELED, Ending.NOT_READ])
        self.assertTrue((self.dataset / "case-0002" / "preview.png").is_file())
