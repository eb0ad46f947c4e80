"""Every counter has a cell of its own, and untouched cells cost nothing."""

from __future__ import annotations

import os
import resource
from itertools import product

from configurations import configuration, listen, route, server, upstream

from penstock.shared.counters import (
    AIMED,
    BYTES_IN,
    BYTES_OUT,
    STATUS_OFFSET,
    Histogram,
    Layout,
    handshake_offset,
    make_rows,
    touched,
)
from penstock.shared.model.stream import ProxyPass, Server
from penstock.shared.model.where import NOWHERE
from penstock.shared.template import Template
from penstock.shared.words import (
    CONNECT_OUTCOMES,
    HANDSHAKE_OUTCOMES,
    REFUSALS,
    SNIFF_OUTCOMES,
    TLS_VERSIONS,
    WORKER_EVENTS,
)

CELLS_OF_A_PAGE = resource.getpagesize() // 8
LAYOUT = Layout.for_configuration(
    configuration(
        servers=[server([81, 82], "pair"), server([82, 83], "other")],
        sniffing=[5555],
        routes=[route("vault", "keys"), route("orders")],
    )
)


def all_cells(layout: Layout) -> list[int]:
    cells = [0, *range(layout.worker_events, layout.worker_events + len(WORKER_EVENTS))]
    cells += [cell for cell, _ in layout.plugins.cells()]
    for histogram in (layout.session_duration, layout.upstream_connect):
        cells += range(histogram.base, histogram.base + histogram.size)
    for listener in range(len(layout.labels)):
        cells.append(layout.active(listener))
        cells += range(layout.sniff(listener), layout.sniff(listener) + len(SNIFF_OUTCOMES))
        cells += range(layout.refused(listener), layout.refused(listener) + len(REFUSALS))
        for version, resumed, outcome in product((None, *TLS_VERSIONS), (False, True), HANDSHAKE_OUTCOMES):
            cells.append(layout.handshake(listener, version, resumed, outcome))
        for target in range(layout.route_target(len(layout.configuration.stream.gateway.routes))):
            cells += [layout.sessions(listener, target) + offset for offset in STATUS_OFFSET.values()]
            cells += [layout.bytes(listener, target) + BYTES_IN, layout.bytes(listener, target) + BYTES_OUT]
    for number in range(len(layout.upstreams)):
        for peer in range(len(layout.peers(number))):
            cells += range(layout.connects(number, peer), layout.connects(number, peer) + len(CONNECT_OUTCOMES))
    return cells


def test_the_cells_fill_the_row_without_overlapping() -> None:
    assert sorted(all_cells(LAYOUT)) == list(range(LAYOUT.size))


def test_listeners_are_numbered_by_label_servers_first() -> None:
    assert [label.split(":")[1] for label in LAYOUT.labels] == ["81", "82", "83", "5555"]
    assert LAYOUT.listener(listen(5555).label) == 3


def test_targets_are_none_then_servers_then_routes() -> None:
    assert LAYOUT.target_labels(0) == ("", "")
    assert LAYOUT.target_labels(LAYOUT.server_target(1)) == ("", "other")
    assert LAYOUT.target_labels(LAYOUT.route_target(0)) == ("vault", "keys")
    assert LAYOUT.target_labels(LAYOUT.route_target(1)) == ("orders", "")


def test_a_session_cell_leads_back_to_listener_and_target() -> None:
    for listener, target in product(range(4), range(5)):
        assert LAYOUT.pair_at(LAYOUT.sessions(listener, target)) == (listener, target, 0)
        assert LAYOUT.pair_at(LAYOUT.bytes(listener, target) + BYTES_OUT) == (listener, target, 7)


def test_a_connect_cell_leads_back_to_upstream_and_peer() -> None:
    layout = Layout(configuration(servers=[_server("one", "a", "b"), _server("two", "c")]))
    cell = layout.connects(layout.upstream("one"), layout.peer(0, "b")) + CONNECT_OUTCOMES.index("timeout")
    assert layout.peer_at(cell) == ("one", "b", "timeout")
    assert layout.peer_at(layout.connects(layout.upstream("two"), 0)) == ("two", "c", "ok")


def _server(name: str, *peers: str) -> Server:
    return Server(
        (listen(1),), configuration().stream.gateway.settings, ProxyPass(name, upstream(name, *peers)), NOWHERE
    )


