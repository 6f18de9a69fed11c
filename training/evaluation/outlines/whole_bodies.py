"""Whole bodies against true ones, a row a body: overlap, volume, heights, and the hint of a fracture that they give."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.frames import effective_box
from OsteoJointLib.phantom.cases import drawn_person, make_phantom
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.pipeline.volume_stage import hinted
from OsteoJointLib.records import VERSE_LABELS, BodyVolume, CtVolume, Level
from OsteoJointLib.whole_body.one_body import body_of
from training.evaluation.metrics import Overlap
from training.evaluation.outlines.cases import referenced_cts

_LEAST_SHARE = 0.5
"""A body with less Dice than this was named otherwise than in the truth: told, not averaged."""
_L1_L2 = {level.verse_label for level in Level}


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
        broken: whether the phantom's body was drawn with a fracture (15 to 70 % of its height); None on real CT.
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
    broken: bool | None
    seconds: float


@dataclass(frozen=True)
class LeftOut:
    """A case without rows, and why."""

    case: str
    why: str


def half_broken(seeds: range) -> list[int]:
    """Give as many seeds as there are, from the first on: half as they come, half with a fracture of L1 or L2."""
    own = list(seeds[: len(seeds) - len(seeds) // 2])
    further = (seed for seed in count(own[-1] + 1) if _L1_L2 & set(drawn_person(seed).fractured))
    return [*own, *islice(further, len(seeds) - len(own))]


def phantom_bodies(reader: Reader, seeds: Collection[int]) -> Iterator[BodyRow | LeftOut]:
    """Read phantoms as patients' CTs are read; one that is refused, or whose levels are wrong, is left out."""
    for seed in tqdm(seeds, desc="Phantoms", disable=None):
        phantom = make_phantom(seed, any_field=True)
        broken = phantom.truth.drawn["person"]["fractured"]
        yield from _compared(reader, f"phantom {seed}", phantom.volume, phantom.labels, broken)


def real_bodies(reader: Reader, folder: Path) -> Iterator[BodyRow | LeftOut]:
    """Read the CTs of a folder that have reference masks."""
    for name, volume, labels in referenced_cts(folder):
        yield from _compared(reader, name, volume, labels, None)


def _compared(
    reader: Reader, name: str, volume: CtVolume, labels: np.ndarray, broken: Collection[int] | None
) -> Iterator[BodyRow | LeftOut]:
    try:
        result = reader.read(volume, options=ReadOptions(gradcam=False))
    except OsteoJointError as error:
        yield LeftOut(name, str(error))
        return
    rows = compare_bodies(name, result, labels, broken)
    if wrong := [row.body for row in rows if row.dice is not None and row.dice < _LEAST_SHARE]:
        yield LeftOut(name, f"Its {' and '.join(wrong)} are not where the truth has them.")
        return
    yield from rows


def compare_bodies(
    name: str, result: CaseResult, labels: np.ndarray, broken: Collection[int] | None = None
) -> list[BodyRow]:
    """Compare every body that the truth has, T12 to L3; T12 and L3 where they were segmented too.

    Args:
        name: of the case.
        result: its reading.
        labels: (z, y, x) VerSe numbers on its grid.
        broken: VerSe numbers of the broken ones, where that is known.
    """
    volume = result.volume
    assert isinstance(volume, CtVolume)
    found = {body.name: body for body in (result.l1.body, result.l2.body, *result.neighbors) if body is not None}
    true = {name: body for name in VERSE_LABELS if (body := _true_body(name, labels, volume)) is not None}
    true = {body.name: body for body in hinted(list(true.values()))}
    seconds = result.timings_s.get(Stage.WHOLE_BODY, 0.0)
    return [
        replace(
            _row(name, body, found.get(body.name), volume.grid.spacing_xyz_mm[2], seconds),
            broken=None if broken is None else VERSE_LABELS[body.name] in broken,
        )
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
        broken=None,
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
