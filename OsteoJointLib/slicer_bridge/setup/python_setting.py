"""Which Python the user wants the worker to run in: the environment variable first, then the setting."""

from __future__ import annotations

import os

import qt
import slicer

from OsteoJointLib.slicer_bridge.process.worker_command import PYTHON_VARIABLE

_SETTING = "OsteoJoint/Python"


def forced_python() -> str:
    """Give the interpreter that the environment variable names; "" for none."""
    return os.environ.get(PYTHON_VARIABLE, "")


def chosen_python() -> str:
    """Give the interpreter to use; "" for Slicer's own."""
    return forced_python() or str(slicer.util.settingsValue(_SETTING, ""))


def remember_python(path: str) -> None:
    """Keep the user's choice for later sessions."""
    qt.QSettings().setValue(_SETTING, path)
