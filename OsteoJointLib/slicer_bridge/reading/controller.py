"""The reading of one CT in the scene: what the panel's buttons and the console's functions set going.

The scene holds the state: points, masks, the last result and the record of what it was made from. The worker is a cache
that may die at any time. So every action looks at the scene, says what is wanted, and leaves the engine to find the
fewest requests that bring it. What comes back is put into the scene, except over what a user changed in the meantime.

Nothing here waits, except :meth:`ReadingController.run`, which is for scripts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed, UsageError
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.output.viewer_arrays import Views
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.process.worker_client import WorkerClient
from OsteoJointLib.slicer_bridge.process.worker_command import worker_command
from OsteoJointLib.slicer_bridge.reading.departures import Departures
from OsteoJointLib.slicer_bridge.reading.edits import Edits
from OsteoJointLib.slicer_bridge.reading.engine import Engine, Preparing, Refinement, Until, Wanted
from OsteoJointLib.slicer_bridge.reading.presenting import present_levels, present_result
from OsteoJointLib.slicer_bridge.reading.snapshot import Snapshot
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, result_node, taken_masks
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, remove_node
from OsteoJointLib.slicer_bridge.scene.slice_views import screenshots, show_volume
from OsteoJointLib.slicer_bridge.scene.watcher import Watcher
from OsteoJointLib.slicer_bridge.signal import Signal
from OsteoJointLib.worker.answers import Delivered, Labeled, LevelsTold
from OsteoJointLib.worker.requests import Deliver, Label, Request

A = TypeVar("A")


class ReadingController:
    """One CT's reading; :attr:`state` says how it stands and :attr:`changed` when to look again."""

    def __init__(self) -> None:
        self.changed = Signal()
        self.settings = WorkerSettings()
        self.follow = True
        """Whether to read again by itself as soon as a point was moved or a mask edited."""
        self.client = WorkerClient(lambda: worker_command(self.settings.python))
        self.engine = Engine(self.client)
        self._scene: Snapshot | None = None
        self._watcher = Watcher(self._look, self._scene_closes)
        self._departures = Departures(self._leaves, self._left)
        self.edits = Edits(self._chosen, self._watcher, self._look, self.changed.emit)
        self._run: _Run | None = None
        self._stage, self._fraction = "", 0.0
        self._message: str = ""
        self._reason: Reason | None = None
        self._failed_at: object = None
        self._left_in_a_run = ""

    @property
    def hardware(self) -> Hardware | None:
        """What the worker computes on; None until it was started."""
        return self.engine.hardware

    @property
    def nodes(self) -> OwnedNodes | None:
        """The nodes of the CT's reading; None when no CT is chosen."""
        return None if self._scene is None else self._scene.nodes

    @property
    def running(self) -> bool:
        """Whether a run is under way, or files are being written."""
        return self._run is not None or self.engine.running

    @property
    def state(self) -> ReadingState:
        """How the reading stands now."""
        told = ReadingState(
            running=self.running,
            stage=self._stage,
            fraction=self._fraction,
            message=self._message,
            reason=self._reason,
            comparing=self.edits.comparing,
        )
        return told if self._scene is None else self._scene.complete(told)

    def select(self, volume_node: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Take another CT, or None; a run under way for the former one is cancelled."""
        if volume_node is not None and volume_node.GetScene() is None:
            volume_node = None  # Slicer's parameters still name a CT that has just been removed
        if self._scene is not None and volume_node is not None and self._scene.volume is volume_node:
            return
        run = self._stop()
        former, self._scene = self.nodes, None if volume_node is None else Snapshot(OwnedNodes(volume_node))
        if former is not None and self.nodes is not None:
            mask_nodes.show_beside(former, None)
            former.show(False)
            self.nodes.show(True)
            show_volume(volume_node)
        self._tell("")
        self.edits.comparing = self._failed_at = None
        self._watcher.watch(self.nodes)
        if run is not None and run.otherwise is not None:
            run.otherwise(RunFailed(Reason.CANCELLED, "Another CT was chosen, so the reading was cancelled."))
        self._look()

    def find_levels(self) -> None:
        """Look for L1 and L2 and put their points into the scene, in place of those that are there."""
        self._start(Until.LEVELS)

    def confirm_levels(self) -> None:
        """Take the points as they are for the user's own, and read again."""
        self.edits.confirm_levels()
        if not self.running:
            self.update()

    def shift_levels(self, up: bool) -> None:
        """Move both points to the next body; where their names were in doubt, that is the answer, and it is read."""
        in_doubt = bool(self.state.levels_doubt)
        self.edits.shift_levels(up)
        if in_doubt and not self.running:
            self.update()

    def update(self) -> None:
        """Bring everything up to date, from what is in the scene: points, masks, class."""
        self._start(Until.READING)

    def refine(
        self,
        levels: Collection[Level],
        parameters: Mapping[str, float],
        whole: bool = False,
        at: tuple[float, float, float] | None = None,
    ) -> None:
        """Let the level set move the masks of ``levels``; ``parameters`` are fields of LevelSetParameters.

        On the middle slices; with ``whole`` on all of the body; with ``at`` on the slice through this point, RAS mm.
        """
        self._start(Until.READING, refine=Refinement(tuple(levels), parameters, whole, at))

    def take_mask_file(self, path: Path, centers_lps_mm: Mapping[Level, Sequence[float]] | None = None) -> None:
        """Take the masks of a file for the user's own, with where they are, and read by them.

        Args:
            path: .seg.nrrd, a label map or a DICOM SEG.
            centers_lps_mm: of the levels, in the CT's own frame; None: where the masks are.

        Raises:
            OsteoJointError: they aren't this CT's; see :func:`OsteoJointLib.pipeline.given_masks.masks_on`.
        """
        self._take(taken_masks.masks_of_file(path, self._chosen().volume, centers_lps_mm))

    def take_mask_node(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        """Take the masks of a segmentation of the scene likewise, which is hidden then: it would cover what is drawn.

        Raises:
            OsteoJointError: as :meth:`take_mask_file`.
        """
        self._take(taken_masks.masks_of_node(node, self._chosen().volume))
        node.SetDisplayVisibility(False)

    def discard(self) -> None:
        """Remove the CT from the scene with everything of its reading; a run under way is cancelled."""
        nodes = self.nodes
        if nodes is None:
            return
        self.select(None)
        self.engine.forget(nodes.volume_id)
        nodes.remove_all()
        if nodes.volume is not None:
            remove_node(nodes.volume)

    def cancel(self) -> None:
        """Stop the run at once; nothing of it stays."""
        if self.running:
            self.engine.cancel()
            self._end(RunFailed(Reason.CANCELLED, "Cancelled."))

    def start_worker(self) -> None:
        """Start the worker, so that it can say what it computes on."""
        self.engine.load(self.settings.device, self.settings.weights, self.changed.emit, self._end)

    def deliver(self, folder: Path, row: str, on_done: Callable[[Delivered], None], dicom: Sequence[Path] = ()) -> None:
        """Write the reading's files into a folder, brought up to date before.

        Args:
            folder: a new or empty one, or one with an earlier reading.
            row: name of the case in ``result.csv``.
            on_done: called once they are there.
            dicom: the images that the CT was loaded from, for files for a PACS.
        """

        def ask() -> None:
            pictures = tuple(screenshots(self.engine.folder))
            fields: dict[str, Any] = {"out": folder, "row": row, "screenshots": pictures, "dicom": tuple(dicom)}
            self._ask(lambda case, masks: Deliver(case=case, segmentation=masks, **fields), on_done)

        self._start(Until.READING, then=ask)

    def label(self, entry: Mapping[str, Any], on_done: Callable[[Labeled], None]) -> None:
        """Write the CT, its masks and its levels as a case for training.

        Args:
            entry: fields of the worker's :class:`Label` but for ``case``, ``segmentation`` and ``points``.
            on_done: called with what came of it.
        """
        ask = lambda case, masks: Label(case=case, segmentation=masks, **entry)  # noqa: E731
        self._start(Until.READING, then=lambda: self._ask(ask, on_done))

    def say(self, volume_node: slicer.vtkMRMLScalarVolumeNode, **changes: Any) -> None:
        """Say something of a CT, whether or not it is the one that is chosen; see :meth:`Edits.say`."""
        if self._scene is not None and self._scene.volume is volume_node:
            self.edits.say(**changes)
        else:
            scene = Snapshot(OwnedNodes(volume_node))
            result_node.set_said(scene.nodes, scene.said.having(**changes).document())

    def run(
        self, volume_node: slicer.vtkMRMLScalarVolumeNode, until: str = Until.READING, **said: Any
    ) -> dict[str, Any]:
        """Read a CT and wait for it: for scripts. The window stays alive meanwhile.

        Args:
            volume_node: the CT.
            until: "levels" or "reading".
            said: what is said of it before, as for :meth:`say`.

        Returns:
            The result document ({} after "levels").

        Raises:
            OsteoJointError: no result came.
        """
        follow, self.follow = self.follow, False  # what is followed would be a reading of its own
        try:
            self.select(volume_node)
            if said:
                self.edits.say(**said)
        finally:
            self.follow = follow
        ended: list[OsteoJointError | None] = []
        self._start(Until(until), then=lambda: ended.append(None), otherwise=ended.append)
        while not ended:
            slicer.app.processEvents()
            time.sleep(0.002)  # s; the window still moves smoothly
        if ended[0] is not None:
            raise ended[0]
        return (self._scene.document if self._scene else None) or {}

    def close(self) -> None:
        """End the worker and watch nothing any more."""
        self._watcher.close()
        self._departures.close()
        self.engine.cancel()
        self.client.close()

    def _start(
        self,
        until: Until,
        refine: Refinement | None = None,
        then: Callable[[], None] | None = None,
        otherwise: Callable[[OsteoJointError], None] | None = None,
    ) -> None:
        """Start a run; ``then`` is called after its result is in the scene, ``otherwise`` where none came."""
        if self.running:
            raise RunFailed(Reason.USAGE, "A reading is under way. Wait for it or cancel it first.")
        run = self._run = _Run(then, otherwise)
        try:
            scene = self._chosen()
            wanted = scene.wanted(self.settings, until, refine)
        except OsteoJointError as error:
            self._end(error)
            return
        run.masks = scene.masks
        self._tell("")
        self._stage, self._fraction = Preparing.START, 0.0
        self.engine.start(
            wanted,
            on_levels=lambda answer: self._levels_came(scene, answer, wanted.points is None),
            on_result=lambda document, views: self._result_came(scene, run.masks, wanted, document, views),
            on_done=self._end,
            on_error=self._end,
            on_progress=self._progressed,
        )
        self.changed.emit()

    def _take(self, taken: taken_masks.TakenMasks) -> None:
        """Put masks and points of a user into the scene, and read."""
        self.cancel()
        nodes = self._chosen().nodes
        marks = {level: level_nodes.LevelMark(p, None, PointSource.USER) for level, p in taken.points_ras.items()}
        with self._watcher.paused():
            level_nodes.show_levels(nodes, marks)
            mask_nodes.take(nodes, taken.masks)
        self._watcher.watch(nodes)
        self.update()

    def _chosen(self) -> Snapshot:
        if self._scene is None:
            raise UsageError(Reason.USAGE, "No CT is chosen. Load one and choose it.")
        return self._scene

    def _levels_came(self, scene: Snapshot, answer: LevelsTold, found: bool) -> None:
        with self._watcher.paused():
            present_levels(scene.nodes, answer, found)
            scene.see()
        self._watcher.watch(scene.nodes)
        self.changed.emit()

    def _result_came(
        self, scene: Snapshot, before: dict[Level, str], wanted: Wanted, document: dict[str, Any], views: Views
    ) -> None:
        refined = wanted.refine.levels if wanted.refine else ()
        kept = scene.kept(before, set(wanted.masks) - set(refined))
        redrawn = [level for level in scene.own_levels() if level not in kept and level not in refined]
        if redrawn:
            words = _("The slice changed, so the network drew {levels} again. Undo (under Masks) brings yours back.")
            self._tell(words.format(levels=" and ".join(redrawn)))
        with self._watcher.paused():
            present_result(scene.nodes, document, views, kept, refined, wanted.said)
        scene.result_is_in()
        self.edits.show_result(scene.nodes)
        self._watcher.watch(scene.nodes)

    def _progressed(self, stage: str, fraction: float) -> None:
        self._stage, self._fraction = stage, fraction
        self.changed.emit()

    def _end(self, error: OsteoJointError | None = None) -> None:
        """End a run, with a result or with an error."""
        run, self._run = self._run, None
        self._stage, self._fraction = "", 0.0
        if error is not None:
            self._failed_at = self._scene.seen if self._scene else None
            self._tell(error.message, error.reason)
        if run is not None and error is None and run.then is not None:
            run.then()
        elif run is not None and error is not None and run.otherwise is not None:
            run.otherwise(error)
        self._look()

    def _ask(self, request: Callable[[str, dict[Level, Path]], Request[A]], on_done: Callable[[A], None]) -> None:
        """Ask the worker about the case that is up to date now, with the masks as they are in the scene."""
        masks = mask_nodes.masks(self._chosen().nodes)
        drawn = {Level(level): mask for level, mask in masks.items() if mask is not None}

        def answered(answer: A) -> None:
            self._stage = ""
            on_done(answer)
            self._look()

        self._stage = Stage.OUTPUT
        self.engine.ask_case(request, drawn, answered, self._end)

    def _look(self) -> None:
        """See what was changed in the scene, say so, and read again where that is wished."""
        scene = self._scene
        if scene is not None and scene.volume is not None:
            with self._watcher.paused():
                scene.see()
            if self._failed_at not in (None, scene.seen):  # what was wrong has been changed since
                self._failed_at = None
                self._tell("")
        self.changed.emit()
        if scene is None or not scene.stale or self.running or not self.follow:
            return
        if self._failed_at != scene.seen:
            self.update()

    def _stop(self) -> _Run | None:
        """Stop a run under way without a word, and give it."""
        run, self._run = self._run, None
        self.engine.cancel()
        self._stage, self._fraction = "", 0.0
        return run

    def _leaves(self, volume_id: str) -> None:
        """Let go of a CT that is about to be removed; what there is to tell is told once it is gone."""
        if self.nodes is None or self.nodes.volume_id != volume_id:
            return
        self._left_in_a_run = volume_id if self.running else ""
        run = self._stop()
        self._scene = None
        self._watcher.watch(None)
        if run is not None and run.otherwise is not None:
            run.otherwise(RunFailed(Reason.CANCELLED, "The CT was removed from the scene, so its reading stopped."))

    def _left(self, volume_id: str, name: str, had_reading: bool, masks_stay: bool) -> None:
        """Say what became of the reading of a CT that was removed."""
        self.engine.forget(volume_id)
        in_a_run = self._left_in_a_run == volume_id
        if had_reading or in_a_run:
            words = _("“{name}” was removed from the scene, and its reading with it.").format(name=name)
            stay = " " + _("The masks that you corrected stay.") if masks_stay else ""
            self._tell(words + stay, Reason.CANCELLED if in_a_run else None)
        self.changed.emit()

    def _scene_closes(self) -> None:
        """Let go of the CT of a scene that is being closed."""
        self._scene = None
        self._tell("")
        if self.running:
            self.engine.cancel()
            self._end(RunFailed(Reason.CANCELLED, "The scene was closed, so the reading was cancelled."))
        self.changed.emit()

    def _tell(self, message: str, reason: Reason | None = None) -> None:
        self._message, self._reason = message, reason


class _Run:
    """A run under way: what to do at its end, and the masks' fingerprints when it began."""

    def __init__(self, then: Callable[[], None] | None, otherwise: Callable[[OsteoJointError], None] | None):
        self.then, self.otherwise = then, otherwise
        self.masks: dict[Level, str] = {}
