"""The panel's section "Masks": whose they are, how they are seen, edited, refined, and brought back."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.input_section import why_not_run
from OsteoJointLib.slicer_bridge.panel.parts.foreground import Foreground
from OsteoJointLib.slicer_bridge.panel.parts.level_table import fill_level_table
from OsteoJointLib.slicer_bridge.panel.parts.mask_editor import MaskEditor
from OsteoJointLib.slicer_bridge.panel.parts.needs import Refined
from OsteoJointLib.slicer_bridge.panel.parts.panel_parameters import Parameters
from OsteoJointLib.slicer_bridge.panel.parts.widgets import (
    WARNING,
    allow,
    load_form,
    paint_frame,
    set_checked,
    show_text,
)
from OsteoJointLib.slicer_bridge.reading.state import LevelState, ReadingState
from OsteoJointLib.slicer_bridge.scene import mask_nodes, segments
from OsteoJointLib.slicer_bridge.scene.axial_planes import slice_shown
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import Role

SOURCE, AREA = 1, 2
MIDDLE_SLICE, SHOWN_SLICE, WHOLE_BODY = range(3)
"""What the selector of slices to refine offers, in its order."""
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
        paint_frame(ui.strayFrame, WARNING)
        self._editor = MaskEditor(ui.editButton.layout(), foreground.look_at)
        foreground.looked.connect(self._edit_level)
        self._reset_buttons = fill_level_table(ui.masksTable, _("Reset"))
        ui.masksTable.connect("cellClicked(int,int)", self._row_clicked)
        ui.masksTable.connect("itemChanged(QTableWidgetItem*)", self._ticked)
        for level, button in self._reset_buttons.items():
            button.connect("clicked(bool)", lambda checked=False, level=level: self._reset(level))
        ui.editButton.connect("contentsCollapsed(bool)", self._edit_collapsed)
        ui.runRefineButton.connect("clicked(bool)", self._refine)
        for selector in (ui.refineLevels, ui.refineSlices):
            selector.connect("currentIndexChanged(int)", self._refined_changed)
        ui.undoRefineButton.connect("clicked(bool)", self._undo)
        ui.compareButton.connect("toggled(bool)", self._compare_before)
        ui.networkCheckBox.connect("toggled(bool)", self._compare_network)
        self.show(reading.state)

    def show(self, state: ReadingState) -> None:
        """Show how the masks stand."""
        segmentation = self._segmentation()
        self._show_table(state, segmentation)
        self._show_refinement(state, segmentation)
        changed = any(level.has_own_mask for level in state.levels.values()) or state.comparing is Role.NETWORK
        allow(
            self._ui.networkCheckBox,
            "" if changed else _("The masks are the network's own."),
            _("Show the outline of what the network drew, over your masks."),
        )
        set_checked(self._ui.networkCheckBox, state.comparing is Role.NETWORK)
        show_text(self._ui.compareHint, compare_hint(state.comparing))
        show_text(self._ui.changeHint, "\n".join(change_words(state)))
        strays = stray_words(state)
        self._ui.strayHint.setText("\n".join(strays))
        self._ui.strayFrame.setVisible(bool(strays))
        self._ui.surfaceCheckBox.setEnabled(segmentation is not None)
        self.show_surface()
        self._ui.editHint.setText(edit_hint(segmentation is not None))
        self._editor.edit(*self._edited_nodes())

    def show_surface(self) -> None:
        """Show the masks in 3D, or not, as the parameters say."""
        segmentation, node, nodes = self._segmentation(), self._parameters.node, self._reading.nodes
        if segmentation is None or node is None or nodes is None:
            return
        wanted = (segmentation.GetID(), node.surface)
        if wanted != self._surface_of and (node.surface or self._surface_of is not None):
            mask_nodes.show_surface(nodes, node.surface)
            if node.surface:
                mask_nodes.center_3d_views()
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
        if not collapsed and not self._ui.masksTable.selectedItems():
            self._ui.masksTable.selectRow(0)

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
            why_not_run(state) or no_masks or self._why_no_slice(),
            _("Move the outline to the bone's edge by a level set. For masks that are off: good ones hardly change."),
        )
        nothing = "" if state.can_undo_refinement else _("Nothing was refined yet.")
        allow(ui.undoRefineButton, nothing, _("Bring back the masks from before the refinement."))
        before = state.comparing is Role.BEFORE
        ui.compareButton.setText(_("Show after") if before else _("Show before"))
        tip = _("Show the present masks again.") if before else _("Show the masks from before the last refinement.")
        allow(ui.compareButton, nothing, tip)
        set_checked(ui.compareButton, before)

    def _why_no_slice(self) -> str:
        one = len(REFINED_LEVELS[self._ui.refineLevels.currentIndex]) == 1
        shown = self._ui.refineSlices.currentIndex == SHOWN_SLICE
        return _("One slice belongs to one level: choose L1 or L2.") if shown and not one else ""

    def _row_clicked(self, row: int = 0, column: int = 0) -> None:
        self._foreground.look_at(list(Level)[row])

    def _edit_level(self, level: Level) -> None:
        """Edit the level that the slices were brought to, by whichever way, and show in the table which it is."""
        self._ui.masksTable.selectRow(list(Level).index(level))
        self._editor.select(level)

    def _ticked(self, item: Any = None) -> None:
        segmentation = self._segmentation()
        if self._filling or item is None or segmentation is None or segmentation.GetDisplayNode() is None:
            return
        segment_id = segments.find_segment_id(segmentation, list(Level)[item.row()])
        visible = item.checkState() == qt.Qt.Checked
        segmentation.GetDisplayNode().SetSegmentVisibility(segment_id, visible)

    def _refined_changed(self, index: int = 0) -> None:
        self._show_refinement(self._reading.state, self._segmentation())

    def _reset(self, level: Level) -> None:
        self._editor.remember()
        self._reading.edits.reset_mask(level)

    def _refine(self, checked: bool = False) -> None:
        self._editor.remember()
        levels, where = REFINED_LEVELS[self._ui.refineLevels.currentIndex], self._ui.refineSlices.currentIndex
        shown = slice_shown(self._reading.state.levels[levels[0]].center_ras) if where == SHOWN_SLICE else None
        self._reading.refine(levels, self._parameters.refinement(), where == WHOLE_BODY, shown)

    def _undo(self, checked: bool = False) -> None:
        self._editor.remember()
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
    """Say which masks are seen beside or in place of the present ones, and that these are what was read."""
    words = {
        Role.BEFORE: _("You see the masks from before the refinement. The numbers belong to the refined ones."),
        Role.NETWORK: _("The light green outline is the network's. The numbers belong to your masks."),
    }
    return "" if comparing is None else words[comparing]


def change_words(state: ReadingState) -> list[str]:
    """Say how much of each level's mask was corrected."""
    lines = []
    for level, shown in state.levels.items():
        change = shown.change
        if change is None or shown.mask_source is not MaskSource.CORRECTED or not change.voxels:
            continue
        one_slice = _("{level}: {voxels} voxels on 1 slice corrected.")
        words = one_slice if change.slices == 1 else _("{level}: {voxels} voxels on {slices} slices corrected.")
        lines.append(words.format(level=level, voxels=change.voxels, slices=change.slices))
    return lines


def stray_words(state: ReadingState) -> list[str]:
    """Warn of what was drawn where another vertebra is, or far from the level's own body."""
    lines = []
    for level, shown in state.levels.items():
        change = shown.change
        if change is None:
            continue
        if change.onto is not None:
            words = _("You drew {level} on the body of {other}. Ctrl+Z takes it back.")
            lines.append(words.format(level=level, other=change.onto))
        elif change.beyond_mm:
            words = _("You drew {level} {distance:.0f} mm away from its body. Ctrl+Z takes it back.")
            lines.append(words.format(level=level, distance=change.beyond_mm))
    return lines


def edit_hint(has_masks: bool) -> str:
    """Say how the masks are edited, or why they can't be yet."""
    if not has_masks:
        return _("There are no masks yet: press Read first.")
    return _(
        "Correct any slice: the HU come from the whole body, the class from the middle slice. "
        "Click a level's row above to go there and edit it."
    )
