"""Certificates and their keys: reading, checking, making one's own.

OpenSSL is the judge of whether a pair can be used, since it is what will serve it; its words, which are also
nginx's, are in the messages. Subject and end of validity are read by `cryptography`.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .memfile import memory_file
from .model.tls import KeyPair
from .model.where import NOWHERE, Where

Kind = Literal["ecdsa", "rsa"]

SELF_SIGNED: Final = "<self-signed>"
"""Stands for the path of a pair that was made here and lies in no file."""

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN (X509 |TRUSTED |)CERTIFICATE-----\s.*?-----END \1CERTIFICATE-----", re.DOTALL
)
_KEY: Final = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*)PRIVATE KEY-----\s.*?-----END \1PRIVATE KEY-----", re.DOTALL)

_BEGINNING: Final = datetime(2020, 1, 1, tzinfo=UTC)
_NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: the end of validity of a certificate that has no well-defined one."""


def read_pair(
    certificate: bytes,
    key: bytes,
    certificate_path: str,
    key_path: str,
    passwords: Sequence[bytes] = (),
    where: Where = NOWHERE,
) -> KeyPair:
    """The pair made of two PEM files' contents, with one of the passwords if the key is encrypted.

    Raises ValueError, with one line of explanation, for a pair that a server could not use.
    """
    leaf = _leaf(certificate, certificate_path)
    block = _KEY.search(key)
    if block is None:
        raise ValueError(_bad_key(key_path, "no start line: a PEM private key is expected"))
    pair = KeyPair(
        certificate=certificate,
        key=key,
        certificate_path=certificate_path,
        key_path=key_path,
        passwords=tuple(passwords) if b"ENCRYPTED" in block[0] else (),
        where=where,
        subject=leaf.subject.rfc4514_string(),
        not_after=leaf.not_valid_after_utc.timestamp(),
    )
    if b"ENCRYPTED" in block[0] and not passwords:
        raise ValueError(_bad_key(key_path, "bad password read: the key is encrypted and no password is given"))
    load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pair)
    return pair


def load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Let `context` present the pair; raises ValueError with OpenSSL's reason."""
    with memory_file(pair.certificate) as certificate, memory_file(pair.key) as key:
        # An empty password is offered even where none is wanted: without one OpenSSL would ask at the terminal.
        for password in pair.passwords or (b"",):
            try:
                context.load_cert_chain(certificate, key, password=lambda word=password: word)
            except ssl.SSLError as error:
                failure = error
            else:
                return
    raise ValueError(_refusal(pair, failure))


def key_type(pair: KeyPair) -> str:
    """`ecdsa`, `rsa`, `ed25519`, `ed448` or `other`: a server offers one pair of each type."""
    match _leaf(pair.certificate, pair.certificate_path).public_key():
        case ec.EllipticCurvePublicKey():
            return "ecdsa"
        case rsa.RSAPublicKey():
            return "rsa"
        case ed25519.Ed25519PublicKey():
            return "ed25519"
        case ed448.Ed448PublicKey():
            return "ed448"
        case _:
            return "other"


def self_signed(names: Sequence[str], kind: Kind) -> KeyPair:
    """A new pair for these host names and addresses that vouches for itself and never expires."""
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(_BEGINNING).not_valid_after(_NEVER)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    certificate = builder.sign(key, hashes.SHA256())
    return KeyPair(
        certificate=certificate.public_bytes(serialization.Encoding.PEM),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        certificate_path=SELF_SIGNED,
        key_path=SELF_SIGNED,
        subject=subject.rfc4514_string(),
        not_after=_NEVER.timestamp(),
    )


@cache
def localhost_pairs() -> tuple[KeyPair, ...]:
    """The gateway's default certificate while none is configured (CN=localhost, as Kong's), ECDSA and RSA.

    Made once in the master; the workers inherit it, so that all present the same one, also over reloads.
    """
    return self_signed(("localhost",), "ecdsa"), self_signed(("localhost",), "rsa")


def _leaf(certificate: bytes, path: str) -> x509.Certificate:
    block = _CERTIFICATE.search(certificate)
    if block is None:
        raise ValueError(_bad_certificate(path, "no start line: a PEM certificate is expected"))
    try:
        return x509.load_pem_x509_certificate(block[0].replace(b"TRUSTED CERTIFICATE", b"CERTIFICATE"))
    except ValueError as error:
        raise ValueError(_bad_certificate(path, f"bad certificate: {_one_line(str(error))}")) from None


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _refusal(pair: KeyPair, error: ssl.SSLError) -> str:
    reason = (getattr(error, "reason", None) or "").lower().replace("_", " ")
    if reason == "no certificate assigned":
        reason = "key type mismatch"  # what OpenSSL means: it keeps one certificate per type of key
    if "mismatch" in reason:
        return f'SSL_CTX_use_PrivateKey("{pair.key_path}") failed ({reason} with "{pair.certificate_path}")'
    if pair.passwords:
        return _bad_key(pair.key_path, "bad decrypt: no password fits")
    if reason.startswith(("ee key", "ca key", "ca md", "ee md")):
        return f'SSL_CTX_use_certificate("{pair.certificate_path}") failed ({reason})'
    # Python keeps only the last of OpenSSL's errors, which does not tell the certificate from the key
    return f'cannot load certificate "{pair.certificate_path}" with key "{pair.key_path}" ({reason or "PEM lib"})'


def _bad_certificate(path: str, reason: str) -> str:
    return f'cannot load certificate "{path}": PEM_read_bio_X509_AUX() failed ({reason})'


def _bad_key(path: str, reason: str) -> str:
    return f'cannot load certificate key "{path}": PEM_read_bio_PrivateKey() failed ({reason})'


def _one_line(text: str) -> str:
    return " ".join(text.split())
