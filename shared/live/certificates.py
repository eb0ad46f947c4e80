"""Certificates out of records."""

from __future__ import annotations

from collections.abc import Iterable

from ..conf.builders.names import compared
from ..model.stream import Certificate
from ..model.tls import KeyPair
from .records import Record


def pairs_of(record: Record) -> tuple[KeyPair, ...]:
    """The pair, and the second one of the other type of key. Whoever wrote the record has checked them."""
    pairs = [pair(record["cert"], record["key"])]
    if record.get("cert_alt") and record.get("key_alt"):
        pairs.append(pair(record["cert_alt"], record["key_alt"]))
    return tuple(pairs)


def pair(certificate: str, key: str) -> KeyPair:
    """A pair that lies in no file: what it contains is what tells it from others."""
    return KeyPair(certificate.encode(), key.encode(), certificate_path="", key_path="")


def certificate_of(record: Record, names: Iterable[str]) -> Certificate | None:
    """What answers these names; None without any: it is a client's certificate, and not the default."""
    snis = tuple([compared(name) for name in names])
    return Certificate(pairs_of(record), snis) if snis else None


def authorities_of(records: Iterable[Record]) -> bytes:
    """CA certificates in one text, as OpenSSL reads them."""
    return b"".join([record["cert"].encode().strip() + b"\n" for record in records])
