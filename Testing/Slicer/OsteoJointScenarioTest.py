"""The module as a user works with it: from a CT to levels, masks, class, corrections and files.

Run by `ctest` in a real Slicer and by `make test` in the test host. Skipped where packages are missing and no other
Python (``OSTEOJOINT_PYTHON`` or the module's setting) is named for the worker.
"""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import OsteoJointTestSupport as support
import slicer
from OsteoJointTestSupport import SlicerTestCase, waitUntil

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role


class OsteoJointScenarioTest(SlicerTestCase):
    """Each test begins with an empty scene and ends with no run under way."""

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
        self.folder = Path(folder.name)

    def tearDown(self):
        self.reading.cancel()
        slicer.mrmlScene.Clear()
        support.idle(0.05)

    # how the tests act

    def choose(self, name="Phantom"):
        """Load the phantom and choose it in the panel."""
        node = support.addPhantom(name)
        slicer.util.findChild(self.widget.parent, "volumeSelector").setCurrentNode(node)
        support.idle(0.05)
        return node

    def click(self, name):
        """Click a button of the panel, which may need a moment to see what was changed."""
        button = slicer.util.findChild(self.widget.parent, name)
        self.assertTrue(waitUntil(lambda: button.enabled, 3), f"{name} should be enabled: {button.toolTip}")
        button.click()

    def finish(self):
        """Wait for the run under way and whatever follows it; fail with its message."""
        self.assertTrue(waitUntil(lambda: not self.reading.running))
        self.assertFalse(self.reading.state.is_error, self.message())

    def message(self):
        return self.reading.state.message

    def read(self):
        """Choose the phantom, press Read and wait for the class."""
        node = self.choose()
        self.click("applyButton")
        self.finish()
        return node

    def upToDate(self):
        return not self.reading.running and not self.reading.state.stale

    def follow(self):
        """Wait until a change was seen and read again."""
        before = self.reading.state.document
        self.assertTrue(waitUntil(lambda: self.reading.state.document != before), self.message())
        self.assertTrue(waitUntil(self.upToDate), self.message())

    def segmentation(self):
        return self.reading.nodes.get(Role.MASKS)

    def pointNode(self, level):
        from OsteoJointLib.slicer_bridge.scene.level_nodes import point_nodes

        return point_nodes(self.reading.nodes)[("L1", "L2").index(level)]

    def point(self, level):
        return np.array(self.reading.state.levels[level].center_ras)

    def drag(self, level, right, anterior, superior):
        """Move a point by so many mm, and return where it is then."""
        target = self.point(level) + np.array([right, anterior, superior])
        self.pointNode(level).SetNthControlPointPositionWorld(0, *target)
        return target

    def middle(self, level):
        """The slice of a level's point, as an index of the phantom's voxels."""
        return round((np.linalg.inv(support.ijkToRas()) @ [*self.point(level), 1.0])[2])

    def dice(self, level, node):
        """Dice with the truth on the slices that the segment covers."""
        mask, truth = support.segmentMask(self.segmentation(), level, node), support.trueMask(level)
        slices = mask.any(axis=(1, 2))
        self.assertTrue(slices.any(), f"{level} is empty")
        mask, truth = mask[slices], truth[slices]
        return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())

    # what they hold

    def test_findLevels(self):
        self.choose()
        self.click("findButton")
        self.finish()
        for level in ("L1", "L2"):
            self.assertLess(np.linalg.norm(self.point(level) - support.truePoint(level)), 10)
            self.assertEqual(self.reading.state.levels[level].source, "auto")
        self.assertIsNone(self.reading.state.document)
        self.assertEqual(len(slicer.util.getNodesByClass("vtkMRMLMarkupsROINode")), 2)

    def test_apply(self):
        node = self.read()
        document = self.reading.state.document
        self.assertEqual(document["classification"]["status"], support.phantom().truth.status.value)
        segmentation = self.segmentation().GetSegmentation()
        names = [segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())]
        self.assertEqual(names, ["L1", "L2"])
        for level in ("L1", "L2"):
            self.assertGreater(self.dice(level, node), 0.95)
            self.assertEqual(self.reading.state.levels[level].mask_source, "network")
        self.assertEqual(self.reading.state.stale, ())
        self.assertEqual(len(slicer.util.getNodesByClass("vtkMRMLTableNode")), 1)

    def test_dragAPoint(self):
        node = self.read()
        before, middle = self.reading.state.document["segmentation"]["L1"], self.middle("L2")
        other = support.segmentMask(self.segmentation(), "L2", node)[middle]
        target = self.drag("L1", 2.0, 1.0, 6.0)
        self.follow()
        self.assertEqual(self.reading.state.levels["L1"].source, "user")
        np.testing.assert_allclose(self.reading.state.document["levels"]["L1"]["center_ras_mm"], target, atol=0.01)
        self.assertNotEqual(self.reading.state.document["segmentation"]["L1"], before)
        self.assertGreater(self.dice("L1", node), 0.95)
        # where L2 ends is told from both points, its middle slice from its own
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node)[middle], other)

    def test_editAMask(self):
        node = self.read()
        mask = support.segmentMask(self.segmentation(), "L2", node)
        area = self.reading.state.levels["L2"].area_mm2
        edited = mask & (np.cumsum(mask, axis=2) > 6)
        support.paint(self.segmentation(), "L2", node, edited)
        self.follow()
        self.assertEqual(self.reading.state.levels["L2"].mask_source, "corrected")
        self.assertEqual(self.reading.state.levels["L1"].mask_source, "network")
        middle = self.middle("L2")
        ratio = edited[middle].sum() / mask[middle].sum()
        self.assertAlmostEqual(self.reading.state.levels["L2"].area_mm2 / area, ratio, places=2)
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node), edited)
        self.reading.edits.reset_mask(Level.L2)
        self.follow()
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node), mask)
        self.assertEqual(self.reading.state.levels["L2"].mask_source, "network")
        self.assertFalse(self.reading.state.document["segmentation"]["L2"]["edited"])

    def test_correctOffTheMiddleSlice(self):
        node = self.read()
        first = self.reading.state.document
        mask = support.segmentMask(self.segmentation(), "L2", node)
        drawn = np.flatnonzero(mask.any(axis=(1, 2)))
        self.assertGreater(len(drawn), 3)
        self.assertIn(self.middle("L2"), drawn)
        edited = mask.copy()
        edited[self.middle("L2") + 1] &= np.cumsum(mask[self.middle("L2") + 1], axis=1) > 12
        support.paint(self.segmentation(), "L2", node, edited)
        self.follow()
        after, state = self.reading.state.document, self.reading.state.levels["L2"]
        self.assertEqual((state.mask_source, state.change.slices), ("corrected", 1))
        self.assertEqual(state.change.voxels, (mask & ~edited).sum())
        self.assertNotEqual(after["measurements"]["L2"]["hu_mean"], first["measurements"]["L2"]["hu_mean"])
        self.assertEqual(after["measurements"]["L1"], first["measurements"]["L1"])
        for name, probability in first["classification"]["probabilities"].items():
            self.assertAlmostEqual(after["classification"]["probabilities"][name], probability, places=4)
        support.paint(self.segmentation(), "L2", node, mask)  # what an undo brings
        self.follow()
        again = self.reading.state
        self.assertEqual((again.levels["L2"].mask_source, again.levels["L2"].change), ("network", None))
        self.assertEqual(again.document["segmentation"], first["segmentation"])
        self.assertEqual(again.document["measurements"], first["measurements"])

    def test_theRowFollowsTheSegment(self):
        self.read()
        find = lambda name: slicer.util.findChild(self.widget.parent, name)  # noqa: E731
        find("editButton").collapsed = False
        self.addCleanup(lambda: setattr(find("editButton"), "collapsed", True))
        editor = slicer.mrmlScene.GetSingletonNode("OsteoJoint", "vtkMRMLSegmentEditorNode")
        self.assertEqual(editor.GetOverwriteMode(), editor.OverwriteNone)
        for row, level in ((1, "L2"), (0, "L1")):
            editor.SetSelectedSegmentID(level)
            support.idle(0.05)
            self.assertEqual(find("masksTable").currentRow(), row)

    def test_refineTheWholeBody(self):
        node = self.read()
        mask = support.segmentMask(self.segmentation(), "L1", node)
        rough = mask & np.roll(mask, 2, axis=2) & np.roll(mask, -2, axis=2)
        support.paint(self.segmentation(), "L1", node, rough)
        self.follow()
        before = self.dice("L1", node)
        self.reading.refine([Level.L1], {"max_shift_mm": 3.0}, whole=True)
        self.finish()
        self.assertGreater(self.dice("L1", node), before)
        changed = support.segmentMask(self.segmentation(), "L1", node) != rough
        self.assertGreater(np.count_nonzero(changed.any(axis=(1, 2))), 3)
        self.assertEqual(self.reading.state.levels["L1"].mask_source, "refined")

    def test_aCorrectionStaysWhereItsBodyDoes(self):
        node = self.read()
        mask = support.segmentMask(self.segmentation(), "L2", node)
        edited = mask & (np.cumsum(mask, axis=2) > 6)
        support.paint(self.segmentation(), "L2", node, edited)
        self.follow()
        self.drag("L2", 2.0, 2.0, 5.0)
        self.follow()
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node), edited)
        self.assertEqual(self.reading.state.levels["L2"].mask_source, "corrected")
        self.assertTrue(self.reading.state.document["segmentation"]["L2"]["edited"])
        self.drag("L2", 0.0, 0.0, -36.0)
        self.follow()
        self.assertEqual(self.reading.state.levels["L2"].mask_source, "network")
        self.assertIn("L2", self.message())
        self.reading.edits.undo_refinement()
        support.idle(0.3)
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node), edited)

    def test_anEditWithoutFollowingIsStale(self):
        node = self.read()
        self.reading.follow = False
        mask = support.segmentMask(self.segmentation(), "L1", node)
        support.paint(self.segmentation(), "L1", node, mask & (np.cumsum(mask, axis=1) > 4))
        self.assertTrue(waitUntil(lambda: self.reading.state.stale))
        document = self.reading.state.document
        support.idle(0.6)
        self.assertEqual(self.reading.state.document, document)
        self.click("applyButton")
        self.finish()
        self.assertEqual(self.reading.state.stale, ())
        self.assertNotEqual(self.reading.state.document, document)

    def test_refineCompareUndo(self):
        node = self.read()
        rough = np.roll(support.segmentMask(self.segmentation(), "L1", node), 3, axis=2)
        support.paint(self.segmentation(), "L1", node, rough)
        self.follow()
        self.reading.refine([Level.L1], {"max_shift_mm": 3.0})
        self.finish()
        refined = support.segmentMask(self.segmentation(), "L1", node)
        self.assertFalse(np.array_equal(refined, rough))
        self.assertEqual(self.reading.state.levels["L1"].mask_source, "refined")
        self.assertTrue(self.reading.state.document["segmentation"]["L1"]["refined"])
        self.reading.edits.compare(Role.BEFORE)
        self.assertEqual(self.segmentation().GetDisplayVisibility(), 0)
        self.reading.edits.compare(None)
        self.assertEqual(self.segmentation().GetDisplayVisibility(), 1)
        self.reading.edits.undo_refinement()
        self.follow()
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L1", node), rough)

    def test_shiftLevels(self):
        self.read()
        l2 = self.point("L2")
        self.click("shiftDownButton")
        self.follow()
        np.testing.assert_allclose(self.point("L1"), l2, atol=3)
        self.assertLess(self.point("L2")[2], self.point("L1")[2] - 15)
        self.click("shiftUpButton")
        self.follow()
        np.testing.assert_allclose(self.point("L2"), l2, atol=3)

    def test_doubtfulLevelsAreNamedAndConfirmed(self):
        node = support.addPhantom("No ribs", topMm=support.truePoint("L1")[2] + 22)
        slicer.util.findChild(self.widget.parent, "volumeSelector").setCurrentNode(node)
        support.idle(0.05)
        self.click("applyButton")
        self.finish()
        self.assertIsNone(self.reading.state.document["classification"]["status"])
        self.assertIn("rib", self.reading.state.levels_doubt)
        names = self.reading.nodes.get(Role.NAMES)
        labels = [names.GetNthControlPointLabel(n) for n in range(names.GetNumberOfControlPoints())]
        self.assertEqual(labels[-3:], ["L1 ?", "L2 ?", "L3 ?"])
        self.click("confirmButton")
        self.finish()
        self.assertIsNotNone(self.reading.state.document["classification"]["status"])
        self.assertEqual(self.reading.state.levels_doubt, "")
        self.assertIsNone(self.reading.nodes.get(Role.NAMES))

    def test_pointsByHand(self):
        self.choose()
        for level in Level:
            self.reading.edits.place(level)
            self.pointNode(level).AddControlPointWorld(*support.truePoint(level))
        slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton").SetCurrentInteractionMode(2)
        self.click("applyButton")
        self.finish()
        self.assertEqual(self.reading.state.document["levels"]["L1"]["source"], "user")

    def test_twoPointsOnOneBodyAreRefusedUntilOneIsMovedBack(self):
        self.read()
        document, rise = self.reading.state.document, self.point("L1")[2] - self.point("L2")[2]
        self.drag("L1", 0.0, 0.0, 0.7 - rise)
        self.assertTrue(waitUntil(lambda: self.reading.state.is_error), self.message())
        self.assertEqual(self.reading.state.reason, "points_on_one_body")
        self.assertEqual(self.reading.state.document, document)
        self.drag("L1", 0.0, 0.0, rise - 0.7)
        self.assertTrue(waitUntil(lambda: self.upToDate() and not self.reading.state.is_error), self.message())

    def test_aTransformedVolume(self):
        node = self.choose()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        angle = np.deg2rad(12)
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turn[:3, 3] = [40.0, -25.0, 310.0]
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(turn))
        node.SetAndObserveTransformNodeID(transform.GetID())
        support.idle(0.4)
        self.click("applyButton")
        self.finish()
        for level in ("L1", "L2"):
            expected = (turn @ np.append(support.truePoint(level), 1))[:3]
            self.assertLess(np.linalg.norm(self.point(level) - expected), 10)
            self.assertGreater(self.dice(level, node), 0.95)

    def test_saveAndReopen(self):
        node = self.read()
        mask = support.segmentMask(self.segmentation(), "L2", node)
        edited = mask & (np.cumsum(mask, axis=2) > 6)
        support.paint(self.segmentation(), "L2", node, edited)
        self.follow()
        state = self.reading.state
        path = self.folder / "reading.mrb"
        self.assertTrue(slicer.util.saveScene(str(path)))
        slicer.mrmlScene.Clear()
        self.assertTrue(waitUntil(lambda: self.reading.state.volume_name is None, 5))
        slicer.util.loadScene(str(path))
        self.assertTrue(waitUntil(lambda: self.reading.state.volume_name is not None, 10))
        support.idle(0.5)
        again = self.reading.state
        self.assertEqual(again.document, state.document)
        self.assertEqual(again.stale, ())
        self.assertEqual(again.levels["L2"].mask_source, "corrected")
        node = slicer.mrmlScene.GetFirstNodeByName("Phantom")
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node), edited)
        other = support.segmentMask(self.segmentation(), "L1", node)
        support.paint(self.segmentation(), "L1", node, np.roll(other, 1, axis=2))
        self.follow()
        self.assertEqual(self.reading.state.document["levels"], state.document["levels"])
        np.testing.assert_array_equal(support.segmentMask(self.segmentation(), "L2", node), edited)
        self.assertAlmostEqual(self.reading.state.levels["L2"].area_mm2, again.levels["L2"].area_mm2, places=1)

    def test_aRefinedMaskIsStillOneAfterTheWorkerDied(self):
        self.read()
        self.reading.refine([Level.L1], {"max_shift_mm": 3.0})
        self.finish()
        before = self.reading.state.document["segmentation"]["L1"]
        self.assertEqual((before["refined"], before["edited"]), (True, False))
        self.reading.client.kill()
        self.drag("L2", 0.0, 0.0, 5.0)
        self.follow()
        again = self.reading.state.document["segmentation"]["L1"]
        for name in ("area_mm2", "refined", "edited", "source"):  # the body ends where L2, which was moved, lets it
            self.assertEqual(again[name], before[name])
        self.assertEqual(self.reading.state.levels["L1"].mask_source, "refined")

    def test_export(self):
        self.read()
        files, labels = [], []
        self.reading.deliver(self.folder / "case", "case-0001", lambda done: files.extend(done.files))
        self.assertTrue(waitUntil(lambda: files or self.message()), self.message())
        names = {Path(file).name for file in files}
        self.assertLessEqual({"result.json", "report.html", "segmentation.seg.nrrd", "result.csv"}, names)
        if slicer.app.layoutManager() is not None:
            report = (self.folder / "case" / "report.html").read_text(encoding="utf-8")
            self.assertIn("Axial slice", report)
        self.assertTrue(waitUntil(self.upToDate))
        fields = {
            "folder": str(self.folder / "labels"),
            "name": "case-0001",
            "patient": "p1",
            "status": None,
            "bmd": {"L1": 101.0, "L2": 97.0},
            "bmd_method": "QCT",
        }
        self.reading.label(fields, labels.append)
        self.assertTrue(waitUntil(lambda: labels or self.message()), self.message())
        line = (self.folder / "labels" / "cases.jsonl").read_text(encoding="utf-8").splitlines()[0]
        entry = json.loads(line)
        self.assertEqual(entry["status"], "osteopenia")
        self.assertTrue((self.folder / "labels" / entry["image"]["path"]).is_file())
        self.assertTrue((self.folder / "labels" / entry["mask"]["path"]).is_file())

    def test_anEditWhileFilesAreWrittenIsFollowedAfterwards(self):
        node = self.read()
        before, files = self.reading.state.document, []
        self.reading.deliver(self.folder / "case", "case-0001", lambda done: files.extend(done.files))
        self.assertTrue(waitUntil(lambda: self.reading.state.stage == "output"))
        mask = support.segmentMask(self.segmentation(), "L1", node)
        support.paint(self.segmentation(), "L1", node, mask & (np.cumsum(mask, axis=2) > 6))
        self.assertTrue(waitUntil(lambda: files), self.message())
        self.assertTrue(waitUntil(lambda: self.upToDate() and self.reading.state.document != before), self.message())
        self.assertEqual(
            json.loads((self.folder / "case" / "result.json").read_text("utf-8"))["levels"], before["levels"]
        )

    # what goes wrong

    def test_cancelMidRun(self):
        self.read()
        self.reading.client.kill()
        self.choose("Another")
        self.click("applyButton")
        self.assertTrue(waitUntil(lambda: self.reading.client.running and self.reading.state.fraction > 0.1))
        pid = self.reading.client.pid
        self.click("applyButton")
        self.assertFalse(self.reading.running)
        self.assertTrue(waitUntil(lambda: not support.alive(pid), 5))
        self.assertEqual(self.reading.state.reason, "cancelled")
        self.assertIsNone(self.reading.state.document)
        self.click("applyButton")
        self.finish()
        self.assertIsNotNone(self.reading.state.document)

    def test_theWorkerIsKilled(self):
        self.choose()
        self.click("applyButton")
        self.assertTrue(waitUntil(lambda: self.reading.client.pid and self.reading.state.stage == "levels"))
        support.killHard(self.reading.client.pid)
        self.assertTrue(waitUntil(lambda: not self.reading.running, 10))
        self.assertTrue(self.reading.state.is_error)
        if os.name != "nt":  # Windows doesn't tell a killed process from one that ended
            self.assertEqual(self.reading.state.reason, "worker_killed")
        self.click("applyButton")
        self.finish()
        self.assertIsNotNone(self.reading.state.document)

    def test_theSceneIsClosedMidRun(self):
        self.choose()
        self.click("applyButton")
        self.assertTrue(waitUntil(lambda: self.reading.state.stage not in ("", "start")))
        slicer.mrmlScene.Clear()
        self.assertFalse(self.reading.running)
        support.idle(0.5)
        self.assertEqual(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"), [])
        self.read()
        self.assertIsNotNone(self.reading.state.document)

    def test_nodesAreDeletedMidRun(self):
        node = self.read()
        self.drag("L1", 0.0, 0.0, 4.0)
        self.assertTrue(waitUntil(lambda: self.reading.running))
        slicer.mrmlScene.RemoveNode(self.segmentation())
        self.assertTrue(waitUntil(self.upToDate), self.message())
        self.assertGreater(self.dice("L2", node), 0.95)
        self.drag("L1", 0.0, 0.0, -4.0)
        self.assertTrue(waitUntil(lambda: self.reading.running))
        other = support.addPhantom("Another")
        slicer.mrmlScene.RemoveNode(node)
        self.assertTrue(waitUntil(lambda: not self.reading.running, 5))
        support.idle(0.3)
        self.assertEqual(self.reading.state.volume_name, "Another")  # the selector has chosen it
        self.assertIn("“Phantom” was removed", self.message())
        for kind in ("vtkMRMLSegmentationNode", "vtkMRMLMarkupsNode", "vtkMRMLTableNode"):
            self.assertEqual(slicer.util.getNodesByClass(kind), [], kind)
        slicer.mrmlScene.RemoveNode(other)
        self.assertIsNone(self.reading.state.volume_name)

    def test_whatIsNoCtIsRefusedInASentence(self):
        noise = np.random.default_rng(0).integers(0, 200, (20, 64, 64)).astype(np.int16)
        node = slicer.util.addVolumeFromArray(noise, name="Noise")
        slicer.util.findChild(self.widget.parent, "volumeSelector").setCurrentNode(node)
        support.idle(0.05)
        self.click("applyButton")
        self.assertTrue(waitUntil(lambda: not self.reading.running))
        self.assertTrue(self.reading.state.is_error)
        self.assertTrue(self.reading.state.reason)
        self.assertIsNone(self.reading.state.document)

    def test_theViewsGoToTheLevels(self):
        if slicer.app.layoutManager() is None:
            self.skipTest("Slicer runs without a window.")
        self.read()
        scene, former = slicer.mrmlScene, slicer.app.layoutManager().layout
        self.assertAlmostEqual(scene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceOffset(), self.point("L1")[2], delta=3)
        self.click("sideBySideButton")
        support.idle(0.1)
        for level in ("L1", "L2"):
            view = scene.GetNodeByID(f"vtkMRMLSliceNode{level}")
            self.assertTrue(view.IsMappedInLayout())
            self.assertAlmostEqual(view.GetSliceOffset(), self.point(level)[2], delta=3)
            self.assertAlmostEqual(min(view.GetFieldOfView()[:2]), 100, delta=1)
        self.click("sideBySideButton")
        self.assertEqual(slicer.app.layoutManager().layout, former)
