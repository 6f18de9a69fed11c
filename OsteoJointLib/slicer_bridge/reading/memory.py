"""What the live worker knows of one CT, and which request is missing for what is wanted: plain Python.

The result must depend on what is wanted alone, never on how the worker came to it: a worker that knows nothing and one
that has just read the same CT are brought to the same end, the second by fewer requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from OsteoJointLib.output.viewer_arrays import MaskArray, Views
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.reading.provenance import Point, same_point
from OsteoJointLib.weights_manifest import DEFAULT_NAME

_MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)
_STEP_MM, _OFFSET_MM = 0.01, 0.00314


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a run shall bring.

    Args:
        volume_id: the CT's node.
        points: RAS mm of both levels, from the scene; None: they are looked for.
        masks: by level, the user's own masks; a level without one gets the network's.
        until: "levels" or "reading".
        refine: ``levels`` and ``parameters`` of a refinement to be done last.
        device, weights: as the worker's ``load`` takes them.
        found: RAS mm where the levels were once found. Points that are still there are found again by a worker that
            doesn't know them, rather than taken for placed by hand, which would drop what was in doubt about them.
    """

    volume_id: str
    points: Mapping[Level, Point] | None = None
    masks: Mapping[Level, MaskArray] = field(default_factory=dict)
    until: str = "reading"
    refine: Mapping[str, Any] | None = None
    device: str = "auto"
    weights: str = DEFAULT_NAME
    found: Mapping[Level, Point] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Step:
    """One request about an open case: its operation, its fields but for files, and the masks that go with it."""

    op: str
    fields: dict[str, Any] = field(default_factory=dict)
    masks: dict[Level, MaskArray] = field(default_factory=dict)


@dataclass
class CaseMemory:
    """One open case.

    Args:
        name: the worker's.
        stamp: of the voxels and the place that it was opened with.
        points: where the worker has the levels; None before it has any.
        found: its answer to ``levels`` while all of its points are those that were found; None otherwise.
        document, views: its last result.
        bare: whether that result has no Grad-CAM, because a later step was to bring it.
        given: by level, the key of the mask that was last given in.
    """

    name: str
    stamp: object
    points: dict[Level, Point] | None = None
    found: dict[str, Any] | None = None
    document: dict[str, Any] | None = None
    views: Views | None = None
    bare: bool = False
    given: dict[Level, int] = field(default_factory=dict)

    def next_step(self, wanted: Wanted, refined: bool) -> Step | None:
        """The next request that is missing; None when all is there.

        Args:
            wanted: what the run shall bring.
            refined: whether the run has refined already.
        """
        return self._levels_step(wanted) or (None if wanted.until == "levels" else self._reading_step(wanted, refined))

    def took(self, step: Step, answer: Mapping[str, Any], views: Views | None) -> None:
        """Note what a step has brought."""
        if step.op == "levels":
            self.points = {level: _point(answer["levels"][level]["center_ras_mm"]) for level in Level}
            self.found = None if "points" in step.fields else dict(answer)
            self.document, self.views, self.given = None, None, {}
            return
        self.document, self.views, self.bare = answer["result"], views, step.fields.get("gradcam") is False
        if step.op == "segment":
            moved = {level: _point(point) for level, point in step.fields.get("points", {}).items()}
            self.points = {**(self.points or {}), **moved}
            self.found = None if moved else self.found
            self.given = {level: key for level, key in self.given.items() if level not in moved}
        self.given.update({level: mask_key(mask) for level, mask in step.masks.items()})
        if step.op == "refine":
            self.given = {level: key for level, key in self.given.items() if level not in step.fields["levels"]}

    def _levels_step(self, wanted: Wanted) -> Step | None:
        if wanted.points is None:
            return None if self.found is not None else Step("levels")
        if self.points is not None:
            return None
        if any(same_point(point, wanted.points[level]) for level, point in wanted.found.items()):
            return Step("levels")
        return Step("levels", {"points": _as_fields(wanted.points)}) if wanted.until == "levels" else None

    def _reading_step(self, wanted: Wanted, refined: bool) -> Step | None:
        step = self._segment_step(wanted) or self._mask_step(wanted, refined)
        return Step("classify") if step is None and self.bare else step

    def _segment_step(self, wanted: Wanted) -> Step | None:
        there = self.points or {}
        target = there if wanted.points is None else wanted.points
        moved = {level: target[level] for level in Level if not same_point(target[level], there.get(level))}
        if self.document is not None and not moved:
            return None
        fields: dict[str, Any] = {"points": _as_fields(moved)} if moved else {}
        if wanted.refine is not None or self._masks_will_change(wanted.masks, moved):
            fields["gradcam"] = False  # a later step brings it
        return Step("segment", fields)

    def _masks_will_change(self, masks: Mapping[Level, MaskArray], moved: Mapping[Level, Point]) -> bool:
        if self.document is None:
            return bool(masks)
        return not set(masks).isdisjoint(moved) or not set(self._changed_masks(masks)) <= set(moved)

    def _mask_step(self, wanted: Wanted, refined: bool) -> Step | None:
        changed = self._changed_masks(wanted.masks)
        if wanted.refine is not None and not refined:
            return Step("refine", {**wanted.refine, "made": _as_made(wanted.masks, changed)}, changed)
        return Step("edit", {"made": _as_made(wanted.masks, changed)}, changed) if changed and not refined else None

    def _changed_masks(self, masks: Mapping[Level, MaskArray]) -> dict[Level, MaskArray]:
        """The masks that the worker must be given: not those that it was given last or has itself."""
        assert self.views is not None
        changed: dict[Level, MaskArray] = {}
        for level, views in self.views.levels.items():
            mask = masks.get(level) or views.mask_array("network_mask")
            if mask_key(mask) not in (self.given.get(level), mask_key(views.mask_array())):
                changed[level] = mask
        return changed


def mask_key(mask: MaskArray) -> int:
    """A number for where in the world a mask's voxels are, whatever array and order of axes it comes in.

    >>> one = MaskArray(np.ones((1, 1, 1)), np.eye(4))
    >>> padded = np.eye(4)
    >>> padded[:3, 3] = -1
    >>> mask_key(one) == mask_key(MaskArray(np.pad(np.ones((1, 1, 1)), 1), padded))
    True
    """
    ijk = np.argwhere(mask.array_kji)[:, ::-1]
    world = ijk @ mask.ijk_to_world[:3, :3].T + mask.ijk_to_world[:3, 3]
    places = np.floor((world + _OFFSET_MM) / _STEP_MM).astype(np.int64).view(np.uint64)
    mixed = (places * _MULTIPLIERS).sum(axis=1, dtype=np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MULTIPLIERS[0]
    return int(mixed.sum(dtype=np.uint64)) ^ len(ijk)


def _as_made(masks: Mapping[Level, MaskArray], changed: Mapping[Level, MaskArray]) -> dict[str, dict[str, bool]]:
    return {n: {"edited": masks[n].edited, "refined": masks[n].refined} for n in changed if n in masks}


def _as_fields(points: Mapping[Level, Point]) -> dict[str, list[float]]:
    return {level: [float(value) for value in point] for level, point in points.items()}


def _point(values: Any) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
