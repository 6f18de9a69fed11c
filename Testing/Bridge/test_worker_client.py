"""The worker's client: every question answered once, whatever the worker does; nothing left when it is killed."""

from __future__ import annotations

import gc
import os
import sys
import time
import weakref
from dataclasses import replace

import pytest
from fake_client import Echo, Fake, Heard, Huge, Noise, Spawn, alive, gone

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.slicer_bridge.process.worker_client import LOG_LINES, WorkerClient
from OsteoJointLib.worker.requests import Ping

PING = Ping()


@pytest.fixture
def fake(tmp_path):
    fake = Fake(tmp_path)
    yield fake
    fake.client.kill()


@pytest.fixture
def heard(host):
    return Heard(host)


def ask(fake, heard, request=PING):
    fake.client.ask(request, heard.done, heard.error, heard.progress)


def test_it_starts_at_the_first_question_and_answers_in_order(fake, heard):
    assert not fake.client.running
    ask(fake, heard)
    ask(fake, heard, Echo("second"))
    assert fake.client.running
    assert fake.client.busy
    assert heard.calls == []
    heard.wait("done")
    assert heard.calls[0] == ("progress", "levels", 0.2)
    assert heard.last("done").pid == fake.client.pid
    assert heard._host.wait_until(lambda: not fake.client.busy)
    assert heard.names() == ["done", "done"]
    assert heard.last("done").text == "second"
    assert fake.client.generation == 1


def test_characters_cut_in_two_and_huge_lines_arrive_whole(fake, heard):
    ask(fake, heard, Echo("grün – 骨 🦴" * 5))
    heard.wait("done")
    assert heard.last("done").text == "grün – 骨 🦴" * 5
    ask(fake, heard, Huge(3_000_000))
    heard._host.wait_until(lambda: not fake.client.busy)
    assert heard.last("done").text == "ü" * 3_000_000


def test_noise_on_stdout_goes_to_the_log_and_disturbs_nobody(fake, heard):
    ask(fake, heard, Noise())
    ask(fake, heard)
    assert heard._host.wait_until(lambda: heard.names() == ["done", "done"])
    assert "plain words" in fake.client.log
    assert '{"id": 99, "event": "done"}' in fake.client.log


def test_the_log_keeps_the_last_lines(fake, heard):
    fake.control["say"] = {"ping": "\n".join(f"line {n}" for n in range(LOG_LINES + 50))}
    ask(fake, heard)
    heard.wait("done")
    assert heard._host.wait_until(lambda: len(fake.client.log) == LOG_LINES and fake.client.log[-1] == "line 249")


def test_an_error_event_is_an_error_with_its_reason(fake, heard):
    fake.control["error"] = {"ping": ["out_of_memory", "More memory was needed."]}
    ask(fake, heard)
    heard.wait("error")
    assert heard.last("error").reason is Reason.OUT_OF_MEMORY
    assert heard.last("error").message == "More memory was needed."


def test_an_unknown_reason_stays_readable(fake, heard):
    fake.control["error"] = {"ping": ["unheard_of", "It broke."]}
    ask(fake, heard)
    heard.wait("error")
    assert (heard.last("error").reason, heard.last("error").message) == (Reason.FAILED, "It broke.")


@pytest.mark.parametrize(
    ("say", "code", "reason", "words"),
    [
        ("Traceback\nModuleNotFoundError: No module named 'torch'", 1, Reason.DEPENDENCY_MISSING, "torch"),
        ("the last words", 3, Reason.FAILED, "the last words"),
        ("MemoryError", 1, Reason.OUT_OF_MEMORY, "Memory ran out"),
    ],
)
def test_a_worker_that_ends_answers_every_open_question_once(fake, heard, say, code, reason, words):
    fake.control.update(say={"ping": say}, exit={"ping": code})
    for _ in range(3):
        ask(fake, heard)
    assert heard._host.wait_until(lambda: not fake.client.busy)
    assert heard.names() == ["error"] * 3
    assert heard.last("error").reason is reason
    assert words in heard.last("error").message
    assert not fake.client.running
    fake.control.clear()
    ask(fake, heard)
    heard.wait("done")
    assert fake.client.generation == 2


def test_killed_from_outside_is_not_said_to_be_want_of_memory(fake, heard):
    fake.control["signal"] = {"ping": "SIGKILL"}
    ask(fake, heard)
    heard.wait("error")
    assert heard.last("error").reason is Reason.WORKER_KILLED
    assert "-9" in heard.last("error").message and "most likely" not in heard.last("error").message


def test_a_crash_is_told_with_its_signal(fake, heard):
    fake.control["signal"] = {"ping": "SIGSEGV"}
    ask(fake, heard)
    heard.wait("error")
    assert "exit code -11" in heard.last("error").message


