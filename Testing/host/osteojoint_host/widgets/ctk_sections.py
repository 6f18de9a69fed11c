"""CTK's containers and dialogs: `ctkCollapsibleButton`, `ctkMessageBox`, `ctkWidgetsUtils`."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from osteojoint_host.qt_module import NotWrapped, stand_in

HIGHEST_PX = 16777215
"""QWIDGETSIZE_MAX: no limit."""
SHOWN = QtCore.Qt.AlignLeft | QtCore.Qt.AlignVCenter | QtCore.Qt.TextShowMnemonic
"""How a header's words are drawn: && is one ampersand."""


@stand_in
class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A section with a header that folds its contents away.

    As in CTK, and what a panel's width hangs on: it never gets narrower than its contents would like to be (horizontal
    policy Minimum), its header is as high as the font wants it, and folded it is ``collapsedHeight`` higher than that.
    """

    contentsCollapsed = QtCore.Signal(bool)

    def __init__(self, *arguments):
        texts = [a for a in arguments if isinstance(a, str)]
        super().__init__(next((a for a in arguments if isinstance(a, QtWidgets.QWidget)), None))
        self._collapsed, self._height, self._forcing, self._created = False, 14, False, False
        self.setCheckable(True)
        self.setChecked(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Minimum, QtWidgets.QSizePolicy.Preferred)
        self.setText((texts or [""])[0])
        self._make_room_for_header()
        self.connect("toggled(bool)", self._toggled)

    def _toggled(self, checked=True):
        self._collapse(not checked)

    def _set_collapsed(self, collapsed):
        self.setChecked(not collapsed)

    setCollapsed = NotWrapped()
    collapsed = QtCore.Property(bool, lambda self: self._collapsed, _set_collapsed)

    def _set_height(self, height):
        self._height = height
        self.updateGeometry()

    collapsedHeight = QtCore.Property(int, lambda self: self._height, _set_height)

    def _collapse(self, collapsed):
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        self.setMaximumHeight(self.sizeHint().height() if collapsed else HIGHEST_PX)
        for child in self.children():
            if isinstance(child, QtWidgets.QWidget):
                self._show_child(child)
        self.updateGeometry()
        self.contentsCollapsed(collapsed)

    def _show_child(self, child):
        """Show or hide a child as the header says; one that was hidden by itself stays hidden."""
        if not self.testAttribute(QtCore.Qt.WA_WState_Created):
            return
        hidden = child.property("visibilityToParent") is False
        visible = not self._collapsed and not hidden
        self._forcing = True
        if child.testAttribute(QtCore.Qt.WA_WState_Created) or not visible:
            child.setVisible(visible)
        if not hidden:
            child.setAttribute(QtCore.Qt.WA_WState_ExplicitShowHide, False)
        self._forcing = False

    def setVisible(self, visible):
        """Show or hide the section; its children follow where it is unfolded."""
        self._forcing = True
        super().setVisible(visible)
        self._forcing = False
        if not self._created and self.testAttribute(QtCore.Qt.WA_WState_Created):
            self._created = True
            for child in self.children():
                if isinstance(child, QtWidgets.QWidget):
                    self._show_child(child)

    def childEvent(self, event):
        """Qt calls this: a child that comes while the section is folded is hidden too."""
        child = event.child()
        if event.type() == QtCore.QEvent.ChildAdded and isinstance(child, QtWidgets.QWidget):
            explicit = child.testAttribute(QtCore.Qt.WA_WState_ExplicitShowHide)
            if explicit and child.testAttribute(QtCore.Qt.WA_WState_Hidden):
                child.setProperty("visibilityToParent", False)
            child.installEventFilter(self)
            self._show_child(child)
        super().childEvent(event)

    def eventFilter(self, child, event):
        """Qt calls this: a child that is shown while the section is folded stays hidden until it is unfolded."""
        if not self.__dict__.get("_forcing", True):
            if event.type() == QtCore.QEvent.ShowToParent:
                child.setProperty("visibilityToParent", True)
                self._show_child(child)
            elif event.type() == QtCore.QEvent.HideToParent:
                child.setProperty("visibilityToParent", False)
        return False

    def event(self, event):
        """Qt calls this: the header grows with the font."""
        if event.type() in (QtCore.QEvent.StyleChange, QtCore.QEvent.FontChange) and "_height" in self.__dict__:
            self._make_room_for_header()
            if self._collapsed:
                self.setMaximumHeight(self.sizeHint().height())
        return super().event(event)

    def _make_room_for_header(self):
        self.setContentsMargins(0, self._header().height(), 0, 0)

    def _header(self) -> QtCore.QSize:
        """The header's size."""
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        style = self.style()
        width = style.pixelMetric(QtWidgets.QStyle.PM_IndicatorWidth, option, self)
        height = style.pixelMetric(QtWidgets.QStyle.PM_IndicatorHeight, option, self)
        width += style.pixelMetric(QtWidgets.QStyle.PM_CheckBoxLabelSpacing, option, self)
        words = self.fontMetrics().size(QtCore.Qt.TextShowMnemonic, self.text or "XXXX")
        size = QtCore.QSize(width + words.width(), max(height, words.height()))
        return style.sizeFromContents(QtWidgets.QStyle.CT_PushButton, option, size, self)

    def minimumSizeHint(self):
        """Qt calls this."""
        header = self._header()
        if self._collapsed:
            return header + QtCore.QSize(0, self._height)
        return header if self.layout() is None else QtWidgets.QWidget.minimumSizeHint(self).expandedTo(header)

    def sizeHint(self):
        """Qt calls this."""
        folded = self._header() + QtCore.QSize(0, self._height)
        return folded if self._collapsed else QtWidgets.QWidget.sizeHint(self).expandedTo(folded)

    def hitButton(self, place):
        """Qt calls this: only the header is clicked on."""
        return place.y() < self._header().height()

    def paintEvent(self, event):
        """Qt calls this."""
        option, height = QtWidgets.QStyleOptionButton(), self._header().height()
        option.initFrom(self)
        option.rect = QtCore.QRect(0, 0, self.width, height)
        painter = QtGui.QPainter(self)
        self.style().drawControl(QtWidgets.QStyle.CE_PushButtonBevel, option, painter, self)
        painter.drawText(option.rect.adjusted(height, 0, 0, 0), SHOWN, self.text)
        arrow = QtWidgets.QStyle.PE_IndicatorArrowRight if self._collapsed else QtWidgets.QStyle.PE_IndicatorArrowDown
        option.rect = QtCore.QRect((height - 16) // 2, (height - 16) // 2, 16, 16)
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
