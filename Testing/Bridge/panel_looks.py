"""The panel as it may look in Slicer's scroll area: light or dark, with large letters, long words; and its faults."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

import qt
from osteojoint_host.widgets.module_panel import ModulePanel

from .fake_reading import OpenPanel, is_section

GERMAN = 1.4
"""How much longer German words are."""
WHOLE = (
    *("QLabel", "QPushButton", "QCheckBox", "QToolButton", "QComboBox", "QProgressBar", "QSlider", "QLineEdit"),
    *("QTableWidget", "QListWidget", "QPlainTextEdit", "ctkPathLineEdit", "ctkSliderWidget", "ctkDoubleSpinBox"),
    *("qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox", "qMRMLSegmentEditorWidget"),
)
"""Classes of widgets that are looked at as a whole."""


@contextmanager
def looking(points: int = 9, dark: bool = False) -> Iterator[None]:
    """Give every window a font size and one of Slicer's two styles for a while."""
    font, palette = qt.QApplication.font(), qt.QApplication.palette()
    larger = qt.QFont(font)
    larger.setPointSize(points)
    qt.QApplication.setFont(larger)
    if dark:
        qt.QApplication.setPalette(dark_palette())
    yield
    qt.QApplication.setFont(font)
    qt.QApplication.setPalette(palette)


def dark_palette() -> qt.QPalette:
    """Colors like those of Slicer's dark style."""
    palette = qt.QPalette(qt.QColor(53, 53, 53))
    for role in (qt.QPalette.WindowText, qt.QPalette.Text, qt.QPalette.ButtonText):
        palette.setColor(role, qt.QColor(255, 255, 255))
    palette.setColor(qt.QPalette.Base, qt.QColor(30, 30, 30))
    palette.setColor(qt.QPalette.AlternateBase, qt.QColor(45, 45, 45))
    palette.setColor(qt.QPalette.Highlight, qt.QColor(42, 130, 218))
    return palette


class SeenPanel(OpenPanel):
    """The panel in Slicer's scroll area, ``slicer``."""

    def __init__(self):
        super().__init__()
        self.slicer = ModulePanel(self.place)
        self.slicer.show()

    def open_sections(self, *names: str) -> None:
        """Unfold these sections, or all of them, and fold the others."""
        for name, widget in vars(self.ui).items():
            if is_section(widget):
                widget.collapsed = bool(names) and name not in names

    def fold_as_opened(self) -> None:
        """Fold what is folded when the module is opened."""
        for name in self.folded:
            getattr(self.ui, name).collapsed = True

    def close(self) -> None:
        super().close()
        self.slicer.deleteLater()


@contextmanager
def seen_panel(points: int = 9, dark: bool = False):
    """Open the panel in Slicer's scroll area."""
    with looking(points, dark):
        opened = SeenPanel()
        yield opened
        opened.close()


def longer(text: str) -> str:
    """Make every word of some length longer, as in German; tags and entities stay.

    >>> longer("Leave <b>out</b> L1 &amp; L2")
    'Leaveea <b>outu</b> L1 &amp; L2'
    """
    parts = re.split(r"(<[^>]*>|&\w+;)", text)
    grown = (re.sub(r"[^\W\d_]{3,}", lambda word: _grown(word.group()), part) for part in parts[::2])
    return "".join(piece for pair in zip(grown, [*parts[1::2], ""], strict=True) for piece in pair)


def _grown(word: str) -> str:
    return word + word[1 : 1 + round((GERMAN - 1) * len(word))]


def speak_german(widget) -> None:
    """Make every text below a widget longer."""
    for child in [widget, *below(widget)]:
        kind = child.metaObject().className()
        if kind in ("QLabel", "QPushButton", "QCheckBox", "QToolButton", "ctkCollapsibleButton"):
            child.setText(longer(child.text))
        elif kind == "QComboBox":
            for index in range(child.count):
                child.setItemText(index, longer(child.itemText(index)))
        elif kind == "QListWidget":
            for index in range(child.count):
                child.item(index).setText(longer(child.item(index).text()))
        elif kind == "QTableWidget":
            _lengthen_table(child)


