"""The keys of the mask editor: Slicer's own, and undo and redo by the keys that everyone knows.

Which of these Slicer brings depends on its version and on the system. A key that is bound twice does nothing, so only
those are added that are missing.
"""

from __future__ import annotations

from typing import Any

import qt
import slicer

UNDO_KEYS = ("Ctrl+Z",)
REDO_KEYS = ("Ctrl+Y", "Ctrl+Shift+Z")


class EditorKeys:
    """The keys of one segment editor, on only while it is open.

    Args:
        editor: a qMRMLSegmentEditorWidget.
    """

    def __init__(self, editor: Any):
        self._editor = editor
        self._own: list[tuple[Any, Any]] = []

    def install(self) -> None:
        """Take the keys, in Slicer's window, so that they work while the mouse is in a view."""
        window = slicer.util.mainWindow() or self._editor.window()
        self._editor.installKeyboardShortcuts(window)
        bound = {child.property("key").toString() for child in window.children() if child.className() == "QShortcut"}
        for keys, slot in ((UNDO_KEYS, self._undo), (REDO_KEYS, self._redo)):
            for key in keys:
                if qt.QKeySequence(key).toString() not in bound:
                    shortcut = qt.QShortcut(qt.QKeySequence(key), window)
                    shortcut.connect("activated()", slot)
                    self._own.append((shortcut, slot))

    def uninstall(self) -> None:
        """Give the keys back."""
        self._editor.uninstallKeyboardShortcuts()
        for shortcut, slot in self._own:
            shortcut.disconnect("activated()", slot)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._own = []

    def _undo(self) -> None:
        self._editor.undo()

    def _redo(self) -> None:
        self._editor.redo()
