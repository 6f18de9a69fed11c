"""``report.html``: one self-contained page about a case, for people.

Styles stand in the page, pictures are PNG data URIs; there is no script, no outside font and no link that loads
anything, and the page's own security policy forbids them. Numbers come from the same document as result.json, so the
two can't disagree.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import Reason
from OsteoJointLib.output.axial_pictures import FIELD_MM, ROI_COLOR, axial_views, explanation_title, whole_slice_view
from OsteoJointLib.output.column_pictures import Plane, column_view
from OsteoJointLib.output.drawing import color_stops, png_bytes
from OsteoJointLib.output.fields import Field, LevelFacts, View, seen_in
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.screenshots import Screenshot
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.pipeline.baseline import digits_needed
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.doubts import ABOUT_CLASS, NOTES, class_is_reliable, counting_codes, reliability_reasons
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, CtVolume, ExplanationMethod, Level, PointSource, Status

REPORT_FILE = "report.html"
_TEMPLATE = Path(__file__).with_name("report.html.j2")

STATUS_RANGES = {
    Status.NORMAL: "above 120 mg/cm³",
    Status.OSTEOPENIA: "80 to 120 mg/cm³",
    Status.OSTEOPOROSIS: "below 80 mg/cm³",
}
"""Volumetric BMD that each class stands for (ACR, ISCD); see :class:`~OsteoJointLib.records.Status`."""


ABOUT_MAPS = {
    ExplanationMethod.HIRESCAM: "The explanation map (HiResCAM) shows on which places of the two slices the "
    "class depends, for or against, to first order, in cells of 8 × 8 pixels of the network's slice.",
    ExplanationMethod.GRADCAM: "Grad-CAM shows roughly where the class's score gets its support, in cells of 32 × 32 "
    "pixels of the network's slice; it averages gradients, so that places which count for nothing may light up.",
}
"""What the page says of the maps, by method."""


@dataclass(frozen=True)
class Picture:
    """A picture of the page: its data URI, size in pixels, what it shows in words, and its caption."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str


def write_report(
    result: CaseResult,
    path: Path,
    files: Mapping[Level, str] | None = None,
    screenshots: Sequence[Screenshot] = (),
    case: str = "",
) -> None:
    """Write the report of a case.

    Args:
        result: the case.
        path: of the HTML file.
        files: base name of the segmentation file that holds each level.
        screenshots: a viewer's pictures, shown in a section of their own.
        case: its name; empty where the input's file names say enough.
    """
    write_text_whole(Path(path), report_html(result, files, screenshots, case))


def report_html(
    result: CaseResult,
    files: Mapping[Level, str] | None = None,
    screenshots: Sequence[Screenshot] = (),
    case: str = "",
) -> str:
    """Make the report's HTML; arguments as for :func:`write_report`."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"number": _number, "percent": _percent, "digits": digits_needed}
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(_context(result, files), case=case, shots=[_screenshot(shot) for shot in screenshots])


def _context(result: CaseResult, files: Mapping[Level, str] | None) -> dict[str, Any]:
    flags, document = result.flags, result_document(result, files)
    images = (
        [document["input"]] if isinstance(result.volume, CtVolume) else [document["input"][n] for n in ("L1", "L2")]
    )
    return {
        "notice": RESEARCH_NOTICE,
        "document": document,
        "images": images,
        "statuses": [(status.value, STATUS_RANGES[status]) for status in STATUSES],
        "held_back": next((flag.message for flag in flags if flag.code is Reason.CLASS_HELD_BACK), ""),
        "reliable": class_is_reliable(flags),
        "reasons": _reasons(result),
        "doubts": [flag for flag in flags if flag.code not in NOTES | ABOUT_CLASS],
        "notes": [flag for flag in flags if flag.code in NOTES],
        "rows": _rows(document),
        "cards": {level.value: _card(document, level) for level in Level},
        "column": _column_pictures(result),
        "levels": [(reading.level.value, _level_pictures(reading)) for reading in result.readings],
        "colors": {level.value: _css(segment_color_rgb(level)) for level in Level},
        "roi_color": _css(ROI_COLOR),
        "scale": ", ".join(_css(color) for color in color_stops()),
        "field_cm": FIELD_MM / 10,
        "about_maps": ABOUT_MAPS,
    }


def _reasons(result: CaseResult) -> list[str]:
    """Say why the class is not reliable, as sentences."""
    said = result.classification
    codes = counting_codes(result.flags, None if said is None else said.left_out)
    return [f"{reason[0].upper()}{reason[1:]}." for reason in reliability_reasons(codes)]


def _rows(document: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Fill the table of measurements: each row's head, and its cells for L1 and L2."""
    fields = [field for field in seen_in(View.REPORT) if not field.place.startswith("levels.")]
    return [(field.head, [_said(field, document, level) for level in Level]) for field in fields]


