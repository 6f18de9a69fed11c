"""The panel's section "Masks": whose they are, how they are seen, edited, refined, and brought back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.input_section import why_not_run
from OsteoJointLib.slicer_bridge.panel.parts.foreground import Foreground
from OsteoJointLib.slicer_bridge.panel.parts.level_table import fill_level_table
from OsteoJointLib.slicer_bridge.panel.parts.mask_editor import MaskEditor
from OsteoJointLib.slicer_bridge.panel.parts.needs import Refined
from OsteoJointLib.slicer_bridge.panel.parts.panel_parameters import Parameters
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, load_form, set_checked, show_text
from OsteoJointLib.slicer_bridge.reading.state import LevelState, ReadingState
from OsteoJointLib.slicer_bridge.scene import mask_nodes, segments
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role

SOURCE, AREA = 1, 2
REFINED_LEVELS = (list(Level), [Level.L1], [Level.L2])
"""What the selector of levels to refine offers, in its order."""


class MasksSection:
    """The masks of both levels.

    Args:
        layout: the layout of the section's collapsible button.
        reading: whose masks are shown.
        parameters: the panel's settings that are kept in the scene.
        foreground: the maps over the slices, which follow the level looked at.
    """

    def __init__(self, layout: qt.QLayout, reading: Refined, parameters: Parameters, foreground: Foreground):
        self._reading, self._parameters, self._foreground = reading, parameters, foreground
        self._entered, self._filling = True, False
        self._surface_of: tuple[str, bool] | None = None
        self._widget, self._ui = load_form(layout, "Masks")
        ui = self._ui
        self._editor = MaskEditor(ui.editButton.layout())
        self._reset_buttons = fill_level_table(ui.masksTable, _("Reset"))
        ui.masksTable.connect("cellClicked(int,int)", self._row_clicked)
        ui.masksTable.connect("itemChanged(QTableWidgetItem*)", self._ticked)
        for level, button in self._reset_buttons.items():
            button.connect("clicked(bool)", lambda checked=False, level=level: self._reading.edits.reset_mask(level))
        ui.editButton.connect("contentsCollapsed(bool)", self._edit_collapsed)
        ui.runRefineButton.connect("clicked(bool)", self._refine)
        ui.undoRefineButton.connect("clicked(bool)", self._undo)
        ui.compareButton.connect("toggled(bool)", self._compare_before)
        ui.networkCheckBox.connect("toggled(bool)", self._compare_network)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show how the masks stand."""
        segmentation = self._segmentation()
        self._show_table(state, segmentation)
        self._show_refinement(state, segmentation)
        changed = any(level.has_own_mask for level in state.levels.values())
        allow(
            self._ui.networkCheckBox,
            "" if changed else _("The masks are the network's own."),
            _("Show the masks as the network drew them, without your changes."),
        )
        set_checked(self._ui.networkCheckBox, state.comparing is Role.NETWORK)
        show_text(self._ui.compareHint, compare_hint(state.comparing))
        no_result = "" if state.document else _("There is no map before the first reading.")
        allow(
            self._ui.heatmapCheckBox,
            no_result,
            _("Show where the network sees the edge of the bone. Replaces the explanation map: one map at a time."),
        )
        self._ui.heatmapOpacitySlider.setEnabled(not no_result)
        self._ui.surfaceCheckBox.setEnabled(segmentation is not None)
        self.show_surface()
        nodes = self._reading.nodes
        drawn = {} if nodes is None else mask_nodes.masks(nodes)
        self._ui.editHint.setText(edit_hint(segmentation is not None, on_other_slices(drawn)))
        self._editor.edit(*self._edited_nodes())

    def show_surface(self) -> None:
        """Show the masks in 3D, or not, as the parameters say."""
        segmentation, node, nodes = self._segmentation(), self._parameters.node, self._reading.nodes
        if segmentation is None or node is None or nodes is None:
            return
        wanted = (segmentation.GetID(), node.surface)
        if wanted != self._surface_of and (node.surface or self._surface_of is not None):
            mask_nodes.show_surface(nodes, node.surface)
        self._surface_of = wanted

    def enter(self) -> None:
        """Take up the editor: the module is shown again."""
        self._entered = True
        self._set_editor()

    def exit(self) -> None:
        """Let go of the editor: another module is shown, whose keys and its mouse are its own."""
        self._entered = False
        self._set_editor()

    def scene_closes(self) -> None:
        """Let go of the scene's nodes."""
        self._editor.scene_closes()
        self._surface_of = None

    def scene_opened(self) -> None:
        """Take up the new scene's nodes."""
        self._set_editor()

    def close(self) -> None:
        """Switch the editor's keys off for good."""
        self.exit()

    def _segmentation(self) -> Any:
        nodes = self._reading.nodes
        return None if nodes is None else nodes.get(Role.MASKS)

    def _edited_nodes(self) -> tuple[Any, Any]:
        nodes = self._reading.nodes
        return (None, None) if nodes is None else (nodes.volume, nodes.get(Role.MASKS))

    def _set_editor(self) -> None:
        self._editor.set_open(self._entered and not self._ui.editButton.collapsed, *self._edited_nodes())

    def _edit_collapsed(self, collapsed: bool = True) -> None:
        self._set_editor()

    def _show_table(self, state: ReadingState, segmentation: slicer.vtkMRMLSegmentationNode | None) -> None:
        self._filling = True
        for row, level in enumerate(Level):
            shown = state.levels[level]
            item, table = self._ui.masksTable.item(row, 0), self._ui.masksTable
            if shown.mask_source is None:
                item.setData(qt.Qt.CheckStateRole, None)  # no mask, no tick
            else:
                item.setCheckState(qt.Qt.Checked if is_visible(segmentation, level) else qt.Qt.Unchecked)
            table.item(row, SOURCE).setText(source_words(shown))
            table.item(row, AREA).setText("–" if shown.area_mm2 is None else f"{shown.area_mm2:.0f} mm²")
            tip = _("Put the network's own mask of {level} back.").format(level=level)
            allow(self._reset_buttons[level], "" if shown.has_own_mask else _("The mask is the network's own."), tip)
        self._filling = False

    def _show_refinement(self, state: ReadingState, segmentation: slicer.vtkMRMLSegmentationNode | None) -> None:
        ui = self._ui
        no_masks = "" if segmentation is not None else _("There are no masks yet: press Read first.")
        allow(
            ui.runRefineButton,
            why_not_run(state) or no_masks,
            _("Move the outline to the bone's edge by a level set. For masks that are off: good ones hardly change."),
        )
        nothing = "" if state.can_undo_refinement else _("Nothing was refined yet.")
        allow(ui.undoRefineButton, nothing, _("Bring back the masks from before the refinement."))
        before = state.comparing is Role.BEFORE
        ui.compareButton.setText(_("Show after") if before else _("Show before"))
        tip = _("Show the present masks again.") if before else _("Show the masks from before the last refinement.")
        allow(ui.compareButton, nothing, tip)
        set_checked(ui.compareButton, before)

    def _row_clicked(self, row: int = 0, column: int = 0) -> None:
        self._foreground.look_at(list(Level)[row])

    def _ticked(self, item: Any = None) -> None:
        segmentation = self._segmentation()
        if self._filling or item is None or segmentation is None or segmentation.GetDisplayNode() is None:
            return
        segment_id = segments.find_segment_id(segmentation, list(Level)[item.row()])
        visible = item.checkState() == qt.Qt.Checked
        segmentation.GetDisplayNode().SetSegmentVisibility(segment_id, visible)

    def _refine(self, checked: bool = False) -> None:
        levels = REFINED_LEVELS[self._ui.refineLevels.currentIndex]
        self._reading.refine(levels, self._parameters.refinement())

    def _undo(self, checked: bool = False) -> None:
        self._reading.edits.undo_refinement()

    def _compare_before(self, checked: bool = False) -> None:
        self._reading.edits.compare(Role.BEFORE if checked else None)

    def _compare_network(self, checked: bool = False) -> None:
        self._reading.edits.compare(Role.NETWORK if checked else None)


