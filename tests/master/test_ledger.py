"""Totals never go back, whatever happens to workers and layouts."""

from __future__ import annotations

from configurations import configuration, route, server
from hypothesis import given
from hypothesis import strategies as st

from penstock.master.ledger import KNOWN_LIMIT, SUM, Family, Key, Ledger
from penstock.shared.counters import BYTES_IN, STATUS_OFFSET, Layout, make_rows
from penstock.shared.live.cells import Cells
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Configuration
from penstock.shared.words import CONNECT_OUTCOMES, REFUSALS, SNIFF_OUTCOMES, WORKER_EVENTS

SMALL = configuration(servers=[server([81], "pair")], sniffing=[5555], routes=[route("vault", "keys")])
OK_SESSIONS = Key(Family.SESSIONS, ("127.0.0.1:81", "", "pair", "200"))


def born(ledger: Ledger, generation: int, what: Configuration = SMALL, slot: int = 0) -> tuple[Layout, memoryview]:
    layout = Layout(what)
    _, rows = make_rows(layout, slot + 1)
    ledger.add(generation, slot, layout, rows[slot])
    return layout, rows[slot]


def count_sessions(layout: Layout, row: memoryview, number: int) -> None:
    row[layout.sessions(0, layout.server_target(0)) + STATUS_OFFSET[200]] += number


def test_rows_of_all_workers_are_added_up() -> None:
    ledger = Ledger()
    for slot in range(3):
        count_sessions(*born(ledger, 1, slot=slot), 5)
    assert ledger.samples()[OK_SESSIONS] == 15


def test_what_a_dead_worker_counted_is_kept_once() -> None:
    ledger = Ledger()
    layout, row = born(ledger, 1)
    count_sessions(layout, row, 5)
    ledger.retire(1, 0)
    ledger.retire(1, 0)
    assert ledger.samples()[OK_SESSIONS] == 5


def test_the_next_worker_of_a_slot_begins_with_an_empty_row() -> None:
    ledger = Ledger()
    layout, row = born(ledger, 1)
    count_sessions(layout, row, 5)
    ledger.retire(1, 0)
    assert not any(row[1:])
    ledger.add(1, 0, layout, row)
    count_sessions(layout, row, 2)
    assert ledger.samples()[OK_SESSIONS] == 7


def test_a_slot_taken_again_without_being_retired_is_not_lost() -> None:
    ledger = Ledger()
    layout, row = born(ledger, 1)
    count_sessions(layout, row, 5)
    count_sessions(*born(ledger, 1), 2)
    assert ledger.samples()[OK_SESSIONS] == 7


def test_totals_survive_a_reload_that_moves_the_cells() -> None:
    ledger = Ledger()
    count_sessions(*born(ledger, 1), 5)
    other = configuration(servers=[server([80, 79], "new"), server([81], "pair")])
    layout, row = born(ledger, 2, other)
    row[layout.sessions(layout.listener("127.0.0.1:81"), layout.server_target(1))] += 3
    assert ledger.samples()[OK_SESSIONS] == 8
    ledger.retire(1, 0)
    assert ledger.samples()[OK_SESSIONS] == 8


def test_what_a_removed_route_counted_stays() -> None:
    ledger = Ledger()
    layout, row = born(ledger, 1)
    row[layout.bytes(1, layout.route_target(0)) + BYTES_IN] += 1 << 40
    ledger.retire(1, 0)
    born(ledger, 2, configuration(servers=[server([81], "pair")]))
    assert ledger.samples()[Key(Family.BYTES, ("127.0.0.1:5555", "vault", "in"))] == 1 << 40


def test_open_sessions_end_with_their_worker() -> None:
    ledger = Ledger()
    layout, row = born(ledger, 1)
    born(ledger, 1, slot=1)
    row[layout.active(0)] += 4
    active = Key(Family.ACTIVE, ("127.0.0.1:81",))
    assert ledger.samples()[active] == 4
    ledger.retire(1, 0)
    assert ledger.samples()[active] == 0


def test_every_kind_of_cell_comes_out_under_its_labels() -> None:
    ledger = Ledger()
    layout, row = born(ledger, 1)
    row[layout.worker_events + WORKER_EVENTS.index("log_lost")] = 1
    row[layout.sniff(1) + SNIFF_OUTCOMES.index("plain")] = 2
    row[layout.refused(1) + REFUSALS.index("no_route")] = 3
    row[layout.handshake(1, "TLSv1.3", True, "ok")] = 4
    row[layout.handshake(1, None, False, "failed")] = 5
    row[layout.connects(layout.upstream("pair"), 0) + CONNECT_OUTCOMES.index("refused")] = 6
    layout.session_duration.observe(row, 0.007)
    values = ledger.samples()
    assert values[Key(Family.EVENTS, ("log_lost",))] == 1
    assert values[Key(Family.SNIFF, ("127.0.0.1:5555", "plain"))] == 2
    assert values[Key(Family.REFUSED, ("127.0.0.1:5555", "no_route"))] == 3
    assert values[Key(Family.HANDSHAKES, ("127.0.0.1:5555", "TLSv1.3", "yes", "ok"))] == 4
    assert values[Key(Family.HANDSHAKES, ("127.0.0.1:5555", "none", "no", "failed"))] == 5
    assert values[Key(Family.CONNECTS, ("pair", "pair", "refused"))] == 6
    assert values[Key(Family.SESSION_DURATION, ("1",))] == 1
    assert values[Key(Family.SESSION_DURATION, (SUM,))] == 7000


