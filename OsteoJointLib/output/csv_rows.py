"""One row a case, for the batch's CSV: stable columns, also for a case that failed.

A row is made from the case's ``result.json``, not from the run, so that a resumed batch and a fresh one give the same
table. A failed case has its reason code and sentence, and empty cells elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import ExitCode, OsteoJointError, Reason
from OsteoJointLib.output.notice import RESEARCH_NOTICE_SHORT
from OsteoJointLib.records import STATUSES, Level

ROW_FILE = "result.csv"
"""The row of one case in its own folder."""

_LEVEL_COLUMNS = (
    "center_r_mm",
    "center_a_mm",
    "center_s_mm",
    "slice_index",
    "confidence",
    "source",
    "area_mm2",
    "edited",
    "volume_ml",
    "roi_erosion_mm",
    "roi_voxels",
    "hu_mean",
    "hu_median",
    "hu_sd",
    "bmd_mg_cm3",
    "fusion_weight",
)

COLUMNS: tuple[str, ...] = (
    "case",
    "outcome",
    "reason",
    "message",
    "status",
    "reliable",
    *(f"p_{status.value}" for status in STATUSES),
    "baseline_status",
    *(f"{level.value.lower()}_{name}" for level in Level for name in _LEVEL_COLUMNS),
    "flags",
    "kvp",
    "kernel",
    "contrast",
    "model",
    "model_sha256",
    "device",
    "seconds",
    "version",
    "notice",
)
"""The table's columns, in order. ``outcome`` is done, refused or failed; units stand in the names; points are RAS.
``edited`` says whether a user corrected the mask."""


def row_of_result(case: str, document: Mapping[str, Any]) -> dict[str, str]:
    """Make the row of a finished case.

    Args:
        case: its name in the table.
        document: its ``result.json``.

    Returns:
        A string for each of :data:`COLUMNS`; a null is an empty cell.
    """
    classification = document["classification"]
    codes = list(dict.fromkeys(flag["code"] for flag in document["flags"]))
    row: dict[str, Any] = {
        "case": case,
        "outcome": "done",
        "status": classification["status"],
        "reliable": "no" if Reason.CLASS_NOT_RELIABLE.value in codes else "yes",
        **{f"p_{name}": value for name, value in classification["probabilities"].items()},
        "baseline_status": (document.get("baseline") or {}).get("status"),  # results of older versions have none
        "flags": " ".join(codes),
        **{name: _of_images(document["input"], name) for name in ("kvp", "kernel", "contrast")},
        "model": document["model"]["name"],
        "model_sha256": document["model"]["sha256"],
        "device": document["device"],
        "seconds": document["timings_s"].get("total"),
        "version": document["version"],
    }
    for level in Level:
        row |= {f"{level.value.lower()}_{name}": value for name, value in _of_level(document, level.value).items()}
    return _complete(row)


def row_of_failure(case: str, error: BaseException) -> dict[str, str]:
    """Make the row of a case that ended without a result.

    Args:
        case: its name in the table.
        error: what ended it; one without a reason code counts as ``failed``.

    Returns:
        A string for each of :data:`COLUMNS`.
    """
    known = isinstance(error, OsteoJointError)
    refused = known and error.exit_code == ExitCode.INPUT_REFUSED  # type: ignore[attr-defined]
    return _complete(
        {
            "case": case,
            "outcome": "refused" if refused else "failed",
            "reason": error.reason.value if known else Reason.FAILED.value,  # type: ignore[attr-defined]
            "message": str(error) or type(error).__name__,
        }
    )


def write_table(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    """Write rows of :func:`row_of_result` and :func:`row_of_failure` as one UTF-8 CSV file, whole."""
    write_text_whole(Path(path), table_text(rows))


def table_text(rows: Iterable[Mapping[str, str]]) -> str:
    """The text of :func:`write_table`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _of_level(document: Mapping[str, Any], level: str) -> dict[str, Any]:
    point, segmentation = document["levels"][level], document["segmentation"][level]
    measurement = document["measurements"][level]
    center_r, center_a, center_s = point["center_ras_mm"]
    return {
        "center_r_mm": center_r,
        "center_a_mm": center_a,
        "center_s_mm": center_s,
        "slice_index": point["slice_index"],
        "confidence": point["confidence"],
        "source": point["source"],
        "area_mm2": segmentation["area_mm2"],
        "edited": segmentation.get("edited"),  # results of older versions don't say
        "volume_ml": segmentation["volume_ml"],
        "roi_erosion_mm": measurement["erosion_mm"],
        "roi_voxels": measurement["voxels"],
        "hu_mean": measurement["hu_mean"],
        "hu_median": measurement["hu_median"],
        "hu_sd": measurement["hu_sd"],
        "bmd_mg_cm3": measurement["bmd_mg_cm3"],
        "fusion_weight": document["classification"]["fusion_weights"][level],
    }


def _of_images(images: Mapping[str, Any], name: str) -> Any:
    """A field of the input; for a pair of slices both values where they differ."""
    if images["form"] == "volume":
        return images[name]
    values = list(dict.fromkeys(_cell(images[level][name]) for level in ("L1", "L2")))
    return values[0] if len(values) == 1 else "|".join(values)


def _complete(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: _cell(row.get(name)) for name in COLUMNS} | {"notice": RESEARCH_NOTICE_SHORT}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return str(value)
    text = " ".join(value.split())
    # a spreadsheet would run a text that starts like a formula
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
