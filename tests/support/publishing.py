"""A Penstock that takes its records from the test; run as a program, in place of `python -m penstock`.

The records of `base.json` are there from the beginning. What changes later comes over the unix socket `changes`, a line
of JSON each: a version and the changes; the answer is a line with the outcome.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
import time
from pathlib import Path

from penstock.master.inherit import inherit
from penstock.master.launch import launch_of
from penstock.master.master import Master
from penstock.master.notify import Notifier
from penstock.master.start import worker_room
from penstock.shared.live.records import Changed

LINE = 1 << 28
"""Bytes of a line at most."""


def main(directory: Path, file: str) -> None:
    """Serve until told to stop."""
    launch = launch_of(str(directory), file, "", None, False, sys.argv)
    configuration = launch.load()
    master = Master(launch, worker_room().main, inherit(os.environ, os.getpid()), Notifier(os.environ))
    base = directory / "base.json"
    if base.exists():
        master.publisher.base(json.loads(base.read_text()), 1)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            version, changes = json.loads(line)
            began = time.perf_counter()
            outcome = await master.publisher.publish(version, [Changed(*change) for change in changes])
            told = dataclasses.asdict(outcome) | {"seconds": time.perf_counter() - began}
            writer.write(json.dumps(told).encode() + b"\n")
        writer.close()

    loop = master._turns.loop
    server = loop.run_until_complete(asyncio.start_unix_server(answer, directory / "changes", limit=LINE))
    master.run(configuration)
    server.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
