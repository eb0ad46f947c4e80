"""Nothing that was acknowledged is lost: the master killed while it writes, and a store that is full."""

from __future__ import annotations

import http.client
import os
import re
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from administered import CONFIG, Administered, database
from deadline import seconds, wait_for

WRITES = 1000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Writer(threading.Thread):
    """Makes services one after the other, and notes which were acknowledged and which were asked for."""

    def __init__(self, port: int, name: str, count: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.prefix = name
        self.count = count
        self.asked: list[str] = []
        self.acknowledged: list[str] = []

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds(30))
        try:
            for number in range(self.count):
                name = f"{self.prefix}-{number}"
                self.asked.append(name)
                connection.request("POST", "/services", urlencode({"name": name, "host": "h"}), FORM)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 201:
                    self.acknowledged.append(name)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def names(gate: Administered) -> set[str]:
    """The services that are stored."""
    found: set[str] = set()
    path: str | None = "/services?size=1000"
    while path is not None:
        page = gate.get(path)
        found |= {each["name"] for each in page["data"]}
        path = page["next"]
    return found - {"written"}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_master_leaves_what_was_acknowledged(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    kept = "sqlite entities.db" if kind == "sqlite" else database(request.getfixturevalue("postgres"))
    gate = Administered(tmp_path, CONFIG, DATABASE=kept)
    gate.trouble = re.compile("Traceback")
    try:
        gate.start()
        workers = gate.workers()
        writers = [Writer(gate.port("admin"), f"w{number}", WRITES // 4) for number in range(4)]
        for writer in writers:
            writer.start()
        wait_for(lambda: sum(len(writer.acknowledged) for writer in writers) > 150, "writes are under way", 60)
        assert gate.process is not None
        gate.process.kill()
        gate.process.wait()
        gate.process = None
        for writer in writers:
            writer.join(seconds(30))
        acknowledged = {name for writer in writers for name in writer.acknowledged}
        under_way = {writer.asked[-1] for writer in writers}
        assert len(acknowledged) < WRITES
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the orphans are gone", 20)
        gate.pid_file.unlink(missing_ok=True)
        gate.start()
        found = names(gate)
        assert found >= acknowledged
        assert found - acknowledged <= under_way
        assert gate.ask("POST", "/services", {"name": "and-on", "host": "h"}).status == 201
    finally:
        gate.stop()
        gate.filling.close()
    gate.check()


@pytest.mark.requires("mount")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_disk_is_a_503_and_the_old_state(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if os.system(f"mount -t tmpfs -o size=400k tmpfs {small} 2>/dev/null") != 0:
        pytest.skip("nothing may be mounted here")
    try:
        with Administered(tmp_path, CONFIG, DATABASE=f"sqlite {small}/entities.db") as gate:
            gate.post("/services", {"name": "first", "host": "h"})
            filler = small / "filler"
            with filler.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(b"x" * 4096)
                except OSError:
                    pass
            status = 201
            for number in range(200):
                before = names(gate)
                reply = gate.ask("POST", "/services", value={"name": f"n{number}", "host": "h", "tags": ["x" * 3000]})
                status = reply.status
                if status != 201:
                    break
            assert status == 503, reply
            assert "full" in reply.body["message"]
            assert names(gate) == before
            filler.unlink()
            assert gate.post("/services", {"name": "after", "host": "h"})["name"] == "after"
            assert names(gate) == before | {"after"}
    finally:
        os.system(f"umount {small}")


def test_a_write_is_quick(tmp_path: Path) -> None:
    with Administered(tmp_path, CONFIG, DATABASE="sqlite entities.db") as gate:
        gate.post("/services", {"name": "warm", "host": "h"})
        begun = time.monotonic()
        for number in range(20):
            gate.post("/services", {"name": f"q{number}", "host": "h"})
        assert (time.monotonic() - begun) / 20 < seconds(0.1)
