"""A signal in plain Python: Qt's own can't be declared in PythonQt without risk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Signal:
    """Calls everyone who connected, in order.

    >>> heard = []
    >>> signal = Signal()
    >>> signal.connect(heard.append)
    >>> signal.emit(1)
    >>> heard
    [1]
    """

    def __init__(self) -> None:
        self._slots: list[Callable[..., Any]] = []

    def connect(self, slot: Callable[..., Any]) -> None:
        """Call ``slot`` at each emission from now on."""
        self._slots.append(slot)

    def disconnect(self, slot: Callable[..., Any]) -> None:
        """Call ``slot`` no more; nothing happens where it wasn't connected."""
        if slot in self._slots:
            self._slots.remove(slot)

    def emit(self, *args: Any) -> None:
        """Call every slot with ``args``; one that is disconnected meanwhile isn't called any more."""
        for slot in list(self._slots):
            if slot in self._slots:
                slot(*args)
