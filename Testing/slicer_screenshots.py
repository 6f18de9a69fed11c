"""Render the module in the test host: ``make screenshots`` writes whole windows to out/screenshots.

Every scene at two sizes of screen, in Slicer's light and dark style. The panel is the real one, the views are drawn by
Slicer's own displayable managers; what Slicer has around them is hinted at (`osteojoint_host/widgets/window.py`). A
picture that is there already isn't made again: remove it, or the folder, to see it anew. With ``--docs`` those that
README and docs show are written to Resources/Screenshots, with few colors, because they stay in git.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Testing" / "host"))

STYLES = ("light", "dark")
SIZES_PX = ((1366, 768), (1920, 1080))
PANEL_PX = 420
SECTIONS = ("levels", "masks", "why", "export", "label", "batch", "setup")
DEMO = "phantom"
SEEDS = (950_001, 950_002, 950_003)
"""Of the phantoms in the folder that is read as a batch and labeled, beside a picture that is no CT."""
BONE_END_MM = 22.0
"""So far above L1's center the doubtful CT ends: no rib is seen."""
CEMENT_HU, CEMENT_MM, CEMENT_PX = 1600, 8.0, 11
DOCS = {
    "slicer": ("read", "light"),
    "slicer-levels": ("confirm", "light"),
    "slicer-status": ("why", "light"),
    "slicer-corrected": ("edit", "light"),
    "slicer-labels": ("label", "light"),
}
"""Scene and style of each picture of the docs, all of the smaller screen."""


