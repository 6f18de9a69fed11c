"""What a worker says of the levels of a case, as JSON: points in RAS mm, the column they were chosen from, doubts."""

from __future__ import annotations

from typing import Any

import numpy as np

from OsteoJointLib.frames import flip_lps_ras
from OsteoJointLib.output.result_json import flag_document
from OsteoJointLib.pipeline.case import Case, volume_of
from OsteoJointLib.pipeline.preprocess import slice_index_of
from OsteoJointLib.records import CtVolume, LevelPoint, LevelsFound


def levels_document(case: Case, levels: LevelsFound | None) -> dict[str, Any]:
    """Points, column and flags of a case's levels; ``levels`` is null for a pair of slices without points."""
    points = () if levels is None else (levels.l1, levels.l2)
    return {
        "levels": {point.level.value: _point(case, point) for point in points} or None,
        "column": [] if levels is None else _column(levels),
        "flags": [*case_flags(case), *(() if levels is None else map(flag_document, levels.flags))],
    }


def case_flags(case: Case) -> list[dict[str, Any]]:
    """What is doubtful about the images of a case, as in result.json."""
    volumes = (case,) if isinstance(case, CtVolume) else (case.l1, case.l2)
    return [flag_document(flag) for flag in dict.fromkeys(flag for volume in volumes for flag in volume.flags)]


def _column(levels: LevelsFound) -> list[dict[str, Any]]:
    return [
        {"name": name, "center_ras_mm": _ras(body.center_lps_mm), "score": round(float(body.score), 4)}
        for body, name in zip(levels.column, levels.names, strict=True)
    ]


def _point(case: Case, point: LevelPoint) -> dict[str, Any]:
    return {
        "center_ras_mm": _ras(point.center_lps_mm),
        "slice_index": slice_index_of(volume_of(case, point.level), point.center_lps_mm),
        "confidence": round(float(point.confidence), 4),
        "source": point.source.value,
    }


def _ras(center_lps_mm: tuple[float, float, float]) -> list[float]:
    return [round(float(v), 3) + 0.0 for v in flip_lps_ras(np.asarray(center_lps_mm))]
