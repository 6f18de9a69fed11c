"""The module inside a real Slicer: `ctest` in the extension's build tree, or paste into Slicer's Python console.

Nothing is imported from the other tests. What needs the packages of the analysis is skipped where they are missing.
"""

import time
import unittest
from pathlib import Path

import numpy as np
import slicer


def waitUntil(condition, seconds):
    """Let Slicer work until the condition holds; return whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        slicer.app.processEvents()
        if condition():
            return True
        time.sleep(0.01)
    return False


def addPhantom(seed=1):
    """Put a phantom CT into the scene; return its node."""
    from OsteoJointLib.phantom.cases import make_phantom

    volume = make_phantom(seed).volume
    node = slicer.util.addVolumeFromArray(volume.hu, name="Phantom")
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.grid.matrix
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    return node


class OsteoJointModuleTest(unittest.TestCase):
    """Panel, run, cancel."""

    def setUp(self):
        slicer.mrmlScene.Clear()
        self.widget = slicer.modules.osteojoint.createNewWidgetRepresentation()
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.logic = self.widget.self().logic
        self.button = slicer.util.findChild(self.widget, "applyButton")

    def tearDown(self):
        self.logic.runner.cancel()
        slicer.mrmlScene.Clear()

    def skipWithoutPackages(self):
        from OsteoJointLib.slicer_bridge.requirements import missing_packages

        if missing := missing_packages():
            self.skipTest(f"Slicer's Python lacks {', '.join(missing)}.")

    def test_applyWaitsForAVolume(self):
        self.assertFalse(self.button.property("enabled"))
        slicer.util.addVolumeFromArray(np.zeros((4, 8, 8), np.int16))
        self.assertTrue(waitUntil(lambda: self.button.property("enabled"), 5))

    def test_libraryAndResourcesAreInstalled(self):
        from OsteoJointLib.resources import resource_path

        for parts in (("Weights", "manifest.json"), ("UI", "OsteoJoint.ui"), ("Icons", "OsteoJoint.png")):
            self.assertTrue(resource_path(*parts).is_file(), parts)

    def test_aPhantomIsAnalyzedInTheBackground(self):
        self.skipWithoutPackages()
        cases, failures = [], []
        self.logic.runner.start(addPhantom(), cases.append, failures.append)
        self.assertTrue(waitUntil(lambda: cases or failures, 300))
        self.assertEqual(failures, [])
        segmentation = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0].GetSegmentation()
        names = {segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())}
        self.assertEqual(names, {"L1", "L2"})
        self.assertTrue(cases[0].report.is_file())

    def test_cancelLeavesNothing(self):
        self.skipWithoutPackages()
        before = set(Path(slicer.app.temporaryPath).glob("OsteoJoint-*"))
        done = []
        self.logic.runner.start(addPhantom(), done.append, done.append)
        waitUntil(lambda: False, 1)
        self.logic.runner.cancel()
        self.assertFalse(self.logic.runner.running)
        waitUntil(lambda: False, 1)
        self.assertEqual(done, [])
        self.assertEqual(set(Path(slicer.app.temporaryPath).glob("OsteoJoint-*")), before)
