"""The entry *Read bone status* in the menu that a right click on a CT opens in Slicer's Data module.

Slicer loads this file by its path and wants the class to bear the file's name, so neither has this library's style.
"""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE


class OsteoJointSubjectHierarchyPlugin:
    """A plugin of functions: it owns no items.

    Args:
        scriptedPlugin: Slicer's plugin in C++, which asks this one.
    """

    filePath = __file__

    def __init__(self, scriptedPlugin: Any):
        self.scriptedPlugin = scriptedPlugin
        scriptedPlugin.name = "OsteoJoint"
        _handler().registerPlugin(scriptedPlugin)
        self.action = qt.QAction(_("Read bone status"), scriptedPlugin)
        self.action.objectName = "OsteoJointReadAction"
        self.action.connect("triggered(bool)", self._read)

    def canOwnSubjectHierarchyItem(self, itemID: int) -> float:
        """Say how sure this plugin is of an item: of none."""
        return 0.0

    def roleForPlugin(self) -> str:
        """Return what its items are called."""
        return "N/A"

    def itemContextMenuActions(self) -> list[Any]:
        """List what may stand in the menu of an item."""
        return [self.action]

    def showContextMenuActionsForItem(self, itemID: int) -> None:
        """Show the entry on what may be a CT."""
        self.action.visible = is_ct(_node(itemID))

    def _read(self, checked: bool = False) -> None:
        node = _node(_handler().currentItem())
        if is_ct(node):
            if slicer.util.mainWindow() is not None:
                slicer.util.selectModule("OsteoJoint")
            slicer.util.getModuleWidget("OsteoJoint").read(node)


def register() -> None:
    """Add the entry to Slicer's menu, once a session; nothing happens in a Slicer without a subject hierarchy."""
    scripted = getattr(slicer, "qSlicerSubjectHierarchyScriptedPlugin", None)
    if scripted is not None and _handler().pluginByName("OsteoJoint") is None:
        scripted(None).setPythonSource(OsteoJointSubjectHierarchyPlugin.filePath)


def is_ct(node: Any) -> bool:
    """Say whether a node may be a CT: a volume of gray values that is none of a reading's own maps."""
    if node is None or not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLLabelMapVolumeNode"):
        return False
    return not node.GetAttribute(ROLE)


def _handler() -> Any:
    return slicer.qSlicerSubjectHierarchyPluginHandler.instance()


def _node(item: int) -> Any:
    return _handler().subjectHierarchyNode().GetItemDataNode(item) if item else None
