"""A program started on a configuration, from the first byte of its log to its exit status."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deadline import seconds, wait_for
from filling import Filling, bound_ports, listening_ports

EVENTS: Final = "events { worker_connections 4096; }\n"


class Daemon(ABC):
    """Penstock or nginx in the foreground of a directory of its own; use it in a `with`."""

    name = "daemon"
    trouble: re.Pattern[str] = re.compile(r"\[(?:alert|emerg)\]|Traceback")
    """What must not be in the error log, nor on the standard error, when it ends."""

    def __init__(self, directory: Path, text: str, **values: object) -> None:
        self.directory = directory
        self.filling = Filling(directory, values)
        self.file = directory / f"{self.name}.conf"
        self.error_log = directory / "error.log"
        self.pid_file = directory / f"{self.name}.pid"
        self.process: subprocess.Popen[bytes] | None = None
        self.write(text)

    # -- what a kind of daemon says of itself

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command line."""

    @abstractmethod
    def preamble(self) -> str:
        """Lines of the main context that only this program needs."""

    # -- life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self.filling.close()
        if kind is None:
            self.check()

    def write(self, text: str) -> None:
        """Make `text` the configuration file; a running program sees it at its next reload."""
        events = "" if re.search(r"^\s*events\b", text, re.M) else EVENTS
        self.file.write_text(self.filling.fill(self.preamble() + events + text))

    def start(self) -> None:
        """Start, and return once it serves: its pid file is there and its ports are bound."""
        with (self.directory / "stderr.txt").open("ab") as err:
            self.process = subprocess.Popen(
                self.command(), cwd=self.directory, env=environment(), stdin=subprocess.DEVNULL, stdout=err, stderr=err
            )
        wanted = listening_ports(self.file.read_text())
        wait_for(lambda: self._serves(wanted), f"{self.name} serves", within=15)

    def _serves(self, ports: set[int]) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.errors()}{self.stderr()}")
        return self.pid_file.exists() and self.pid_file.read_text().strip() != "" and ports <= bound_ports()

    def stop(self, sig: signal.Signals = signal.SIGTERM, within: float = 15) -> int:
        """End it and give its exit status; a second call does nothing."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(sig)
        try:
            return process.wait(seconds(within))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{self.name} did not end within {within} s of {sig.name}\n{self.errors()}") from None

    def check(self) -> None:
        """Fail if it logged what must never happen."""
        bad = [line for line in (self.errors() + self.stderr()).splitlines() if self.trouble.search(line)]
        assert not bad, "\n".join(bad) + "\n--- whole log\n" + self.errors() + self.stderr()

    # -- what is seen of it

    @property
    def pid(self) -> int:
        """The pid of the process that was started."""
        assert self.process is not None
        return self.process.pid

    def signal(self, sig: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, sig)

    def workers(self) -> list[int]:
        """The pids of its children."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def port(self, name: str | int) -> int:
        """The port of `%%PORT_name%%`."""
        return self.filling.port(name)

    def read(self, name: str) -> str:
        """A file of its directory, empty when it does not exist yet."""
        try:
            return (self.directory / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def errors(self) -> str:
        """The error log so far."""
        return self.read("error.log")

    def stderr(self) -> str:
        """What it wrote to its standard output and error so far."""
        return self.read("stderr.txt")

    def logged(self, pattern: str, name: str = "error.log", within: float = 10) -> str:
        """The first line of a log that matches, once it is there."""
        return self.all_logged(pattern, 1, name, within)[0]

    def all_logged(self, pattern: str, count: int, name: str = "error.log", within: float = 10) -> list[str]:
        """The lines of a log that match, once there are `count` of them."""
        wanted = re.compile(pattern)

        def lines() -> list[str]:
            found = [line for line in self.read(name).splitlines() if wanted.search(line)]
            return found if len(found) >= count else []

        try:
            return wait_for(lines, f"{count} of {pattern!r} in {name}", within)
        except AssertionError as error:
            logs = {n: self.read(n).splitlines()[-25:] for n in dict.fromkeys((name, "error.log", "stderr.txt"))}
            shown = "\n".join(line for n, lines in logs.items() for line in (f"--- {n}", *lines))
            raise AssertionError(f"{error}\n{shown}") from None

    def session(self, port: str | int) -> str:
        """What the access log says of the first session on `%%PORT_port%%`, without the port that begins the line."""
        return self.sessions(port, 1)[0]

    def sessions(self, port: str | int, count: int) -> list[str]:
        """What the access log says of sessions on `%%PORT_port%%`: each line, without the port it begins with."""
        lines = self.all_logged(rf"^{self.port(port)} ", count, "access.log")
        return [line.split(" ", 1)[1] for line in lines]


def environment() -> dict[str, str]:
    """This process's environment without what steers the tests themselves; good in any directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(part) for part in kept["PYTHONPATH"].split(os.pathsep))
    return kept
