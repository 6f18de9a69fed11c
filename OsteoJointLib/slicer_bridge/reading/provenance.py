"""What a reading in the scene was made of, and what was changed since: plain Python, saved with the scene as JSON.

The scene is the truth and the record says which state of it the last result belongs to. Comparing the two, instead of
counting events, gives the right answer after an undo, after loading a scene and after a crash alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.reading.said import Said, changes
from OsteoJointLib.typed_json import WrongField, from_json, to_json
from OsteoJointLib.worker.answers import ColumnBody, PlacedLevel

SAME_MM = 0.01
"""Points nearer than this are the same point, mm: Slicer writes coordinates with fewer digits than it holds."""

NAMED = ("T11", "T12", "L1", "L2", "L3")
"""What is named about L1 and L2 for a person to count by."""

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Provenance:
    """The record of one CT's reading.

    Args:
        found: per level the point that was found or placed; one that a user has confirmed is the user's.
        doubt: what makes the names of the found levels uncertain; empty where nothing does.
        column: the bodies of the column from top to bottom.
        points: RAS mm of the points that the last result was made from; empty without a result.
        masks: fingerprint of each level's mask as the last result left it.
        refined: fingerprint of each level's mask as the level set last left it.
        ct: fingerprint of the CT that was read.
        said: what the user said of the CT when it was read.
    """

    found: Mapping[Level, PlacedLevel] = field(default_factory=dict)
    doubt: str = ""
    column: tuple[ColumnBody, ...] = ()
    points: Mapping[Level, Point] = field(default_factory=dict)
    masks: Mapping[Level, str] = field(default_factory=dict)
    refined: Mapping[Level, str] = field(default_factory=dict)
    ct: str = ""
    said: Said = field(default_factory=Said)

    def document(self) -> dict[str, Any]:
        """Write the record as JSON."""
        return to_json(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any] | None) -> Provenance:
        """Rebuild a record; an empty one from nothing, and from what is none."""
        try:
            return from_json(cls, document or {})
        except WrongField:  # a user may write into the node that holds it
            return cls()

    @property
    def found_points(self) -> dict[Level, Point]:
        """Where the levels were found; those placed by hand are left out."""
        return {level: one.center_ras_mm for level, one in self.found.items() if one.source is PointSource.AUTO}

    def moved(self, points: Mapping[Level, Point]) -> list[Level]:
        """List the levels whose point is elsewhere than it was for the last result."""
        return [level for level in Level if level in points and not same_point(points[level], self.points.get(level))]

    def edited(self, masks: Mapping[Level, str]) -> list[Level]:
        """List the levels whose mask differs from what the last result left."""
        return [level for level in Level if level in self.masks and masks.get(level) != self.masks[level]]

    def of_found(self, level: Level, point: Point | None) -> tuple[float | None, PointSource | None]:
        """Give confidence and source of a level's point: of the finding while it stays there, else the user's own."""
        if point is None:
            return None, None
        found = self.found.get(level)
        if found is not None and same_point(point, found.center_ras_mm):
            return found.confidence, found.source
        return None, PointSource.USER

    def confirmed(self) -> Provenance:
        """Take the points where the levels were found for the user's own."""
        own = {level: replace(one, confidence=1.0, source=PointSource.USER) for level, one in self.found.items()}
        return replace(self, found=own)

    def shifted(self, points: Mapping[Level, Point], up: bool) -> dict[Level, Point] | None:
        """Say where L1 and L2 are when both move by one body; None where the column doesn't reach that far.

        >>> heights = {"T12": 60.0, "L1": 30.0, "L2": 0.0}
        >>> column = tuple(ColumnBody(name, (0.0, 0.0, z), 1.0) for name, z in heights.items())
        >>> points = {Level.L1: (0.0, 1.0, 31.0), Level.L2: (0.0, 0.0, 0.0)}
        >>> list(Provenance(column=column).shifted(points, up=True).values())
        [(0.0, 0.0, 60.0), (0.0, 0.0, 30.0)]
        >>> Provenance(column=column).shifted(points, up=False) is None
        True
        """
        if len(points) != len(Level) or not self.column:
            return None
        centers = [body.center_ras_mm for body in self.column]
        first = self._nearest(points[Level.L1]) + (-1 if up else 1)
        if first < 0 or first + 1 >= len(centers):
            return None
        return {level: centers[first + index] for index, level in enumerate(Level)}

    def proposed(self, points: Mapping[Level, Point]) -> dict[str, Point]:
        """Say which bodies are T11 to L3 if the points are right; those that the column has.

        >>> column = tuple(ColumnBody(name, (0.0, 0.0, z), 1.0) for name, z in (("T12", 30.0), ("L1", 0.0)))
        >>> list(Provenance(column=column).proposed({Level.L1: (0.0, 0.0, 28.0)}))
        ['L1', 'L2']
        """
        if Level.L1 not in points or not self.column:
            return {}
        first = self._nearest(points[Level.L1]) - NAMED.index(Level.L1)
        places = {name: first + index for index, name in enumerate(NAMED)}
        return {n: self.column[at].center_ras_mm for n, at in places.items() if 0 <= at < len(self.column)}

    def _nearest(self, point: Point) -> int:
        distances = [math.dist(body.center_ras_mm, point) for body in self.column]
        return distances.index(min(distances))


def same_point(a: Point, b: Point | None) -> bool:
    """Say whether two points are the same but for rounding."""
    return b is not None and math.dist(a, b) < SAME_MM


def staleness(
    moved: list[Level], edited: list[Level], confirmed: list[Level], ct_changed: bool, before: Said, said: Said
) -> list[str]:
    """Say what was changed, in the words of the panel; ``said`` is what a user says now and ``before`` what was read.

    >>> staleness([Level.L1], [Level.L1, Level.L2], [Level.L2], False, Said(), Said())
    ['the point of L1 was moved', 'the point of L2 was confirmed', 'the masks of L1 and L2 were edited']
    """
    clauses = ["the CT was changed"] if ct_changed else []
    if moved:
        clauses.append(f"the point{_of(moved)} moved")
    if confirmed := [level for level in confirmed if level not in moved]:
        clauses.append(f"the point{_of(confirmed)} confirmed")
    if edited:
        clauses.append(f"the mask{_of(edited)} edited")
    return clauses + changes(before, said)


def _of(levels: list[Level]) -> str:
    return f" of {levels[0]} was" if len(levels) == 1 else f"s of {' and '.join(levels)} were"
