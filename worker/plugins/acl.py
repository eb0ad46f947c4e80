"""`acl`: who may come in, by what the first bytes and the client's certificate say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import ClassVar, Final

from ...shared.plugin import Check, Plugin, Session, Status, at_least_one_of, setting
from ..kit.patterns import Patterns

TLS_VERSION: Final = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3", "none")
NONE: Final = "none"
"""The version of a session without TLS."""
FINGERPRINT: Final = r"(?:[0-9A-Fa-f]{2}:?){19}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}"
ASPECTS: Final = ("sni", "alpn", "ja3", "ja4", "tls_version", "subject", "fingerprint")
SHOWN: Final = {"sni": "SNI", "alpn": "ALPN", "ja3": "JA3", "ja4": "JA4", "tls_version": "TLS version"}


@dataclass(frozen=True, slots=True)
class Lists:
    """Texts by aspect; `*` stands for any characters."""

    checks: ClassVar[tuple[Check, ...]] = (at_least_one_of(*ASPECTS),)

    sni: tuple[str, ...] = setting((), doc="Names that the hello asks for.")
    alpn: tuple[str, ...] = setting((), doc="Protocols that the hello offers.")
    ja3: tuple[str, ...] = setting((), match="[0-9a-f*]+", doc="Fingerprints of the hello, MD5.")
    ja4: tuple[str, ...] = setting((), match="[0-9a-z_*]+", doc="Fingerprints of the hello.")
    tls_version: tuple[str, ...] = setting((), one_of=TLS_VERSION, doc="What was agreed, or the highest offered.")
    subject: tuple[str, ...] = setting((), doc="Subjects of the client's certificate, as $ssl_client_s_dn has them.")
    fingerprint: tuple[str, ...] = setting((), match=FINGERPRINT, doc="SHA-1 or SHA-256 of the client's certificate.")


class Acl(Plugin):
    """Refuses sessions by lists: those that a `deny` names, and those that an `allow` does not name."""

    version = "1.0.0"
    priority = 950
    checks = (at_least_one_of("allow", "deny"),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Who may and who may not."""

        allow: Lists | None = setting(None, doc="Who may come in: of each aspect that is given, one text has to fit.")
        deny: Lists | None = setting(None, doc="Who may not: one text that fits is enough; looked at first.")
        status: Status = setting(403, doc="The status of a session that is refused.")
        message: str | None = setting(None, doc="What the log says of it.")

    config: Config
    _deny: tuple[tuple[str, Patterns], ...] = ()
    _allow: tuple[tuple[str, Patterns], ...] = ()

    def configure(self) -> None:
        """Compile the lists."""
        self._deny = compiled(self.config.deny)
        self._allow = compiled(self.config.allow)

    def preread(self, session: Session) -> None:
        """Let the client in, or not."""
        for aspect, patterns in self._deny:
            for value in VALUES[aspect](session):
                if value in patterns:
                    self._refuse(session, aspect, value)
                    return
        for aspect, patterns in self._allow:
            values = tuple(VALUES[aspect](session))
            if not any(value in patterns for value in values):
                self._refuse(session, aspect, ",".join(values))
                return

    def _refuse(self, session: Session, aspect: str, value: str) -> None:
        shown = SHOWN.get(aspect) or f"client certificate's {aspect}"
        reason = self.config.message or (f'{shown} not allowed: "{value}"' if value else f"{shown} missing")
        session.refuse(reason, word="denied", status=self.config.status)


def compiled(lists: Lists | None) -> tuple[tuple[str, Patterns], ...]:
    """The aspects that are given."""
    if lists is None:
        return ()
    given = [(field.name, getattr(lists, field.name)) for field in fields(lists)]
    return tuple((name, Patterns(NORMAL.get(name, str)(each) for each in texts)) for name, texts in given if texts)


def present(value: str | None) -> Iterable[str]:
    """What there is."""
    return (value,) if value else ()


def tls_version(session: Session) -> Iterable[str]:
    """The version that was agreed, the highest one offered where TLS does not end here, or `none`."""
    agreed = session.tls.version() if session.tls is not None else None
    return (agreed or next(iter(session.tls_versions), NONE),)


def subject(session: Session) -> Iterable[str]:
    """The subject of the client's certificate."""
    return present(session.variable("ssl_client_s_dn")) if session.client_certificate else ()


def fingerprints(session: Session) -> Iterable[str]:
    """Both kinds, in hexadecimal digits."""
    certificate = session.client_certificate
    if not certificate:
        return ()
    return hashlib.sha256(certificate).hexdigest(), hashlib.sha1(certificate, usedforsecurity=False).hexdigest()


NORMAL: Final[dict[str, Callable[[str], str]]] = {
    "sni": str.lower,
    "fingerprint": lambda text: text.replace(":", "").lower(),
}
"""How texts are written where what they are held against is always the same way."""
VALUES: Final[dict[str, Callable[[Session], Iterable[str]]]] = {
    "sni": lambda session: present(session.sni),
    "alpn": lambda session: session.alpn,
    "ja3": lambda session: present(session.ja3),
    "ja4": lambda session: present(session.ja4),
    "tls_version": tls_version,
    "subject": subject,
    "fingerprint": fingerprints,
}
