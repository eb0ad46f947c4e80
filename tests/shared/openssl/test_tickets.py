"""Ticket keys: which sessions resume where, across contexts that know nothing of each other."""

from __future__ import annotations

import gc
import os
import ssl
from collections.abc import Sequence

import pytest
from certs import Authority
from clients import careless
from handshake import meet

from penstock.shared.openssl import tickets
from penstock.shared.openssl.pointers import checked, context_pointer
from penstock.shared.openssl.tickets import set_ticket_keys

LONG = bytes(range(80))
SHORT = bytes(range(100, 148))
OTHER = bytes(range(150, 230))
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def server(authority: Authority, *keys: bytes) -> ssl.SSLContext:
    context = authority.server("gate.test")
    set_ticket_keys(context, keys)
    return context


def resumed(first: ssl.SSLContext, second: ssl.SSLContext, version: ssl.TLSVersion) -> bool:
    client = careless(maximum_version=version)
    session = meet(first, client).client.session
    return bool(meet(second, client, session=session).server.session_reused)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([LONG], [LONG], True),
        ([SHORT], [SHORT], True),
        ([LONG], [LONG, SHORT], True),
        ([LONG, SHORT], [LONG], True),
        ([SHORT], [LONG, SHORT], True),
        ([LONG], [OTHER, SHORT, LONG], True),
        ([LONG, SHORT], [SHORT], False),
        ([LONG], [OTHER], False),
        ([SHORT], [LONG, OTHER], False),
    ],
)
def test_a_session_resumes_where_its_key_is_known(
    authority: Authority, version: ssl.TLSVersion, first: Sequence[bytes], second: Sequence[bytes], expected: bool
) -> None:
    assert resumed(server(authority, *first), server(authority, *second), version) is expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("part", [20, 40])
def test_a_key_of_the_same_name_but_other_secrets_opens_nothing(
    authority: Authority, version: ssl.TLSVersion, part: int
) -> None:
    forged = SHORT[:part] + bytes([SHORT[part] ^ 1]) + SHORT[part + 1 :]
    assert not resumed(server(authority, SHORT), server(authority, forged), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_openssls_own_way_and_the_callback_make_the_same_tickets(authority: Authority, version: ssl.TLSVersion) -> None:
    assert resumed(server(authority, LONG), server(authority, LONG, SHORT), version)
    assert resumed(server(authority, LONG, SHORT), server(authority, LONG), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_of_an_old_key_is_renewed_with_the_first(authority: Authority, version: ssl.TLSVersion) -> None:
    client = careless(maximum_version=version)
    session = meet(server(authority, SHORT), client).client.session
    renewed = meet(server(authority, LONG, SHORT), client, session=session).client.session
    assert meet(server(authority, LONG), client, session=renewed).server.session_reused


@pytest.mark.parametrize("keys", [[], [b"x" * 47], [LONG, b""], [b"x" * 81]])
def test_keys_have_one_of_two_lengths(authority: Authority, keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="48 or 80 bytes"):
        server(authority, *keys)


def test_keys_are_forgotten_with_their_context(authority: Authority) -> None:
    context = server(authority, LONG, SHORT)
    pointer = context_pointer(context)
    assert pointer in tickets._KEYS
    del context
    gc.collect()
    assert pointer not in tickets._KEYS


def test_many_contexts_have_each_its_own_keys(authority: Authority) -> None:
    names = [bytes([number]) * 48 for number in range(30)]
    contexts = [server(authority, key, LONG) for key in names]
    gc.collect()
    client = careless()
    sessions = [meet(context, client).client.session for context in contexts]
    for number, context in enumerate(contexts):
        assert meet(context, client, session=sessions[number]).server.session_reused
        assert not meet(context, client, session=sessions[number - 1]).server.session_reused


def test_keys_set_before_a_fork_work_after_it(authority: Authority) -> None:
    context = server(authority, SHORT, LONG)
    client = careless()
    session = meet(context, client).client.session
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(0 if meet(context, client, session=session).server.session_reused else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_callback_that_fails_ends_the_handshake_and_nothing_else(
    authority: Authority, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = server(authority, SHORT)
    with monkeypatch.context() as broken:
        broken.setattr(checked(), "rand_bytes", lambda _iv, _size: 1 // 0)
        with pytest.raises(ssl.SSLError):
            meet(context, careless(maximum_version=version))
    assert meet(context, careless(maximum_version=version))
