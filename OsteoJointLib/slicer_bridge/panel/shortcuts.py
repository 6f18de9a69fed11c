"""The module's keys: they work anywhere in Slicer's window while the module is shown, and press the panel's buttons.

A button that is off does nothing, so a key can't do what the panel doesn't allow. With Ctrl and Shift they stay clear
of Slicer's own keys, and of the letters and digits of slice views and Segment Editor. None is a digit: with Shift it is
another sign on each keyboard. Ctrl+Return is free in Slicer, and no text field takes it for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.panel.parts.widgets import name_key


@dataclass(frozen=True)
class Shortcut:
    """A key.

    Args:
        keys: as Qt writes them.
        words: what it does.
        button: name of the panel's button that it presses; "" where it does something else.
        seen: whether only while the button is seen: it takes fields beside it that the user should see.
    """

    keys: str
    words: str
    button: str = ""
    seen: bool = False


def shortcuts() -> tuple[Shortcut, ...]:
    """List all keys, in the order of a reading."""
    return (
        Shortcut("Ctrl+Shift+R", _("Read, or stop reading"), "applyButton"),
        Shortcut("Ctrl+Shift+F", _("Find L1 and L2"), "findButton"),
        Shortcut("Ctrl+Shift+U", _("Go to L1, the upper one")),
        Shortcut("Ctrl+Shift+L", _("Go to L2, the lower one")),
        Shortcut("Ctrl+Shift+Return", _("Confirm levels that are in doubt"), "confirmButton"),
        Shortcut("Ctrl+Shift+Up", _("Shift both levels up"), "shiftUpButton"),
        Shortcut("Ctrl+Shift+Down", _("Shift both levels down"), "shiftDownButton"),
        Shortcut("Ctrl+Return", _("Save the label, and open the next CT of the folder"), "labelButton", seen=True),
        Shortcut("Ctrl+Shift+N", _("Skip this CT of the folder"), "skipButton", seen=True),
        Shortcut("Ctrl+Shift+K", _("Show this list")),
    )


class Shortcuts:
    """The keys of one panel.

    Args:
        panel: the widget with the panel's buttons.
        look_at: goes to a level.
        window: where the keys work: Slicer's main window; None: nowhere.
        start_tour: begins the tour again.
    """

    def __init__(
        self,
        panel: qt.QWidget,
        look_at: Callable[[Level], None],
        window: Any,
        start_tour: Callable[[], None] = lambda: None,
    ):
        self._panel, self._start_tour = panel, start_tour
        self._keys: list[Any] = []
        self.dialog: Any = None
        others = {
            "Ctrl+Shift+U": lambda: look_at(Level.L1),
            "Ctrl+Shift+L": lambda: look_at(Level.L2),
            "Ctrl+Shift+K": lambda: self.show_list(),
        }
        for one in shortcuts() if window is not None else ():
            self._keys.append(self._key(window, one.keys, others.get(one.keys) or self._presses(one)))
        self.exit()

    def enter(self) -> None:
        """Let the keys work: the module is shown."""
        for key in self._keys:
            key.enabled = True

    def exit(self) -> None:
        """Let them rest: another module is shown, which may have the same."""
        for key in self._keys:
            key.enabled = False

    def close(self) -> None:
        """Take the keys away."""
        for key in self._keys:
            key.enabled = False
            key.deleteLater()
        self._keys = []

    def show_list(self) -> None:
        """Show all keys in a window that stays until it is closed."""
        if self.dialog is None:
            self.dialog = qt.QDialog(self._panel)
            self.dialog.setWindowTitle(_("Keys of OsteoJoint"))
            layout = qt.QVBoxLayout(self.dialog)
            layout.addWidget(qt.QLabel(list_html()))
            for text, action in ((_("Show the tour again"), self._tour), (_("Close"), self._close_list)):
                button = qt.QPushButton(text)
                button.connect("clicked(bool)", action)
                layout.addWidget(button)
        self.dialog.open()

    def _tour(self, checked: bool = False) -> None:
        self.dialog.accept()
        self._start_tour()

    def _close_list(self, checked: bool = False) -> None:
        self.dialog.accept()

    def _key(self, window: Any, keys: str, action: Callable[[], None]) -> Any:
        key = qt.QShortcut(window)
        key.setKey(qt.QKeySequence(keys))
        key.connect("activated()", action)
        return key

    def _presses(self, shortcut: Shortcut) -> Callable[[], None]:
        button = slicer.util.findChild(self._panel, shortcut.button)
        name_key(button, _shown(shortcut.keys))

        def press() -> None:
            if button.enabled and (button.visible or not shortcut.seen):
                button.click()

        return press


def list_html() -> str:
    """Write all keys as a table."""
    rows = (f"<tr><td><b>{escape(_shown(one.keys))}</b></td><td>{escape(one.words)}</td></tr>" for one in shortcuts())
    return f'<table cellpadding="4">{"".join(rows)}</table>'


def _shown(keys: str) -> str:
    """Write keys as this system does: ⌘ on a Mac."""
    return str(qt.QKeySequence(keys).toString(qt.QKeySequence.NativeText))
