"""Reads cases in this process, with the networks kept warm: what a machine of a cluster does for a batch.

What it writes lies in a folder of its own only until it is handed over.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from OsteoJointLib import __version__ as __version__
from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.batch.case_engine import A, CaseEnd, CaseTask, carry_out
from OsteoJointLib.batch.inputs import fingerprint
from OsteoJointLib.device import prepare_process
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason
from OsteoJointLib.failures import as_ending
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.typed_json import from_json
from OsteoJointLib.worker.answers import Loaded
from OsteoJointLib.worker.requests import Load, Request
from OsteoJointLib.worker.session import Session

_PREFIX = f"{TEMPORARY_PREFIX}reader-"
"""Of the folder for what is written."""
_LEFT_AFTER_S = 24 * 3600.0
"""Age at which such a folder is nobody's any more, seconds (chosen: it is wanted for a reading's last second)."""


class CaseReader:
    """One worker; it never raises, as an ending passes safely from one machine to another where it is returned."""

    def __init__(self) -> None:
        prepare_process()
        self._session = Session(load_reader)

    def load(self, request: Mapping[str, Any]) -> Loaded | OsteoJointError:
        """Load the weights as a :class:`Load` in JSON says, and sweep what killed readers have left."""
        try:
            _sweep(Path(tempfile.gettempdir()))
            return self._ask(from_json(Load, request))
        except Exception as error:
            return as_ending(error)

    def read(self, task: CaseTask) -> tuple[CaseEnd, dict[str, bytes]]:
        """Carry out a task, and give its end and the files that were written."""
        digest = None
        try:
            try:
                digest = fingerprint(task.source)
            except FileNotFoundError as error:
                raise InputRefused(
                    Reason.NOT_FOUND,
                    "The machine that was to read this CT doesn't see it. Put the CTs into a folder that all machines "
                    "have under the same path.",
                ) from error
            if digest == task.known:
                return CaseEnd(digest), {}
            with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
                place = Path(folder, task.case)
                end = carry_out(task, self._ask, place, digest)
                return end, {name: (place / name).read_bytes() for name in end.files}
        except Exception as error:
            return CaseEnd(digest, ending=as_ending(error)), {}

    def _ask(self, request: Request[A]) -> A:
        answer: A = self._session.answer(request, lambda stage, fraction: None)
        return answer


def _sweep(folder: Path) -> None:
    """Remove what readers have left that were killed."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_AFTER_S:
                shutil.rmtree(left, ignore_errors=True)
