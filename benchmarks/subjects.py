"""The programs that are compared: found, configured, started on processors of their own, and ended."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks import scenario as texts
from benchmarks.accounting import descendants
from benchmarks.crew import die_with
from benchmarks.scenario import Scenario

ROOT: Final = Path(__file__).resolve().parent.parent
PLACES: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin", "/usr/local/sbin"))
"""Where programs are looked for: a user's PATH leaves out the administrator's folders."""
MODULES: Final = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules")
PORTS: Final = range(10_000, 32_000)
"""Where subjects listen: below those that outgoing connections take."""
START: Final = 120.0
"""Seconds that a subject gets to serve; 100,000 names take a while."""


class Subject(ABC):
    """One program on one scenario; use it in a `with`."""

    name = ""

    def __init__(self, scenario: Scenario, directory: Path, cpus: set[int], label: str = "") -> None:
        self.scenario = scenario
        self.label = label or self.name
        self.directory = directory
        self.cpus = cpus
        self.process: subprocess.Popen[bytes] | None = None
        self.started_in = 0.0

    @classmethod
    @abstractmethod
    def version(cls) -> str | None:
        """Its version, or None when it is not installed."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command line that runs it in the foreground."""

    @abstractmethod
    def write(self, scenario: Scenario) -> None:
        """Write its configuration."""

    def reload(self) -> None:
        """Have it apply what was written."""
        os.kill(self.pid, signal.SIGHUP)

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write(self.scenario)
        began = time.monotonic()
        parent = os.getpid()
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.cpus)  # what is started inherits it, its children as well
        try:
            with (self.directory / "output.txt").open("ab") as output:
                self.process = subprocess.Popen(
                    self.command(),
                    cwd=self.directory,
                    env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    preexec_fn=lambda: die_with(parent, signal.SIGTERM),
                )
        finally:
            os.sched_setaffinity(0, allowed)
        self.await_ports()
        self.started_in = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        """The process that was started."""
        assert self.process is not None
        return self.process.pid

    def spread(self, cpus: set[int]) -> None:
        """Let its processes run on these processors from now on."""
        for process in descendants(self.pid):
            os.sched_setaffinity(process, cpus)

    def await_ports(self) -> None:
        """Return once every door can be connected to."""
        doors = [*self.scenario.doors, *([self.scenario.sni] if self.scenario.sni else [])]
        wait_until(lambda: self._ended() or all(_listens(door.port) for door in doors), f"{self.label} to start")
        if self._ended():
            said = (self.directory / "output.txt").read_text(errors="replace")
            raise SystemExit(f"{self.label} did not start:\n{said}")

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


class Penstock(Subject):
    """This checkout, with this interpreter."""

    name = "penstock"

    @classmethod
    def version(cls) -> str | None:
        said = _output(sys.executable, "-c", "import penstock.shared.version as v; print(v.__version__)")
        return f"penstock {said.strip()} (Python {sys.version.split()[0]})"

    def command(self) -> Sequence[str]:
        return (sys.executable, "-m", "penstock", "-p", str(self.directory), "-c", str(self.directory / "conf"))

    def write(self, scenario: Scenario) -> None:
        metrics = free_port()
        (self.directory / "conf").write_text(texts.penstock(scenario, self.directory, metrics))


class Nginx(Subject):
    """nginx with its stream module, built in or loaded."""

    name = "nginx"

    @classmethod
    def version(cls) -> str | None:
        path = find("nginx")
        if path is None:
            return None
        said = _output(path, "-V")
        if "--with-stream=dynamic" in said and cls.module() is None:
            return None
        return said.splitlines()[0].removeprefix("nginx version: ").replace("/", " ")

    @staticmethod
    def module() -> Path | None:
        """The stream module, where it is a file of its own."""
        files = (Path(place) / "ngx_stream_module.so" for place in MODULES)
        return next((file for file in files if file.exists()), None)

    def command(self) -> Sequence[str]:
        directory = str(self.directory)
        path = find("nginx") or "nginx"
        return (path, "-p", directory, "-c", f"{directory}/conf", "-e", f"{directory}/error.log")

    def write(self, scenario: Scenario) -> None:
        user = "root" if os.geteuid() == 0 else ""
        (self.directory / "conf").write_text(texts.nginx(scenario, self.directory, self.module(), user))


class Haproxy(Subject):
    """HAProxy under its own master."""

    name = "haproxy"

    @classmethod
    def version(cls) -> str | None:
        path = find("haproxy")
        return None if path is None else "haproxy " + _output(path, "-v").split()[2]

    def command(self) -> Sequence[str]:
        return (find("haproxy") or "haproxy", "-W", "-f", str(self.directory / "conf"))

    def write(self, scenario: Scenario) -> None:
        (self.directory / "conf").write_text(texts.haproxy(scenario, self.directory))
        (self.directory / "names.map").write_text(texts.haproxy_map(scenario))
        if scenario.key != Path():
            (self.directory / "pair.pem").write_bytes(scenario.certificate.read_bytes() + scenario.key.read_bytes())

    def reload(self) -> None:
        os.kill(self.pid, signal.SIGUSR2)


ALL: Final[tuple[type[Subject], ...]] = (Penstock, Nginx, Haproxy)


def find(program: str) -> str | None:
    """The path of a program, or None."""
    return shutil.which(program, path=PLACES)


def wait_until(condition: Callable[[], object], what: str, within: float = START, pause: float = 0.01) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {within:.0f} s for {what}")
        time.sleep(pause)


_taken: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, picked at random, so that two runs at once hardly pick the same."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _taken:
            _taken.add(port)
            return port


def _listens(port: int) -> bool:
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    return wanted in Path("/proc/net/tcp").read_text()


def _output(*command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.stdout + done.stderr
