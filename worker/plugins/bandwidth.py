"""`bandwidth`: how fast the bytes of a session go, each direction for itself."""

from __future__ import annotations

from dataclasses import dataclass

from ...shared.plugin import Plugin, Session, Size, at_least_one_of, setting


class Bandwidth(Plugin):
    """Limits the rates of every session, as `proxy_download_rate` and `proxy_upload_rate` do."""

    version = "1.0.0"
    priority = 900
    checks = (at_least_one_of("download", "upload"),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Bytes per second."""

        download: Size | None = setting(None, doc="To the client; 0 lifts a limit that the configuration has.")
        upload: Size | None = setting(None, doc="From the client; 0 lifts a limit that the configuration has.")

    config: Config

    def preread(self, session: Session) -> None:
        """Set the rates."""
        session.set_rates(self.config.download, self.config.upload)
