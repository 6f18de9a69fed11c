"""The small Slicer for the tests of the bridge: started when this folder is collected, once a process."""

from __future__ import annotations

import atexit
import faulthandler
import sys
from pathlib import Path

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "host"))

import osteojoint_host

TIMEOUT_S = 120
HOST = osteojoint_host.start()
atexit.register(HOST.remove_files)


def pytest_configure(config):
    """Declare the mark by which a test asks for more time."""
    config.addinivalue_line("markers", "timeout_s(seconds): kill the worker when this test takes longer")


@pytest.fixture(scope="session")
def host():
    """The running small Slicer."""
    return HOST


@pytest.fixture(scope="session")
def views(host):
    """The layout manager, with ``render_slice`` and ``render_3d``."""
    return host.views


@pytest.fixture
def scene(host):
    """The scene, empty before and after."""
    host.clear()
    yield host.scene
    host.close_panels()
    host.clear()


@pytest.fixture(autouse=True)
def nothing_fails_unseen(request, host):
    """Fail on what slots, timers, observers, Qt and VTK would only print; kill a test that hangs in C++."""
    mark = request.node.get_closest_marker("timeout_s")
    seconds = mark.args[0] if mark else TIMEOUT_S
    stderr = request.config.stash[fault_handler_stderr_fd_key]
    faulthandler.dump_traceback_later(seconds, exit=True, file=stderr)
    assert not (found := host.errors()), "Something failed out of sight after the last test:\n" + "\n".join(found)
    yield
    host.app.processEvents()
    host.forget_user()
    faulthandler.cancel_dump_traceback_later()
    assert not (found := host.errors()), "Something failed out of sight:\n" + "\n".join(found)
