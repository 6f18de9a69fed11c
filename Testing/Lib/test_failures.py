"""Any exception as an ending: memory, the graphics card, and all else."""

import pytest

from OsteoJointLib.errors import ExitCode, InputRefused, Reason
from OsteoJointLib.failures import as_ending, ending_document, ending_from_document


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
        (PermissionError(13, "Permission denied", "/data/set/.osteojoint-1a2b.nrrd"), "/data/set was expected"),
        (FileNotFoundError(2, "No such file or directory", "/proc/zz"), "/proc/zz was expected"),
        (OSError(28, "No space left on device"), "the disk; it is full"),
    ],
)
def test_a_folder_that_takes_no_files_is_said_in_a_sentence(error, words):
    ending = as_ending(error)
    assert words in ending.message
    assert "hoose another folder" in ending.message or "folder on another disk" in ending.message
    assert "Error" not in ending.message and "Errno" not in ending.message


def test_an_ending_stays_as_it_is():
    error = InputRefused(Reason.NOT_CT, "A CT was expected; an MR came.")
    assert as_ending(error) is error
