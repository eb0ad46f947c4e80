"""What workers know together of peers."""

from __future__ import annotations

from penstock.shared.peer_zone import KNOWN, NONE, NUMBERS, SPARE, PeerZone
from penstock.shared.zones import UNSHARED


def zone(peers: int = 2, size: int = 0) -> PeerZone:
    return PeerZone(size, peers, 2, UNSHARED)


def test_a_peer_has_one_record_whoever_asks() -> None:
    memory = zone()
    assert memory.record("a", 0) == memory.record("a", 1) != memory.record("b", 1)


def test_sessions_are_summed_and_those_of_the_dead_forgotten() -> None:
    memory = zone()
    record = memory.record("a", 0)
    memory.conns[record * 2], memory.conns[record * 2 + 1] = 3, 4
    assert memory.total(record) == 7
    memory.forget(0)
    assert memory.total(record) == 4


def test_size_makes_room() -> None:
    assert zone(1).capacity == 1 + SPARE
    assert zone(1, 1 << 20).capacity == 2048


def test_a_record_that_nobody_uses_goes_to_another_when_there_is_no_room() -> None:
    memory = zone()
    names = [str(number) for number in range(memory.capacity)]
    records = [memory.record(name, number % 2) for number, name in enumerate(names)]
    assert memory.record("more", 0) == NONE
    memory.numbers[records[5] * NUMBERS + KNOWN] = 1
    memory.release(records[5], 1)
    assert memory.record("more", 0) == records[5]
    assert memory.numbers[records[5] * NUMBERS + KNOWN] == 0
    assert memory.record("5", 0) == NONE
    memory.forget(1)
    assert memory.record("5", 0) == records[1]
