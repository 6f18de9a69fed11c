"""Any exception as an ending with a reason, and an ending as the JSON that passes between processes."""

from __future__ import annotations

import errno
import os
import re
import traceback
from pathlib import Path
from typing import Any

from OsteoJointLib.errors import (
    ExitCode,
    InputRefused,
    ModelRefused,
    OsteoJointError,
    Reason,
    RunFailed,
    UsageError,
)

_CLASSES: dict[int, type[OsteoJointError]] = {
    error.exit_code: error for error in (UsageError, InputRefused, ModelRefused, RunFailed)
}

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT) if hasattr(errno, "EDQUOT") else (errno.ENOSPC,)
_CARD_IS_FULL = re.compile(r"CUDA( error:)? out of memory|CU\w+_STATUS_ALLOC_FAILED", re.IGNORECASE)
_CARD_FAILED = re.compile(r"CUDA error|CUDNN_STATUS|CUBLAS_STATUS|cuDNN error|NVRTC|CUDA driver", re.IGNORECASE)


def as_ending(error: BaseException) -> OsteoJointError:
    """Give an exception its reason; one that already has a reason stays as it is.

    Args:
        error: anything that ended a run.

    Returns:
        OUT_OF_MEMORY for a lack of memory on CPU or GPU, DEVICE_FAILED for a graphics card that broke off,
        DEPENDENCY_MISSING for a Python package that isn't installed, FAILED for all else: in a sentence where the
        system refused a file or folder, in the exception's own words otherwise.
    """
    if isinstance(error, OsteoJointError):
        return error
    name, words = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or _CARD_IS_FULL.search(words):
        return RunFailed(
            Reason.OUT_OF_MEMORY,
            "Memory ran out. Close other programs, crop the CT to the lumbar spine, use fewer workers, or compute on "
            "the CPU (--device cpu).",
        )
    if name == "AcceleratorError" or _CARD_FAILED.search(words):
        what = words.split(" CUDA kernel errors might")[0].rstrip(". ")  # advice for programmers follows
        return RunFailed(
            Reason.DEVICE_FAILED,
            f"The graphics card broke off: {what}. Run it again; if that happens once more, compute on the CPU "
            "(--device cpu) or renew the card's driver.",
        )
    if isinstance(error, ModuleNotFoundError) and error.name:
        return lacks_package(error.name.partition(".")[0])
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _NO_ROOM):
        return _of_files(error)
    fault = "This is a fault of the program; please report it."
    return RunFailed(
        Reason.FAILED,
        f"OsteoJoint broke down: {name}: {words or 'no words'}. {fault}",
        f"OsteoJoint broke down: {name}. {fault}",
    )


def lacks_package(name: str) -> OsteoJointError:
    """Give the ending for a Python package that isn't installed."""
    return RunFailed(
        Reason.DEPENDENCY_MISSING,
        f"The Python package {name} is missing. Install it (in Slicer: under Setup), then try again.",
    )


def disk_full() -> OsteoJointError:
    """Give the ending for a disk, or a user's share of it, that has no room left."""
    return RunFailed(Reason.DISK_FULL, "The disk is full. Free some room, or choose a folder on another disk.")


def _of_files(error: OSError) -> OsteoJointError:
    """Say what the system refused, in a sentence; of a hidden file of ours, name the folder that the user chose."""
    if error.errno in _NO_ROOM:
        return disk_full()
    path = Path(os.fsdecode(error.filename))
    if path.name.startswith("."):
        path = path.parent
    what = f"can't be read or written: {error.strerror}. Choose another folder, or change its rights."
    return RunFailed(Reason.FAILED, f"{path} {what}", f"A file or folder {what}")


def ending_document(error: OsteoJointError) -> dict[str, Any]:
    """Write an ending as JSON: reason, message, the message as files may hold it, and exit code."""
    return {
        "reason": error.reason.value,
        "message": error.message,
        "public": error.public,
        "exit_code": int(error.exit_code),
    }


def ending_from_document(document: dict[str, Any]) -> OsteoJointError:
    """Rebuild an ending from :func:`ending_document`; a reason that isn't known is FAILED.

    >>> error = InputRefused(Reason.NOT_CT, "This is an MR, not a CT.")
    >>> ending_from_document(ending_document(error)).exit_code
    <ExitCode.INPUT_REFUSED: 3>
    """
    kind, reason = _CLASSES.get(document["exit_code"], RunFailed), document["reason"]
    return kind(Reason(reason) if reason in set(Reason) else Reason.FAILED, document["message"], document.get("public"))


def trace_of(error: BaseException) -> str:
    """Give the traceback as text, for whoever looks for the fault; empty for an ending that is no fault."""
    if isinstance(error, OsteoJointError) and error.exit_code != ExitCode.FAILED:
        return ""
    return "".join(traceback.format_exception(error))
