"""Widgets and the parameters that they show and set, kept in step.

Slicer's own ``connectGui`` adds an observer that can't be taken away again (5.8 to 5.12), so that the panel would never
be let go, and Python's garbage collection may free it while the node still calls it. This does the same and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PARAMETER_NAME = "SlicerParameterName"
"""Dynamic property of a widget in a .ui file: the parameter that it shows and sets."""
SIGNALS = {bool: "toggled(bool)", int: "valueChanged(int)", float: "valueChanged(double)"}
"""What a widget emits, by the type of its parameter; any other type is a node."""


class BoundWidgets:
    """The widgets of one parameter node.

    Args:
        node: the wrapped parameter node.
        ui: the panel's widgets by name; those with the property ``SlicerParameterName`` are bound.
        ranges: minimum and maximum by parameter, for those that have them.
    """

    def __init__(self, node, ui, ranges: Mapping[str, Any]):
        self._node = node
        self._updating = False
        self._bound = []
        for widget in vars(ui).values():
            if name := widget.property(PARAMETER_NAME):
                self._bind(name, widget, ranges.get(name))

    def show(self) -> None:
        """Show the parameters as they are now."""
        self._updating = True
        for name, widget, _, _ in self._bound:
            self._write(widget, getattr(self._node, name))
        self._updating = False

    def release(self) -> None:
        """Set nothing any more."""
        for _, widget, signal, slot in self._bound:
            widget.disconnect(signal, slot)
        self._bound.clear()

    def _bind(self, name: str, widget, within) -> None:
        value = getattr(self._node, name)
        if within is not None:
            widget.setMinimum(within.minimum)
            widget.setMaximum(within.maximum)
        self._write(widget, value)
        signal = SIGNALS.get(type(value), "currentNodeChanged(vtkMRMLNode*)")

        def changed(shown=None):
            if not self._updating:
                setattr(self._node, name, widget.currentNode() if type(value) not in SIGNALS else shown)

        widget.connect(signal, changed)
        self._bound.append((name, widget, signal, changed))

    @staticmethod
    def _write(widget, value) -> None:
        if isinstance(value, bool):
            widget.setChecked(value)
        elif isinstance(value, int | float):
            widget.setValue(value)
        else:
            widget.setCurrentNode(value)
