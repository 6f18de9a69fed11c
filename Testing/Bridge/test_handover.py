"""A CT handed over arrives voxel by voxel where it was, and the window is never held up by it."""

from __future__ import annotations

import gc
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
import qt
import SimpleITK as sitk
import slicer
from fake_client import Heard

from OsteoJointLib.errors import Reason
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.slicer_bridge.reading import handover
from OsteoJointLib.slicer_bridge.reading.handover import Handover
from OsteoJointLib.slicer_bridge.scene import volumes

KEYS = {"osteojoint_kvp": "120", "osteojoint_kernel": "B30f", "osteojoint_contrast": "no"}


def turn(degrees: float, axis: int) -> np.ndarray:
    angle = np.radians(degrees)
    first, second = [other for other in range(3) if other != axis]
    matrix = np.eye(4)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def add_ct(scene, dtype=np.int16, shape_kji=(40, 90, 100), place=None):
    """Soft tissue in fat in air, with noise, so that the reader takes it for a CT."""
    slices, rows, columns = shape_kji
    k, j, i = np.ogrid[:slices, :rows, :columns]
    radius = np.hypot(i / columns - 0.5, j / rows - 0.5) + 0 * k
    hu = np.select([radius < 0.3, radius < 0.4], [40.0, -100.0], -1000.0)
    hu += np.random.default_rng(0).normal(0, 5, shape_kji)
    if np.dtype(dtype).kind == "u":
        hu = np.clip(hu, 0, 255)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.updateVolumeFromArray(node, hu.astype(dtype))
    if place is None:
        place = turn(17, 2) @ turn(11, 0) @ np.diag([-3.5, -3.5, 3.0, 1.0])
        place[:3, 3] = (120, 90, -300)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(place))
    return node


def hand_over(host, node, path, keys=KEYS, seconds=60.0) -> Heard:
    heard = Heard(host)
    heard.handover = Handover(node, path, keys, heard.done, heard.error, heard.progress)
    assert heard.calls == []
    heard.wait("done", "error", seconds=seconds)
    return heard


