"""What the live worker has in its memory: the weights, the open CTs. All of it goes with the process."""

from __future__ import annotations

from collections.abc import Callable

import qt

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.slicer_bridge.process.worker_client import OnError, WorkerClient
from OsteoJointLib.slicer_bridge.reading.memory import CaseMemory
from OsteoJointLib.worker.answers import Loaded, Opened
from OsteoJointLib.worker.requests import Close, Load

_Waiters = list[tuple[Callable[[], None], OnError]]


class WarmWorker:
    """Keeps account of one worker; every look at it begins anew where the process is no more the same.

    Args:
        client: asks the worker.
    """

    def __init__(self, client: WorkerClient):
        self.client = client
        self.hardware: Hardware | None = None
        """What the worker last said of the machine; None before weights were loaded."""
        self._generation = -1
        self._weights: Load | None = None
        self._loading: _Waiters | None = None
        self._cases: dict[str, CaseMemory] = {}

    def load(self, request: Load, on_done: Callable[[], None], on_error: OnError) -> None:
        """Load weights onto a device, where that isn't done or under way; other ones close every CT."""
        self._meet()
        if self._weights == request:
            if self._loading is None:
                qt.QTimer.singleShot(0, on_done)
            else:
                self._loading.append((on_done, on_error))
            return
        for volume_id in list(self._cases):
            self.close(volume_id)
        waiters: _Waiters = [(on_done, on_error)]
        self._weights, self._loading = request, waiters
        self.client.ask(
            request,
            lambda answer: self._loaded(waiters, answer),
            lambda error: self._not_loaded(waiters, error),
        )

    def case(self, volume_id: str) -> CaseMemory | None:
        """Give the open case of a volume; None where it has none."""
        self._meet()
        return self._cases.get(volume_id)

    def opened(self, volume_id: str, answer: Opened, stamp: object) -> CaseMemory:
        """Take account of a case that was opened, and of those that the worker let go for it."""
        self._cases = {of: case for of, case in self._cases.items() if case.name not in answer.let_go}
        case = self._cases[volume_id] = CaseMemory(answer.case, stamp)
        return case

    def close(self, volume_id: str) -> None:
        """Let the worker close a volume's case, if it has one open."""
        case = self.case(volume_id)
        if case is not None:
            del self._cases[volume_id]
            self.client.ask(Close(case=case.name), lambda answer: None, lambda error: None)

    def _meet(self) -> None:
        if self.client.running and self.client.generation == self._generation:
            return
        self._cases.clear()
        self._weights = self._loading = None
        self._generation = self.client.generation + (0 if self.client.running else 1)

    def _loaded(self, waiters: _Waiters, answer: Loaded) -> None:
        if self._loading is waiters:
            self._loading = None
        self.hardware = answer.hardware
        for on_done, _ in waiters:
            on_done()

    def _not_loaded(self, waiters: _Waiters, error: OsteoJointError) -> None:
        if self._loading is waiters:
            self._loading = self._weights = None
        for _, on_error in waiters:
            on_error(error)
