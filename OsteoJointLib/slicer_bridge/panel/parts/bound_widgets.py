"""Widgets and the parameters that they show and set, kept in step.

Slicer's own ``connectGui`` adds an observer that can't be taken away again (5.8 to 5.12): a panel would never be let
go, and Python's garbage collection may free it while the node still calls it. This does the same, and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import qt

PARAMETER_NAME = "SlicerParameterName"
"""Dynamic property of a widget in a .ui file: the parameter that it shows and sets."""
SIGNALS = {bool: "toggled(bool)", int: "valueChanged(int)", float: "valueChanged(double)"}
"""What a widget emits, by the type of its parameter; any other type is a node."""


class BoundWidgets:
    """The widgets of a panel that show and set a parameter each.

    Args:
        ui: the panel's widgets by name; those with the property ``SlicerParameterName`` are bound.
        ranges: minimum and maximum by parameter, for those that have them.
    """

    def __init__(self, ui: SimpleNamespace, ranges: Mapping[str, Any]):
        self._widgets = {name: widget for widget in vars(ui).values() if (name := widget.property(PARAMETER_NAME))}
        self._node: Any = None
        self._connected = self._showing = False
        for name, within in ranges.items():
            self._widgets[name].minimum = within.minimum  # CTK's setters are no slots: Python has only the properties
            self._widgets[name].maximum = within.maximum

    def take(self, node: Any) -> None:
        """Show and set the parameters of this wrapped parameter node from now on; None: of none."""
        self._node = node
        if node is None:
            return
        self.show()
        if not self._connected:
            self._connected = True
            for name, widget in self._widgets.items():
                self._connect(name, widget)

    def show(self) -> None:
        """Show the parameters as they are now."""
        self._showing = True
        for name, widget in self._widgets.items():
            value = getattr(self._node, name)
            if isinstance(value, bool):
                widget.setChecked(value)
            elif isinstance(value, int | float):
                widget.setValue(value)
            else:
                widget.setCurrentNode(value)
        self._showing = False

    def _connect(self, name: str, widget: qt.QWidget) -> None:
        signal = SIGNALS.get(type(getattr(self._node, name)))

        def changed(value: Any = None) -> None:
            if self._node is not None and not self._showing:
                setattr(self._node, name, value if signal else widget.currentNode())

        widget.connect(signal or "currentNodeChanged(vtkMRMLNode*)", changed)
