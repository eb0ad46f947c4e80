"""Trying plugins in a child, for `-t`: their code must not be in the master, and may do what it likes."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Final

from ..shared.errors import StartError
from ..shared.model.stream import Configuration
from .start import worker_room

WITHIN: Final = 30.0
"""Seconds; as long as workers have to become ready."""
LONGEST: Final = 65536


def try_plugins(configuration: Configuration) -> None:
    """Whether a worker could load the plugins; raises StartError with its words."""
    if not has_plugins(configuration):
        return
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        answer(writing, configuration)
    os.close(writing)
    try:
        text = heard(reading, pid)
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    if text or status:
        raise StartError(text or f"the plugins ended the process that tried them ({describe(status)})")


def has_plugins(configuration: Configuration) -> bool:
    """Whether there is anything to be tried."""
    stream = configuration.stream
    gateway = stream.gateway
    named = any(service.plugins for service in gateway.services) or any(route.plugins for route in gateway.routes)
    return named or bool(stream.plugins or stream.plugin_paths)


def answer(writing: int, configuration: Configuration) -> None:
    """The child: write what is wrong, and leave."""
    status = 1
    try:
        text = worker_room().try_plugins(configuration, os.geteuid() == 0)
        os.write(writing, text.encode("utf-8", "replace")[:LONGEST])
        status = 0
    finally:
        os._exit(status)


def heard(reading: int, pid: int) -> str:
    """What the child says; it is ended when it takes too long."""
    said = b""
    deadline = time.monotonic() + WITHIN
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select((reading,), (), (), left)[0]:
            os.kill(pid, signal.SIGKILL)
            return f"the plugins could not be loaded within {WITHIN:g} s"
        more = os.read(reading, LONGEST)
        if not more:
            return said.decode("utf-8", "replace")
        said += more


def describe(status: int) -> str:
    """How the child ended."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit code {os.waitstatus_to_exitcode(status)}"
