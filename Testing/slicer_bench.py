"""`make bench` for the module: from the click to what is seen, and how long the window stands still meanwhile.

Measured through the real panel in the test host, on a phantom CT of 512 x 512 x 200 voxels. *Cold* starts the worker;
*warm* gives the running worker a CT that it doesn't know yet. An edit and a moved point begin when the scene has
changed and end when the panel shows the new class. *The next CT* of a folder to label comes by one click on *Save and
next*, after a corrected mask, and ends when it can be saved in its turn. *Still* is the longest time between two
ticks of a 2 ms timer in the event loop during the run: the longest that the window can't answer. Times are medians of
the repeats, blocks are maxima. Nothing is asserted: a slow machine is not a failed test.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from OsteoJointLib.records import CtVolume

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Testing" / "host"))

import osteojoint_host  # noqa: E402 (found through the line above)

SEED = 950_001
SLICES = 200
WANTED_S = {
    "levels, cold": 5.0,
    "levels, warm": 2.0,
    "class, cold": 6.0,
    "class, warm": 3.0,
    "class after a moved point": 0.5,
    "class after an edited mask": 0.5,
    "first CT of a folder to label": 6.0,
    "next CT after a saved label": 3.0,
}


class Bench:
    """The module with a CT in a small Slicer."""

    def __init__(self):
        self.host = osteojoint_host.start()
        self.host.load_module()
        import qt
        import slicer

        self.slicer = slicer
        widget = slicer.util.getModuleWidget("OsteoJoint")
        self.panel, self.reading = widget.panel.widget, widget.logic.reading
        self.volume = phantom()
        self.hu, self.ijk_to_ras = self.volume.hu, np.diag([-1.0, -1.0, 1.0, 1.0]) @ self.volume.grid.matrix
        self.seconds: dict[str, list[float]] = {name: [] for name in WANTED_S}
        self.still_ms: dict[str, float] = dict.fromkeys(WANTED_S, 0.0)
        self._last, self._longest = time.perf_counter(), 0.0
        self._timer = qt.QTimer()
        self._timer.setInterval(2)
        self._timer.connect("timeout()", self._tick)
        self._timer.start()

    def new_ct(self) -> None:
        """Empty the scene and put the CT into it."""
        self.slicer.mrmlScene.Clear()
        node = self.slicer.util.addVolumeFromArray(self.hu, name="CT")
        node.SetIJKToRASMatrix(self.slicer.util.vtkMatrixFromArray(self.ijk_to_ras))
        self.slicer.util.findChild(self.panel, "volumeSelector").setCurrentNode(node)
        self.host.wait_until(lambda: self.reading.state.volume_name and not self.reading.state.problem, 10)

    def click(self, name: str) -> None:
        """Click a button of the panel."""
        self.slicer.util.findChild(self.panel, name).click()

    def measure(self, name: str, begin: Callable[[], None], ended: Callable[[], bool]) -> None:
        """Time one run."""
        self.settle()
        self._last, self._longest = time.perf_counter(), 0.0
        start = time.perf_counter()
        begin()
        if not self.host.wait_until(ended, 120):
            sys.exit(f"Expected an end of: {name}, came {self.reading.state.message!r}.")
        self.seconds[name].append(time.perf_counter() - start)
        self.host.wait_until(lambda: not self.reading.running, 120)
        self.still_ms[name] = max(self.still_ms[name], 1000 * self._longest)

    def settle(self) -> None:
        """Wait until nothing happens any more."""
        end = time.perf_counter() + 0.3
        self.host.wait_until(lambda: not self.reading.running and time.perf_counter() > end, 60)

    def round(self) -> None:
        """Measure everything once."""
        state = self.reading

        def levels_are_there() -> bool:
            return all(level.center_ras is not None for level in state.state.levels.values())

        for name, kill in (("levels, cold", True), ("levels, warm", False)):
            self.new_ct()
            if kill:
                state.client.kill()
            self.measure(name, lambda: self.click("findButton"), levels_are_there)
        for name, kill in (("class, cold", True), ("class, warm", False)):
            self.new_ct()
            if kill:
                state.client.kill()
            self.measure(name, lambda: self.click("applyButton"), lambda: state.state.document is not None)
        self.settle()
        before = state.state.document
        self.measure("class after a moved point", self.move_point, lambda: state.state.document != before)
        again = state.state.document
        self.measure_edit(lambda: state.state.document != again)

    def label(self, count: int) -> None:
        """Label a folder of CTs, each after a correction."""
        from OsteoJointLib.io.nrrd import image_on_grid, write_image

        self.slicer.mrmlScene.Clear()
        with tempfile.TemporaryDirectory(prefix="osteojoint-bench-") as temporary:
            folder = Path(temporary) / "cts"
            folder.mkdir()
            for number in range(count):
                hu = self.hu.copy()
                hu[0, 0, number] += 1  # another CT by its voxels
                write_image(image_on_grid(hu, self.volume.grid), folder / f"{number:02}.nrrd", compress=False)
            for name, path in (("datasetPath", Path(temporary) / "labels"), ("sourcePath", folder)):
                self.slicer.util.findChild(self.panel, name).setCurrentPath(str(path))
            save, flow = (self.slicer.util.findChild(self.panel, name) for name in ("labelButton", "flowButton"))
            self.measure("first CT of a folder to label", flow.click, lambda: save.enabled)
            for _ in range(count - 1):
                self.settle()
                before = self.reading.state.document
                self.measure_edit(lambda before=before: self.reading.state.document != before)
                self.measure("next CT after a saved label", save.click, lambda: save.enabled)
            flow.click()

    def measure_edit(self, ended: Callable[[], bool]) -> None:
        """Correct the mask of L2."""
        mask = self.edited_mask()
        self.measure("class after an edited mask", lambda: self.paint(mask), ended)

    def move_point(self) -> None:
        """Move the point of L1 by 5 mm."""
        from OsteoJointLib.slicer_bridge.scene.level_nodes import point_nodes

        place = np.array(self.reading.state.levels["L1"].center_ras) + np.array([0.0, 0.0, 5.0])
        point_nodes(self.reading.nodes)[0].SetNthControlPointPositionWorld(0, *place)

    def edited_mask(self) -> np.ndarray:
        """(k, j, i) uint8, L2's mask without its right side."""
        nodes = self.reading.nodes
        mask = self.slicer.util.arrayFromSegmentBinaryLabelmap(nodes.get("masks"), "L2", nodes.volume).copy()
        mask[:, :, : int(np.flatnonzero(mask.any(axis=(0, 1)))[0]) + 5] = 0
        return mask

    def paint(self, mask: np.ndarray) -> None:
        """Set L2's mask; what that takes is Slicer's own time and isn't counted."""
        nodes = self.reading.nodes
        update = self.slicer.util.updateSegmentBinaryLabelmapFromArray
        begin = time.perf_counter()
        update(mask, nodes.get("masks"), "L2", nodes.volume)
        now = time.perf_counter()
        self.seconds["class after an edited mask"].append(begin - now)
        self._last = now

    def _tick(self) -> None:
        now = time.perf_counter()
        self._longest, self._last = max(self._longest, now - self._last), now