def test_a_worker_that_ends_while_idle_is_replaced(fake, heard):
    ask(fake, heard)
    heard.wait("done")
    fake.client._process.close_input()
    assert heard._host.wait_until(lambda: not fake.client.running)
    assert heard.names() == ["done"]
    ask(fake, heard)
    assert heard._host.wait_until(lambda: heard.names() == ["done", "done"])


def test_what_cannot_be_started_is_an_error(host, heard, fake):
    def refuse():
        raise RunFailed(Reason.DEPENDENCY_MISSING, "No Python.")

    client = WorkerClient(refuse)
    client.ask(PING, heard.done, heard.error)
    assert heard.calls == []
    heard.wait("error")
    assert not client.running
    client.kill()
    command = fake.command()
    client = WorkerClient(lambda: type(command)("/no/such/python", [], command.environment))
    client.ask(PING, heard.done, heard.error)
    assert host.wait_until(lambda: heard.names() == ["error", "error"])
    assert "can't be started" in heard.last("error").message
    assert not client.running


def test_kill_is_silent_and_leaves_no_process(host, fake, heard):
    ask(fake, heard, Spawn())
    heard.wait("done")
    pids = heard.last("done").pids
    assert all(alive(pid) for pid in pids)
    fake.control["delay"] = {"ping": 30}
    ask(fake, heard)
    begin = time.perf_counter()
    fake.client.kill()
    print(f"kill took {1000 * (time.perf_counter() - begin):.1f} ms")
    assert not fake.client.running
    assert not fake.client.busy
    assert gone(pids)
    assert not host.wait_until(lambda: len(heard.names()) > 1, seconds=0.3)
    fake.control.clear()
    ask(fake, heard)
    assert host.wait_until(lambda: heard.names() == ["done", "done"])


def test_kill_reaches_a_worker_behind_a_launcher(host, fake, heard, tmp_path):
    """PythonSlicer, too, starts Python as its child and waits for it."""
    launcher = tmp_path / "launcher"
    launcher.write_text(f'#!/bin/sh\n"{sys.executable}" "$@"\nexit $?\n')
    launcher.chmod(0o755)
    command = fake.command()
    client = WorkerClient(lambda: replace(command, program=str(launcher)))
    client.ask(PING, heard.done, heard.error)
    heard.wait("done")
    pids = [client.pid, heard.last("done").pid]
    assert len(set(pids)) == 2
    client.kill()
    assert gone(pids)


def test_kill_without_psutil_ends_the_worker_alone(fake, heard, monkeypatch):
    ask(fake, heard, Spawn())
    heard.wait("done")
    worker, *children = heard.last("done").pids
    monkeypatch.setitem(sys.modules, "psutil", None)
    fake.client.kill()
    assert gone([worker])
    for child in children:
        os.kill(child, 9)


def test_kill_right_after_the_question(host, fake, heard):
    ask(fake, heard, Spawn())
    process = fake.client._process
    fake.client.kill()
    assert not host.wait_until(lambda: bool(heard.calls), seconds=0.3)
    assert process._process.state() == type(process._process.state()).NotRunning


@pytest.mark.parametrize("killed", [True, False])
def test_a_process_that_has_ended_is_let_go(host, fake, heard, killed):
    ask(fake, heard)
    heard.wait("done")
    alive = weakref.ref(fake.client._process)
    if killed:
        fake.client.kill()
    else:
        fake.client._process.close_input()

    def gone():
        gc.collect()
        return alive() is None

    assert host.wait_until(gone, seconds=5)


def test_a_callback_may_kill_and_ask(host, fake, heard):
    def first(answer):
        heard.first(answer)
        fake.client.kill()
        fake.client.ask(PING, heard.third, heard.error)

    fake.client.ask(Noise(), first, heard.error)
    fake.client.ask(PING, heard.second, heard.error)
    heard.wait("third")
    assert heard.names() == ["first", "third"]
    assert fake.client.generation == 2


def test_a_callback_that_breaks_keeps_nobody_from_being_called(host, fake, heard):
    fake.client.ask(Noise(), lambda answer: 1 / 0, heard.error)
    fake.client.ask(PING, heard.second, heard.error)
    heard.wait("second")
    assert heard.names() == ["second"]
    assert any("ZeroDivisionError" in error for error in host.errors())


def test_close_is_polite_to_an_idle_worker_and_not_to_a_busy_one(host, fake, heard):
    ask(fake, heard, Spawn())
    heard.wait("done")
    pids = heard.last("done").pids
    fake.asked()
    fake.control["delay"] = {"ping": 30}
    fake.client.close()
    assert gone(pids[:1])
    assert fake.ops() == ["shutdown"]
    ask(fake, heard)
    assert host.wait_until(lambda: ("progress", "measure", 0.8) in heard.calls[-1:])
    pid = fake.client.pid
    fake.client.close()
    assert gone([pid])
    for left in pids[1:]:  # of the polite end: what a worker starts is its own to end
        os.kill(left, 9)
