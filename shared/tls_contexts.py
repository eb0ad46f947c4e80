"""`SSLContext`s out of TLS settings, for the client's side and for the upstream's.

A server's context has two parents. The master makes it blank before it forks, so that all workers share the keys
of its session tickets and a session resumes on any of them; the worker fills it with certificates and rules. The
master keeps the blank of a `context_key` from one generation to the next, so that sessions outlive a reload.

What decides over a client (certificate, ALPN, client verification) is decided before the handshake, from the
sniffed hello, by choosing the context: one that is switched in `sni_callback` does not enforce the new context's
client verification.

What Python's `ssl` cannot set, `openssl` does. With a Python that does not let it, what was asked for is refused, and
what nginx does by default is left out: a session may be resumed for 2 hours, chains may be of any length, clients are
shown no names of authorities. Nothing is kept between processes but tickets, so without them a session resumes on the
worker that began it only, if it has a cache.
"""

from __future__ import annotations

import hmac
import os
import ssl
import warnings
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Final

from .errors import ConfigError
from .every_settings import terminating_settings
from .hello import ClientHello
from .memfile import memory_file
from .model.listen import Mode
from .model.stream import Configuration, Gateway
from .model.tls import ConfCommand, KeyPair, ServerTls, UpstreamTls
from .model.where import Where
from .openssl.pointers import unavailable
from .openssl.settings import (
    commands,
    send_chain_as_given,
    set_curves,
    set_session_cache,
    set_session_id_context,
    set_session_timeout,
)
from .openssl.tickets import set_ticket_keys
from .openssl.verification import accept_unknown_authorities, set_verify_depth, show_authorities
from .pairs import load, localhost_pairs

NO_APPLICATION_PROTOCOL: Final = bytes.fromhex("15 0303 0002 02 78")
"""The fatal alert (RFC 7301, 3.2) for a client whose ALPN does not overlap with ours, as a whole record.

Read the hello off the socket before closing after it: closing over unread bytes resets the connection, and the
alert is lost.
"""
INTERNAL_ERROR: Final = bytes.fromhex("15 0303 0002 02 50")
"""The fatal alert of a server whose certificate, named by variables, cannot be had."""
UNRECOGNIZED_NAME: Final = bytes.fromhex("15 0303 0002 02 70")
"""The fatal alert (RFC 6066, 3) of `ssl_reject_handshake`, as a whole record."""

TICKET_KEY: Final = 80
"""Bytes; see `openssl.tickets`."""

_VERSIONS: Final = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""In order. SSLv2 and SSLv3 are accepted words that OpenSSL no longer speaks."""
_HOLES: Final = {"TLSv1.1": ssl.OP_NO_TLSv1_1, "TLSv1.2": ssl.OP_NO_TLSv1_2}
_VERIFY: Final = {"on": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL}

_ALWAYS: Final = (
    ssl.OP_NO_COMPRESSION
    | ssl.OP_NO_RENEGOTIATION
    | getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # as nginx: a FIN without close_notify ends the stream
    | getattr(ssl, "OP_ENABLE_KTLS", 0)  # Python 3.12
)


def blank() -> ssl.SSLContext:
    """A server's context without certificates, to be made before the fork."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def context_key(tls: ServerTls) -> Hashable:
    """Equal for settings whose sessions may resume across each other, and only for those.

    A certificate counts by its path, so that a renewed one keeps its ticket keys. Client rules count by their
    content: a session must not carry a client past a new CRL or another set of CAs.
    """
    return tuple(_identity(pair) for pair in tls.pairs), replace(tls, pairs=())


def server_settings(configuration: Configuration) -> tuple[ServerTls, ...]:
    """All settings that a worker may terminate TLS with, each `context_key` once."""
    return tuple(server_keys(configuration).values())


def server_keys(configuration: Configuration) -> dict[Hashable, ServerTls]:
    """The same by their keys."""
    found: dict[Hashable, ServerTls] = {}
    stream = configuration.stream
    for server in stream.servers:
        tls = server.settings.tls
        if any(listen.ssl for listen in server.listens) and tls.pairs and not tls.reject_handshake:
            found.setdefault(context_key(tls), tls)
    if any(listen.mode is not Mode.PLAIN for listen in stream.gateway.listens):
        for route_tls in dict.fromkeys(settings.tls for settings in terminating_settings(stream)):
            for pairs in _gateway_pairs(stream.gateway):
                tls = gateway_tls(route_tls, pairs)
                found.setdefault(context_key(tls), tls)
    return found


