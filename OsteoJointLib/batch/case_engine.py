"""What a batch asks of the machines that read its cases, whichever they are.

An engine is the worker processes of this machine (:mod:`.worker_pool`) or those of a Ray cluster
(:mod:`.ray_engine`). Which cases there are, what they are called, what is entered where and what is tried again is the
batch's own; how a case is read is :func:`carry_out`, for all engines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.worker.answers import CaseRead
from OsteoJointLib.worker.requests import Analyze, Close, Deliver, Request

A = TypeVar("A")


@dataclass(frozen=True)
class CaseTask:
    """One case to be read.

    Args:
        case: its name.
        source: its files.
        known: the fingerprint with which it was read before in the same way: then it isn't read again; None where it
            was not.
        options: what the reading does.
        pdf: whether its report is written as a PDF, too.
    """

    case: str
    source: Path | tuple[Path, ...]
    known: str | None
    options: ReadOptions
    pdf: bool = False


@dataclass(frozen=True)
class CaseEnd:
    """How a task ended: read, refused or broken, or unchanged where it has neither result nor ending.

    Args:
        fingerprint: of the content; None where that could not be read.
        result: the result document.
        files: names of the files that were written; none where the result has no class.
        ending: why there is no result.
    """

    fingerprint: str | None = None
    result: Mapping[str, Any] | None = None
    files: tuple[str, ...] = ()
    ending: OsteoJointError | None = None


class Engine(Protocol):
    """Machines that read cases, with the weights loaded.

    Making one raises ModelRefused where the weights or the device can't be used.
    """

    model_sha256: str
    """Of the weights that all of them have loaded."""
    size: int
    """How many cases are read side by side at most."""

    def read(self, task: CaseTask, folder: Path) -> CaseEnd:
        """Carry out a task, and wait for its end; so many threads may do this at once as ``size`` says.

        Args:
            task: see :class:`CaseTask`.
            folder: where the files of a case with a class go, whole.

        Raises:
            OsteoJointError: the batch can't go on; what concerns the case alone is in what is returned.
        """

    def stop(self) -> None:
        """End all at once; whoever waits is let go."""


class Asks(Protocol):
    """Lets a worker carry out a request; OsteoJointError where it refuses or dies."""

    def __call__(self, request: Request[A]) -> A: ...


def carry_out(task: CaseTask, ask: Asks, folder: Path, fingerprint: str) -> CaseEnd:
    """Read a case; its files are written only where it has a class.

    Args:
        task: the case.
        ask: asks a worker.
        folder: where its files go.
        fingerprint: of its content.

    Raises:
        OsteoJointError: as the worker refuses or dies.
    """
    files: tuple[str, ...] = ()
    read: CaseRead = ask(Analyze(input=task.source, **vars(task.options)))
    if read.result["classification"]["status"] is not None:
        written = ask(Deliver(case=read.case, out=folder, row=task.case, pdf=task.pdf))
        files = tuple(file.name for file in written.files)
    ask(Close(case=read.case))
    return CaseEnd(fingerprint, read.result, files)
