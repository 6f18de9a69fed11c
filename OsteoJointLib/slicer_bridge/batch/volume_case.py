"""One volume of a batch over nodes: what is wanted of it, what came, and what becomes of its nodes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.output.viewer_arrays import Views
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.reading.engine import Until, Wanted
from OsteoJointLib.slicer_bridge.reading.presenting import present_levels, present_result
from OsteoJointLib.slicer_bridge.reading.snapshot import Snapshot
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, remove_node
from OsteoJointLib.typed_json import without_defaults
from OsteoJointLib.worker.answers import LevelsTold


class VolumeCase:
    """A volume under way.

    Args:
        node: the volume.
    """

    def __init__(self, node: Any):
        self.words: str = node.GetName() or ""
        self.volume_id: str = node.GetID()
        self.name = ""
        self.digest = ""
        self.settings: dict[str, Any] = {}
        self.document: dict[str, Any] = {}
        self.wanted = Wanted(self.volume_id)
        self._node, self._nodes = node, OwnedNodes(node)
        self._levels: LevelsTold | None = None
        self._views: Views | None = None
        self._masks: dict[Level, str] = {}

    @property
    def volume(self) -> Any:
        """The volume.

        Raises:
            InputRefused: it was removed from the scene.
        """
        if self._node.GetScene() is None:
            raise InputRefused(
                Reason.NOT_FOUND, "The volume was removed from the scene before it was read. Load it again."
            )
        return self._node

    def want(self, settings: WorkerSettings) -> None:
        """Say what is wanted, from what the user has put into the scene: points and masks of their own are used.

        Raises:
            OsteoJointError: it can't be had from that.
        """
        scene = self._scene()
        self.wanted, self._masks = scene.wanted(settings, Until.READING), scene.masks

    def own_digest(self) -> str:
        """Digest what the user placed, drew and said; empty where it is all the network's."""
        record, wanted, own = self._scene().record, self.wanted, hashlib.sha256()
        points = wanted.points or {}
        placed = {level: point for level, point in points.items() if record.of_found(level, point)[1] == "user"}
        for level, point in placed.items():
            own.update(f"{level}{[round(x, 2) for x in point]}".encode())
        for level, mask in wanted.masks.items():
            own.update(f"{level}{mask.ijk_to_world.round(3).tolist()}{mask.array_kji.shape}".encode())
            own.update(mask.array_kji.tobytes())
        said = without_defaults(wanted.said)
        if said:
            own.update(json.dumps(said, sort_keys=True).encode())
        return own.hexdigest() if placed or wanted.masks or said else ""

    def levels_came(self, answer: LevelsTold) -> None:
        """Keep the levels."""
        self._levels = answer

    def result_came(self, document: dict[str, Any], views: Views) -> None:
        """Keep the result."""
        self.document, self._views = document, views

    def present(self) -> None:
        """Put the reading into the scene."""
        scene = self._scene()
        assert self._views is not None
        if self._levels:
            present_levels(self._nodes, self._levels, self.wanted.points is None)
        kept = scene.kept(self._masks, set(self.wanted.masks))
        present_result(self._nodes, self.document, self._views, kept, (), self.wanted.said)

    def remove(self, keep_reading: bool) -> None:
        """Remove the volume with its display and storage nodes, and its reading too unless that is kept."""
        node = self._node
        if node.GetScene() is None:
            return
        if keep_reading:
            self._nodes.release()  # else it would go with its CT
        else:
            self._nodes.remove_all()
        remove_node(node)

    def _scene(self) -> Snapshot:
        """Look at what the scene holds of the volume's reading."""
        return Snapshot(OwnedNodes(self.volume))
