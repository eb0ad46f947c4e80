"""Names, hosts, addresses and tags."""

from __future__ import annotations

import pytest

from penstock.shared.entities import names


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("a.test", "a.test:8000"),
        ("A.Test:80", "a.test:80"),
        ("10.0.0.1", "10.0.0.1:8000"),
        ("10.0.0.1:0", "10.0.0.1:0"),
        ("::1", "[0000:0000:0000:0000:0000:0000:0000:0001]:8000"),
        ("[::1]:80", "[0000:0000:0000:0000:0000:0000:0000:0001]:80"),
        ("under_score", "under_score:8000"),
    ],
)
def test_hosts_with_and_without_ports(text: str, full: str) -> None:
    found = names.host_port(text)
    assert found is not None
    assert found.text(8000) == full


@pytest.mark.parametrize(
    "text",
    ["", "a b", "a:b", "a:70000", "10.0.0.256", "1.2.3", "[::1", "[::1]x", "-a", "a/b", "a..b", ":80", "x" * 254],
)
def test_what_is_no_host(text: str) -> None:
    assert names.host_port(text) is None


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a.test", ""),
        ("10.0.0.1", ""),
        ("::1", ""),
        ("a.test:80", "must not have a port"),
        ("a b", "invalid value: a b"),
    ],
)
def test_hosts_without_ports(text: str, mistake: str) -> None:
    assert names.host_mistake(text) == mistake


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("tlsbin-example", ""),
        ("A.test.", ""),
        ("*.a.test", ""),
        ("a.*", ""),
        ("a.*.test", "wildcard must be leftmost or rightmost character"),
        ("*.a.*", "only one wildcard must be specified"),
        ("*", "wildcard must be leftmost or rightmost character"),
        ("10.0.0.1", "must not be an IP"),
        ("a.test:443", "must not have a port"),
        ("a b", "invalid value: a b"),
        ("A B", "invalid value: A B"),
    ],
)
def test_server_names(text: str, mistake: str) -> None:
    assert names.server_name_mistake(text) == mistake


def test_a_certificate_may_be_for_every_name() -> None:
    assert names.certificate_name_mistake("*") == ""
    assert names.certificate_name_mistake("1.1.1.1") == "must not be an IP"


@pytest.mark.parametrize("text", ["10.0.0.1", "10.0.0.0/8", "10.1.2.3/8", "::1", "fe80::/10", "0.0.0.0/0"])
def test_networks(text: str) -> None:
    assert names.network_mistake(text) == ""


@pytest.mark.parametrize(
    "text", ["", "10.0.0", "10.0.0.0/33", "a", "10.0.0.0/255.0.0.0", "10.0.0.0/ 8", "fe80::1%eth0"]
)
def test_what_is_no_network(text: str) -> None:
    assert names.network_mistake(text) == f"invalid ip or cidr range: '{text}'"


@pytest.mark.parametrize("text", ["a", "team one", "ünï", "a:b", "!"])
def test_tags(text: str) -> None:
    assert names.tag_mistake(text) == ""


@pytest.mark.parametrize("text", ["a,b", "a/b", "a\n", "", "\x7f"])
def test_what_is_no_tag(text: str) -> None:
    expected = "expected printable ascii (except `,` and `/`) or valid utf-8 sequences"
    assert names.tag_mistake(text) == f"invalid tag '{text}': {expected}"


def test_names() -> None:
    assert names.name_mistake("a-B_1.~ü") == ""
    expected = "invalid value 'a b': the only accepted ascii characters are alphanumerics or ., -, _, and ~"
    assert names.name_mistake("a b") == expected


@pytest.mark.parametrize(
    ("path", "mistake"),
    [
        ("/", ""),
        ("/a/b%20c", ""),
        ("a", "should start with: /"),
        ("/a//b", "must not have empty segments"),
        ("/a b", "invalid path: '/a b' (characters outside of the reserved list of RFC 3986 found)"),
        ("/%2g", "invalid url-encoded value: '%2g'"),
    ],
)
def test_paths(path: str, mistake: str) -> None:
    assert names.path_mistake(path) == mistake


def test_a_host_may_have_a_port() -> None:
    assert names.host_maybe_port_mistake("a.test:80") == ""
    assert names.host_maybe_port_mistake("a b") == "invalid value: a b"