def gateway_tls(route_tls: ServerTls, pairs: Sequence[KeyPair]) -> ServerTls:
    """The rules of a route with the certificate that the client's SNI chose."""
    return replace(route_tls, pairs=tuple(pairs))


def default_pairs(gateway: Gateway) -> tuple[KeyPair, ...]:
    """The default certificate: the configured one without `snis`, else the self-signed one."""
    return next((each.pairs for each in gateway.certificates if not each.snis), None) or localhost_pairs()


def fill(context: ssl.SSLContext, tls: ServerTls) -> None:
    """Make a blank context serve `tls`; raises ConfigError for what OpenSSL or Python's `ssl` refuses."""
    with _config_errors(tls.pairs[0].where if tls.pairs else None):
        if not tls.pairs:
            raise ValueError('no "ssl_certificate" is defined for a server that terminates TLS')
        for pair in tls.pairs:
            load(context, pair)
        if not unavailable():
            send_chain_as_given(context)
        _set_protocols(context, tls.protocols)
        _set_options(context, tls)
        _set_ciphers(context, tls.ciphers)
        _set_curve(context, tls.ecdh_curve)
        if tls.dhparam is not None:
            with memory_file(tls.dhparam) as path, _words("PEM_read_bio_DHparams()", "no start line"):
                context.load_dh_params(path)
        if tls.alpn:
            context.set_alpn_protocols(list(tls.alpn))
        _set_client_verification(context, tls)
        _set_sessions(context, tls)
        _run(context, tls.conf_commands)  # last, as nginx: they overrule
        _log_keys(context, tls.key_log)


def with_derived_keys(tls: ServerTls, secret: bytes) -> ServerTls:
    """The same settings with ticket keys that all who know the secret derive alike, for contexts made after a fork.

    They depend on what `session_identity` does: where other clients would be asked for, tickets are not understood.
    Settings that have keys or no tickets stay as they are, and so do all where OpenSSL cannot be told.
    """
    if not secret or not tls.session_tickets or tls.ticket_keys or unavailable():
        return tls
    identity = session_identity(tls)
    key = b"".join([hmac.digest(secret, part + identity, "sha512") for part in (b"1", b"2")])
    return replace(tls, ticket_keys=(key[:TICKET_KEY],))


