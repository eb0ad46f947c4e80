"""What all processes know of the peers' health."""

from __future__ import annotations

import os

import pytest

from penstock.shared.health_zone import FAILURES, NONE, TIMEOUTS, HealthZone
from penstock.shared.zones import UNSHARED, LockFile


@pytest.fixture
def zone() -> HealthZone:
    return HealthZone(UNSHARED, records=4)


def test_a_peer_has_one_record(zone: HealthZone) -> None:
    assert zone.record("u", "127.0.0.1:1") == zone.record("u", "127.0.0.1:1")
    assert zone.record("v", "127.0.0.1:1") != zone.record("u", "127.0.0.1:1")
    assert list(zone.peers()) == [("u", "127.0.0.1:1", 0), ("v", "127.0.0.1:1", 1)]


def test_without_room_there_is_no_record(zone: HealthZone) -> None:
    for number in range(4):
        assert zone.record("u", f"127.0.0.1:{number}") == number
    assert zone.record("u", "127.0.0.1:9") == NONE
    assert zone.record("u" * 300, "127.0.0.1:1") == NONE


def test_a_released_record_stays_its_peers_while_there_is_room(zone: HealthZone) -> None:
    record = zone.record("u", "a")
    zone.release(record)
    assert list(zone.peers()) == []
    assert zone.record("u", "b") != record
    assert zone.record("u", "a") == record
    assert [address for _, address, _ in zone.peers()] == ["a", "b"]


def test_without_room_a_released_record_is_anothers() -> None:
    locks = LockFile()
    zone = HealthZone(locks.lock(), records=2)
    first, second = zone.record("u", "a"), zone.record("u", "b")
    zone.set(first, ill=True)
    zone.release(first)
    child = os.fork()
    if not child:
        os._exit(zone.record("u", "c") != first)
    assert os.waitpid(child, 0)[1] == 0
    assert sorted(zone.peers()) == [("u", "b", second), ("u", "c", first)]
    assert not zone.ill(first)
    assert zone.record("u", "a") == NONE
    zone.release(second)
    assert zone.record("u", "a") == second
    locks.close()


def test_ten_thousand_peers_come_and_go(zone: HealthZone) -> None:
    for number in range(10_000):
        record = zone.record("u", str(number))
        assert record != NONE
        zone.release(record)
    assert len(list(zone.peers())) == 0


def test_a_record_tells_when_a_worker_had_the_peer(zone: HealthZone) -> None:
    record = zone.record("u", "a")
    assert zone.seen(record) == 0
    zone.see(record, 77)
    assert zone.seen(record) == 77


def test_a_state_is_news_once(zone: HealthZone) -> None:
    record = zone.record("u", "a")
    before = zone.version
    assert not zone.set(record, ill=False)
    assert zone.set(record, ill=True)
    assert not zone.set(record, ill=True)
    assert zone.ill(record)
    assert zone.version == before + 1


def test_failures_in_a_row_put_a_peer_out_of_service(zone: HealthZone) -> None:
    record = zone.record("u", "a")
    assert [zone.failed(record, FAILURES, 3) for _ in range(4)] == [False, False, True, False]
    assert zone.ill(record)


def test_a_success_begins_the_count_anew(zone: HealthZone) -> None:
    record = zone.record("u", "a")
    zone.failed(record, TIMEOUTS, 2)
    zone.succeeded(record)
    assert not zone.failed(record, TIMEOUTS, 2)
    assert not zone.ill(record)


def test_what_a_child_finds_out_is_known_to_its_parent() -> None:
    locks = LockFile()
    zone = HealthZone(locks.lock())
    mine = zone.record("u", "a")
    child = os.fork()
    if not child:
        zone.set(zone.record("u", "a"), ill=True)
        zone.set(zone.record("u", "b"), ill=True)
        os._exit(0)
    os.waitpid(child, 0)
    assert zone.ill(mine)
    assert [(upstream, address, zone.ill(record)) for upstream, address, record in zone.peers()] == [
        ("u", "a", True),
        ("u", "b", True),
    ]
    locks.close()
