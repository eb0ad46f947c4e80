"""What authors of plugins write against: the base class, and the session and the worker as a plugin sees them.

Import it as `penstock.plugin`. A plugin is a class; each place in the configuration that names it gives one instance
with that place's `config`. Hooks are plain or `async`; those that are not overridden cost nothing. docs/plugins.md
teaches it by an example, `penstock plugin new NAME` writes a skeleton.

This module says what there is and does nothing by itself: workers fill it with life, and a test may do so with a
stand-in of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .model.plugin import PHASES, Phase
from .plugin_fields import (
    Check,
    FilePath,
    Host,
    LogPath,
    Milliseconds,
    Network,
    Port,
    Seconds,
    Size,
    Text,
    at_least_one_of,
    mutually_required,
    only_one_of,
    setting,
)
from .plugin_session import Level, Record, Session, Status, Worker

__all__ = [
    "PHASES",
    "Check",
    "FilePath",
    "Hook",
    "Host",
    "Level",
    "LogPath",
    "Milliseconds",
    "Network",
    "NoConfig",
    "Phase",
    "Plugin",
    "Port",
    "Record",
    "Seconds",
    "Session",
    "Size",
    "Status",
    "Text",
    "Worker",
    "at_least_one_of",
    "mutually_required",
    "only_one_of",
    "setting",
]

Hook = Awaitable[None] | None
"""What a hook returns: None, or an awaitable of it where the hook is `async`."""


@dataclass(frozen=True, slots=True)
class NoConfig:
    """The configuration of a plugin that has none."""


class Plugin:
    """See the module. Override what is needed."""

    name: ClassVar[str] = ""
    """As the configuration calls it; by default the entry point's or the module's name with `-` for `_`."""
    version: ClassVar[str] = "0.1.0"
    priority: ClassVar[int] = 0
    """Higher runs earlier."""
    Config: ClassVar[type] = NoConfig
    """A frozen dataclass: its fields are what the configuration may say."""
    checks: ClassVar[tuple[Check, ...]] = ()
    """Rules between fields."""
    file_only: ClassVar[bool] = False
    """Whether it is for the configuration file only, and refused where the Admin API brings it."""

    config: Any
    """This instance's `Config`; annotate it as such in the class."""
    worker: Worker

    def __init__(self, config: Any, worker: Worker) -> None:
        self.config = config
        self.worker = worker

    def configure(self) -> Hook:
        """Once, before anything else: prepare what the configuration asks for.

        ValueError or OSError refuses the start or the reload, with the text; `penstock -t` calls it too, so that it
        must leave nothing behind.
        """
        return None

    def init_worker(self) -> Hook:
        """Once, before the first session, after every plugin was configured."""
        return None

    def certificate(self, session: Session) -> Hook:  # noqa: ARG002 - a hook's parameters are its contract
        """Before the TLS of a session is terminated; only plugins written in `stream {}` itself have it."""
        return None

    def preread(self, session: Session) -> Hook:  # noqa: ARG002
        """The route is known and terminated TLS stands: let the session go on, change where it goes, or refuse it."""
        return None

    def connected(self, session: Session) -> None:  # noqa: ARG002
        """The upstream stands, the relay begins. Plain only: nothing waits for it."""
        return

    def log(self, session: Session) -> Hook:  # noqa: ARG002
        """The session is over."""
        return None

    def reopen(self) -> None:
        """USR1: follow files that were rotated."""
        return

    def close(self) -> Hook:
        """The worker's last session is over: deliver what is queued, let go of files."""
        return None


def hooks_of(kind: type[Plugin]) -> Mapping[str, Callable[..., Hook]]:
    """The phases that a plugin takes part in, with its functions."""
    return {phase: getattr(kind, phase) for phase in PHASES if getattr(kind, phase) is not getattr(Plugin, phase)}
