"""`split_clients` blocks."""

from __future__ import annotations

import pytest
from builds import mistake, server
from viewed import Viewed

from penstock.shared.model.stream import Return
from penstock.shared.split_clients import RANGE, murmur


def values(lines: str, count: int = 300) -> list[str]:
    """What clients of these many addresses get."""
    handler = server("return $s;", f"split_clients $remote_addr $s {{ {lines} }}").handler
    assert isinstance(handler, Return)
    return [handler.value.render(Viewed(remote_addr=f"10.0.{n >> 8}.{n & 255}")) for n in range(count)]


def test_shares_are_of_the_hash() -> None:
    found = values("10.5% a; .5% b; 50.% $pid; * d;")
    ends = ((1050, "a"), (1100, "b"), (6100, "$pid"), (10001, "d"))
    hashes = [murmur(f"10.0.{n >> 8}.{n & 255}".encode()) for n in range(300)]
    assert found == [next(value for end, value in ends if hashed < RANGE * end // 10000) for hashed in hashes]


def test_what_is_left_is_empty() -> None:
    assert set(values("50% a;")) == {"a", ""}


def test_without_lines_everything_is_empty() -> None:
    assert set(values("")) == {""}


def test_words_behind_the_value_are_not_looked_at() -> None:
    assert set(values("* a b;")) == {"a"}


def test_a_line_without_a_value() -> None:
    assert mistake("split_clients $pid $s { 10%; }").text == "invalid number of the split_clients parameters"


@pytest.mark.parametrize("percent", ["0%", "0.00%", "0.001%", "50", "5.5.5%", "-5%", "%", ".%", "1x%", "٣%", "include"])
def test_what_is_no_percentage(percent: str) -> None:
    assert mistake(f"split_clients $pid $s {{ {percent} x; }}").text == f'invalid percent value "{percent}"'


@pytest.mark.parametrize("lines", ["50% a; 50.01% b;", "* a; 1% b;", "101% a;"])
def test_no_more_than_everything(lines: str) -> None:
    assert mistake(f"split_clients $pid $s {{ {lines} }}").text == "percent total is greater than 100%"
