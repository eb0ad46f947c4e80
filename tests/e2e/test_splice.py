"""Where the kernel, or a filter before it, refuses splice, bulk is copied and nothing is lost."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peers
import pytest
from clients import connect, read_exactly
from deadline import seconds
from gate import Gate
from needs import program, requires
from peers import Peer

CONFIG = """
stream { server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass %%ECHO%%; } }
"""
SIZE = 4 << 20


@contextmanager
def refusing(pid: int, error: str, report: Path) -> Iterator[None]:
    """Let every splice of a process fail with an error."""
    command = [program("strace"), "-f", "-p", str(pid), "-e", f"inject=splice:error={error}", "-e", "trace=splice"]
    with subprocess.Popen([*command, "-o", str(report)], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            strace.wait(seconds(10))
            pytest.skip(f"strace may not look at a process here: {said.strip()}")
        try:
            yield
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(seconds(10))


@requires("strace")
@pytest.mark.parametrize("error", ["EINVAL", "EPERM"])
def test_bulk_is_copied_where_splice_is_refused(tmp_path: Path, error: str) -> None:
    with Peer(peers.echo) as echo, Gate(tmp_path, CONFIG, ECHO=echo) as gate:
        (worker,) = gate.workers()
        report = tmp_path / "strace.txt"
        with refusing(worker, error, report), connect(gate.port("echo")) as client:
            text = bytes(range(256)) * 256
            for _ in range(SIZE // len(text)):
                client.sendall(text)
                assert read_exactly(client, len(text)) == text
            client.settimeout(seconds(10))
            both = bytearray(SIZE)
            sent = 0
            got = bytearray()
            client.setblocking(False)
            while len(got) < SIZE:
                try:
                    sent += client.send(both[sent : sent + 262144]) if sent < SIZE else 0
                except BlockingIOError:
                    pass
                try:
                    got += client.recv(262144)
                except BlockingIOError:
                    pass
            assert got == both
        assert error in report.read_text()