class Tour:
    """The module in a small Slicer of one style.

    Args:
        style: "light" or "dark".
        cts: folder of the phantoms.
    """

    def __init__(self, style: str, cts: Path):
        import osteojoint_host

        self.host = osteojoint_host.start()
        import slicer
        from osteojoint_host.widgets import slicer_style
        from osteojoint_host.widgets.window import SlicerWindow

        slicer_style.wear(style)
        slicer.app.userSettings().setValue("OsteoJoint/TourSeen", True)
        self.host.load_module()
        self.slicer, self.cts = slicer, cts
        widget = slicer.util.getModuleWidget("OsteoJoint")
        self.panel, self.reading = widget.panel.widget, widget.logic.reading
        self.window = SlicerWindow(widget.parent, self.host.views, SIZES_PX[0], PANEL_PX)
        self._is_read, self._shown = False, ""

    def child(self, name: str):
        """A widget of the panel by its name."""
        return self.slicer.util.findChild(self.panel, name)

    def editor(self):
        """The segment editor."""
        widgets = self.slicer.util.findChildren(self.panel, className="qMRMLSegmentEditorWidget")
        return widgets[0]

    def wait(self, condition: Callable[[], bool], seconds: float = 240.0) -> None:
        """Wait for something that must come."""
        if not self.host.wait_until(condition, seconds):
            sys.exit(f"It didn't come in {seconds:.0f} s; the module says: {self.reading.state.message!r}")

    def settle(self, seconds: float = 0.6) -> None:
        """Let everything come to rest."""
        end = time.monotonic() + seconds
        self.wait(lambda: not self.reading.running and time.monotonic() > end)
        self.window.settle()

    def click(self, name: str) -> None:
        """Click a button and wait for what it brings."""
        self.child(name).click()
        self.settle()

    def click_row(self, table: str, row: int) -> None:
        """Click into the first cell of a table's row."""
        import qt
        from PySide6.QtTest import QTest

        widget = self.child(table)
        place = widget.visualItemRect(widget.item(row, 0)).center()
        QTest.mouseClick(widget.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)
        self.settle()

    def open_section(self, name: str) -> None:
        """Open a section, and scroll to it."""
        self.child(f"{name}Section").collapsed = False
        self._shown = f"{name}Section"

    def pictures(self):
        """Yield the window as it stands at each size of screen, zoomed as the module zooms there: size, QImage."""
        from OsteoJointLib.slicer_bridge.scene import slice_views

        for size_px in SIZES_PX:
            self.window.setFixedSize(*size_px)
            self.settle()
            slice_views.zoom_in()
            self.window.show_in_panel(self.child(self._shown) if self._shown else None)
            yield size_px, self.window.picture()

    def fold(self) -> None:
        """Leave the layout, close the sections."""
        self._shown = ""
        if self.child("sideBySideButton").checked:
            self.child("sideBySideButton").click()
        for name in SECTIONS:
            self.child(f"{name}Section").collapsed = True
        self.settle()

    def start_anew(self) -> None:
        """Close the scene."""
        self.fold()
        self.host.clear()
        self._is_read = False
        self.settle()

    def load(self, change: Callable[[np.ndarray, float, np.ndarray], np.ndarray] | None = None) -> None:
        """Load the demo's phantom; ``change`` makes other HU of its own, of its slices' height and of L1's center."""
        node = self.slicer.util.loadVolume(str(self.cts / f"{DEMO}.nrrd"), {"name": DEMO})
        if change is not None:
            to_kji = np.linalg.inv(self.slicer.util.arrayFromVTKMatrix(_ijk_to_ras(node)))
            center = np.load(self.cts / "L1.npy")
            hu = self.slicer.util.arrayFromVolume(node).copy()
            hu = change(hu, node.GetSpacing()[2], (to_kji @ [*center, 1.0])[2::-1])
            self.slicer.util.updateVolumeFromArray(node, hu)
        self.settle()

    def read(self) -> None:
        """A CT, read."""
        self.fold()
        if not self._is_read:
            self.start_anew()
            self.load()
            self.click("applyButton")
            self._is_read = True

    def why(self) -> None:
        """The explanation map over both levels, side by side."""
        self.read()
        self.child("sideBySideButton").click()
        self.child("explanationCheckBox").checked = True
        self.open_section("why")

    def edit(self) -> None:
        """L2 chosen by its row, and a part of it erased."""
        self.read()
        self.child("explanationCheckBox").checked = False
        self.open_section("masks")
        self.child("editButton").collapsed = False
        self.click_row("masksTable", 1)
        nodes = self.reading.nodes
        mask = self.slicer.util.arrayFromSegmentBinaryLabelmap(nodes.get("masks"), "L2", nodes.volume)
        stroke = np.zeros_like(mask)
        places = np.nonzero(mask)
        middle = int(np.median(places[0]))
        stroke[middle - 1 : middle + 2, :, : int(np.percentile(places[2], 15))] = 1
        self.host.paint(self.editor(), stroke, erase=True)
        self.settle()

    def doubtful(self) -> None:
        """A CT without ribs, so that nobody can count."""
        self.start_anew()
        self.load(lambda hu, slice_mm, center: hu[: int(center[0] + BONE_END_MM / slice_mm)])
        self.click("applyButton")

    def confirm(self) -> None:
        """The same, after a click on *Check levels*."""
        self.doubtful()
        self.click("lookAtLevelsButton")
        self.open_section("levels")

    def left_out(self) -> None:
        """L1 with cement, left out; both levels side by side."""
        self.start_anew()
        self.load(_with_cement)
        self.click("applyButton")
        self.child("sideBySideButton").click()
        self.settle()

    def batch(self) -> None:
        """A folder, read as a batch, while a CT is open."""
        self.read()
        self.child("inputPath").setCurrentPath(str(self.cts / "folder"))
        self.child("outputPath").setCurrentPath(str(self.host.folder / "results"))
        self.open_section("batch")
        self.child("runButton").click()
        self.wait(lambda: self.child("runButton").text == "Run batch")

    def label(self) -> None:
        """A folder, of which one CT is labeled and the next one open."""
        self.start_anew()
        self.child("sourcePath").setCurrentPath(str(self.cts / "folder"))
        self.child("datasetPath").setCurrentPath(str(self.host.folder / "dataset"))
        self.open_section("label")
        self.child("flowButton").click()
        self.wait(lambda: self.child("labelButton").enabled)
        self.child("labelButton").click()
        self.wait(lambda: "1 labeled" in self.child("flowLabel").text and self.child("labelButton").enabled)


