"""Variables of nginx's PROXY protocol and realip modules: what was said and what was seen of the client's address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .proxy_header import Tlv
from .template import Getter
from .view import SessionView

TLV_PREFIX: Final = "proxy_protocol_tlv_"
NUMBERED: Final = re.compile(r"(ssl_)?0x([0-9A-Fa-f]{2})")

TLVS: Final[Mapping[str, Tlv]] = {
    "alpn": Tlv.ALPN,
    "authority": Tlv.AUTHORITY,
    "unique_id": Tlv.UNIQUE_ID,
    "ssl": Tlv.SSL,
    "netns": Tlv.NETNS,
}
"""nginx's names of extensions; any other is named by its number, `0x05`."""

SSL_TLVS: Final[Mapping[str, Tlv]] = {
    "ssl_version": Tlv.SSL_VERSION,
    "ssl_cn": Tlv.SSL_CN,
    "ssl_cipher": Tlv.SSL_CIPHER,
    "ssl_sig_alg": Tlv.SSL_SIG_ALG,
    "ssl_key_alg": Tlv.SSL_KEY_ALG,
}
"""Those within the SSL extension; any other is named `ssl_0x21`."""


def proxy_protocol_addr(session: SessionView) -> str | None:
    """The client's address as the PROXY header has it."""
    header = session.proxy
    return (header.source_addr or None) if header is not None else None


def proxy_protocol_port(session: SessionView) -> str | None:
    """The client's port as the PROXY header has it."""
    header = session.proxy
    return str(header.source_port) if header is not None and header.source_addr else None


def proxy_protocol_server_addr(session: SessionView) -> str | None:
    """The server's address as the PROXY header has it."""
    header = session.proxy
    return (header.destination_addr or None) if header is not None else None


def proxy_protocol_server_port(session: SessionView) -> str | None:
    """The server's port as the PROXY header has it."""
    header = session.proxy
    return str(header.destination_port) if header is not None and header.destination_addr else None


def realip_remote_addr(session: SessionView) -> str:
    """The address that the connection came from."""
    return session.peer_addr


def realip_remote_port(session: SessionView) -> str:
    """The port that the connection came from; empty on a unix socket."""
    return str(session.peer_port or "")


def tlv_getter(name: str) -> Getter | None:
    """The getter of `proxy_protocol_tlv_…`, or None where the rest names no extension."""
    rest = name.removeprefix(TLV_PREFIX)
    numbered = NUMBERED.fullmatch(rest)
    if numbered is not None:
        kind = int(numbered[2], 16)
        return ssl_tlv(kind) if numbered[1] else plain_tlv(kind)
    if rest in TLVS:
        return plain_tlv(TLVS[rest])
    if rest in SSL_TLVS:
        return ssl_tlv(SSL_TLVS[rest])
    return ssl_verify if rest == "ssl_verify" else None


def plain_tlv(kind: int) -> Getter:
    """A getter of an extension's value."""

    def getter(session: SessionView) -> str | None:
        header = session.proxy
        return decoded(header.tlv(kind)) if header is not None else None

    return getter


def ssl_tlv(kind: int) -> Getter:
    """A getter of the value of an extension within the SSL extension."""

    def getter(session: SessionView) -> str | None:
        header = session.proxy
        return decoded(header.ssl_tlv(kind)) if header is not None else None

    return getter


def ssl_verify(session: SessionView) -> str | None:
    """The SSL extension's own verify field: 0 for a certificate that was verified."""
    verify = session.proxy.ssl_verify if session.proxy is not None else None
    return str(verify) if verify is not None else None


def decoded(value: bytes | None) -> str | None:
    """Bytes as every value holds them."""
    return value.decode("utf-8", "surrogateescape") if value is not None else None


GETTERS: Final[Mapping[str, Getter]] = {
    getter.__name__: getter
    for getter in (
        proxy_protocol_addr,
        proxy_protocol_port,
        proxy_protocol_server_addr,
        proxy_protocol_server_port,
        realip_remote_addr,
        realip_remote_port,
    )
}
