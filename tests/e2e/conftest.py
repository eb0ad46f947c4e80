"""Peers that many facts need, one of each for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import peers
import pytest
from certs import Authority
from peers import Peer


@pytest.fixture(scope="session")
def echo() -> Iterator[Peer]:
    """Sends back what comes."""
    with Peer(peers.echo) as peer:
        yield peer


@pytest.fixture(scope="session")
def peer_a() -> Iterator[Peer]:
    """Says `a`."""
    with Peer(peers.says("a")) as peer:
        yield peer


@pytest.fixture(scope="session")
def peer_b() -> Iterator[Peer]:
    """Says `b`."""
    with Peer(peers.says("b")) as peer:
        yield peer


@pytest.fixture(scope="session")
def peer_c() -> Iterator[Peer]:
    """Says `c`."""
    with Peer(peers.says("c")) as peer:
        yield peer


@pytest.fixture(scope="session")
def tls_echo(authority: Authority) -> Iterator[Peer]:
    """Sends back what comes, over TLS, as `peer.test`."""
    with Peer(peers.echo, tls=authority.server("peer.test")) as peer:
        yield peer


@pytest.fixture(scope="session")
def dumper() -> Iterator[Peer]:
    """Answers the first bytes it gets in hexadecimal, and closes."""
    with Peer(peers.tells_first_bytes) as peer:
        yield peer
