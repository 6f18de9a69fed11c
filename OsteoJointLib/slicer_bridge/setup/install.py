"""Installing what is missing into Slicer's own Python, after consent (:mod:`.install_dialog`), without freezing Slicer.

PyTorch comes only through Slicer's PyTorch extension, which picks the build that fits the graphics card; the rest
through `slicer.packaging` where this Slicer has it (5.12 and newer), else through `slicer.util.pip_install`. Packages
that are there already are pinned, because Slicer has them loaded. From a folder of wheels, pip installs everything,
PyTorch too, and asks nothing of the network. `pip_ensure` isn't used: it does nothing in testing mode, silently.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stdout
from functools import partial
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.packages import Lack, lacking
from OsteoJointLib.slicer_bridge.setup.pip_calls import MANUAL, PYTORCH, pins, pip_arguments

EXTENSION = "PyTorch"
"""The extension that installs torch."""
_SHOWN_LINES = 3
"""How many of pip's last lines an error quotes: its message and the two before, which name the package."""


def has_extension() -> bool:
    """Whether Slicer's PyTorch extension is installed."""
    return importlib.util.find_spec("PyTorchUtils") is not None


def get_extension() -> None:
    """Let Slicer install the PyTorch extension; it asks the user itself, and to restart when it is done.

    Raises:
        RunFailed: it wasn't installed.
    """
    model = getattr(slicer.app, "extensionsManagerModel", None)  # absent where Slicer was built without extensions
    if model is None or not model().installExtensionFromServer(EXTENSION):
        raise RunFailed(
            Reason.DEPENDENCY_MISSING,
            _(
                "The PyTorch extension was not installed. Install it yourself in View → Extensions Manager, "
                "restart Slicer, then press Install… again."
            ),
        )


class Installer:
    """Installs packages, one step after the other; callbacks come on the main thread."""

    def __init__(self) -> None:
        self.running = False
        self.log: list[str] = []
        self.leave()

    def start(
        self, lacks: list[Lack], folder: str, on_line: Callable[[str], None], on_done: Callable[[str], None]
    ) -> None:
        """Install ``lacks``.

        Args:
            lacks: what the user agreed to.
            folder: of wheels; "" for the network.
            on_line: called with each line that is printed.
            on_done: called once at the end: with "", or with a sentence on what went wrong.
        """
        self.running, self.log = True, []
        self._lacks, self._on_line, self._on_done = lacks, on_line, on_done
        self._folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
        by_extension = [lack for lack in lacks if lack.package.name in PYTORCH and not folder]
        others = [lack for lack in lacks if lack not in by_extension]
        self._steps = [partial(self._install_torch, by_extension)] if by_extension else []
        self._steps += [partial(self._pip, arguments) for arguments in pip_arguments(others, folder)]
        self._next()

    def leave(self) -> None:
        """Tell nobody any more; what was begun goes on."""
        self._on_line, self._on_done = lambda line: None, lambda problem: None

    def _next(self) -> None:
        importlib.invalidate_caches()
        if self._steps:
            step = self._steps.pop(0)
            qt.QTimer.singleShot(0, lambda: self._run(step))  # later: what was said before is painted first
        else:
            wanted = {lack.package for lack in self._lacks}
            left = [lack.words for lack in lacking() if lack.package in wanted]
            problem = _("pip reported success, but {packages} is still missing.").format(packages=", ".join(left))
            self._end(problem if left else "")

    def _run(self, step: Callable[[], None]) -> None:
        try:
            step()
        except OsteoJointError as error:
            self._end(error.message)
        except CalledProcessError as error:
            self._fail(error.returncode)
        except Exception as error:  # the extension's and Slicer's code raise what they like
            self._end(_("Installing failed: {error}.").format(error=f"{type(error).__name__}: {error}"))

    def _install_torch(self, lacks: list[Lack]) -> None:
        if not has_extension():
            raise RunFailed(Reason.DEPENDENCY_MISSING, _("PyTorch comes with the PyTorch extension. Get that first."))
        logic = importlib.import_module("PyTorchUtils").PyTorchUtilsLogic()
        minimum = next((lack.package.minimum for lack in lacks if lack.package.name == "torch"), "")
        with self._printed():
            logic.installTorch(askConfirmation=False, torchVersionRequirement=f">={minimum}" if minimum else None)
        self._next()

    def _pip(self, arguments: list[str]) -> None:
        constraints = self._folder / "constraints.txt"
        constraints.write_text("\n".join(pins()) + "\n", encoding="utf-8")
        arguments = [*arguments, "--constraint", str(constraints)]
        self._line("pip install " + " ".join(arguments))
        packaging = _packaging()
        if packaging is not None and not slicer.app.testingEnabled():  # in testing mode it never calls back
            packaging.pip_install(
                arguments,
                blocking=False,
                show_progress=False,
                requester="OsteoJoint",
                logCallback=self._line,
                completedCallback=self._pip_ended,
            )
            return
        with self._printed():
            (slicer.util if packaging is None else packaging).pip_install(arguments)
        self._next()

    def _pip_ended(self, exit_code: int) -> None:
        if exit_code:
            self._fail(exit_code)
        else:
            self._next()

    def _fail(self, exit_code: int) -> None:
        said = " ".join(self.log[-_SHOWN_LINES:])
        self._end(_("pip failed with exit code {code}. It said: {said}").format(code=exit_code, said=said))

    def _end(self, problem: str) -> None:
        self.running = False
        shutil.rmtree(self._folder, ignore_errors=True)
        self._on_done(f"{problem} {_('What to do:')} {MANUAL}" if problem else "")

    def _line(self, line: str) -> None:
        if line.strip():
            self.log.append(line.strip())
            self._on_line(line.strip())

    def _printed(self) -> AbstractContextManager[Any]:
        """Follow what Slicer prints while it waits for pip, and still print it."""
        return redirect_stdout(_Lines(self._line, sys.stdout))


class _Lines:
    """A stream that hands on whole lines, and everything to the stream it stands before."""

    def __init__(self, on_line: Callable[[str], None], stream: Any):
        self._on_line, self._stream, self._begun = on_line, stream, ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._on_line(line)
        self._stream.write(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _packaging() -> Any:
    """Slicer's own packaging, where it can install without blocking; None in Slicer before 5.12."""
    try:
        packaging = importlib.import_module("slicer.packaging")
    except ImportError:
        return None
    return packaging if hasattr(packaging, "isPipInstallInProgress") else None