def is_visible(segmentation: slicer.vtkMRMLSegmentationNode | None, level: Level) -> bool:
    """Whether the mask of a level is shown."""
    display = None if segmentation is None else segmentation.GetDisplayNode()
    segment_id = segments.find_segment_id(segmentation, level)
    return bool(display is not None and segment_id and display.GetSegmentVisibility(segment_id))


def source_words(level: LevelState) -> str:
    """Return who drew a level's mask."""
    words = {
        MaskSource.NETWORK: _("network"),
        MaskSource.CORRECTED: _("you (corrected)"),
        MaskSource.REFINED: _("level set (refined)"),
    }
    return "–" if level.mask_source is None else words[level.mask_source]


def compare_hint(comparing: Role | None) -> str:
    """Say which masks are seen in place of the present ones, and that these are what was read; "" when none are."""
    words = {
        Role.BEFORE: _("You see the masks from before the refinement. The numbers belong to the refined ones."),
        Role.NETWORK: _("You see the network's masks. The numbers belong to yours."),
    }
    return "" if comparing is None else words[comparing]


def on_other_slices(masks: Mapping[Level, MaskArray | None]) -> list[Level]:
    """List the levels whose mask is drawn on more than one axial slice."""
    found = []
    for level, mask in masks.items():
        if mask is not None:
            axes = mask.ijk_to_world[:3, :3] / np.linalg.norm(mask.ijk_to_world[:3, :3], axis=0)
            axial = 2 - int(np.abs(axes[2]).argmax())
            drawn = mask.array_kji.any(axis=tuple(axis for axis in range(3) if axis != axial))
            found += [level] if np.count_nonzero(drawn) > 1 else []
    return found


def edit_hint(has_masks: bool, elsewhere: list[Level]) -> str:
    """Say how the masks are edited, or why they can't be yet.

    Args:
        has_masks: whether there is something to edit.
        elsewhere: the levels that are drawn on other slices as well.
    """
    if not has_masks:
        return _("There are no masks yet: press Read first.")
    if elsewhere:
        words = _("Only the middle slice of {levels} is read; what you drew elsewhere is kept for labels.")
        return words.format(levels=_(" and ").join(elsewhere))
    return _("Only the middle slice of each level is read: click the level's row above to go there.")
