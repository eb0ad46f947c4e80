"""`penstock -t`: whether the plugins of a configuration could be imported and configured.

It runs in a child of its own, since nothing of a plugin may ever be in the master.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

from ...shared.errors import StartError
from ...shared.model.plugin import PluginUse
from ...shared.model.stream import Configuration
from ...shared.variables import lookup
from .hooked import described
from .host import Host
from .kit import instance, uses_of
from .library import Library, placed


def try_plugins(configuration: Configuration) -> str:
    """Make and configure every plugin; why it cannot be done, or an empty text."""
    uses = tuple(uses_of(configuration))
    stream = configuration.stream
    if not uses and not stream.plugin_paths:
        return ""
    try:
        library = Library(stream.plugin_paths)
        for use in uses:
            host = trial_host(use, configuration)
            try_one(use, instance(library, use, host, configuration, stream.lookup or lookup).configure, configuration)
    except StartError as error:
        return error.text
    return ""


def priorities(configuration: Configuration) -> str:
    """The priorities of the plugins that a configuration names, by name, as JSON; what cannot be imported has none."""
    found: dict[str, int] = {}
    try:
        library = Library(configuration.stream.plugin_paths)
    except StartError:
        return "{}"
    for name in {use.name for use in uses_of(configuration)} & set(library.names()):
        try:
            found[name] = library.kind(name).priority
        except StartError:
            continue
    return json.dumps(found)


def descriptions(configuration: Configuration) -> str:
    """The descriptions of every plugin there is, as a JSON list; what cannot be imported has none."""
    found = []
    try:
        library = Library(configuration.stream.plugin_paths)
    except StartError:
        return "[]"
    for name in library.names():
        try:
            found.append(library.description(name))
        except StartError:
            continue
    return json.dumps(found)


def try_one(use: PluginUse, configure: Any, configuration: Configuration) -> None:
    """Run a configure hook; raises StartError."""
    limit = configuration.stream.plugin_timeout
    try:
        work = configure()
        if work is not None:
            asyncio.run(within(work, limit))
    except TimeoutError:
        raise StartError(placed(f'plugin "{use.name}": configure took longer than {limit:g} s', use.where)) from None
    except Exception as error:
        text = f'plugin "{use.name}": configure failed: {described(error)}'
        raise StartError(placed(text, use.where)) from error


async def within(work: Awaitable[None], seconds: float) -> None:
    """Await a hook for so long."""
    async with asyncio.timeout(seconds):
        await work


def trial_host(use: PluginUse, configuration: Configuration) -> Host:
    """A worker that starts nothing and says nothing."""

    def start(work: Coroutine[Any, Any, None], _name: str) -> None:
        work.close()

    return Host(
        name=use.name,
        slot=0,
        workers=configuration.main.worker_processes,
        generation=0,
        prefix=configuration.prefix,
        hostname=os.fsdecode(socket.gethostname()),
        clock=time.time,
        write=lambda _level, _text: None,
        start=start,
        repeat=lambda _seconds, _call: None,
    )
