"""`certificate {}`: the pairs that TLS is ended with, and the names they are for."""

from __future__ import annotations

from ...errors import ConfigError
from ...model.stream import Certificate
from ...model.tls import KeyPair
from ...model.where import Where
from ...pairs import key_type
from ..tree import Directive
from .context import Context
from .names import sni
from .scope import Scope
from .tls import server_pairs


def build_certificates(stream: Scope, context: Context, *, terminates: bool) -> tuple[Certificate, ...]:
    """The certificates. The default may also be written as `ssl_certificate` in `stream {}`, as in nginx."""
    certificates = [build_certificate(directive, stream, context) for directive in stream.own("certificate")]
    check_names(certificates)
    inherited = stream.own("ssl_certificate")
    if terminates and inherited and all(certificate.snis for certificate in certificates):
        certificates.append(Certificate(server_pairs(stream, context), where=inherited[0].where))
    return tuple(certificates)


def build_certificate(directive: Directive, stream: Scope, context: Context) -> Certificate:
    """One `certificate {}`: of what stands around it, only the password file is inherited."""
    scope = Scope(directive.block or (), stream)
    names, keys = scope.own("ssl_certificate"), scope.own("ssl_certificate_key")
    if not names:
        raise ConfigError('no "ssl_certificate" is defined for the certificate', directive.where)
    if len(names) > len(keys):
        text = f'no "ssl_certificate_key" is defined for certificate "{names[len(keys)].words[0].text}"'
        raise ConfigError(text, names[len(keys)].where)
    pairs = server_pairs(scope, context)
    check_types(pairs, names)
    snis = scope.one("snis")
    return Certificate(pairs, tuple(sni(word, any_name=True) for word in snis.words) if snis else (), directive.where)


def check_types(pairs: tuple[KeyPair, ...], names: tuple[Directive, ...]) -> None:
    """Several pairs are of several types (RSA, ECDSA): OpenSSL offers one of each."""
    seen: dict[str, KeyPair] = {}
    for pair, name in zip(pairs, names, strict=True):
        kind = key_type(pair)
        if kind in seen:
            text = (
                f'certificate "{pair.certificate_path}" has a key of the same type as "{seen[kind].certificate_path}"'
            )
            raise ConfigError(text, name.where, "a second pair is for another type of key, such as ECDSA beside RSA")
        seen[kind] = pair


def check_names(certificates: list[Certificate]) -> None:
    """Every name, and the default, has one certificate."""
    seen: dict[str, Where] = {}
    for certificate in certificates:
        for name in certificate.snis or ("",):
            if name in seen:
                text = f'SNI "{name}" has a certificate already' if name else "there is a default certificate already"
                raise ConfigError(text, certificate.where, f"the first is at {seen[name]}")
            seen[name] = certificate.where
