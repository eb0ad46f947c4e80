"""Penstock as a service of a booted systemd: its installation in /opt/penstock, and the unit as tests see it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from deadline import seconds
from systemd_namespace import Machine, lay, lay_folder

import penstock

SYSTEM_PYTHON: Final = Path("/usr/bin/python3")
"""A hardened service sees no home folder, so the interpreter is the system's."""
UNIT: Final = "penstock.service"
CONFIG: Final = "/etc/penstock/penstock.conf"
LIBRARIES: Final = {"/opt/penstock/lib": Path(sysconfig.get_path("platlib"))}
"""What a machine shows of this environment: the packages that Penstock depends on."""

LAUNCHER: Final = f"""\
#!{SYSTEM_PYTHON}
import sys
sys.path[1:1] = ["/opt/penstock/packages", "/opt/penstock/lib"]
from penstock.master.cli import main
sys.exit(main())
"""


def install(machine: Machine) -> None:
    """Put Penstock into the tree of a machine that is not booted yet."""
    lay_folder(machine, "/opt/penstock/packages/penstock", Path(next(iter(penstock.__path__))))
    lay(machine, "/opt/penstock/bin/penstock", LAUNCHER, 0o755)


def other_python() -> str | None:
    """Why the packages of this environment are of no use to the system's Python, or None."""
    ask = "import sys; print(sys.implementation.cache_tag)"
    if not SYSTEM_PYTHON.exists():
        return f"{SYSTEM_PYTHON} is not installed"
    tag = subprocess.run((SYSTEM_PYTHON, "-c", ask), capture_output=True, text=True, check=True).stdout.strip()
    return (
        None
        if tag == sys.implementation.cache_tag
        else f"{SYSTEM_PYTHON} is {tag}, the tests' packages are for another"
    )


class Service:
    """Penstock as a unit of the machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def configure(self, text: str) -> None:
        self.machine.path(CONFIG).write_text(text)

    def drop_in(self, text: str, unit: str = UNIT) -> None:
        folder = self.machine.path(f"/etc/systemd/system/{unit}.d")
        folder.mkdir(exist_ok=True)
        (folder / "test.conf").write_text(text)
        self.machine.run("systemctl", "daemon-reload")

    def start(self) -> None:
        self.machine.run("systemctl", "start", UNIT)

    @property
    def pid(self) -> int:
        return int(self.machine.show(UNIT, "MainPID"))

    @property
    def active(self) -> str:
        return self.machine.show(UNIT, "ActiveState")

    def status_of(self, name: str, pid: int) -> str:
        """A line of /proc/PID/status."""
        text = self.machine.path(f"/proc/{pid}/status").read_text()
        return next(line.split(None, 1)[1] for line in text.splitlines() if line.startswith(f"{name}:"))

    def greeting(self, port: int = 443) -> str:
        """What a server answers with."""
        return self.script(
            "import socket, sys; print(socket.create_connection(('127.0.0.1', PORT), 10).recv(99).decode())", port
        )

    def script(self, text: str, port: int) -> str:
        """What a Python program prints that runs in the machine's network."""
        command = self.machine.in_network(sys.executable, "-c", text.replace("PORT", str(port)))
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds(60), check=False)
        assert done.returncode == 0, done.stderr + self.machine.journal()
        return done.stdout.strip()
