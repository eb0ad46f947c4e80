"""What `-t` says of a configuration: Penstock's, without the price of a process, and nginx's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

from deadline import seconds
from needs import program

from penstock.master.system import real_system
from penstock.shared.conf.load import load
from penstock.shared.errors import ConfigError

PLACE: Final = re.compile(r" in \S+:\d+$")


def said_here(file: Path) -> list[str]:
    """What Penstock has to say, but for notices."""
    try:
        configuration = load(str(file), f"{file.parent}/", system=real_system())
    except ConfigError as error:
        return [f"[emerg] {error.text}"]
    return [f"[{notice.level}] {notice.text}" for notice in configuration.notices if notice.level != "notice"]


def said_by_nginx(file: Path) -> list[str]:
    """The same of nginx, without the place that it names."""
    result = subprocess.run(
        (program("nginx"), "-t", "-q", "-p", str(file.parent), "-c", str(file), "-e", str(file.parent / "nginx.log")),
        capture_output=True,
        text=True,
        timeout=seconds(20),
        check=False,
    )
    lines = [line.removeprefix("nginx: ") for line in result.stderr.splitlines()]
    return [PLACE.sub("", line) for line in lines if line.startswith("[")]
