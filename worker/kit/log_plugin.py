"""What plugins that emit records have in common: when they emit one, and fields of the user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...shared.plugin import Plugin, Record, Seconds, Session, Text, setting
from ...shared.session_record import put


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """To be inherited by the `Config` of such a plugin, which is `kw_only`, too."""

    at_connect: bool = setting(False, doc="Whether there is a record also when the upstream stands.")
    every: Seconds = setting(0.0, doc="Seconds between records of a session that goes on; 0 is none.")
    custom_fields: Mapping[str, Text] = field(default_factory=dict)


class LogPlugin(Plugin):
    """Override `emit`; who overrides `init_worker` calls this one's, too."""

    config: LogConfig

    def emit(self, record: Record) -> None:
        """Send a record on its way; must not wait."""
        raise NotImplementedError

    def init_worker(self) -> None:
        """Have the sessions that go on looked at."""
        if self.config.every:
            self.worker.every(self.config.every, self.progress)

    def connected(self, session: Session) -> None:
        """The upstream stands."""
        if self.config.at_connect:
            self.emit(self.record(session, "connect"))

    def log(self, session: Session) -> None:
        """The session is over."""
        self.emit(self.record(session, "end"))

    def progress(self) -> None:
        """Emit a record of every session that has lasted long enough."""
        for session in self.worker.sessions():
            if session.elapsed >= self.config.every:
                self.emit(self.record(session, "progress"))

    def record(self, session: Session, event: str) -> Record:
        """A session's record with the user's fields."""
        record = session.record(event)
        for name, text in self.config.custom_fields.items():
            put(record, name, session.text(text))
        return record


def as_json(record: Record) -> bytes:
    """A record in one line; what is no text in it is escaped."""
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace")
