"""Which clients may end their TLS at a route."""

from __future__ import annotations

import pytest
from builds import gateway, mistake, pair_files

from penstock.shared.model.tls import ServerTls

BEFORE = "stream_listen 127.0.0.1:5555; service s { url tcp://127.0.0.1:1; }"


def tls_of(route: str, before: str = "") -> ServerTls:
    return gateway(f"{BEFORE} {before} route r {{ {route} }}", pair_files()).routes[0].settings.tls


@pytest.mark.parametrize("word", ["on", "optional"])
@pytest.mark.parametrize("service", ["service s;", ""])
def test_clients_are_asked_for_a_certificate(word: str, service: str) -> None:
    tls = tls_of(f"protocols tls; snis a.test; {service} client_verify {word}; ca_certificates a.crt;")
    assert (tls.verify_client, tls.client_ca) == (word, pair_files()["a.crt"])


def test_a_route_takes_back_what_is_asked_around_it() -> None:
    before = "ssl_verify_client on; ssl_client_certificate a.crt;"
    assert tls_of("protocols tls; snis a.test; service s; client_verify off;", before).verify_client == "off"


def test_other_routes_are_not_touched() -> None:
    text = "route q { protocols tls; snis b.test; service s; client_verify on; ca_certificates a.crt; }"
    assert tls_of("protocols tls; snis a.test; service s;").verify_client == "off"
    found = gateway(f"{BEFORE} {text} route r {{ protocols tls; snis a.test; service s; }}", pair_files()).routes
    assert [route.settings.tls.verify_client for route in found] == ["on", "off"]


@pytest.mark.parametrize(
    ("route", "text"),
    [
        ("protocols tls; client_verify on;", 'no "ca_certificates" for "client_verify"'),
        ("protocols tls; ca_certificates a.crt;", '"ca_certificates" without "client_verify"'),
        ("protocols tls_passthrough; client_verify on;", '"client_verify" in a route that does not end TLS'),
        (
            "protocols tls; client_verify on; ssl_verify_client on; ssl_client_certificate a.crt;",
            '"client_verify" and "ssl_verify_client" say the same',
        ),
        ("protocols tls; client_verify maybe;", 'invalid value "maybe"'),
    ],
)
def test_what_makes_no_sense_is_refused(route: str, text: str) -> None:
    assert mistake(f"{BEFORE} route r {{ snis a.test; service s; {route} }}", pair_files()).text == text
