"""The panel's row of how the views show the CT: L1 and L2 side by side, and the gray-level window."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from OsteoJointLib.output.drawing import DisplayWindow
from OsteoJointLib.slicer_bridge.panel.parts.needs import Shown
from OsteoJointLib.slicer_bridge.panel.parts.sight import Sight
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, load_form, set_checked
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene.layout import layout_manager
from OsteoJointLib.slicer_bridge.scene.window_presets import BONE, SOFT_TISSUE, set_window


class ViewsSection:
    """Buttons for the views.

    Args:
        layout: the panel's layout.
        reading: whose CT is shown.
        sight: arranges the views.
    """

    def __init__(self, layout: qt.QLayout, reading: Shown, sight: Sight):
        self._reading, self._sight = reading, sight
        self._widget, self._ui = load_form(layout, "Views")
        self._ui.sideBySideButton.connect("toggled(bool)", self._side_by_side)
        sight.layout.changed.connect(self._show_layout)
        self._ui.boneButton.connect("clicked(bool)", self._bone)
        self._ui.softTissueButton.connect("clicked(bool)", self._soft_tissue)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show what can be done with the views."""
        self._show_layout()
        no_ct = "" if self._reading.nodes is not None else _("No CT is chosen.")
        bone = _("Show the CT in a bone window ({window}), in all views.")
        allow(self._ui.boneButton, no_ct, bone.format(window=BONE.words))
        soft_tissue = _("Show the CT in a soft-tissue window ({window}), in all views.")
        allow(self._ui.softTissueButton, no_ct, soft_tissue.format(window=SOFT_TISSUE.words))

    def _show_layout(self) -> None:
        """Show whether L1 and L2 are side by side; the user may choose another layout in Slicer's tool bar."""
        no_views = "" if layout_manager() is not None else _("Slicer runs without a window.")
        tip = _("Show L1 and L2 in a view each, with a sagittal and a coronal view below. Ends with the module.")
        allow(self._ui.sideBySideButton, no_views, tip)
        set_checked(self._ui.sideBySideButton, self._sight.layout.taken)

    def _side_by_side(self, checked: bool = False) -> None:
        self._sight.put_side_by_side(checked)

    def _bone(self, checked: bool = False) -> None:
        self._set(BONE)

    def _soft_tissue(self, checked: bool = False) -> None:
        self._set(SOFT_TISSUE)

    def _set(self, window: DisplayWindow) -> None:
        nodes = self._reading.nodes
        if nodes is not None and nodes.volume is not None:
            set_window(nodes.volume, window)
