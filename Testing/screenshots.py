"""Render the pictures of the README and docs: ``python Testing/screenshots.py`` writes Resources/Screenshots.

``phantoms.png`` shows the demo's phantom and nine with old spines, each as its L1 and L2 mid-slice, a sagittal and a
coronal slice through L1 and a projection of the bones; ``overview.png`` is what ``osteojoint demo`` shows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from OsteoJointLib.cli.demo import DEMO_SEED, run_demo
from OsteoJointLib.output.drawing import DisplayWindow, Label, gray, write_labels
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.records import Level
from OsteoJointLib.resources import resource_path

SEEDS = (DEMO_SEED, 309, 273, 94, 51, 264, 329, 372, 122, 377)
"""An ordinary spine; then bridges, fractures with cement, vanished discs, screws, rods, a bent, a worn, an obese and a
wasted patient."""
TILE_PX = 200
FIELD_MM = 360.0
"""Edge of the square of each view that is shown."""
SOFT = DisplayWindow(center_hu=40.0, width_hu=400.0)
WIDE = DisplayWindow(center_hu=120.0, width_hu=560.0)
BONES = DisplayWindow(center_hu=380.0, width_hu=760.0)


def _tile(picture: np.ndarray, pixel_mm: tuple[float, float]) -> np.ndarray:
    """Cut or pad a view to FIELD_MM around its middle and scale it to (TILE_PX, TILE_PX, 3).

    Args:
        picture: (y, x, 3).
        pixel_mm: height and width of its pixels.
    """
    import cv2

    step = np.array([FIELD_MM / TILE_PX / pixel_mm[1], FIELD_MM / TILE_PX / pixel_mm[0]])
    middle = np.array([picture.shape[1] - 1, picture.shape[0] - 1]) / 2.0
    to_source = np.column_stack([np.diag(step), middle - step * (TILE_PX - 1) / 2.0])
    smooth = cv2.blur(picture, tuple(int(max(round(s), 1)) for s in step))
    return cv2.warpAffine(smooth, to_source, (TILE_PX, TILE_PX), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def phantom_row(phantom: Phantom) -> np.ndarray:
    """Draw one phantom as five tiles side by side, around the column."""
    hu, grid = phantom.volume.hu.astype(np.float32), phantom.volume.grid
    centers = {level: np.array(phantom.truth.centers_lps_mm[level.verse_label]) for level in Level}
    at = {level: np.rint(grid.lps_to_index(center)).astype(int) for level, center in centers.items()}
    z, y, x = at[Level.L1]
    front = max(y - 35, 0)
    width, height, thick = grid.spacing_xyz_mm
    views = [
        _tile(gray(hu[z], SOFT), (height, width)),
        _tile(gray(hu[at[Level.L2][0]], SOFT), (height, width)),
        _tile(gray(hu[::-1, :, x], WIDE), (thick, height)),
        _tile(gray(hu[::-1, y], WIDE), (thick, width)),
        _tile(gray(hu[::-1, front:].max(axis=1), BONES), (thick, width)),
    ]
    return write_labels(np.hstack(views), [Label(caption(phantom), (6, 6), "lt", size_px=13)])


def caption(phantom: Phantom) -> str:
    """Say who is seen: sex, age, class, BMD, contrast."""
    truth, person = phantom.truth, phantom.truth.drawn["person"]
    who = f"{'woman' if person['sex'] == 'F' else 'man'} of {person['age_years']:.0f}"
    phase = "no contrast" if truth.contrast_phase == "none" else f"{truth.contrast_phase} phase"
    return f"{who}, {truth.status.value}, {truth.mean_bmd_mg_cm3:.0f} mg/cm3, {truth.kvp:.0f} kVp, {phase}"


def phantoms_sheet(seeds: Sequence[int]) -> np.ndarray:
    """Draw the phantoms in two columns."""
    rows = [np.pad(phantom_row(make_phantom(seed)), ((0, 4), (0, 6), (0, 0))) for seed in seeds]
    half = (len(rows) + 1) // 2
    return np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])


def _save_small(picture: np.ndarray, path: Path, colors: int) -> None:
    """Write a picture with few colors, because screenshots stay in git for good."""
    from PIL import Image

    Image.fromarray(picture).quantize(colors).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Render both pictures."""
    import cv2

    folder = resource_path("Screenshots")
    _save_small(phantoms_sheet(SEEDS), folder / "phantoms.png", colors=32)
    with tempfile.TemporaryDirectory() as scratch:
        run_demo(Path(scratch) / "demo")
        overview = cv2.imread(str(Path(scratch) / "demo" / "overview.png"))[..., ::-1]
    width = 1400
    height = round(overview.shape[0] * width / overview.shape[1])
    _save_small(
        cv2.resize(overview, (width, height), interpolation=cv2.INTER_AREA), folder / "overview.png", colors=256
    )


if __name__ == "__main__":
    main()
