"""`ModulePanel`: the scroll area in which Slicer shows a module, with the widths that it gives and takes.

As in ``qSlicerModulePanel``: a module is as wide as it would like to be and no narrower (horizontal policy Minimum),
the panel is never narrower than that and a scroll bar, it scrolls up and down only, and a folded section "Help" comes
first. Slicer's window takes the panel's minimum width from its views; here :meth:`ModulePanel.lay_out` widens the panel
where it insists.
"""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from osteojoint_host.widgets.ctk_sections import ctkCollapsibleButton

TURNS = 4
"""Of the event loop until all that was laid out has come to rest: a table's rows follow its columns by a timer."""


class ModulePanel(QtWidgets.QWidget):
    """Slicer's panel around the widget of a module."""

    STANDS_IN = True

    def __init__(self, module):
        super().__init__()
        minimum, preferred = QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred
        self.setSizePolicy(minimum, preferred)
        contents = QtWidgets.QWidget()
        contents.setSizePolicy(minimum, preferred)
        column = QtWidgets.QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSizeConstraint(QtWidgets.QLayout.SetMinAndMaxSize)
        self._help = ctkCollapsibleButton("Help && Acknowledgement")
        self._help.setSizePolicy(QtWidgets.QSizePolicy.Ignored, QtWidgets.QSizePolicy.Fixed)
        self._help.collapsed = True
        column.addWidget(self._help)
        column.addWidget(module, 1)
        column.addItem(QtWidgets.QSpacerItem(0, 0, minimum, QtWidgets.QSizePolicy.MinimumExpanding))
        if module.layout() is not None:
            module.layout().setContentsMargins(0, 0, 0, 0)
        module.setSizePolicy(minimum, module.sizePolicy.verticalPolicy())
        self._module, self._contents = module, contents
        area = self._area = QtWidgets.QScrollArea()
        area.setSizePolicy(minimum, QtWidgets.QSizePolicy.Expanding)
        area.setFrameShape(QtWidgets.QFrame.NoFrame)
        area.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        area.setWidgetResizable(True)
        area.setWidget(contents)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSizeConstraint(QtWidgets.QLayout.SetMinimumSize)
        grid.addWidget(area)

    def minimumSizeHint(self):
        """Qt calls this: as wide as the module would like to be, and a scroll bar."""
        if "_contents" not in self.__dict__:
            return super().minimumSizeHint()
        wide = self._contents.minimumSizeHint().width() + self._area.horizontalScrollBar().sizeHint().width()
        return QtCore.QSize(wide, super().minimumSizeHint().height())

    def lay_out(self, width: int, height: int, rounds: int = 3) -> int:
        """Lay out at a width and height as often as Slicer would.

        Returns:
            How wide the panel has become: a window must widen it to what it insists on.
        """
        app = QtWidgets.QApplication.instance()
        for _round in range(rounds):
            self.resize(max(width, self.minimumSizeHint().width()), height)
            self.updateGeometry()
            for _turn in range(TURNS):
                app.processEvents()
        return self.width

    def visible_px(self) -> int:
        """Say how many pixels of the panel are seen at once, from top to bottom."""
        return self._area.viewport().height

    def top_of(self, widget) -> int:
        """Say how far below the panel's upper edge a widget begins."""
        return widget.mapTo(self._contents, QtCore.QPoint(0, 0)).y()

    def scroll_to_top(self) -> None:
        """Show the beginning."""
        self._area.verticalScrollBar().setValue(0)
