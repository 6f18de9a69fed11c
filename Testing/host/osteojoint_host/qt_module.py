"""The modules `qt` and `ctk` as Slicer's Python sees them: one flat namespace, and Qt's functions as PythonQt has them.

Differences from PySide6 that are made here: file dialogs return a string (and never open: set
``qt.QFileDialog.answers`` to what the user would choose), settings come back as they do after a restart (strings,
tuples), timers swallow what their slots raise, and ``QUiLoader`` knows the stand-ins and their connections.
"""

from __future__ import annotations

import sys
from types import ModuleType
from xml.etree import ElementTree

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from osteojoint_host.errors import LOG

LEFT_OUT = {"Signal", "Slot", "Property", "ClassInfo", "SIGNAL", "SLOT", "QEnum", "QFlag"}
"""PySide6's own, which PythonQt hasn't or hasn't safely."""

STAND_INS: dict[str, type] = {}
"""Every stand-in by the name of the C++ class, which a .ui file uses too."""


def stand_in(owner: type) -> type:
    """Register a stand-in, as a class decorator."""
    owner.STANDS_IN = True
    STAND_INS[owner.__name__] = owner
    return owner


class NotWrapped:
    """A setter that C++ has and Python hasn't: neither slot nor invokable, so that only its property is wrapped."""

    def __get__(self, instance, owner=None):
        raise AttributeError("PythonQt wraps slots, invokables and properties of CTK's and Slicer's widgets: w.x = x.")


class QUiLoader(QtUiTools.QUiLoader):
    """Loads .ui files that hold stand-ins; a class that is neither Qt's nor a stand-in is an error."""

    def createWidget(self, className, parent=None, name=""):
        """Make one widget; Qt calls this."""
        if className in STAND_INS:
            widget = STAND_INS[className](parent)
            widget.setObjectName(name)
            return widget
        if className not in self.availableWidgets():
            LOG.add(f"The test host has no stand-in for {className}: see osteojoint_host/widgets.")
        return super().createWidget(className, parent, name)

    def load(self, file, parent=None):
        """Load the widgets of an open file and make the connections among stand-ins."""
        root = ElementTree.fromstring(bytes(file.readAll().data()))
        for widget in root.iter("widget"):
            _number_enumerations(widget)
        for element in root.findall("connections/connection"):
            if "vtkMRML" in element.findtext("signal", ""):
                root.find("connections").remove(element)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        loaded = super().load(buffer, parent)
        file.seek(0)
        _connect_stand_ins(loaded, ElementTree.fromstring(bytes(file.readAll().data())))
        return loaded


def _number_enumerations(widget) -> None:
    """Turn enumerations of stand-ins into numbers: Qt's loader doesn't know them."""
    owner = STAND_INS.get(widget.get("class"))
    for element in widget.findall("property") if owner else ():
        for value in element.findall("set") + element.findall("enum"):
            names = [name.split("::") for name in value.text.split("|")]
            if names[0][0] in STAND_INS:
                value.tag, number = "number", 0
                for _, name in names:
                    number |= getattr(owner, name)
                value.text = str(number)


def _connect_stand_ins(loaded, root) -> None:
    def find(name):
        return loaded if loaded.objectName == name else loaded.findChild(QtCore.QObject, name)

    for element in root.findall("connections/connection"):
        signal, slot = element.findtext("signal"), element.findtext("slot")
        if "vtkMRML" in signal:
            receiver = find(element.findtext("receiver"))
            find(element.findtext("sender")).connect(signal, getattr(receiver, slot.split("(")[0]))


def _single_shot(milliseconds, *arguments):
    """``QTimer.singleShot(ms, f)``, with the exception kept and the callable held."""
    timer = QtCore.QTimer(QtCore.QCoreApplication.instance())
    timer.setSingleShot(True)
    timer.connect("timeout()", arguments[-1])
    timer.connect("timeout()", timer.deleteLater)
    timer.start(int(milliseconds))


def _settings_value(original):
    def as_read_from_a_file(value):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        if isinstance(value, list | tuple):
            return as_read_from_a_file(value[0]) if len(value) == 1 else tuple(map(as_read_from_a_file, value))
        return value

    def value(self, key, default=None):
        return as_read_from_a_file(original(self, key)) if self.contains(key) else default

    return value


def _answer(kind: str):
    def answer(*arguments):
        dialog = QtWidgets.QFileDialog
        if not dialog.answers:
            raise AssertionError(f"qt.QFileDialog.{kind} was called, and qt.QFileDialog.answers is empty.")
        return dialog.answers.pop(0)

    return staticmethod(answer)


def make_qt() -> ModuleType:
    """Build the module `qt`; the patches of :mod:`pythonqt` are in place by then."""
    module = ModuleType("qt", "PySide6 in the shape of PythonQt (OsteoJoint's test host)")
    for part in (QtCore, QtGui, QtWidgets, QtUiTools):
        for name in dir(part):
            if not name.startswith("_") and name not in LEFT_OUT:
                setattr(module, name, getattr(part, name))
    module.QUiLoader = QUiLoader
    vars(QtCore.QTimer)["singleShot"].original = _single_shot
    QtCore.QSettings.value = _settings_value(QtCore.QSettings.value)
    QtWidgets.QFileDialog.answers = []
    for kind in ("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"):
        setattr(QtWidgets.QFileDialog, kind, _answer(kind))
    return module


def install() -> None:
    """Make ``import qt`` and ``import ctk`` work; the stand-ins come later, by :func:`publish`."""
    sys.modules["qt"] = make_qt()
    sys.modules["ctk"] = ModuleType("ctk", "Stand-ins for CTK's widgets (OsteoJoint's test host)")


def publish(slicer: ModuleType) -> None:
    """Put every stand-in where Slicer has its class: ``ctk.ctkX``, ``slicer.qMRMLX``."""
    for name, owner in STAND_INS.items():
        setattr(sys.modules["ctk"] if name.startswith("ctk") else slicer, name, owner)
