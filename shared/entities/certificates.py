"""Certificates, the names that they are shown for, and authorities."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from ..model.tls import KeyPair
from ..pairs import key_type
from .fields import a_set, foreign, string
from .names import certificate_name_mistake
from .rules import all_or_none, custom, filled
from .schema import entity

CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
SAME_TYPE: Final = (
    "certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), "
    "the provided certificates were both of the same type"
)


def leaf(pem: str) -> x509.Certificate:
    """The first certificate of a PEM text; raises ValueError."""
    found = CERTIFICATE.search(pem)
    if found is None:
        raise ValueError("no start line: a PEM certificate is expected")
    return x509.load_pem_x509_certificate(found[0].encode())


def private_key(pem: str) -> Any:
    """The key of a PEM text; raises ValueError."""
    try:
        return load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise ValueError("the key is encrypted") from None
    except UnsupportedAlgorithm:
        raise ValueError("the key's algorithm is not known") from None


def _certificate_mistake(pem: str) -> str:
    try:
        for found in CERTIFICATE.findall(pem):
            x509.load_pem_x509_certificate(found.encode()).public_key()
        leaf(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"invalid certificate: {_reason(error)}"
    return ""


def _key_mistake(pem: str) -> str:
    try:
        private_key(pem)
    except ValueError as error:
        return f"invalid key: {_reason(error)}"
    return ""


def _reason(error: Exception) -> str:
    """The first sentence, which never has the text itself in it."""
    return str(error).split("\n", 1)[0].split(". ", 1)[0].rstrip(".") or type(error).__name__


def _unlike(certificate: str, key: str, text: str) -> Any:
    def wrong(record: Mapping[str, Any]) -> str:
        if not (filled(record[certificate]) and filled(record[key])):
            return ""
        public = leaf(record[certificate]).public_key()
        return "" if _spki(public) == _spki(private_key(record[key]).public_key()) else text

    return custom((certificate, key), wrong)


def _spki(public: Any) -> bytes:
    return bytes(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _same_type(record: Mapping[str, Any]) -> str:
    if not (filled(record["cert"]) and filled(record["cert_alt"])):
        return ""
    types = [key_type(KeyPair(record[each].encode(), b"", each, "")) for each in ("cert", "cert_alt")]
    return SAME_TYPE if types[0] == types[1] else ""


CERTIFICATES: Final = entity(
    "certificates",
    {
        "cert": string("PEM; the chain may follow.", required=True, test=_certificate_mistake),
        "key": string("PEM.", required=True, test=_key_mistake, encrypted=True),
        "cert_alt": string("A second one, of another type of key.", test=_certificate_mistake),
        "key_alt": string("Its key.", test=_key_mistake, encrypted=True),
    },
    rules=(
        all_or_none("cert_alt", "key_alt"),
        _unlike("cert", "key", "certificate does not match key"),
        _unlike("cert_alt", "key_alt", "alternative certificate does not match key"),
        custom(("cert", "cert_alt"), _same_type),
    ),
    doc="What clients are shown.",
)
NAMES_OF_CERTIFICATE: Final = a_set(
    string(test=certificate_name_mistake), "The names that it is shown for: those of its SNIs."
)
"""The field `snis` of a certificate: it is kept as records of their own."""

SNIS: Final = entity(
    "snis",
    {
        "name": string(
            "A name that clients ask for; `*.x`, `x.*` and `*` are wildcards.",
            required=True,
            unique=True,
            test=certificate_name_mistake,
        ),
        "certificate": foreign("certificates", "What is shown for it.", required=True),
    },
    endpoint_key="name",
    doc="The names that certificates are shown for.",
)


def _one_only(record: Mapping[str, Any]) -> str:
    return "" if len(CERTIFICATE.findall(record["cert"])) == 1 else "please submit only one certificate at a time"


def _authority(record: Mapping[str, Any]) -> str:
    try:
        found = leaf(record["cert"]).extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        found = False
    return "" if found else 'certificate does not appear to be a CA because it is missing the "CA" basic constraint'


def expired(pem: str, now: float) -> bool:
    """Whether a certificate's time is over."""
    return leaf(pem).not_valid_after_utc.timestamp() < now


EXPIRED: Final = 'certificate expired, "Not After" time is in the past'


def digest(pem: str) -> str:
    """What an authority is known by."""
    return hashlib.sha256(leaf(pem).public_bytes(serialization.Encoding.DER)).hexdigest()


AUTHORITIES: Final = entity(
    "ca_certificates",
    {
        "cert": string("PEM, one only.", required=True, test=_certificate_mistake),
        "cert_digest": string("The SHA-256 of its DER form; made here.", unique=True, auto=True),
    },
    rules=(custom(("cert",), lambda record: _one_only(record) or _authority(record)),),
    doc="Authorities that upstreams are verified by.",
)
