"""Change sets in files that several processes read."""

from __future__ import annotations

import os
from types import MappingProxyType

from record_making import gone, put, service

from penstock.shared.live.records import Changed
from penstock.shared.live.wire import PART, parts, read, written


def test_what_is_written_is_read_by_all() -> None:
    changes = (put("services", service("ü")), gone("routes", "r"))
    descriptor = written(changes)
    try:
        assert read(descriptor) == read(descriptor) == changes
    finally:
        os.close(descriptor)


def test_frozen_records_are_sent() -> None:
    frozen = MappingProxyType(
        {"id": "1", "protocols": frozenset({"tls", "tcp"}), "service": MappingProxyType({"id": "2"})}
    )
    descriptor = written([Changed("routes", "1", frozen)])
    try:
        assert read(descriptor)[0].after == {"id": "1", "protocols": ["tcp", "tls"], "service": {"id": "2"}}
    finally:
        os.close(descriptor)


def test_a_large_set_is_cut() -> None:
    changes = [gone("routes", str(number)) for number in range(PART * 2 + 1)]
    cut = list(parts(changes))
    assert [len(part) for part in cut] == [PART, PART, 1]
    assert [each for part in cut for each in part] == changes
    assert list(parts([])) == []


def test_records_of_different_sets_share_the_names_of_their_fields() -> None:
    names = []
    for record in (service("a"), service("b")):
        descriptor = written([put("services", record)])
        after = read(descriptor)[0].after
        os.close(descriptor)
        assert after is not None
        names.append([id(name) for name in after])
    assert names[0] == names[1]
