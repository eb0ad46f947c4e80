"""`allow`, `deny`, `set_real_ip_from`."""

from __future__ import annotations

from ipaddress import ip_network

from builds import server_mistake, settings, warnings

from penstock.shared.model.settings import AccessRule


def test_rules_are_kept_in_order() -> None:
    rules = settings("allow 10.0.0.0/8; deny unix:; allow 2001:db8::/32; deny 10.0.0.1; deny all;").access
    found = [(rule.allow, str(rule.network), rule.unix) for rule in rules]
    assert found[:2] == [(True, "10.0.0.0/8", False), (False, "None", True)]
    assert found[2:] == [(True, "2001:db8::/32", False), (False, "10.0.0.1/32", False), (False, "None", False)]


def test_a_server_with_rules_inherits_none() -> None:
    (rule,) = settings("deny 10.0.0.1;", before="allow 10.0.0.0/8; deny all;").access
    assert rule == AccessRule(False, ip_network("10.0.0.1"), where=rule.where)


def test_rules_of_the_stream_are_inherited() -> None:
    assert len(settings("", before="allow 10.0.0.0/8; deny all;").access) == 2


def test_bits_that_mean_nothing_are_warned_about() -> None:
    assert warnings("allow 10.0.0.1/8; server { listen 1; return x; }") == [
        "low address bits of 10.0.0.1/8 are meaningless"
    ]


def test_trusted_peers_may_be_networks_names_and_unix_sockets() -> None:
    found = settings("set_real_ip_from 10.0.0.0/8; set_real_ip_from both.test; set_real_ip_from unix:;")
    assert [str(network) for network in found.real_ip_from] == ["10.0.0.0/8", "10.0.0.3/32", "2001:db8::3/128"]
    assert found.real_ip_from_unix


def test_a_trusted_name_without_address_is_a_mistake() -> None:
    assert server_mistake("set_real_ip_from gone.test;").text == 'host not found in set_real_ip_from "gone.test"'
    assert server_mistake("set_real_ip_from 10.0.0.0/99;").text == 'host not found in set_real_ip_from "10.0.0.0/99"'
