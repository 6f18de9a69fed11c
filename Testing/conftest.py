"""Fixtures for every test: the network is cut, and real CT is found or the test is skipped."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
OFFLINE = Path(__file__).parent / "offline"
NETWORK_LOG = pytest.StashKey[Path]()


def pytest_addoption(parser):
    parser.addoption("--renew", action="store_true", help="write golden files anew instead of comparing with them")
    parser.addoption("--slow", action="store_true", help="run what takes a minute or gigabytes, too")


def pytest_configure(config):
    """Cut the network before any test file is imported: here, and by ``PYTHONPATH`` in every Python child."""
    folder = Path(tempfile.mkdtemp(prefix="osteojoint-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    log = config.stash[NETWORK_LOG] = folder / "network.txt"
    log.touch()
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setenv("OSTEOJOINT_NETWORK_LOG", str(log))
    patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(OFFLINE), os.environ.get("PYTHONPATH")])))
    spec = importlib.util.spec_from_file_location("osteojoint_offline", OFFLINE / "sitecustomize.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def pytest_collection_modifyitems(config, items):
    """Leave out what is slow unless it is asked for."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: runs with --slow"))


def pytest_collection_finish(session):
    """Refuse to run where importing the test files already asked for the network."""
    if attempts := session.config.stash[NETWORK_LOG].read_text(encoding="utf-8"):
        raise pytest.UsageError(f"Importing the tests asked for the network:\n{attempts}")


@pytest.fixture(autouse=True)
def no_network(request):
    """Fail a test during which anything asked for the network, even where the error was swallowed.

    Yields the log, one attempt a line; a test that asks on purpose empties it.
    """
    log = request.config.stash[NETWORK_LOG]
    yield log
    attempts = log.read_text(encoding="utf-8")
    log.write_text("", encoding="utf-8")
    assert not attempts, f"Expected no use of the network, came:\n{attempts}"


@pytest.fixture
def golden(request):
    """Compare a text with a golden file, or write the file anew (``--renew``)."""

    def compare(text: str, path: Path) -> None:
        if request.config.getoption("--renew"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path.name} has changed; if it should, renew it: --renew"

    return compare


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


def _shared(name: str, why_absent: str) -> Path:
    folder = REPOSITORY.parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"{why_absent}: none at {folder}.")
    return folder


@pytest.fixture(scope="session")
def real_ct() -> Path:
    """The folder of real CT, for evaluation only; a test that needs it is skipped where it is absent."""
    return _shared("ct", "Real CT is not part of the project")


@pytest.fixture(scope="session")
def real_shapes() -> Path:
    """The folder of real vertebrae's meshes; a test that needs it is skipped where it is absent."""
    return _shared("shapes", "Meshes of real vertebrae are not part of the project")