def phantom() -> CtVolume:
    """A phantom of the usual size."""
    from OsteoJointLib.frames import Grid
    from OsteoJointLib.phantom.cases import make_phantom

    grid = make_phantom(SEED).volume.grid
    height_mm = grid.shape_zyx[0] * grid.spacing_xyz_mm[2]
    spacing = (*grid.spacing_xyz_mm[:2], height_mm / SLICES)
    return make_phantom(SEED, grid=Grid.axis_aligned((SLICES, 512, 512), spacing, grid.origin_lps_mm)).volume


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for slicer.json")
    parser.add_argument("--repeats", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--cts", type=int, default=4, help="how many are labeled (default 4)")
    arguments = parser.parse_args()
    if os.getloadavg()[0] > 0.5:
        print(f"Other work runs here (load {os.getloadavg()[0]:.1f}): the times will be too long.", file=sys.stderr)
    bench = Bench()
    for _ in range(arguments.repeats):
        bench.round()
    bench.label(arguments.cts)
    bench.reading.close()
    edits = bench.seconds["class after an edited mask"]  # each with what painting took, negative, beside it
    bench.seconds["class after an edited mask"] = [sum(pair) for pair in zip(edits[::2], edits[1::2], strict=True)]
    rows = {
        name: {"seconds": statistics.median(bench.seconds[name]), "still_ms": bench.still_ms[name], "wanted_s": wanted}
        for name, wanted in WANTED_S.items()
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "slicer.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    print(f"\n{'from the click to …':30}{'seconds':>10}{'wanted':>10}{'of wanted':>12}{'still, ms':>12}")
    for name, row in rows.items():
        share = row["seconds"] / row["wanted_s"]
        print(f"{name:30}{row['seconds']:>10.2f}{row['wanted_s']:>10.1f}{share:>12.0%}{row['still_ms']:>12.0f}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
