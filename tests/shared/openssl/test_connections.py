"""What a connection tells beyond Python's `ssl`; nginx's own answers are in the tests of whole programs."""

from __future__ import annotations

import ssl

import pytest
from certs import Authority
from clients import careless
from handshake import meet

from penstock.shared.openssl import connections, settings


@pytest.fixture
def server(authority: Authority) -> ssl.SSLContext:
    return authority.server("gate.test")


def test_names_have_colons_between_them(server: ssl.SSLContext) -> None:
    client = careless(maximum_version=ssl.TLSVersion.TLSv1_2)
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
    settings.set_curves(client, "P-384:P-256")
    met = meet(server, client).server
    assert connections.curve(met) in ("secp384r1", "prime256v1")
    assert connections.curves(met) == "secp384r1:prime256v1"
    assert connections.ciphers(met) == (
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:TLS_EMPTY_RENEGOTIATION_INFO_SCSV"
    )


@pytest.mark.parametrize("tell", [connections.curve, connections.curves, connections.ciphers])
def test_nothing_is_known_before_the_handshake_and_after_the_end(
    server: ssl.SSLContext, tell: connections.Tell
) -> None:
    assert tell(server.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True)) is None
    met = meet(server, careless()).server
    assert tell(met)
    met._sslobj = None  # type: ignore[attr-defined]  # what closing a socket does
    assert tell(met) is None


@pytest.mark.parametrize("tell", [connections.curve, connections.curves, connections.ciphers])
def test_nothing_is_known_with_a_python_that_does_not_let_us_look(
    server: ssl.SSLContext, tell: connections.Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = meet(server, careless()).server
    monkeypatch.setattr(connections, "unavailable", lambda: "a reason")
    assert tell(met) is None


def test_a_group_without_a_name_is_a_number() -> None:
    assert connections._group(connections.UNKNOWN_NID | 0x2A2A) == "0x2a2a"
