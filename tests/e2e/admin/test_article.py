"""The commands of the article, word for word, with a real server behind them and openssl before them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import environment
from deadline import seconds
from peers import Peer
from ports import free_port, release
from postgres import Postgres


class Typed:
    """A shell in which the commands are typed; `penstock` is the program under test."""

    def __init__(self, home: Path, ports: dict[str, int], peer: Peer) -> None:
        folder = home / "bin"
        folder.mkdir()
        program = folder / "penstock"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m penstock "$@"\n')
        program.chmod(0o755)
        kept = environment()
        self.environment = {**kept, "HOME": str(home), "PATH": f"{folder}:{kept.get('PATH', os.defpath)}"}
        self.home = home
        self._ports = ports
        self._peer = peer

    def run(self, command: str, send: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """A line, with the test's own ports in the place of the article's."""
        for written, own in (
            ("127.0.0.1:30000", str(self._peer)),
            ("5555", str(self._ports["stream"])),
            ("8001", str(self._ports["admin"])),
        ):
            command = command.replace(written, own)
        return subprocess.run(
            ("sh", "-c", command), cwd=self.home, env=self.environment, input=send, capture_output=True,
            timeout=seconds(60), check=False,
        )  # fmt: skip

    def json(self, command: str) -> Any:
        """What a curl prints."""
        return json.loads(self.run(command).stdout)


@pytest.fixture
def typed(tmp_path: Path, echo: Peer) -> Iterator[Typed]:
    ports = {"stream": free_port(), "admin": free_port()}
    shell = Typed(tmp_path, ports, echo)
    try:
        yield shell
        stopped = shell.run("penstock stop -p $HOME")
        assert stopped.stdout == b"Penstock stopped\n", stopped
    finally:
        shell.run("test -e logs/penstock.pid && kill $(cat logs/penstock.pid)")
        for port in ports.values():
            release(port)


def through_openssl(typed: Typed) -> str:
    """What openssl prints, with a line that is to come back."""
    line = "(sleep 0.7; echo hello through tls; sleep 0.7)"
    command = f"{line} | openssl s_client -connect localhost:5555 -servername tlsbin-example"
    return typed.run(command).stdout.decode()


@pytest.mark.requires("openssl", "curl")
def test_the_articles_commands(typed: Typed) -> None:
    (typed.home / "conf").mkdir()
    (typed.home / "logs").mkdir()
    (typed.home / "conf/penstock.conf").write_text("events {}\n")
    first = typed.run("penstock -p $HOME migrations bootstrap")
    assert (first.returncode, first.stdout.count(b"\n"), first.stdout.startswith(b"Nothing to do")) == (0, 1, True)
    started = typed.run("KONG_STREAM_LISTEN=0.0.0.0:5555 KONG_ADMIN_LISTEN=127.0.0.1:8001 penstock -p $HOME start")
    assert (started.returncode, started.stdout) == (0, b"Penstock started\n"), started
    service = typed.json("curl -s localhost:8001/services -d name=tcpbin-echo -d url=tcp://127.0.0.1:30000")
    assert (service["name"], service["protocol"]) == ("tcpbin-echo", "tcp")
    route = typed.json("curl -s localhost:8001/services/tcpbin-echo/routes -d protocols=tls -d snis=tlsbin-example")
    assert (route["snis"], route["service"]) == (["tlsbin-example"], {"id": service["id"]})
    said = through_openssl(typed)
    assert "hello through tls" in said
    assert "CN = localhost" in said or "CN=localhost" in said


@pytest.mark.requires("openssl", "curl")
def test_the_same_on_postgresql(typed: Typed, postgres: Postgres) -> None:
    (typed.home / "conf").mkdir()
    (typed.home / "logs").mkdir()
    (typed.home / "conf/penstock.conf").write_text("events {}\n")
    postgres.create("article")
    where = f"KONG_PG_HOST=127.0.0.1 KONG_PG_PORT={postgres.port} KONG_PG_USER=postgres"
    where += " KONG_PG_DATABASE=article"
    early = typed.run(f"{where} KONG_ADMIN_LISTEN=127.0.0.1:8001 penstock -p $HOME start")
    assert early.returncode == 1
    assert b"penstock migrations bootstrap" in early.stderr
    assert typed.run(f"{where} penstock -p $HOME migrations bootstrap").stdout.endswith(b"Database is up-to-date\n")
    again = typed.run(f"{where} penstock -p $HOME migrations bootstrap")
    assert (again.returncode, again.stdout) == (0, b"Database already bootstrapped\n")
    started = typed.run(
        f"{where} KONG_STREAM_LISTEN=0.0.0.0:5555 KONG_ADMIN_LISTEN=127.0.0.1:8001 penstock -p $HOME start"
    )
    assert (started.returncode, started.stdout) == (0, b"Penstock started\n"), started
    typed.json("curl -s localhost:8001/services -d name=tcpbin-echo -d url=tcp://127.0.0.1:30000")
    typed.json("curl -s localhost:8001/services/tcpbin-echo/routes -d protocols=tls -d snis=tlsbin-example")
    assert "hello through tls" in through_openssl(typed)
