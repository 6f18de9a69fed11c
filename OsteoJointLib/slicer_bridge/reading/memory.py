"""What the live worker knows of one CT, and which request is missing for what is wanted: plain Python.

The result must depend on what is wanted alone, never on how the worker came to it: a worker that knows nothing and one
that has just read the same CT are brought to the same end, the second by fewer requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import numpy as np

from OsteoJointLib.frames import anatomical_order, effective_box
from OsteoJointLib.output.viewer_arrays import MaskArray, Views
from OsteoJointLib.pipeline.settings import LoadOptions
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.provenance import Point, same_point
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.worker.answers import LevelsTold
from OsteoJointLib.worker.requests import Classify, Edit, FindLevels, Making, Refine, Segment

_STEP_MM, _OFFSET_MM = 0.01, 0.00314
"""Places count as the same within a step, far below a voxel and above rounding; the offset keeps round numbers off the
steps' edges, mm (both chosen)."""


class Until(StrEnum):
    """How far a run goes."""

    LEVELS = "levels"
    READING = "reading"


@dataclass(frozen=True)
class Refinement:
    """Masks that the level set shall move, changes to its parameters, and on which slices.

    On the middle slices; with ``whole`` on all of the body; with ``at`` on the slice through this point, RAS mm.
    """

    levels: tuple[Level, ...]
    parameters: Mapping[str, float] = field(default_factory=dict)
    whole: bool = False
    at: Point | None = None


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a run shall bring.

    Args:
        volume_id: the CT's node.
        points: RAS mm of both levels, from the scene; None: they are looked for.
        masks: by level, the user's own masks; a level without one gets the network's.
        until: where it ends.
        refine: a refinement to be done last.
        device, weights: as the worker loads them.
        found: RAS mm where the levels were once found, without those that a user has confirmed. Points that are still
            there are found again by a worker that doesn't know them, rather than taken for placed by hand, which would
            drop what was in doubt about them; all others are the user's.
        said: what a user says of the CT beyond that.
    """

    volume_id: str
    points: Mapping[Level, Point] | None = None
    masks: Mapping[Level, MaskArray] = field(default_factory=dict)
    until: Until = Until.READING
    refine: Refinement | None = None
    device: str = LoadOptions.device
    weights: str = LoadOptions.weights
    found: Mapping[Level, Point] = field(default_factory=dict)
    said: Said = field(default_factory=Said)


@dataclass(frozen=True, eq=False)
class Step:
    """A request for a result of an open case, but for its files, and the masks that go with it."""

    request: Segment | Edit | Refine | Classify
    masks: Mapping[Level, MaskArray] = field(default_factory=dict)


@dataclass
class CaseMemory:
    """One open case.

    Args:
        name: the worker's.
        stamp: of the voxels and the place that it was opened with.
        points: where the worker has the levels; None before it has any.
        auto: the levels whose point it has found by itself.
        found: what it told of the levels, while all of its points are those that were found; None otherwise.
        document, views: its last result.
        bare: whether that result has no explanation map, because a later step was to bring it.
        given: by level, the key of the mask that was last given in.
        said: what the user said of the CT when that result was made.
    """

    name: str
    stamp: object
    points: dict[Level, Point] | None = None
    auto: set[Level] = field(default_factory=set)
    found: LevelsTold | None = None
    document: dict[str, Any] | None = None
    views: Views | None = None
    bare: bool = False
    given: dict[Level, int] = field(default_factory=dict)
    said: Said = field(default_factory=Said)

    def next_step(self, wanted: Wanted, refined: bool) -> FindLevels | Step | None:
        """Say which request is missing next; None when all is there.

        Args:
            wanted: what the run shall bring.
            refined: whether the run has refined already.
        """
        find = self._levels_step(wanted)
        return find or (None if wanted.until is Until.LEVELS else self._reading_step(wanted, refined))

    def took_levels(self, request: FindLevels, answer: LevelsTold) -> None:
        """Note where the levels are; what was read before is forgotten, as the worker does."""
        assert answer.levels is not None, "a volume has levels, or a refusal"
        self.points = {level: placed.center_ras_mm for level, placed in answer.levels.items()}
        self.auto = {level for level, placed in answer.levels.items() if placed.source is PointSource.AUTO}
        self.found = answer if request.points is None else None
        self.document, self.views, self.given = None, None, {}

    def took(self, step: Step, document: dict[str, Any], views: Views) -> None:
        """Note what a step has brought."""
        request = step.request
        self.document, self.views, self.bare = document, views, not request.gradcam
        self.said = Said.of_options(request.options)
        if isinstance(request, Segment) and request.points:
            self.points = {**(self.points or {}), **request.points}
            self.found, self.auto = None, self.auto.difference(request.points)
            self._forget_given(request.points)
        self.given.update({level: mask_key(mask) for level, mask in step.masks.items()})
        if isinstance(request, Refine):
            self._forget_given(request.levels)

    def _forget_given(self, levels: Collection[Level]) -> None:
        """Take account that the worker has other masks of these levels now than it was given."""
        self.given = {level: key for level, key in self.given.items() if level not in levels}

    def _levels_step(self, wanted: Wanted) -> FindLevels | None:
        if wanted.points is None:
            return None if self.found is not None else FindLevels(case=self.name)
        if self.points is not None:
            return None
        if any(same_point(point, wanted.points[level]) for level, point in wanted.found.items()):
            return FindLevels(case=self.name)
        return FindLevels(case=self.name, points=wanted.points) if wanted.until is Until.LEVELS else None

    def _reading_step(self, wanted: Wanted, refined: bool) -> Step | None:
        step = self._segment_step(wanted) or self._mask_step(wanted, refined)
        if step is None and (self.bare or self.said != wanted.said):
            step = Step(Classify(case=self.name))
        return step and replace(step, request=replace(step.request, **wanted.said.options))

    def _segment_step(self, wanted: Wanted) -> Step | None:
        there = self.points or {}
        target = wanted.points or there
        moved = {level: target[level] for level in Level if not same_point(target[level], there.get(level))}
        moved |= {n: p for n, p in (wanted.points or {}).items() if self._is_confirmed(n, p, wanted.found.get(n))}
        if self.document is not None and not moved:
            return None
        last = wanted.refine is None and not self._masks_will_change(wanted.masks, moved)
        return Step(Segment(case=self.name, points=moved or None, gradcam=last))  # else a later step brings the map

    def _is_confirmed(self, level: Level, point: Point, found: Point | None) -> bool:
        """Say whether a point that the worker has found by itself is the user's by now."""
        return level in self.auto and not same_point(point, found)

    def _masks_will_change(self, masks: Mapping[Level, MaskArray], moved: Mapping[Level, Point]) -> bool:
        if self.document is None:
            return bool(masks)
        return not set(masks).isdisjoint(moved) or not set(self._changed_masks(masks)) <= set(moved)

    def _mask_step(self, wanted: Wanted, refined: bool) -> Step | None:
        changed, refine = self._changed_masks(wanted.masks), wanted.refine
        own = {level: wanted.masks[level] for level in changed if level in wanted.masks}
        made = {level: Making(mask.edited, mask.refined) for level, mask in own.items()}
        if refine is not None and not refined:
            asked = Refine(
                case=self.name,
                levels=refine.levels,
                parameters=refine.parameters,
                made=made,
                whole=refine.whole,
                at=refine.at,
            )
            return Step(asked, changed)
        return Step(Edit(case=self.name, segmentation={}, made=made), changed) if changed and not refined else None

    def _changed_masks(self, masks: Mapping[Level, MaskArray]) -> dict[Level, MaskArray]:
        """Find the masks that the worker must be given: not those that it was given last or has itself."""
        assert self.views is not None
        changed: dict[Level, MaskArray] = {}
        for level, views in self.views.levels.items():
            mask = masks.get(level) or views.mask_array("network_mask")
            if mask_key(mask) not in (self.given.get(level), mask_key(views.mask_array())):
                changed[level] = mask
        return changed


