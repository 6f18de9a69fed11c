"""The panel's section "Setup": packages, weights, and what the worker computes with."""

from __future__ import annotations

import qt

from OsteoJointLib.slicer_bridge.panel.parts.needs import Computed
from OsteoJointLib.slicer_bridge.panel.parts.widgets import load_form
from OsteoJointLib.slicer_bridge.panel.setup_packages import SetupPackages
from OsteoJointLib.slicer_bridge.panel.setup_weights import SetupWeights
from OsteoJointLib.slicer_bridge.panel.setup_worker import SetupWorker
from OsteoJointLib.slicer_bridge.reading.state import ReadingState


class SetupSection:
    """What is set up once on a computer; kept in Slicer's settings, not in the scene.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose settings are set here.
    """

    def __init__(self, layout: qt.QLayout, reading: Computed):
        self.widget, ui = load_form(layout, "Setup")
        self.worker = SetupWorker(ui, reading)
        self.weights = SetupWeights(self.widget, ui, reading)
        self.packages = SetupPackages(self.widget, ui, reading, self.worker.show_line)
        self.worker.python_changed.connect(self.packages.look)
        self.show(reading.state)

    @property
    def ready(self) -> bool:
        """Whether a reading can be made; if not, the section is worth opening."""
        return self.packages.ready

    def show(self, state: ReadingState) -> None:
        """Follow a change of the reading."""
        for part in (self.packages, self.weights, self.worker):
            part.show(state)

    def close(self) -> None:
        """Show nothing any more; an installation that is under way goes on by itself."""
        self.packages.close()
