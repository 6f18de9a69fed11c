"""Cuts the network off in this Python process: in the tests' own, and in every Python child that they start.

The interpreter imports this file by itself wherever its folder stands on ``PYTHONPATH``. Every attempt to look up a
name or to connect is written to the file named by ``OSTEOJOINT_NETWORK_LOG`` and fails, so that a test can tell even
an attempt whose error was swallowed. Unix sockets and addresses are left alone: processes of one machine talk there.
"""

import ipaddress
import os
import socket


def _is_local(host) -> bool:
    if host is None or host in ("", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def _refuse(what: str):
    log = os.environ.get("OSTEOJOINT_NETWORK_LOG")
    if log:
        with open(log, "a", encoding="utf-8") as lines:
            lines.write(what + "\n")
    raise OSError(f"The tests run without a network, but something asked for {what}.")


def cut() -> None:
    """Replace the socket module's ways out of the machine."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded(original):
        def call(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                _refuse(f"a connection to {address[0]}:{address[1]}")
            return original(self, address)

        return call

    def lookup(host, *args, **kwargs):
        if not _is_local(host):
            _refuse(f"the address of {host}")
        return getaddrinfo(host, *args, **kwargs)

    socket.socket.connect = guarded(connect)
    socket.socket.connect_ex = guarded(connect_ex)
    socket.getaddrinfo = lookup


if os.environ.get("OSTEOJOINT_NETWORK_LOG"):
    cut()
