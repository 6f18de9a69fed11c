"""CTK's containers and dialogs: `ctkCollapsibleButton`, `ctkMessageBox`, `ctkWidgetsUtils`."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from osteojoint_host.qt_module import NotWrapped, stand_in

HEADER_PX = 26


class Collapsing:
    """Hides and shows the direct children together; a child that was hidden before stays hidden."""

    def _show_children(self, shown: bool) -> None:
        for child in self.children():
            if not isinstance(child, QtWidgets.QWidget):
                continue
            if not shown and not QtWidgets.QWidget.isHidden(child):
                child.setProperty("_hiddenByCollapse", True)
                child.setVisible(False)
            elif shown and child.property("_hiddenByCollapse"):
                child.setProperty("_hiddenByCollapse", None)
                child.setVisible(True)


@stand_in
class ctkCollapsibleButton(Collapsing, QtWidgets.QWidget):
    """A section with a header that folds its contents away."""

    contentsCollapsed = QtCore.Signal(bool)
    toggled = QtCore.Signal(bool)
    clicked = QtCore.Signal(bool)

    def __init__(self, *arguments):
        texts = [a for a in arguments if isinstance(a, str)]
        super().__init__(next((a for a in arguments if isinstance(a, QtWidgets.QWidget)), None))
        self._text, self._collapsed, self._height = (texts or [""])[0], False, 0
        self.setContentsMargins(0, HEADER_PX, 0, 0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Preferred)

    def _get_text(self):
        return self._text

    def setText(self, text):
        """Set the words of the header."""
        if not isinstance(text, str):
            raise TypeError(f"Expected a str, came {text!r}")
        self._text = text
        self.update()

    text = QtCore.Property(str, _get_text, setText)

    def _get_collapsed(self):
        return self._collapsed

    def _set_collapsed(self, collapsed):
        collapsed = bool(collapsed)
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self.setMaximumHeight(HEADER_PX + self._height if collapsed else 16777215)
        self._show_children(not collapsed)
        self.toggled(not collapsed)
        self.contentsCollapsed(collapsed)

    setCollapsed = NotWrapped()
    collapsed = QtCore.Property(bool, _get_collapsed, _set_collapsed)
    checked = QtCore.Property(bool, lambda self: not self._collapsed, lambda self, value: self.setChecked(value))

    def setChecked(self, checked):
        """Unfold or fold."""
        self._set_collapsed(not checked)

    def _set_height(self, height):
        self._height = height

    collapsedHeight = QtCore.Property(int, lambda self: self._height, _set_height)

    def childEvent(self, event):
        """Qt calls this: a child that comes while the section is folded is hidden too."""
        super().childEvent(event)
        if self.__dict__.get("_collapsed") and event.added():
            QtCore.QTimer.singleShot(0, lambda: self._collapsed and self._show_children(False))

    def minimumSizeHint(self):
        """Qt calls this: the header always fits."""
        return super().minimumSizeHint().expandedTo(QtCore.QSize(60, HEADER_PX))

    def mousePressEvent(self, event):
        """Qt calls this: a click on the header folds or unfolds."""
        if event.position().y() < HEADER_PX:
            self._set_collapsed(not self._collapsed)
            self.clicked(not self._collapsed)

    def paintEvent(self, event):
        """Qt calls this."""
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, HEADER_PX)
        painter = QtGui.QPainter(self)
        self.style().drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option, painter, self)
        painter.drawText(option.rect.adjusted(24, 0, 0, 0), 0x81, self._text)
        arrow = QtWidgets.QStyle.PE_IndicatorArrowRight if self._collapsed else QtWidgets.QStyle.PE_IndicatorArrowDown
        option.rect = QtCore.QRect(4, 5, 16, 16)
        self.style().drawPrimitive(arrow, option, painter, self)


@stand_in
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that would ask not to be shown again. Tests never see one: testing mode answers before."""

    def exec_(self):
        """Refuse to wait for a user."""
        raise AssertionError(f"A message box would wait for an answer: {self.text}")


@stand_in
class ctkWidgetsUtils:
    """CTK's functions on widgets."""

    @staticmethod
    def grabWidget(widget, *arguments):
        """Return a QImage of a widget, 3-D and slice views included."""
        if hasattr(widget, "grab_image"):
            return widget.grab_image()
        return widget.grab().toImage()
