"""`geo` blocks."""

from __future__ import annotations

import time

import pytest
from builds import mistake, server, stream, warnings
from viewed import Viewed

from penstock.shared.model.stream import Return


def value(text: str, remote_addr: str = "10.0.0.9", files: dict[str, str] | None = None) -> str:
    """What `return $g` renders to behind these directives of `stream {}`."""
    handler = server("return $g;", text, files).handler
    assert isinstance(handler, Return)
    return handler.value.render(Viewed(remote_addr=remote_addr))


def test_networks_and_a_default() -> None:
    text = "geo $g { default x; 10.0.0.0/8 ten; 2001:db8::/32 six; }"
    assert [value(text, address) for address in ("10.1.1.1", "2001:db8::1", "9.9.9.9", "::1")] == [
        "ten",
        "six",
        "x",
        "x",
    ]


def test_ranges() -> None:
    text = "geo $g { ranges; default x; 10.0.0.0-10.0.0.9 low; }"
    assert [value(text, address) for address in ("10.0.0.9", "10.0.0.10", "::1", "unix:")] == ["low", "x", "x", "x"]


def test_another_variable_may_give_the_address() -> None:
    assert value("geo $server_addr $g { 127.0.0.0/8 loop; }", "10.0.0.9") == "loop"


def test_a_map_s_variable_may_give_the_address() -> None:
    assert value("geo $m $g { 10.0.0.0/8 ten; } map $remote_addr $m { default 10.1.1.1; }", "9.9.9.9") == "ten"


def test_files_are_included_within_each_other() -> None:
    files = {"a.geo": "11.0.0.0/8 a; include b.geo;", "b.geo": "12.0.0.0/8 b;"}
    text = "geo $g { include a.geo; 10.0.0.0/8 ten; }"
    assert [value(text, address, files) for address in ("10.1.1.1", "11.1.1.1", "12.1.1.1")] == ["ten", "a", "b"]


def test_ranges_may_be_declared_in_a_file_and_again() -> None:
    assert value("geo $g { include a.geo; ranges; }", files={"a.geo": "ranges; 10.0.0.0-10.0.0.9 a;"}) == "a"


def test_a_dollar_in_a_value_is_text() -> None:
    assert value("geo $g { default $remote_addr; }") == "$remote_addr"


def test_the_last_block_of_a_variable_counts() -> None:
    assert value("map $remote_addr $g { default map; } geo $g { default geo; }") == "geo"
    assert value("geo $g { default geo; } map $remote_addr $g { default map; }") == "map"


@pytest.mark.parametrize(
    ("lines", "warned"),
    [
        ("default a; default b;", 'duplicate network "default", value: "b", old value: "a"'),
        ("10.0.0.0/8 a; 10.0.0.0/8 b;", 'duplicate network "10.0.0.0/8", value: "b", old value: "a"'),
        ("0.0.0.0/0 a; default b;", 'duplicate network "default", value: "b", old value: "a"'),
        ("10.0.0.1/8 a;", "low address bits of 10.0.0.1/8 are meaningless"),
        ("delete 10.0.0.0/8;", 'no network "10.0.0.0/8" to delete'),
        ("ranges; default a; default b;", 'duplicate default geo range value: "b", old value: "a"'),
        ("ranges; 1.1.1.1-1.1.1.5 a; 1.1.1.1-1.1.1.5 b;", 'duplicate range "1.1.1.1-1.1.1.5", value: "b", old value: "a"'),  # noqa: E501
        ("ranges; delete 1.1.1.1-1.1.1.5;", 'no address range "1.1.1.1-1.1.1.5" to delete'),
    ],
)  # fmt: skip
def test_what_is_warned_about(lines: str, warned: str) -> None:
    assert warnings(f"geo $g {{ {lines} }}") == [warned]


def test_a_mistake_in_an_included_file_is_told_with_its_place() -> None:
    error = mistake("geo $g { include a.geo; }", {"a.geo": "10.0.0.0/8 a;\nnonsense b;\n"})
    assert (error.text, str(error.where)) == ('invalid network "nonsense"', "/etc/penstock/a.geo:2")


def test_two_hundred_thousand_ranges_load_without_work_that_grows_with_their_square() -> None:
    def dotted(number: int) -> str:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    lines = [f"{dotted(at)}-{dotted(at + 999)} v{at % 97};" for at in range(1 << 24, (1 << 24) + 200_000_000, 1000)]
    begun = time.process_time()
    stream("geo $g { ranges; include big.geo; }", {"big.geo": "\n".join(lines)})
    assert time.process_time() - begun < 20  # 2.6 s on a machine with nothing else to do
