"""Nothing that would have no effect is taken in silence."""

from __future__ import annotations

import pytest
from builds import mistake, server, settings

from penstock.shared.conf.builders.unsupported import unsupported
from penstock.shared.model.where import Where

SUFFIX = " is not supported by this version of Penstock"


def test_the_sentence_has_a_place() -> None:
    error = unsupported('"x"', Where("f", 1, 2))
    assert (error.text, error.where) == (f'"x"{SUFFIX}', Where("f", 1, 2))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("listen 2 udp;", '"udp"'),
        ("proxy_session_drop on;", '"proxy_session_drop"'),
    ],
)
def test_parts_of_directives(text: str, what: str) -> None:
    assert mistake(f"log_format f x; server {{ listen 1; return x; {text} }}").text == what + SUFFIX


@pytest.mark.parametrize("parameter", ["drain"])
def test_parameters_of_upstream_servers(parameter: str) -> None:
    name = parameter.partition("=")[0]
    assert mistake(f"upstream u {{ server h:1 {parameter}; }}").text == f'"{name}"{SUFFIX}'


def test_what_says_that_there_is_none_of_it_is_taken() -> None:
    assert server("proxy_session_drop off; proxy_download_rate 0;").settings == settings("")
