"""`syslog`: a line of JSON for every session, to a syslog server. Kong's plugin of that name fails on streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ...shared.plugin import Host, Port, Record, setting
from ...shared.sources import sources
from ..kit.datagram_log import DatagramConfig, DatagramLog
from ..kit.log_plugin import as_json

Severity = Literal["debug", "info", "notice", "warning", "err", "crit", "alert", "emerg"]
SEVERITIES: Final = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""By their numbers (RFC 5424, table 2)."""
FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock"),
    *(f"local{number}" for number in range(8)),
)
"""By their numbers, in Kong's spelling (and glibc's: cron is 9)."""


class Syslog(DatagramLog):
    """Sends records to a syslog server, with a severity by how the session ended."""

    version = "1.0.0"
    priority = 4

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config(DatagramConfig):
        """Where to, and as what."""

        host: Host = setting("unix:/dev/log", doc="The server: a name, an address, or unix:PATH.")
        port: Port = setting(514, doc="Its port.")
        tag: str = setting("penstock", match="[!-~]{1,32}", doc="The program's name.")
        facility: str = setting("user", one_of=FACILITIES)
        log_level: Severity = setting("info", doc="The least severe that is sent.")
        successful_severity: Severity = setting("info", doc="Of status 200.")
        client_errors_severity: Severity = setting("info", doc="Of status 400 and 403.")
        server_errors_severity: Severity = setting("info", doc="Of status 500, 502 and 503.")

    config: Config

    def emit(self, record: Record) -> None:
        """One line more, when it is severe enough."""
        severity = self.severity(record["session"]["status"])
        if severity > SEVERITIES.index(self.config.log_level):
            return
        priority = FACILITIES.index(self.config.facility) * 8 + severity
        head = f"<{priority}>{sources.clock.syslog()} {self.worker.hostname} {self.config.tag}: "
        self.put(head.encode() + as_json(record))

    def severity(self, status: int) -> int:
        """That of a session's status; one that goes on is a success so far."""
        config = self.config
        if status >= 500:
            return SEVERITIES.index(config.server_errors_severity)
        return SEVERITIES.index(config.client_errors_severity if status >= 400 else config.successful_severity)
