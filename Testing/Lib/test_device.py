"""The device that was asked for, or a refusal."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from OsteoJointLib.device import (
    _quota_cores,
    check_device_name,
    prepare_process,
    resolve_device,
    set_threads,
    usable_cores,
)
from OsteoJointLib.errors import ModelRefused, Reason, UsageError


@pytest.fixture
def gpus(monkeypatch):
    """Say how many CUDA devices there are."""

    def there_are(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return there_are


def test_auto_takes_a_gpu_where_there_is_one(gpus):
    gpus(0)
    assert resolve_device("auto") == torch.device("cpu")
    gpus(2)
    assert resolve_device("auto") == torch.device("cuda:0")
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("cuda") == torch.device("cuda:0")
    assert resolve_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize(("count", "name"), [(0, "cuda"), (0, "cuda:0"), (1, "cuda:1")])
def test_a_missing_gpu_is_refused_never_replaced(gpus, count, name):
    gpus(count)
    with pytest.raises(ModelRefused, match=f"{name} was asked for") as refusal:
        resolve_device(name)
    assert refusal.value.reason is Reason.DEVICE_MISSING


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", ""])
def test_names_are_checked(name):
    with pytest.raises(UsageError):
        check_device_name(name)


def test_quota_of_a_container(tmp_path):
    file = tmp_path / "cpu.max"
    for text, cores in (("200000 100000\n", 2), ("50000 100000\n", 1), ("max 100000\n", None), ("odd", None)):
        file.write_text(text)
        assert _quota_cores(file) == cores
    assert _quota_cores(tmp_path / "missing") is None


def test_threads(monkeypatch):
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        assert set_threads() == torch.get_num_threads() == 3
        monkeypatch.delenv("OMP_NUM_THREADS")
        assert 1 <= set_threads() <= usable_cores()
        assert set_threads(1) == torch.get_num_threads() == 1
        with pytest.raises(UsageError, match="can't compute"):
            set_threads(0)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("variable", ["OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE"])
def test_the_environment_is_prepared_unless_it_says_otherwise(variable, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    prepare_process()
    assert os.environ[variable] == {"OMP_WAIT_POLICY": "PASSIVE", "THP_MEM_ALLOC_ENABLE": "1"}[variable]
    monkeypatch.setenv(variable, "what the user said")
    prepare_process()
    assert os.environ[variable] == "what the user said"


def test_garbage_is_looked_for_seldom_and_not_at_the_end():
    code = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count() > 10_000))
from OsteoJointLib.device import prepare_process
prepare_process()
assert gc.isenabled() and gc.get_threshold()[0] == 50_000
kept = [[] for _ in range(20_000)]
"""
    folder = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=folder, capture_output=True, text=True)
    assert done.stdout == "True\n"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Only glibc is asked to give memory back.")
def test_what_was_freed_is_given_back():
    code = """
from pathlib import Path
from OsteoJointLib.device import give_back_memory
def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
many, kept = [bytes(20_000) for _ in range(5_000)], []
kept.append(bytes(20_000))  # lies above them, so that the heap doesn't shrink by itself
many.clear()
before = held()
give_back_memory()
assert before - held() > 50_000_000, (before, held())
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).resolve().parents[2])
