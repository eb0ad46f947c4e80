"""Until when the certificates of records are valid, for the metrics: read when somebody asks, each once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cryptography import x509

from ..shared.live.records import Record, Records


class Known(NamedTuple):
    """What a text said."""

    text: str
    subject: str
    not_after: float


class Expiries:
    """See the module."""

    def __init__(self, records: Callable[[], Records]) -> None:
        self._records = records
        self._known: dict[tuple[str, str], Known] = {}
        """By the certificate's id and field."""

    def now(self) -> dict[tuple[str, str], float]:
        """The ends by subject and source."""
        found: dict[tuple[str, str], Known] = {}
        for record in self._records().every("certificates"):
            for field in ("cert", "cert_alt"):
                if record.get(field):
                    found[record["id"], field] = self._read(record, field)
        self._known = found
        ends: dict[tuple[str, str], float] = {}
        for (identity, _), each in found.items():
            key = (each.subject, f"certificates/{identity}")
            if each.not_after:  # of two pairs that which ends first
                ends[key] = min(each.not_after, ends.get(key, each.not_after))
        return ends

    def _read(self, record: Record, field: str) -> Known:
        known, text = self._known.get((record["id"], field)), record[field]
        if known is not None and known.text == text:
            return known
        try:
            leaf = x509.load_pem_x509_certificate(text.encode())
            return Known(text, leaf.subject.rfc4514_string(), leaf.not_valid_after_utc.timestamp())
        except ValueError:  # which whoever wrote the record was told, or should have been
            return Known(text, "", 0.0)
