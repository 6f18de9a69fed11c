"""A CT on its way from the disk into the scene, whatever it lies there as.

The worker reads it, as it does in a batch: so a series is chosen, a tilt is corrected and what is no CT is refused by
the same rules, with the same sentences. What Slicer loads is a raw NRRD file, which is gone a moment later.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import qt
import slicer

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import as_ending
from OsteoJointLib.output.drawing import BONE_WINDOW
from OsteoJointLib.worker.answers import Converted
from OsteoJointLib.worker.requests import Convert


class Asked(Protocol):
    """The worker, as far as it is asked here."""

    def ask(self, request: Any, on_done: Callable[[Any], None], on_error: Callable[[OsteoJointError], None]) -> None:
        """Ask; one of the two is called later."""


class Fetch:
    """One CT being fetched.

    Args:
        client: asks the worker.
        path: of the CT, a file or a DICOM folder.
        name: of its node.
        before_load: called once it is sure that it can be had, a moment before it is loaded: to make room.
        on_done: called with the node once it is in the scene, without any display that the user would see.
        on_error: called with why it can't be had.
    """

    def __init__(
        self,
        client: Asked,
        path: Path | tuple[Path, ...],
        name: str,
        before_load: Callable[[], None],
        on_done: Callable[[Any], None],
        on_error: Callable[[OsteoJointError], None],
    ):
        self._name, self._before_load, self._on_done, self._on_error = name, before_load, on_done, on_error
        self._over = False
        self._folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
        client.ask(Convert(input=path, out=self._folder / "ct.nrrd"), self._converted, self._failed)

    def cancel(self) -> None:
        """Forget it; nobody is called. What the worker still writes is removed when it answers."""
        self._over = True
        self._clear()

    def _converted(self, answer: Converted) -> None:
        if self._over:
            self._clear()
            return
        self._before_load()
        qt.QTimer.singleShot(0, lambda: self._load(answer.file))  # in a turn of its own: either takes a while

    def _load(self, file: Path) -> None:
        if self._over:
            return
        try:
            node = _load(file, self._name)
        except Exception as error:
            self._failed(as_ending(error))
            return
        self._clear()
        self._on_done(node)

    def _failed(self, error: OsteoJointError) -> None:
        self._clear()
        if not self._over:
            self._on_error(error)

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def _load(path: Path, name: str) -> Any:
    """Load a CT by its storage node alone: Slicer's list of recent files isn't for files that are gone."""
    storage = slicer.vtkMRMLNRRDStorageNode()
    storage.SetFileName(str(path))
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(name)
    if not storage.ReadData(node):
        raise RunFailed(Reason.FAILED, "Slicer can't load the CT that the worker has written. Read it again.")
    display = slicer.vtkMRMLScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)  # looking for a window takes longer than loading does
    display.SetWindowLevel(BONE_WINDOW.width_hu, BONE_WINDOW.center_hu)
    slicer.mrmlScene.AddNode(display)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    # before the CT comes into the scene: the views take it at once, and look for a window where it has no display
    node.SetAndObserveDisplayNodeID(display.GetID())
    return slicer.mrmlScene.AddNode(node)
