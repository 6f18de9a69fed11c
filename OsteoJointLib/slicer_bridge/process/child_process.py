"""A process beside Slicer, by Qt: started, fed, heard and killed without ever blocking the window.

What PythonQt is known to trip over is left out: arguments of signals that are enums (``finished``, ``errorOccurred``)
are not taken, the process is asked instead; ``QProcess.error`` is both a signal and a function in Qt 5 and isn't used;
a QProcess isn't let go inside one of its own signals, nor while it runs (its destructor would wait). Connections to
bound methods keep their object alive for ever, so they are undone once the process has ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import qt

from OsteoJointLib.slicer_bridge.process.process_tree import kill_tree
from OsteoJointLib.slicer_bridge.process.worker_command import WorkerCommand

_DIES_IN_MS = 20
"""What is killed is mostly gone by then; no longer is waited, ms: chosen, a turn that nobody notices."""
_BURY_MS = 50
"""How often it is looked whether a killed process is dead, ms: chosen."""


class ChildProcess:
    """One run of a program.

    Args:
        on_out: called with each piece of its standard output.
        on_error: called with each piece of its standard error.
        on_end: called once, when it ended by itself, with its exit code: negative where a signal ended it, None where
            it could not be started.

    After :meth:`kill` nothing is called any more.
    """

    def __init__(
        self,
        on_out: Callable[[bytes], None],
        on_error: Callable[[bytes], None],
        on_end: Callable[[int | None], None],
    ):
        self._on_out, self._on_error, self._on_end = on_out, on_error, on_end
        self._ended = self._started = False
        self._process = qt.QProcess()
        self._slots = {
            "readyReadStandardOutput()": self._read_out,
            "readyReadStandardError()": self._read_error,
            "started()": self._has_started,
            "finished(int,QProcess::ExitStatus)": self._has_ended,
            "errorOccurred(QProcess::ProcessError)": self._has_ended,
        }

    @property
    def running(self) -> bool:
        """Whether it was started and has neither ended nor been killed."""
        return not self._ended

    @property
    def pid(self) -> int:
        """Its process number; 0 before it has started."""
        return int(self._process.processId())

    def start(self, command: WorkerCommand, folder: str) -> None:
        """Start it in ``folder``; a failure to start comes by ``on_end``."""
        for signal, slot in self._slots.items():
            self._process.connect(signal, slot)
        environment = qt.QProcessEnvironment()
        for key, value in command.environment.items():
            environment.insert(key, value)
        self._process.setProcessEnvironment(environment)
        self._process.setWorkingDirectory(folder)
        self._process.start(command.program, command.arguments)

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input; they go out as the event loop runs."""
        self._process.write(data)

    def close_input(self) -> None:
        """Let its standard input end once all is sent."""
        self._process.closeWriteChannel()

    def wait(self, milliseconds: int) -> None:
        """Wait until it has ended, at most so long; for the end of Slicer only."""
        self._process.waitForFinished(milliseconds)

    def kill(self) -> None:
        """Kill it with everything it started, at once and silently."""
        if self._ended:
            return
        self._ended = True
        if self.pid:
            with suppress(ModuleNotFoundError):  # no psutil before the packages are installed
                kill_tree(self.pid)
        self._process.kill()
        self._process.waitForFinished(_DIES_IN_MS)
        qt.QTimer.singleShot(0, lambda: self._bury())  # not here: this may be one of its signals

    def _read_out(self) -> None:
        if not self._ended:
            self._on_out(_bytes(self._process.readAllStandardOutput()))

    def _read_error(self) -> None:
        if not self._ended:
            self._on_error(_bytes(self._process.readAllStandardError()))

    def _has_started(self) -> None:
        self._started = True

    def _has_ended(self) -> None:
        # later: whoever is told may drop this object, whose signal is at work here
        qt.QTimer.singleShot(0, lambda: self._tell_end())

    def _tell_end(self) -> None:
        if self._ended or self._process.state() != qt.QProcess.NotRunning:
            return
        self._read_error()
        self._read_out()
        if self._ended:  # whoever heard the last words killed it
            return
        self._ended = True
        self._disconnect()
        self._on_end(self._exit_code() if self._started else None)

    def _exit_code(self) -> int:
        code = int(self._process.exitCode())
        by_signal = self._process.exitStatus() == qt.QProcess.CrashExit and os.name != "nt"
        return -code if by_signal else code

    def _bury(self) -> None:
        """Hold on to the process until it is dead."""
        if self._process.state() == qt.QProcess.NotRunning:
            self._disconnect()
        else:
            qt.QTimer.singleShot(_BURY_MS, lambda: self._bury())

    def _disconnect(self) -> None:
        """Undo the connections; never inside one of its signals."""
        for signal, slot in self._slots.items():
            self._process.disconnect(signal, slot)
        self._slots.clear()


def _bytes(array: Any) -> bytes:
    """Take the bytes of a QByteArray, whose ``data()`` is bytes or text, as the binding has it."""
    data = array.data()
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else bytes(data)
