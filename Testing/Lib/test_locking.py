"""Locks: one writer at a time, across processes, and none that a killed one leaves behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.locking import LOCK_FILE, locked, present

COUNT = """
import sys
from pathlib import Path
from OsteoJointLib.locking import locked
folder = Path(sys.argv[1])
for _ in range(50):
    with locked(folder):
        file = folder / "count"
        file.write_text(str(int(file.read_text()) + 1 if file.exists() else 1))
"""
HOLD = """
import sys, time
from pathlib import Path
from OsteoJointLib.locking import locked, present
with {how}(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def python(text: str, *arguments: object, out: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", text, *map(str, arguments)], stdout=out, text=True)


def test_writers_never_lose_each_others_change(tmp_path):
    writers = [python(COUNT, tmp_path / "new") for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0] * 3
    assert (tmp_path / "new" / "count").read_text() == "150"


def test_who_waits_too_long_for_another_writer_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.locking._WAIT_S", 0.05)
    with locked(tmp_path), pytest.raises(RunFailed, match="Another program is writing"), locked(tmp_path):
        pass


def test_a_folder_that_nothing_was_put_into_is_taken_back(tmp_path):
    with locked(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()
    with locked(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


@pytest.mark.parametrize("how", ["locked", "present"])
def test_a_killed_writer_leaves_no_lock(tmp_path, how):
    holder = python(HOLD.format(how=how), tmp_path, out=subprocess.PIPE)
    assert holder.stdout.readline() == "held\n"
    if how == "present":
        with present(tmp_path) as alone:
            assert not alone
    holder.kill()
    holder.communicate()
    begun = time.monotonic()
    with locked(tmp_path):
        assert time.monotonic() - begun < 5
    with present(tmp_path) as alone:
        assert alone
    assert [path.name for path in tmp_path.iterdir()] == [LOCK_FILE]


def test_two_writers_see_each_other_until_they_end(tmp_path):
    with present(tmp_path) as first:
        with present(tmp_path) as second:
            assert (first, second) == (True, False)
        with present(tmp_path) as third:
            assert not third
    with present(tmp_path) as again:
        assert again
    assert [path.name for path in Path(tmp_path).iterdir()] == [LOCK_FILE]
