"""What there is to compute with, in words for every kind of machine."""

import pytest

from OsteoJointLib.hardware import Card, Hardware, find_hardware, nvidia_driver
from OsteoJointLib.typed_json import from_json, to_json


@pytest.mark.parametrize(
    ("hardware", "words"),
    [
        (
            Hardware("2.8", "12.8", "570.1", (Card("NVIDIA A", 23.9), Card("NVIDIA B", 8.0)), 16, 8),
            "NVIDIA A (24 GiB), NVIDIA B (8 GiB): PyTorch 2.8 for CUDA 12.8, driver 570.1.",
        ),
        (Hardware("2.8", None, None, (), 4, 2), "CPU with 2 of 4 cores: PyTorch 2.8 was built without CUDA."),
        (Hardware("2.8", None, "570.1", (), 1, 1), "a build with CUDA would work"),
        (Hardware("2.8", "12.8", None, (), 4, 4), "but no NVIDIA driver was found"),
        (Hardware("2.8", "13.2", "470.1", (), 4, 4), "a newer driver may help"),
    ],
)
def test_one_sentence_says_what_computes_and_why(hardware, words):
    assert words in hardware.words
    assert hardware.words.endswith(".")
    assert to_json(hardware)["words"] == hardware.words
    assert from_json(Hardware, to_json(hardware)) == hardware


def test_this_machine_is_described():
    import torch

    found = find_hardware()
    assert found.torch == torch.__version__
    assert len(found.cards) == torch.cuda.device_count()
    assert found.cores >= 1 and found.threads >= 1


def test_without_nvidia_s_library_there_is_no_driver():
    assert nvidia_driver("/nowhere/libnvidia-ml.so.1") is None
