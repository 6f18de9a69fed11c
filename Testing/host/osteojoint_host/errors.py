"""What went wrong where nobody looks: in slots, timers and observers, in Qt's own messages, in VTK's.

An exception in a slot never reaches the code that emitted the signal, neither in PythonQt nor in PySide6. Slicer
prints it; here it is kept, so that the test during which it happened fails (`fixtures.py`).
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

HARMLESS = re.compile(
    "|".join(
        (
            r"No such signal qMRMLWidget::mrmlSceneChanged",  # `qt_module` makes these connections
            r"QObject::connect\(\):? .*(vtkMRML|qMRML)",
            r"QMetaObject::connectSlotsByName",
            r"This plugin does not support",
            r"propagateSizeHints",
            r"DataNodeCache inconsistency found",  # a view asks for a folder while the scene is being closed
        )
    )
)


class ErrorLog:
    """Collects what would only be printed."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def install(self) -> None:
        """Listen to Python's excepthook, to Qt's messages and to VTK's errors and warnings."""
        from PySide6 import QtCore
        from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow

        sys.excepthook = lambda kind, error, trace: self.add_exception(error)
        QtCore.qInstallMessageHandler(self._qt_message)
        vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)  # they are printed here, once
        for event in ("ErrorEvent", "WarningEvent"):
            vtkOutputWindow.GetInstance().AddObserver(event, self._vtk_message)

    def add_exception(self, error: BaseException) -> None:
        """Keep an exception with its traceback."""
        self.add("".join(traceback.format_exception(error)))

    def add(self, text: str) -> None:
        """Keep one error."""
        self._found.append(text)
        print(text, file=sys.stderr)

    def take(self) -> list[str]:
        """Return what was kept and forget it."""
        found, self._found = self._found, []
        return found

    def guard(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call ``function`` as PythonQt calls a slot: what it raises goes to Python's excepthook and no further."""
        try:
            function(*arguments)
        except Exception:
            sys.excepthook(*sys.exc_info())

    def _qt_message(self, kind, context, message: str) -> None:
        if kind.name in ("QtWarningMsg", "QtCriticalMsg", "QtFatalMsg") and not HARMLESS.search(message):
            self.add(f"Qt: {message}")

    def _vtk_message(self, caller, event, message: str) -> None:
        if not HARMLESS.search(message):
            self.add(message)

    _vtk_message.CallDataType = "string0"


LOG = ErrorLog()
"""The one log of this process."""
