"""What contexts are told beyond Python's `ssl`, seen by clients."""

from __future__ import annotations

import ssl

import pytest
from certs import Authority
from clients import careless
from handshake import meet

from penstock.shared.openssl import connections, settings
from penstock.shared.openssl.pointers import checked, context_pointer


@pytest.fixture
def server(authority: Authority) -> ssl.SSLContext:
    return authority.server("gate.test")


def old() -> ssl.SSLContext:
    return careless(maximum_version=ssl.TLSVersion.TLSv1_2)


def test_the_first_curve_that_both_have_is_taken(server: ssl.SSLContext) -> None:
    client = careless()
    settings.set_curves(server, "secp521r1:x448")
    settings.set_curves(client, "X25519:P-521")
    assert connections.curve(meet(server, client).server) == "secp521r1"
    settings.set_curves(client, "X25519")
    with pytest.raises(ssl.SSLError):
        meet(server, client)


@pytest.mark.parametrize("curves", ["a:b", "", "X25519:", "auto:X25519", "X25\x0019"])
def test_curves_that_openssl_does_not_know_are_refused(server: ssl.SSLContext, curves: str) -> None:
    with pytest.raises(ValueError, match=r"^SSL_CTX_set1_curves_list\(\"") as caught:
        settings.set_curves(server, curves)
    assert "\n" not in str(caught.value)


def test_a_failure_does_not_come_up_in_later_connections(server: ssl.SSLContext) -> None:
    with pytest.raises(ValueError, match="nosuch"):
        settings.set_curves(server, "nosuch")
    assert meet(server, careless()).server.version() == "TLSv1.3"


def test_a_session_lives_as_long_as_it_is_told(server: ssl.SSLContext) -> None:
    settings.set_session_timeout(server, 77)
    session = meet(server, careless()).client.session
    assert session is not None
    assert session.ticket_lifetime_hint == 77


@pytest.mark.parametrize(("size", "resumed"), [(100, True), (0, False), (None, False)])
def test_sessions_without_tickets_are_remembered_in_a_cache(
    server: ssl.SSLContext, size: int | None, resumed: bool
) -> None:
    server.options |= ssl.OP_NO_TICKET
    settings.set_session_cache(server, size)
    client = old()
    first = meet(server, client)  # as long as it is open its session is good
    assert meet(server, client, session=first.client.session).server.session_reused is resumed


def test_a_cache_forgets_the_oldest(server: ssl.SSLContext) -> None:
    server.options |= ssl.OP_NO_TICKET
    settings.set_session_cache(server, 2)
    opened = [meet(server, old()) for _ in range(5)]
    assert len(opened) == 5
    assert 1 <= server.session_stats()["number"] <= 2


def test_a_session_resumes_only_in_an_equal_id_context(server: ssl.SSLContext, authority: Authority) -> None:
    keys = bytes(80)
    contexts = [server, authority.server("gate.test"), authority.server("gate.test")]
    for context, identity in zip(contexts, (b"a" * 32, b"a" * 32, b"b" * 32), strict=True):
        checked().ctx_ctrl(context_pointer(context), 59, 80, keys)
        settings.set_session_id_context(context, identity)
    client = careless()
    session = meet(server, client).client.session
    assert [meet(each, client, session=session).server.session_reused for each in contexts[1:]] == [True, False]


@pytest.mark.parametrize("identity", [b"", b"x" * 33])
def test_an_id_context_has_a_length(server: ssl.SSLContext, identity: bytes) -> None:
    with pytest.raises(ValueError, match="1 to 32 bytes"):
        settings.set_session_id_context(server, identity)


@pytest.mark.parametrize(
    ("command", "names"),
    [("Certificate", True), ("DHParameters", True), ("RequestCAFile", True), ("VerifyCAPath", False),
     ("Ciphersuites", False), ("nosuch", False)],
)  # fmt: skip
def test_which_commands_name_files(command: str, names: bool) -> None:
    assert settings.names_file(command) is names


def test_commands_are_obeyed(server: ssl.SSLContext) -> None:
    with settings.commands(server) as run:
        run("Ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
        run("MinProtocol", "TLSv1.3")
    cipher = meet(server, careless()).server.cipher()
    assert cipher is not None
    assert cipher[0] == "TLS_CHACHA20_POLY1305_SHA256"
    with pytest.raises(ssl.SSLError):
        meet(server, old())


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Foo", "bar", "(SSL: error:0A000182:SSL routines::unknown cmd name:cmd=Foo)"),
        ("MinProtocol", "bar", "(SSL: error:0A000180:SSL routines::bad value:cmd=MinProtocol, value=bar)"),
        ("Options", "bar", "(SSL: error:0A000180:SSL routines::bad value:cmd=Options, value=bar)"),
    ],
)
def test_a_command_that_openssl_refuses_is_told_as_nginx_does(
    server: ssl.SSLContext, name: str, value: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=r"^SSL_CONF_cmd") as caught, settings.commands(server) as run:
        run(name, value)
    assert str(caught.value) == f'SSL_CONF_cmd("{name}", "{value}") failed {reason}'


def test_a_chain_is_sent_as_it_was_given() -> None:
    assert settings.send_chain_as_given(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
