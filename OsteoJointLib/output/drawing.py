"""Small drawing primitives on RGB arrays: windows, patches cut from slices, contours, color overlays, labels, PNG.

OpenCV and Pillow only, because importing matplotlib alone would take as long as the whole report may. Both are imported
where they are used: Slicer takes the colors from here. A picture is a (y, x, 3) uint8 RGB array. Widths, opacities and
smoothing are chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.atomic import write_whole

if TYPE_CHECKING:
    from PIL import ImageFont

Color = tuple[int, int, int]
WHITE: Color = (255, 255, 255)
PANEL: Color = (16, 20, 26)
"""Background of the pictures, a blue black."""

COLOR_STOPS: tuple[Color, ...] = (
    (0, 0, 4), (11, 7, 36), (33, 12, 74), (61, 9, 101), (87, 16, 110), (113, 25, 110), (138, 34, 106), (163, 44, 97),
    (188, 55, 84), (208, 69, 69), (227, 89, 51), (241, 113, 31), (249, 140, 10), (252, 170, 15), (249, 201, 50),
    (242, 232, 101), (252, 255, 164),
)  # fmt: skip
"""The overlays' scale from 0 to 1 in equal steps (inferno): dark to yellow, in the report and in Slicer alike."""


@dataclass(frozen=True)
class DisplayWindow:
    """The HU range shown from black to white: ``center_hu`` ± ``width_hu`` / 2."""

    center_hu: float
    width_hu: float

    @property
    def words(self) -> str:
        """Width and level, as radiology has them.

        >>> BONE_WINDOW.words
        'W 1000 L 200'
        """
        return f"W {self.width_hu:.0f} L {self.center_hu:.0f}"


BONE_WINDOW = DisplayWindow(center_hu=200.0, width_hu=1000.0)
"""For the column: shows shell, trabeculae and soft tissue at once."""

BODY_WINDOW = DisplayWindow(center_hu=120.0, width_hu=640.0)
"""For the mid-slices: narrower, so that trabecular bone does not drown in gray."""


@dataclass(frozen=True)
class Patch:
    """A square cut from a slice, to be drawn at ``size_px``.

    Args:
        center_yx: its center in the slice's pixels (center coordinates).
        field_px: its edge length in the slice's pixels.
        size_px: its edge length in the picture's pixels.
    """

    center_yx: tuple[float, float]
    field_px: float
    size_px: int

    @property
    def scale(self) -> float:
        """Picture pixels per slice pixel."""
        return self.size_px / self.field_px

    def to_picture(self, points_xy: np.ndarray) -> np.ndarray:
        """Map (..., 2) slice points (x, y), center coordinates, to picture points."""
        center_xy = np.array(self.center_yx[::-1])
        return (np.asarray(points_xy) - center_xy) * self.scale + (self.size_px - 1) / 2

    def cut(self, array: np.ndarray, border: float) -> np.ndarray:
        """Resample a (y, x) slice to (size_px, size_px) float32, ``border`` outside the slice."""
        import cv2

        corner = self.to_picture(np.zeros(2))
        matrix = np.array([[self.scale, 0.0, corner[0]], [0.0, self.scale, corner[1]]])
        way = cv2.INTER_CUBIC if self.scale > 1 else cv2.INTER_AREA
        return cv2.warpAffine(
            np.ascontiguousarray(array, dtype=np.float32),
            matrix,
            (self.size_px, self.size_px),
            flags=cv2.INTER_LINEAR if way == cv2.INTER_AREA else way,
            borderValue=border,
        )


def gray(hu: np.ndarray, window: DisplayWindow) -> np.ndarray:
    """Show a (y, x) slice in HU through a window as a (y, x, 3) picture."""
    low = window.center_hu - window.width_hu / 2
    values = np.clip((hu - low) * (255.0 / window.width_hu), 0, 255).astype(np.uint8)
    return np.repeat(values[..., None], 3, axis=-1)


def overlay(picture: np.ndarray, heat: np.ndarray, strength: float = 0.75) -> np.ndarray:
    """Lay a map over a picture in color; where it is 0 the picture stays as it is.

    Args:
        picture: (y, x, 3).
        heat: (y, x) in [0, 1].
        strength: opacity where the map is 1.
    """
    heat = np.clip(heat, 0.0, 1.0)
    colors = color_table()[(heat * 255).astype(np.uint8)]
    alpha = (strength * opaqueness(heat))[..., None]
    return (picture * (1 - alpha) + colors * alpha).astype(np.uint8)


def color_stops(count: int = 9) -> tuple[Color, ...]:
    """Colors of the overlays' scale from 0 to 1, for a legend."""
    picks = np.linspace(0, 255, count).round().astype(int)
    return tuple(tuple(int(channel) for channel in color_table()[pick]) for pick in picks)  # type: ignore[misc]


@lru_cache(maxsize=1)
def color_table() -> np.ndarray:
    """(256, 3) uint8 RGB of the overlays' scale from 0 to 1."""
    steps, values = np.linspace(0.0, 1.0, len(COLOR_STOPS)), np.linspace(0.0, 1.0, 256)
    channels = [np.interp(values, steps, channel) for channel in np.transpose(COLOR_STOPS)]
    table = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    table.setflags(write=False)
    return table


