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


def test_an_ending_stays_as_it_is():
    error = InputRefused(Reason.NOT_CT, "A CT was expected; an MR came.")
    assert as_ending(error) is error