def world(place: np.ndarray, ijk) -> np.ndarray:
    return (place @ [*ijk, 1])[:3]


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8, np.int32, np.float32, np.float64])
def test_voxels_and_places_arrive(host, scene, tmp_path, dtype, monkeypatch):
    monkeypatch.setattr(handover, "SLAB_BYTES", 100_000)
    node = add_ct(scene, dtype)
    heard = hand_over(host, node, tmp_path / "ct.nrrd")
    image = sitk.ReadImage(str(tmp_path / "ct.nrrd"))
    expected = slicer.util.arrayFromVolume(node)
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(image), expected.astype(np.float32) if dtype == np.float64 else expected
    )
    place = volumes.ijk_to_world(node)
    for ijk in ((0, 0, 0), (99, 0, 3), (5, 89, 39)):
        lps = np.array(image.TransformIndexToPhysicalPoint(ijk))
        np.testing.assert_allclose(lps * [-1, -1, 1], world(place, ijk), atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["ct.nrrd"]
    parts = [call[1] for call in heard.calls if call[0] == "progress"]
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    assert len(parts) > 3


def test_the_library_reads_it_as_it_was(host, scene, tmp_path):
    node = add_ct(scene)
    hand_over(host, node, tmp_path / "ct.nrrd")
    ct = read_ct(tmp_path / "ct.nrrd")
    assert (ct.source.kvp, ct.source.kernel, ct.source.contrast) == (120.0, "B30f", False)
    voxels, place = slicer.util.arrayFromVolume(node), volumes.ijk_to_world(node)
    for k, j, i in ((3, 40, 50), (39, 10, 60), (0, 88, 3)):
        z, y, x = np.rint(ct.grid.lps_to_index(world(place, (i, j, k)) * [-1, -1, 1])).astype(int)
        assert ct.hu[z, y, x] == max(voxels[k, j, i], -1024)


def test_two_transforms_are_taken_along(host, scene, tmp_path):
    node = add_ct(scene)
    own = volumes.ijk_to_world(node)
    shift = np.eye(4)
    shift[:3, 3] = (5, -7, 11)
    matrices = [turn(30, 1), shift]
    child = node
    for matrix in matrices:
        parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        parent.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        child.SetAndObserveTransformNodeID(parent.GetID())
        child = parent
    np.testing.assert_allclose(volumes.ijk_to_world(node), shift @ turn(30, 1) @ own)
    hand_over(host, node, tmp_path / "ct.nrrd")
    image = sitk.ReadImage(str(tmp_path / "ct.nrrd"))
    lps = np.array(image.TransformIndexToPhysicalPoint((10, 20, 30)))
    np.testing.assert_allclose(lps * [-1, -1, 1], world(shift @ turn(30, 1) @ own, (10, 20, 30)), atol=1e-6)


def test_no_number_is_left_to_the_reader_that_notes_it(host, scene, tmp_path):
    node = add_ct(scene, np.float32)
    slicer.util.arrayFromVolume(node)[0, 0, :7] = np.nan
    slicer.util.arrayFromVolumeModified(node)
    hand_over(host, node, tmp_path / "ct.nrrd")
    ct = read_ct(tmp_path / "ct.nrrd")
    assert any("7 voxels hold no number" in flag.message for flag in ct.flags)


def test_cancel_leaves_nothing_and_calls_nobody(host, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(handover, "SLAB_BYTES", 20_000)
    heard = Heard(host)
    running = Handover(add_ct(scene), tmp_path / "ct.nrrd", {}, heard.done, heard.error, heard.progress)
    assert host.wait_until(lambda: len(heard.calls) > 3)
    assert len(list(tmp_path.iterdir())) == 1
    assert not (tmp_path / "ct.nrrd").exists()
    running.cancel()
    calls = len(heard.calls)
    assert list(tmp_path.iterdir()) == []
    host.wait_until(lambda: len(heard.calls) > calls, seconds=0.2)
    assert len(heard.calls) == calls
    running.cancel()


@pytest.mark.parametrize("change", ["voxels", "place", "image", "removed image"])
def test_a_ct_that_changes_meanwhile_is_an_error(host, scene, tmp_path, monkeypatch, change):
    monkeypatch.setattr(handover, "SLAB_BYTES", 20_000)
    heard, node = Heard(host), add_ct(scene)
    kept = Handover(node, tmp_path / "ct.nrrd", {}, heard.done, heard.error, heard.progress)
    assert host.wait_until(lambda: len(heard.calls) > 3)
    if change == "voxels":
        slicer.util.arrayFromVolume(node)[3] = 0
        slicer.util.arrayFromVolumeModified(node)
    elif change == "place":
        node.SetOrigin(1, 2, 3)
    elif change == "image":
        slicer.util.updateVolumeFromArray(node, np.zeros((2, 2, 2), np.int16))
    else:
        node.SetAndObserveImageData(None)
    heard.wait("error", "done")
    assert heard.names() == ["error"]
    assert "changed" in heard.last("error").message
    assert list(tmp_path.iterdir()) == []
    kept.cancel()


def test_a_removed_node_is_still_written_whole(host, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(handover, "SLAB_BYTES", 20_000)
    heard, node = Heard(host), add_ct(scene)
    kept = Handover(node, tmp_path / "ct.nrrd", {}, heard.done, heard.error, heard.progress)
    assert host.wait_until(lambda: len(heard.calls) > 3)
    scene.RemoveNode(node)
    heard.wait("error", "done")
    assert heard.names() == ["done"]
    kept.cancel()
    assert (tmp_path / "ct.nrrd").exists()


def test_a_finished_handover_is_let_go_with_its_ct(host, scene, tmp_path):
    heard = hand_over(host, add_ct(scene), tmp_path / "ct.nrrd")
    alive = weakref.ref(heard.handover)
    del heard.handover
    host.app.processEvents()
    gc.collect()
    assert alive() is None


def test_a_folder_that_takes_nothing_is_an_error(host, scene):
    heard = hand_over(host, add_ct(scene), Path("/no/such/folder/ct.nrrd"))
    assert heard.names() == ["error"]
    assert heard.last("error").reason is Reason.FAILED
    assert "can't be written to /no/such/folder" in heard.last("error").message


class Blocks:
    """The longest time between two turns of the event loop, by a timer of 5 ms."""

    def __init__(self):
        self.longest_ms = 0.0
        self._last = time.perf_counter()
        self._timer = qt.QTimer()
        self._timer.setInterval(5)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest_ms = max(self.longest_ms, 1000 * (now - self._last))
        self._last = now

    def stop(self) -> float:
        self._timer.stop()
        return self.longest_ms


@pytest.mark.parametrize("dtype", [np.int16, np.float64])
def test_the_window_stays_alive_with_a_large_ct(host, scene, tmp_path, dtype):
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.updateVolumeFromArray(node, np.zeros((300, 512, 512), dtype))
    host.app.processEvents()
    blocks, begin = Blocks(), time.perf_counter()
    heard = hand_over(host, node, tmp_path / "ct.nrrd")
    took = time.perf_counter() - begin
    print(f"512x512x300 {np.dtype(dtype).name}: {took:.2f} s, longest block {blocks.stop():.1f} ms")
    slices_a_turn = handover.SLAB_BYTES // (512 * 512 * min(np.dtype(dtype).itemsize, 4))
    assert len([call for call in heard.calls if call[0] == "progress"]) == -(-300 // slices_a_turn)
    assert slices_a_turn < 10
