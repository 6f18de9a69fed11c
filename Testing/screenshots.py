"""Render the pictures of the README: ``python Testing/screenshots.py`` writes Resources/Screenshots.

``phantoms.png`` shows ten phantoms, each as its L1 and L2 mid-slice, a sagittal and a coronal slice through L1 and a
projection of the bones; ``overview.png`` is what ``osteojoint demo`` shows of its default phantom.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from OsteoJointLib.output.drawing import PANEL, DisplayWindow, Label, gray, write_labels
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.records import Level
from OsteoJointLib.resources import resource_path

SEEDS = range(1, 11)
ROW_PX = 190
SOFT = DisplayWindow(center_hu=40.0, width_hu=400.0)
WIDE = DisplayWindow(center_hu=120.0, width_hu=560.0)
BONES = DisplayWindow(center_hu=380.0, width_hu=760.0)


def _fitted(picture: np.ndarray, aspect: float) -> np.ndarray:
    """Scale to the row's height; ``aspect`` is the height of a pixel over its width."""
    import cv2

    height, width = picture.shape[0] * aspect, picture.shape[1]
    size = (max(round(width * ROW_PX / height), 1), ROW_PX)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def phantom_row(phantom: Phantom) -> np.ndarray:
    """Draw one phantom as a row (ROW_PX, x, 3)."""
    hu, grid = phantom.volume.hu.astype(np.float32), phantom.volume.grid
    at = {
        level: np.rint(grid.lps_to_index(np.array(phantom.truth.centers_lps_mm[level.verse_label]))).astype(int)
        for level in Level
    }
    z, y, x = at[Level.L1]
    tall = grid.spacing_xyz_mm[2] / grid.spacing_xyz_mm[0]
    views = [
        _fitted(gray(hu[z], SOFT), 1.0),
        _fitted(gray(hu[at[Level.L2][0]], SOFT), 1.0),
        _fitted(gray(hu[::-1, :, x], WIDE), tall),
        _fitted(gray(hu[::-1, y], WIDE), tall),
        _fitted(gray(hu[::-1, max(y - 35, 0) :].max(axis=1), BONES), tall),
    ]
    truth = phantom.truth
    text = f"{truth.seed}: {truth.mean_bmd_mg_cm3:.0f} mg/cm3, {truth.kvp:.0f} kVp, {truth.contrast_phase}"
    return write_labels(np.hstack(views), [Label(text, (6, 6), "lt", size_px=13)])


def phantoms_sheet(seeds: range) -> np.ndarray:
    """Draw the phantoms in two columns."""
    rows = [phantom_row(make_phantom(seed)) for seed in seeds]
    width = max(row.shape[1] for row in rows)
    framed = []
    for row in rows:
        frame = np.full((ROW_PX + 4, width + 6, 3), PANEL, np.uint8)
        frame[:ROW_PX, : row.shape[1]] = row
        framed.append(frame)
    half = (len(framed) + 1) // 2
    return np.hstack([np.vstack(framed[:half]), np.vstack(framed[half:])])


def _save_small(picture: np.ndarray, path: Path) -> None:
    """Write a picture with 128 colors, because screenshots stay in git for good."""
    from PIL import Image

    Image.fromarray(picture).quantize(128).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Render both pictures."""
    import cv2

    from OsteoJointLib.demo import run_demo

    folder = resource_path("Screenshots")
    _save_small(phantoms_sheet(SEEDS), folder / "phantoms.png")
    with tempfile.TemporaryDirectory() as scratch:
        run_demo(Path(scratch) / "demo")
        overview = cv2.imread(str(Path(scratch) / "demo" / "overview.png"))[..., ::-1]
    width = 1400
    height = round(overview.shape[0] * width / overview.shape[1])
    _save_small(cv2.resize(overview, (width, height), interpolation=cv2.INTER_AREA), folder / "overview.png")


if __name__ == "__main__":
    main()
