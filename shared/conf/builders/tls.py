"""`ssl_*` and `proxy_ssl_*`."""

from __future__ import annotations

import ssl
from typing import Final

from ...errors import ConfigError
from ...model.tls import KeyPair, PairTemplate, ServerTls, UpstreamTls
from ...openssl.pointers import unavailable
from .. import values
from ..tree import Directive, Word
from .certificate_variables import any_variables, certificate_cache, pair_templates
from .context import Context
from .files import authorities, dh_parameters, key_pair, revocations
from .openssl import (
    available,
    conf_commands,
    curves,
    key_log,
    not_available,
    session_cache,
    ticket_keys,
)
from .scope import Scope

PROTOCOLS: Final = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
DEAD_PROTOCOLS: Final = frozenset({"SSLv2", "SSLv3"})
VERIFY_CLIENT: Final = ("off", "on", "optional", "optional_no_ca")
SERVER: Final = ServerTls()
UPSTREAM: Final = UpstreamTls()


def server_tls(scope: Scope, context: Context, pairs: tuple[KeyPair, ...], *, terminates: bool) -> ServerTls:
    """What clients meet in a block; files are read only where TLS `terminates`."""
    verify = scope.word("ssl_verify_client")
    verifies = verify is not None and verify.text.lower() != "off"
    if terminates:
        available(scope, "ssl_session_timeout", "ssl_verify_depth")
    tls = ServerTls(
        pairs=pairs,
        protocols=protocols(scope, "ssl_protocols", SERVER.protocols, context),
        ciphers=ciphers(scope, "ssl_ciphers", SERVER.ciphers),
        prefer_server_ciphers=scope.flag("ssl_prefer_server_ciphers", SERVER.prefer_server_ciphers),
        ecdh_curve=curves(scope, SERVER.ecdh_curve),
        session_tickets=scope.flag("ssl_session_tickets", SERVER.session_tickets),
        session_timeout=scope.seconds("ssl_session_timeout", SERVER.session_timeout),
        session_cache=session_cache(scope.all("ssl_session_cache"), context),
        ticket_keys=ticket_keys(scope, context) if terminates else (),
        alpn=alpn(scope.one("ssl_alpn")),
        verify_client="off" if verify is None else values.enum(verify, VERIFY_CLIENT),
        verify_depth=scope.number("ssl_verify_depth", SERVER.verify_depth),
        reject_handshake=scope.flag("ssl_reject_handshake", SERVER.reject_handshake),
        dhparam=dhparam(scope, context) if terminates else None,
        client_ca=trusted(scope, "ssl_client_certificate", context) if terminates and verifies else None,
        trusted_ca=trusted(scope, "ssl_trusted_certificate", context) if terminates else None,
        crl=revoked(scope, "ssl_crl", context) if terminates else None,
        conf_commands=conf_commands(scope, "ssl_conf_command", context) if terminates else (),
        key_log=key_log(scope, "ssl_key_log", context),
    )
    if verify is not None and terminates:
        check_verification(tls, verify)
    return tls


def check_verification(tls: ServerTls, word: Word) -> None:
    """Refuse to verify clients against nothing."""
    if tls.verify_client in ("on", "optional") and tls.client_ca is None and tls.trusted_ca is None:
        raise ConfigError("no ssl_client_certificate for ssl_verify_client", word.where)
    if tls.verify_client == "optional_no_ca" and (why := unavailable()):
        raise not_available('"ssl_verify_client optional_no_ca"', why, word.where)


def server_pairs(scope: Scope, context: Context) -> tuple[KeyPair, ...]:
    """The pairs of the nearest `ssl_certificate`s; empty when there are none.

    As in nginx, certificates and keys are inherited apart from each other and belong together in their order.
    """
    passwords = scope.word("ssl_password_file")
    return tuple(key_pair(name, key, passwords, context) for name, key in certificate_names(scope))


def certificate_names(scope: Scope) -> tuple[tuple[Word, Word], ...]:
    """The names of certificates and keys."""
    names = scope.all("ssl_certificate")
    keys = scope.all("ssl_certificate_key")
    if len(names) > len(keys):
        raise missing_key(names[len(keys)], bool(keys))
    return tuple((name.words[0], key.words[0]) for name, key in zip(names, keys, strict=False))


def missing_key(certificate: Directive, some_keys: bool) -> ConfigError:
    """nginx's two sentences for a certificate without a key."""
    about = f'certificate "{certificate.words[0].text}" and ' if some_keys else ""
    text = f'no "ssl_certificate_key" is defined for {about}the "listen ... ssl" directive'
    return ConfigError(text, certificate.where)