def _lengthen_table(table) -> None:
    blocked = table.blockSignals(True)
    cells = [table.item(row, column) for row in range(table.rowCount) for column in range(table.columnCount)]
    for item in [*cells, *(table.horizontalHeaderItem(column) for column in range(table.columnCount))]:
        if item is not None:
            item.setText(longer(item.text()))
    table.blockSignals(blocked)


def below(widget) -> list:
    """List the visible widgets below one, without the parts of those that are looked at as a whole."""
    found = []
    for child in widget.children():
        if isinstance(child, qt.QWidget) and child.visible and not child.isWindow():
            found.append(child)
            if child.metaObject().className() not in WHOLE:
                found += below(child)
    return found


def faults(opened: SeenPanel) -> list[str]:
    """List what is cut or covered in the panel as it is laid out now."""
    contents = opened.slicer._contents
    widgets = below(contents)
    whole = [widget for widget in widgets if widget.metaObject().className() in WHOLE]
    rects = [(widget, qt.QRect(widget.mapTo(contents, qt.QPoint(0, 0)), widget.size)) for widget in whole]
    found = [
        f"{name(one)} lies over {name(other)}"
        for index, (one, rect) in enumerate(rects)
        for other, second in rects[:index]
        if rect.intersects(second)
    ]
    for widget in widgets:
        parent = widget.parent()
        if not qt.QRect(0, 0, parent.width, parent.height).contains(widget.geometry):
            found.append(f"{name(widget)} reaches out of {name(parent)}: {widget.geometry} in {parent.size}")
    return found + [fault for widget in whole for fault in _cut(widget)]


def _cut(widget) -> Iterator[str]:
    kind, width, height = widget.metaObject().className(), widget.width, widget.height
    if kind == "QLabel" and widget.text:
        needed = widget.minimumSizeHint().width() if widget.wordWrap else widget.sizeHint().width()
        tall = widget.heightForWidth(width) if widget.wordWrap else widget.sizeHint().height()
        if needed > width:
            yield f"{name(widget)} is cut: {width} of {needed} px wide ({widget.text})"
        if tall > height:
            yield f"{name(widget)} is cut: {height} of {tall} px high ({widget.text})"
    elif kind in ("QPushButton", "QCheckBox", "QToolButton") and widget.sizeHint().width() > width:
        yield f"{name(widget)} is cut: {width} of {widget.sizeHint().width()} px wide ({widget.text})"
    elif kind == "QTableWidget":
        yield from _cut_cells(widget)


def _cut_cells(table) -> Iterator[str]:
    header, viewport = table.horizontalHeader(), table.viewport()
    if header.length() > viewport.width or table.horizontalScrollBar().maximum > 0:
        yield f"{name(table)} is wider than its place: {header.length()} of {viewport.width} px"
    rows = table.verticalHeader().length()
    if table.verticalScrollBarPolicy == qt.Qt.ScrollBarAlwaysOff and rows > viewport.height:
        yield f"{name(table)} is higher than its place: {rows} of {viewport.height} px"
    for row in range(table.rowCount):
        for column in range(table.columnCount):
            item, button = table.item(row, column), table.cellWidget(row, column)
            if button is not None and button.sizeHint().width() > table.columnWidth(column):
                yield f"{name(table)}: the button in column {column} is cut"
            if item is not None and not item.toolTip() and not _fits(table, item):
                yield f"{name(table)}: “{item.text()}” is cut, and no tooltip says it"


def _fits(table, item) -> bool:
    rect = table.visualItemRect(item)
    room = rect.width() - 8 - (20 if not item.icon().isNull() else 0)  # px that Qt leaves beside the words
    needed = qt.QFontMetrics(item.font()).boundingRect(0, 0, room, 10000, int(qt.Qt.TextWordWrap), item.text())
    return needed.width() <= room and needed.height() <= rect.height()


def name(widget) -> str:
    """Name a widget for a message."""
    return widget.objectName or html.unescape(widget.metaObject().className())
