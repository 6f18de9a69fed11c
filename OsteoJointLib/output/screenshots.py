"""Pictures of the viewer's windows that go into the report as they are, each with its caption."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.errors import Reason, UsageError

_MIMES = {"PNG": "image/png", "JPEG": "image/jpeg"}


@dataclass(frozen=True)
class Screenshot:
    """A picture file's bytes with what a page needs to show it.

    Args:
        content: of the file.
        mime: image/png or image/jpeg.
        width, height: in pixels.
        caption: what it shows.
    """

    content: bytes
    mime: str
    width: int
    height: int
    caption: str


def read_screenshot(path: Path, caption: str) -> Screenshot:
    """Read a picture file.

    Raises:
        UsageError: it is missing, or no PNG or JPEG.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=list(_MIMES)) as image:
            mime, (width, height) = _MIMES[str(image.format)], image.size
            image.verify()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        what = "it is no PNG or JPEG file" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UsageError(Reason.USAGE, f"The picture {path.name} can't be read: {what}. Take it again.") from error
    return Screenshot(content, mime, width, height, caption)
