"""Whole bodies against true ones: overlap, volume, heights, and the hints of a fracture that the heights give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from OsteoJointLib.cli.text_table import table
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.frames import effective_box
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.pipeline.volume_stage import hinted
from OsteoJointLib.records import VERSE_LABELS, BodyVolume, CtVolume
from OsteoJointLib.whole_body.one_body import body_of
from training.evaluation.metrics import Overlap
from training.evaluation.outlines.cases import referenced_cts

_LEAST_SHARE = 0.5
"""A body with less Dice than this was named otherwise than in the truth: told, not averaged."""
THICK_MM = 3.0
"""Slices farther apart are thick: no grade is told from them."""


@dataclass(frozen=True)
class BodyRow:
    """One body of one reading beside the true one.

    Args:
        case, body: their names.
        slice_mm: between slices.
        cut: whether the CT's edge cuts it.
        dice: of all its voxels; None where it was not segmented.
        volume_ml, true_ml: of the mask, and of the truth.
        heights_off_mm: anterior, middle and posterior, less the truth's; None where either has none.
        limit_mm: how far they may be off.
        grade, true_grade: of the hint, and of that which the true mask's heights give; None where none is told.
        seconds: of the whole stage.
    """

    case: str
    body: str
    slice_mm: float
    cut: bool
    dice: float | None
    volume_ml: float
    true_ml: float
    heights_off_mm: tuple[float, float, float] | None
    limit_mm: float | None
    grade: int | None
    true_grade: int | None
    seconds: float


def phantom_bodies(reader: Reader, seeds: range) -> Iterator[BodyRow]:
    """Read phantoms as patients' CTs are read; one that is refused, or whose levels are wrong, is told of."""
    for seed in seeds:
        phantom = make_phantom(seed, any_field=True)
        yield from _compared(reader, f"phantom {seed}", phantom.volume, phantom.labels)


def real_bodies(reader: Reader, folder: Path) -> Iterator[BodyRow]:
    """Read the CTs of a folder that have reference masks."""
    for name, volume, labels in referenced_cts(folder):
        yield from _compared(reader, name, volume, labels)


def _compared(reader: Reader, name: str, volume: CtVolume, labels: np.ndarray) -> list[BodyRow]:
    try:
        result = reader.read(volume, options=ReadOptions(gradcam=False))
    except OsteoJointError as error:
        print(f"{name} is left out: {error}")
        return []
    rows = compare_bodies(name, result, labels)
    if wrong := [row.body for row in rows if row.dice is not None and row.dice < _LEAST_SHARE]:
        print(f"{name} is left out: its {' and '.join(wrong)} are not where the truth has them.")
        return []
    return rows


def compare_bodies(name: str, result: CaseResult, labels: np.ndarray) -> list[BodyRow]:
    """Compare every body that the truth has, T12 to L3; T12 and L3 where they were segmented too.

    Args:
        name: of the case.
        result: its reading.
        labels: (z, y, x) VerSe numbers on its grid.
    """
    volume = result.volume
    assert isinstance(volume, CtVolume)
    found = {body.name: body for body in (result.l1.body, result.l2.body, *result.neighbors) if body is not None}
    true = {name: body for name in VERSE_LABELS if (body := _true_body(name, labels, volume)) is not None}
    true = {body.name: body for body in hinted(list(true.values()))}
    seconds = result.timings_s.get(Stage.WHOLE_BODY, 0.0)
    return [
        _row(name, body, found.get(body.name), volume.grid.spacing_xyz_mm[2], seconds)
        for body in true.values()
        if body.name in found or body.name in ("L1", "L2")
    ]


def _true_body(name: str, labels: np.ndarray, volume: CtVolume) -> BodyVolume | None:
    """Take one body out of a label map; None where it isn't there."""
    box = effective_box(labels == VERSE_LABELS[name])
    if box is None:
        return None
    z, y, x = (part.start for part in box)
    return body_of(name, labels[box] == VERSE_LABELS[name], (z, y, x), volume.grid)


def _row(case: str, true: BodyVolume, found: BodyVolume | None, slice_mm: float, seconds: float) -> BodyRow:
    row = BodyRow(
        *(case, true.name, slice_mm, true.cut, None, 0.0, true.volume_ml, None, None, None),
        true_grade=None if true.fracture is None else true.fracture.grade,
        seconds=seconds,
    )
    if found is None:
        return row
    off = None
    if found.heights is not None and true.heights is not None:
        names = ("anterior_mm", "middle_mm", "posterior_mm")
        front, middle, back = (getattr(found.heights, one) - getattr(true.heights, one) for one in names)
        off = (front, middle, back)
    return replace(
        row,
        dice=_overlap(found, true).dice,
        volume_ml=found.volume_ml,
        heights_off_mm=off,
        limit_mm=None if found.heights is None else found.heights.limit_mm,
        grade=None if found.fracture is None else found.fracture.grade,
    )


def _overlap(one: BodyVolume, other: BodyVolume) -> Overlap:
    first = np.minimum(one.corner_zyx, other.corner_zyx)
    last = np.maximum(np.add(one.corner_zyx, one.mask.shape), np.add(other.corner_zyx, other.mask.shape))
    masks = []
    for body in (one, other):
        at = np.subtract(body.corner_zyx, first)
        behind = last - first - at - body.mask.shape
        masks.append(np.pad(body.mask, list(zip(at, behind, strict=True))))
    return Overlap.of(*masks)


def bodies_table(rows: Sequence[BodyRow]) -> str:
    """Lay rows out by body, in thin and in thick slices: means over the whole bodies, and what the hints came to."""
    head = [
        "bodies",
        "n",
        "Dice",
        "worst",
        "volume, %",
        "heights off, mm",
        "within the limit",
        "hints right/false/missed",
    ]
    lines = [head]
    for title, thick in ((f"to {THICK_MM:g} mm", False), ("thicker", True)):
        for name in VERSE_LABELS:
            own = [row for row in rows if row.body == name and (row.slice_mm > THICK_MM) is thick and not row.cut]
            if own:
                lines.append([f"{name}, slices {title}", *_numbers(own)])
    return table(lines)


def _numbers(rows: Sequence[BodyRow]) -> list[str]:
    dice = [0.0 if row.dice is None else row.dice for row in rows]
    volume = [row.volume_ml / row.true_ml - 1 for row in rows if row.dice is not None]
    off = [(abs(one), row.limit_mm) for row in rows if row.heights_off_mm for one in row.heights_off_mm]
    within = [distance <= (limit or 0.0) for distance, limit in off]
    told = [(row.grade > 0, row.true_grade > 0) for row in rows if row.grade is not None and row.true_grade is not None]
    hints = [sum(pair == kind for pair in told) for kind in ((True, True), (True, False), (False, True))]
    return [
        str(len(rows)),
        f"{np.mean(dice):.3f}",
        f"{min(dice):.3f}",
        f"{100 * np.mean(volume):+.1f}" if volume else "–",
        f"{np.mean([distance for distance, _ in off]):.2f}" if off else "–",
        f"{np.mean(within):.0%}" if off else "–",
        "/".join(map(str, hints)) + f" of {len(told)}",
    ]


def timed(rows: Sequence[BodyRow]) -> str:
    """Say how long the stage took."""
    seconds = [*{row.case: row.seconds for row in rows}.values()]
    return f"Stage {Stage.WHOLE_BODY}: {np.median(seconds):.2f} s in the median, {max(seconds):.2f} s at most."
