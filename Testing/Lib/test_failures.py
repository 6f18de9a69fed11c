"""Any exception as an ending: memory, the graphics card, and all else; and how a worker dies."""

import json
import pickle
from pathlib import Path

import pytest

from OsteoJointLib.errors import ExitCode, InputRefused, Reason
from OsteoJointLib.failures import as_ending, ending_document, ending_from_document
from OsteoJointLib.io.ct_input import nothing_at
from OsteoJointLib.worker.death import worker_death


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


class AcceleratorError(RuntimeError):
    """Named as PyTorch's."""


SAID_BY_CUDA = (
    "CUDA error: an illegal memory access was encountered CUDA kernel errors might be asynchronously reported at some "
    "other API call, so the stacktrace below might be incorrect."
)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), Reason.OUT_OF_MEMORY),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), Reason.OUT_OF_MEMORY),
        (RuntimeError("CUDA error: out of memory"), Reason.OUT_OF_MEMORY),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), Reason.OUT_OF_MEMORY),
        (AcceleratorError(SAID_BY_CUDA), Reason.DEVICE_FAILED),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), Reason.DEVICE_FAILED),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), Reason.FAILED),
        (ZeroDivisionError("division by zero"), Reason.FAILED),
        (ModuleNotFoundError("No module named 'torch._C'", name="torch._C"), Reason.DEPENDENCY_MISSING),
        (OSError("The drive was pulled out"), Reason.FAILED),
    ],
)
def test_every_exception_has_a_reason(error, reason):
    ending = as_ending(error)
    assert ending.reason is reason
    assert ending.exit_code is ExitCode.FAILED
    assert ending_from_document(ending_document(ending)).message == ending.message


def test_a_failed_card_is_said_in_its_own_words_without_advice_for_programmers():
    message = as_ending(AcceleratorError(SAID_BY_CUDA)).message
    assert "CUDA error: an illegal memory access was encountered. Run it again" in message
    assert "CPU" in message
    assert "asynchronously" not in message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            PermissionError(13, "Permission denied", "/data/set/.osteojoint-1a2b.nrrd"),
            "/data/set can't be read or written: Perm",
        ),
        (
            FileNotFoundError(2, "No such file or directory", "/proc/zz"),
            "/proc/zz can't be read or written",
        ),
        (OSError(28, "No space left on device"), "The disk is full"),
    ],
)
def test_a_folder_that_takes_no_files_is_said_in_a_sentence(error, words):
    ending = as_ending(error)
    assert words in ending.message
    assert "hoose another folder" in ending.message or "folder on another disk" in ending.message
    assert "Error" not in ending.message and "Errno" not in ending.message


@pytest.mark.parametrize(
    "error",
    [
        as_ending(PermissionError(13, "Permission denied", "/data/Smith")),
        as_ending(ValueError("no number: 'Smith'")),
        worker_death(3, ["/data/Smith is odd"]),
        nothing_at(Path("/data/Smith")),
    ],
)
def test_a_file_is_told_less_than_whoever_gave_the_input(error):
    assert "Smith" in error.message and "Smith" not in error.public and "data" not in error.public
    passed_on = ending_from_document(json.loads(json.dumps(ending_document(error))))
    assert (passed_on.message, passed_on.public) == (error.message, error.public)
    assert pickle.loads(pickle.dumps(error)).public == error.public


def test_an_ending_stays_as_it_is():
    error = InputRefused(Reason.NOT_CT, "This is an MR, not a CT.")
    assert as_ending(error) is error


@pytest.mark.parametrize(
    ("code", "log", "reason", "words"),
    [
        (None, [], Reason.FAILED, "can't be started"),
        (1, ["No module named OsteoJointLib"], Reason.DEPENDENCY_MISSING, "OsteoJointLib"),
        (1, ["ModuleNotFoundError: No module named 'torch._C'"], Reason.DEPENDENCY_MISSING, "package torch is missing"),
        (
            -9,
            ["all well"],
            Reason.WORKER_KILLED,
            "was killed (exit code -9), which is what the system does",
        ),
        (137, [], Reason.WORKER_KILLED, "137"),
        (-9, ["DefaultCPUAllocator: can't allocate memory"], Reason.OUT_OF_MEMORY, "Memory ran out"),
        (0xC0000017, [], Reason.OUT_OF_MEMORY, "Memory ran out"),
        (0xC000012D - 2**32, [], Reason.OUT_OF_MEMORY, "Memory ran out"),
        (1, ["MemoryError", "ended"], Reason.FAILED, "last words: ended"),
        (1, ["No module named 'a'", *"bcdef"], Reason.FAILED, "last words: f"),
        (
            134,
            ["terminate called after throwing an instance of 'std::bad_alloc'"],
            Reason.OUT_OF_MEMORY,
            "Memory ran out",
        ),
        (-11, [], Reason.FAILED, "exit code -11"),
        (3, ["the reason", "", " "], Reason.FAILED, "exit code 3. Its last words: the reason."),
    ],
)
def test_why_a_worker_died_and_what_to_do(code, log, reason, words):
    error = worker_death(code, log)
    assert error.reason is reason
    assert words in error.message
