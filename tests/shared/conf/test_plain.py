"""What is read by its text comes to the same as what the lexer, the parser and the checks make of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from builds import build, gateway
from hypothesis import given
from hypothesis import strategies as st

from penstock.shared.conf.check import check
from penstock.shared.conf.parser import Body, parse
from penstock.shared.conf.plain import LONGEST, PlainDirective, begins_a_line
from penstock.shared.conf.table.table import TABLE
from penstock.shared.conf.tree import Directive
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import Where

FILE = "/c"
PIECES = [
    "a",
    "bb",
    "include",
    "map",
    "user",
    "}",
    "{",
    ";",
    " ",
    "\n",
    "\t",
    "# x\n",
    "'q'",
    "\\",
    "$v",
    "é",
    "\f",
    "a}b",
]
LINES = [
    "protocols tls_passthrough;",
    "protocols tls;",
    "protocols tcp tls;",
    "protocols udp;",
    "snis A.test b.test.;",
    "snis b.test *.c.test b.test;",
    "snis 10.0.0.1;",
    "snis x*y;",
    "service s;",
    "service nope;",
    "sources 10.0.0.0/8;",
    "destinations :1;",
    "preserve_host on;",
    "preserve_host maybe;",
    "proxy_timeout 3s;",
    "tags t;",
    "snis",
    "service my-snis ;",
    "tags x-snis a;",
    "tags x-snis a b;",
    "unknown x;",
    "  # comment\n",
    "access_log 'off';",
]
VALUES = [
    "a b;",
    "a b;",
    "default c;",
    "hostnames;",
    "*.x $remote_addr;",
    "x* $nope;",
    "a;",
    "a b c;",
    "~^x y;",
    "~( y;",
    "include nope;",
    "ranges;",
    "10.0.0.0/8 a;",
    "10.1.0.0/8 a;",
    "10.0.0.1-10.0.0.9 b;",
    "10.0.0.5-10.0.0.99 b;",
    "delete 10.0.0.0/8;",
    "volatile 'on';",
]


@contextmanager
def word_by_word() -> Iterator[None]:
    """Nothing is read by its text."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Body, "read_plain", lambda *_: None)
        yield


def parts(directive: Directive) -> object:
    words = [(word.text, word.where, word.quoted) for word in directive.words]
    assert directive.texts == [word.text for word in directive.words]
    return directive.name, directive.where, words, directive.block and [parts(each) for each in directive.block]


def told(error: ConfigError) -> object:
    return error.text, error.where, error.hint, error.line


def no_file(path: str) -> str:
    raise FileNotFoundError(2, "gone", path)


def parsed(text: str) -> object:
    try:
        return [parts(each) for each in parse(FILE, no_file, lambda _: [], "/", text).directives]
    except ConfigError as error:
        return told(error)


def built(text: str) -> object:
    try:
        return build(text)
    except ConfigError as error:
        return told(error)


def plain(text: str) -> PlainDirective:
    (found,) = parse(FILE, no_file, lambda _: [], "/", text).directives
    assert isinstance(found, PlainDirective)
    return found


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_is_the_same_tree_or_the_same_mistake(text: str) -> None:
    found = parsed(text)
    with word_by_word():
        assert parsed(text) == found


def test_a_block_where_there_is_none_is_refused_before_its_end_is_looked_for() -> None:
    assert parsed("user { a; }") == (
        'directive "user" is not terminated by ";"',
        Where(FILE, 1, 1),
        "expected: user user [group];",
        "user { a; }",
    )


@given(st.lists(st.lists(st.sampled_from(LINES), max_size=4).map(" ".join), max_size=4))
def test_any_routes_are_the_same_configuration_or_the_same_mistake(blocks: list[str]) -> None:
    routes = "\n".join(f"route r{number} {{ {block} }}" for number, block in enumerate(blocks))
    text = f"events {{}} stream {{ service s {{ url tcp://h:1; }}\n{routes} }}"
    found = built(text)
    with word_by_word():
        assert built(text) == found


@given(st.sampled_from(["map $remote_addr $x", "geo $x"]), st.lists(st.sampled_from(VALUES), max_size=5))
def test_any_values_are_taken_alike_or_are_the_same_mistake(head: str, lines: list[str]) -> None:
    text = "events {} stream {\n" + head + " {\n" + "\n".join(lines) + "} }"
    found = built(text)
    with word_by_word():
        assert built(text) == found


def test_places_are_those_of_the_text() -> None:
    found = plain("# why\n route r1 {\n\tsnis  a.test\n b.test;\n}\n")
    (line,) = found.block or ()
    assert (found.where, found.words[0].where) == (Where(FILE, 2, 2), Where(FILE, 2, 8))
    assert line.where == Where(FILE, 3, 2)
    assert [word.where for word in line.words] == [Where(FILE, 3, 8), Where(FILE, 4, 2)]


def test_a_block_s_lines_are_had_without_directives() -> None:
    found = plain("route r1{a  1\t2;b;}")
    assert (found.name, found.texts, found.lines) == ("route", ["r1"], ["a  1\t2", "b"])


def test_a_simple_directive_is_no_empty_block() -> None:
    assert plain("a 1;").block is None
    assert plain("a{ }").block == ()


def test_a_part_that_there_is_not_is_not_made() -> None:
    with pytest.raises(AttributeError):
        assert plain("a;").nothing


@pytest.mark.parametrize(
    "text", ["a 'b';", "a $b;", "a \\b;", "a é;", f"a {'b' * LONGEST};", "a\fb;", "a { b { c; } }"]
)
def test_anything_else_is_left_to_the_lexer(text: str) -> None:
    assert type(parse(FILE, no_file, lambda _: [], "/", text).directives[0]) is Directive


def test_a_plain_block_that_is_right_is_checked_without_directives() -> None:
    tree = parse(FILE, no_file, lambda _: [], "/", "stream { route r # x\n { protocols tls; } route q { tags a; } }")
    assert check(tree) == ()
    route = (tree.directives[0].block or ())[1]
    assert isinstance(route, PlainDirective)
    assert "block" not in made(route)


def made(directive: PlainDirective) -> list[str]:
    """The parts that were asked for."""
    return [name for name in ("words", "where", "block") if has(directive, name)]


def has(directive: PlainDirective, name: str) -> bool:
    try:
        object.__getattribute__(directive, name)
    except AttributeError:
        return False
    return True


def test_an_outline_is_the_text_around_the_names() -> None:
    found = plain("route r { protocols tls; snis  a.test\tb ; service s; }")
    assert (found.outline, found.names) == ((" protocols tls; ", " service s;"), ["a.test", "b"])
    assert plain("route r { protocols tls; }").outline is None
    assert plain("snis a;").outline is None
    assert plain("route r { snis ; }").outline is None


def test_a_word_that_ends_like_snis_is_none() -> None:
    found = plain("route r { tags my-snis a; }")
    assert found.outline is not None
    assert not begins_a_line(found.outline)
    text = "".join(f"route r{at} {{ protocols tls; tags my-snis t{at}; snis a b; }}" for at in range(3))
    assert [route.snis for route in gateway(text).routes] == [("a", "b")] * 3


def test_names_may_be_any_words_so_that_an_outline_decides_whether_a_block_is_right() -> None:
    specs = [spec for spec in TABLE if spec.name == "snis"]
    assert specs
    assert all(spec.takes_anything and (spec.minimum, spec.maximum) == (1, None) for spec in specs)
