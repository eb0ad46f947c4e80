"""Which settings share a context, and where sessions resume: tickets across real forks."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from certs import Authority
from deadline import seconds
from handshake import client, filled, key_pair, meet

from penstock.shared import tls_contexts
from penstock.shared.model.address import ipv4
from penstock.shared.model.listen import Listen, Mode
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Certificate, Configuration, Gateway, Main, Route, Server, Stream
from penstock.shared.model.tls import ConfCommand, KeyPair, ServerTls
from penstock.shared.model.where import NOWHERE
from penstock.shared.pairs import localhost_pairs
from penstock.shared.tls_contexts import blank, context_key, fill, gateway_tls, session_identity


@pytest.fixture
def pair(authority: Authority) -> KeyPair:
    return key_pair(authority, "a.example")


@pytest.fixture
def ca(authority: Authority) -> bytes:
    return authority.file.read_bytes()


# tickets


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_a_session_resumes_on_another_worker(pair: KeyPair, protocol: str) -> None:
    context = blank()
    tls = ServerTls(pairs=(pair,))
    with worker(context, tls) as first, worker(context, tls) as second:
        assert resumed_across(first, second, client(protocol))


def test_a_session_outlives_a_renewed_certificate(pair: KeyPair, tmp_path: Path) -> None:
    renewed = replace(
        key_pair(Authority(tmp_path), "a.example"), certificate_path=pair.certificate_path, key_path=pair.key_path
    )
    before, after = ServerTls(pairs=(pair,)), ServerTls(pairs=(renewed,))
    assert context_key(before) == context_key(after)
    context = blank()
    with worker(context, before) as first, worker(context, after) as second:
        assert resumed_across(first, second, client())


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
def test_a_session_never_resumes_where_other_client_rules_hold(pair: KeyPair, ca: bytes, protocol: str) -> None:
    lax, strict = ServerTls(pairs=(pair,)), ServerTls(pairs=(pair,), verify_client="on", client_ca=ca)
    contexts = {context_key(tls): blank() for tls in (lax, strict)}
    known = client(protocol, certificate=pair)
    with worker(contexts[context_key(lax)], lax) as first, worker(contexts[context_key(strict)], strict) as second:
        assert not resumed_across(first, second, known)


def test_a_context_made_after_the_fork_resumes_nothing(pair: KeyPair) -> None:
    tls = ServerTls(pairs=(pair,))
    with worker(blank(), tls) as first, worker(blank(), tls) as second:
        assert not resumed_across(first, second, client())


def test_without_tickets_a_tls13_session_is_not_resumable(pair: KeyPair) -> None:
    met = meet(filled(ServerTls(pairs=(pair,), session_tickets=False)), client("TLSv1.3"))
    assert met.client.session is None or not met.client.session.has_ticket


def test_without_tickets_a_tls12_session_stays_with_its_worker(pair: KeyPair) -> None:
    context = blank()
    tls = ServerTls(pairs=(pair,), session_tickets=False)
    with worker(context, tls) as first, worker(context, tls) as second:
        assert not resumed_across(first, second, client("TLSv1.2"))


KEYS: Final = (bytes(range(80)), bytes(range(48)))


@pytest.mark.parametrize("protocol", ["TLSv1.2", "TLSv1.3"])
@pytest.mark.parametrize("keys", [KEYS, KEYS[:1], KEYS[1:]])
def test_with_keys_of_files_a_session_resumes_on_another_machine(
    pair: KeyPair, protocol: str, keys: tuple[bytes, ...]
) -> None:
    tls = ServerTls(pairs=(pair,), ticket_keys=keys)
    with worker(blank(), tls) as first, worker(blank(), tls) as second:
        assert resumed_across(first, second, client(protocol))


@pytest.mark.parametrize("rule", ["verify_client", "client_ca", "crl", "verify_depth", "conf_commands"])
def test_with_the_same_keys_it_never_resumes_where_other_client_rules_hold(pair: KeyPair, rule: str) -> None:
    tls = ServerTls(pairs=(pair,), ticket_keys=KEYS, verify_client="on", client_ca=b"ca")
    other = replace(tls, **{rule: CLIENT_RULES.get(rule, (ConfCommand("VerifyMode", "Request"),))})
    assert session_identity(tls) != session_identity(other)
    assert session_identity(tls) == session_identity(replace(tls, session_timeout=1.0))


def test_a_lax_server_s_session_does_not_pass_a_strict_one(pair: KeyPair, ca: bytes) -> None:
    lax = ServerTls(pairs=(pair,), ticket_keys=KEYS)
    known = client(certificate=pair)
    with (
        worker(blank(), lax) as first,
        worker(blank(), replace(lax, verify_client="on", client_ca=ca)) as second,
    ):
        assert not resumed_across(first, second, known)


@contextmanager
def worker(context: ssl.SSLContext, tls: ServerTls) -> Iterator[socket.socket]:
    """A forked child that fills its copy of the context and serves one connection, whose other end is given."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            ours.close()
            theirs.settimeout(seconds(20))
            fill(context, tls)
            with context.wrap_socket(theirs, server_side=True) as served:
                served.sendall(b"x")
                served.recv(1)
            status = 0
        finally:
            os._exit(status)
    theirs.close()
    ours.settimeout(seconds(20))
    try:
        yield ours
    finally:
        ours.close()
        _, status = os.waitpid(pid, 0)
    assert status == 0


def resumed_across(first: socket.socket, second: socket.socket, context: ssl.SSLContext) -> bool:
    with context.wrap_socket(first) as begun:
        assert begun.recv(1) == b"x"  # by then a TLS 1.3 client has its tickets
        session = begun.session
        begun.sendall(b"x")
    with context.wrap_socket(second, session=session) as again:
        assert again.recv(1) == b"x"
        again.sendall(b"x")
        return bool(again.session_reused)


