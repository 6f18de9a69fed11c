"""The panel's row of what the views show: the gray-level window."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.drawing import DisplayWindow
from OsteoJointLib.slicer_bridge.panel.parts.needs import Shown
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, load_form
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene.window_presets import BONE, SOFT_TISSUE, set_window


class ViewsSection:
    """Buttons for the views.

    Args:
        layout: the panel's layout.
        reading: whose CT is shown.
    """

    def __init__(self, layout: qt.QLayout, reading: Shown):
        self._reading = reading
        self._widget, self._ui = load_form(layout, "Views")
        self._ui.boneButton.connect("clicked(bool)", self._bone)
        self._ui.softTissueButton.connect("clicked(bool)", self._soft_tissue)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show what can be done with the views."""
        no_ct = "" if self._reading.nodes is not None else _("No CT is chosen.")
        bone = _("Show the CT in a bone window ({window}), in all views.")
        allow(self._ui.boneButton, no_ct, bone.format(window=BONE.words))
        soft_tissue = _("Show the CT in a soft-tissue window ({window}), in all views.")
        allow(self._ui.softTissueButton, no_ct, soft_tissue.format(window=SOFT_TISSUE.words))

    def _bone(self, checked: bool = False) -> None:
        self._set(BONE)

    def _soft_tissue(self, checked: bool = False) -> None:
        self._set(SOFT_TISSUE)

    def _set(self, window: DisplayWindow) -> None:
        nodes = self._reading.nodes
        if nodes is not None and nodes.volume is not None:
            set_window(nodes.volume, window)
