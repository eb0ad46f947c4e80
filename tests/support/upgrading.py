"""A program in the background that is replaced while it runs: two masters at a time, of Penstock or of nginx."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from daemon import Daemon, environment
from deadline import seconds, wait_for
from gate import Gate
from nginx import Nginx
from processes import alive

OLDBIN: Final = ".oldbin"


class Upgrading(Daemon):
    """`daemon on`, since nginx is replaced nowhere else; `pid` is whoever the pid file names."""

    masters: list[int]
    """Every one that was ever named."""

    def write(self, text: str) -> None:
        super().write(text)
        self.file.write_text(self.file.read_text().replace("daemon off;", "daemon on;"))

    def start(self) -> None:
        with (self.directory / "stderr.txt").open("ab") as err:
            subprocess.run(
                self.command(), cwd=self.directory, env=environment(),
                stdin=subprocess.DEVNULL, stdout=err, stderr=err, timeout=seconds(30), check=True,
            )  # fmt: skip
        self.masters = [wait_for(self.named, "the pid file names a process")]
        wait_for(lambda: workers_of(self.pid), "there are workers")  # before that nginx misses signals

    def stop(self, sig: signal.Signals = signal.SIGTERM, within: float = 15) -> int:
        """End every master at once, so that none comes back in the place of another."""
        try:
            for pid in filter(alive, self.masters):
                os.kill(pid, sig)
            wait_for(lambda: not any(map(alive, self.masters)), "every master has ended", within)
        finally:
            for pid in filter(alive, self.masters):
                os.kill(pid, signal.SIGKILL)
        return 0

    @property
    def pid(self) -> int:
        return self.named()

    def named(self, suffix: str = "") -> int:
        """Whom the pid file names, or the one with a suffix; 0 when there is none."""
        text = self.read(self.pid_file.name + suffix).strip()
        return int(text) if text else 0

    def change(self) -> tuple[int, int]:
        """USR2: the old master and the new one, once that is named."""
        old = self.named()
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.named() not in (0, old), "the pid file names a new master", within=20)
        self.masters.append(self.named())
        new = self.named()
        wait_for(lambda: workers_of(new), "the new master has workers")
        if isinstance(self, Gate):
            self.logged(f"new binary process {new} serves")
        return old, new

    def send_workers_away(self, pid: int) -> None:
        """WINCH, and wait until there are none."""
        os.kill(pid, signal.SIGWINCH)
        wait_for(lambda: not workers_of(pid), "the workers are gone")

    def bring_workers_back(self, pid: int) -> None:
        """HUP, and wait for one."""
        os.kill(pid, signal.SIGHUP)
        wait_for(lambda: workers_of(pid), "there are workers again")

    def end(self, pid: int, sig: signal.Signals = signal.SIGQUIT) -> None:
        """Have one master end."""
        os.kill(pid, sig)
        wait_for(lambda: not alive(pid), f"process {pid} has ended")


class UpgradingGate(Upgrading, Gate):
    """Penstock."""


class UpgradingNginx(Upgrading, Nginx):
    """nginx."""


def upgrading(program: object, directory: Path, text: str, **values: object) -> Upgrading:
    """The named program on a text; start it by `with`."""
    kind = UpgradingGate if program == "penstock" else UpgradingNginx
    return kind(directory, text, **values)


def workers_of(pid: int) -> list[int]:
    """The workers of a master: its children by that title, those left out that are on their way out."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [int(child) for child in children if title(int(child)).strip().endswith("worker process")]


def title(pid: int) -> str:
    """The title of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
