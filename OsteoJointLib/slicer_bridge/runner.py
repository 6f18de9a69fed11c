"""One analysis from a volume node to a segmentation node, in the background."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import slicer

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.slicer_bridge.command import analyze_arguments
from OsteoJointLib.slicer_bridge.process import PythonProcess
from OsteoJointLib.slicer_bridge.requirements import missing_packages
from OsteoJointLib.slicer_bridge.scene import export_volume, load_segmentation
from OsteoJointLib.slicer_bridge.words import CaseFiles, failure_sentence, read_case


class Runner:
    """Runs at most one analysis at a time; nothing here blocks and every callback comes on the main thread."""

    def __init__(self) -> None:
        self._process: PythonProcess | None = None
        self._folder: Path | None = None

    @property
    def running(self) -> bool:
        """Whether an analysis is under way."""
        return self._process is not None

    def start(
        self,
        volume_node,
        on_done: Callable[[CaseFiles], None],
        on_failed: Callable[[str], None],
        on_line: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Analyze a volume and load the segmentation.

        Args:
            volume_node: a vtkMRMLScalarVolumeNode with a CT.
            on_done: called with the case once its segmentation is in the scene.
            on_failed: called with one sentence where no result came.
            on_line: called with each line of progress.

        Raises:
            RunFailed: an analysis is under way, or packages are missing.
        """
        if self.running:
            raise RunFailed(Reason.USAGE, "An analysis is under way: wait for it or cancel it first.")
        if missing := missing_packages():
            raise RunFailed(
                Reason.DEPENDENCY_MISSING, f"Slicer's Python lacks {', '.join(missing)}. Install them under Setup."
            )
        volume_id = volume_node.GetID()
        folder = self._folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
        ct = folder / "ct.nrrd"

        def finished(exit_code: int, printed: str) -> None:
            self._process = self._folder = None
            ct.unlink(missing_ok=True)
            if exit_code != 0:
                shutil.rmtree(folder, ignore_errors=True)
                on_failed(failure_sentence(exit_code, printed))
                return
            case = read_case(folder / "result")
            node = slicer.mrmlScene.GetNodeByID(volume_id)
            if node is None:
                on_failed(f"The volume was removed during the analysis; its result lies in {case.folder}.")
                return
            load_segmentation(case.segmentation, node)
            on_done(case)

        try:
            export_volume(volume_node, ct)
            self._process = PythonProcess(on_line, finished)
            self._process.start(analyze_arguments(ct, folder / "result"))
        except OsteoJointError:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Kill the analysis, if there is one, and remove what it wrote."""
        process, folder, self._process, self._folder = self._process, self._folder, None, None
        if process is not None:
            process.kill()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
