"""Which of `allow` and `deny` decides."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from penstock.shared.access_rules import deciding_rule
from penstock.shared.model.settings import AccessRule


def rule(word: str, what: str) -> AccessRule:
    if what in ("all", "unix"):
        return AccessRule(word == "allow", None, unix=what == "unix")
    return AccessRule(word == "allow", ip_network(what))


def rules(text: str) -> tuple[AccessRule, ...]:
    return tuple(rule(*line.split()) for line in text.split(";"))


@pytest.mark.parametrize(
    ("address", "text", "welcome"),
    [
        ("10.1.2.3", "allow 10.0.0.0/8; deny all", True),
        ("11.1.2.3", "allow 10.0.0.0/8; deny all", False),
        ("10.1.2.3", "deny 10.1.2.3/32; allow 10.0.0.0/8", False),
        ("10.1.2.3", "allow 10.1.2.3/32; deny 10.0.0.0/8", True),
        ("10.1.2.3", "deny 192.0.2.0/24", True),
        ("2001:db8::1", "allow 2001:db8::/32; deny all", True),
        ("2001:db8::1", "deny 0.0.0.0/0", True),
        ("10.1.2.3", "deny ::/0", True),
        ("::ffff:10.1.2.3", "allow 10.0.0.0/8; deny all", True),
        ("::ffff:10.1.2.3", "deny 10.0.0.0/8", False),
        ("fe80::1%eth0", "allow fe80::/10; deny all", True),
        ("unix:", "allow unix; deny all", True),
        ("unix:", "deny unix", False),
        ("unix:", "allow 0.0.0.0/0; deny all", False),
        ("unix:/run/x.sock", "allow unix; deny all", True),
        ("10.1.2.3", "deny unix; allow all", True),
    ],
)
def test_the_first_rule_that_matches_decides(address: str, text: str, welcome: bool) -> None:
    found = deciding_rule(rules(text), address)
    assert (found is None or found.allow) is welcome


def test_without_rules_none_decides() -> None:
    assert deciding_rule((), "10.1.2.3") is None
