"""Sessions with upstreams are kept to be resumed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import TLSVersion

import pytest
from certs import Authority

from penstock.worker.tls_sessions import TlsSessions
from penstock.worker.tls_stream import TlsStream

KEY = ("127.0.0.1:443", "a.test")


@contextmanager
def talking(
    client: ssl.SSLContext, server: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> Iterator[TlsStream]:
    """A client whose handshake is done, and that has read what the server said after it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        one = TlsStream(ours, client, server=False, session=session)
        other = TlsStream(theirs, server, server=True)
        for _ in range(4):
            for stream in (one, other):
                stream.dry = False
                stream.receive()
                try:
                    stream.tls.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                stream.flush()
        other.tls.write(b"x")
        other.flush()
        one.dry = False
        one.receive()
        assert one.tls.read(1) == b"x"
        yield one


def contexts(authority: Authority, version: TLSVersion) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A client's and a server's."""
    client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), authority.server("a.test")
    client.check_hostname = False
    client.load_verify_locations(authority.file)
    client.minimum_version = client.maximum_version = version
    return client, server


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_kept_session_resumes_and_still_shows_the_certificate(authority: Authority, version: TLSVersion) -> None:
    client, server = contexts(authority, version)
    sessions = TlsSessions()
    assert sessions.find(KEY) is None
    with talking(client, server) as stream:
        sessions.keep(KEY, stream)
    with talking(client, server, sessions.find(KEY)) as stream:
        assert stream.tls.session_reused
        certificate = stream.tls.getpeercert()
        assert certificate is not None
        assert certificate["subjectAltName"] == (("DNS", "a.test"),)
        before = sessions.find(KEY)
        sessions.keep(KEY, stream)
        assert (sessions.find(KEY) is before) == (version is TLSVersion.TLSv1_2)


def test_what_cannot_be_resumed_is_not_kept(authority: Authority) -> None:
    client, server = contexts(authority, TLSVersion.TLSv1_3)
    server.num_tickets = 0
    sessions = TlsSessions()
    with talking(client, server) as stream:
        sessions.keep(KEY, stream)
    assert sessions.find(KEY) is None


def test_the_oldest_goes_when_there_are_too_many(authority: Authority) -> None:
    client, server = contexts(authority, TLSVersion.TLSv1_3)
    sessions = TlsSessions(most=2)
    with talking(client, server) as stream:
        for name in "abc":
            sessions.keep(("peer", name), stream)
    assert [sessions.find(("peer", name)) is not None for name in "abc"] == [False, True, True]


def test_one_that_failed_is_forgotten(authority: Authority) -> None:
    client, server = contexts(authority, TLSVersion.TLSv1_3)
    sessions = TlsSessions()
    with talking(client, server) as stream:
        sessions.keep(KEY, stream)
    sessions.forget(KEY)
    sessions.forget(KEY)
    assert sessions.find(KEY) is None
