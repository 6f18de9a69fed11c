"""A process tree is gone at once, grandchildren included, on Linux's way and on macOS's."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_client import gone

from OsteoJointLib.slicer_bridge.process import process_tree

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
    process_tree.kill_tree(process.pid)
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="Expected Linux's list of processes, found none here.")
@pytest.mark.parametrize("way", ["linux", "linux without lists", "macos"])
def test_the_whole_family_dies(family, way, monkeypatch, tmp_path):
    pids = [family.pid, *process_tree.descendants(family.pid)]
    assert len(pids) == 3
    monkeypatch.setenv("LD_LIBRARY_PATH", "/of/slicer")
    if way == "linux without lists":
        monkeypatch.setattr(process_tree, "_listed_children", lambda entry: None)
    if way == "macos":
        monkeypatch.setattr(process_tree, "PROC", tmp_path)
    begin = time.perf_counter()
    process_tree.kill_tree(family.pid)
    print(f"{way}: kill_tree took {1000 * (time.perf_counter() - begin):.1f} ms")
    assert gone(pids)
    assert family.wait() == -9


def test_what_is_gone_already_is_no_error():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    process_tree.kill_tree(process.pid)


def test_a_name_may_hold_anything(tmp_path):
    for pid, name, parent in ((10, "python", 1), (11, "a) S 99 (b", 10), (12, "sh", 11), (13, "sh", 1)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} ({name}) S {parent} 0 0")
    (tmp_path / "14").mkdir()  # gone between the listing and the look
    (tmp_path / "uptime").write_text("1 2")
    assert sorted(process_tree.descendants(10, tmp_path)) == [11, 12]
