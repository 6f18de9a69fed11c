"""A small copy of a case's overview, for the page that shows all cases of a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.output.overview import OVERVIEW_FILE
from OsteoJointLib.pipeline.case import CaseResult

THUMBNAIL_FILE = "thumbnail.jpg"
_WIDTH_PX = 360
"""Twice what the page gives it, for screens with fine pixels (chosen)."""
_QUALITY = 80
"""Of the JPEG, of 100 (chosen: 20 kB)."""


def write_thumbnail(result: CaseResult, folder: Path, document: dict[str, Any]) -> None:
    """Write the small picture beside the overview in a case's folder."""
    from PIL import Image

    with Image.open(folder / OVERVIEW_FILE) as overview:
        small = overview.convert("RGB")
    small.thumbnail((_WIDTH_PX, small.height))
    with write_whole(folder / THUMBNAIL_FILE) as path:
        small.save(path, quality=_QUALITY)
