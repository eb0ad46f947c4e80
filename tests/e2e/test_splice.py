"""Where the kernel, or a filter before it, refuses splice, bulk is copied and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import peers
import pytest
from clients import connect, read_exactly
from deadline import seconds
from gate import Gate
from needs import requires
from peers import Peer
from tracing import attached

CONFIG = """
stream { server { listen 127.0.0.1:%%PORT_echo%%; proxy_pass %%ECHO%%; } }
"""
SIZE = 4 << 20


@requires("strace")
@pytest.mark.parametrize("error", ["EINVAL", "EPERM"])
def test_bulk_is_copied_where_splice_is_refused(tmp_path: Path, error: str) -> None:
    with Peer(peers.echo) as echo, Gate(tmp_path, CONFIG, ECHO=echo) as gate:
        (worker,) = gate.workers()
        report = tmp_path / "strace.txt"
        options = ("-e", f"inject=splice:error={error}", "-e", "trace=splice")
        with attached(worker, report, *options), connect(gate.port("echo")) as client:
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
