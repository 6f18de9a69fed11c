"""The plain half of the bridge to Slicer: which Python, and what a worker is still to be asked."""

import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import OsteoJointLib
from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import shift
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.slicer_bridge.process import worker_command
from OsteoJointLib.slicer_bridge.process.line_buffer import LineBuffer
from OsteoJointLib.slicer_bridge.process.raw_nrrd import nrrd_header, write_label_map
from OsteoJointLib.slicer_bridge.reading.memory import mask_key


@pytest.fixture
def path_with(tmp_path, monkeypatch):
    """Makes programs of these names, alone on the path."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv(worker_command.PYTHON_VARIABLE, raising=False)
        return tmp_path

    return make


def test_the_child_finds_this_library_first_and_keeps_off_slicers_plugins():
    checkout = str(Path(OsteoJointLib.__file__).parents[1])
    current = {"PYTHONPATH": "/slicer/python", "ITK_AUTOLOAD_PATH": "/slicer/itk", "HOME": "/home/a"}
    environment = worker_command.process_environment(current)
    assert environment["PYTHONPATH"] == os.pathsep.join([checkout, "/slicer/python"])
    assert "ITK_AUTOLOAD_PATH" not in environment
    assert environment["HOME"] == "/home/a"
    assert current["ITK_AUTOLOAD_PATH"] == "/slicer/itk"
    assert worker_command.process_environment({})["PYTHONPATH"] == checkout


def test_by_default_it_is_slicers_own_python_without_its_launcher(path_with, monkeypatch):
    folder = path_with("PythonSlicer")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/slicer/lib")
    worker = worker_command.worker_command()
    assert (worker.program, worker.arguments) == (str(folder / "PythonSlicer"), ["-m", "OsteoJointLib", "worker"])
    assert worker.environment["LD_LIBRARY_PATH"] == "/slicer/lib"
    path_with("python-real")
    assert worker_command.worker_command("").program == str(folder / "python-real")


def test_a_slicer_without_python_is_an_error(path_with):
    path_with()
    with pytest.raises(RunFailed, match="PythonSlicer") as caught:
        worker_command.worker_command(None)
    assert caught.value.reason is Reason.DEPENDENCY_MISSING


def test_another_interpreter_gets_the_environment_that_slicer_was_started_in(path_with, monkeypatch):
    path_with("PythonSlicer")
    monkeypatch.setattr(worker_command, "system_environment", lambda: {"HOME": "/home/a", "PYTHONPATH": "/mine"})
    monkeypatch.setenv("LD_LIBRARY_PATH", "/slicer/lib")
    other = worker_command.python_command(sys.executable, ["-V"])
    assert (other.program, other.arguments) == (sys.executable, ["-V"])
    assert "LD_LIBRARY_PATH" not in other.environment
    assert other.environment["PYTHONPATH"].endswith(os.pathsep + "/mine")
    monkeypatch.setenv(worker_command.PYTHON_VARIABLE, sys.executable)
    assert worker_command.worker_command().program == sys.executable
    assert worker_command.worker_command("/elsewhere/python").program == sys.executable


def test_an_interpreter_that_is_not_there_is_an_error(path_with):
    path_with("PythonSlicer")
    with pytest.raises(RunFailed, match="/no/such/python") as caught:
        worker_command.worker_command("/no/such/python")
    assert caught.value.reason is Reason.DEPENDENCY_MISSING


def test_lines_out_of_single_bytes():
    text = "äöü\r\n骨\n\nlast"
    lines = LineBuffer()
    found = [line for byte in text.encode() for line in lines.feed(bytes([byte]))]
    assert found == ["äöü", "骨", ""]
    assert lines.rest() == ["last"]
    assert lines.rest() == []
    assert LineBuffer().feed(b"\xff\n") == ["\ufffd"]


def test_a_label_map_is_read_where_it_was_written(tmp_path):
    array = np.zeros((2, 3, 4), np.uint8)
    array[1, 2, 3] = 21
    place = np.array([[0, -0.5, 0, 10], [0.7, 0, 0, 20], [0, 0, 3, -30], [0, 0, 0, 1]])
    write_label_map(tmp_path / "a b.nrrd", array, place)
    image = sitk.ReadImage(str(tmp_path / "a b.nrrd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), array)
    world = np.array(image.TransformIndexToPhysicalPoint((3, 2, 1))) * [-1, -1, 1]
    np.testing.assert_allclose(world, (place @ [3, 2, 1, 1])[:3])


def test_keys_stay_on_their_lines():
    header = nrrd_header(np.dtype("uint8"), (1, 1, 1), np.eye(4), {"kernel": "B30f\nkinds: none\t sharp"}).decode()
    assert "kernel:=B30f kinds: none sharp\n\n" in header


def test_masks_are_the_same_where_their_voxels_are():
    rng = np.random.default_rng(0)
    array = (rng.random((3, 20, 30)) > 0.5).astype(np.uint8)
    place = np.array([[0.7, 0.1, 0, 10], [-0.1, 0.7, 0.2, 20], [0, -0.2, 3, -30], [0, 0, 0, 1.0]])
    key = mask_key(MaskArray(array, place))
    swapped = np.eye(4)[[2, 1, 0, 3]]
    assert mask_key(MaskArray(array.transpose(2, 1, 0), place @ swapped)) == key
    assert mask_key(MaskArray(7 * array, place)) == key
    for axis in range(3):
        assert mask_key(MaskArray(np.flip(array, axis), place)) != key
        back = np.eye(4)
        back[2 - axis, 2 - axis], back[2 - axis, 3] = -1, array.shape[axis] - 1
        assert mask_key(MaskArray(np.flip(array, axis), place @ back)) == key
    assert mask_key(MaskArray(np.pad(array, ((1, 2), (0, 3), (4, 0))), place @ shift((-4, 0, -1)))) == key
    assert mask_key(MaskArray(array, place[[1, 0, 2, 3]])) != key  # R and A exchanged
    moved = place.copy()
    moved[2, 3] += 3
    assert mask_key(MaskArray(array, moved)) != key
    array[0, 0, 0] ^= 1
    assert mask_key(MaskArray(array, place)) != key
    assert mask_key(MaskArray(np.zeros((1, 1, 1)), place)) == mask_key(MaskArray(np.zeros((2, 3, 4)), np.eye(4)))
