"""A real PostgreSQL for tests: a cluster of its own in a folder, on a unix socket and a loopback port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deadline import seconds
from ports import free_port

BIN: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
USER: Final = "postgres"
QUICK: Final = ("-c", "fsync=off", "-c", "max_connections=40")


def installed() -> bool:
    """Whether there is a PostgreSQL server here."""
    return bool(BIN)


class Postgres:
    """A cluster; it runs from `start` to `stop`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="penstock-pg-"))
        self.data = self.folder / "data"
        self.port = free_port()
        self._account = pwd.getpwnam(USER) if os.geteuid() == 0 else None
        if self._account is not None:
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
        self.run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--no-locale")

    def start(self) -> None:
        """Serve; returns once connections are accepted."""
        options = " ".join(("-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder), *QUICK))
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-o", options, "start")

    def secure(self, certificate: Path, key: Path) -> None:
        """Offer TLS from the next start on."""
        for name, source in (("server.crt", certificate), ("server.key", key)):
            place = self.data / name
            place.write_bytes(source.read_bytes())
            place.chmod(0o600)
            if self._account is not None:
                os.chown(place, self._account.pw_uid, self._account.pw_gid)
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write("ssl = on\n")

    def stop(self, how: str = "fast") -> None:
        """End it; what was committed stays."""
        self.run("pg_ctl", "-D", self.data, "-m", how, "-w", "stop")

    def create(self, name: str) -> str:
        """Make a database and give its connection text."""
        self.sql("postgres", f'CREATE DATABASE "{name}"')
        return self.target(name)

    def target(self, name: str) -> str:
        """The connection text of a database."""
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={name}"

    def sql(self, database: str, statement: str) -> str:
        """What psql prints for a statement."""
        return self.run("psql", "-h", self.folder, "-p", self.port, "-U", USER, "-d", database, "-Atc", statement)

    def remove(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, program: str, *arguments: object) -> str:
        """What one of its programs prints; fails the test when that fails."""
        account = self._account
        # pg_ctl's server inherits the output, so that a pipe would never end
        with tempfile.TemporaryFile("w+") as output:
            finished = subprocess.run(
                (BIN[0] / program, *map(str, arguments)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                cwd=self.folder,
                env={"PATH": os.defpath, "HOME": str(self.folder), "LC_ALL": "C"},
                timeout=seconds(60),
                check=False,
            )
            output.seek(0)
            text = output.read()
        assert finished.returncode == 0, f"{program}: {text}"
        return text


@contextmanager
def running() -> Iterator[Postgres]:
    """A cluster that serves until the block ends, and leaves nothing behind."""
    cluster = Postgres()
    try:
        cluster.start()
        yield cluster
        cluster.stop()
    finally:
        cluster.remove()
