"""The phantom in Slicer's module Sample Data: a CT made on the spot, nothing is downloaded.

It is made in a Python beside Slicer, since that takes some seconds. Scripts call :func:`load_phantom`, because
``SampleData.downloadSample`` asks the network even of sources that bring their own downloader.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from OsteoJointLib.cli.demo import DEMO_SEED
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.resources import resource_path
from OsteoJointLib.slicer_bridge.process.child_process import ChildProcess
from OsteoJointLib.slicer_bridge.process.line_buffer import LineBuffer
from OsteoJointLib.slicer_bridge.process.worker_command import python_command
from OsteoJointLib.slicer_bridge.setup.python_setting import chosen_python
from OsteoJointLib.worker.death import worker_death

CATEGORY = "OsteoJoint"
SAMPLE = "OsteoJoint phantom"
"""Name of the sample and of its node."""
WINDOW_HU, LEVEL_HU = 700, 150
"""Shows soft tissue and bone at once."""
_PROGRAM = """
import sys
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.phantom.writing import write_nrrd
write_nrrd(make_phantom(int(sys.argv[1])), sys.argv[2], compress=False)
"""


def register() -> None:
    """Add the phantom to Sample Data, in place of an earlier one; nothing happens in a Slicer without that module."""
    if importlib.util.find_spec("SampleData") is None:
        return
    logic = importlib.import_module("SampleData").SampleDataLogic
    logic.sampleDataSourcesByCategory().pop(CATEGORY, None)  # after a reload, its function is another one
    logic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE,
        uris="osteojoint:phantom",
        fileNames="OsteoJoint-phantom.nrrd",
        nodeNames=SAMPLE,
        customDownloader=lambda source: bring(),
        thumbnailFileName=str(resource_path("Icons", "Phantom.png")),
    )


def load_phantom(seed: int = DEMO_SEED) -> slicer.vtkMRMLScalarVolumeNode:
    """Make a phantom CT and load it; the window stays alive meanwhile, and Cancel ends it.

    Args:
        seed: which phantom; the same seed gives the same CT.

    Returns:
        The vtkMRMLScalarVolumeNode.

    Raises:
        RunFailed: DEPENDENCY_MISSING where the worker's Python lacks packages, CANCELLED, or what went wrong.
    """
    folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
    try:
        _make(seed, folder)
        return _load(folder / "ct.nrrd")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bring(load: Callable[[], Any] = load_phantom) -> list[Any]:
    """Load a sample; return its nodes, or none and show a message that says why."""
    try:
        return [load()]
    except OsteoJointError as error:
        if error.reason != Reason.CANCELLED:
            slicer.util.errorDisplay(error.message)
        return []


def _make(seed: int, folder: Path) -> None:
    """Make a phantom in another process and wait for it."""
    said = LineBuffer()
    lines: list[str] = []
    codes: list[int | None] = []  # the exit code, once it has ended
    process = ChildProcess(lambda data: None, lambda data: lines.extend(said.feed(data)), codes.append)
    command = python_command(chosen_python(), ["-c", _PROGRAM, str(seed), str(folder)])
    process.start(command, slicer.app.temporaryPath)
    progress = slicer.util.createProgressDialog(
        maximum=0, windowTitle=SAMPLE, labelText=_("Making the phantom CT …"), autoClose=False, autoReset=False
    )
    progress.show()
    try:
        while not codes and not progress.wasCanceled:
            slicer.app.processEvents()
            time.sleep(0.005)  # s; the window still moves smoothly
    finally:
        process.kill()
        progress.close()
        progress.deleteLater()
    if not codes:
        raise RunFailed(Reason.CANCELLED, _("Cancelled: no phantom was made."))
    if codes[0] != 0:
        raise worker_death(codes[0], [*lines, *said.rest()])


def _load(path: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """Load the CT with its acquisition as attributes, without ties to the file, which goes."""
    node = slicer.util.loadVolume(str(path), {"name": SAMPLE, "singleFile": True})
    for key, value in _header(path).items():
        node.SetAttribute(key, value)
    storage = node.GetStorageNode()
    if storage is not None:
        node.SetAndObserveStorageNodeID(None)
        slicer.mrmlScene.RemoveNode(storage)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(WINDOW_HU, LEVEL_HU)
    return node


def _header(path: Path) -> dict[str, str]:
    """Key/value pairs of a NRRD file's header, which ends with an empty line."""
    with path.open("rb") as file:
        lines = [line.decode("utf-8").strip() for line in iter(file.readline, b"\n")]
    return dict(line.split(":=", 1) for line in lines if ":=" in line)