# keys


CLIENT_RULES: dict[str, Any] = {
    "verify_client": "optional",
    "client_ca": b"other",
    "trusted_ca": b"other",
    "crl": b"other",
    "verify_depth": 2,
}


@pytest.mark.parametrize("rule", CLIENT_RULES)
def test_other_client_rules_are_another_key(pair: KeyPair, rule: str) -> None:
    tls = ServerTls(pairs=(pair,), verify_client="on", client_ca=b"ca")
    assert context_key(tls) != context_key(replace(tls, **{rule: CLIENT_RULES[rule]}))


def test_other_settings_or_another_certificate_are_another_key(pair: KeyPair, authority: Authority) -> None:
    tls = ServerTls(pairs=(pair,))
    others = [replace(tls, alpn=("h2",)), replace(tls, session_timeout=1.0)]
    others.append(replace(tls, pairs=(key_pair(authority, "b.example"),)))
    assert len({context_key(each) for each in (tls, *others)}) == 4


def test_certificates_from_no_file_are_told_apart_by_content(pair: KeyPair, authority: Authority) -> None:
    pairs = [replace(each, certificate_path="", key_path="") for each in (pair, key_pair(authority, "b.example"))]
    assert context_key(ServerTls(pairs=(pairs[0],))) != context_key(ServerTls(pairs=(pairs[1],)))


# which contexts a configuration needs


def configuration(servers: tuple[Server, ...] = (), gateway: Gateway | None = None) -> Configuration:
    return Configuration(Main(), Stream(servers, gateway or Gateway()), "/", "/penstock.conf")


def server(tls: ServerTls, ssl: bool = True) -> Server:
    listen = Listen(ipv4("127.0.0.1", 1), NOWHERE, ssl=ssl)
    return Server((listen,), Settings(tls=tls), None, NOWHERE)


def route(tls: ServerTls, *protocols: str) -> Route:
    return Route("r", frozenset(protocols), None, Settings(tls=tls))


def test_servers_that_terminate_need_contexts_and_equal_ones_share(pair: KeyPair) -> None:
    tls = ServerTls(pairs=(pair,))
    other = replace(tls, alpn=("h2",))
    servers = (server(tls), server(tls), server(other), server(tls, ssl=False))
    assert tls_contexts.server_settings(configuration(servers)) == (tls, other)


def test_a_server_that_rejects_every_handshake_needs_none() -> None:
    assert tls_contexts.server_settings(configuration((server(ServerTls(reject_handshake=True)),))) == ()


def test_the_gateway_needs_every_certificate_with_every_terminating_route(pair: KeyPair, authority: Authority) -> None:
    named = Certificate((pair,), ("a.example",))
    default = Certificate((key_pair(authority, "b.example"),))
    strict = ServerTls(verify_client="on", client_ca=b"ca")
    routes = (route(ServerTls(), "tls"), route(ServerTls(), "tls"), route(strict, "tls", "tcp"))
    raw = route(ServerTls(alpn=("raw",)), "tls_passthrough")
    gateway = Gateway((GATE,), (*routes, raw), certificates=(default, named))
    wanted = {gateway_tls(rules, each.pairs) for rules in (ServerTls(), strict) for each in (named, default)}
    assert set(tls_contexts.server_settings(configuration(gateway=gateway))) == wanted


def test_the_gateway_without_default_certificate_makes_one(pair: KeyPair) -> None:
    gateway = Gateway((GATE,), (route(ServerTls(), "tls"),), certificates=(Certificate((pair,), ("a.example",)),))
    keys = tls_contexts.server_keys(configuration(gateway=gateway))
    assert [tls.pairs for tls in keys.values()] == [(pair,), localhost_pairs()]
    assert tls_contexts.default_pairs(gateway) == localhost_pairs()


def test_a_gateway_that_only_speaks_plain_needs_none() -> None:
    plain = replace(GATE, mode=Mode.PLAIN)
    gateway = Gateway((plain,), (route(ServerTls(), "tls"),))
    assert tls_contexts.server_settings(configuration(gateway=gateway)) == ()


GATE = Listen(ipv4("127.0.0.1", 1), NOWHERE, mode=Mode.SNIFF)


def test_keys_derived_from_a_secret_are_the_same_where_clients_are_asked_for_the_same(pair: KeyPair) -> None:
    secret, tls = b"secret" * 6, ServerTls(pairs=(pair,))
    first = tls_contexts.with_derived_keys(tls, secret).ticket_keys
    assert [len(key) for key in first] == [80]
    assert tls_contexts.with_derived_keys(replace(tls, ciphers="ALL"), secret).ticket_keys == first
    for other in (replace(tls, verify_client="optional"), replace(tls, client_ca=b"ca"), replace(tls, verify_depth=2)):
        assert tls_contexts.with_derived_keys(other, secret).ticket_keys != first
    assert tls_contexts.with_derived_keys(tls, b"another" * 6).ticket_keys != first


def test_nothing_is_derived_where_there_are_keys_or_no_tickets(pair: KeyPair) -> None:
    for tls in (ServerTls(pairs=(pair,), ticket_keys=(b"k" * 80,)), ServerTls(pairs=(pair,), session_tickets=False)):
        assert tls_contexts.with_derived_keys(tls, b"secret" * 6) == tls
    assert tls_contexts.with_derived_keys(ServerTls(pairs=(pair,)), b"") == ServerTls(pairs=(pair,))
