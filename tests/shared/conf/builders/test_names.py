"""Names of entities and SNI names."""

from __future__ import annotations

import pytest

from penstock.shared.conf.builders.names import entity_name, is_address, sni
from penstock.shared.conf.tree import Directive, Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import NOWHERE


def word(text: str) -> Word:
    return Word(text, NOWHERE)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a.example.com", "a.example.com"),
        ("A.Example.COM.", "a.example.com"),
        ("tlsbin-example", "tlsbin-example"),
        ("*.example.com", "*.example.com"),
        ("example.*", "example.*"),
        ("_x.test", "_x.test"),
    ],
)
def test_names_are_compared_in_lower_case_without_the_root_s_dot(written: str, name: str) -> None:
    assert sni(word(written)) == name


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("*.*.com", "only one wildcard must be specified"),
        ("*.com.*", "only one wildcard must be specified"),
        ("a.*.com", "wildcard must be leftmost or rightmost character"),
        ("*x.com", "wildcard must be leftmost or rightmost character"),
        ("*", "wildcard must be leftmost or rightmost character"),
        ("10.0.0.1", "must not be an IP"),
        ("::1", "must not be an IP"),
        ("[::1]", "must not be an IP"),
        ("a.test:443", "must not have a port"),
        ("a..test", "invalid value: a..test"),
        ("a b", "invalid value: a b"),
        ("", "invalid value: "),
        ("*.", "wildcard must be leftmost or rightmost character"),
    ],
)
def test_what_is_no_name(written: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sni(word(written))
    assert caught.value.text == f'invalid SNI "{written}": {reason}'


def test_a_certificate_may_be_for_every_name() -> None:
    assert sni(word("*"), any_name=True) == "*"


@pytest.mark.parametrize("name", ["orders", "a.b-c_d~e", "Überfluß"])
def test_names_of_entities(name: str) -> None:
    assert entity_name(Directive("service", (word(name),), NOWHERE)) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b"])
def test_what_is_no_name_of_an_entity(name: str) -> None:
    with pytest.raises(ConfigError, match="invalid name"):
        entity_name(Directive("service", (word(name),), NOWHERE))


def test_addresses() -> None:
    assert [is_address(text) for text in ("10.0.0.1", "[::1]", "a.test")] == [True, True, False]
