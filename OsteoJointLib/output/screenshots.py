"""Pictures of the viewer's windows that go into the report as they are, each with its caption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.errors import Reason, UsageError

_KINDS = {"PNG": "image/png", "JPEG": "image/jpeg"}


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
        with Image.open(path) as image:
            mime, (width, height) = _KINDS.get(image.format or ""), image.size
            image.verify()
        content = path.read_bytes()
    except (OSError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _refusal(path, f"reading it failed: {' '.join(str(error).split())}") from error
    if mime is None:
        raise _refusal(path, "it is a picture of another kind")
    return Screenshot(content, mime, width, height, caption)


def _refusal(path: Path, what: str) -> UsageError:
    return UsageError(Reason.USAGE, f"A PNG or JPEG picture was expected at {path.name}; {what}. Take it again.")
