"""`pass`: a connection goes to another listener."""

from __future__ import annotations

from pathlib import Path

import pytest
from certs import Authority
from clients import careless, client_hello
from workerbench import Bench

from penstock.shared.model.address import ipv4, ipv6, unix
from penstock.worker.handover import find, parsed

CONFIG = """
log_format f '$server_port $status $bytes_sent $connection';
server { listen 127.0.0.1:%%PORT_a%%; access_log %%DIR%%/a.log f; pass 127.0.0.1:%%PORT_b%%; }
server { listen 127.0.0.1:%%PORT_b%%; access_log %%DIR%%/b.log f; return "$server_port"; }
server { listen 127.0.0.1:%%PORT_hello%%; ssl_preread on; set $to 127.0.0.1:%%PORT_name%%; pass $to; }
server { listen 127.0.0.1:%%PORT_name%%; ssl_preread on; return "$ssl_preread_server_name"; }
server { listen 127.0.0.1:%%PORT_circle%%; pass 127.0.0.1:%%PORT_circle%%; }
server { listen 127.0.0.1:%%PORT_nowhere%%; pass 127.0.0.1:1; }
server { listen 127.0.0.1:%%PORT_wild%%; pass 127.0.0.9:%%PORT_all%%; }
server { listen %%PORT_all%%; return "all"; }
server { listen 127.0.0.1:%%PORT_empty%%; set $to ''; pass $to; }
"""


def said(bench: Bench, name: str, data: bytes = b"") -> bytes:
    """What a client gets until the end."""
    sock = bench.client(name)
    if data:
        sock.sendall(data)
    got = b""
    ended = False

    def over() -> bool:
        nonlocal got, ended
        try:
            part = sock.recv(4096)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            part = b""
        got += part
        ended = not part
        return ended

    bench.until(over)
    return got


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(CONFIG, tmp_path)


def test_the_other_listener_s_server_answers(bench: Bench) -> None:
    with bench:
        assert said(bench, "a") == str(bench.port("b")).encode()


def test_what_was_peeked_at_is_there_for_the_other(bench: Bench) -> None:
    with bench:
        assert said(bench, "hello", client_hello("a.test")) == b"a.test"


def test_a_listener_of_all_addresses_has_every_address(bench: Bench) -> None:
    with bench:
        assert said(bench, "wild") == b"all"


def test_the_session_counts_where_it_went(bench: Bench) -> None:
    with bench:
        said(bench, "a")
        bench.until(lambda: not bench.worker.sessions)
        assert (bench.active("a"), bench.active("b")) == (0, 0)
        assert bench.status(200) == 1


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nowhere", 'port not found for "127.0.0.1:1"'),
        ("circle", "connection is passed in a circle"),
        ("empty", 'no host in pass ""'),
    ],
)
def test_what_cannot_be_passed_ends(bench: Bench, name: str, line: str) -> None:
    with bench:
        assert said(bench, name) == b""
        assert bench.line(line)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:80", ipv4("127.0.0.1", 80)), ("[::1]:80", ipv6("::1", 80)), ("unix:/x", unix("/x")),
     ("localhost:80", ipv4("127.0.0.1", 80)), ("h.test:80", None), ("127.0.0.1", None)],
)  # fmt: skip
def test_an_address_out_of_variables(text: str, address: object) -> None:
    assert parsed(text)[0] == address
    assert bool(parsed(text)[1]) == (address is None)


def test_no_listener_is_found_by_another_family(bench: Bench) -> None:
    with bench:
        assert find(bench.worker, ipv6("::1", bench.port("all"))) is None
        assert find(bench.worker, unix("/nowhere")) is None


def test_decrypted_tls_cannot_be_passed(tmp_path: Path, authority: Authority) -> None:
    pair = authority.issue("gate.test")
    text = """ssl_certificate %%CRT%%; ssl_certificate_key %%KEY%%;
              server { listen 127.0.0.1:%%PORT_a%% ssl; pass 127.0.0.1:%%PORT_b%%; }
              server { listen 127.0.0.1:%%PORT_b%%; return x; }"""
    with Bench(text, tmp_path, CRT=pair.crt, KEY=pair.key) as bench:
        bench.shake(bench.wrapped(bench.client("a"), careless()))
        bench.until(lambda: bench.status(500) == 1)
        assert bench.line("cannot pass ssl connection")
