"""Names sent to an upstream and checked against its certificate."""

from __future__ import annotations

import pytest

from penstock.shared.upstream_name import is_address, without_port


@pytest.mark.parametrize(
    ("name", "bare"),
    [("a.test:443", "a.test"), ("a.test", "a.test"), ("[::1]:443", "::1"), ("[::1]", "::1"), ("::1", "::1")],
)  # fmt: skip
def test_a_name_without_its_port(name: str, bare: str) -> None:
    assert without_port(name) == bare


@pytest.mark.parametrize(("name", "yes"), [("127.0.0.1", True), ("::1", True), ("a.test", False), ("", False)])
def test_an_address_is_told_from_a_name(name: str, yes: bool) -> None:
    assert is_address(name) is yes
