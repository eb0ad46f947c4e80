"""TLS settings of the client's side (`ssl_*`) and of the upstream's (`proxy_ssl_*`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..template import Template
from .where import NOWHERE, Where

NGX_PROTOCOLS: frozenset[str] = frozenset({"TLSv1.2", "TLSv1.3"})
"""The default of `ssl_protocols` and `proxy_ssl_protocols` (nginx 1.27.3 and later)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its private key, read and checked when the configuration was.

    The bytes are kept so that a worker needs no right to read the files, and one that is born again
    later serves what was validated. `repr` leaves the key out.
    """

    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)
    certificate_path: str
    key_path: str
    passwords: tuple[bytes, ...] = field(default=(), repr=False)
    where: Where = NOWHERE
    subject: str = ""
    """RFC 4514 text of the leaf's subject, for metrics and logs."""
    not_after: float = 0.0
    """The leaf's end of validity, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class PairTemplate:
    """A certificate and key whose names have variables: read by the worker for a handshake."""

    certificate: Template
    key: Template
    base: str
    """The directory of relative names."""
    passwords: tuple[bytes, ...] = field(default=(), repr=False)
    may_be_empty: bool = False
    """Whether no name means no certificate."""
    where: Where = NOWHERE


@dataclass(frozen=True, slots=True)
class CertificateCache:
    """`ssl_certificate_cache`. Times are seconds."""

    most: int
    inactive: float = 10.0
    valid: float = 60.0


@dataclass(frozen=True, slots=True)
class ConfCommand:
    """`ssl_conf_command`: a command of OpenSSL's own configuration."""

    name: str
    value: str
    content: bytes | None = field(default=None, repr=False)
    """What is in the file that `value` names, if it names one."""
    where: Where = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class ServerTls:
    """`ssl_*`: what a client that is terminated meets. Hashable: equal settings may share a context."""

    pairs: tuple[KeyPair, ...] = ()
    """Several of different key types are all offered (RSA and ECDSA)."""
    templates: tuple[PairTemplate, ...] = ()
    """Instead of `pairs` where names have variables."""
    certificate_cache: CertificateCache | None = None
    protocols: frozenset[str] = NGX_PROTOCOLS
    ciphers: str = "HIGH:!aNULL:!MD5"
    prefer_server_ciphers: bool = False
    ecdh_curve: str = "auto"
    dhparam: bytes | None = None
    session_tickets: bool = True
    session_timeout: float = 300.0
    session_cache: int | None = 0
    """How many sessions without tickets a worker remembers; None says to clients that it remembers none."""
    ticket_keys: tuple[bytes, ...] = field(default=(), repr=False)
    """Contents of `ssl_session_ticket_key` files: the first encrypts, all decrypt."""
    alpn: tuple[str, ...] = ()
    verify_client: str = "off"
    """`off`, `on`, `optional` or `optional_no_ca`."""
    client_ca: bytes | None = None
    trusted_ca: bytes | None = None
    crl: bytes | None = None
    verify_depth: int = 1
    reject_handshake: bool = False
    conf_commands: tuple[ConfCommand, ...] = ()
    key_log: str = ""
    """The file that secrets are appended to, or empty."""


@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """`proxy_ssl_*`: how the upstream's TLS is spoken and verified."""

    on: bool = False
    pair: KeyPair | None = None
    templates: tuple[PairTemplate, ...] = ()
    """Instead of `pair` where names have variables."""
    certificate_cache: CertificateCache | None = None
    protocols: frozenset[str] = NGX_PROTOCOLS
    ciphers: str = "DEFAULT"
    name: Template | None = None
    """`proxy_ssl_name`; None is the host part of `proxy_pass`."""
    server_name: bool = False
    """Whether the name is sent as SNI."""
    session_reuse: bool = True
    verify: bool = False
    verify_depth: int = 1
    trusted_ca: bytes | None = None
    crl: bytes | None = None
    alpn: tuple[str, ...] = ()
    conf_commands: tuple[ConfCommand, ...] = ()
    key_log: str = ""
