"""What a worker answers: one record an operation, written by the worker and read by who asked.

``docs/reference/worker.md`` says which operation gives which. Points are RAS mm, views as
:mod:`OsteoJointLib.output.viewer_arrays` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.dataset.labeled_case import LabeledCase
from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.pipeline.case import Case, images_of, volume_of
from OsteoJointLib.pipeline.preprocess import slice_index_of
from OsteoJointLib.records import Flag, Level, LevelPoint, LevelsFound, PointSource

PointRas = tuple[float, float, float]
"""R, A and S, mm."""


@dataclass(frozen=True)
class Alive:
    """What ``ping`` gives."""

    version: str
    protocol: str
    pid: int


@dataclass(frozen=True)
class LoadedModel:
    """Which weights were loaded."""

    name: str
    profile: str
    sha256: str


@dataclass(frozen=True)
class Loaded:
    """What ``load`` gives."""

    model: LoadedModel
    device: str
    localizer: bool
    hardware: Hardware


@dataclass(frozen=True)
class Opened:
    """What ``open`` gives; ``let_go`` names the cases that are open no more, because their memory was needed."""

    case: str
    flags: tuple[Flag, ...]
    let_go: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlacedLevel:
    """Where a level is, with the confidence in it (None: assumed) and who placed it."""

    center_ras_mm: PointRas
    slice_index: int
    confidence: float | None
    source: PointSource


@dataclass(frozen=True)
class ColumnBody:
    """One body of the column that the levels were chosen from."""

    name: str
    center_ras_mm: PointRas
    score: float


@dataclass(frozen=True)
class LevelsTold:
    """What ``levels`` gives: no levels for a pair of slices without points, no column where the points were given."""

    case: str
    levels: Mapping[Level, PlacedLevel] | None
    column: tuple[ColumnBody, ...]
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class CaseRead:
    """A result: as in result.json, the files that were written, the views, and the levels that were edited.

    Args:
        case: its name at the worker.
        result: the result document.
        files: with ``result.json`` last; empty where no folder was named.
        views: of :func:`OsteoJointLib.output.viewer_arrays.write_views`; None where none were asked for.
        edited: the levels whose mask differed; None where none could.
    """

    case: str
    result: dict[str, Any]
    files: tuple[Path, ...]
    views: dict[str, Any] | None = None
    edited: tuple[Level, ...] | None = None


@dataclass(frozen=True)
class Delivered:
    """What ``deliver`` gives: the files, and what is to be said of those for a PACS."""

    files: tuple[Path, ...]
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True)
class Labeled:
    """What ``label`` gives: the case's entry in the dataset's manifest, and how many entries there are."""

    files: tuple[Path, ...]
    entry: LabeledCase
    count: int


@dataclass(frozen=True)
class Converted:
    """What ``convert`` gives: the file, and what is doubtful about the CT."""

    file: Path
    flags: tuple[Flag, ...]


@dataclass(frozen=True)
class Closed:
    """What ``close`` gives: how many cases stay open."""

    open: int


@dataclass(frozen=True)
class Ended:
    """What ``shutdown`` gives: nothing."""


def levels_told(name: str, case: Case, levels: LevelsFound | None) -> LevelsTold:
    """Tell of the levels of a case; ``levels`` is null for a pair of slices without points."""
    if levels is None:
        return LevelsTold(name, None, (), case_flags(case))
    placed = {point.level: _placed(case, point) for point in (levels.l1, levels.l2)}
    column = tuple(
        ColumnBody(body_name, _ras(body.center_lps_mm), round(float(body.score), 4))
        for body, body_name in zip(levels.column, levels.names, strict=True)
    )
    return LevelsTold(name, placed, column, (*case_flags(case), *levels.flags))


def case_flags(case: Case) -> tuple[Flag, ...]:
    """List what is doubtful about the images of a case."""
    return tuple(dict.fromkeys(flag for image in images_of(case) for flag in image.flags))


def _placed(case: Case, point: LevelPoint) -> PlacedLevel:
    index = slice_index_of(volume_of(case, point.level), point.center_lps_mm)
    confidence = None if point.confidence is None else round(float(point.confidence), 4)
    return PlacedLevel(_ras(point.center_lps_mm), index, confidence, point.source)


def _ras(center_lps_mm: tuple[float, float, float]) -> PointRas:
    r, a, s = (round(float(v), 3) + 0.0 for v in flip_lps_ras(np.asarray(center_lps_mm)))  # no negative zeros
    return r, a, s
