"""``report.html``: one self-contained page about a case, for people.

Styles stand in the page, pictures are PNG data URIs; there is no script, no outside font and no link that loads
anything, and the page's own security policy forbids them. Numbers come from the same document as result.json, so the
two can't disagree. Its print style is two pages of A4, by which :mod:`OsteoJointLib.output.report_pdf` makes the PDF.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole, write_whole
from OsteoJointLib.output.axial_pictures import ROI_COLOR
from OsteoJointLib.output.drawing import color_stops
from OsteoJointLib.output.fields import NAMED_BODIES, Field, LevelFacts, View, seen_in
from OsteoJointLib.output.kinds import Probability, Share
from OsteoJointLib.output.notice import RESEARCH_NOTICE, RESEARCH_NOTICE_SHORT
from OsteoJointLib.output.report_pdf import pdf_of_page
from OsteoJointLib.output.report_pictures import column_pictures, level_pictures, screenshot_picture
from OsteoJointLib.output.result_json import result_document
from OsteoJointLib.output.screenshots import Screenshot
from OsteoJointLib.output.summary import BMD_BY, NO_TONE, summarize
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.output.thresholds import threshold_readings
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.config_file import settings_document
from OsteoJointLib.pipeline.doubts import ABOUT_CLASS, NOTES, class_is_reliable
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.records import (
    STATUSES,
    CalibrationKind,
    CtVolume,
    ExplanationMethod,
    Flag,
    Level,
    PointSource,
    Status,
)

REPORT_FILE = "report.html"
_TEMPLATE = Path(__file__).with_name("report.html.j2")

STATUS_RANGES = {
    Status.NORMAL: "above 120 mg/cm³",
    Status.OSTEOPENIA: "80 to 120 mg/cm³",
    Status.OSTEOPOROSIS: "below 80 mg/cm³",
}
"""Volumetric BMD that each class stands for (ACR, ISCD); see :class:`~OsteoJointLib.records.Status`."""

KINDS = {
    "dicom": "DICOM files",
    "nrrd": "an NRRD file",
    "nifti": "a NIfTI file",
    "mha": "a MetaImage file",
    "phantom": "a phantom",
    "memory": "a viewer's memory",
}
"""What a CT came as, in words."""

AXIS_END_MG_CM3 = 240.0
"""Right end of the axis of BMD: more than young adults have (chosen)."""

ABOUT_MAPS = {
    ExplanationMethod.HIRESCAM: "The explanation map (HiResCAM) shows on which places of the two slices the class "
    "depends, for or against, approximately, in cells of 8 × 8 pixels of the network's slice.",
    ExplanationMethod.GRADCAM: "Grad-CAM shows roughly which places of the two slices speak for the class, in cells of "
    "32 × 32 pixels of the network's slice; places that count for nothing may light up, too.",
}
"""What the page says of the maps, by method."""


@dataclass(frozen=True)
class Estimate:
    """One estimate of BMD with the interval that holds it with 90 percent.

    Args:
        name: what gives it.
        detail: what it is.
        mg_cm3: the estimate.
        interval_mg_cm3: its interval.
    """

    name: str
    detail: str
    mg_cm3: float
    interval_mg_cm3: Sequence[float]

    @property
    def places(self) -> tuple[float, float, float]:
        """Where the axis has the interval's ends and the estimate, in percent of its length."""
        low, high = self.interval_mg_cm3
        left, right, middle = (100 * min(max(value / AXIS_END_MG_CM3, 0.0), 1.0) for value in (low, high, self.mg_cm3))
        return left, right, middle


def write_report(
    result: CaseResult,
    path: Path,
    files: Mapping[Level, str] | None = None,
    screenshots: Sequence[Screenshot] = (),
    case: str = "",
    pdf: Path | None = None,
) -> None:
    """Write the report of a case.

    Args:
        result: the case.
        path: of the HTML file.
        files: base name of the segmentation file that holds each level.
        screenshots: a viewer's pictures, shown in a section of their own.
        case: its name; empty for the input's own, see :func:`case_name`.
        pdf: of the PDF; None where none is asked for.

    Raises:
        UsageError: a PDF is asked for and can't be made here.
    """
    html = report_html(result, files, screenshots, case)
    write_text_whole(Path(path), html)
    if pdf is not None:
        with write_whole(pdf) as temporary:
            temporary.write_bytes(pdf_of_page(html))


