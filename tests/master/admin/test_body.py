"""Bodies of requests."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.master.admin.body import MAX_DEPTH, BadBody, decode

BOUNDARY = "multipart/form-data; boundary=xx"


def status_of(raw: bytes, kind: str) -> int:
    with pytest.raises(BadBody) as caught:
        decode(raw, kind)
    assert caught.value.message
    return caught.value.status


def test_json() -> None:
    assert decode(b'{"a": [1, null]}', "application/json; charset=utf-8").json == {"a": [1, None]}


DEEP = b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    max_leaves=20,
)


@pytest.mark.parametrize("raw", [b"{", b"", b"nul", b"\xff", b"NaN", b'{"a":1,}', DEEP])
def test_json_that_is_none(raw: bytes) -> None:
    with pytest.raises(BadBody, match="Cannot parse JSON body"):
        decode(raw, "application/json")


def test_a_bomb_of_brackets_is_refused() -> None:
    assert status_of(b"[" * 1_000_000, "application/json") == 400


def test_a_form_keeps_the_order_and_the_empty_values() -> None:
    body = decode(b"b=1&a=&b=2&c%5B1%5D=%C3%BC+x", "application/x-www-form-urlencoded")
    assert body.pairs == (("b", "1"), ("a", ""), ("b", "2"), ("c[1]", "ü x"))


def test_a_form_that_is_not_utf8() -> None:
    assert status_of(b"a=%ff", "application/x-www-form-urlencoded") == 400
    assert status_of(b"&".join([b"a=1"] * 30_000), "application/x-www-form-urlencoded") == 400


def test_a_multipart_form() -> None:
    raw = (
        b'--xx\r\nContent-Disposition: form-data; name="cert"\r\n\r\nline 1\r\nline 2\r\n'
        b'--xx\r\nContent-Disposition: form-data; name="file"; filename="f.pem"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\ncontent\r\n--xx--\r\n"
    )
    assert decode(raw, BOUNDARY).pairs == (("cert", "line 1\r\nline 2"), ("file", "content"))


def test_a_multipart_form_that_is_none() -> None:
    assert status_of(b"a=b", "multipart/form-data") == 400
    assert status_of(b"--xx\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xx--\r\n", BOUNDARY) == 400


def test_yaml_is_text() -> None:
    assert decode(b"_format_version: '3.0'", "text/yaml").text == "_format_version: '3.0'"


@pytest.mark.parametrize("kind", ["", "text/plain", "application/xml"])
def test_other_types_are_refused(kind: str) -> None:
    assert status_of(b"x", kind) == 415


@given(st.binary(max_size=200), st.sampled_from(["application/json", "application/x-www-form-urlencoded", BOUNDARY]))
def test_no_bytes_do_more_than_be_refused(raw: bytes, kind: str) -> None:
    try:
        decode(raw, kind)
    except BadBody:
        return


@given(VALUES)
def test_any_json_comes_through(value: object) -> None:
    assert decode(json.dumps(value).encode(), "application/json").json == value
