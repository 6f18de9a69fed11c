"""A CT of the DICOM database is read, its results go beside its study, and the masks come back from there.

Run by `ctest` in a real Slicer and by `make test` in the test host, with the real worker.
"""

import importlib.util
import tempfile
from pathlib import Path

import numpy as np
import OsteoJointTestSupport as support
import slicer
from DICOMLib import DICOMUtils
from OsteoJointTestSupport import SlicerTestCase, waitUntil

from OsteoJointLib.phantom.writing import write_dicom_series
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role

MODALITY = "0008,0060"


class OsteoJointDicomTest(SlicerTestCase):
    """One phantom in a database of its own."""

    def setUp(self):
        super().setUp()
        if whyNot := support.whyNotRun():
            self.skipTest(whyNot)
        if importlib.util.find_spec("highdicom") is None:
            self.skipTest("Slicer's own Python, which reads the masks back, lacks highdicom.")
        slicer.mrmlScene.Clear()
        self.widget = slicer.util.getModuleWidget("OsteoJoint")
        self.reading = self.widget.logic.reading
        self.reading.follow = True
        folder = tempfile.TemporaryDirectory(prefix="OsteoJoint-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        temporary = DICOMUtils.TemporaryDICOMDatabase(str(self.folder / "database"))
        self.database = temporary.__enter__()
        self.addCleanup(lambda: temporary.__exit__(None, None, None))

    def tearDown(self):
        self.reading.cancel()
        slicer.mrmlScene.Clear()
        support.idle(0.05)

    def child(self, name):
        return slicer.util.findChild(self.widget.parent, name)

    def click(self, name):
        button = self.child(name)
        self.assertTrue(waitUntil(lambda: button.enabled, 5), f"{name}: {button.toolTip}")
        button.click()

    def finish(self):
        """Wait until all is read."""
        self.assertTrue(waitUntil(lambda: not self.reading.running and not self.reading.state.stale))
        self.assertFalse(self.reading.state.is_error, self.reading.state.message)

    def series(self):
        """The files of the database's only study, by modality."""
        (patient,) = self.database.patients()
        (study,) = self.database.studiesForPatient(patient)
        files = {}
        for uid in self.database.seriesForStudy(study):
            first = self.database.filesForSeries(uid)
            files[self.database.fileValue(first[0], MODALITY)] = (uid, first)
        return files

    def loadCt(self):
        (nodeId,) = DICOMUtils.loadSeriesByUID([self.series()["CT"][0]])
        node = slicer.mrmlScene.GetNodeByID(nodeId)
        self.child("volumeSelector").setCurrentNode(node)
        support.idle(0.05)
        return node

    def masks(self, node):
        segmentation = self.reading.nodes.get(Role.MASKS)
        return {level: support.segmentMask(segmentation, level, node) for level in ("L1", "L2")}

    def test_throughTheDatabaseAndBack(self):
        series = write_dicom_series(support.phantom(), self.folder / "phantom")
        self.assertTrue(DICOMUtils.importDicom(str(series), self.database))
        node = self.loadCt()
        self.reading.update()
        self.finish()
        edited = self.masks(node)["L2"]
        edited &= np.cumsum(edited, axis=2) > 6
        before = self.reading.state.document
        support.paint(self.reading.nodes.get(Role.MASKS), "L2", node, edited)
        self.assertTrue(waitUntil(lambda: self.reading.state.document != before))
        self.finish()

        self.child("exportSection").collapsed = False
        self.click("databaseButton")
        label = self.child("savedLabel")
        self.assertTrue(waitUntil(lambda: "beside the CT" in label.text), label.text + self.reading.state.message)
        saved = self.series()
        self.assertLessEqual({"CT", "SEG", "SR"}, set(saved))

        drawn = self.masks(node)
        slicer.mrmlScene.Clear()
        node = self.loadCt()
        self.reading.take_mask_file(Path(saved["SEG"][1][0]))
        self.finish()
        for level, mask in self.masks(node).items():
            slices = drawn[level].any(axis=(1, 2))
            np.testing.assert_array_equal(mask[slices], drawn[level][slices])
            self.assertEqual(self.reading.state.levels[level].mask_source, "corrected")
