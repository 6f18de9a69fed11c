"""The gray-level window of a CT: bone, soft tissue, and bone at first where nobody has chosen one.

A window belongs to the CT's display node, so every view shows it; the report's own windows are in
:mod:`OsteoJointLib.output.drawing`.
"""

from __future__ import annotations

import slicer

from OsteoJointLib.output.drawing import DisplayWindow

# both as radiology has them (radiopaedia.org, "Windowing (CT)")
BONE = DisplayWindow(center_hu=400.0, width_hu=1800.0)
SOFT_TISSUE = DisplayWindow(center_hu=40.0, width_hu=400.0)

_OPENED = "OsteoJoint.Window"
"""Attribute of a display node whose CT was opened before: any window that it has since is the user's."""


def set_window(volume_node: slicer.vtkMRMLScalarVolumeNode, window: DisplayWindow) -> None:
    """Show a CT in a window, in all views."""
    if (display := volume_node.GetDisplayNode()) is not None:
        with slicer.util.NodeModify(display):
            display.SetAutoWindowLevel(False)
            display.SetWindowLevel(window.width_hu, window.center_hu)
            display.SetAttribute(_OPENED, "set")


def open_in_bone(volume_node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Show a CT in the bone window when it is opened, where it has Slicer's guess or its header's window still."""
    display = volume_node.GetDisplayNode()
    if display is None or display.GetAttribute(_OPENED):
        return
    if display.GetAutoWindowLevel() or _is_of_header(display):
        set_window(volume_node, BONE)
    display.SetAttribute(_OPENED, "seen")


def _is_of_header(display: slicer.vtkMRMLScalarVolumeDisplayNode) -> bool:
    """Say whether a window is one of those that a DICOM header offers."""
    now = (display.GetWindow(), display.GetLevel())
    presets = range(display.GetNumberOfWindowLevelPresets())
    return any(now == (display.GetWindowPreset(index), display.GetLevelPreset(index)) for index in presets)
