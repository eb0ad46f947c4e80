"""Variables of nginx's stream ssl module about the client's certificate.

The certificate is taken from the connection and read once per variable: these are for logs and for `map`, not for
every session. Names are written as RFC 2253 says, as OpenSSL does it for nginx.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding

from .openssl.verification import verify_error
from .sources import sources
from .template import Getter
from .view import SessionView
from .wallclock import MONTHS

DAY: Final = 86400

SHORT_NAMES: Final[Mapping[str, str]] = {
    "2.5.4.3": "CN",
    "2.5.4.4": "SN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "street",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "title",
    "2.5.4.17": "postalCode",
    "2.5.4.41": "name",
    "2.5.4.42": "GN",
    "2.5.4.43": "initials",
    "2.5.4.44": "generationQualifier",
    "2.5.4.46": "dnQualifier",
    "2.5.4.65": "pseudonym",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "emailAddress",
    "1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL",
    "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST",
    "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
    "2.5.4.15": "businessCategory",
}
"""OpenSSL's short names; one without has its number, and its value in DER (RFC 2253, section 2.4)."""

SPECIAL: Final = frozenset(',+"\\<>;')


def certificate_of(session: SessionView) -> x509.Certificate | None:
    """The certificate that the client showed."""
    der = der_of(session)
    return x509.load_der_x509_certificate(der) if der else None


def der_of(session: SessionView) -> bytes | None:
    """Its bytes."""
    return session.tls.getpeercert(binary_form=True) if session.tls is not None else None


def read(text: Callable[[x509.Certificate], str]) -> Getter:
    """A getter of something that a certificate says; not found without one."""

    def getter(session: SessionView) -> str | None:
        certificate = certificate_of(session)
        return text(certificate) if certificate is not None else None

    return getter


def raw(certificate: x509.Certificate) -> str:
    """PEM, ending in a newline."""
    return certificate.public_bytes(Encoding.PEM).decode()


def indented(certificate: x509.Certificate) -> str:
    """PEM whose lines but the first begin with a tab; no newline at its end."""
    return raw(certificate).rstrip("\n").replace("\n", "\n\t")


def escaped(certificate: x509.Certificate) -> str:
    """PEM, percent-encoded."""
    return quote(raw(certificate), safe="-_.~")


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-1 in hexadecimal."""
    return certificate.fingerprint(SHA1()).hex()


def serial(certificate: x509.Certificate) -> str:
    """The serial number, whole bytes in upper case hexadecimal."""
    text = f"{certificate.serial_number:X}"
    return text.rjust(len(text) + len(text) % 2, "0")


def starts(certificate: x509.Certificate) -> str:
    """The beginning of its validity."""
    return printed(certificate.not_valid_before_utc)


def ends(certificate: x509.Certificate) -> str:
    """The end of its validity."""
    return printed(certificate.not_valid_after_utc)


def remaining(certificate: x509.Certificate) -> str:
    """Whole days until it ends, 0 afterwards."""
    left = certificate.not_valid_after_utc.timestamp() - sources.clock.now()
    return str(max(0, int(left // DAY)))


def printed(at: datetime) -> str:
    """OpenSSL's text of a time: `Jan  5 09:00:00 2026 GMT`."""
    at = at.astimezone(UTC)
    return f"{MONTHS[at.month - 1]} {at.day:2} {at:%H:%M:%S} {at.year} GMT"


def distinguished(name: x509.Name) -> str:
    """A name as RFC 2253 writes it, the last part first."""
    return ",".join("+".join(attribute(part) for part in reversed(list(rdn))) for rdn in reversed(name.rdns))


def attribute(part: x509.NameAttribute[str | bytes]) -> str:
    """`CN=text`."""
    dotted = part.oid.dotted_string
    short = SHORT_NAMES.get(dotted)
    if short is None or not isinstance(part.value, str):
        return f"{short or dotted}=#{encoded(part).hex().upper()}"
    return f"{short}={quoted(part.value)}"


def encoded(part: x509.NameAttribute[str | bytes]) -> bytes:
    """The DER of an attribute's value: what follows the type in the SEQUENCE in the SET in the SEQUENCE of a name."""
    data = x509.Name([part]).public_bytes()
    for _ in range(3):
        data = data[data_start(data) :]
    return data[data_start(data) + data[1] :]


def data_start(der: bytes) -> int:
    """Where the content of a DER element begins (X.690, section 8.1.3)."""
    return 2 if der[1] < 0x80 else 2 + (der[1] & 0x7F)


def quoted(text: str) -> str:
    """A value with everything escaped that RFC 2253, section 2.4, and OpenSSL's ESC_CTRL and ESC_MSB ask for."""
    out = []
    last = len(text) - 1
    for at, character in enumerate(text):
        if character in SPECIAL or (character == " " and at in (0, last)) or (character == "#" and at == 0):
            out.append("\\" + character)
        elif " " <= character <= "~":
            out.append(character)
        else:
            out.extend(f"\\{byte:02X}" for byte in character.encode())
    return "".join(out)


def ssl_client_verify(session: SessionView) -> str | None:
    """`SUCCESS`, `FAILED:` and why, or `NONE` without a certificate.

    Only `optional_no_ca` lets a client in whose certificate does not verify; any other's handshake fails.
    """
    if session.tls is None:
        return None
    if not der_of(session):
        return "NONE"
    error = verify_error(session.tls)
    return f"FAILED:{error}" if error else "SUCCESS"


GETTERS: Final[Mapping[str, Getter]] = {
    "ssl_client_cert": read(indented),
    "ssl_client_raw_cert": read(raw),
    "ssl_client_escaped_cert": read(escaped),
    "ssl_client_fingerprint": read(fingerprint),
    "ssl_client_i_dn": read(lambda certificate: distinguished(certificate.issuer)),
    "ssl_client_s_dn": read(lambda certificate: distinguished(certificate.subject)),
    "ssl_client_serial": read(serial),
    "ssl_client_v_start": read(starts),
    "ssl_client_v_end": read(ends),
    "ssl_client_v_remain": read(remaining),
    "ssl_client_verify": ssl_client_verify,
}
