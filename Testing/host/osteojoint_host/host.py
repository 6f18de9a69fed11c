"""Starts the small Slicer, once a process, and holds its parts."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from osteojoint_host.errors import LOG

REPOSITORY = Path(__file__).resolve().parents[3]
_running: list[Host] = []


class Host:
    """The running small Slicer: made by :func:`start`, never twice."""

    def __init__(self) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
        self.folder = Path(tempfile.mkdtemp(prefix="osteojoint-slicer-"))
        self._install_modules()
        import slicer
        import slicer.util
        from vtkmodules.vtkCommonCore import vtkObject

        from osteojoint_host import dicom_database, qt_module
        from osteojoint_host.application import qSlicerApplication
        from osteojoint_host.modules import LoadableModule, ModuleManager
        from osteojoint_host.mrml import Mrml

        self.app = slicer.app = qSlicerApplication(self.folder)
        LOG.install()
        vtkObject.GlobalWarningDisplayOff()  # Slicer's own terminologies aren't in the wheel
        self.mrml = Mrml(self.folder / "temporary", self.folder / "home")
        vtkObject.GlobalWarningDisplayOn()
        self.scene = self.mrml.scene
        slicer.modules = ModuleType("slicer.modules")
        self.modules = ModuleManager()
        for name, logic in self.mrml.logics.items():
            self.modules.add(LoadableModule(name, logic))
        from osteojoint_host.subject_hierarchy_plugins import PluginHandler
        from osteojoint_host.widgets import ctk_inputs, ctk_sections, node_combo_box, segment_editor  # noqa: F401 - each registers

        slicer.qSlicerSubjectHierarchyPluginHandler = PluginHandler()
        qt_module.publish(slicer)
        self._add_slicer_python(slicer)
        from osteojoint_host.io_manager import IOManager
        from osteojoint_host.layout_manager import LayoutManager

        self.views = LayoutManager(self.mrml)
        self.app.attach(self.mrml, self.modules, IOManager(self.mrml), self.views)
        self._add_python_slicer()
        dicom_database.start(self.folder)
        self.errors()

    def _install_modules(self) -> None:
        """Make importable what Slicer's Python has and this one lacks."""
        try:
            from osteojoint_host import pythonqt, qt_module
        except ImportError as error:
            raise ImportError(f"{error}. Install what `slicer_libraries` in .ci/run names.") from error

        pythonqt.patch()
        qt_module.install()
        import slicer_core

        for alias, name in (("vtkITK", "vtkITK"), ("vtkSegmentationCorePython", "vtkSegmentationCore")):
            sys.modules[alias] = getattr(slicer_core, name)

    def _add_slicer_python(self, slicer) -> None:
        """Put Slicer's own Python files, which the wheel lacks, below ``slicer``."""
        from osteojoint_host import i18n, parameter_node, scripted_module

        files = {"i18n": i18n, "ScriptedLoadableModule": scripted_module, "parameterNodeWrapper": parameter_node}
        for name, module in files.items():
            sys.modules[f"slicer.{name}"] = module
            setattr(slicer, name, module)

    def _add_python_slicer(self) -> None:
        """Put a PythonSlicer on the path: in Slicer a launcher that starts a Python of its own."""
        folder = self.folder / "bin"
        folder.mkdir()
        script = folder / "PythonSlicer"
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([str(folder), os.environ.get("PATH", "")])

    def errors(self) -> list[str]:
        """Return what went wrong out of sight since the last call, and forget it."""
        return LOG.take()

    def wait_until(self, condition: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Let the event loop turn until ``condition`` holds; return whether it did in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self.app.processEvents()
            time.sleep(0.002)
        return True

    def load_module(self):
        """Load OsteoJoint.py as Slicer does at its start; return ``slicer.modules.osteojoint``."""
        from osteojoint_host.modules import qSlicerScriptedLoadableModule

        if (loaded := self.modules.module("OsteoJoint")) is not None:
            return loaded
        path = str(REPOSITORY / "OsteoJoint" / "OsteoJoint.py")
        module = self.modules.add(qSlicerScriptedLoadableModule(None, path).load())
        self.app.startupCompleted()
        return module

    def paint(self, editor, mask, erase: bool = False) -> None:
        """Paint the selected segment of a qMRMLSegmentEditorWidget as a finished stroke does.

        Args:
            editor: open, with a segment selected.
            mask: (k, j, i) of its volume.
            erase: take away instead.
        """
        from osteojoint_host.widgets.segment_editor import paint

        paint(editor, mask, erase)

    @contextmanager
    def without_views(self):
        """Take the layout manager away for a while, as when Slicer runs without a main window."""
        self.app._layout = None
        try:
            yield
        finally:
            self.app._layout = self.views

    def close_panels(self) -> None:
        """Clean up and remove all panels of OsteoJoint."""
        if (module := self.modules.module("OsteoJoint")) is not None:
            module.forget_widget()
        self.app.processEvents()

    def forget_user(self) -> None:
        """Remove all settings and the answers to file dialogs that weren't asked for."""
        import qt

        self.app.userSettings().clear()
        qt.QFileDialog.answers = []
        sys.modules["slicer"].dicomDatabase.initializeDatabase()

    def clear(self) -> None:
        """Close the scene, let everyone hear of it, and straighten the views."""
        self.scene.Clear()
        self.views.straighten()
        self.app.processEvents()

    def remove_files(self) -> None:
        """Remove the private folder, at the end of the process."""
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Host:
    """Make this process a small Slicer, or return the one that it is already."""
    if not _running:
        _running.append(Host())
    return _running[0]
