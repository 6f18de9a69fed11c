"""The cut that the other tests rely on: nothing leaves this process or its children, and every attempt is noticed."""

import socket
import subprocess
import sys
import urllib.request

import pytest


def test_lookups_and_connections_fail_and_are_written_down(no_network):
    with pytest.raises(OSError, match="example.org"):
        urllib.request.urlopen("http://example.org", timeout=5)
    with socket.socket() as probe, pytest.raises(OSError, match="1.1.1.1:53"):
        probe.connect(("1.1.1.1", 53))
    with socket.socket() as probe, pytest.raises(OSError, match="1.1.1.1:80"):
        probe.connect_ex(("1.1.1.1", 80))
    assert no_network.read_text().count("\n") == 3
    no_network.write_text("")


def test_children_are_cut_off_too(no_network):
    code = "import socket; socket.create_connection(('example.org', 80), 5)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert child.returncode != 0
    assert "without a network" in child.stderr
    no_network.write_text("")


def test_this_machine_can_talk_to_itself():
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())
