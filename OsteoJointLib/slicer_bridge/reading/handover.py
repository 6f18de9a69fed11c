"""A CT on its way from the scene to the worker: a raw NRRD file, written slab by slab in the turns of the event loop.

Nothing is copied but the slab, and no turn takes more than a few milliseconds, however large the CT. Voxels go out as
they are (64-bit floats as 32-bit ones): rounding to HU, and the note on voxels that hold no number, are the reader's.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import qt
import slicer

from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.slicer_bridge.process.raw_nrrd import nrrd_header
from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_world
from OsteoJointLib.slicer_bridge.scene.volumes import content_stamp

SLAB_BYTES = 4 * 1024 * 1024
"""How much is written in one turn, at least one slice: chosen, a few milliseconds on a slow disk."""


class Handover:
    """One file being written; it appears whole, under its name, right before ``on_done``.

    Args:
        volume_node: a volume that :func:`~OsteoJointLib.slicer_bridge.scene.volumes.check` lets through.
        path: of the file.
        keys: key/value pairs of its header.
        on_done: called once it is there.
        on_error: called where it can't be written, or where the CT changed meanwhile.
        on_progress: called after each slab with the part written, 0 to 1.
    """

    def __init__(
        self,
        volume_node: slicer.vtkMRMLVolumeNode,
        path: Path,
        keys: Mapping[str, str],
        on_done: Callable[[], None],
        on_error: Callable[[OsteoJointError], None],
        on_progress: Callable[[float], None] = lambda fraction: None,
    ):
        self._node, self._stamp = volume_node, content_stamp(volume_node)
        self._path, self._keys = path, keys
        self._temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}{path.suffix}")
        self._on_done, self._on_error, self._on_progress = on_done, on_error, on_progress
        self._file: BinaryIO | None = None
        self._next = 0
        self._over = False
        self._soon()

    def cancel(self) -> None:
        """Stop; nothing stays on the disk, and nobody is called."""
        self._over = True
        if self._file is not None:
            self._file.close()
            self._file = None
        self._temporary.unlink(missing_ok=True)

    def _soon(self) -> None:
        # no QTimer of its own: PythonQt never lets go of one that is connected to its owner, nor of the owner's CT
        qt.QTimer.singleShot(0, lambda: self._turn())

    def _turn(self) -> None:
        if self._over:
            return
        try:
            written = self._write_slab()
        except OSError as error:
            what = f"{error.strerror}. Make room there, or choose another temporary folder in Slicer's settings."
            public = "The CT can't be written to Slicer's temporary folder"
            self.cancel()
            self._on_error(
                RunFailed(Reason.FAILED, f"The CT can't be written to {self._path.parent}: {what}", f"{public}: {what}")
            )
        except OsteoJointError as error:
            self.cancel()
            self._on_error(error)
        else:
            self._on_progress(written)
            if written < 1.0:
                self._soon()
            elif not self._over:
                self._on_done()

    def _write_slab(self) -> float:
        voxels = self._voxels()
        out = np.dtype(np.float32) if voxels.dtype.kind == "f" else voxels.dtype
        if self._file is None:
            self._file = self._temporary.open("wb")
            slices, rows, columns = voxels.shape
            self._file.write(nrrd_header(out, (columns, rows, slices), ijk_to_world(self._node), self._keys))
        slab = max(1, SLAB_BYTES // (voxels[0].size * out.itemsize))
        self._file.write(np.ascontiguousarray(voxels[self._next : self._next + slab], dtype=out).data)
        self._next = min(self._next + slab, len(voxels))
        if self._next == len(voxels):
            self._file.close()
            os.replace(self._temporary, self._path)
        return self._next / len(voxels)

    def _voxels(self) -> np.ndarray:
        """(k, j, i), looked up anew in each turn: the memory may have gone with a change of the volume."""
        if self._node.GetImageData() is None or content_stamp(self._node) != self._stamp:
            raise RunFailed(Reason.FAILED, "The CT was changed while it was handed over. Start the reading again.")
        return slicer.util.arrayFromVolume(self._node)
