"""The quickstart's echo servers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from certs import Authority
from clients import careless, connect, connect_tls, echoed
from deadline import seconds, wait_for
from processes import alive

PARENT = """
import sys
from penstock.master.echo import Echo
echo = Echo(sys.argv[1], sys.argv[2])
print(echo.pid, echo.port, echo.secure_port, flush=True)
sys.stdin.read()
if 'close' in sys.argv: echo.close()
"""


@pytest.mark.parametrize("ending", ["close", "kill"])
def test_both_echo_and_end_with_their_parent(authority: Authority, ending: str) -> None:
    pair = authority.issue("raw.localhost")
    command = (sys.executable, "-c", PARENT, str(pair.crt), str(pair.key), ending)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, port, secure_port = map(int, parent.stdout.readline().split())
        with connect(port) as client:
            assert echoed(client, b"hello") == b"hello"
        with connect_tls(secure_port, careless()) as client:
            assert echoed(client, b"hello") == b"hello"
        if ending == "kill":
            parent.kill()
        parent.communicate(timeout=seconds(10))
        wait_for(lambda: not alive(pid), "the servers have ended")
    assert Path(f"/proc/{parent.pid}").exists() is False