def upstream_tls(scope: Scope, context: Context, *, on: bool | None = None) -> UpstreamTls:
    """How upstreams are spoken to in a block; `on` overrules `proxy_ssl`. Files are read only when it is on."""
    if on is None:
        on = scope.flag("proxy_ssl", UPSTREAM.on)
    name = scope.word("proxy_ssl_name")
    verify = scope.one("proxy_ssl_verify")
    if on:
        available(scope, "proxy_ssl_verify_depth")
    pair, templates = upstream_pair(scope, context) if on else (None, ())
    tls = UpstreamTls(
        on=on,
        pair=pair,
        templates=templates,
        certificate_cache=certificate_cache(scope, "proxy_ssl_certificate_cache"),
        protocols=protocols(scope, "proxy_ssl_protocols", UPSTREAM.protocols, context),
        ciphers=ciphers(scope, "proxy_ssl_ciphers", UPSTREAM.ciphers),
        name=None if name is None else context.template(name),
        server_name=scope.flag("proxy_ssl_server_name", UPSTREAM.server_name),
        session_reuse=scope.flag("proxy_ssl_session_reuse", UPSTREAM.session_reuse),
        verify=scope.flag("proxy_ssl_verify", UPSTREAM.verify),
        verify_depth=scope.number("proxy_ssl_verify_depth", UPSTREAM.verify_depth),
        trusted_ca=trusted(scope, "proxy_ssl_trusted_certificate", context) if on else None,
        crl=revoked(scope, "proxy_ssl_crl", context) if on else None,
        alpn=alpn(scope.one("proxy_ssl_alpn")),
        conf_commands=conf_commands(scope, "proxy_ssl_conf_command", context) if on else (),
        key_log=key_log(scope, "proxy_ssl_key_log", context),
    )
    if on and verify is not None and tls.verify and tls.trusted_ca is None:
        raise ConfigError("no proxy_ssl_trusted_certificate for proxy_ssl_verify", verify.where)
    return tls


def upstream_pair(scope: Scope, context: Context) -> tuple[KeyPair | None, tuple[PairTemplate, ...]]:
    """The client certificate for upstreams: as it is, or where its name has variables how to find it."""
    certificate = scope.word("proxy_ssl_certificate")
    if certificate is None or not certificate.text:
        return None, ()
    key = scope.word("proxy_ssl_certificate_key")
    if key is None:
        text = f'no "proxy_ssl_certificate_key" is defined for certificate "{certificate.text}"'
        raise ConfigError(text, certificate.where)
    passwords = scope.word("proxy_ssl_password_file")
    if any_variables([(certificate, key)]):
        return None, pair_templates([(certificate, key)], passwords, context, may_be_empty=True)
    return key_pair(certificate, key, passwords, context), ()


def protocols(scope: Scope, name: str, default: frozenset[str], context: Context) -> frozenset[str]:
    """The versions of TLS. SSLv2 and SSLv3 are accepted, and no OpenSSL of today speaks them.

    The directive may be repeated: its words add up, as in nginx.
    """
    directives = scope.all(name)
    if not directives:
        return default
    directive = directives[-1]
    chosen: set[str] = set()
    for word in (word for each in directives for word in each.words):
        version = values.enum(word, PROTOCOLS)
        if version in chosen:
            context.warn(f'duplicate value "{word.text}"', word.where)
        chosen.add(version)
    if chosen & DEAD_PROTOCOLS:
        context.warn("SSLv2 and SSLv3 are ignored", directive.where)
    if not chosen - DEAD_PROTOCOLS:
        raise ConfigError(f'"{name}" leaves no version of TLS', directive.where)
    return frozenset(chosen - DEAD_PROTOCOLS)


def ciphers(scope: Scope, name: str, default: str) -> str:
    """A list of OpenSSL's, which it must understand."""
    word = scope.word(name)
    if word is None:
        return default
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(word.text)
    except ssl.SSLError:
        raise ConfigError(f'SSL_CTX_set_cipher_list("{word.text}") failed (no cipher match)', word.where) from None
    return word.text


def alpn(directive: Directive | None) -> tuple[str, ...]:
    """Protocol names, in the order of preference (RFC 7301, 3.1: 1 to 255 bytes each)."""
    if directive is None:
        return ()
    for word in directive.words:
        if not 1 <= len(word.text.encode()) <= 255:
            raise ConfigError("protocol too long", word.where)
    return tuple(word.text for word in directive.words)


def trusted(scope: Scope, name: str, context: Context) -> bytes | None:
    """A file of certificates that vouch for others; an empty name takes back what is inherited."""
    word = scope.word(name)
    return authorities([word], context) if word and word.text else None


def revoked(scope: Scope, name: str, context: Context) -> bytes | None:
    """A revocation list."""
    word = scope.word(name)
    return revocations(word, context) if word and word.text else None


def dhparam(scope: Scope, context: Context) -> bytes | None:
    """Parameters of Diffie and Hellman."""
    word = scope.word("ssl_dhparam")
    return dh_parameters(word, context) if word and word.text else None
