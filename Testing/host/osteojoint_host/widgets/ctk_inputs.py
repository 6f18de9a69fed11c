"""CTK's inputs: `ctkDoubleSpinBox`, `ctkSliderWidget`, `ctkPathLineEdit`.

Left out: unit-aware proxies, history and completion of paths, and the finer points of rounding.
"""

from __future__ import annotations

from pathlib import Path

from PySide6 import QtCore, QtWidgets

from osteojoint_host.qt_module import NotWrapped, stand_in


def of_box(kind, name: str):
    """Return a property that is the inner spin box's own."""
    return QtCore.Property(
        kind, lambda self: getattr(self._box, name), lambda self, value: setattr(self._box, name, value)
    )


@stand_in
class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A number."""

    valueChanged = QtCore.Signal(float)

    minimum, maximum = of_box(float, "minimum"), of_box(float, "maximum")
    value, singleStep = of_box(float, "value"), of_box(float, "singleStep")
    decimals, prefix, suffix = of_box(int, "decimals"), of_box(str, "prefix"), of_box(str, "suffix")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.connect("valueChanged(double)", self._changed)

    def _changed(self, value=0.0):
        self.valueChanged(value)

    def setValue(self, value):
        """Set the number, within the range."""
        self._box.setValue(value)

    def setRange(self, minimum, maximum):
        """Set the range."""
        self._box.setRange(minimum, maximum)

    def setMinimum(self, minimum):
        """Set the lower end."""
        self._box.setMinimum(minimum)

    def setMaximum(self, maximum):
        """Set the upper end."""
        self._box.setMaximum(maximum)

    def setDecimals(self, decimals):
        """Set how many decimals are kept."""
        self._box.setDecimals(decimals)

    def setSingleStep(self, step):
        """Set the step of the arrows."""
        self._box.setSingleStep(step)

    def setSuffix(self, suffix):
        """Set the unit that is shown."""
        self._box.setSuffix(suffix)


@stand_in
class ctkSliderWidget(ctkDoubleSpinBox):
    """A number with a slider beside it."""

    valueIsChanging = QtCore.Signal(float)
    STEPS = 1000
    setMinimum = setMaximum = setRange = setDecimals = setSingleStep = setSuffix = NotWrapped()

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Horizontal)
        self._slider.setObjectName("Slider")  # as in CTK: found by slicer.util.childWidgetVariables
        self._slider.setRange(0, self.STEPS)
        self.layout().insertWidget(0, self._slider)
        self._box.setRange(0.0, 99.0)
        self._slider.connect("sliderMoved(int)", self._moved)

    def _moved(self, step=0):
        self._box.setValue(self.minimum + step * (self.maximum - self.minimum) / self.STEPS)
        self.valueIsChanging(self.value)

    def _changed(self, value=0.0):
        span = self.maximum - self.minimum
        self._slider.setValue(round((value - self.minimum) / span * self.STEPS) if span else 0)
        self.valueChanged(value)

    pageStep = of_box(float, "singleStep")
    tracking = QtCore.Property(bool, lambda self: True, lambda self, value: None)


@stand_in
class ctkPathLineEdit(QtWidgets.QWidget):
    """A path to a file or folder, with a button that would open a dialog."""

    Dirs, Files, Drives, AllEntries = 0x1, 0x2, 0x4, 0x7
    Readable, Writable, Executable, Hidden = 0x10, 0x20, 0x40, 0x100
    NoDot, NoDotDot, NoDotAndDotDot = 0x2000, 0x4000, 0x6000
    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._line, self._button = QtWidgets.QLineEdit(), QtWidgets.QToolButton()
        self._button.setText("…")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line)
        layout.addWidget(self._button)
        self._filters, self._name_filters, self._key = self.AllEntries | self.NoDot | self.NoDotDot, (), ""
        self._line.connect("textChanged(QString)", self._changed)
        self._button.connect("clicked()", self.browse)

    def _changed(self, text=""):
        self.currentPathChanged(text)

    def setCurrentPath(self, path):
        """Set the path, as text."""
        if not isinstance(path, str):
            raise TypeError(f"Expected a str, came {path!r}")
        self._line.setText(path)

    currentPath = QtCore.Property(str, lambda self: self._line.text, setCurrentPath)

    def _set(self, name, value):
        self.__dict__[name] = value

    filters = QtCore.Property(int, lambda self: self._filters, lambda self, value: self._set("_filters", int(value)))
    nameFilters = QtCore.Property(
        "QStringList", lambda self: self._name_filters, lambda self, value: self._set("_name_filters", tuple(value))
    )
    settingKey = QtCore.Property(str, lambda self: self._key, lambda self, value: self._set("_key", value))
    showHistoryButton = QtCore.Property(bool, lambda self: False, lambda self, value: None)
    validInput = QtCore.Property(bool, lambda self: Path(self._line.text).exists())

    def browse(self):
        """Ask for a path, as the button does: ``qt.QFileDialog.answers`` has what the user chooses."""
        folder = self._filters & self.Dirs and not self._filters & self.Files
        dialog = QtWidgets.QFileDialog
        chosen = dialog.getExistingDirectory() if folder else dialog.getOpenFileName()
        if chosen:
            self.setCurrentPath(chosen)

    def addCurrentPathToHistory(self):
        """Remember the path; there is no history here."""
