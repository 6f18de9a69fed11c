"""``result.json``: one case by the contract of design §5 (``osteojoint.result/1``), described in result.schema.json.

Points leave the library here in RAS mm, boxes in the CT's own pixels. A field that could not be had is null, and a flag
says why: never 0, never a guess. The file holds no patient data: names of files are base names, and nothing of the
study's identity is read into :class:`~OsteoJointLib.records.SourceInfo`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib import __version__
from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.frames import Grid, box_to_plane, flip_lps_ras
from OsteoJointLib.output.doubts import all_flags
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.pipeline.baseline import read_baseline
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, CtVolume, Flag, Level, RoiMeasurement

RESULT_SCHEMA = "osteojoint.result/1"
"""Name and version of the format, the value of the key ``schema``."""

ROI_WORDS = "trabecular: the body's mask on the mid-slice, eroded, without its posterior part"
"""Which region HU are measured in (:func:`OsteoJointLib.pipeline.measure.roi_mask`)."""

RESULT_FILE = "result.json"
SCHEMA_PATH = Path(__file__).with_name("result.schema.json")


def result_document(result: CaseResult, files: Mapping[Level, str] | None = None) -> dict[str, Any]:
    """Turn a case into the JSON document of the contract.

    Args:
        result: the case.
        files: base name of the segmentation file that holds each level; None when none was written.

    Returns:
        A JSON-able dict that fits result.schema.json.

    Raises:
        RunFailed: a number is not finite.
    """
    files = files or {}
    return {
        "schema": RESULT_SCHEMA,
        "version": __version__,
        "notice": RESEARCH_NOTICE,
        "input": _input(result),
        "model": {
            "name": result.model.name,
            "profile": result.model.profile,
            "sha256": result.model.sha256,
            "trained_on": result.model.trained_on,
        },
        "device": result.device,
        "levels": {reading.point.level.value: _level(reading) for reading in result.readings},
        "segmentation": {
            reading.point.level.value: _segmentation(reading, files.get(reading.point.level))
            for reading in result.readings
        },
        "classification": _classification(result),
        "baseline": _baseline(result),
        "measurements": {reading.point.level.value: _measurement(reading.measurement) for reading in result.readings},
        "flags": [flag_document(flag) for flag in all_flags(result)],
        "timings_s": {name: _number(seconds, 4) for name, seconds in result.timings_s.items()},
    }


def write_result(result: CaseResult, folder: Path, files: Mapping[Level, str] | None = None) -> Path:
    """Write ``result.json`` whole into ``folder`` and return its path."""
    path = Path(folder) / RESULT_FILE
    document = result_document(result, files)
    write_text_whole(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def read_result(path: Path) -> dict[str, Any]:
    """Read a ``result.json`` back.

    Args:
        path: the file, or the folder that holds it.

    Returns:
        The document.

    Raises:
        RunFailed: it is no ``osteojoint.result/1``.
    """
    path = Path(path) / RESULT_FILE if Path(path).is_dir() else Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"A result file was expected at {path.name}; reading it failed: {error}. Run the case again."
        raise RunFailed(Reason.UNREADABLE, message) from error
    if not isinstance(document, dict) or document.get("schema") != RESULT_SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise RunFailed(Reason.UNREADABLE, f"{path.name} should be {RESULT_SCHEMA}, but says {found!r}; run it again.")
    return document


def _number(value: float | None, digits: int) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise RunFailed(Reason.FAILED, f"A finite number was expected in the result, {value} came; report this fault.")
    return round(float(value), digits) + 0.0  # no negative zero


def _numbers(values: Any, digits: int) -> list[float | None]:
    return [_number(float(value), digits) for value in values]


def _input(result: CaseResult) -> dict[str, Any]:
    if isinstance(result.volume, CtVolume):
        return {"form": "volume", **_image(result.volume)}
    return {"form": "slice_pair", "L1": _image(result.volume.l1), "L2": _image(result.volume.l2)}


def _image(volume: CtVolume) -> dict[str, Any]:
    source = volume.source
    return {
        "kind": source.kind,
        "file_names": [Path(name).name for name in source.file_names],
        "sha256": source.sha256,
        "geometry": _geometry(volume.grid),
        "kvp": _number(source.kvp, 3),
        "kernel": source.kernel,
        "contrast": source.contrast,
        "choice": source.choice,
    }


def _geometry(grid: Grid) -> dict[str, Any]:
    return {
        "shape_zyx": [int(n) for n in grid.shape_zyx],
        "spacing_xyz_mm": _numbers(grid.spacing_xyz_mm, 6),
        "origin_ras_mm": _numbers(flip_lps_ras(np.asarray(grid.origin_lps_mm)), 4),
        "axes_ras": [_numbers(flip_lps_ras(grid.direction[:, axis]), 9) for axis in range(3)],
    }


def _level(reading: VertebraReading) -> dict[str, Any]:
    return {
        "center_ras_mm": _numbers(flip_lps_ras(np.asarray(reading.point.center_lps_mm)), 3),
        "slice_index": int(reading.axial.slice_index),
        "box_px": _numbers(box_to_plane(reading.box.xyxy_px, reading.axial), 2),
        "confidence": _number(reading.point.confidence, 4),
        "source": reading.point.source.value,
    }


def _segmentation(reading: VertebraReading, file: str | None) -> dict[str, Any]:
    return {
        "file": file,
        "area_mm2": _number(reading.segmentation.area_mm2, 2),
        "volume_ml": None,
        "refined": bool(reading.segmentation.refined),
        "edited": bool(reading.segmentation.edited),
    }


def _classification(result: CaseResult) -> dict[str, Any]:
    classification = result.classification
    return {
        "status": classification.status.value,
        "probabilities": {
            status.value: _number(probability, 6)
            for status, probability in zip(STATUSES, classification.probabilities, strict=True)
        },
        "fusion_weights": {
            "L1": _number(classification.fusion_weight_l1, 6),
            "L2": _number(classification.fusion_weight_l2, 6),
        },
    }


def _baseline(result: CaseResult) -> dict[str, Any] | None:
    baseline = read_baseline([reading.measurement for reading in result.readings])
    if baseline is None:
        return None  # the level that was not measured has its flag
    return {
        "status": baseline.status.value,
        "hu_mean": _number(baseline.hu_mean, 2),
        "low_hu": _number(baseline.thresholds.low_hu, 2),
        "high_hu": _number(baseline.thresholds.high_hu, 2),
        "method": baseline.method,
    }


def _measurement(measurement: RoiMeasurement) -> dict[str, Any]:
    return {
        "roi": ROI_WORDS,
        "erosion_mm": _number(measurement.erosion_mm, 3),
        "voxels": int(measurement.voxels),
        "hu_mean": _number(measurement.hu_mean, 2),
        "hu_median": _number(measurement.hu_median, 2),
        "hu_sd": _number(measurement.hu_sd, 2),
        "bmd_mg_cm3": _number(measurement.bmd_mg_cm3, 2),
        "calibration": measurement.calibration,
    }


def flag_document(flag: Flag) -> dict[str, Any]:
    """A flag as JSON."""
    return {"code": flag.code.value, "level": None if flag.level is None else flag.level.value, "message": flag.message}
