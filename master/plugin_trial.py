"""Trying plugins in a child, for `-t`: their code must not be in the master, and may do what it likes."""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Final

from ..shared.errors import StartError
from ..shared.model.stream import Configuration
from ..shared.plugin_schema import Description
from .start import worker_room

WITHIN: Final = 30.0
"""Seconds; as long as workers have to become ready."""
LONGEST: Final = 65536
Question = Callable[[Configuration, bool], str]


def try_plugins(configuration: Configuration) -> None:
    """Whether a worker could load the plugins; raises StartError with its words."""
    if has_plugins(configuration):
        text = asked(worker_room().try_plugins, configuration)
        if text:
            raise StartError(text)


def priorities(configuration: Configuration) -> dict[str, int]:
    """The priorities of a configuration's plugins, by name; raises StartError."""
    if not has_plugins(configuration):
        return {}
    found: dict[str, int] = json.loads(asked(worker_room().plugin_priorities, configuration))
    return found


def descriptions(configuration: Configuration) -> dict[str, Description]:
    """What is known of all plugins there are, by name; raises StartError."""
    found: list[Description] = json.loads(asked(worker_room().plugin_descriptions, configuration))
    return {each["name"]: each for each in found}


def asked(question: Question, configuration: Configuration) -> str:
    """What a child answers; raises StartError when it does not."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        answer(writing, question, configuration)
    os.close(writing)
    try:
        text = heard(reading, pid)
    finally:
        os.close(reading)
        _, status = os.waitpid(pid, 0)
    if status:
        raise StartError(text or f"the plugins ended the process that tried them ({describe(status)})")
    return text


def has_plugins(configuration: Configuration) -> bool:
    """Whether there is anything to be tried."""
    stream = configuration.stream
    gateway = stream.gateway
    named = any(service.plugins for service in gateway.services) or any(route.plugins for route in gateway.routes)
    return named or bool(stream.plugins or stream.plugin_paths)


def answer(writing: int, question: Question, configuration: Configuration) -> None:
    """The child: write the answer, and leave."""
    status = 1
    try:
        text = question(configuration, os.geteuid() == 0)
        rest = memoryview(text.encode("utf-8", "replace"))
        while rest:
            rest = rest[os.write(writing, rest) :]
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
