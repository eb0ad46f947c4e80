"""Numbers of counters."""

from __future__ import annotations

from configurations import configuration, route

from penstock.shared.counters import STATUS_OFFSET, Layout, make_rows
from penstock.shared.live.cells import OTHER, Cells, Numbers
from penstock.shared.words import CONNECT_OUTCOMES


def test_labels_keep_their_number() -> None:
    numbers = Numbers(10)
    assert [numbers.number(each) for each in (("a", "s"), ("b", "s"), ("a", "s"))] == [0, 1, 0]
    assert list(numbers) == [("a", "s"), ("b", "s")]
    assert len(numbers) == 2
    assert numbers.labels_of(1) == ("b", "s")


def test_what_comes_too_late_shares_the_last_number() -> None:
    numbers = Numbers(3)
    assert [numbers.number((each, "")) for each in "abcd"] == [0, 1, 2, 2]
    assert numbers.number(("b", "")) == 1
    assert numbers.labels_of(2) == (OTHER, OTHER)


def test_a_row_has_cells_of_its_own_for_what_comes_later() -> None:
    live = Cells(routes=4, peers=3)
    layout = Layout(configuration(sniffing=[5555, 5556], routes=[route("r", "s")]), live)
    cells = [layout.sessions(listener, target) for listener in (0, 1) for target in range(2)]
    for listener in (0, 1):
        cells += [layout.sessions(listener, layout.live_target(live.routes.number((each, "s")))) for each in "abcde"]
    distinct = {cell + offset for cell in cells for offset in STATUS_OFFSET.values()}
    assert len(distinct) == (4 + 2 * 4) * len(STATUS_OFFSET)
    assert max(distinct) < layout.size
    peers = [layout.live_connects("up", each) for each in "abcd"]
    assert peers[2] == peers[3] == peers[0] + 2 * len(CONNECT_OUTCOMES)
    assert not set(peers) & distinct
    assert layout.peer_at(peers[1] + 1) == ("up", "b", CONNECT_OUTCOMES[1])
    assert layout.peer_at(peers[3]) == (OTHER, OTHER, CONNECT_OUTCOMES[0])
    _, target, _ = layout.pair_at(layout.sessions(1, layout.live_target(1)))
    assert layout.target_labels(target) == ("b", "s")
    assert layout.target_labels(1) == ("r", "s")


def test_room_for_a_million_routes_costs_nothing_until_it_is_used() -> None:
    layout = Layout(configuration(sniffing=[5555]), Cells())
    memory, (row,) = make_rows(layout, 1)
    row[layout.sessions(0, layout.live_target(1 << 19))] += 1
    with open("/proc/self/smaps") as maps:
        text = maps.read()
    used = [block for block in text.split("\n7") if "penstock-counters" in block]
    resident = sum(int(line.split()[1]) for block in used for line in block.splitlines() if line.startswith("Rss:"))
    assert len(memory) > 1 << 26
    assert resident < 1024