def _card(document: dict[str, Any], level: Level) -> list[tuple[str, str]]:
    """Say a level's point in names and words; nothing of a confidence that is none, or of a lone slice's number."""
    silent = {
        "levels.{level}.confidence": document["levels"][level]["source"] != PointSource.AUTO,
        "levels.{level}.slice_index": document["input"]["form"] != "volume",
    }
    fields = [field for field in seen_in(View.REPORT) if field.place.startswith("levels.")]
    return [(field.head, _said(field, document, level)) for field in fields if not silent.get(field.place)]


def _said(field: Field[LevelFacts], document: dict[str, Any], level: Level) -> str:
    """Say a field, with a true minus sign before numbers."""
    words = field.said(document, level)
    return words if isinstance(field.value(document, level), str) else words.replace("-", "−")


def _column_pictures(result: CaseResult) -> list[Picture]:
    if not isinstance(result.volume, CtVolume):
        return [
            _picture(
                whole_slice_view(reading),
                f"The whole axial CT slice given for {reading.level}, with the box of its vertebral body.",
                f"The slice given for {reading.level}",
            )
            for reading in result.readings
        ]
    pictures = []
    for plane, caption in (
        (Plane.SAGITTAL, "Sagittal, along the column"),
        (Plane.CORONAL, "Coronal, along the column"),
    ):
        view = column_view(result, plane)
        if view is not None:
            alt = f"{plane.capitalize()} CT view bent along the column{_named(result)}. Lines mark the slices read."
            pictures.append(_picture(view, alt, caption))
    return pictures


def _named(result: CaseResult) -> str:
    names = [name for name in result.levels.names if name] or ["L1", "L2"]
    return f", with {', '.join(names)} named"


def _level_pictures(reading: VertebraReading) -> list[Picture]:
    views, level = axial_views(reading), reading.level
    measurement = reading.measurement
    roi = (
        f" and, dotted, the region measured ({measurement.hu_mean:.0f} HU on average)"
        if measurement.hu_mean is not None
        else ""
    )
    pictures = [
        _picture(
            views.boundary,
            f"Axial CT slice of {level} with the outline of its vertebral body ({reading.segmentation.area_mm2:.0f} "
            f"square millimeters){roi}.",
            "Body and measured region",
        )
    ]
    if views.heatmap is not None:
        alt = f"The same slice of {level} with the network's boundary heat map in color."
        pictures.append(_picture(views.heatmap, alt, "Boundary heat map"))
    if views.explanation is not None and reading.explanation is not None:
        title = explanation_title(reading.explanation)
        alt = f"The same slice of {level} with, in color, on which places the class depends. {title}."
        pictures.append(_picture(views.explanation, alt, title))
    return pictures


def _screenshot(shot: Screenshot) -> Picture:
    uri = f"data:{shot.mime};base64," + base64.b64encode(shot.content).decode("ascii")
    return Picture(uri, shot.width, shot.height, f"Picture of the viewer: {shot.caption}", shot.caption)


def _picture(picture: np.ndarray, alt: str, caption: str) -> Picture:
    uri = "data:image/png;base64," + base64.b64encode(png_bytes(picture)).decode("ascii")
    return Picture(uri, picture.shape[1], picture.shape[0], alt, caption)


def _css(color: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in color)


def _number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """Say a number with a true minus sign; a dash for null."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}".replace("-", "−").replace(",", "\u202f")
    return f"{text}\u00a0{unit}" if unit else text


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}\u00a0%"
