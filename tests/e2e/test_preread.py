"""`ssl_preread`: what is read of a hello before anything is decided; the same on nginx and on Penstock."""

# ruff: noqa: E501  a fact of the configuration is one line

from __future__ import annotations

from collections.abc import Iterator

import pytest
from certs import Authority
from clients import (
    client_hello,
    connect,
    connect_tls,
    echoed,
    ended_without_a_byte,
    name_of_peer,
    read_all,
    read_exactly,
)
from daemon import Daemon
from oracle import PROGRAMS, oracle
from peers import Peer

CONFIG = """
stream {
    log_format preread '$server_port $status [$ssl_preread_server_name] [$ssl_preread_alpn_protocols] [$ssl_preread_protocol]';
    access_log %%DIR%%/access.log preread;

    map $ssl_preread_server_name $by_name {
        hostnames;
        a.test          %%PEER_A%%;
        *.b.test        %%PEER_B%%;
        c.*             %%PEER_C%%;
        .both.test      %%PEER_A%%;
        ~^r(egex)?\\.    %%PEER_B%%;
        tls.test        %%TLS_ECHO%%;
        default         %%ECHO%%;
    }
    map $ssl_preread_alpn_protocols $by_alpn { ~\\bh2\\b %%PEER_A%%; "" %%PEER_B%%; default %%PEER_C%%; }
    map $ssl_preread_protocol $by_protocol { "" %%PEER_B%%; default %%PEER_A%%; }

    server { listen 127.0.0.1:%%PORT_name%%;     ssl_preread on; proxy_pass $by_name; }
    server { listen 127.0.0.1:%%PORT_alpn%%;     ssl_preread on; proxy_pass $by_alpn; }
    server { listen 127.0.0.1:%%PORT_protocol%%; ssl_preread on; proxy_pass $by_protocol; }
    server { listen 127.0.0.1:%%PORT_echo%%;     ssl_preread on; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_silent%%;   ssl_preread on; preread_timeout 200ms; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_small%%;    ssl_preread on; preread_buffer_size 64; proxy_pass %%ECHO%%; }
    server { listen 127.0.0.1:%%PORT_off%%;      ssl_preread off; proxy_pass $by_name; }
    server { listen 127.0.0.1:%%PORT_return%%;   ssl_preread on; return "$ssl_preread_server_name $ssl_preread_alpn_protocols"; }
}
"""


@pytest.fixture(scope="module", params=PROGRAMS)
def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    echo: Peer,
    tls_echo: Peer,
    peer_a: Peer,
    peer_b: Peer,
    peer_c: Peer,
) -> Iterator[Daemon]:
    directory = tmp_path_factory.mktemp("preread")
    values = {"ECHO": echo, "TLS_ECHO": tls_echo, "PEER_A": peer_a, "PEER_B": peer_b, "PEER_C": peer_c}
    with oracle(request.param, directory, CONFIG, **values) as daemon:
        yield daemon


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("a.test", "a"),
        ("A.TEST", "a"),
        ("x.b.test", "b"),
        ("x.y.b.test", "b"),
        ("c.anything", "c"),
        ("c.any.thing", "c"),
        ("both.test", "a"),
        ("x.both.test", "a"),
        ("r.test", "b"),
        ("regex.test", "b"),
    ],
)
def test_the_name_of_the_hello_chooses_the_upstream(running: Daemon, name: str, peer: str) -> None:
    assert name_of_peer(running.port("name"), client_hello(name)) == peer


@pytest.mark.parametrize("name", ["other.test", "b.test", "a.test.org", None])
def test_other_names_and_none_go_to_the_default(running: Daemon, name: str | None) -> None:
    hello = client_hello(name)
    with connect(running.port("name")) as client:
        assert echoed(client, hello) == hello


def test_what_is_not_tls_goes_to_the_default_at_once(running: Daemon) -> None:
    with connect(running.port("name")) as client:
        assert echoed(client, b"GET / HTTP/1.0\r\n\r\n") == b"GET / HTTP/1.0\r\n\r\n"


def test_tls_passes_through_to_the_server_behind(running: Daemon, authority: Authority) -> None:
    context = authority.client()
    context.check_hostname = False
    with connect_tls(running.port("name"), context, "tls.test") as client:
        assert echoed(client, b"secret") == b"secret"


def test_a_hello_in_many_segments_is_the_same_hello(running: Daemon) -> None:
    hello = client_hello("a.test")
    with connect(running.port("name")) as client:
        for start in range(0, len(hello), 100):
            client.sendall(hello[start : start + 100])
        assert read_exactly(client, 1) == b"a"


def test_a_hello_is_awaited_byte_for_byte(running: Daemon) -> None:
    hello = client_hello("a.test")
    with connect(running.port("name")) as client:
        client.sendall(hello[:-1])
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(10)
        client.sendall(hello[-1:])
        assert read_exactly(client, 1) == b"a"


@pytest.mark.parametrize(("alpn", "peer"), [(("h2", "http/1.1"), "a"), ((), "b"), (("postgresql",), "c")])
def test_alpn_chooses_the_upstream(running: Daemon, alpn: tuple[str, ...], peer: str) -> None:
    assert name_of_peer(running.port("alpn"), client_hello("x.test", alpn)) == peer


def test_the_protocol_tells_tls_from_the_rest(running: Daemon) -> None:
    assert name_of_peer(running.port("protocol"), client_hello()) == "a"
    assert name_of_peer(running.port("protocol"), b"plain") == "b"


def test_the_variables_are_logged(running: Daemon) -> None:
    hello = client_hello("Name.Test", ("h2", "http/1.1"))
    with connect(running.port("echo")) as client:
        echoed(client, hello)
    assert running.session("echo") == "200 [Name.Test] [h2,http/1.1] [TLSv1.3]"


def test_silence_ends_at_preread_timeout_without_an_error(running: Daemon) -> None:
    with connect(running.port("silent")) as client:
        assert read_all(client) == b""
    assert running.session("silent") == "200 [-] [-] [-]"


def test_half_a_hello_ends_at_preread_timeout(running: Daemon) -> None:
    with connect(running.port("silent")) as client:
        client.sendall(client_hello("a.test")[:50])
        assert ended_without_a_byte(client)


def test_more_than_preread_buffer_size_is_400(running: Daemon) -> None:
    with connect(running.port("small")) as client:
        client.sendall(client_hello("a.test"))
        assert ended_without_a_byte(client)
    assert running.session("small").startswith("400 ")
    running.logged(r"\[error\] .* preread buffer full while prereading client data, client: ")


def test_without_ssl_preread_the_name_is_empty(running: Daemon) -> None:
    with connect(running.port("off")) as client:
        hello = client_hello("a.test")
        assert echoed(client, hello) == hello


def test_return_comes_after_preread(running: Daemon) -> None:
    with connect(running.port("return")) as client:
        client.sendall(client_hello("a.test", ("h2",)))
        assert read_exactly(client, 9) == b"a.test h2"
