"""What building a configuration asks of the outside world, injected so that building itself touches nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...model.stream import User


@dataclass(frozen=True, slots=True)
class System:
    """The callables of the real system, or of a test."""

    read_text: Callable[[str], str]
    """Reads a configuration file; raises OSError, or ValueError when it is not text."""
    read_bytes: Callable[[str], bytes]
    """Reads a certificate, key or password file; raises OSError."""
    glob: Callable[[str], list[str]]
    """The files that a pattern of `include` matches, sorted."""
    resolve: Callable[[str], list[str]]
    """The numeric addresses of a host name; raises OSError when there are none."""
    user: Callable[[str, str | None], User]
    """The account of `user NAME [GROUP]`; raises LookupError with a sentence."""
    cpu_count: Callable[[], int]
    """The processors this process may run on (`worker_processes auto`)."""
    now: Callable[[], float]
    """Seconds since the epoch, for certificates that have expired."""
    privileged: bool = True
    """Whether this process may become another user."""
    environment: Mapping[str, str] = field(default_factory=dict)
