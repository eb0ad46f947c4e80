"""`ip-restriction`: Kong's order, and its words."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, cast

import pytest
from plugin_host import Lent

from penstock.plugin import Session
from penstock.shared.plugin_schema import check, describe
from penstock.worker.plugins.ip_restriction import IpRestriction


class Client:
    """As much of a session as is looked at."""

    def __init__(self, client_addr: str) -> None:
        self.client_addr = client_addr
        self.refused: tuple[str, dict[str, Any]] | None = None

    def refuse(self, reason: str, **how: Any) -> None:
        self.refused = reason, how


def asked(address: str, allow: str = "", deny: str = "", **config: Any) -> tuple[str, dict[str, Any]] | None:
    allowed, denied = (tuple(map(ip_network, text.split())) for text in (allow, deny))
    plugin = IpRestriction(IpRestriction.Config(allow=allowed, deny=denied, **config), Lent().host)
    client = Client(address)
    plugin.preread(cast(Session, client))
    return client.refused


@pytest.mark.parametrize(
    ("address", "allow", "deny", "refused"),
    [
        ("10.6.6.1", "", "10.6.6.0/24", True),
        ("10.6.7.1", "", "10.6.6.0/24", False),
        ("10.6.6.1", "10.0.0.0/8", "10.6.6.0/24", True),
        ("10.6.7.1", "10.0.0.0/8", "10.6.6.0/24", False),
        ("192.0.2.1", "10.0.0.0/8", "10.6.6.0/24", True),
        ("192.0.2.1", "192.0.2.1/32", "", False),
        ("192.0.2.2", "192.0.2.1/32", "", True),
        ("2001:db8::1", "", "10.0.0.0/8", False),
        ("2001:db8::1", "10.0.0.0/8", "", True),
        ("2001:db8::1", "2001:db8::/32", "", False),
        ("fe80::1%eth0", "", "fe80::/10", True),
        ("::ffff:10.6.6.1", "", "10.6.6.0/24", True),
        ("unix:", "10.0.0.0/8", "", False),
    ],
)
def test_denied_first_then_allowed(address: str, allow: str, deny: str, refused: bool) -> None:
    assert (asked(address, allow, deny) is not None) is refused


def test_a_refusal_has_kongs_status_and_sentence() -> None:
    assert asked("10.0.0.1", deny="10.0.0.0/8") == (
        "IP address not allowed: 10.0.0.1",
        {"word": "denied", "status": 403},
    )


def test_both_can_be_other_ones() -> None:
    found = asked("10.0.0.1", deny="10.0.0.0/8", status=503, message="not today")
    assert found == ("not today", {"word": "denied", "status": 503})


def test_one_of_the_lists_is_needed() -> None:
    errors = check(describe(IpRestriction, "ip-restriction"), {})[1]
    assert errors == {"@entity": ["at least one of these fields must be non-empty: 'allow', 'deny'"]}
