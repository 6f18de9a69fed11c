"""Training pairs of labeled CTs: the same slices that the networks see when such a CT is read, cached on disk.

One CT is in memory at a time. A level's slice is the plane nearest to its center, on the network's grid, as
:mod:`OsteoJointLib.pipeline.preprocess` takes it. Further pairs of a case lie some millimeters off, as the phantom's
do. The two slices at any height lie between the centers of L1 and L2: there nothing but these two and their disc can
be, while other bodies may be in the CT without a mask. Where only the mid-slices are drawn, these stand there again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.dataset.checking import OpenCase, open_case
from OsteoJointLib.dataset.labeled_case import LabeledCase, MaskKind, MaskSlices
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason
from OsteoJointLib.frames import edge_to_center, plane_to_mask, point_in_slice
from OsteoJointLib.pipeline.preprocess import slice_at
from OsteoJointLib.records import AxialSlice, ContrastPhase, Level, Status
from training.data.pairs import UNKNOWN_PHASE, UNKNOWN_TISSUE, StoredPair, case_pair_path, save_pair

_OFF_MIDDLE_MM, _MOST_OFF = 3.0, 0.3
"""SD of how far further pairs lie from the body's middle, and the most of the body's height: as the phantom's pairs."""
_FURTHER = 2


def make_case_pairs(
    dataset: Path, folder: Path, patients: Collection[str] | None = None, per_case: int = 1
) -> tuple[int, int]:
    """Make the pairs of a dataset's cases that are not there yet.

    Args:
        dataset: folder with ``cases.jsonl``.
        folder: of the pairs.
        patients: whose cases; None for all.
        per_case: pairs of a case whose bodies are drawn on all slices; of one drawn on its mid-slices there is one.

    Returns:
        How many were made, and of how many cases.

    Raises:
        InputRefused: the manifest can't be read, there is no case, or a case can't be used; the message names it.
    """
    cases = [case for case in Manifest(dataset).read() if patients is None or case.patient in patients]
    if not cases:
        raise InputRefused(
            Reason.NOT_FOUND,
            f"There is no case to make pairs of in {dataset}. Give the folder of a dataset, and of its split a part "
            "that has patients.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    for case in cases:
        _refuse_whole(case)
        count = per_case if case.mask.slices is MaskSlices.ALL else 1
        paths = [case_pair_path(folder, case.patient, _name(case, number), _status(case)) for number in range(count)]
        wanted = [number for number, path in enumerate(paths) if not path.exists()]
        if not wanted:
            continue
        try:
            opened = open_case(dataset, case)
            for number in wanted:
                save_pair(case_pair(opened, number), folder)
        except OsteoJointError as error:
            raise InputRefused(
                error.reason,
                f"{case.id} can't be used: {error.message} python -m training check {dataset} says what else is wrong.",
            ) from error
        made += len(wanted)
        print(f"{case.id}: {len(wanted)} pairs", flush=True)
    return made, len(cases)


def case_pair(case: OpenCase, number: int = 0) -> StoredPair:
    """Cut a pair out of a case.

    Args:
        case: with whole bodies or mid-slices.
        number: 0 for the very mid-slices; from 1 on slices some millimeters off them.

    Raises:
        InputRefused: a level has no mask on its slice.
    """
    entry, source = case.entry, case.volume.source
    planes = _planes(case, number)
    slices = [slice_at(case.volume, plane.level, plane.index, plane.center_yx) for plane in planes]
    masks = [_mask(case, plane.drawn, axial) for plane, axial in zip(planes, slices, strict=True)]
    for level, mask in zip(Level, masks, strict=False):
        if not mask.any():
            raise InputRefused(Reason.MASK_EMPTY, f"On the slice through the center of {level} nothing is drawn of it.")
    centers = [_center_px(case, plane, axial) for plane, axial in zip(planes, slices, strict=True)]
    levels = [np.nan if entry.bmd is None or one not in entry.bmd else entry.bmd[one].mg_cm3 for one in Level]
    bmd = entry.bmd_mg_cm3
    phase = UNKNOWN_PHASE if source.contrast is None else "none"
    if source.contrast:
        phase = source.phase.value if source.phase else ContrastPhase.GIVEN.value
    return StoredPair(
        hu=np.stack([axial.hu for axial in slices]),
        masks=np.stack(masks),
        tissues=np.full((len(slices), *slices[0].hu.shape), UNKNOWN_TISSUE, np.uint8),
        centers_px=np.array(centers, np.float32),
        pixel_mm=slices[0].pixel_mm,
        level_bmd_mg_cm3=np.array(levels),
        bmd_mg_cm3=np.nan if bmd is None else bmd,
        status=_status(entry),
        kvp=source.kvp,
        phase=phase,
        departing=False,
        seed=None,
        patient=entry.patient,
        case=_name(entry, number),
    )


@dataclass(frozen=True, eq=False)
class _Plane:
    """One plane of a CT.

    Args:
        level: whose slice it is taken as.
        index: of the plane.
        center_yx: continuous index of the column in it.
        drawn: the levels whose bodies are drawn on it.
    """

    level: Level
    index: int
    center_yx: np.ndarray
    drawn: tuple[Level, ...]


def _planes(case: OpenCase, number: int) -> list[_Plane]:
    """Choose the four planes of a pair."""
    generator = np.random.default_rng([number, *hashlib.sha256(case.entry.id.encode()).digest()[:8]])
    centers = {level: case.volume.grid.lps_to_index(_center(case.entry, level)) for level in Level}
    planes = []
    for level, center in centers.items():
        index = int(np.clip(np.rint(center[0]), 0, case.volume.hu.shape[0] - 1))
        index = _off_middle(case, level, index, generator) if number else index
        planes.append(_Plane(level, index, center[1:], (level,)))
    if case.entry.mask.slices is MaskSlices.MID:
        return planes * 2
    for share in generator.random(_FURTHER):
        z, y, x = centers[Level.L1] + share * (centers[Level.L2] - centers[Level.L1])
        planes.append(_Plane(Level.L1, int(np.rint(z)), np.array([y, x]), tuple(Level)))
    return planes


def _center_px(case: OpenCase, plane: _Plane, axial: AxialSlice) -> np.ndarray:
    """Return the column's x and y index in a slice."""
    x, y, z = case.volume.grid.index_to_lps(np.array([plane.index, *plane.center_yx]))
    return np.asarray(edge_to_center(point_in_slice(axial, case.volume.grid, (float(x), float(y), float(z)))))


def _center(entry: LabeledCase, level: Level) -> np.ndarray:
    return np.asarray(entry.levels[level].center_lps_mm)


def _status(entry: LabeledCase) -> Status | None:
    """Tell the class: the one that is stated, or that of the mean BMD."""
    if entry.status is None and entry.bmd_mg_cm3 is not None:
        return Status.from_bmd(entry.bmd_mg_cm3)
    return entry.status


def _name(entry: LabeledCase, number: int) -> str:
    return f"{entry.id}_{number}" if number else entry.id


def _off_middle(case: OpenCase, level: Level, index: int, generator: np.random.Generator) -> int:
    """Draw a slice some millimeters off a level's own, on which its body is drawn."""
    mask, z_mm = case.masks[level].mask, case.volume.grid.spacing_xyz_mm[2]
    drawn = mask.corner_zyx[0] + np.flatnonzero(mask.mask.any(axis=(1, 2)))
    most_mm = _MOST_OFF * len(drawn) * z_mm
    off = round(float(np.clip(generator.normal(0.0, _OFF_MIDDLE_MM), -most_mm, most_mm)) / z_mm)
    return int(np.clip(index + off, drawn[0], drawn[-1]))


def _mask(case: OpenCase, levels: Collection[Level], axial: AxialSlice) -> np.ndarray:
    """Draw levels' bodies on a slice, (512, 512) bool."""
    planes = [case.masks[level].mask.plane(axial.slice_index, case.volume.grid.shape_zyx[1:]) for level in levels]
    return plane_to_mask(np.logical_or.reduce(planes), axial)


def _refuse_whole(case: LabeledCase) -> None:
    if case.mask.kind is MaskKind.WHOLE:
        raise InputRefused(
            Reason.USAGE,
            f"The masks of {case.id} show whole vertebrae, and the network learns bodies alone. Import the dataset "
            "with --bodies cut, or use bodies that somebody has drawn.",
        )
