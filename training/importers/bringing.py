"""Bring found cases into a dataset: read, judge and write one after the other, by the dataset's one writer.

What can't be trusted is left out with a reason: masks that lie on other voxels than their CT, a level that is missing,
in pieces or cut by the CT's edge, L1 below L2, a CT that is there already. Only L1 and L2 are kept: a dataset may have
left other vertebrae unlabeled where they are partly visible.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from OsteoJointLib.dataset.adding import add_case, existing_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, MaskKind, MaskSlices
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason
from OsteoJointLib.frames import OFF_GRID_VOXELS, Grid
from OsteoJointLib.io.canonical import to_canonical
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.io.files.opening import read_header, read_voxels
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.records import ContrastPhase, CtVolume, Level
from training.importers.cutting import METHOD, body_in_vertebra
from training.importers.found import NON_COMMERCIAL, Centroids, FoundCase, LeftOut

_WHOLE_SHARE = 0.9
"""Of a level's voxels, at least in its largest piece; less, and labels are mixed up (chosen)."""
_ALONG = {"L": (2, False), "R": (2, True), "P": (1, False), "A": (1, True), "S": (0, False), "I": (0, True)}
"""By the letter of a direction: the canonical (z, y, x) axis along it, and whether it runs the other way."""
_OPPOSITE = dict(zip("LRPASI", "RLAPIS", strict=True))


@dataclass
class Brought:
    """How many cases were brought in, and which were left out."""

    count: int
    left_out: list[LeftOut]


def bring(
    found: Iterable[FoundCase | LeftOut],
    folder: Path,
    cut_bodies: bool = False,
    non_commercial: bool = False,
    most: int | None = None,
) -> Brought:
    """Bring cases into a dataset; one that is there already under its name stays.

    Args:
        found: of an importer.
        folder: of the dataset.
        cut_bodies: make bodies of whole vertebrae, by the method of :mod:`training.importers.cutting`.
        non_commercial: whether files may come that forbid commercial use.
        most: stop after so many.
    """
    brought = Brought(0, [])
    for case in found:
        if brought.count == most:
            break
        try:
            outcome = case if isinstance(case, LeftOut) else _bring_one(case, folder, cut_bodies, non_commercial)
        except OsteoJointError as error:
            outcome = LeftOut(case.name, error.message)
        if outcome is None:
            brought.count += 1
            print(f"{case.name}", flush=True)
        else:
            brought.left_out.append(outcome)
            print(outcome, flush=True)
    return brought


def _bring_one(case: FoundCase, folder: Path, cut_bodies: bool, non_commercial: bool) -> LeftOut | None:
    if NON_COMMERCIAL.search(case.origin.licence.replace("-", " ")) and not non_commercial:
        return LeftOut(
            case.name, f"its licence, {case.origin.licence}, is non-commercial. Say --non-commercial to take it."
        )
    if existing_case(folder, case.name) is not None:
        return LeftOut(case.name, "it is in the dataset already.")
    volume = read_ct(case.image)
    if not isinstance(volume, CtVolume):
        return LeftOut(case.name, "its CT is no volume.")
    masks = _masks(case, volume.grid)
    spacing = (volume.grid.spacing_xyz_mm[1], volume.grid.spacing_xyz_mm[0])
    bodies = masks
    if case.kind is MaskKind.WHOLE:
        bodies = {level: body_in_vertebra(mask, spacing) for level, mask in masks.items()}
        for level, body in bodies.items():
            _require(body.any(), f"in the mask of {level} nothing is as thick as a body.")
    centers = _centers(case, volume.grid, masks, bodies)
    _require(centers[Level.L1][0] > centers[Level.L2][0], "L1 lies below L2, so that its labels are wrong.")
    labels = np.zeros(volume.hu.shape, np.uint8)
    for level, mask in (bodies if cut_bodies else masks).items():
        labels[mask] = level.verse_label
    facts, kind = case.facts, MaskKind.BODY if cut_bodies else case.kind
    source = replace(volume.source, kvp=facts.kvp or volume.source.kvp)
    if facts.contrast is not None:
        source = replace(source, contrast=facts.contrast is not ContrastPhase.NONE, phase=facts.contrast)
    label = CaseLabel(
        case.patient,
        {level: _to_lps_mm(volume.grid, center) for level, center in centers.items()},
        MaskSlices.ALL,
        facts.status,
        kind=kind,
        mask_method=METHOD if cut_bodies and case.kind is MaskKind.WHOLE else None,
        origin=case.origin,
        mean_bmd=facts.mean_bmd,
    )
    add_case(folder, case.name, replace(volume, source=source), labels, label)
    return None


