"""TLS to the upstream: what is verified, under which name, and what is sent as SNI."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from certs import Authority
from workerbench import Bench

SERVER = """
{before}
server {{ listen 127.0.0.1:%%PORT_a%%; proxy_pass {to}; {settings}
          proxy_ssl on; proxy_ssl_trusted_certificate %%CA%%; }}
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield sock


class Upstream:
    """A TLS server that notes the SNI of its only client."""

    def __init__(self, bench: Bench, listening: socket.socket, context: ssl.SSLContext) -> None:
        self.bench, self.listening, self.context = bench, listening, context
        self.heard: list[str | None] = []
        context.sni_callback = lambda _sock, name, _context: self.heard.append(name)

    def met(self) -> ssl.SSLSocket:
        """The next connection of the worker, its handshake done."""
        return self.bench.shake(self.bench.serving(self.bench.accepted(self.listening), self.context))


def run(tmp_path: Path, authority: Authority, listening: socket.socket, settings: str = "", **texts: str) -> Bench:
    port = listening.getsockname()[1]
    to = texts.get("to", f"127.0.0.1:{port}")
    text = SERVER.format(before=texts.get("before", "").replace("PORT", str(port)), to=to, settings=settings)
    return Bench(text, tmp_path, CA=texts.get("ca", authority.file))


UP = {"before": "upstream up.test {{ server 127.0.0.1:PORT; }}".replace("{{", "{").replace("}}", "}"), "to": "up.test"}


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_bytes_go_through_and_the_client_sees_none_of_it(
    tmp_path: Path, authority: Authority, listening: socket.socket, version: str
) -> None:
    with run(tmp_path, authority, listening, f"proxy_ssl_protocols {version};") as bench:
        client = bench.client()
        client.send(b"early")
        far = Upstream(bench, listening, authority.server("up.test")).met()
        assert far.version() == version
        assert bench.hear(far, 5) == b"early"
        far.send(b"back")
        assert bench.hear(client, 4) == b"back"


def test_a_certificate_of_the_right_name_is_accepted(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    with run(tmp_path, authority, listening, "proxy_ssl_verify on;", **UP) as bench:
        client = bench.client()
        far = Upstream(bench, listening, authority.server("up.test")).met()
        far.send(b"hi")
        assert bench.hear(client, 2) == b"hi"


def test_a_certificate_of_another_name_is_refused(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    with run(tmp_path, authority, listening, "proxy_ssl_verify on;", **UP) as bench:
        client = bench.client()
        Upstream(bench, listening, authority.server("other.test")).met()
        assert bench.ended(client)
        assert bench.line('upstream SSL certificate does not match "up.test" while SSL handshaking to upstream')
        assert bench.refused("upstream_tls") == 1
        assert bench.connects("tls") == 1


def test_without_verification_any_certificate_will_do(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    with run(tmp_path, authority, listening, "", **UP) as bench:
        client = bench.client()
        Upstream(bench, listening, authority.server("other.test")).met().send(b"hi")
        assert bench.hear(client, 2) == b"hi"


def test_a_certificate_of_an_unknown_authority_is_refused(
    tmp_path: Path, authority: Authority, listening: socket.socket, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stranger = Authority(tmp_path_factory.mktemp("stranger"))
    with run(tmp_path, authority, listening, "proxy_ssl_verify on;", **UP) as bench:
        client = bench.client()
        far = bench.serving(bench.accepted(listening), stranger.server("up.test"))
        with pytest.raises(ssl.SSLError):
            bench.hear(bench.shake(far), 1)
        assert bench.ended(client)
        assert bench.line("upstream SSL certificate verify error: (20:unable to get local issuer certificate)")
        assert bench.status(502) == 1


@pytest.mark.parametrize(
    ("settings", "sni"),
    [
        ("", None),
        ("proxy_ssl_server_name on;", "up.test"),
        ("proxy_ssl_server_name on; proxy_ssl_name Other.test.;", "Other.test"),
        ("proxy_ssl_server_name on; proxy_ssl_name 127.0.0.1;", None),
        ("proxy_ssl_server_name on; proxy_ssl_name other.test:8443;", "other.test"),
    ],
)
def test_the_name_that_is_sent(
    tmp_path: Path, authority: Authority, listening: socket.socket, settings: str, sni: str | None
) -> None:
    with run(tmp_path, authority, listening, settings, **UP) as bench:
        bench.client()
        upstream = Upstream(bench, listening, authority.server("up.test"))
        upstream.met()
        assert upstream.heard == [sni]


def test_an_address_is_verified_as_one_and_never_sent(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    with run(tmp_path, authority, listening, "proxy_ssl_verify on; proxy_ssl_server_name on;") as bench:
        client = bench.client()
        upstream = Upstream(bench, listening, authority.server("127.0.0.1"))
        upstream.met().send(b"hi")
        assert bench.hear(client, 2) == b"hi"
        assert upstream.heard == [None]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # ssl leaves its half-made socket open
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_server_name_that_no_hello_can_carry_fails_the_try_and_leaves_nothing(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    settings = f"proxy_ssl_server_name on; proxy_ssl_name {'x' * 70}.test;"
    with run(tmp_path, authority, listening, settings) as bench:
        before = bench.watched()
        assert bench.ended(bench.client())
        bench.idle()
        assert bench.watched() == before
        assert bench.status(502) == 1


def test_an_upstream_that_speaks_no_tls_is_passed_over(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    port = listening.getsockname()[1]
    both = f"upstream two {{ server 127.0.0.1:{port}; server localhost:{port} backup; }}"
    with run(tmp_path, authority, listening, "", before=both, to="two") as bench:
        client = bench.client()
        bench.accepted(listening).send(b"220 plain greets you\r\n")
        Upstream(bench, listening, authority.server("up.test")).met().send(b"hi")
        assert bench.hear(client, 2) == b"hi"
        assert bench.connects("tls") == 1


def test_an_upstream_that_stays_silent_in_the_handshake_times_out(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    with run(tmp_path, authority, listening, "proxy_connect_timeout 150ms;") as bench:
        client = bench.client()
        bench.accepted(listening)
        assert bench.ended(client)
        assert bench.line("upstream timed out (110: Connection timed out) while SSL handshaking to upstream")
        assert bench.connects("timeout") == 1


def test_an_upstream_that_hangs_up_in_the_handshake_is_a_failed_try(
    tmp_path: Path, authority: Authority, listening: socket.socket
) -> None:
    with run(tmp_path, authority, listening) as bench:
        client = bench.client()
        bench.accepted(listening).close()
        assert bench.ended(client)
        assert bench.line("while SSL handshaking to upstream")
        assert bench.connects("tls") == 1


def test_a_client_certificate_is_shown(tmp_path: Path, authority: Authority, listening: socket.socket) -> None:
    pair = authority.issue("client.test")
    settings = f"proxy_ssl_certificate {pair.crt}; proxy_ssl_certificate_key {pair.key};"
    context = authority.server("up.test")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    with run(tmp_path, authority, listening, settings) as bench:
        bench.client()
        far = Upstream(bench, listening, context).met()
        certificate = far.getpeercert()
        assert certificate is not None
        assert ("DNS", "client.test") in certificate["subjectAltName"]
