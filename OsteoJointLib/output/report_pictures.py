"""The pictures of a report, each with its words: what it shows for who can't see it, and a caption."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.output.axial_pictures import axial_views, explanation_title, slice_place, whole_slice_view
from OsteoJointLib.output.column_pictures import Plane, column_view
from OsteoJointLib.output.drawing import png_bytes
from OsteoJointLib.output.screenshots import Screenshot
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import CtVolume, ExplanationMap


@dataclass(frozen=True)
class Picture:
    """A picture of the page: its data URI, size in pixels, what it shows in words, and its caption."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str


def column_pictures(result: CaseResult) -> list[Picture]:
    """Show where L1 and L2 are: curved reformats of the column, or the slices that were given."""
    if not isinstance(result.volume, CtVolume):
        return [
            _picture(
                whole_slice_view(reading),
                f"The whole axial CT slice given for {reading.level}, with the box of its vertebral body.",
                f"The slice given for {reading.level}",
            )
            for reading in result.readings
        ]
    names = [name for name in result.levels.names if name] or ["L1", "L2"]
    pictures = []
    for plane in Plane:
        view = column_view(result, plane)
        if view is not None:
            alt = (
                f"{plane.capitalize()} CT view bent along the column, with {', '.join(names)} named. Lines mark the "
                "slices read."
            )
            pictures.append(_picture(view, alt, f"{plane.capitalize()}, bent along the column"))
    return pictures


def level_pictures(reading: VertebraReading, left_out: bool) -> list[Picture]:
    """Show a level's mid-slice: body and measured region, boundary heat map, explanation map.

    Args:
        reading: the level.
        left_out: whether it was left out of the class.
    """
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
            f"Body and, dotted, measured region, at {slice_place(reading).replace('-', '−')}",
        )
    ]
    if views.heatmap is not None:
        alt = f"The same slice of {level} with the network's boundary heat map in color."
        pictures.append(_picture(views.heatmap, alt, "Boundary heat map: 1 where the network sees the body's edge"))
    if views.explanation is not None and reading.explanation is not None:
        title = explanation_title(reading.explanation)
        alt = f"The same slice of {level} with, in color, where the class gets its support. {title}."
        caption = "Left out: nothing here counts for the class" if left_out else _explained(title, reading.explanation)
        pictures.append(_picture(views.explanation, alt, caption))
    return pictures


def screenshot_picture(shot: Screenshot) -> Picture:
    """Show a viewer's picture as it is."""
    uri = f"data:{shot.mime};base64," + base64.b64encode(shot.content).decode("ascii")
    return Picture(uri, shot.width, shot.height, f"Picture of the viewer: {shot.caption}", shot.caption)


def _explained(title: str, explanation: ExplanationMap) -> str:
    """Say what the map is, and what its color bar's 100 % stands for."""
    return title if explanation.blank else f"{title} (100 %: {explanation.scale_max:.2g} log-odds a cell)"


def _picture(picture: np.ndarray, alt: str, caption: str) -> Picture:
    uri = "data:image/png;base64," + base64.b64encode(png_bytes(picture)).decode("ascii")
    return Picture(uri, picture.shape[1], picture.shape[0], alt, caption)