def test_a_proxy_pass_with_variables_is_an_upstream_under_its_text() -> None:
    handler = ProxyPass("$where", None, Template("$where", (lambda _session: "",)))
    layout = Layout(
        configuration(servers=[Server((listen(1),), configuration().stream.gateway.settings, handler, NOWHERE)])
    )
    assert layout.peers(layout.upstream("$where")) == ("$where",)


def test_implicit_upstreams_of_one_name_share_its_peers() -> None:
    layout = Layout(configuration(servers=[_server("db:1", "a"), _server("db:1", "b", "a")]))
    assert layout.upstreams == ("db:1", AIMED)
    assert layout.peers(0) == ("a", "b")


def test_the_service_of_a_route_brings_its_upstream() -> None:
    assert LAYOUT.peers(LAYOUT.upstream("keys.test:1")) == ("keys.test:1",)


def test_an_unknown_tls_version_counts_as_none() -> None:
    assert handshake_offset("TLSv9", True, "ok") == handshake_offset(None, True, "ok")


def test_a_histogram_puts_a_value_on_its_bound_below_it() -> None:
    histogram = Histogram((0.1, 1.0), 1)
    row = memoryview(bytearray(8 * 5)).cast("Q")
    for seconds in (0.1, 0.5, 1.0, 7.0):
        histogram.observe(row, seconds)
    assert row.tolist() == [0, 1, 2, 1, 8_600_000]


def test_a_clock_that_went_back_counts_as_no_time() -> None:
    histogram = Histogram((0.1,), 0)
    row = memoryview(bytearray(8 * 3)).cast("Q")
    histogram.observe(row, -5.0)
    assert row.tolist() == [1, 0, 0]


def test_rows_begin_with_their_number_and_are_zero() -> None:
    _, rows = make_rows(LAYOUT, 3)
    assert [row[0] for row in rows] == [0, 1, 2]
    assert all(len(row) == LAYOUT.size and not any(row[1:]) for row in rows)


def test_what_a_child_counts_is_seen_by_its_parent() -> None:
    _, rows = make_rows(LAYOUT, 2)
    cell = LAYOUT.sessions(3, 4)
    child = os.fork()
    if child == 0:
        rows[1][cell] += 7
        os._exit(0)
    os.waitpid(child, 0)
    assert rows[1][cell] == 7
    assert rows[0][cell] == 0


def test_only_touched_parts_are_given() -> None:
    layout = Layout(configuration(sniffing=[1], routes=[route(f"r{number}") for number in range(5000)]))
    _, rows = make_rows(layout, 3)
    cells = {layout.sessions(0, layout.route_target(number)) for number in (17, 4999)}
    for cell in cells:
        rows[1][cell] += 1
    parts = list(touched(rows[1], layout.session_cells()))
    assert {cell for part in parts for cell in part if rows[1][cell]} == cells
    assert sum(len(part) for part in parts) <= 2 * CELLS_OF_A_PAGE
    assert sum(len(part) for part in touched(rows[0], layout.session_cells())) < CELLS_OF_A_PAGE


def test_a_row_of_ordinary_memory_is_taken_whole() -> None:
    row = memoryview(bytearray(8 * LAYOUT.size)).cast("Q")
    assert list(touched(row, LAYOUT.session_cells())) == [LAYOUT.session_cells()]


def test_a_hundred_thousand_routes_on_ten_listeners_take_no_memory() -> None:
    layout = Layout(configuration(sniffing=range(1, 11), routes=[route("same")] * 100_000))
    memory, rows = make_rows(layout, 4)
    assert layout.size > 8_000_000
    for row in rows:
        assert sum(len(part) for part in touched(row, layout.session_cells())) < CELLS_OF_A_PAGE
    assert os.fstat(memory.descriptor).st_blocks * 512 <= 4 * resource.getpagesize()


def test_the_descriptor_goes_with_the_memory() -> None:
    memory, rows = make_rows(LAYOUT, 1)
    descriptor = memory.descriptor
    inode = os.fstat(descriptor).st_ino
    del memory, rows
    assert not _is(descriptor, inode)


def _is(descriptor: int, inode: int) -> bool:
    try:
        return os.fstat(descriptor).st_ino == inode
    except OSError:
        return False
