"""`split_clients`: the hash, and whose share a text is in. That nginx agrees is shown by tests/e2e/test_geo.py."""

from __future__ import annotations

import pytest
from viewed import Viewed

from penstock.shared.split_clients import RANGE, Shares, murmur
from penstock.shared.template import Template, compile_template, constant
from penstock.shared.variables import lookup


@pytest.mark.parametrize(("data", "hashed"), [(b"", 0), (b"a", 0x92685F5E), (b"abcd", 0x26873021)])
def test_hashes(data: bytes, hashed: int) -> None:
    assert murmur(data) == hashed


def shares(*parts: tuple[int | None, str]) -> Shares:
    return Shares(constant("a"), "s", list(parts))


def test_shares_follow_one_another() -> None:
    hashed = murmur(b"a") * 10_000 // RANGE
    assert shares((hashed, "below"), (2, "here"), (None, "above")).find(b"a") == "here"
    assert shares((hashed - 10, "below"), (None, "above")).find(b"a") == "above"
    assert shares((hashed - 10, "below")).find(b"a") == ""


def test_no_share_is_ever_reached_behind_the_rest() -> None:
    assert shares((None, "all"), (None, "nobody")).find(b"a") == "all"


def test_the_bytes_of_an_address_are_hashed_and_not_their_text() -> None:
    found = Shares(compile_template("$binary_remote_addr", lookup), "s", [(5000, "low"), (None, "high")])
    session = Viewed(remote_addr="255.254.253.252")
    assert found.getter(session) == found.find(b"\xff\xfe\xfd\xfc")


def test_a_session_s_value_is_found_once() -> None:
    values = ["a", "another"]
    found = Shares(Template("$v", (lambda _: values.pop(0),)), "s", [(None, "x")])
    session = Viewed()
    assert [found.getter(session), found.getter(session)] == ["x", "x"]
    assert (session.values, values) == ({"s": "x"}, ["another"])
