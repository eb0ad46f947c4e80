"""TLS without a socket: contexts made as Penstock makes them, which meet in memory."""

from __future__ import annotations

import ssl
from typing import Final, NamedTuple

from certs import Authority

from penstock.shared.model.tls import KeyPair, ServerTls, UpstreamTls
from penstock.shared.model.where import Where
from penstock.shared.pairs import read_pair
from penstock.shared.tls_contexts import blank, fill, upstream_context

OLD: Final = "DEFAULT@SECLEVEL=0"
"""Ciphers with which OpenSSL 3 speaks TLS 1.0 and 1.1; nginx wants them written as well."""


class Met(NamedTuple):
    """Both sides after their handshake; the client has read the server's tickets."""

    client: ssl.SSLObject
    server: ssl.SSLObject


def meet(
    server_context: ssl.SSLContext,
    client_context: ssl.SSLContext,
    name: str | None = None,
    session: ssl.SSLSession | None = None,
) -> Met:
    """Let the sides shake hands; raises the ssl.SSLError of the one that refuses first."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name, session=session)
    waiting = [client, server]
    for _ in range(20):
        for side in tuple(waiting):
            try:
                side.do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
        if not waiting:
            break
    assert not waiting, "the handshake does not end"
    for sender, receiver in ((server, client), (client, server)):
        sender.write(b"x")
        assert receiver.read(1) == b"x"  # a TLS 1.3 client learns here that its certificate was refused
    return Met(client, server)


def key_pair(authority: Authority, name: str, rsa: bool = False) -> KeyPair:
    """What the configuration would hold of a pair that the authority issues."""
    files = authority.issue(name, rsa=rsa)
    paths = str(files.crt), str(files.key)
    return read_pair(files.crt.read_bytes(), files.key.read_bytes(), *paths, where=Where("penstock.conf", 7))


def filled(tls: ServerTls) -> ssl.SSLContext:
    """A server's context for these settings."""
    context = blank()
    fill(context, tls)
    return context


def client(protocol: str = "", ciphers: str = OLD, certificate: KeyPair | None = None) -> ssl.SSLContext:
    """A client's context that checks nothing and speaks one protocol, or all."""
    protocols = frozenset({protocol}) if protocol else frozenset({"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"})
    return upstream_context(UpstreamTls(protocols=protocols, ciphers=ciphers, pair=certificate))
