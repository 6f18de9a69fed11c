"""Observers of VTK objects that end with the widget they serve, however that ends."""

from __future__ import annotations

import weakref

import vtk
from shiboken6 import isValid


class Watch:
    """Calls a method of a widget on events of VTK objects, without keeping the widget alive."""

    def __init__(self, widget):
        self._widget = weakref.ref(widget)
        self._tags: list[tuple] = []
        widget.connect("destroyed()", self.stop)

    def add(self, watched, event, method: str, with_node: bool = False) -> None:
        """Call the widget's ``method`` on each ``event``, without arguments or with the node that it is about."""

        def call(caller, name, *node):
            widget = self._widget()
            if widget is not None and isValid(widget):
                getattr(widget, method)(*node)

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def call_with_node(caller, name, node):
            call(caller, name, node)

        self._tags.append((watched, watched.AddObserver(event, call_with_node if with_node else call)))

    def stop(self) -> None:
        """Remove all observers."""
        for watched, tag in self._tags:
            watched.RemoveObserver(tag)
        self._tags.clear()
