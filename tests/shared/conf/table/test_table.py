from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from directives import AROUND, checked, complaint_of_ours, written, wrong_counts
from needs import requires
from verdict import complaint

from penstock.shared.conf.table.spec import Spec
from penstock.shared.conf.table.table import SECTIONS, TABLE, contexts_of, find, free_form, names_in

SPECIAL = {"include", "load_module"}
"""Not held against the table alone: the parser replaces the one, and the other depends on the file it names."""

by_section = pytest.mark.parametrize("title", SECTIONS)


def places(title: str, status: str = "works") -> Iterator[tuple[Spec, str]]:
    """Each directive of a part with what stands around it, once per context."""
    for spec in SECTIONS[title]:
        if spec.status == status and spec.name not in SPECIAL:
            for context in sorted(spec.contexts):
                yield spec, AROUND[context]


def complaints(texts: list[str]) -> list[tuple[str, str | None]]:
    return [(text, complaint_of_ours(text)) for text in texts]


@by_section
def test_right_arguments_are_accepted(title: str) -> None:
    for spec, around in places(title):
        checked(around.format(written(spec)))
        if spec.maximum is not None:
            checked(around.format(written(spec, spec.maximum)))
        if spec.repeatable:
            checked(around.format(written(spec) * 2))


@by_section
def test_a_wrong_count_of_arguments_is_refused(title: str) -> None:
    for spec, around in places(title):
        expected = f'invalid number of arguments in "{spec.name}" directive'
        texts = [around.format(written(spec, count)) for count in wrong_counts(spec)]
        assert complaints(texts) == [(text, expected) for text in texts]


@by_section
def test_an_argument_of_the_wrong_type_is_refused(title: str) -> None:
    for spec, around in places(title):
        for index, kind in enumerate(spec.kind):
            if kind.wrong:
                text = around.format(written(spec, max(spec.minimum, index + 1), wrong=index))
                assert "invalid" in (complaint_of_ours(text) or f"nothing: {text}")


@by_section
def test_a_block_is_a_block_and_nothing_else_is(title: str) -> None:
    for spec, around in places(title):
        expected = 'has no opening "{"' if spec.block else 'is not terminated by ";"'
        text = around.format(written(spec, end=";" if spec.block else " {}"))
        assert (text, complaint_of_ours(text)) == (text, f'directive "{spec.name}" {expected}')


@by_section
def test_what_may_stand_once_is_refused_twice(title: str) -> None:
    for spec, around in places(title):
        if not spec.repeatable:
            text = around.format(written(spec) * 2)
            assert (text, complaint_of_ours(text)) == (text, f'"{spec.name}" directive is duplicate')


@by_section
def test_a_directive_is_refused_outside_its_contexts(title: str) -> None:
    for spec in SECTIONS[title]:
        for context in AROUND.keys() - set(contexts_of(spec.name)):
            text = AROUND[context].format(written(spec))
            assert (text, complaint_of_ours(text)) == (text, f'"{spec.name}" directive is not allowed here')


@by_section
def test_a_planned_directive_is_refused(title: str) -> None:
    for spec, around in places(title, "planned"):
        text = around.format(written(spec))
        expected = f'"{spec.name}" is not supported by this version of Penstock'
        assert (text, complaint_of_ours(text)) == (text, expected)


@requires("nginx-stream")
@by_section
def test_nginx_says_the_same_of_a_wrong_directive(title: str, tmp_path: Path) -> None:
    compared = 0
    for name, text in nginx_cases(SECTIONS[title]):
        theirs = complaint("events {} " * ("events" not in text) + text, tmp_path)
        if theirs != f'unknown directive "{name}"':
            compared += 1
            assert (text, complaint_of_ours(text)) == (text, theirs)
    assert compared > 10 or title in OURS


OURS = {"Operations", "Gateway", "Services", "Routes"}
"""Parts in which nothing is nginx's."""
NEWER = {"server_names_hash_max_size", "server_names_hash_bucket_size", "ssl_reject_handshake", "server_name"} | {
    *("ssl_stapling", "ssl_stapling_file", "ssl_stapling_responder", "ssl_stapling_verify"),
    *("ssl_ocsp", "ssl_ocsp_cache", "ssl_ocsp_responder"),
}
"""Directives that nginx 1.22, the oracle, has in `http {}` only."""
NEWER_PLACES = {("resolver", "upstream"), ("resolver_timeout", "upstream")}
"""Directives that it knows, but not there."""


def nginx_cases(section: tuple[Spec, ...]) -> Iterator[tuple[str, str]]:
    """Wrong texts about nginx's own directives, with the directive's name."""
    for spec in section:
        if spec.since == "penstock" or spec.name == "include" or spec.name in NEWER:
            continue
        known = contexts_of(spec.name)
        for context in ("main", "events", "stream", "server", "upstream"):
            if context not in known:
                yield spec.name, AROUND[context].format(written(spec))
            elif context in spec.contexts and spec.status == "works" and (spec.name, context) not in NEWER_PLACES:
                for text in wrong_texts(spec):
                    yield spec.name, AROUND[context].format(text)


def wrong_texts(spec: Spec) -> Iterator[str]:
    """The directive with a wrong count of arguments, a wrong end, a wrong first argument."""
    for count in wrong_counts(spec):
        yield written(spec, count)
    yield written(spec, end=";" if spec.block else " {}")
    if spec.minimum and spec.kind_of(0).wrong:
        yield written(spec, wrong=0)


def test_a_directive_has_one_form_in_a_context() -> None:
    for spec in TABLE:
        for context in spec.contexts:
            assert find(spec.name, context) is spec


def test_a_name_may_have_another_form_in_another_context() -> None:
    block, line = find("server", "stream"), find("server", "upstream")
    assert block is not None
    assert block.block
    assert line is not None
    assert not line.block
    assert find("server", "events") is None


def test_names_and_contexts_are_found_both_ways() -> None:
    assert "listen" in names_in("server")
    assert "listen" not in names_in("stream")
    assert contexts_of("listen") == ("server",)
    assert contexts_of("nope") == ()


def test_blocks_of_values_are_known() -> None:
    spec = free_form("map")
    assert spec is not None
    assert spec.includes
    assert free_form("server") is None


def test_every_directive_is_documented() -> None:
    for spec in TABLE:
        assert spec.doc.endswith("."), spec.name
        assert spec.syntax or spec.maximum == 0, spec.name
        assert spec.since == "penstock" or spec.since[0].isdigit(), spec.name


@by_section
def test_every_default_could_be_written(title: str) -> None:
    for spec, around in places(title):
        if spec.default and spec.name != "proxy_ssl_name":
            checked(around.format(f"{spec.name} {spec.default};"))