SCENES: dict[str, Callable[[Tour], None]] = {
    "read": Tour.read,
    "why": Tour.why,
    "edit": Tour.edit,
    "batch": Tour.batch,
    "doubtful": Tour.doubtful,
    "confirm": Tour.confirm,
    "left-out": Tour.left_out,
    "label": Tour.label,
}


def _ijk_to_ras(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def _with_cement(hu: np.ndarray, slice_mm: float, center: np.ndarray) -> np.ndarray:
    """Put a ball of cement into L1."""
    k, j, i = np.ogrid[tuple(map(slice, hu.shape))]
    high, wide = CEMENT_MM / slice_mm, CEMENT_PX
    away = ((k - center[0]) / high) ** 2 + ((j - center[1]) / wide) ** 2 + ((i - center[2]) / wide) ** 2
    hu[away < 1] = CEMENT_HU
    return hu


def make_cts(folder: Path) -> None:
    """Make the CTs, once."""
    from OsteoJointLib.cli.demo import DEMO_SEED
    from OsteoJointLib.phantom.cases import make_phantom
    from OsteoJointLib.phantom.writing import write_nrrd

    for seed, path in ((DEMO_SEED, folder / f"{DEMO}.nrrd"), *((s, folder / "folder" / f"ct-{s}.nrrd") for s in SEEDS)):
        if not path.is_file():
            phantom = make_phantom(seed)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_nrrd(phantom, folder / "new").rename(path)
            if seed == DEMO_SEED:
                x, y, z = phantom.truth.centers_lps_mm[20]
                np.save(folder / "L1.npy", [-x, -y, z])
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.Image(64, 64, 2, SimpleITK.sitkInt16), str(folder / "folder" / "scout.nrrd"))


def path_of(out: Path, scene: str, size_px: tuple[int, int], style: str) -> Path:
    """Where a picture lies."""
    return out / f"{scene}-{size_px[0]}x{size_px[1]}-{style}.png"


def render(out: Path, style: str) -> None:
    """Render the scenes of one style that aren't there yet."""
    tour = None
    for name, walk in SCENES.items():
        if not all(path_of(out, name, size_px, style).is_file() for size_px in SIZES_PX):
            tour = tour or Tour(style, out / "cts")
            walk(tour)
            for size_px, picture in tour.pictures():
                picture.save(str(path_of(out, name, size_px, style)))
                print(path_of(out, name, size_px, style), flush=True)
    if tour is not None:
        for line in tour.host.errors():
            print(line, file=sys.stderr)
        tour.reading.close()


def save_docs(out: Path) -> None:
    """Write the pictures of the docs."""
    from PIL import Image

    for name, (scene, style) in DOCS.items():
        picture = Image.open(path_of(out, scene, SIZES_PX[0], style)).convert("RGB")
        path = ROOT / "Resources" / "Screenshots" / f"{name}.png"
        # octree: noise becomes even gray, which is small, while rare colors, such as a level's, stay what they are
        small = picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        print(f"{path.relative_to(ROOT)}: {picture.width} x {picture.height}, {path.stat().st_size / 1e3:.0f} kB")


def main() -> None:
    """Render what is missing, each size and style in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "screenshots", help="folder of the pictures")
    parser.add_argument("--docs", action="store_true", help="write those of README and docs, too")
    parser.add_argument("--style", choices=STYLES, help="render this one only")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    make_cts(out / "cts")
    if arguments.style:
        render(out, arguments.style)
        return
    for style in STYLES:
        subprocess.run([sys.executable, __file__, "--out", str(out), "--style", style], check=True)
    if arguments.docs:
        save_docs(out)


if __name__ == "__main__":
    main()
