"""Files that TLS directives name: pairs, certificate lists, passwords. Read once, checked when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from ...errors import ConfigError
from ...model.tls import KeyPair
from ...pairs import read_pair
from ...template import has_variables
from ..tree import Word
from .context import Context
from .unsupported import unsupported

CERTIFICATE: Final = b"CERTIFICATE-----"
CRL: Final = b"BEGIN X509 CRL-----"
DH_PARAMETERS: Final = b"DH PARAMETERS-----"
ABOUT_KEY: Final = ("cannot load certificate key", "SSL_CTX_use_PrivateKey")
"""How the sentences begin that are about the key and not the certificate."""


def key_pair(certificate: Word, key: Word, passwords: Word | None, context: Context) -> KeyPair:
    """A certificate chain and its key; says so when the certificate has expired."""
    for word in (certificate, key):
        refuse_variables(word)
    certificate_path = context.beside_configuration(certificate.text)
    key_path = context.beside_configuration(key.text)
    identity = (certificate_path, key_path, "" if passwords is None else passwords.text)
    if identity in context.pairs:
        return context.pairs[identity]
    chain = context.read(
        certificate_path, certificate.where, f'cannot load certificate "{certificate_path}": BIO_new_file() failed'
    )
    secret = context.read(key_path, key.where, f'cannot load certificate key "{key_path}": BIO_new_file() failed')
    known = () if passwords is None else read_passwords(passwords, context)
    try:
        pair = read_pair(chain, secret, certificate_path, key_path, known, certificate.where)
    except ValueError as error:
        place = key if str(error).startswith(ABOUT_KEY) else certificate
        raise ConfigError(str(error), place.where) from None
    warn_expired(pair, context)
    context.pairs[identity] = pair
    return pair


def warn_expired(pair: KeyPair, context: Context) -> None:
    """An expired certificate is served all the same; it is better than none to some clients."""
    if 0 < pair.not_after < context.system.now():
        day = datetime.fromtimestamp(pair.not_after, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        context.warn(f'certificate "{pair.certificate_path}" ({pair.subject}) expired on {day}', pair.where)


def refuse_variables(word: Word) -> None:
    """Certificates are read at start."""
    if has_variables(word.text):
        raise unsupported("a certificate named by variables", word.where)


def authorities(words: Sequence[Word], context: Context) -> bytes:
    """PEM files of certificates that vouch for others, one after another."""
    texts = []
    for word in words:
        path = context.beside_configuration(word.text)
        failed = f'SSL_CTX_load_verify_locations("{path}") failed'
        content = context.read(path, word.where, failed)
        try:
            x509.load_pem_x509_certificates(content.replace(b"TRUSTED CERTIFICATE", b"CERTIFICATE"))
        except ValueError as error:
            reason = "no certificate found" if CERTIFICATE not in content else " ".join(str(error).split())
            raise ConfigError(f"{failed} ({reason})", word.where) from None
        texts.append(content.rstrip() + b"\n")
    return b"".join(texts)


def revocations(word: Word, context: Context) -> bytes:
    """A PEM file of a revocation list."""
    path = context.beside_configuration(word.text)
    failed = f'X509_LOOKUP_load_file("{path}") failed'
    content = context.read(path, word.where, failed)
    try:
        x509.load_pem_x509_crl(content)
    except ValueError as error:
        reason = "no crl found" if CRL not in content else " ".join(str(error).split())
        raise ConfigError(f"{failed} ({reason})", word.where) from None
    return content


def dh_parameters(word: Word, context: Context) -> bytes:
    """A PEM file of parameters of Diffie and Hellman."""
    path = context.beside_configuration(word.text)
    content = context.read(path, word.where, f'BIO_new_file("{path}") failed')
    if DH_PARAMETERS not in content:
        raise ConfigError(f'PEM_read_bio_DHparams("{path}") failed (no start line)', word.where)
    return content


def read_passwords(word: Word, context: Context) -> tuple[bytes, ...]:
    """The lines of a password file."""
    content = context.read(context.beside_configuration(word.text), word.where)
    return tuple(line.rstrip(b"\r") for line in content.split(b"\n") if line.rstrip(b"\r"))
