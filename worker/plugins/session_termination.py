"""`session-termination`: last words and the end. For streams what Kong's `request-termination` is for requests."""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.plugin import Plugin, Session, Status, Text, setting

SUCCESS = 200


class SessionTermination(Plugin):
    """Ends every session: with a banner where the client can read one, and with a status."""

    version = "1.0.0"
    priority = 2

    @dataclass(frozen=True, slots=True)
    class Config:
        """How they end."""

        status: Status = setting(503, doc="The session's status; 200 ends it as a success.")
        message: Text | None = setting(None, doc="What the client is sent before it is closed.")

    config: Config

    def preread(self, session: Session) -> None:
        """Say it and close."""
        text = self.config.message
        last = session.text(text).encode("utf-8", "surrogateescape") if text is not None else b""
        if self.config.status == SUCCESS:
            session.answer(last)
        else:
            session.refuse("sessions are ended here", status=self.config.status, last=last)
