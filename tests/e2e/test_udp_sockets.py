"""Where datagrams come from: sockets of a service manager, unix sockets."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from deadline import seconds
from gate import Gate, Tried
from oracle import PROGRAMS, oracle

ACTIVATED = "stream { server { listen 127.0.0.1:%%PORT_x%% udp; return activated; } server { listen 127.0.0.1:%%PORT_t%%; return x; } }"
ACTIVATOR = """
import os, socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
os.dup2(sock.fileno(), 3)
os.set_inheritable(3, True)
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), "1"
os.execv(sys.argv[2], sys.argv[2:])
"""


class Activated(Gate):
    """A Penstock whose UDP socket a service manager has bound; a second bind would fail, as nobody shares that port."""

    def command(self) -> Sequence[str]:
        return (sys.executable, "-c", ACTIVATOR, str(self.port("x")), *super().command())


def test_a_service_manager_s_udp_socket_is_used(tmp_path: Path) -> None:
    with Activated(tmp_path, "worker_processes 1;\n" + ACTIVATED) as gate:
        for _ in range(2):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(seconds(10))
                client.sendto(b"x", ("127.0.0.1", gate.port("x")))
                assert client.recv(100) == b"activated"
            gate.reload()


LOCAL = """
stream {
    log_format access 'udp $status $remote_addr $server_addr $protocol';
    access_log %%DIR%%/access.log access;
    server { listen unix:%%DIR%%/u.sock udp; return "$protocol to $remote_addr"; }
    server { listen 127.0.0.1:%%PORT_t%%; return x; }
}
"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_datagrams_come_over_unix_sockets_too(program: str, tmp_path: Path) -> None:
    with oracle(program, tmp_path, LOCAL) as running, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds(10))
        client.bind(str(tmp_path / "client.sock"))
        client.sendto(b"x", str(tmp_path / "u.sock"))
        assert client.recv(200).decode() == f"UDP to unix:{tmp_path}/client.sock"
        running.logged(rf"^udp 200 unix:{tmp_path}/client.sock unix:{tmp_path}/u.sock UDP$", "access.log")
        running.logged(rf"\[info\] .* udp client unix:{tmp_path}/client.sock connected to unix:{tmp_path}/u.sock$")


def test_pass_is_not_for_datagrams(tmp_path: Path) -> None:
    tried = Tried(tmp_path, "stream { server { listen 127.0.0.1:%%PORT_x%% udp; pass 127.0.0.1:1; } }", "-t")
    assert tried.status == 1
    assert '"pass" takes connections only' in tried.said
