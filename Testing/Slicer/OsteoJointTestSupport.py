"""What the module's tests share: waiting, a phantom in the scene, its truth. For Slicer and for the test host."""

import os
import signal
import sys
import time
import traceback
import unittest
from functools import lru_cache
from pathlib import Path

import numpy as np
import slicer

PATIENCE_S = 240


class SlicerTestCase(unittest.TestCase):
    """Fails on what Slicer only prints: exceptions in slots and observers, the subject hierarchy's complaints."""

    def setUp(self):
        self._unseen, self._hook = [], sys.excepthook
        self._logged = len(_log())
        sys.excepthook = self._caught
        self.addCleanup(self._look)

    def _caught(self, kind, error, trace):
        self._unseen.append("".join(traceback.format_exception(kind, error, trace)))
        self._hook(kind, error, trace)

    def _look(self):
        slicer.app.processEvents()
        sys.excepthook = self._hook
        complaints = [line for line in _log()[self._logged :].splitlines() if "subject hierarchy item" in line]
        self.assertEqual(self._unseen + complaints, [], "Something failed out of sight.")


def _log():
    """Slicer's log of this session so far; empty where it has none."""
    model = getattr(slicer.app, "errorLogModel", None)
    path = Path(model().filePath) if model is not None else None
    return path.read_text(encoding="utf-8", errors="replace") if path is not None and path.is_file() else ""


def whyNotRun():
    """Why nothing can be read here; empty where it can, or where a Python is named for the worker: it must work."""
    from OsteoJointLib.packages import Need, lacking
    from OsteoJointLib.slicer_bridge.setup.python_setting import chosen_python

    lacks = [] if chosen_python() else [lack.words for lack in lacking() if lack.package.need is Need.READING]
    return f"Slicer's Python lacks {', '.join(lacks)}." if lacks else ""


def waitUntil(condition, seconds=PATIENCE_S):
    """Let Slicer work until the condition holds; return whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        slicer.app.processEvents()
        if condition():
            return True
        time.sleep(0.002)
    return False


def idle(seconds):
    """Let Slicer work for a while."""
    waitUntil(lambda: False, seconds)


@lru_cache(maxsize=1)
def phantom():
    """The phantom of all tests: made once a process."""
    from OsteoJointLib.cli.demo import DEMO_SEED
    from OsteoJointLib.phantom.cases import make_phantom

    return make_phantom(DEMO_SEED)


def ijkToRas():
    """The phantom's 4x4 matrix from IJK to RAS."""
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ phantom().volume.grid.matrix


def addPhantom(name="Phantom", topMm=None):
    """Put the phantom into the scene, or what of it lies below ``topMm`` (S of the world); return its node."""
    hu = phantom().volume.hu
    if topMm is not None:
        bottom, spacing = ijkToRas()[2, 3], ijkToRas()[2, 2]
        hu = hu[: int((topMm - bottom) / spacing)]
    node = slicer.util.addVolumeFromArray(hu, name=name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijkToRas()))
    return node


def truePoint(level):
    """The true center of a level, RAS mm."""
    x, y, z = phantom().truth.centers_lps_mm[{"L1": 20, "L2": 21}[level]]
    return np.array([-x, -y, z])


def trueMask(level):
    """(k, j, i) bool, the true body of a level."""
    return phantom().labels == {"L1": 20, "L2": 21}[level]


def segmentMask(segmentationNode, level, volumeNode):
    """(k, j, i) bool, a segment in the geometry of a volume."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, level, volumeNode).astype(bool)


def paint(segmentationNode, level, volumeNode, mask):
    """Put a mask into a segment as the Segment Editor does: by the segmentations logic, in the volume's geometry."""
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), segmentationNode, level, volumeNode)


def alive(pid):
    """Whether a process is there and not a zombie."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def killHard(pid):
    """Kill a process as an operating system short of memory does."""
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
