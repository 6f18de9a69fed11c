"""Which Python the worker runs in, with which arguments and in which environment.

By default it is Slicer's own, without its launcher ``PythonSlicer`` where that is possible. The launcher starts
``python-real`` as its child: it would only hide exit codes, and stand between the worker and its standard input.
Slicer's environment is set up already, and its scripted command-line modules run ``python-real`` the same way. Another
interpreter gets the environment that Slicer itself was started in: Slicer's libraries would break it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import OsteoJointLib
from OsteoJointLib.errors import Reason, RunFailed

PYTHON_VARIABLE = "OSTEOJOINT_PYTHON"
"""Environment variable that names another interpreter for the worker; it goes before a setting of the user."""


@dataclass(frozen=True)
class WorkerCommand:
    """What is started.

    Args:
        program: path of the program.
        arguments: its arguments.
        environment: all of its environment.
    """

    program: str
    arguments: list[str]
    environment: dict[str, str]


def worker_command(python: str | None = None) -> WorkerCommand:
    """Return the command of the worker; see :func:`python_command`."""
    return python_command(python, ["-m", "OsteoJointLib", "worker"])


def python_command(python: str | None, arguments: Sequence[str]) -> WorkerCommand:
    """Return the command that runs this library in an interpreter.

    Args:
        python: path of the interpreter; None or empty for Slicer's own. Where the environment variable
            ``OSTEOJOINT_PYTHON`` names one, that goes first.
        arguments: of the interpreter.

    Raises:
        RunFailed: DEPENDENCY_MISSING where there is no such interpreter.
    """
    named = os.environ.get(PYTHON_VARIABLE) or python
    if not named:
        return WorkerCommand(_slicer_python(), list(arguments), process_environment(os.environ))
    program = shutil.which(os.path.expanduser(named))
    if program is None:
        raise RunFailed(
            Reason.DEPENDENCY_MISSING,
            f"There is no Python that can be run at {named}. Choose another one, or none for Slicer's own.",
        )
    return WorkerCommand(program, list(arguments), process_environment(system_environment()))


def process_environment(current: Mapping[str, str]) -> dict[str, str]:
    """Return ``current`` changed so that a child Python finds this very library and keeps off Slicer's ITK plugins.

    The child's working folder is not searched for modules (``PYTHONSAFEPATH``): it may be a folder that anyone can
    write to.
    """
    changed = {key: value for key, value in current.items() if key not in ("ITK_AUTOLOAD_PATH", "SITK_AUTOLOAD_PATH")}
    library = str(Path(OsteoJointLib.__file__).resolve().parents[1])
    changed["PYTHONPATH"] = os.pathsep.join(filter(None, [library, current.get("PYTHONPATH")]))
    changed["PYTHONSAFEPATH"] = "1"
    changed["PYTHONUTF8"] = "1"
    changed["PYTHONUNBUFFERED"] = "1"
    return changed


def system_environment() -> dict[str, str]:
    """Give the environment that Slicer was started in, without what its launcher added."""
    import slicer

    return dict(slicer.util.startupEnvironment())


def _slicer_python() -> str:
    found = shutil.which("python-real") or shutil.which("PythonSlicer")
    if found is None:
        raise RunFailed(
            Reason.DEPENDENCY_MISSING,
            "Slicer's own Python (PythonSlicer) can't be found. Install Slicer again, or choose another interpreter.",
        )
    return found