def upstream_context(tls: UpstreamTls) -> ssl.SSLContext:
    """The context of connections to upstreams; raises ConfigError.

    It verifies chains but no names: `server_hostname` would send as SNI what it verifies, which are two separate
    directives; `name_match` checks the name after the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if tls.verify else ssl.CERT_NONE
    with _config_errors(tls.pair.where if tls.pair else None):
        if tls.pair is not None:
            load(context, tls.pair)
        _set_protocols(context, tls.protocols)
        with _deprecated_words():
            context.options |= _ALWAYS
        _set_ciphers(context, tls.ciphers)
        if tls.alpn:
            context.set_alpn_protocols(list(tls.alpn))
        if tls.verify and tls.trusted_ca is None:
            context.set_default_verify_paths()
        elif tls.verify:
            _trust(context, tls.trusted_ca, crl=tls.crl)
        if tls.verify and not unavailable():
            set_verify_depth(context, tls.verify_depth)
        _run(context, tls.conf_commands)
        _log_keys(context, tls.key_log)
    return context


def alpn_acceptable(tls: ServerTls, hello: ClientHello) -> bool:
    """Whether the handshake may go on; if not, nginx answers NO_APPLICATION_PROTOCOL."""
    return not tls.alpn or not hello.alpn or any(protocol in hello.alpn for protocol in tls.alpn)


def _identity(pair: KeyPair) -> Hashable:
    if not pair.certificate_path:  # from no file: its content is all it has
        return pair.certificate
    return pair.certificate_path, pair.key_path


def _gateway_pairs(gateway: Gateway) -> Iterator[tuple[KeyPair, ...]]:
    yield from (each.pairs for each in gateway.certificates if each.snis)
    yield default_pairs(gateway)


def _set_protocols(context: ssl.SSLContext, protocols: frozenset[str]) -> None:
    wanted = [word for word in _VERSIONS if word in protocols]
    if not wanted:
        raise ValueError(f"no protocol that OpenSSL speaks is among {' '.join(sorted(protocols)) or 'none'}")
    order = list(_VERSIONS)
    between = order[order.index(wanted[0]) : order.index(wanted[-1])]
    with _deprecated_words():
        context.minimum_version = _VERSIONS[wanted[0]]
        context.maximum_version = _VERSIONS[wanted[-1]]
        for word in between:
            if word not in wanted:
                context.options |= _HOLES[word]


def _set_options(context: ssl.SSLContext, tls: ServerTls) -> None:
    options = context.options | _ALWAYS
    if not tls.prefer_server_ciphers:
        options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if not tls.session_tickets:
        options |= ssl.OP_NO_TICKET
        if not tls.session_cache:
            context.num_tickets = 0  # else TLS 1.3 still sends some, which name a session that nobody remembers
    with _deprecated_words():
        context.options = options


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    with _words(f'SSL_CTX_set_cipher_list("{ciphers}")', "no cipher match"):
        context.set_ciphers(ciphers)


def _set_curve(context: ssl.SSLContext, curve: str) -> None:
    if curve == "auto":
        return
    if not unavailable():
        set_curves(context, curve)
        return
    try:
        context.set_ecdh_curve(curve)
    except ValueError:
        raise ValueError(f'SSL_CTX_set1_curves_list("{curve}") failed (unknown curve)') from None


def _set_client_verification(context: ssl.SSLContext, tls: ServerTls) -> None:
    if tls.verify_client == "off":
        return
    if tls.verify_client == "optional_no_ca":
        accept_unknown_authorities(context)
    elif tls.client_ca is None and tls.trusted_ca is None:
        raise ValueError('no "ssl_client_certificate" for "ssl_verify_client"')
    else:
        context.verify_mode = _VERIFY[tls.verify_client]
    _trust(context, tls.client_ca, tls.trusted_ca, crl=tls.crl)
    if unavailable():
        return
    set_verify_depth(context, tls.verify_depth)
    if tls.client_ca is not None:
        show_authorities(context, tls.client_ca)


def _set_sessions(context: ssl.SSLContext, tls: ServerTls) -> None:
    if tls.ticket_keys:
        set_ticket_keys(context, tls.ticket_keys)
        set_session_id_context(context, session_identity(tls))
    if not unavailable():
        set_session_timeout(context, int(tls.session_timeout))
        set_session_cache(context, tls.session_cache)


def session_identity(tls: ServerTls) -> bytes:
    """Equal, on any machine, where a session may resume that has a ticket of shared keys.

    As in nginx, where the certificates are the same; here also only where the same is asked of clients, since nothing
    is asked of one that resumes.
    """
    parts: list[bytes | None] = [pair.certificate for pair in tls.pairs]
    parts += [tls.verify_client.encode(), b"%d" % tls.verify_depth, tls.client_ca, tls.trusted_ca, tls.crl]
    for command in tls.conf_commands:
        parts += [command.name.encode(), command.value.encode(), command.content]
    digest = sha256()
    for part in parts:
        digest.update(b"-" if part is None else b"%d:%b" % (len(part), part))
    return digest.digest()


def _run(context: ssl.SSLContext, wanted: Sequence[ConfCommand]) -> None:
    if not wanted:
        return
    with commands(context) as run:
        for command in wanted:
            try:
                if command.content is None:
                    run(command.name, command.value)
                    continue
                with memory_file(command.content) as path:
                    try:
                        run(command.name, path)
                    except ValueError as error:
                        raise ValueError(str(error).replace(path, command.value)) from None
            except ValueError as error:
                raise ConfigError(str(error), command.where) from None


def _log_keys(context: ssl.SSLContext, path: str) -> None:
    if not path:
        return
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600))  # secrets are nobody's
        context.keylog_filename = path
    except OSError as error:
        raise ValueError(f'open() "{path}" failed ({error.errno}: {error.strerror})') from None


def _trust(context: ssl.SSLContext, *bundles: bytes | None, crl: bytes | None) -> None:
    for bundle in (*bundles, crl):
        if bundle is not None:
            with memory_file(bundle) as path, _words("SSL_CTX_load_verify_locations()", "no certificate or crl found"):
                context.load_verify_locations(path)
    if crl is not None:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN  # every certificate of the chain, as nginx


@contextmanager
def _words(function: str, reason: str) -> Iterator[None]:
    """Say OpenSSL's refusals as nginx does; `reason` stands where Python does not tell."""
    try:
        yield
    except ssl.SSLError as error:
        why = (getattr(error, "reason", None) or reason).lower().replace("_", " ")
        raise ValueError(f"{function} failed ({why})") from None


@contextmanager
def _config_errors(where: Where | None) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ConfigError(str(error), where) from error


@contextmanager
def _deprecated_words() -> Iterator[None]:
    """TLS 1.0 and 1.1, and ruling versions out one by one, are meant here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
