"""Brings a reading about by the fewest requests: what the live worker knows already is not asked for again.

The worker is a cache that may die at any time; what it knew dies with it and is asked for anew by the next run. The
weights are loaded while the CT is being written. Every file lies in one private folder, which is gone whenever nothing
runs. Callbacks come on the main thread, never before the call that gave them has returned, and each run ends with
exactly one of ``on_done`` and ``on_error``, or silently by :meth:`Engine.cancel`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import qt
import slicer

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import as_ending
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.output.viewer_arrays import MaskArray, Views, read_views
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.process.raw_nrrd import write_label_map
from OsteoJointLib.slicer_bridge.process.worker_client import OnError, WorkerClient
from OsteoJointLib.slicer_bridge.reading.handover import Handover
from OsteoJointLib.slicer_bridge.reading.memory import CaseMemory, Refinement, Step, Until, Wanted
from OsteoJointLib.slicer_bridge.reading.warm_worker import WarmWorker
from OsteoJointLib.slicer_bridge.scene import volumes
from OsteoJointLib.worker.answers import CaseRead, LevelsTold, Opened
from OsteoJointLib.worker.requests import Edit, FindLevels, Load, Open, Refine, Request

__all__ = ["Engine", "Preparing", "Refinement", "Until", "Wanted"]

HANDOVER_SHARE = 0.1
"""How much of the progress of a run is the writing of the CT: chosen."""

A = TypeVar("A")


class Preparing(StrEnum):
    """What a run does before the worker's own stages."""

    START = "start"
    HANDOVER = "handover"


OnStage = Callable[[Stage | Preparing, float], None]


@dataclass(eq=False)
class _Run:
    """A run under way: what it shall bring, whom it tells, and how far it is."""

    wanted: Wanted
    on_levels: Callable[[LevelsTold], None]
    on_result: Callable[[dict[str, Any], Views], None]
    on_done: Callable[[], None]
    on_error: OnError
    on_progress: OnStage
    handover: Handover | None = None
    case: CaseMemory | None = None
    loaded: bool = False
    levels_told: bool = False
    refined: bool = False
    fraction: float = 0.0

    def progressed(self, stage: Stage | Preparing, fraction: float) -> None:
        """Tell of a stage; a chain of requests doesn't go back to where one of them begins."""
        self.fraction = max(self.fraction, fraction)
        self.on_progress(stage, self.fraction)