def _masks(case: FoundCase, grid: Grid) -> dict[Level, np.ndarray]:
    """Read both levels' masks, (z, y, x) bool on the CT's canonical grid."""
    files: dict[Path, np.ndarray] = {}
    masks = {}
    for level, part in case.masks.items():
        if part.path not in files:
            files[part.path] = _on_grid(part.path, grid)
        mask = files[part.path] == part.value
        _require(bool(mask.any()), f"it has no mask of {level}: the CT doesn't show it, or nobody labeled it.")
        shown = np.flatnonzero(mask.any(axis=(1, 2)))
        _require(shown[0] > 0 and shown[-1] < len(mask) - 1, f"the CT's edge cuts {level}.")
        pieces, count = ndimage.label(mask, np.ones((3, 3, 3)))
        largest = np.bincount(pieces.ravel())[1:].max() / np.count_nonzero(mask) if count > 1 else 1.0
        _require(largest >= _WHOLE_SHARE, f"the mask of {level} is in pieces, so that labels are mixed up.")
        masks[level] = mask
    return masks


def _on_grid(path: Path, grid: Grid) -> np.ndarray:
    """Read a label file in the canonical order; it must lie on the CT's own voxels, in whatever order it is stored."""
    header = read_header(path)
    labels, own = to_canonical(read_voxels(header, ReadingLimits().memory_gib), header.grid)
    ends = np.array([[0, 0, 0], grid.shape_zyx]) - 0.5
    off = np.abs(grid.lps_to_index(own.index_to_lps(ends)) - ends).max()
    same = labels.shape == grid.shape_zyx and off <= OFF_GRID_VOXELS
    _require(same, "its masks lie on other voxels than its CT: the two are turned, shifted or of other spacing.")
    return labels


def _centers(
    case: FoundCase, grid: Grid, masks: Mapping[Level, np.ndarray], bodies: Mapping[Level, np.ndarray]
) -> dict[Level, np.ndarray]:
    """Find both bodies' centers, (z, y, x) index: the dataset's own centroids where they lie in the masks' boxes."""
    if case.centroids is not None:
        for stated in _stated_centers(case.centroids, grid):
            if all(level in stated and _in_box(stated[level], masks[level]) for level in Level):
                return stated
    return {level: np.array(ndimage.center_of_mass(body)) for level, body in bodies.items()}


def _stated_centers(centroids: Centroids, grid: Grid) -> Iterator[dict[Level, np.ndarray]]:
    """Read centroids by each way that a file may be meant: letters name directions, or the corner it counts from."""
    try:
        entries = json.loads(centroids.path.read_text(encoding="utf-8"))
        letters = next((entry["direction"] for entry in entries if "direction" in entry), ["P", "I", "R"])
        points = {int(entry["label"]): [float(entry[axis]) for axis in "XYZ"] for entry in entries if "label" in entry}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"its centroids, {centroids.path.name}, can't be read. Download them again."
        ) from error
    for meant in (letters, [_OPPOSITE.get(letter, "?") for letter in letters]):
        if sorted(_ALONG[letter][0] for letter in meant if letter in _ALONG) == [0, 1, 2]:
            yield {
                level: _index(points[level.verse_label], meant, centroids.in_mm, grid)
                for level in Level
                if all(map(math.isfinite, points.get(level.verse_label, [math.nan])))
            }


def _index(point: list[float], letters: list[str], in_mm: bool, grid: Grid) -> np.ndarray:
    """Turn a point along stated directions into a canonical (z, y, x) index."""
    index = np.zeros(3)
    for value, letter in zip(point, letters, strict=True):
        axis, backward = _ALONG[letter]
        steps = value / grid.spacing_xyz_mm[2 - axis] if in_mm else value
        index[axis] = grid.shape_zyx[axis] - 1 - steps if backward else steps
    return index


def _in_box(index: np.ndarray, mask: np.ndarray) -> bool:
    hits = np.argwhere(mask)
    return bool(np.all(index >= hits.min(axis=0) - 0.5) and np.all(index <= hits.max(axis=0) + 0.5))


def _to_lps_mm(grid: Grid, index_zyx: np.ndarray) -> tuple[float, float, float]:
    x, y, z = grid.index_to_lps(index_zyx)
    return (float(x), float(y), float(z))


def _require(holds: bool | np.bool, why: str) -> None:
    if not holds:
        raise InputRefused(Reason.UNREADABLE, why)