def mask_key(mask: MaskArray) -> int:
    """Make a number of where in the world a mask's voxels are, whatever array and order of axes it comes in.

    >>> one = MaskArray(np.ones((1, 1, 1)), np.eye(4))
    >>> padded = np.eye(4)
    >>> padded[:3, 3] = -1
    >>> mask_key(one) == mask_key(MaskArray(np.pad(np.ones((1, 1, 1)), 1), padded))
    True
    """
    order, signs = anatomical_order(mask.ijk_to_world)
    turned = np.transpose(np.asarray(mask.array_kji) != 0, [2 - axis for axis in order])
    box = effective_box(turned)
    if box is None:
        return 0
    ends = np.array([(part.start, part.stop - 1) for part in box]).T  # of what is drawn, along the array's own axes
    corners = np.where(signs > 0, ends, ends[::-1])  # nearest to left, back, foot, and opposite
    corners_ijk = np.empty((2, 3))
    corners_ijk[:, order] = corners
    world = corners_ijk @ mask.ijk_to_world[:3, :3].T + mask.ijk_to_world[:3, 3]
    places = np.floor((world + _OFFSET_MM) / _STEP_MM).astype(np.int64)
    drawn = np.flip(turned[box], tuple(axis for axis in range(3) if signs[axis] < 0))
    content = np.packbits(np.ascontiguousarray(drawn)).tobytes() + repr(drawn.shape).encode() + places.tobytes()
    return int.from_bytes(hashlib.sha1(content, usedforsecurity=False).digest()[:8], "big")
