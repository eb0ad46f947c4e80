"""What in a right configuration is of no use."""

from __future__ import annotations

import pytest
from builds import gateway, pair_files

from penstock.shared.conf.advice import advice

BEFORE = "stream_listen 127.0.0.1:5555; service s { url tcp://127.0.0.1:1; }"
PAIR = "ssl_certificate a.crt; ssl_certificate_key a.key;"


def said(text: str) -> list[str]:
    return [notice.text for notice in advice(gateway(f"{BEFORE} {text}", pair_files()))]


def never(route: str, by: str) -> str:
    return f'route "{route}" can never match: route "{by}" has its conditions and is asked first'


@pytest.mark.parametrize(
    ("routes", "shadowed"),
    [
        ("route a { protocols tls; snis x.test; } route b { protocols tls; snis X.test.; }", "b"),
        ("route a { protocols tls; snis x.test; } route b { protocols tls; snis y.test; }", ""),
        ("route a { protocols tls; snis x.test y.test; } route b { protocols tls; snis y.test; }", "b"),
        ("route a { protocols tls; snis x.test; } route b { protocols tls; snis x.test y.test; }", ""),
        ("route a { protocols tls; snis *.test; } route b { protocols tls; snis x.test; }", ""),
        ("route a { protocols tls; snis x.test; } route b { protocols tls; snis x.test; sources 10.0.0.1; }", ""),
        ("route a { protocols tcp; sources 10.0.0.0/8; } route b { protocols tcp; sources 10.9.9.9/8; }", "b"),
        ("route a { protocols tcp; sources 10.0.0.0/8; } route b { protocols tcp; sources 10.1.0.0/16; }", ""),
        ("route a { protocols tls; destinations :1; } route b { protocols tls tcp; destinations :1; }", ""),
        ("route a { protocols tls tcp; destinations :1; } route b { protocols tcp; destinations :1; }", "b"),
        ("route a { protocols tcp; destinations :1; } route b { protocols tls; destinations :1; }", ""),
        ("route a { protocols tls; snis x.test; } route b { protocols tls_passthrough; snis x.test; }", "b"),
    ],
)
def test_a_route_whose_conditions_another_has(routes: str, shadowed: str) -> None:
    texts = [text for text in said(routes.replace(" }", " service s; }")) if text.startswith("route")]
    assert texts == ([never(shadowed, "a")] if shadowed else [])


def test_a_disabled_service_shadows_nothing() -> None:
    text = "service off { url tcp://127.0.0.1:2; enabled off; } route a { protocols tls; snis x.test; service off; }"
    assert said(f"{text} route b {{ protocols tls; snis x.test; service s; }}") == []


def test_a_service_that_no_route_goes_to() -> None:
    assert said("route a { protocols tls; snis x.test; }") == ['no route goes to service "s"']


@pytest.mark.parametrize(
    ("names", "used"),
    [
        ("x.test", True),
        ("other.test", False),
        ("*.wild.test", True),
        ("a.wild.test", True),
        ("*.test", True),
        ("*.nobody", False),
        ("*", True),
        ("nobody.test x.test", True),
    ],
)
def test_a_certificate_that_no_route_needs(names: str, used: bool) -> None:
    text = f"route a {{ protocols tls; snis x.test *.wild.test; service s; }} certificate {{ snis {names}; {PAIR} }}"
    assert said(text) == ([] if used else [f'no route ends TLS for "{names}"'])


def test_a_route_for_any_name_needs_every_certificate() -> None:
    text = f"route a {{ protocols tls; destinations :5555; service s; }} certificate {{ snis other.test; {PAIR} }}"
    assert said(text) == []
