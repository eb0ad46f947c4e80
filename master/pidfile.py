"""The pid file: written whole or not at all, removed only while it is ours."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from ..shared.errors import StartError

MODE: Final = 0o644
OLDBIN: Final = ".oldbin"
"""What follows the name while a new program is started, as with nginx."""
LONGEST: Final = 32
"""Bytes of a pid file that are read; more is no number."""


class PidFile:
    """The file that names this process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._written = False

    def write(self, pid: int) -> None:
        """Write the file by way of a temporary one, so that nobody reads half of it; raises StartError."""
        try:
            self._write(f"{pid}\n".encode())
        except OSError as error:
            raise StartError(f'open() "{self.path}" failed ({error.errno}: {error.strerror})') from error
        self._written = True

    def move(self, path: str, pid: int) -> None:
        """Write the file at another path, then remove the old one; raises StartError and keeps the old one."""
        fresh = PidFile(path)
        fresh.write(pid)
        self.remove(pid)
        self.path, self._written = path, True

    def remove(self, pid: int) -> None:
        """Remove the file if it still names `pid`: after an upgrade it names another master."""
        if not self._written:
            return
        self._written = False
        try:
            if os.path.isfile(self.path) and read_pid(self.path) == pid:
                os.unlink(self.path)
        except (OSError, StartError):
            pass

    def rename(self, path: str) -> None:
        """Give the file another name; raises OSError. Something like /dev/null keeps its name."""
        if not self.special:
            os.rename(self.path, path)
            self.path = path

    @property
    def special(self) -> bool:
        """Whether the path is something like /dev/null, which must be neither replaced nor removed."""
        return is_special(self.path)

    def _write(self, data: bytes) -> None:
        if not self.special:
            try:
                return replace_file(self.path, data)
            except PermissionError:
                pass  # a file that is ours in a folder that is not (/run/penstock.pid) can still be written
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
        return None


def is_special(path: str) -> bool:
    """Whether something other than a regular file is at `path`."""
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False


def replace_file(path: str, data: bytes) -> None:
    """Make `data` the content of the file at `path` in one step; raises OSError and leaves nothing behind."""
    temporary = f"{path}.{os.getpid()}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
    try:
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_pid(path: str) -> int:
    """The pid that a file names; raises StartError with nginx's sentence."""
    try:
        with open(path, "rb") as file:
            text = file.read(LONGEST).strip()
    except OSError as error:
        raise StartError(f'open() "{path}" failed ({error.errno}: {error.strerror})') from error
    if not text.isdigit() or int(text) == 0:
        raise StartError(f'invalid PID number "{text.decode(errors="replace")}" in "{path}"')
    return int(text)
