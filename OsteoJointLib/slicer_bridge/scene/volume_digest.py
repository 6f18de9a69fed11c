"""SHA-256 over a volume's voxels and place, a slab in each turn of the event loop: how a batch knows a CT again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import qt
import slicer

from OsteoJointLib.slicer_bridge.scene.matrices import ijk_to_world

SLAB_BYTES = 8_000_000
"""How much is hashed in one turn: some milliseconds, which nobody feels."""


class VolumeDigest:
    """One digest under way.

    Args:
        volume_node: with image data; it may be removed meanwhile, its voxels are held.
        on_done: called once with the hexadecimal digest; not after :meth:`cancel`.
    """

    def __init__(self, volume_node: slicer.vtkMRMLVolumeNode, on_done: Callable[[str], None]):
        self._voxels = slicer.util.arrayFromVolume(volume_node)
        self._slices = max(1, SLAB_BYTES // max(1, self._voxels[0].nbytes))
        self._next = 0
        self._on_done = on_done
        place = np.round(ijk_to_world(volume_node), 3) + 0.0  # no negative zeros
        kind = f"{self._voxels.shape} {self._voxels.dtype} {place.tolist()}"
        self._digest = hashlib.sha256(kind.encode())
        self._over = False
        self._soon()

    def cancel(self) -> None:
        """Stop; nothing is called any more."""
        self._over = True

    def _soon(self) -> None:
        # no QTimer of its own: PythonQt never lets go of one that is connected to its owner, nor of the owner's voxels
        qt.QTimer.singleShot(0, lambda: self._turn())

    def _turn(self) -> None:
        if self._over:
            return
        slab = self._voxels[self._next : self._next + self._slices]
        self._digest.update(np.ascontiguousarray(slab).data)
        self._next += self._slices
        if self._next < len(self._voxels):
            self._soon()
        else:
            self._on_done(self._digest.hexdigest())
