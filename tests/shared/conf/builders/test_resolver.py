"""`resolver`."""

from __future__ import annotations

import pytest
from builds import server_mistake, settings

from penstock.shared.model.address import ipv4, ipv6
from penstock.shared.model.upstream import Resolver


def test_name_servers_and_what_is_asked_of_them() -> None:
    found = settings("resolver 127.0.0.1 [::1]:5353 localhost:54 valid=30s ipv6=off status_zone=z;").resolver
    servers = (ipv4("127.0.0.1", 53), ipv6("::1", 5353), ipv4("127.0.0.1", 54))
    assert found == Resolver(servers, valid=30.0, ipv4=True, ipv6=False, timeout=30.0)


def test_the_timeout_is_inherited_apart_from_the_servers() -> None:
    found = settings("resolver_timeout 3s;", before="resolver 127.0.0.1; resolver_timeout 9s;").resolver
    assert found is not None
    assert found.timeout == 3.0


def test_without_name_servers_there_is_none() -> None:
    assert settings("resolver_timeout 3s;").resolver is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("gone.test", 'host not found in resolver "gone.test"'),
        ("127.0.0.1:x", 'invalid port in resolver "127.0.0.1:x"'),
        ("unix:/x", 'invalid address in resolver "unix:/x"'),
        ("127.0.0.1 valid=x", "invalid parameter: valid=x"),
        ("127.0.0.1 ipv6=x", "invalid parameter: ipv6=x"),
        ("valid=1s", "no name servers defined"),
        ("127.0.0.1 ipv4=off ipv6=off", '"ipv4" and "ipv6" cannot both be "off"'),
    ],
)
def test_mistakes(words: str, text: str) -> None:
    assert server_mistake(f"resolver {words};").text == text
