"""What the sections share: loading their form, saying why a button is off, and three looks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.resources import resource_path

ERROR = ("#f8d7da", "#58151c")
"""Ground and text of what tells of an error, in Slicer's light style; in the dark one they change places."""
WARNING = ("#fff3cd", "#664d03")
"""Of what tells of something to do."""
INFO = ("#e2e8f0", "#1e293b")
"""Of what tells how something went."""
FIELDS = (
    *("QTableWidget", "QListWidget", "QComboBox", "QLineEdit", "QSlider", "QProgressBar", "ctkPathLineEdit"),
    *("ctkSliderWidget", "ctkDoubleSpinBox", "qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox"),
)
"""Classes of widgets that show as much as they have room for."""

KEY = "OsteoJointKey"
"""Property of a button: the key that presses it, as this system writes it."""

_MIDDLE = 128
"""Of the lightness of colors, 0 to 255: a darker ground is the dark style's."""


def load_form(layout: qt.QLayout, name: str) -> tuple[Any, SimpleNamespace]:
    """Load ``Resources/UI/<name>.ui`` into a layout.

    Returns:
        The form's widget, and its named children as attributes.
    """
    widget = slicer.util.loadUI(str(resource_path("UI", f"{name}.ui")))
    layout.addWidget(widget)
    ui = slicer.util.childWidgetVariables(widget)
    for child in vars(ui).values():
        kind = child.className()
        if (kind in FIELDS or (kind == "QLabel" and child.wordWrap)) and not is_part(child):
            take_any_width(child)
    return widget, ui


def is_part(widget: qt.QWidget) -> bool:
    """Whether a widget is a field's own, such as the slider of a ctkSliderWidget: those are named, too."""
    parent = widget.parent()
    while parent is not None and parent.className() not in FIELDS:
        parent = parent.parent()
    return parent is not None


def take_any_width(widget: qt.QWidget) -> None:
    """Let a field or a wrapped label take the width there is, and ask for none.

    Slicer makes a panel as wide as each part would like to be. A stretched table would like to be as wide as it is and
    its frame, so the panel would creep wider at each change; a long text would like to be 80 letters wide, a selector
    as wide as the longest name in it. Beside others in a row it must have a stretch, or it gets no room at all.
    """
    policy = widget.sizePolicy
    policy.setHorizontalPolicy(qt.QSizePolicy.Ignored)
    widget.setSizePolicy(policy)


def paint_frame(frame: qt.QFrame, colors: tuple[str, str]) -> None:
    """Give a frame and the labels in it ground and text colors that fit Slicer's style."""
    dark = frame.palette.color(qt.QPalette.Window).lightness() < _MIDDLE
    ground, text = reversed(colors) if dark else colors
    look = f"background-color: {ground}; border-radius: 4px;"
    frame.setStyleSheet(f"#{frame.objectName} {{ {look} }} QLabel {{ color: {text}; }}")


def allow(widget: qt.QWidget, why_not: str, tip: str) -> None:
    """Switch a widget on, with its tooltip and its key, or off, with the reason as tooltip."""
    key = widget.property(KEY)
    widget.setEnabled(not why_not)
    widget.setToolTip(why_not or (f"{tip} {key}" if key else tip))


def name_key(button: qt.QAbstractButton, key: str) -> None:
    """Let the tooltip of a button say the key that presses it, from the next time that it is switched on."""
    button.setProperty(KEY, key)


def show_text(label: qt.QLabel, text: str) -> None:
    """Set a label's text; an empty label takes no room."""
    label.setText(text)
    label.setVisible(bool(text))


def set_checked(button: qt.QAbstractButton, checked: bool) -> None:
    """Check or uncheck without telling those who are connected: the state came from elsewhere."""
    blocked = button.blockSignals(True)
    button.setChecked(checked)
    button.blockSignals(blocked)


def set_row(combo: qt.QComboBox, row: int) -> None:
    """Choose a row without telling those who are connected: the state came from elsewhere."""
    blocked = combo.blockSignals(True)
    combo.setCurrentIndex(row)
    combo.blockSignals(blocked)


def busy_words() -> str:
    """Say that a reading is under way, where that is why a button is off."""
    return _("A reading is under way. Wait for it or cancel it.")