class Engine:
    """Runs one reading at a time.

    Args:
        client: asks the worker.
    """

    def __init__(self, client: WorkerClient):
        self._client = client
        self._worker = WarmWorker(client)
        self._run: object | None = None
        self._last = ""
        self._folder: Path | None = None

    @property
    def hardware(self) -> Hardware | None:
        """What the worker last said of the machine; None before weights were loaded."""
        return self._worker.hardware

    @property
    def running(self) -> bool:
        """Whether a run or a request of :meth:`ask_case` is under way."""
        return self._run is not None

    @property
    def folder(self) -> Path:
        """The private folder; made when it is first asked for, and gone after the run."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="OsteoJoint-", dir=slicer.app.temporaryPath))
        return self._folder

    def start(
        self,
        wanted: Wanted,
        on_levels: Callable[[LevelsTold], None],
        on_result: Callable[[dict[str, Any], Views], None],
        on_done: Callable[[], None],
        on_error: OnError,
        on_progress: OnStage,
    ) -> None:
        """Bring about what is wanted.

        Args:
            wanted: what.
            on_levels: called with the worker's answer to ``levels``, where they were looked for or placed.
            on_result: called once with the document and its pictures; not where only levels were wanted.
            on_done: called last.
            on_error: called instead where it fails; also where ``on_levels`` or ``on_result`` raise.
            on_progress: called with each stage and the part of the run before it.

        Raises:
            RunFailed: another run is under way.
        """
        self._refuse_a_second()
        self._run = run = _Run(wanted, on_levels, on_result, on_done, on_error, on_progress)
        self._last = wanted.volume_id
        qt.QTimer.singleShot(0, lambda: self._guarded(run, self._begin))

    def load(self, device: str, weights: str, on_done: Callable[[], None], on_error: OnError) -> None:
        """Start the worker and load weights, where that isn't done or under way; fills :attr:`hardware`."""
        self._worker.load(Load(weights=weights, device=device), on_done, on_error)

    def ask_case(
        self,
        request: Callable[[str, dict[Level, Path]], Request[A]],
        masks: Mapping[Level, MaskArray],
        on_done: Callable[[A], None],
        on_error: OnError,
    ) -> None:
        """Ask about the case of the last run.

        Args:
            request: makes the request from the case's name and the files of ``masks``.
            masks: by level, to be written; empty for none.
            on_done: called with the answer.
            on_error: called where there is none.
        """
        self._refuse_a_second()
        self._run = run = object()

        def ended(callback: Callable[[Any], None], argument: Any) -> None:
            if self._run is run:
                self._end_run()
                callback(argument)

        try:
            case = self._worker.case(self._last)
            if case is None:
                raise RunFailed(Reason.FAILED, "The worker has ended since the CT was read. Read it again first.")
            question = request(case.name, self._mask_files(masks))
        except Exception as error:
            ending = as_ending(error)
            qt.QTimer.singleShot(0, lambda: ended(on_error, ending))
            return
        self._client.ask(question, lambda done: ended(on_done, done), lambda error: ended(on_error, error))

    def cancel(self) -> None:
        """Stop the run at once; its callbacks are forgotten. A worker that is at work is killed."""
        if self._run is None:
            return
        if isinstance(self._run, _Run) and self._run.handover is not None:
            self._run.handover.cancel()
        if self._client.busy:
            self._client.kill()
        self._end_run()

    def forget(self, volume_id: str) -> None:
        """Let go of a CT that isn't needed any more."""
        self._worker.close(volume_id)

    def _begin(self, run: _Run) -> None:
        """Ask for the weights and, meanwhile, write the CT; neither where the worker has it."""
        wanted = run.wanted
        volume = slicer.mrmlScene.GetNodeByID(wanted.volume_id)
        volumes.check(volume)
        self._load_for(run)
        stamp = volumes.content_stamp(volume)
        run.case = self._worker.case(wanted.volume_id)
        if run.case is not None and run.case.stamp == stamp:
            return
        self._worker.close(wanted.volume_id)
        run.case, file = None, self.folder / "ct.nrrd"
        run.handover = Handover(
            volume,
            file,
            volumes.acquisition(volume),
            on_done=lambda: self._guarded(run, lambda run: self._open(run, file, stamp)),
            on_error=lambda error: self._fail(run, error),
            on_progress=lambda part: run.progressed(Preparing.HANDOVER, part * HANDOVER_SHARE),
        )

    def _load_for(self, run: _Run) -> None:
        def loaded() -> None:
            run.loaded = True
            self._step(run)

        run.loaded = False
        self.load(
            run.wanted.device,
            run.wanted.weights,
            lambda: self._guarded(run, lambda _: loaded()),
            lambda error: self._fail(run, error),
        )

    def _open(self, run: _Run, file: Path, stamp: object) -> None:
        run.handover = None
        self._load_for(run)  # again, should the worker have died meanwhile

        def opened(answer: Opened) -> None:  # even where the run is over: the worker has the CT now
            file.unlink(missing_ok=True)
            run.case = self._worker.opened(run.wanted.volume_id, answer, stamp)
            self._guarded(run, self._step)

        self._ask(run, Open(input=file), opened)

    def _step(self, run: _Run) -> None:
        """Ask for what is missing next, once weights and CT are there."""
        case, wanted = run.case, run.wanted
        if case is None or not run.loaded or self._run is not run:
            return
        if self._worker.case(wanted.volume_id) is not case:
            raise RunFailed(Reason.FAILED, "The worker has ended between two requests. Start the reading again.")
        step = case.next_step(wanted, run.refined)
        if step is None:
            self._finish(run, case)
        elif isinstance(step, FindLevels):
            self._ask(run, step, lambda told: self._guarded(run, lambda run: self._took_levels(run, case, step, told)))
        else:
            request = replace(step.request, views=self.folder / "views.npz")
            if isinstance(request, Edit | Refine):
                request = replace(request, segmentation=self._mask_files(step.masks))
            self._ask(run, request, lambda read: self._guarded(run, lambda run: self._took(run, case, step, read)))

    def _took_levels(self, run: _Run, case: CaseMemory, request: FindLevels, answer: LevelsTold) -> None:
        case.took_levels(request, answer)
        run.levels_told = True
        run.on_levels(answer)
        self._step(run)

    def _took(self, run: _Run, case: CaseMemory, step: Step, answer: CaseRead) -> None:
        assert answer.views is not None
        case.took(step, answer.result, read_views(answer.views))
        run.refined = run.refined or isinstance(step.request, Refine)
        self._step(run)

    def _finish(self, run: _Run, case: CaseMemory) -> None:
        wanted = run.wanted
        if wanted.points is None and not run.levels_told and case.found is not None:
            run.on_levels(case.found)
        if self._run is run and wanted.until is Until.READING:
            assert case.document is not None and case.views is not None
            run.on_result(case.document, case.views)
        if self._run is run:
            self._end_run()
            run.on_done()

    def _ask(self, run: _Run, request: Request[A], on_done: Callable[[A], None]) -> None:
        def progressed(stage: Stage, fraction: float) -> None:
            if self._run is run:
                run.progressed(stage, HANDOVER_SHARE + (1 - HANDOVER_SHARE) * fraction)

        self._client.ask(request, on_done, lambda error: self._fail(run, error), progressed)

    def _mask_files(self, masks: Mapping[Level, MaskArray]) -> dict[Level, Path]:
        """Write masks as label maps."""
        files = {level: self.folder / f"{level}.nrrd" for level in masks}
        for level, mask in masks.items():
            label_map = (mask.array_kji != 0).view(np.uint8) * np.uint8(level.verse_label)
            write_label_map(files[level], label_map, mask.ijk_to_world)
        return files

    def _refuse_a_second(self) -> None:
        if self._run is not None:
            raise RunFailed(Reason.USAGE, "A reading is under way. Wait for it or cancel it first.")

    def _guarded(self, run: _Run, action: Callable[[_Run], None]) -> None:
        """Act for a run that isn't over; what breaks ends it with an error."""
        if self._run is not run:
            return
        try:
            action(run)
        except Exception as error:
            if self._run is not run or not isinstance(error, OsteoJointError):
                sys.excepthook(*sys.exc_info())
            self._fail(run, as_ending(error))

    def _fail(self, run: _Run, error: OsteoJointError) -> None:
        if self._run is run:
            if run.handover is not None:
                run.handover.cancel()
            self._end_run()
            run.on_error(error)

    def _end_run(self) -> None:
        self._run = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            if not self._folder.exists():  # Windows keeps a file that a dying worker still holds: next time
                self._folder = None
