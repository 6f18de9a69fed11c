"""Observers of VTK objects that end with the widget they serve, however that ends."""

from __future__ import annotations

import weakref

from shiboken6 import isValid


class Watch:
    """Calls a method of a widget on events of VTK objects, without keeping the widget alive."""

    def __init__(self, widget):
        self._widget = weakref.ref(widget)
        self._tags: list[tuple] = []
        widget.connect("destroyed()", self.stop)

    def add(self, watched, event, method: str) -> None:
        """Call the widget's ``method`` without arguments on each ``event``."""

        def call(caller, name):
            widget = self._widget()
            if widget is not None and isValid(widget):
                getattr(widget, method)()

        self._tags.append((watched, watched.AddObserver(event, call)))

    def stop(self) -> None:
        """Remove all observers."""
        for watched, tag in self._tags:
            watched.RemoveObserver(tag)
        self._tags.clear()
