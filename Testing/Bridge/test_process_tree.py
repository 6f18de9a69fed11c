"""A process tree is gone at once, grandchildren and what is started meanwhile included."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest
from fake_client import gone

from OsteoJointLib.slicer_bridge.process.process_tree import kill_tree

FAMILY = """
import subprocess, sys, time
depth = int(sys.argv[1])
if depth:
    child = subprocess.Popen([sys.executable, "-c", sys.argv[2], str(depth - 1), sys.argv[2]])
print(depth, flush=True)
time.sleep(60)
"""


@pytest.fixture
def family():
    """A process with a child and a grandchild."""
    process = subprocess.Popen([sys.executable, "-c", FAMILY, "2", FAMILY], stdout=subprocess.PIPE, text=True)
    started = {process.stdout.readline() for _ in range(3)}
    assert started == {"2\n", "1\n", "0\n"}
    yield process
    kill_tree(process.pid)
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("late", [False, True])
def test_the_whole_family_dies(family, late, monkeypatch):
    pids = [family.pid, *(child.pid for child in psutil.Process(family.pid).children(recursive=True))]
    assert len(pids) == 3
    look, looks = psutil.Process.children, []

    def children(process, recursive):
        looks.append(process)
        return look(process, recursive=recursive)[: len(looks)]

    if late:  # each look shows one more
        monkeypatch.setattr(psutil.Process, "children", children)
    begin = time.perf_counter()
    kill_tree(family.pid)
    print(f"kill_tree took {1000 * (time.perf_counter() - begin):.1f} ms")
    assert gone(pids)
    assert family.wait() == -9


def test_what_is_gone_already_is_no_error():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    kill_tree(process.pid)
