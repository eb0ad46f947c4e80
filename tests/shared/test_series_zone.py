"""The memory of plugins' metrics, in one process and in several."""

from __future__ import annotations

import os

from penstock.shared.series_zone import NONE, SeriesZone
from penstock.shared.zones import UNSHARED, LockFile


def test_series_have_cells_of_their_own() -> None:
    zone = SeriesZone(UNSHARED)
    one, two = zone.find(b"one", 3), zone.find(b"two", 1)
    zone.add(((one, 1), (one + 2, 5)))
    zone.add(((two, 7), (two, 1)))
    assert list(zone) == [(b"one", [1, 0, 5]), (b"two", [8])]
    assert zone.find(b"one", 3) == one


def test_what_there_is_no_room_for_is_counted() -> None:
    zone = SeriesZone(UNSHARED, series=3, texts=8, cells=4)
    assert zone.find(b"abc", 1) >= 0
    assert zone.find(b"abcdef", 1) == NONE, "no room for its text"
    assert zone.find(b"de", 4) == NONE, "no room for its cells"
    assert [zone.find(b"d", 1), zone.find(b"e", 1)] == [1, 2]
    assert zone.find(b"f", 1) == NONE, "no room for another one"
    assert zone.refused == 3


def test_processes_find_each_others_series_and_add_up() -> None:
    locks = LockFile()
    zone = SeriesZone(locks.lock())
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            for turn in range(500):
                zone.add(((zone.find(b"all", 1), 1), (zone.find(b"%d" % ((number + turn) % 7), 2) + 1, 1)))
            os._exit(0)
        children.append(pid)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
    found = dict(zone)
    assert found.pop(b"all") == [2000]
    assert sorted(found) == [b"%d" % number for number in range(7)]
    assert sum(cells[1] for cells in found.values()) == 2000
    locks.close()
