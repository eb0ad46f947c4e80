"""What builders share."""

from __future__ import annotations

import pytest
from builds import DIRECTORY, PREFIX, make_system

from penstock.shared.conf.builders.context import Context
from penstock.shared.conf.tree import Word
from penstock.shared.errors import ConfigError
from penstock.shared.model.where import Where

HERE = Where("x.conf", 1, 2)


def make_context(**system: object) -> Context:
    return Context(make_system("", {"key": b"secret"}, **system), DIRECTORY, PREFIX)


def test_paths_begin_where_nginx_has_them_begin() -> None:
    context = make_context()
    assert context.beside_configuration("a.crt") == f"{DIRECTORY}/a.crt"
    assert context.under_prefix("logs/x") == f"{PREFIX}/logs/x"
    assert context.beside_configuration("/a") == context.under_prefix("/a") == "/a"


def test_a_file_is_read_once() -> None:
    calls = []

    def read(path: str) -> bytes:
        calls.append(path)
        return b"text"

    context = make_context(read_bytes=read)
    assert context.read("/fifo", HERE) == context.read("/fifo", HERE) == b"text"
    assert calls == ["/fifo"]


def test_a_file_that_cannot_be_read_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        make_context().read("/nope", HERE)
    assert caught.value.text == 'open() "/nope" failed (2: No such file or directory)'
    assert caught.value.where == HERE


def test_a_name_is_asked_for_once_also_when_it_has_no_address() -> None:
    calls = []

    def resolve(host: str) -> list[str]:
        calls.append(host)
        raise OSError(-2, "no")

    context = make_context(resolve=resolve)
    assert context.resolve("gone.test") == context.resolve("gone.test") == []
    assert calls == ["gone.test"]


@pytest.mark.parametrize(
    ("text", "complaint", "hint"),
    [
        ("$remote_adr", 'unknown "remote_adr" variable', 'did you mean "$remote_addr"?'),
        ("$qqqq", 'unknown "qqqq" variable', ""),
        ("a$", "invalid variable name", ""),
    ],
)
def test_unknown_variables(text: str, complaint: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_context().template(Word(text, HERE))
    assert (caught.value.text, caught.value.hint, caught.value.where) == (complaint, hint, HERE)


def test_the_same_notice_is_kept_once() -> None:
    context = make_context()
    context.warn("x", HERE)
    context.warn("x", HERE)
    assert [notice.text for notice in context.notices] == ["x"]
