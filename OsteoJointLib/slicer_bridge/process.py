"""A Python process beside Slicer: started, followed line by line and killed without ever blocking the window."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

import qt
import slicer

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.slicer_bridge.command import process_environment


class PythonProcess:
    """One run of Slicer's own Python.

    Args:
        on_line: called with each line that the process prints.
        on_finished: called once with the exit code and all that was printed; not after :meth:`kill`.
    """

    def __init__(self, on_line: Callable[[str], None], on_finished: Callable[[int, str], None]):
        self._on_line, self._on_finished = on_line, on_finished
        self._printed = b""
        self._shown = 0
        self._process = qt.QProcess()
        self._process.setProcessChannelMode(qt.QProcess.MergedChannels)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._failed_to_start)

    def start(self, arguments: list[str]) -> None:
        """Start Slicer's Python with ``arguments``.

        Raises:
            RunFailed: this Slicer has no PythonSlicer on its path.
        """
        python = shutil.which("PythonSlicer")
        if python is None:
            raise RunFailed(Reason.DEPENDENCY_MISSING, "Expected PythonSlicer on Slicer's path, found none.")
        environment = qt.QProcessEnvironment()
        for key, value in process_environment(os.environ).items():
            environment.insert(key, value)
        self._process.setProcessEnvironment(environment)
        self._process.start(python, arguments)

    def kill(self) -> None:
        """Kill the process and the Python that its launcher started, silently."""
        self._on_line, self._on_finished = lambda line: None, lambda exit_code, printed: None
        if self._process.state() == qt.QProcess.NotRunning:
            return
        identifier = str(int(self._process.processId()))
        tree = ["taskkill", "/F", "/T", "/PID"] if os.name == "nt" else ["pkill", "-KILL", "-P"]
        outside = slicer.util.startupEnvironment()  # the system's tools mustn't meet Slicer's own libraries
        subprocess.run([*tree, identifier], capture_output=True, check=False, env=outside)
        self._process.kill()
        self._process.waitForFinished(1000)

    def _read(self) -> None:
        arrived = self._process.readAllStandardOutput().data()
        self._printed += arrived.encode() if isinstance(arrived, str) else bytes(arrived)
        complete, _, _ = self._printed.rpartition(b"\n")
        lines = complete.decode("utf-8", "replace").splitlines()
        for line in lines[self._shown :]:
            self._on_line(line)
        self._shown = len(lines)

    def _finished(self, exit_code=0, exit_status=None) -> None:
        self._read()
        self._end(int(exit_code), self._printed.decode("utf-8", "replace"))

    def _failed_to_start(self, error=None) -> None:
        if error == qt.QProcess.FailedToStart:
            self._end(-1, "Slicer's Python could not be started.")

    def _end(self, exit_code: int, printed: str) -> None:
        # later, because whoever is told may drop this object, which is still at work here
        qt.QTimer.singleShot(0, lambda: self._tell(exit_code, printed))

    def _tell(self, exit_code: int, printed: str) -> None:
        finished, self._on_finished = self._on_finished, lambda exit_code, printed: None
        finished(exit_code, printed)
