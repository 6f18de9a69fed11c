"""The engine with the real worker and the shipped weights, on a phantom: places in the scene are places in the CT."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest
import qt
import slicer
from fake_client import Heard, gone

from OsteoJointLib.cli.demo import DEMO_SEED
from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.process.worker_client import WorkerClient
from OsteoJointLib.slicer_bridge.process.worker_command import python_command
from OsteoJointLib.slicer_bridge.reading.engine import Engine, Refinement, Until, Wanted


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(DEMO_SEED)


def add_ct(phantom):
    """The phantom's CT with its slices from head to foot, below a transform: as a scene may have it."""
    grid = phantom.volume.grid
    from_head = np.eye(4)
    from_head[2, 2:] = (-1, grid.shape_zyx[0] - 1)
    place = np.diag([-1, -1, 1, 1]) @ grid.matrix @ from_head
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(phantom.volume.hu[::-1]))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = np.eye(4)
    shift[:3, 3] = (30, -20, 100)
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(shift))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(np.linalg.inv(shift) @ place))
    node.SetAndObserveTransformNodeID(transform.GetID())
    return node


class Ticks:
    """The longest time that the event loop was held up, by a timer of 5 ms."""

    def __init__(self):
        self.longest_ms, self._last = 0.0, time.perf_counter()
        self._timer = qt.QTimer()
        self._timer.setInterval(5)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_ms, self._last = max(self.longest_ms, 1000 * (now - self._last)), now

    def take(self) -> float:
        """Give the longest and begin anew."""
        longest_ms, self.longest_ms = self.longest_ms, 0.0
        return longest_ms


@pytest.mark.timeout_s(300)
def test_a_phantom_from_the_scene_and_back(host, scene, phantom):
    client = WorkerClient(lambda: python_command(sys.executable, ["-m", "OsteoJointLib", "worker"]))
    engine, node = Engine(client), add_ct(phantom)
    ticks, found = Ticks(), {}

    def run(**changes) -> Heard:
        heard, begin = Heard(host), time.perf_counter()
        wanted = Wanted(node.GetID(), **{"device": "cpu", "found": found, **changes})
        engine.start(wanted, heard.levels, heard.result, heard.done, heard.error, heard.progress)
        heard.wait("done", "error", seconds=200)
        assert heard.names()[-1] == "done", heard.calls[-1][1].message
        stages = dict.fromkeys(call[1] for call in heard.calls if call[0] == "progress")
        longest_ms = ticks.take()
        print(f"{time.perf_counter() - begin:.2f} s, longest block {longest_ms:.1f} ms: {', '.join(stages)}")
        return heard

    try:
        heard = run(until=Until.LEVELS)
        levels = heard.last("levels").levels
        points = {level: point.center_ras_mm for level, point in levels.items()}
        found.update(points)
        for level, point in points.items():
            truth_ras_mm = flip_lps_ras(phantom.truth.centers_lps_mm[Level(level).verse_label])
            assert np.linalg.norm(point - truth_ras_mm) < 15
        first = run(points=points)
        document, views = first.last("result"), first.calls[-2][2]
        assert document["levels"]["L1"]["source"] == "auto"
        mask = views.levels["L2"].mask_array()
        middle = np.argwhere(mask.array_kji).mean(axis=0)[::-1]
        center = (mask.ijk_to_world @ [*middle, 1])[:3]
        assert np.linalg.norm((center - points["L2"])[:2]) < 15
        assert abs(center[2] - points["L2"][2]) < 3

        half = mask.array_kji.copy()
        half[:, : half.shape[1] // 2] = 0
        assert len(half) > 5  # a whole body
        edited = run(points=points, masks={Level.L2: MaskArray(half, mask.ijk_to_world)}).last("result")
        before, after = (one["segmentation"]["L2"] for one in (document, edited))
        voxel_ml = np.prod(phantom.volume.grid.spacing_xyz_mm) / 1000
        assert after["volume_ml"] == pytest.approx(half.sum() * voxel_ml, rel=0.02)
        assert after["area_mm2"] < 0.7 * before["area_mm2"]
        reset = run(points=points).last("result")
        assert reset["segmentation"] == document["segmentation"]

        moved = {**points, Level.L1: tuple(np.add(points["L1"], (0.0, 0.0, 5.0)))}
        again = run(points=moved).last("result")
        assert (again["levels"]["L1"]["source"], again["levels"]["L2"]["source"]) == ("user", "auto")

        refine = Refinement((Level.L1,))
        refined = run(points=moved, refine=refine)
        key = refined.calls[-2][2].levels["L1"].mask_array()
        assert run(points=moved, masks={Level.L1: key}).names() == ["result", "done"]
        client.kill()
        replayed = run(points=moved, masks={Level.L1: key}).last("result")
        assert replayed["segmentation"]["L1"]["area_mm2"] == refined.last("result")["segmentation"]["L1"]["area_mm2"]
        assert replayed["levels"]["L2"]["source"] == "auto"
        print(engine.hardware.words)
    finally:
        pid = client.pid
        client.close()
    assert gone([pid])
    assert not list(Path(slicer.app.temporaryPath).glob("OsteoJoint-*"))


@pytest.mark.timeout_s(300)
def test_weights_that_are_not_there_are_refused_by_their_reason(host, scene, phantom):
    client = WorkerClient(lambda: python_command(sys.executable, ["-m", "OsteoJointLib", "worker"]))
    engine, heard = Engine(client), Heard(host)
    try:
        engine.load("cpu", "no-such-weights", heard.done, heard.error)
        heard.wait("done", "error", seconds=60)
        assert heard.last("error").reason.value == "weights_not_found"
        engine.load("cuda:7", "compact", heard.done, heard.error)
        assert host.wait_until(lambda: len(heard.calls) == 2, seconds=60)
        assert heard.last("error").reason.value == "device_missing"
    finally:
        pid = client.pid
        client.kill()
    assert gone([pid])
    host.wait_until(lambda: False, seconds=0.2)  # Qt hears of it
