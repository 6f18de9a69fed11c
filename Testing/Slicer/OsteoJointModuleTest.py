"""The module as Slicer loads it: its files are there, and its panel stands in an empty scene and without packages."""

import numpy as np
import slicer
import vtk
from OsteoJointTestSupport import SlicerTestCase, waitUntil


class OsteoJointModuleTest(SlicerTestCase):
    """What holds before anything is read."""

    def setUp(self):
        super().setUp()
        slicer.mrmlScene.Clear()
        self.widget = slicer.util.getModuleWidget("OsteoJoint")

    def tearDown(self):
        slicer.mrmlScene.Clear()

    def child(self, name):
        return slicer.util.findChild(self.widget.parent, name)

    def test_applyWaitsForAVolume(self):
        self.assertTrue(waitUntil(lambda: not self.child("applyButton").enabled, 3))
        self.assertTrue(self.child("applyButton").toolTip)
        node = slicer.util.addVolumeFromArray(np.zeros((4, 8, 8), np.int16))
        self.child("volumeSelector").setCurrentNode(node)
        self.assertTrue(waitUntil(lambda: self.child("applyButton").enabled, 3), self.child("applyButton").toolTip)

    def test_whatCantBeReadIsSaidBeforehand(self):
        node = slicer.util.addVolumeFromArray(np.zeros((4, 8, 8), np.int16))
        self.child("volumeSelector").setCurrentNode(node)
        bend = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLBSplineTransformNode")
        node.SetAndObserveTransformNodeID(bend.GetID())
        self.assertTrue(waitUntil(lambda: "transform" in self.child("problemLabel").text, 3))
        self.assertFalse(self.child("applyButton").enabled)

    def test_everySectionIsThere(self):
        for name in ("levels", "masks", "why", "export", "label", "batch", "setup"):
            self.assertIsNotNone(self.child(f"{name}Section"), name)
        self.assertIn("Research only", self.child("noticeLabel").text)

    def test_libraryAndResourcesAreInstalled(self):
        from OsteoJointLib.resources import resource_path

        for parts in (
            ("Weights", "manifest.json"),
            ("Weights", "compact.safetensors"),
            ("UI", "Result.ui"),
            ("Icons", "OsteoJoint.png"),
            ("Icons", "Phantom.png"),
            ("Terminology", "OsteoJoint.term.json"),
        ):
            self.assertTrue(resource_path(*parts).is_file(), parts)

    def test_theTerminologyIsKnown(self):
        found = vtk.vtkStringArray()
        slicer.modules.terminologies.logic().GetLoadedTerminologyNames(found)
        names = [found.GetValue(index) for index in range(found.GetNumberOfValues())]
        self.assertTrue(any("OsteoJoint" in name for name in names), names)
