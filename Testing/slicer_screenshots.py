"""Render the pictures of the module: ``make screenshots`` writes Resources/Screenshots/slicer*.png.

The tutorial (docs/manual/tutorial.md) is walked through in the test host: the panel is the real one, the views are
drawn by Slicer's own displayable managers. Around them, the real Slicer has menus and toolbars that stand nowhere here.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Testing" / "host"))

import osteojoint_host  # noqa: E402 (found through the line above)

PANEL_PX = 430
VIEW_PX = (760, 560)
"""Width of all views together, and the least height of one."""
TALL_PX = 1800
MARGIN_PX = 9
GAP_PX = 4
GROUND = (44, 48, 54)
SECTIONS = ("levels", "masks", "why", "export", "label", "batch", "setup")
FIELD_MM = 130.0


class Tour:
    """The module in a small Slicer, walked through step by step."""

    def __init__(self):
        self.host = osteojoint_host.start()
        import slicer

        slicer.app.userSettings().setValue("OsteoJoint/TourSeen", True)
        self.host.load_module()
        self.slicer = slicer
        self.widget = slicer.util.getModuleWidget("OsteoJoint")
        self.panel = self.widget.panel.widget
        self.reading = self.widget.logic.reading

    def child(self, name: str):
        """A widget of the panel by its name."""
        return self.slicer.util.findChild(self.panel, name)

    def settle(self, seconds: float = 0.6) -> None:
        """Let everything come to rest."""
        self.host.wait_until(lambda: not self.reading.running, 240)
        end = time.monotonic() + seconds
        self.host.wait_until(lambda: time.monotonic() > end, seconds + 1)
        self.host.wait_until(lambda: not self.reading.running, 240)

    def click(self, name: str) -> None:
        """Click a button and wait for what it brings."""
        self.child(name).click()
        self.settle()

    def look_at(self, level: str, field_mm: float) -> None:
        """Center the slices on a level, so that their shorter side shows ``field_mm``."""
        from OsteoJointLib.slicer_bridge.scene.slice_views import jump_to

        jump_to(self.reading.state.levels[level].center_ras, self.reading.nodes.volume)
        for node in self.slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            width, height, depth = node.GetFieldOfView()
            scale = field_mm / min(width, height)
            node.SetFieldOfView(width * scale, height * scale, depth)

    def open_sections(self, *names: str) -> None:
        """Open these sections and close the others."""
        for name in SECTIONS:
            self.child(f"{name}Section").collapsed = name not in names

    def picture_of_panel(self) -> np.ndarray:
        """The panel as it stands, (y, x, 3), cut where it ends."""
        whole = self.widget.parent
        whole.resize(PANEL_PX, TALL_PX)
        whole.show()
        self.settle(0.3)
        path = self.host.folder / "panel.png"
        whole.grab().toImage().save(str(path))
        from PIL import Image

        return np.asarray(Image.open(path).convert("RGB"))[: self.panel.height + 2 * MARGIN_PX]

    def picture_of_view(self, name: str, size_px: tuple[int, int]) -> np.ndarray:
        """A slice view as it stands, (y, x, 3)."""
        return self.slicer.app.layoutManager().render_slice(name, size_px)

    def picture(self, *views: str) -> np.ndarray:
        """The panel on the left, the views on the right: the first above, the others below it, side by side."""
        panel = self.picture_of_panel()
        height = max(panel.shape[0], VIEW_PX[1])
        if len(views) > 1:
            height = (height - GAP_PX) // 2
        first = self.picture_of_view(views[0], (VIEW_PX[0], height))
        if len(views) == 1:
            return _beside([panel, first])
        width = (VIEW_PX[0] - GAP_PX * (len(views) - 2)) // (len(views) - 1)
        below = _beside([self.picture_of_view(view, (width, height)) for view in views[1:]])
        return _beside([panel, _stacked([first, below])])


def _beside(pictures: list[np.ndarray]) -> np.ndarray:
    height = max(picture.shape[0] for picture in pictures)
    parts = [_padded(picture, height) for picture in pictures]
    gap = np.full((height, GAP_PX, 3), GROUND, np.uint8)
    return np.concatenate([part for picture in parts for part in (picture, gap)][:-1], axis=1)


def _stacked(pictures: list[np.ndarray]) -> np.ndarray:
    return _beside([picture.transpose(1, 0, 2) for picture in pictures]).transpose(1, 0, 2)


def _padded(picture: np.ndarray, height: int) -> np.ndarray:
    below = np.full((height - picture.shape[0], picture.shape[1], 3), GROUND, np.uint8)
    return np.concatenate([picture, below])


def save(picture: np.ndarray, name: str) -> None:
    """Write a picture with few colors, because screenshots stay in git for good."""
    from PIL import Image

    path = ROOT / "Resources" / "Screenshots" / f"{name}.png"
    Image.fromarray(picture).quantize(256, kmeans=2, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {picture.shape[1]} x {picture.shape[0]}, {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Walk through the tutorial and render its pictures."""
    tour = Tour()
    from OsteoJointLib.slicer_bridge.setup.sample_data import load_phantom

    volume = load_phantom()
    tour.settle()
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(500, 120)
    tour.open_sections("levels")
    tour.click("findButton")
    tour.look_at("L1", 190.0)
    save(tour.picture("Yellow", "Green"), "slicer-levels")

    tour.click("applyButton")
    tour.open_sections("levels", "masks")
    tour.child("heatmapCheckBox").checked = True
    tour.look_at("L1", FIELD_MM)
    tour.settle()
    save(tour.picture("Red", "Yellow", "Green"), "slicer")
    tour.child("heatmapCheckBox").checked = False

    tour.child("explanationCheckBox").checked = True
    tour.open_sections("why")
    tour.look_at("L2", FIELD_MM)
    tour.settle()
    save(tour.picture("Red"), "slicer-status")
    tour.child("explanationCheckBox").checked = False

    tour.child("followCheckBox").checked = False
    segmentation = tour.reading.nodes.get("masks")
    mask = tour.slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "L2", volume)
    mask[:, :, : int(np.median(np.nonzero(mask)[2])) - 18] = 0
    tour.slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "L2", volume)
    tour.open_sections("masks")
    tour.child("refineButton").collapsed = False
    tour.look_at("L2", 90.0)
    tour.settle()
    save(tour.picture("Red"), "slicer-corrected")
    tour.child("refineButton").collapsed = True

    tour.click("applyButton")
    tour.open_sections("export", "label")
    save(tour.picture_of_panel(), "slicer-export")
    tour.reading.close()


if __name__ == "__main__":
    main()