def opaqueness(heat: np.ndarray) -> np.ndarray:
    """Say how opaque an overlay is for values in [0, 1]: not at all at 0, wholly from 0.625 on."""
    return np.clip(heat * 1.6, 0.0, 1.0)


def outline(picture: np.ndarray, mask: np.ndarray, patch: Patch, color: Color, dashed: bool = False) -> None:
    """Draw a mask's boundary into a patch's picture, in place.

    Args:
        picture: (size_px, size_px, 3).
        mask: (y, x) bool in the frame of the slice the patch was cut from.
        patch: the cut.
        color: of the line.
        dashed: draw dots and gaps instead of a closed line, for what is measured rather than segmented.
    """
    import cv2

    field = patch.cut(mask.astype(np.float32), 0.0)
    # blurred by a third of a slice's pixel, so that its corners don't show
    inside = (cv2.GaussianBlur(field, (0, 0), max(0.6, patch.scale * 0.35)) >= 0.5).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        points = _smooth(contour[:, 0, :].astype(np.float64))
        for part in _dashes(points) if dashed else [points]:
            fixed = np.round(part * 16).astype(np.int32)
            cv2.polylines(picture, [fixed], not dashed, (0, 0, 0), 3 if dashed else 4, cv2.LINE_AA, shift=4)
        for part in _dashes(points) if dashed else [points]:
            fixed = np.round(part * 16).astype(np.int32)
            cv2.polylines(picture, [fixed], not dashed, color, 2, cv2.LINE_AA, shift=4)


@dataclass(frozen=True)
class Label:
    """A short text in a picture.

    Args:
        text: what it says.
        xy: picture point of its anchor.
        anchor: Pillow's anchor: l, m, r across and t, m, b down.
        color: of the letters.
        size_px: height of the font.
        fill: color of a pill behind the letters; None draws a dark rim instead.
    """

    text: str
    xy: tuple[float, float]
    anchor: str = "mm"
    color: Color = WHITE
    size_px: int = 15
    fill: Color | None = None


def write_labels(picture: np.ndarray, labels: list[Label]) -> np.ndarray:
    """Return the picture with the labels written into it."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for label in labels:
        font = _font(label.size_px)
        if label.fill is None:
            draw.text(
                label.xy, label.text, label.color, font, anchor=label.anchor, stroke_width=2, stroke_fill=(0, 0, 0)
            )
            continue
        left, top, right, bottom = draw.textbbox(label.xy, label.text, font, anchor=label.anchor)
        pad = label.size_px * 0.35
        draw.rounded_rectangle((left - pad, top - pad, right + pad, bottom + pad), pad, fill=label.fill)
        draw.text(label.xy, label.text, label.color, font, anchor=label.anchor)
    return np.asarray(image)


def corner_labels(width: int, left: list[str], right: list[str], size_px: int) -> list[Label]:
    """Lay lines of text into the upper corners of a picture, as viewers of radiology do."""
    pad, line = size_px * 0.6, size_px * 1.35
    rows = [Label(text, (pad, pad + row * line), "lt", size_px=size_px) for row, text in enumerate(left)]
    return rows + [
        Label(text, (width - pad, pad + row * line), "rt", size_px=size_px) for row, text in enumerate(right)
    ]


def scale_bar(picture: np.ndarray, px_per_mm: float, length_mm: float, size_px: int) -> Label:
    """Draw a bar of known length into the lower right corner, in place; returns its number."""
    import cv2

    height, width = picture.shape[:2]
    y, right = height - round(0.9 * size_px), width - round(0.9 * size_px)
    left = right - round(length_mm * px_per_mm)
    for color, thickness in (((0, 0, 0), 6), (WHITE, 3)):
        cv2.line(picture, (left, y), (right, y), color, thickness, cv2.LINE_AA)
    return Label(f"{length_mm / 10:g} cm", ((left + right) / 2, y - 6), "mb", size_px=size_px)


def png_bytes(picture: np.ndarray) -> bytes:
    """Encode a (y, x, 3) picture as PNG."""
    import cv2

    # level 4 of 9: larger levels take longer and save little
    done, encoded = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not done:
        raise ValueError(f"picture must be (y, x, 3) uint8, got {picture.shape} {picture.dtype}")
    return encoded.tobytes()


def write_png(picture: np.ndarray, path: Path) -> None:
    """Write a picture as a PNG file, whole."""
    with write_whole(Path(path)) as temporary:
        temporary.write_bytes(png_bytes(picture))


def _smooth(points: np.ndarray) -> np.ndarray:
    """Average seven (N, 2) neighbors along a closed line, so that pixel stairs do not show."""
    if len(points) < 9:  # a line so short would shrink to a dot
        return points
    kernel = np.ones(7) / 7
    padded = np.concatenate([points[-3:], points, points[:3]])
    return np.stack([np.convolve(padded[:, axis], kernel, "valid") for axis in (0, 1)], axis=1)


def _dashes(points: np.ndarray, dash_px: float = 7.0, gap_px: float = 5.0) -> list[np.ndarray]:
    closed = np.concatenate([points, points[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    phase = along % (dash_px + gap_px) < dash_px
    runs = np.split(np.arange(len(closed)), np.flatnonzero(np.diff(phase.astype(int))) + 1)
    return [closed[run] for run in runs if phase[run[0]] and len(run) > 1]


@lru_cache(maxsize=16)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size_px)
