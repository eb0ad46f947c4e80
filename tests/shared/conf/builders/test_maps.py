"""Variables that a configuration defines."""

from __future__ import annotations

import pytest
from builds import mistake, server, settings
from viewed import Viewed

from penstock.shared.model.stream import Return


def value(text: str, returned: str, remote_addr: str = "10.0.0.9") -> str:
    """What `return` renders to behind these directives of `stream {}`."""
    handler = server(f"return '{returned}';", text).handler
    assert isinstance(handler, Return)
    return handler.value.render(Viewed(remote_addr=remote_addr))


MAP = "map $remote_addr $m { default other; 10.0.0.1 one; ~^10\\.(?<rest>.*)$ ten-$rest; \\default literal; }"


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.0.0.1", "one"), ("10.0.0.2", "ten-0.0.2"), ("9.9.9.9", "other"), ("default", "literal")],
)
def test_a_map_chooses(address: str, expected: str) -> None:
    assert value(MAP, "$m", remote_addr=address) == expected


def test_a_map_may_be_used_above_its_line_and_in_another_map() -> None:
    text = "map $b $a { 1 x; } map $remote_addr $b { default 1; }"
    assert value(text, "$a", remote_addr="10.0.0.1") == "x"


def test_host_names() -> None:
    text = "map $remote_addr $m { hostnames; *.x.test wild; .y.test dotted; }"
    assert value(text, "$m", remote_addr="a.b.x.test") == "wild"
    assert value(text, "$m", remote_addr="y.test") == "dotted"


def test_a_later_map_of_a_name_takes_its_place() -> None:
    assert value("map $remote_addr $m { default 1; } map $remote_addr $m { default 2; }", "$m", remote_addr="x") == "2"


def test_a_group_of_an_expression_is_a_variable_anywhere() -> None:
    assert value(MAP, "$m $rest", remote_addr="10.1.1.1") == "ten-1.1.1 1.1.1"


def test_a_variable_of_set_is_known_in_every_server() -> None:
    assert settings("set $x 1;", before="server { listen 8; return $x; }").sets[0][0] == "x"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("map $remote_addr $status { a b; }", 'the duplicate "status" variable'),
        ("server { listen 1; set $status 1; return x; }", 'the duplicate "status" variable'),
        ("map $remote_addr $m { ~(?<status>a) b; }", 'the duplicate "status" variable'),
        ("map $remote_addr m { a b; }", 'invalid variable name "m"'),
        ("map $foo $m { a b; }", 'unknown "foo" variable'),
        ("map $remote_addr $m { a $foo; }", 'unknown "foo" variable'),
        ("map $remote_addr $m { a 1; A 2; }", 'conflicting parameter "A"'),
        ("map $remote_addr $m { default 1; default 2; }", "duplicate default map parameter"),
        ("map $remote_addr $m { a; }", "invalid number of the map parameters"),
        ("map $remote_addr $m { a b c; }", "invalid number of the map parameters"),
        ("map $remote_addr $m { hostnames; a*b c; }", 'invalid hostname or wildcard "a*b"'),
    ],
)
def test_mistakes(text: str, complaint: str) -> None:
    assert mistake(text).text == complaint


def test_a_bad_expression_is_told_with_its_place() -> None:
    error = mistake("map $remote_addr $m {\n    ~( b;\n}")
    assert error.text.startswith('invalid regular expression "("')
    assert error.where is not None
    assert (error.where.line, error.where.column) == (2, 5)
