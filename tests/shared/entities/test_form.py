"""Forms: five spellings, and types from the schema."""

from __future__ import annotations

from typing import Any

import pytest
from catalogs import described
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.entities.form import body_of, inferred, number_of, parts_of, tree
from penstock.shared.entities.services import SERVICES

Pairs = list[tuple[str, str]]


def pairs_of(text: str) -> Pairs:
    return [(name, value) for name, _, value in (each.partition("=") for each in text.split("&"))]


def body(kind: str, text: str) -> dict[str, Any]:
    return body_of(kind, pairs_of(text), described)


@pytest.mark.parametrize(
    "text", ["snis=a&snis=b", "snis[]=a&snis[]=b", "snis[1]=a&snis[2]=b", "snis[2]=b&snis[1]=a", "snis.1=a&snis.2=b"]
)
def test_the_spellings_of_a_list(text: str) -> None:
    assert body("routes", text) == {"snis": ["a", "b"]}


@pytest.mark.parametrize("text", ["service.name=foo", "service[name]=foo"])
def test_the_spellings_of_a_record(text: str) -> None:
    assert body("routes", text) == {"service": {"name": "foo"}}


@pytest.mark.parametrize(
    "text",
    [
        "sources[1].ip=10.0.0.0/8&sources[1].port=1234&sources[2].port=5",
        "sources[1][ip]=10.0.0.0/8&sources[1][port]=1234&sources[2][port]=5",
    ],
)
def test_lists_of_records(text: str) -> None:
    assert body("routes", text) == {"sources": [{"ip": "10.0.0.0/8", "port": 1234}, {"port": 5}]}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("routes", "protocols=tls&snis=a", {"protocols": ["tls"], "snis": ["a"]}),
        ("routes", "snis=", {"snis": None}),
        ("routes", "snis[]=", {"snis": []}),
        ("routes", "strip_path=false&preserve_host=yes", {"strip_path": False, "preserve_host": "yes"}),
        ("routes", "headers.x[]=a&headers.y=b", {"headers": {"x": ["a"], "y": ["b"]}}),
        ("services", "port=80&retries=x&name=5", {"port": 80, "retries": "x", "name": "5"}),
        ("services", "url=tcp://a:1&foo=1", {"url": "tcp://a:1", "foo": "1"}),
        ("services", "host=a&host=b", {"host": ["a", "b"]}),
        ("services", "client_certificate=", {"client_certificate": None}),
        ("certificates", "snis=a", {"snis": ["a"]}),
        (
            "upstreams",
            "healthchecks.active.healthy.interval=1.5&healthchecks[passive][unhealthy].timeouts=2",
            {"healthchecks": {"active": {"healthy": {"interval": 1.5}}, "passive": {"unhealthy": {"timeouts": 2}}}},
        ),
        (
            "plugins",
            "name=ip-restriction&config.allow=10.0.0.1&config.status=403",
            {"name": "ip-restriction", "config": {"allow": ["10.0.0.1"], "status": 403}},
        ),
        ("plugins", "name=x&config.a=1", {"name": "x", "config": {"a": "1"}}),
    ],
)
def test_types_follow_the_schema(kind: str, text: str, expected: dict[str, Any]) -> None:
    assert body(kind, text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80),
        ("-1", -1),
        ("1.5", 1.5),
        ("1e3", 1000),
        (" 7 ", 7),
        ("", ""),
        ("0x10", "0x10"),
        ("1e999", "1e999"),
        ("nan", "nan"),
        ("٣", "٣"),
        ("9" * 30, "9" * 30),
    ],
)
def test_numbers(text: str, value: Any) -> None:
    assert number_of(text) == value
    assert type(number_of(text)) is type(value)


@pytest.mark.parametrize("name", ["", "[", "a[", "a]", ".a", "a.", "a[b", "a[b]c", "a..b"])
def test_a_name_that_is_not_spelt_so_is_one_part(name: str) -> None:
    assert parts_of(name) == [name]
    assert tree([(name, "x")]) == {name: "x"}


def test_depth_is_limited() -> None:
    assert len(parts_of("a" + ".b" * 15)) == 16
    deep = "a" + ".b" * 16
    assert parts_of(deep) == [deep]


def test_a_far_index_costs_nothing() -> None:
    assert tree([("a[999999999]", "x"), ("a[1]", "y")]) == {"a": ["y", "x"]}


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=5)), max_size=8))
def test_no_form_breaks_it(pairs: Pairs) -> None:
    body_of("routes", pairs, described)


WORD = st.text("abcxyz-_ü", min_size=1, max_size=4)
LEAF = st.text(max_size=5)
TREES = st.dictionaries(
    WORD,
    st.recursive(
        LEAF,
        lambda inner: st.lists(inner, min_size=2, max_size=3) | st.dictionaries(WORD, inner, min_size=1, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def spelt(value: Any, name: str, brackets: bool) -> Pairs:
    """The fields of a form that stand for a tree."""
    if isinstance(value, dict):
        form = "{}[{}]" if brackets else "{}.{}"
        return [pair for key, each in value.items() for pair in spelt(each, form.format(name, key), brackets)]
    if isinstance(value, list):
        return [pair for place, each in enumerate(value, 1) for pair in spelt(each, f"{name}[{place}]", brackets)]
    return [(name, value)]


@given(TREES, st.booleans())
def test_a_tree_is_read_as_it_was_spelt(value: dict[str, Any], brackets: bool) -> None:
    pairs = [pair for name, each in value.items() for pair in spelt(each, name, brackets)]
    assert tree(pairs) == value


@given(st.integers(-(10**9), 10**9))
def test_inference_gives_back_a_number(value: int) -> None:
    assert inferred(SERVICES.fields["port"], str(value)) == value
