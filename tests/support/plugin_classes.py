"""A plugin with a field of every kind, for tests of descriptions and configurations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from penstock.plugin import (
    FilePath,
    Host,
    LogPath,
    Milliseconds,
    Network,
    Plugin,
    Port,
    Seconds,
    Session,
    Size,
    Text,
    at_least_one_of,
    setting,
)


@dataclass(frozen=True, slots=True)
class Queue:
    entries: int = setting(100, between=(1, 1000))
    delay: Seconds = 1.0


class Everything(Plugin):
    """Has a field of every kind."""

    name = "everything"
    version = "1.2"
    priority = 7
    checks = (at_least_one_of("allow", "names"),)

    @dataclass(frozen=True, slots=True)
    class Config:
        host: Host
        allow: tuple[Network, ...] = ()
        names: frozenset[str] = setting(frozenset(), match="[a-z]+")
        status: int = setting(403, one_of=(403, 503))
        mode: Literal["fast", "careful"] = "fast"
        port: Port = 80
        ratio: float = 0.5
        on: bool = True
        message: str | None = None
        timeout: Milliseconds = 10_000
        size: Size = 1024
        line: Text = "$remote_addr"
        file: FilePath | None = None
        log: LogPath | None = None
        headers: Mapping[str, str] = field(default_factory=dict)
        queue: Queue = Queue()

    config: Config

    def preread(self, session: Session) -> None:
        session.refuse("never", status=403)
