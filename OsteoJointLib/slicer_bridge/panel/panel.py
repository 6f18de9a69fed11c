"""The panel: its sections, one below the other, kept in step with the reading and with the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.output.notice import RESEARCH_NOTICE, RESEARCH_NOTICE_SHORT
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.batch_section import BatchSection
from OsteoJointLib.slicer_bridge.panel.export_section import ExportSection
from OsteoJointLib.slicer_bridge.panel.input_section import InputSection
from OsteoJointLib.slicer_bridge.panel.label_section import LabelSection
from OsteoJointLib.slicer_bridge.panel.levels_section import LevelsSection
from OsteoJointLib.slicer_bridge.panel.masks_section import MasksSection
from OsteoJointLib.slicer_bridge.panel.parts.foreground import Foreground
from OsteoJointLib.slicer_bridge.panel.parts.needs import Controlled
from OsteoJointLib.slicer_bridge.panel.parts.panel_parameters import Parameters
from OsteoJointLib.slicer_bridge.panel.parts.sight import Sight
from OsteoJointLib.slicer_bridge.panel.parts.widgets import take_any_width
from OsteoJointLib.slicer_bridge.panel.result_card import ResultCard
from OsteoJointLib.slicer_bridge.panel.setup_section import SetupSection
from OsteoJointLib.slicer_bridge.panel.views_section import ViewsSection
from OsteoJointLib.slicer_bridge.panel.why_section import WhySection


class Panel(slicer.util.VTKObservationMixin):
    """Everything the module shows.

    Args:
        layout: the layout of the module's widget, to which the panel is added.
        reading: the controller behind the buttons.
        parameter_node: returns the module's vtkMRMLScriptedModuleNode in the scene that is open.
    """

    def __init__(self, layout: qt.QLayout, reading: Controlled, parameter_node: Callable[[], object]):
        slicer.util.VTKObservationMixin.__init__(self)
        self._reading, self._parameter_node = reading, parameter_node
        self.widget = qt.QWidget()
        self._column = qt.QVBoxLayout(self.widget)
        self._column.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.widget)
        layout.addStretch(1)
        self.parameters = Parameters()
        self._buttons: dict[str, Any] = {}
        self._sight = Sight(reading)
        self._foreground = Foreground(reading, self.parameters, self._sight)
        self._sections = self._make_sections()
        self.parameters.bind(slicer.util.childWidgetVariables(self.widget))
        self._observe_scene()
        self.parameters.changed.connect(self._parameters_changed)
        reading.changed.connect(self.show)
        self.widget.connect("destroyed()", self._let_go)
        self._take_scene()
        self._setup.packages.looked.connect(self.show)
        if not self._setup.ready:
            self._buttons["setupSection"].collapsed = False
        self.show()

    def show(self) -> None:
        """Show how the reading stands."""
        node, nodes = self.parameters.node, self._reading.nodes
        if node is not None and nodes is not None and nodes.volume is not None and node.volume is not nodes.volume:
            node.volume = nodes.volume  # chosen by a script; this calls us again
            return
        state = replace(self._reading.state, ready=self._setup.ready)
        for section in self._sections:
            section.show(state)
        self._sight.show(state)
        self._foreground.show()

    def look_at(self, level: Level) -> None:
        """Go to a level: with the views, the row of its mask and the segment that is edited."""
        self._foreground.look_at(level)

    def enter(self) -> None:
        """Take up the mask editor: the module is shown."""
        self._masks.enter()
        self._sight.enter()

    def exit(self) -> None:
        """Let go of the mask editor: another module is shown."""
        self._masks.exit()
        self._sight.exit()

    def close(self) -> None:
        """Let go of the scene and of the reading, and take the widgets away; they may be gone already."""
        if self._sections:
            for section in self._sections:
                if hasattr(section, "close"):
                    section.close()
            self._sight.exit()
            self.widget.deleteLater()
        self._let_go()

    def _let_go(self) -> None:
        self._sections = []
        self.removeObservers()
        self._sight.let_go()
        self._reading.changed.disconnect(self.show)
        self.parameters.changed.disconnect(self._parameters_changed)
        self.parameters.detach()

    def _make_sections(self) -> list[Any]:
        reading, parameters = self._reading, self.parameters
        notice = qt.QLabel(f"<small>{escape(RESEARCH_NOTICE_SHORT)}</small>")
        notice.setObjectName("noticeLabel")
        notice.setToolTip(RESEARCH_NOTICE)
        notice.setWordWrap(True)
        take_any_width(notice)
        self._column.addWidget(notice)
        inputs = InputSection(self._column, reading, lambda: self._open("setupSection"))
        result = ResultCard(self._column, reading, lambda: self._open("levelsSection"))
        views = ViewsSection(self._column, reading, self._sight)
        levels = LevelsSection(self._add_button("levelsSection", _("Levels")), reading, self._foreground)
        self._masks = MasksSection(self._add_button("masksSection", _("Masks")), reading, parameters, self._foreground)
        why = WhySection(self._add_button("whySection", _("Why")), reading, parameters)
        export = ExportSection(self._add_button("exportSection", _("Export")), reading)
        self._column.addWidget(separator())
        labels = LabelSection(self._add_button("labelSection", _("Labels")), reading)
        batch = BatchSection(self._add_button("batchSection", _("Batch")), reading)
        self._setup = SetupSection(self._add_button("setupSection", _("Setup")), reading)
        for button in slicer.util.findChildren(self.widget, className="ctkCollapsibleButton"):
            button.collapsedHeight = 0  # CTK leaves 14 px below a folded section; a small screen has none to spare
        for button in self._buttons.values():
            button.collapsed = True  # CTK's setter is no slot: Python has only the property
        return [inputs, result, views, levels, self._masks, why, export, labels, batch, self._setup]

    def _add_button(self, name: str, title: str) -> qt.QLayout:
        """Add a collapsible button and return its layout."""
        button = ctk.ctkCollapsibleButton()
        button.setObjectName(name)
        button.setText(title)
        self._column.addWidget(button)
        self._buttons[name] = button
        return qt.QVBoxLayout(button)

    def _open(self, name: str) -> None:
        """Open a section and bring it into view."""
        button = self._buttons[name]
        button.collapsed = False
        area = self.widget
        while area is not None and not hasattr(area, "ensureWidgetVisible"):
            area = area.parent()
        if area is not None:
            area.ensureWidgetVisible(button)

    def _observe_scene(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._scene_closes)
        self.addObserver(scene, scene.EndCloseEvent, self._scene_opened)
        self.addObserver(scene, scene.StartImportEvent, self._scene_is_read)
        self.addObserver(scene, scene.EndImportEvent, self._scene_opened)

    def _scene_closes(self, caller: Any = None, event: Any = None) -> None:
        self.parameters.detach()
        self._masks.scene_closes()
        self._foreground.forget()
        self._sight.forget()
        self._reading.select(None)

    def _scene_is_read(self, caller: Any = None, event: Any = None) -> None:
        """Write no parameters meanwhile: the selector takes the first CT that comes, the scene may know better."""
        self.parameters.detach()

    def _scene_opened(self, caller: Any = None, event: Any = None) -> None:
        self._take_scene()
        self._masks.scene_opened()

    def _take_scene(self) -> None:
        """Take up the parameters of the scene; where no CT was chosen yet, the first one is."""
        self.parameters.attach(self._parameter_node())
        if self.parameters.node.volume is None:
            self.parameters.node.volume = first_volume()

    def _parameters_changed(self) -> None:
        node, nodes = self.parameters.node, self._reading.nodes
        if node is None:
            return
        self._set_follow(node.follow)
        if node.volume is not (None if nodes is None else nodes.volume) or (nodes is not None and node.volume is None):
            self._foreground.forget()
            self._reading.select(node.volume)
            self.show()
        else:
            self._masks.show_surface()
            self._foreground.show()

    def _set_follow(self, follow: bool) -> None:
        """Follow edits from now on, those before included."""
        begins, self._reading.follow = follow and not self._reading.follow, follow
        if begins:
            state = self._reading.state
            if state.document and state.stale and not state.running:
                self._reading.update()


def separator() -> qt.QFrame:
    """Make a line between what belongs to the CT and what doesn't."""
    line = qt.QFrame()
    line.setFrameShape(qt.QFrame.HLine)
    line.setFrameShadow(qt.QFrame.Sunken)
    return line


def first_volume() -> slicer.vtkMRMLScalarVolumeNode | None:
    """Return the first volume that may be a CT: no label map, and none of the reading's own maps, which are hidden."""
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetHideFromEditors():
            return node
    return None
