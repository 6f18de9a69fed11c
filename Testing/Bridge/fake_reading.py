"""A reading that does nothing but note what the panel asked for, and shows the state that a test gives it."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import qt
import slicer
from PySide6.QtTest import QTest
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.panel.panel import Panel
from OsteoJointLib.slicer_bridge.reading.state import LevelState, ReadingState
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes
from OsteoJointLib.slicer_bridge.signal import Signal

NOT_CALIBRATED = {
    "code": "not_calibrated",
    "level": None,
    "message": "No calibration was given, so HU were not turned into BMD.",
}
KERNEL_UNKNOWN = {
    "code": "kernel_unknown",
    "level": None,
    "message": "The file names no known kernel.",
}
NOT_RELIABLE = {
    "code": "class_not_reliable",
    "level": None,
    "message": "The class is not reliable: metal disturbs the HU.",
}
INPUT = {
    "form": "volume",
    "kvp": 120.0,
    "kernel": "B40f",
    "contrast": True,
    "contrast_phase": "portal",
    "kvp_origin": "header",
    "kernel_origin": "header",
    "contrast_origin": "estimated",
    "kvp_confidence": None,
    "kernel_confidence": None,
    "contrast_confidence": 0.93,
}
DOCUMENT = {
    "input": INPUT,
    "bmd": [
        {
            "calibration": "internal (fat, muscle, blood, air)",
            "kind": "internal",
            "mg_cm3": 101.4,
            "se_mg_cm3": 5.0,
            "interval_90_mg_cm3": [93.2, 109.6],
            "levels": ["L1"],
        }
    ],
    "model": {"name": "compact", "profile": "compact", "sha256": "0" * 64, "trained_on": "OsteoJoint phantoms"},
    "device": "cpu",
    "classification": {
        "status": "osteopenia",
        "probabilities": {"normal": 0.1204, "osteopenia": 0.7546, "osteoporosis": 0.125},
        "fusion_weights": {"L1": 0.48, "L2": 0.52},
        "left_out": None,
        "left_out_reason": None,
        "left_out_by": None,
        "indeterminate": False,
    },
    "explanation": {"method": "hirescam", "scale_max": 0.25, "influence": {"L1": 0.375, "L2": 0.625}},
    "measurements": {
        "L1": {
            "erosion_mm": 4.0,
            "voxels": 983,
            "hu_mean": 118.54,
            "hu_median": 117.0,
            "hu_sd": 30.92,
            "bmd_mg_cm3": 101.4,
            "bmd_se_mg_cm3": 5.0,
        },
        "L2": {
            "erosion_mm": 4.0,
            "voxels": 12,
            "hu_mean": None,
            "hu_median": None,
            "hu_sd": None,
            "bmd_mg_cm3": None,
            "bmd_se_mg_cm3": None,
        },
    },
    "baseline": {"status": "osteoporosis", "hu_mean": 98.2, "low_hu": 100.0, "high_hu": 150.0, "method": "two cuts"},
    "flags": [NOT_CALIBRATED, NOT_CALIBRATED],
    "timings_s": {"total": 2.846},
}
"""What the panel reads of a result.json; see :func:`document`."""

READ_LEVELS = {
    Level.L1: LevelState((0.8, -5.7, 15.9), 0.989, PointSource.AUTO, MaskSource.NETWORK, 1349.8),
    Level.L2: LevelState((-1.2, 6.2, -16.9), 0.989, PointSource.AUTO, MaskSource.NETWORK, 1298.3),
}
FOUND_LEVELS = {name: replace(level, mask_source=None, area_mm2=None) for name, level in READ_LEVELS.items()}


def document(**changes) -> dict:
    """A result, changed at the top."""
    return copy.deepcopy(DOCUMENT) | changes


def read_state(**changes) -> ReadingState:
    """The state after a reading."""
    return replace(ReadingState(volume_name="CT", levels=READ_LEVELS, document=document()), **changes)


FOLDED = (
    "exportSection",
    "batchSection",
    "setupSection",
    "editButton",
    "refineButton",
    "labelsButton",
    "advancedButton",
)
"""Sections that a test unfolds for itself."""


def is_section(widget) -> bool:
    """Whether a widget folds its contents."""
    return widget.className() == "ctkCollapsibleButton"


def add_ct(name: str = "CT"):
    """Put a small CT into the scene."""
    return slicer.util.addVolumeFromArray(np.zeros((8, 16, 16), np.int16), name=name)


def click_cell(table, row: int, column: int) -> None:
    """Click into a cell of a table."""
    place = table.visualItemRect(table.item(row, column)).center()
    QTest.mouseClick(table.viewport(), qt.Qt.LeftButton, qt.Qt.NoModifier, place)


class FakeReading:
    """Stands in for `slicer_bridge.reading.controller.ReadingController`.

    ``asked`` holds every request in order, as tuples.
    """

    def __init__(self):
        self.changed = Signal()
        self.settings = WorkerSettings()
        self.follow = True
        self.hardware = None
        self.nodes = None
        self.edits = self
        self.state = ReadingState()
        self.client = SimpleNamespace(log=[], running=False, busy=False, kill=lambda: None)
        self.asked: list[tuple] = []

    def become(self, **changes) -> None:
        """Change the state, and tell."""
        self.state = replace(self.state, **changes)
        self.changed.emit()

    def become_read(self, **changes) -> None:
        """Take the state after a reading, changed, and tell."""
        self.state = read_state(**changes)
        self.changed.emit()

    def select(self, volume_node) -> None:
        self.asked.append(("select", None if volume_node is None else volume_node.GetName()))
        self.nodes = None if volume_node is None else OwnedNodes(volume_node)
        self.become(volume_name=None if volume_node is None else volume_node.GetName())

    def __getattr__(self, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *arguments, **named: self.asked.append((name, *arguments, *named.values()))


class OpenPanel:
    """The panel on a fake reading: ``panel``, ``reading``, and ``ui``, its widgets by name.

    What isn't in FOLDED is unfolded; ``folded`` names what is folded when the module is opened.
    """

    def __init__(self):
        self.reading = FakeReading()
        self.place = qt.QWidget()
        self.place.setObjectName("place")
        logic = ScriptedLoadableModuleLogic()
        logic.moduleName = "OsteoJoint"
        self.panel = Panel(qt.QVBoxLayout(self.place), self.reading, logic.getParameterNode)
        self.folded = [name for name, widget in vars(self.ui).items() if is_section(widget) and widget.collapsed]
        self.unfold(*(name for name in self.folded if name not in FOLDED))
        self.place.show()

    @property
    def ui(self):
        return slicer.util.childWidgetVariables(self.place)

    def unfold(self, *names: str) -> None:
        """Unfold sections."""
        for name in names:
            getattr(self.ui, name).collapsed = False

    @property
    def asked(self) -> list[tuple]:
        """What was asked since the last look, but for the choice of the CT."""
        asked = [request for request in self.reading.asked if request[0] != "select"]
        self.reading.asked.clear()
        return asked

    def close(self) -> None:
        self.panel.close()
        self.place.deleteLater()
        slicer.app.processEvents()


@contextmanager
def open_panel():
    """Open the panel for a test."""
    opened = OpenPanel()
    yield opened
    opened.close()
