"""A reading as it stands in the scene: points, masks, the last result, and what was changed since that was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from OsteoJointLib.errors import OsteoJointError, Reason, UsageError
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.mask_changes import MaskChange, mask_change
from OsteoJointLib.slicer_bridge.reading.memory import Refinement, Until, Wanted
from OsteoJointLib.slicer_bridge.reading.provenance import Point, Provenance, staleness
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.slicer_bridge.reading.state import LevelState, ReadingState
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, result_node, volumes
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.matrices import anatomical_ijk_to_world, ijk_to_world
from OsteoJointLib.slicer_bridge.scene.names_node import show_names
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role


class Snapshot:
    """What was last seen of a reading's nodes; :meth:`see` looks again.

    Args:
        nodes: of the reading.
    """

    def __init__(self, nodes: OwnedNodes):
        self.nodes = nodes
        self.points: dict[Level, Point] = {}
        self.masks: dict[Level, str] = {}
        self.stale: tuple[str, ...] = ()
        self._changed: list[Level] = []
        self._changes: dict[Level, MaskChange | None] = {}
        self._compared: tuple[object, dict[Level, MaskChange | None]] = (None, {})
        self._record: tuple[dict[str, Any] | None, Provenance] | None = None
        self._image_time = 0

    @property
    def volume(self) -> Any:
        """The CT; None once it was removed."""
        return self.nodes.volume

    @property
    def record(self) -> Provenance:
        """What the last result was made from."""
        document = result_node.record(self.nodes)
        if self._record is None or self._record[0] is not document:
            self._record = document, Provenance.of_document(document)
        return self._record[1]

    @property
    def document(self) -> dict[str, Any] | None:
        """The last result."""
        return result_node.result(self.nodes)

    @property
    def said(self) -> Said:
        """What the user says of the CT."""
        return Said.of_document(result_node.said(self.nodes))

    @property
    def seen(self) -> object:
        """All that was seen and a reading depends on, to be compared."""
        return self.points, self.masks, self.said

    def see(self) -> None:
        """Look at points and masks, say what is stale; note on the segments who drew them, and name bodies in doubt."""
        self.points, self.masks, self.stale, self._changed, self._changes = {}, {}, (), [], {}
        if self.problem():  # without a place in the world nothing can be compared
            return
        self.points = level_nodes.points(self.nodes)
        self.masks = mask_nodes.mask_fingerprints(self.nodes)
        record = self.record
        show_names(self.nodes, record.proposed(self.points) if self._in_doubt(record, self.document) else {})
        if not record.points:
            return
        moved = record.moved(self.points)
        edited = [level for level in record.edited(self.masks) if level not in moved]
        self._changed = [*moved, *edited]
        confirmed, ct_changed = self._confirmed(record), self._ct_changed(record)
        self.stale = tuple(staleness(moved, edited, confirmed, ct_changed, record.said, self.said))
        self._mark_edited(record)
        self._compare()

    def result_is_in(self) -> None:
        """Note which voxels the result in the scene belongs to, for as long as the scene is open."""
        self._image_time = self._voxels_changed_at()

    def wanted(self, settings: WorkerSettings, until: Until, refine: Refinement | None = None) -> Wanted:
        """Look again, and say what the worker shall bring for what is in the scene now.

        Args:
            settings: device and weights.
            until: where the run ends; one that ends with the levels looks for them even where there are points.
            refine: a refinement to be done last.

        Raises:
            InputRefused: the CT can't be read.
            UsageError: only one of the levels has a point.
        """
        volumes.check(self.volume)
        self.see()
        points = None if until is Until.LEVELS or not self.points else self.points
        if points is not None and (missing := [level for level in Level if level not in points]):
            raise UsageError(Reason.USAGE, f"{missing[0]} has no point yet. Place it, or find both.")
        masks = {} if points is None else self.own_masks()
        return Wanted(
            volume_id=self.volume.GetID(),
            points=points,
            masks=masks,
            until=until,
            refine=refine,
            device=settings.device,
            weights=settings.weights,
            found=self.record.found_points,
            said=self.said,
        )

    def own_masks(self) -> dict[Level, MaskArray]:
        """Read the masks that were drawn or refined, and belong to the points as they are; one that was erased is zero.

        A point may be moved within the slice of such a mask, which then stays; on another slice the network draws anew.
        """
        record = self.record
        moved, edited = record.moved(self.points), record.edited(self.masks)
        drawn = mask_nodes.masks(self.nodes)
        own: dict[Level, MaskArray] = {}
        for level in self.own_levels():
            mask = drawn[level]
            if level not in moved or (mask is not None and mask.reaches_slice(self.points[level])):
                by_user, refined = self._making(level, level in edited)
                own[level] = replace(mask or self._empty_mask(), edited=by_user, refined=refined)
        return own

    def own_levels(self) -> list[Level]:
        """List the levels whose mask in the scene is not simply the network's."""
        return [level for level in Level if mask_nodes.source(self.nodes, level) in mask_nodes.OWN]

    def kept(self, before: Mapping[Level, str], read: Collection[Level]) -> dict[Level, str]:
        """List the levels whose mask a result must leave alone, with the fingerprint of the mask that was read.

        Args:
            before: fingerprints when the run began.
            read: levels whose mask in the scene is what was read; not those that the run has moved by itself.
        """
        now = mask_nodes.mask_fingerprints(self.nodes)
        return {
            level: fingerprint
            for level, fingerprint in before.items()
            if mask_nodes.source(self.nodes, level) is not None and (level in read or now[level] != fingerprint)
        }

    def complete(self, told: ReadingState) -> ReadingState:
        """Add what the scene holds to the state of the panel."""
        if self.volume is None:
            return told
        record, document = self.record, self.document
        levels = {level: self._level_state(level, record, document) for level in Level}
        return replace(
            told,
            volume_name=self.volume.GetName(),
            problem=self.problem(),
            levels=levels,
            levels_doubt=_doubt(record, document) if self._in_doubt(record, document) else "",
            can_shift_up=record.shifted(self.points, up=True) is not None,
            can_shift_down=record.shifted(self.points, up=False) is not None,
            document=document,
            stale=self.stale,
            can_undo_refinement=bool(mask_nodes.masked_levels(self.nodes, Role.BEFORE)),
            said=self.said,
        )

    def problem(self) -> str:
        """Say why the CT can't be read; "" when it can."""
        try:
            volumes.check(self.volume)
        except OsteoJointError as error:
            return error.message
        return ""

    def _mark_edited(self, record: Provenance) -> None:
        """Note on the segments that were changed since the last result whose they are now.

        What is the network's again, or what the level set left, after an undo, is nobody's drawing.
        """
        edited = record.edited(self.masks)
        network = mask_nodes.mask_fingerprints(self.nodes, Role.NETWORK) if edited else {}
        for level in edited:
            made_by = MaskSource.CORRECTED
            if self.masks[level] == network.get(level):
                made_by = MaskSource.NETWORK
            elif self.masks[level] == record.refined.get(level):
                made_by = MaskSource.REFINED
            mask_nodes.mark_source(self.nodes, level, made_by)

    def _compare(self) -> None:
        """Say how the masks differ from the network's, where these or those have changed since the last time."""
        own = self.own_levels()
        compared = (self.masks, own, mask_nodes.mask_fingerprints(self.nodes, Role.NETWORK) if own else None)
        if compared != self._compared[0]:
            now, network = (mask_nodes.masks(self.nodes, role) for role in (Role.MASKS, Role.NETWORK))
            place = anatomical_ijk_to_world(self.volume)
            self._compared = compared, {level: mask_change(level, now[level], network, place) for level in own}
        self._changes = self._compared[1]

    def _level_state(self, level: Level, record: Provenance, document: Mapping[str, Any] | None) -> LevelState:
        point = self.points.get(level)
        confidence, source = record.of_found(level, point)
        area = document["segmentation"][level]["area_mm2"] if document and level not in self._changed else None
        made_by, change = mask_nodes.source(self.nodes, level), self._changes.get(level)
        in_doubt = level in self._in_doubt(record, document)
        return LevelState(point, confidence, source, made_by, area, in_doubt, change)

    def _in_doubt(self, record: Provenance, document: Mapping[str, Any] | None) -> list[Level]:
        """List the levels that were found, are still there, and may bear the wrong name."""
        found = {level: record.of_found(level, self.points.get(level))[1] for level in Level}
        return [level for level, source in found.items() if _doubt(record, document) and source is PointSource.AUTO]

    def _confirmed(self, record: Provenance) -> list[Level]:
        """List the levels that the last result took for found and that a user has confirmed since."""
        levels = (self.document or {}).get("levels", {})
        found = [level for level in Level if levels.get(level, {}).get("source") == PointSource.AUTO]
        return [level for level in found if record.of_found(level, record.points[level])[1] is PointSource.USER]

    def _ct_changed(self, record: Provenance) -> bool:
        moved = record.ct != volumes.geometry_fingerprint(self.volume)
        return moved or self._image_time not in (0, self._voxels_changed_at())

    def _voxels_changed_at(self) -> int:
        image = self.volume.GetImageData()
        return 0 if image is None else image.GetMTime()

    def _making(self, level: Level, changed: bool) -> tuple[bool, bool]:
        """Say whether a user drew a mask and the level set moved it: as the last result says while it is the same."""
        document = self.document
        if document is not None and not changed:
            made = document["segmentation"][level]
            return made["edited"], made["refined"]
        if mask_nodes.source(self.nodes, level) is MaskSource.REFINED:
            return mask_nodes.source(self.nodes, level, Role.BEFORE) is MaskSource.CORRECTED, True
        return True, False

    def _empty_mask(self) -> MaskArray:
        return MaskArray(np.zeros((1, 1, 1), np.uint8), ijk_to_world(self.volume))


def _doubt(record: Provenance, document: Mapping[str, Any] | None) -> str:
    """Say what makes the names of the found levels uncertain, as they were found or as the result has it; else ""."""
    flags = (document or {}).get("flags", ())
    return record.doubt or next((flag["message"] for flag in flags if flag["code"] == Reason.LEVELS_UNCERTAIN), "")