def test_series_known_from_the_configuration_begin_at_zero() -> None:
    ledger = Ledger()
    born(ledger, 1, configuration([server([81], "pair", ssl=True)], sniffing=[5555], routes=[route("vault", "keys")]))
    values = ledger.samples()
    for key in (
        OK_SESSIONS,
        Key(Family.SESSIONS, ("127.0.0.1:5555", "", "", "400")),
        Key(Family.SESSIONS, ("127.0.0.1:5555", "vault", "keys", "502")),
        Key(Family.BYTES, ("127.0.0.1:5555", "vault", "out")),
        Key(Family.SNIFF, ("127.0.0.1:5555", "tls")),
        Key(Family.REFUSED, ("127.0.0.1:81", "no_peer")),
        Key(Family.HANDSHAKES, ("127.0.0.1:81", "TLSv1.3", "no", "ok")),
        Key(Family.HANDSHAKES, ("127.0.0.1:5555", "none", "no", "timeout")),
        Key(Family.CONNECTS, ("keys.test:1", "keys.test:1", "ok")),
    ):
        assert values[key] == 0


def test_a_listener_that_sniffs_for_preread_begins_its_outcomes_at_zero() -> None:
    ledger = Ledger()
    born(ledger, 1, configuration([server([81], "pair", Settings(ssl_preread=True)), server([82], "pair")]))
    sniffing = {key.labels[0] for key in ledger.samples() if key.family is Family.SNIFF}
    assert sniffing == {"127.0.0.1:81"}


def test_too_many_series_appear_only_once_they_are_touched() -> None:
    ledger = Ledger()
    routes = [route(f"r{number}") for number in range(KNOWN_LIMIT)]
    layout, row = born(ledger, 1, configuration([server([81], "pair")], sniffing=[5555], routes=routes))
    assert not any(key.labels[1] for key in ledger.samples() if key.family is Family.SESSIONS)
    row[layout.sessions(1, layout.route_target(999))] += 1
    values = ledger.samples()
    assert values[Key(Family.SESSIONS, ("127.0.0.1:5555", "r999", "", "200"))] == 1
    assert values[OK_SESSIONS] == 0


def test_zeros_of_a_configuration_go_with_it() -> None:
    ledger = Ledger()
    born(ledger, 1)
    ledger.retire(1, 0)
    born(ledger, 2, configuration(servers=[server([82], "pair")]))
    assert OK_SESSIONS not in ledger.samples()


@given(
    st.lists(st.tuples(st.sampled_from(["count", "die", "reload"]), st.integers(0, 1), st.integers(1, 50)), max_size=30)
)
def test_no_order_of_deaths_and_reloads_makes_a_total_go_back(steps: list[tuple[str, int, int]]) -> None:
    ledger, generation, total, seen = Ledger(), 0, 0, 0
    alive = {slot: born(ledger, generation, slot=slot) for slot in (0, 1)}
    for step, slot, number in steps:
        if step == "count":
            count_sessions(*alive[slot], number)
            total += number
        elif step == "die":
            ledger.retire(generation, slot)
            ledger.add(generation, slot, *alive[slot])
        else:
            old, generation = generation, generation + 1
            alive = {slot: born(ledger, generation, slot=slot) for slot in (0, 1)}
            ledger.retire(old, 0)
            ledger.retire(old, 1)
        now = ledger.samples()[OK_SESSIONS]
        assert now >= seen
        assert now == total
        seen = now


def test_routes_that_come_later_count_under_their_names_and_for_good() -> None:
    ledger, live = Ledger(), Cells(routes=8, peers=8)
    layout = Layout(SMALL, live)
    _, (row,) = make_rows(layout, 1)
    ledger.add(1, 0, layout, row)
    label = layout.labels.index("127.0.0.1:5555")
    key = Key(Family.SESSIONS, ("127.0.0.1:5555", "late", "s", "200"))
    assert key not in ledger.samples()
    number = live.routes.number(("late", "s"))
    assert ledger.samples()[key] == 0
    row[layout.sessions(label, layout.live_target(number)) + STATUS_OFFSET[200]] += 4
    row[layout.live_connects("up", "10.0.0.1:1") + CONNECT_OUTCOMES.index("ok")] += 2
    ledger.retire(1, 0)
    assert not any(row[1:])
    assert ledger.samples()[key] == 4
    assert ledger.samples()[Key(Family.CONNECTS, ("up", "10.0.0.1:1", "ok"))] == 2
