"""Which memory a generation gets, and what is left of it by those that died."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from configurations import configuration, upstream

from penstock.master.zones import SEATS, ZonePool
from penstock.shared.model.limit import LimitConnZone
from penstock.shared.model.stream import Configuration, Main
from penstock.shared.template import constant


def limited(size: int = 1 << 15, key: str = "k", workers: int = 2) -> Configuration:
    made = configuration()
    zone = LimitConnZone("z", size, constant(key))
    return replace(made, main=Main(worker_processes=workers), stream=replace(made.stream, limit_zones={"z": zone}))


def zoned(*names: str | None, workers: int = 2) -> Configuration:
    made = configuration()
    upstreams = {str(number): replace(upstream(str(number), "a", "b"), zone=name) for number, name in enumerate(names)}
    return replace(made, main=Main(worker_processes=workers), stream=replace(made.stream, upstreams=upstreams))


def test_limits_outlive_a_generation() -> None:
    pool = ZonePool()
    first = pool.limits(limited())
    pool.keep(first)
    assert pool.limits(limited())["z"] is first["z"]
    for other in (limited(size=1 << 16), limited(key="other")):
        assert pool.limits(other)["z"] is not first["z"]


def test_a_zone_that_went_begins_anew() -> None:
    pool = ZonePool()
    first = pool.limits(limited())
    pool.keep({})
    assert pool.limits(limited())["z"] is not first["z"]


def test_nothing_is_made_without_zones() -> None:
    pool = ZonePool()
    assert pool.limits(configuration()) == {}
    assert pool.peers(zoned(None)) == {}
    assert pool.descriptors() == ()


def test_locks_are_a_file_that_children_keep() -> None:
    pool = ZonePool()
    pool.limits(limited())
    (descriptor,) = pool.descriptors()
    assert os.readlink(f"/proc/self/fd/{descriptor}").startswith("/memfd:penstock-locks")


def test_a_seat_is_one_workers_until_it_is_gone() -> None:
    pool = ZonePool()
    limits = pool.limits(limited())
    seats = [pool.sit() for _ in range(SEATS)]
    assert len(set(seats)) == SEATS
    with pytest.raises(OSError, match="share the zones"):
        pool.sit()
    limits["z"].enter(b"key", 5, seats[3])
    pool.rise(seats[3], limits)
    assert limits["z"].count(b"key") == 0
    assert pool.sit() == seats[3]


def test_many_workers_have_seats_for_several_generations() -> None:
    pool = ZonePool()
    pool.limits(limited(workers=100))
    assert len({pool.sit() for _ in range(800)}) == 800


def test_upstreams_of_one_zone_share_it_and_each_generation_has_its_own() -> None:
    pool = ZonePool()
    peers = pool.peers(zoned("y", "z", "z", None))
    assert list(peers) == ["y", "z"]
    assert peers["z"].capacity > peers["y"].capacity
    assert pool.peers(zoned("y"))["y"] is not peers["y"]


def test_names_are_remembered_over_generations() -> None:
    pool = ZonePool()
    assert pool.found(zoned(None)) is None
    made = zoned(None)
    peers = tuple(replace(peer, address=None, resolve=True) for peer in made.stream.upstreams["0"].peers)
    upstreams = {"0": replace(made.stream.upstreams["0"], peers=peers)}
    resolving = replace(made, stream=replace(made.stream, upstreams=upstreams))
    memory = pool.found(resolving)
    assert memory is not None
    assert pool.found(resolving) is pool.found(zoned(None)) is memory


def test_one_worker_needs_no_lock() -> None:
    pool = ZonePool()
    pool.peers(zoned("z", workers=1))
    assert pool.descriptors() == ()
    pool.peers(zoned("z", workers=2))
    assert pool.descriptors() != ()
