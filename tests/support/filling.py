"""Configuration texts with `%%PLACES%%`: `%%PORT_x%%` becomes a free port, `%%DIR%%` the directory.

Every other place is what the test gives for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ports import free_port, release

PLACE: Final = re.compile(r"%%(\w+)%%")
LISTEN: Final = re.compile(
    r"^\s*(?:\w+\s*\{)?\s*(?:stream_listen|metrics_listen|admin_listen|listen)\s+(?:\S*:)?(\d+)\b(?![^;]*udp)", re.M
)


class Filling:
    """The values of one text's places; a port keeps its number through every text filled."""

    def __init__(self, directory: Path, values: Mapping[str, object]) -> None:
        self.directory = directory
        self.values = values
        self.ports: dict[str, int] = {}

    def fill(self, text: str) -> str:
        """The text with every place replaced; an unknown one is an error of the test."""
        return PLACE.sub(lambda found: self.value(found[1]), text)

    def value(self, name: str) -> str:
        """What one place stands for."""
        if name == "DIR":
            return str(self.directory)
        if name.startswith("PORT_"):
            return str(self.port(name.removeprefix("PORT_")))
        return str(self.values[name])

    def port(self, name: str | int) -> int:
        """The port of `%%PORT_name%%`."""
        key = str(name)
        if key not in self.ports:
            self.ports[key] = free_port()
        return self.ports[key]

    def close(self) -> None:
        """Give the ports back."""
        for port in self.ports.values():
            release(port)


def listening_ports(text: str) -> set[int]:
    """The TCP ports that a filled text listens on."""
    return {int(port) for port in LISTEN.findall(text)}


def bound_ports() -> set[int]:
    """The TCP ports in state LISTEN, as the kernel tells them: connecting would count as a session."""
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        path = Path(table)
        if not path.exists():
            continue
        for line in path.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                ports.add(int(fields[1].rsplit(":", 1)[1], 16))
    return ports
