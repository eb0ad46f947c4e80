"""A real systemd, booted in namespaces of its own in about a second, for tests of units.

It runs on an overlay of this machine's root, so that everything installed here is there too, and whatever it writes
is gone with it. Needs root and the right to make namespaces; `why_not()` says what is missing.
"""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deadline import seconds, wait_for

SCRIPT: Final = Path(__file__).with_suffix(".sh")
PROGRAMS: Final = ("systemd-analyze", "systemctl", "unshare", "nsenter", "setpriv", "pivot_root", "ip")
SYSTEMD: Final = Path("/lib/systemd/systemd")
NAMESPACES: Final = (
    "--pid",
    "--fork",
    "--kill-child=KILL",
    "--mount",
    "--propagation=private",
    "--uts",
    "--ipc",
    "--net",
)


def why_not() -> str | None:
    """Why no systemd can be booted here, or None."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    if not SYSTEMD.exists():
        return "systemd is not installed"
    probe = (
        "cd /mnt && mount -t tmpfs none . && cd /mnt && mkdir u w r && mount -t cgroup2 none r && umount r"
        " && mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w none r && mount -t proc none /proc"
    )
    tried = subprocess.run(
        ("unshare", *NAMESPACES, "sh", "-c", probe), capture_output=True, text=True, timeout=seconds(20), check=False
    )
    return None if tried.returncode == 0 else f"namespaces are not to be had: {tried.stderr.strip()}"


class Machine:
    """One booted systemd; use it in a `with`. `tree` is laid over the root, `binds` are shown read-only."""

    def __init__(self, directory: Path, binds: Mapping[str, Path]) -> None:
        self.directory = directory
        self.tree = directory / "tree"
        self.tree.mkdir()
        (directory / "binds").write_text("".join(f"{source} {target}\n" for target, source in binds.items()))
        (directory / "name").write_text(f"penstock-test-{uuid.uuid4().hex[:12]}")
        self.pid = 0
        """Its PID 1, as this machine counts."""
        self._unshare: subprocess.Popen[bytes] | None = None
        self._console = bytearray()

    def __enter__(self) -> Self:
        terminal = self._open_console()
        command = (
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            *NAMESPACES,
            "bash",
            str(SCRIPT),
            "enter",
            str(self.directory),
        )
        try:
            with (self.directory / "boot.log").open("wb") as log:
                self._unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self.pid = wait_for(self._first_child, "a process in the namespaces", within=20)
            wait_for(self._booted, "systemd has booted", within=60)
        except BaseException as error:
            self.close()
            error.add_note(self.boot_log())
            raise
        finally:
            os.close(terminal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill PID 1, and with it everything inside."""
        if self._unshare is None:
            return
        self._unshare.kill()
        self._unshare.wait()
        self._unshare = None
        clean = ("unshare", "--mount", "--propagation=private", "bash", str(SCRIPT), "leave", str(self.directory))

        def cleaned() -> bool:  # the cgroup stays busy until the last process is reaped
            return subprocess.run(clean, capture_output=True, check=False).returncode == 0

        wait_for(cleaned, "the machine's cgroup is gone", within=20)

    def run(self, *command: str, check: bool = True, **values: str) -> subprocess.CompletedProcess[str]:
        """Run a program inside."""
        done = subprocess.run(
            self.inside(*command),
            capture_output=True,
            text=True,
            timeout=seconds(60),
            check=False,
            env=environment(**values),
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}\n{self.journal()}"
            )
        return done

    def inside(self, *command: str) -> Sequence[str]:
        """The command line that runs a program inside."""
        return ("nsenter", f"--target={self.pid}", "--all", "--", *command)

    def in_network(self, *command: str) -> Sequence[str]:
        """The command line that runs a program of this machine in the network of the inside."""
        return ("nsenter", f"--target={self.pid}", "--net", "--", *command)

    def path(self, name: str) -> Path:
        """A file of the inside, as seen from here."""
        return Path(f"/proc/{self.pid}/root{name}")

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def journal(self, *matches: str) -> str:
        """The end of the journal, or of what of it matches (`FIELD=value`)."""
        done = subprocess.run(
            self.inside("journalctl", "--no-pager", "--lines=200", "--output=short-monotonic", *matches),
            capture_output=True,
            text=True,
            timeout=seconds(20),
            check=False,
            env=environment(),
        )
        return done.stdout + done.stderr

    def boot_log(self) -> str:
        """What was said before there was a journal."""
        return (self.directory / "boot.log").read_text(errors="replace") + self._console.decode(errors="replace")

    def _open_console(self) -> int:
        """A terminal for /dev/console; a thread keeps reading it, since a full one would stop systemd."""
        leader, follower = pty.openpty()
        (self.directory / "console").write_text(os.ttyname(follower))
        threading.Thread(target=self._read_console, args=(leader,), daemon=True).start()
        return follower

    def _read_console(self, leader: int) -> None:
        try:
            while text := os.read(leader, 65536):
                self._console += text
        except OSError:  # nobody holds the other end any more
            pass
        finally:
            os.close(leader)

    def _first_child(self) -> int:
        assert self._unshare is not None
        if self._unshare.poll() is not None:
            raise AssertionError("the namespaces ended at once")
        pid = self._unshare.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _booted(self) -> bool:
        assert self._unshare is not None
        if self._unshare.poll() is not None:
            raise AssertionError("systemd ended while it booted")
        if Path(f"/proc/{self.pid}/comm").read_text().strip() != "systemd":
            return False
        asked = subprocess.run(
            self.inside("systemctl", "is-active", "basic.target"), capture_output=True, text=True, check=False
        )
        return asked.stdout.strip() == "active"


def environment(**values: str) -> dict[str, str]:
    """A plain environment for programs of the inside."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", **values}


def lay(machine: Machine, name: str, text: str, mode: int = 0o644) -> None:
    """Put a file into the tree of a machine that is not booted yet."""
    path = machine.tree / name.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def lay_folder(machine: Machine, name: str, source: Path) -> None:
    """Put a copy of a folder into the tree, links followed."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(source, machine.tree / name.lstrip("/"), symlinks=False, ignore=ignored)
