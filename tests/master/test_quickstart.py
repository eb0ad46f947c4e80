"""`penstock quickstart`: what it prints works, and nothing of it stays."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import environment
from deadline import seconds, wait_for
from needs import requires
from ports import free_port, release
from processes import alive

from penstock.master.launch import launch_of
from penstock.master.quickstart import METRICS_PORT, PORT, rendered, template, write_pair


class Quickstart:
    """One that runs."""

    def __init__(self, directory: Path) -> None:
        self.ports = free_port(), free_port()
        self.out = directory / "out"
        command = (sys.executable, "-m", "penstock", "quickstart", "--port", str(self.ports[0]))
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                (*command, "--metrics-port", str(self.ports[1])),
                env={**environment(), "TMPDIR": str(directory)},
                stdout=out,
                stderr=out,
            )
        wait_for(lambda: "Ctrl-C" in self.out.read_text() or self.process.poll() is not None, "it explains itself", 20)
        self.said = self.out.read_text()

    def pasted(self, mark: str) -> str:
        """What the printed command that holds `mark` gives."""
        (line,) = (line.strip() for line in self.said.splitlines() if mark in line)
        return subprocess.run(
            ("bash", "-c", line), capture_output=True, text=True, timeout=seconds(20), check=False
        ).stdout

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(seconds(10))
        finally:
            for port in self.ports:
                release(port)


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[Quickstart]:
    running = Quickstart(tmp_path)
    yield running
    if running.process.poll() is None:
        running.end()


@requires("openssl", "curl", "bash")
def test_every_line_it_prints_works(quickstart: Quickstart) -> None:
    assert quickstart.pasted("-servername gateway.localhost") == "hello\n"
    assert quickstart.pasted("-servername raw.localhost") == "hello\n"
    assert quickstart.pasted("/dev/tcp/") == "hello\n"
    for route in ("terminated", "passthrough", "plain"):
        counted = rf'penstock_sessions_total{{.*route="{route}".*status="200"}} 1.0'
        wait_for(lambda counted=counted: re.search(counted, quickstart.pasted("curl")), f"{route} is counted")  # type: ignore[misc]  # a default binds the loop's value
    quickstart.pasted("kill -HUP")
    wait_for(lambda: "penstock_config_generation 2.0" in quickstart.pasted("curl"), "it has reloaded")


def test_ctrl_c_ends_everything(quickstart: Quickstart, tmp_path: Path) -> None:
    assert len(list(tmp_path.glob("penstock-quickstart-*"))) == 1
    pid = quickstart.process.pid
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    assert len(children) >= 2  # a worker and the echo servers
    assert quickstart.end() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert not any(map(alive, children))


@pytest.mark.parametrize("option", ["--port", "--metrics-port"])
def test_a_taken_port_gets_a_sentence_that_names_the_option(option: str) -> None:
    free = free_port()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = "--metrics-port" if option == "--port" else "--port"
        command = (sys.executable, "-m", "penstock", "quickstart", option, str(port), other, str(free))
        result = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=20, check=False)
    release(free)
    assert result.returncode == 1
    assert result.stderr == (
        f"penstock: port {port} of 127.0.0.1 is taken by another program; name a free one with {option} PORT\n"
    )


def test_ports_may_change_places() -> None:
    text = f"a :{PORT}; b :{METRICS_PORT}; c :{PORT};"
    assert (
        rendered(text, {PORT: METRICS_PORT, METRICS_PORT: PORT}) == f"a :{METRICS_PORT}; b :{PORT}; c :{METRICS_PORT};"
    )


def test_the_file_is_a_configuration_as_it_stands(tmp_path: Path) -> None:
    write_pair(tmp_path, "gateway", ("gateway.localhost",))
    assert (tmp_path / "gateway.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "quickstart.conf").write_text(template().read_text())
    main = launch_of(str(tmp_path), "quickstart.conf", "", None, False, ()).load().main
    assert not main.daemon
