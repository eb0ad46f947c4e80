"""The configuration of the README does what its comments say, on addresses of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import peers
import pytest
from certs import Authority
from clients import client_hello, connect, connect_tls, ended_without_a_byte, name_of_peer, read_exactly
from gate import Gate
from peers import Peer

README: Final = Path(__file__).parents[3] / "README.md"


def configuration(places: dict[str, str]) -> str:
    """The README's configuration with each of its addresses replaced."""
    found = re.search(r"^```nginx\n(worker_processes.*?)^```$", README.read_text(), re.M | re.S)
    assert found is not None
    text = found[1]
    for written, real in places.items():
        assert written in text, f"{written} is no longer in the README"
        text = text.replace(written, real)
    return text


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Gate]:
    pair = authority.issue("*.example.com")
    with (
        Peer(peers.says("D")) as database,
        Peer(peers.says("V"), tls=authority.server("vault.example.com")) as vault,
        Peer(peers.says("Q"), tls=authority.server("localhost")) as queue,
        Peer(peers.says("C")) as cache,
    ):
        places = {
            "metrics_listen   127.0.0.1:9145;": "",
            "0.0.0.0:5555": "127.0.0.1:%%PORT_one%%",
            "0.0.0.0:6379": "127.0.0.1:%%PORT_cache%%",
            "10.0.0.7:5432": str(database),
            "10.0.0.8:8200": str(vault),
            "queue.internal:5671": f"localhost:{queue.port}",
            "10.0.0.20:6379": str(cache),
            "10.0.0.21:6379": "127.0.0.1:9",
            "10.0.0.0/8": "127.0.0.0/8",
            " example.crt": f" {pair.crt}",
            " example.key": f" {pair.key}",
            " ca.pem": f" {authority.file}",
        }
        with Gate(tmp_path_factory.mktemp("readme"), configuration(places)) as running:
            yield running


def shown(gate: Gate, authority: Authority, name: str) -> tuple[str, bytes]:
    """The name in the certificate that a client is shown, and who speaks behind it."""
    with connect_tls(gate.port("one"), authority.client(), name) as client:
        certificate = client.getpeercert()
        assert certificate is not None
        return str(certificate["subjectAltName"][0][1]), read_exactly(client, 1)


def test_tls_ends_here(gate: Gate, authority: Authority) -> None:
    assert shown(gate, authority, "db.example.com") == ("*.example.com", b"D")


def test_tls_goes_through_untouched(gate: Gate, authority: Authority) -> None:
    assert shown(gate, authority, "vault.example.com") == ("vault.example.com", b"V")


def test_tls_is_ended_and_encrypted_again(gate: Gate, authority: Authority) -> None:
    assert shown(gate, authority, "queue.example.com") == ("*.example.com", b"Q")


def test_plain_tcp_from_inside(gate: Gate) -> None:
    assert name_of_peer(gate.port("one"), b"x") == "D"


def test_what_matches_no_route_meets_the_plain_one_untouched_or_nobody(gate: Gate) -> None:
    """TLS of another name comes from inside too, so the `tcp` route takes it as it is."""
    assert name_of_peer(gate.port("one"), client_hello("other.example.com")) == "D"
    text = gate.file.read_text()
    gate.file.write_text(text.replace("127.0.0.0/8", "10.0.0.0/8"))
    gate.reload()
    with connect(gate.port("one")) as client:
        client.sendall(b"x")
        assert ended_without_a_byte(client)
    gate.logged('connection refused: no_route: no route for plain traffic from .*; the nearest route is "')


def test_a_server_beside_the_gateway(gate: Gate) -> None:
    assert name_of_peer(gate.port("cache")) == "C"
