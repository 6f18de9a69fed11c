"""`SlicerWindow`: a module's panel beside the views, as in Slicer's main window; for pictures.

The panel has as many pixels as the real window leaves it: 415 on a screen of 768 (measured in Slicer 5.8). What Slicer
has around panel and views is only hinted at: a line for its menus, one for its tool bar, its logo, its data probe.
"""

from __future__ import annotations

from xml.etree import ElementTree

from PySide6 import QtWidgets

from osteojoint_host.widgets.module_panel import TURNS, ModulePanel

MENU_PX, TOOLS_PX, LOGO_PX, STATUS_PX = 24, 38, 96, 22
PROBE_PX = 353 - MENU_PX - TOOLS_PX - LOGO_PX - STATUS_PX
"""Height of the data probe and of what the desktop takes of the screen: what is left of the 353 px above."""
BAR_PX, GAP_PX = 20, 2
MENUS = "File    Edit    View    Help"
TOOLS = "DATA    DCM    SAVE        Modules:  OsteoJoint"


class SlicerWindow(QtWidgets.QWidget):
    """The window.

    Args:
        module: the widget of the module.
        manager: the layout manager, whose views are shown.
        size_px: width and height.
        panel_px: the width that the user has given the panel.
    """

    STANDS_IN = True

    def __init__(self, module, manager, size_px: tuple[int, int], panel_px: int):
        super().__init__()
        self._manager, self._panel_px, self._shown = manager, panel_px, None
        self._panel, self._views = ModulePanel(module), QtWidgets.QWidget()
        self._column = column = _box(QtWidgets.QVBoxLayout, 0)
        dock = _box(QtWidgets.QVBoxLayout, 0)
        for widget in (_words("3D Slicer", LOGO_PX, 24), self._panel, _words("Data Probe", PROBE_PX)):
            dock.addWidget(widget)
        middle = self._middle = _box(QtWidgets.QHBoxLayout, GAP_PX)
        middle.addLayout(dock)
        middle.addWidget(self._views, 1)
        for words, height in ((MENUS, MENU_PX), (TOOLS, TOOLS_PX)):
            column.addWidget(_words(words, height))
        column.addLayout(middle, 1)
        column.addWidget(_words("", STATUS_PX))
        self.setLayout(column)
        self.setFixedSize(*size_px)
        self.show()
        self.settle()

    def settle(self) -> None:
        """Show the layout that is chosen now, and let everything find its size."""
        node = self._manager.layoutLogic().GetLayoutNode()
        if node.GetViewArrangement() != self._shown:
            self._shown = node.GetViewArrangement()
            self._arrange(ElementTree.fromstring(node.GetLayoutDescription(self._shown)))
        application = QtWidgets.QApplication.instance()
        for _turn in range(3 * TURNS):
            self._panel.setFixedWidth(max(self._panel_px, self._panel.minimumSizeHint().width()))
            application.processEvents()

    def show_in_panel(self, widget) -> None:
        """Scroll the panel until a widget begins at its upper edge, or as far as it goes; None: to the top."""
        self.settle()
        self._panel._area.verticalScrollBar().setValue(0 if widget is None else self._panel.top_of(widget))
        self.settle()

    def picture(self):
        """Return the window as a QImage."""
        self.settle()
        return self.grab().toImage()

    def give_back(self) -> None:
        """Let go of the views, and close."""
        self._take_out_views()
        self.deleteLater()

    def _take_out_views(self) -> None:
        for name in self._manager.sliceViewNames():
            self._manager.sliceWidget(name).setParent(None)
        self._manager.threeDWidget(0).setParent(None)

    def _arrange(self, description) -> None:
        old = self._views
        self._take_out_views()
        self._views = QtWidgets.QWidget()
        self._views.setLayout(self._place(description))
        self._middle.replaceWidget(old, self._views)
        self._middle.setStretchFactor(self._views, 1)
        old.deleteLater()

    def _place(self, element):
        """Make the Qt layout of a `<layout>`, with the views below it."""
        vertical = element.get("type") == "vertical"
        box = _box(QtWidgets.QVBoxLayout if vertical else QtWidgets.QHBoxLayout, GAP_PX)
        for child in element.findall("item/*"):
            if child.tag == "layout":
                box.addLayout(self._place(child), 1)
            else:
                box.addWidget(self._framed(child), 1)
        return box

    def _framed(self, view) -> QtWidgets.QWidget:
        is_slice = view.get("class") == "vtkMRMLSliceNode"
        widget = self._manager.sliceWidget(view.get("singletontag")) if is_slice else self._manager.threeDWidget(0)
        node = widget.mrmlSliceNode() if is_slice else widget.mrmlViewNode()
        red, green, blue = (round(255 * part) for part in node.GetLayoutColor())
        bar = _words(f"{node.GetLayoutLabel()}", BAR_PX)
        bar.setStyleSheet(f"background-color: rgb({red}, {green}, {blue}); color: black; font-weight: bold;")
        frame, column = QtWidgets.QWidget(), _box(QtWidgets.QVBoxLayout, 0)
        frame.setLayout(column)
        column.addWidget(bar)
        column.addWidget(widget, 1)
        widget.show()
        return frame


def _box(kind, spacing: int):
    box = kind()
    box.setContentsMargins(0, 0, 0, 0)
    box.setSpacing(spacing)
    return box


def _words(words: str, height: int, points: int = 9) -> QtWidgets.QLabel:
    label = QtWidgets.QLabel(words)
    label.setFixedHeight(height)
    label.setIndent(8)
    font = label.font
    font.setPointSize(points)
    label.setFont(font)
    return label
