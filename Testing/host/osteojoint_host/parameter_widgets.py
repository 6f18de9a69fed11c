"""Which widget can stand for which parameter, and how it is read, written and heard: Slicer's list, by exact class."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt
import slicer


class Connector:
    """A widget that shows one parameter.

    Args:
        widget: the widget.
        signal: the signature of the signal that says it was changed.
        read: returns the value shown.
        write: shows a value.
    """

    def __init__(self, widget, signal: str, read: Callable, write: Callable):
        self.widget, self.read, self.write, self._signal = widget, read, write, signal
        self._callback: Callable[[], None] | None = None

    def connect(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` at each change."""
        self._callback = callback
        self.widget.connect(self._signal, callback)

    def disconnect(self) -> None:
        """Call it no more."""
        self.widget.disconnect(self._signal, self._callback)


def find(parameter, name: str):
    """Return the parameter's annotation of a class, None where it has none."""
    return next((one for one in parameter.annotations if type(one).__name__ == name), None)


def _attribute(widget, signal: str, name: str) -> Connector:
    return Connector(widget, signal, lambda: getattr(widget, name), lambda value: setattr(widget, name, value))


def _checkable(widget, parameter) -> Connector:
    if type(widget) is qt.QPushButton:
        widget.checkable = True
    return _attribute(widget, "toggled(bool)", "checked")


def _number(widget, parameter) -> Connector:
    for name in ("Decimals", "SingleStep"):
        if (annotation := find(parameter, name)) is not None:
            setattr(widget, name[0].lower() + name[1:], annotation.value)
    limits = find(parameter, "WithinRange")
    least, most = limits or find(parameter, "Minimum"), limits or find(parameter, "Maximum")
    if type(widget) in (qt.QSlider, ctk.ctkSliderWidget) and (least is None or most is None):
        raise RuntimeError("Cannot have a connection to a slider where the type is unbounded.")
    unbounded = 2**31 - 1 if parameter.kind is int else float("inf")
    widget.minimum = least.minimum if least else -unbounded
    widget.maximum = most.maximum if most else unbounded
    return _attribute(widget, "valueChanged(int)" if parameter.kind is int else "valueChanged(double)", "value")


def _choice(widget, parameter) -> Connector:
    choice = find(parameter, "Choice")
    if choice is None:
        raise RuntimeError("ComboBoxToStringableConnector requires the Choice annotation to be used.")
    widget.clear()
    for one in choice.choices:
        widget.addItem(str(one))
    return Connector(
        widget,
        "currentIndexChanged(int)",
        lambda: choice.choices[widget.currentIndex],
        lambda value: widget.setCurrentIndex(choice.choices.index(value)),
    )


def _node(widget, parameter) -> Connector:
    widget.nodeTypes = [parameter.kind.__name__]
    return Connector(widget, "currentNodeChanged(vtkMRMLNode*)", widget.currentNode, widget.setCurrentNode)


def make_connector(widget, parameter) -> Connector:
    """Return what joins a widget to a parameter.

    Raises:
        RuntimeError: Slicer has no such pair.
    """
    owner, kind = type(widget), parameter.kind
    if owner in (qt.QCheckBox, qt.QPushButton) and kind is bool:
        return _checkable(widget, parameter)
    if (owner in (qt.QSlider, qt.QSpinBox) and kind is int) or (
        owner in (qt.QDoubleSpinBox, ctk.ctkSliderWidget) and kind is float
    ):
        return _number(widget, parameter)
    if owner is qt.QComboBox and kind in (int, float, str, bool):
        return _choice(widget, parameter)
    if owner is qt.QLineEdit and kind is str:
        return _attribute(widget, "textChanged(QString)", "text")
    if owner is slicer.qMRMLNodeComboBox and issubclass(kind, slicer.vtkMRMLNode):
        return _node(widget, parameter)
    raise RuntimeError(f"Unable to create GUI connector from datatype '{kind}' to widget type '{owner}'")