def report_html(
    result: CaseResult,
    files: Mapping[Level, str] | None = None,
    screenshots: Sequence[Screenshot] = (),
    case: str = "",
) -> str:
    """Make the report's HTML; arguments as for :func:`write_report`."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"number": _number, "css_text": _css_text, "unbroken": _unbroken}
    environment.filters |= {"probability": Probability().said, "share": Share().said}
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    read_at = result.read_at.strftime("%Y-%m-%d %H:%M %Z")
    shots = [screenshot_picture(shot) for shot in screenshots]
    context = _context(result, files)
    return template.render(context, name=case or case_name(context["images"]), read_at=read_at, shots=shots)


def case_name(images: Sequence[Mapping[str, Any]]) -> str:
    """Name a case that nobody named: by its files where they may be told, else by its contents' first digits.

    Args:
        images: the CT, or the two slices, as result.json holds them.

    >>> case_name([{"file_names": [], "sha256": "3fa9c1d2e8b7"}])
    'CT 3fa9c1d2'
    """
    names = [name for image in images for name in image["file_names"]]
    digits = images[0]["sha256"]
    return ", ".join(names) or (f"CT {digits[:8]}" if digits else "unnamed case")


def _context(result: CaseResult, files: Mapping[Level, str] | None) -> dict[str, Any]:
    flags, document = result.flags, result_document(result, files)
    images = (
        [document["input"]] if isinstance(result.volume, CtVolume) else [document["input"][n] for n in ("L1", "L2")]
    )
    summary, left_out = summarize(document), document["classification"]["left_out"]
    return {
        "notice": RESEARCH_NOTICE,
        "notice_short": RESEARCH_NOTICE_SHORT,
        "document": document,
        "images": images,
        "kinds": KINDS,
        "summary": summary,
        "colored": summary.tone != NO_TONE,
        "statuses": [(status.value, STATUS_RANGES[status]) for status in STATUSES],
        "doubts": [flag for flag in flags if flag.code not in NOTES | ABOUT_CLASS],
        "notes": [flag for flag in flags if flag.code in NOTES],
        "estimates": _estimates(document, flags),
        "axis_end": AXIS_END_MG_CM3,
        "thresholds": threshold_readings(document),
        "rows": _rows(document),
        "circles": _circles(document),
        "cards": {level.value: _card(document, level) for level in Level},
        "column": column_pictures(result),
        "levels": [
            (reading.level.value, level_pictures(reading, reading.level == left_out)) for reading in result.readings
        ],
        "colors": {level.value: _css(segment_color_rgb(level)) for level in Level},
        "roi_color": _css(ROI_COLOR),
        "scale": ", ".join(_css(color) for color in color_stops()),
        "about_maps": ABOUT_MAPS,
        "changed": _changed_settings(document["settings"]),
        "settings": sorted(_flat(document["settings"]).items()),
    }


def _estimates(document: dict[str, Any], flags: Sequence[Flag]) -> list[Estimate]:
    """List every BMD of the case: by each calibration there is, and the network's own estimate."""
    held_back = document["classification"]["status"] is None
    doubt, found = "" if class_is_reliable(flags) else "; not reliable, as little as the class", []
    for one in document["bmd"]:
        of = f"mean of {' and '.join(one['levels'])}"
        detail = f"{one['calibration']}; {of}, as mg/cm³ of K₂HPO₄{'; their names are in doubt' if held_back else ''}"
        if one["kind"] == CalibrationKind.NETWORK:
            detail = f"{of}, learned from synthetic CTs: no measurement{doubt}"
        name = BMD_BY[one["kind"]]
        found.append(Estimate(f"{name[0].upper()}{name[1:]}", detail, one["mg_cm3"], one["interval_90_mg_cm3"]))
    return found


def _rows(document: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Fill the table of measurements: each row's head, and its cells for L1 and L2.

    Of what neither level has, only the HU have their row: the flags say why the rest is missing.
    """
    first, *more = [field for field in seen_in(View.REPORT) if not field.place.startswith("levels.")]
    there = [field for field in more if any(field.value(document, level) is not None for level in Level)]
    return [(field.head, [_said(field, document, level) for level in Level]) for field in (first, *there)]


def _circles(document: dict[str, Any]) -> list[tuple[str, float, float]]:
    """List the bodies from top to bottom with mean and SD of the HU in a circle."""
    order = (*NAMED_BODIES[:2], *Level, *NAMED_BODIES[2:])
    there = [(name, document["levels"].get(name) or {}) for name in order]
    return [
        (str(name), level["circle_hu"], level["circle_hu_sd"])
        for name, level in there
        if level.get("circle_hu") is not None
    ]


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


def _changed_settings(settings: dict[str, Any]) -> list[tuple[str, Any]]:
    """List the settings and options that aren't at their default."""
    default = _flat(settings_document(PipelineConfig(), ReadOptions()))
    return [(name, value) for name, value in sorted(_flat(settings).items()) if value != default.get(name)]


def _flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Name each setting with its section before it.

    >>> _flat({"refine": False, "measure": {"erosion_mm": 4.0}})
    {'refine': False, 'measure.erosion_mm': 4.0}
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return flat


def _css(color: tuple[int, int, int]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in color)


def _number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """Say a number with a true minus sign; a dash for null."""
    if value is None:
        return "–"
    text = f"{value:,.{digits}f}".replace("-", "−").replace(",", "\u202f")
    return f"{text}\u00a0{unit}" if unit else text


def _unbroken(text: str) -> str:
    """Keep numbers and their units on one line.

    >>> _unbroken("S −266.4 mm, with 90 % sure").count("\u00a0")
    3
    """
    return re.sub(r"(?<=\d) (?=(?:%|mg/|mm|kV|HU)(?:\W|$))|(?<=\bS) (?=[−\d])", "\u00a0", text)


def _css_text(text: str) -> str:
    r"""Write a text as CSS has it in quotes, so that it can end neither the quotes nor the style.

    >>> print(_css_text("P7</style>"))
    "P7\00003c\00002fstyle\00003e"
    """
    plain = (letter if letter.isascii() and letter.isalnum() else f"\\{ord(letter):06x}" for letter in text)
    return '"' + "".join(plain) + '"'
