"""A plugin for tests that lets in two sessions at a time, and four in all."""

from __future__ import annotations

from penstock.plugin import Plugin, Session


class Counter(Plugin):
    """Counts over all workers."""

    def preread(self, session: Session) -> None:
        session.ctx["ticket"] = self.worker.enter("all", 2)
        if not session.ctx["ticket"]:
            session.refuse("two at a time", word="limited", status=503)
        elif self.worker.take("all", 0.001, 4):
            session.refuse("four in all", word="limited", status=400)

    def log(self, session: Session) -> None:
        if session.ctx["ticket"]:
            self.worker.leave(session.ctx["ticket"])
