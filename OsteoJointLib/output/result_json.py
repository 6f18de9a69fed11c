"""``result.json``: one case as a document (``osteojoint.result/2``), made from the table of fields.

:mod:`OsteoJointLib.output.fields` says what stands in it, result.schema.json describes it, and
``docs/reference/result-json.md`` explains it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from OsteoJointLib import __version__
from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.output.fields import (
    BASELINE,
    BODY,
    CASE,
    CLASS,
    ESTIMATE,
    IMAGE,
    LEVEL,
    NAMED_BODIES,
    NEIGHBOR,
    LevelFacts,
    NamedBody,
    put_all,
)
from OsteoJointLib.output.kinds import Number
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.pipeline.baseline import read_baseline
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.circle import circle_hu
from OsteoJointLib.pipeline.config_file import settings_document
from OsteoJointLib.pipeline.preprocess import slice_index_of
from OsteoJointLib.records import CtVolume, Flag, Level

RESULT_SCHEMA = "osteojoint.result/2"
"""Name and version of the format, the value of the key ``schema``."""

RESULT_FILE = "result.json"


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
    document: dict[str, Any] = {
        "schema": RESULT_SCHEMA,
        "version": __version__,
        "notice": RESEARCH_NOTICE,
        "input": _input(result),
    }
    put_all(CASE, document, result)
    put_all((*CLASS, *ESTIMATE), document, result.classification)
    said = result.classification
    counted = [reading for reading in result.readings if said is None or reading.level is not said.left_out]
    baseline = None if said is None else read_baseline([reading.slice_measurement for reading in counted])
    if baseline is None:
        document["baseline"] = None  # the level that was not measured has its flag, and so has a class held back
    else:
        put_all(BASELINE, document, baseline)
    weights = (None, None) if said is None else (said.fusion_weight_l1, said.fusion_weight_l2)
    for reading, weight in zip(result.readings, weights, strict=True):
        level = reading.level
        facts = LevelFacts(reading, result.levels.in_doubt(reading.point), weight, (files or {}).get(level))
        put_all(LEVEL, document, facts, level)
    for name, body in _named_bodies(result).items():
        put_all(BODY, document, body, name)
    for neighbor in result.neighbors:
        put_all(NEIGHBOR, document, neighbor, neighbor.name)
    document["flags"] = [flag_document(flag) for flag in result.flags]
    document["settings"] = settings_document(result.config, result.options)
    seconds = Number("s", 4)
    document["timings_s"] = {name: seconds.stored(value) for name, value in result.timings_s.items()}
    return document


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
        RunFailed: it is no ``osteojoint.result/2``.
    """
    path = Path(path) / RESULT_FILE if Path(path).is_dir() else Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"The result {path.name} can't be read: {error}. Run the case again."
        raise RunFailed(Reason.UNREADABLE, message) from error
    if not isinstance(document, dict) or document.get("schema") != RESULT_SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        message = f"{path.name} is no {RESULT_SCHEMA} but {found!r}. Run the case again with this version."
        raise RunFailed(Reason.UNREADABLE, message)
    return document


def _input(result: CaseResult) -> dict[str, Any]:
    def told(image: CtVolume) -> dict[str, Any]:
        names = image.source.file_names if result.options.own_names else ()
        return put_all(IMAGE, {}, replace(image, source=replace(image.source, file_names=names)))

    if isinstance(result.volume, CtVolume):
        return {"form": "volume", **told(result.volume)}
    return {"form": "slice_pair", "L1": told(result.volume.l1), "L2": told(result.volume.l2)}


def _named_bodies(result: CaseResult) -> dict[str, NamedBody]:
    """List the bodies beside L1 and L2 that were found and named."""
    levels, volume = result.levels, result.volume
    if not isinstance(volume, CtVolume):
        return {}
    named = zip(levels.names, levels.column, levels.name_confidence, strict=True)
    bodies = {
        name: NamedBody(
            body.center_lps_mm,
            slice_index_of(volume, body.center_lps_mm),
            confidence,
            None if body.cut else circle_hu(volume, body.center_lps_mm),
        )
        for name, body, confidence in named
    }
    return {name: bodies[name] for name in NAMED_BODIES if name in bodies}


def flag_document(flag: Flag) -> dict[str, Any]:
    """Write a flag as JSON."""
    return {"code": flag.code.value, "level": None if flag.level is None else flag.level.value, "message": flag.message}
