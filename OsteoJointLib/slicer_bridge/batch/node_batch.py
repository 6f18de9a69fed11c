"""A batch over volumes in the scene: one after the other, each with its row in ``batch.csv`` and its report.

It has a worker of its own, so that the panel's reading isn't disturbed. Points and masks that a user placed or
corrected are used. Nothing is left in the scene unless that is asked for, and the worker lets each CT go before the
next, so that memory stays flat. The folder and what is noted in it are those of `osteojoint batch`.

In Slicer's Python console, for one volume, a list, or a generator that loads them one at a time::

    from OsteoJointLib.slicer_bridge.batch.node_batch import analyze_nodes

    rows = analyze_nodes(slicer.util.getNode("CTChest"), "/data/readings")
    rows = analyze_nodes(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"), "/data/readings")
    loaded = (slicer.util.loadVolume(path) for path in ["/data/a.nrrd", "/data/b.nii.gz"])
    rows = analyze_nodes(loaded, "/data/readings", remove_inputs=True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import replace
from pathlib import Path
from typing import Any

import qt

from OsteoJointLib.batch.ledger import (
    CaseRecord,
    Ledger,
    Row,
    check_batch_folder,
    failed_case,
    read_case,
    reading_settings,
)
from OsteoJointLib.batch.naming import Newcomer
from OsteoJointLib.errors import ExitCode, OsteoJointError, Reason
from OsteoJointLib.failures import as_ending
from OsteoJointLib.names import Names
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.slicer_bridge.batch.contract import BatchEnd, count_words
from OsteoJointLib.slicer_bridge.batch.volume_case import VolumeCase
from OsteoJointLib.slicer_bridge.batch.waiting import OnProgress, wait_for
from OsteoJointLib.slicer_bridge.process.worker_client import WorkerClient
from OsteoJointLib.slicer_bridge.process.worker_command import worker_command
from OsteoJointLib.slicer_bridge.reading.engine import Engine
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.scene import volumes
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE
from OsteoJointLib.slicer_bridge.scene.volume_digest import VolumeDigest
from OsteoJointLib.slicer_bridge.signal import Signal
from OsteoJointLib.weights_manifest import check_weights
from OsteoJointLib.worker.requests import Deliver


def analyze_nodes(
    nodes: Any,
    folder: Path | str,
    *,
    settings: WorkerSettings | None = None,
    skip_existing: bool = True,
    keep_nodes: bool = False,
    remove_inputs: bool = False,
    names: Names | str = Names.NEUTRAL,
    on_progress: OnProgress | None = None,
) -> list[Row]:
    """Read volumes of the scene; waits, while Slicer's window stays alive.

    Args:
        nodes: a vtkMRMLScalarVolumeNode, a list of them, or a generator that loads one after the other; the maps that
            a reading has put into the scene are passed over.
        folder: gets ``batch.csv`` with one row a volume, and ``cases/<case>`` with its report; new, empty or an earlier
            batch's.
        settings: interpreter, device and weights; None for the defaults.
        skip_existing: skip volumes that were read before with the same weights and haven't changed.
        keep_nodes: leave points, masks and overlays of each reading in the scene.
        remove_inputs: remove each volume from the scene once it has its row.
        names: "neutral" calls the cases case-0001 and so on; "keys" writes a private ``keys.csv`` with the volumes'
            names beside the table; "own" calls each case as its volume.
        on_progress: called with the volumes done, all of them as far as they are known, and the row; return False to
            stop there.

    Returns:
        The rows of ``batch.csv``, one a volume, with its reason where it wasn't read.

    Raises:
        OsteoJointError: the batch as a whole was refused: folder, weights.
    """
    listed = [nodes] if hasattr(nodes, "IsA") else nodes
    return wait_for(NodeBatch(listed, folder, settings, skip_existing, keep_nodes, remove_inputs, names), on_progress)


class NodeBatch:
    """One batch over volumes, as :func:`analyze_nodes`; see :class:`~.contract.Batch` for its signals."""

    def __init__(
        self,
        nodes: Iterable[Any],
        folder: Path | str,
        settings: WorkerSettings | None = None,
        skip_existing: bool = True,
        keep_nodes: bool = False,
        remove_inputs: bool = False,
        names: Names | str = Names.NEUTRAL,
    ):
        self.row_done, self.progressed, self.ended = Signal(), Signal(), Signal()
        self.folder = Path(folder).absolute()
        self.rows: dict[str, Row] = {}
        self.skipped: set[str] = set()
        self._settings = settings or WorkerSettings()
        self._names = Names(names)
        self._skip, self._keep, self._remove = skip_existing, keep_nodes, remove_inputs
        self._nodes, self._count = iter(nodes), 0
        self._total = len(nodes) if isinstance(nodes, Sized) else 0
        self._client = WorkerClient(lambda: worker_command(self._settings.python))
        self._engine = Engine(self._client)
        self._model_sha256 = ""
        self._digest: VolumeDigest | None = None
        self._close_ledger: Callable[[], None] = lambda: None  # until there is one
        self._running = False

    def start(self) -> None:
        """Begin; every refusal comes by :attr:`ended`."""
        self._running = True
        self._safely(self._begin)()

    def cancel(self) -> None:
        """Stop at once; what is done stays done."""
        self._running = False
        if self._digest is not None:
            self._digest.cancel()
        self._engine.cancel()
        self._client.kill()
        self._close_ledger()

    def _begin(self) -> None:
        check_batch_folder(self.folder)
        self._ledger = Ledger(self.folder, self._names)
        self._close_ledger = self._ledger.close
        self._model_sha256 = check_weights(self._settings.weights)["sha256"]
        self._soon(self._next)

    def _next(self) -> None:
        node = next((node for node in self._nodes if not node.GetAttribute(ROLE)), None)  # a generator loads it
        if node is None:
            self._end()
            return
        case = VolumeCase(node)
        try:
            volumes.check(node)
        except OsteoJointError as error:
            self._failed(case, error)
            return
        self._digest = VolumeDigest(node, self._safely(lambda digest: self._known(case, digest)))

    def _known(self, case: VolumeCase, digest: str) -> None:
        """Skip or read a CT, now that it is known by its digest."""
        self._digest = None
        case.digest = digest
        case.name = self._claim(case)
        try:
            case.want(self._settings)
        except OsteoJointError as error:
            self._failed(case, error)
            return
        case.settings = reading_settings(self._model_sha256, ReadOptions(), PipelineConfig(), case.own_digest())
        known = self._ledger.if_done(case.name, case.settings) if self._skip else None
        if known is not None and known.fingerprint == digest:
            self.skipped.add(case.name)
            self._has_row(case, known.row)
            return
        self._engine.start(
            case.wanted,
            on_levels=case.levels_came,
            on_result=case.result_came,
            on_done=self._safely(lambda: self._has_been_read(case)),
            on_error=self._safely(lambda error: self._failed(case, error)),
            on_progress=lambda stage, fraction: None,
        )

    def _has_been_read(self, case: VolumeCase) -> None:
        """Write the files of a case that has a class; one whose class is held back has its row alone."""
        record = read_case(case.name, case.document, fingerprint=case.digest, settings=case.settings)
        if record.outcome.is_read:
            self._deliver(case, record)
        else:
            self._enter(case, record)

    def _deliver(self, case: VolumeCase, record: CaseRecord) -> None:
        folder = self._ledger.shelf.folder(case.name)
        self._engine.ask_case(
            lambda name, masks: Deliver(case=name, segmentation=masks, out=folder, row=case.name),
            case.wanted.masks,
            on_done=self._safely(
                lambda answer: self._enter(case, replace(record, files=tuple(file.name for file in answer.files)))
            ),
            on_error=self._safely(lambda error: self._failed(case, error)),
        )

    def _enter(self, case: VolumeCase, record: CaseRecord) -> None:
        self._ledger.enter(record)
        if self._keep:
            case.present()
        self._has_row(case, record.row)

    def _failed(self, case: VolumeCase, error: OsteoJointError) -> None:
        if error.exit_code == ExitCode.MODEL_REFUSED or error.reason is Reason.DEPENDENCY_MISSING:
            raise error  # no other CT would fare better
        own_names = self._names is Names.OWN
        record = failed_case(case.name or self._claim(case), error, own_names, fingerprint=case.digest or None)
        self._ledger.enter(record)
        self._has_row(case, record.row)

    def _claim(self, case: VolumeCase) -> str:
        (name,) = self._ledger.claim([Newcomer(case.words, case.words, None, lambda: case.digest or None)])
        return name

    def _has_row(self, case: VolumeCase, row: Row) -> None:
        self.rows[row["case"]] = row
        self._count += 1
        self._engine.forget(case.volume_id)
        if self._remove:
            case.remove(self._keep)
        self.progressed.emit(self._count, max(self._total, self._count))
        self.row_done.emit(row)
        self._soon(self._next)

    def _end(self, error: OsteoJointError | None = None) -> None:
        self.cancel()
        self.ended.emit(BatchEnd(error.message if error else count_words(self.rows.values(), self.skipped), error))

    def _soon(self, step: Callable[[], None]) -> None:
        """Go on in the next turn of the event loop, so that the window stays alive and no call nests in another."""
        safely = self._safely(step)
        qt.QTimer.singleShot(0, lambda: safely())

    def _safely(self, step: Callable[..., None]) -> Callable[..., None]:
        """Wrap a step, so that it doesn't run after the end, and that what breaks in it ends the batch."""

        def run(*arguments: Any) -> None:
            if not self._running:
                return
            try:
                step(*arguments)
            except Exception as error:
                self._end(as_ending(error))

        return run
