"""The listening sockets over the generations."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clients import connect
from ports import free_port, release

from penstock.master.inherit import Inheritance, Inherited, Opener, bound_to
from penstock.master.listeners import Listeners, Plan, overlap, share_of
from penstock.shared.errors import StartError
from penstock.shared.model.address import Address, ipv4, ipv6, unix
from penstock.shared.model.listen import Listen
from penstock.shared.model.settings import Settings
from penstock.shared.model.stream import Configuration, Main, Server, Stream
from penstock.shared.model.where import NOWHERE, Where


def configuration(workers: int, *ports: int, metrics: tuple[Address, ...] = ()) -> Configuration:
    listens = tuple(Listen(ipv4("127.0.0.1", port), Where("/c", 1)) for port in ports)
    stream = Stream(servers=(Server(listens, Settings(), None, NOWHERE),))
    return Configuration(Main(worker_processes=workers, metrics_listen=metrics), stream, "/", "/c")


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    found = free_port(), free_port()
    yield found
    for port in found:
        release(port)


@pytest.fixture
def listeners() -> Iterator[Listeners]:
    made = Listeners(Inheritance(), lambda _: None)
    yield made
    made.close()


def applied(listeners: Listeners, wanted: Configuration) -> Plan:
    plan = listeners.open(wanted)
    listeners.activate(plan)
    listeners.commit(plan)
    return plan


def sockets(plan: Plan, slot: int) -> list[socket.socket]:
    return [one for _, one in plan.for_slot(slot)]


def listening(port: int) -> bool:
    try:
        connect(port).close()
    except ConnectionRefusedError:
        return False
    return True


def test_every_slot_has_a_socket_of_its_own(listeners: Listeners, ports: tuple[int, int]) -> None:
    plan = applied(listeners, configuration(3, *ports))
    found = [one for slot in range(3) for one in sockets(plan, slot)]
    assert len({one.fileno() for one in found}) == 6


def test_a_kept_address_keeps_its_sockets(listeners: Listeners, ports: tuple[int, int]) -> None:
    before = applied(listeners, configuration(2, ports[0]))
    after = applied(listeners, configuration(2, *ports))
    assert sockets(before, 0)[0] is sockets(after, 0)[0]
    assert sockets(before, 1)[0] is sockets(after, 1)[0]


def test_fewer_workers_take_over_the_orphans(listeners: Listeners, ports: tuple[int, int]) -> None:
    before = applied(listeners, configuration(4, ports[0]))
    all_of_them = {sockets(before, slot)[0] for slot in range(4)}
    after = applied(listeners, configuration(2, ports[0]))
    assert set(sockets(after, 0)) | set(sockets(after, 1)) == all_of_them
    assert len(sockets(after, 0)) == len(sockets(after, 1)) == 2


def test_a_refused_plan_leaves_no_trace(listeners: Listeners, ports: tuple[int, int]) -> None:
    before = applied(listeners, configuration(1, ports[0]))
    refused = listeners.open(configuration(3, *ports))
    listeners.abandon(refused)
    assert [one.fileno() for one in sockets(before, 0)] != [-1]
    assert listening(ports[0])
    assert not listening(ports[1])
    again = applied(listeners, configuration(1, ports[0]))
    assert sockets(again, 0) == sockets(before, 0)


def test_what_a_plan_adds_does_not_listen_before_it_is_decided(listeners: Listeners, ports: tuple[int, int]) -> None:
    applied(listeners, configuration(1, ports[0]))
    plan = listeners.open(configuration(2, *ports))
    assert not listening(ports[1])
    clients = [connect(ports[0]) for _ in range(32)]
    assert accepted(sockets(plan, 0)[0]) == 32
    listeners.activate(plan)
    assert listening(ports[1])
    listeners.commit(plan)
    for client in clients:
        client.close()


def accepted(one: socket.socket) -> int:
    count = 0
    while True:
        try:
            one.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_an_address_that_left_the_configuration_is_closed(listeners: Listeners, ports: tuple[int, int]) -> None:
    applied(listeners, configuration(2, *ports))
    applied(listeners, configuration(2, ports[0]))
    assert listening(ports[0])
    assert not listening(ports[1])


def test_one_taken_port_opens_none(listeners: Listeners, ports: tuple[int, int]) -> None:
    with socket.create_server(("127.0.0.1", ports[1])), pytest.raises(StartError, match="Address already in use"):
        listeners.open(configuration(2, *ports))
    assert not listening(ports[0])


def test_metrics_are_answered_by_the_master_alone(listeners: Listeners, ports: tuple[int, int]) -> None:
    plan = applied(listeners, configuration(2, ports[0], metrics=(ipv4("127.0.0.1", ports[1]),)))
    (metrics,) = plan.for_metrics()
    assert metrics.getsockname()[1] == ports[1]
    assert metrics not in sockets(plan, 0) + sockets(plan, 1)


def test_one_address_cannot_be_both(listeners: Listeners, ports: tuple[int, int]) -> None:
    with pytest.raises(StartError, match="both"):
        listeners.open(configuration(1, ports[0], metrics=(ipv4("127.0.0.1", ports[0]),)))


def test_an_inherited_socket_is_shared_by_all_slots() -> None:
    given = socket.create_server(("127.0.0.1", 0))
    address = bound_to(given)
    assert address is not None
    notices: list[str] = []
    listeners = Listeners(Inheritance((Inherited(address, False, "", given),)), notices.append)
    plan = applied(listeners, configuration(2, address.port))
    assert sockets(plan, 0) == sockets(plan, 1) == [given]
    assert notices == [f"using inherited socket for {address}"]
    assert listeners.unused() == ()
    listeners.close()


def test_an_inherited_socket_that_nobody_wants_is_named(ports: tuple[int, int]) -> None:
    given = socket.create_server(("127.0.0.1", 0))
    address = bound_to(given)
    assert address is not None
    listeners = Listeners(Inheritance((Inherited(address, False, "", given),)), lambda _: None)
    applied(listeners, configuration(1, ports[0]))
    assert listeners.unused() == (address,)
    listeners.close()


def test_a_reload_may_change_options(listeners: Listeners, ports: tuple[int, int]) -> None:
    plain = configuration(1, ports[0])
    applied(listeners, plain)
    server = plain.stream.servers[0]
    larger = replace(server, listens=(replace(server.listens[0], rcvbuf=30000),))
    plan = applied(listeners, replace(plain, stream=Stream(servers=(larger,))))
    assert sockets(plan, 0)[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 60000


def test_shares_leave_no_socket_and_no_slot_out() -> None:
    pool = tuple(socket.socket() for _ in range(5))
    for count in range(1, 6):
        for workers in range(1, 6):
            shares = [share_of(slot, workers, pool[:count]) for slot in range(workers)]
            assert all(shares)
            assert {one for share in shares for one in share} == set(pool[:count])
    for one in pool:
        one.close()


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (ipv4("0.0.0.0", 80), ipv4("127.0.0.1", 80), True),
        (ipv4("0.0.0.0", 80), ipv4("127.0.0.1", 81), False),
        (ipv4("127.0.0.1", 80), ipv4("127.0.0.2", 80), False),
        (ipv4("0.0.0.0", 80), ipv6("::", 80), False),
        (unix("/a"), unix("/b"), False),
    ],
)
def test_what_overlaps(one: Address, other: Address, expected: bool) -> None:
    assert overlap(Listen(one, NOWHERE), Listen(other, NOWHERE)) is expected
    assert overlap(Listen(other, NOWHERE), Listen(one, NOWHERE)) is expected


def test_a_dual_stack_wildcard_overlaps_the_other_family() -> None:
    wide = Listen(ipv6("::", 80), NOWHERE, ipv6only=False)
    assert overlap(wide, Listen(ipv4("127.0.0.1", 80), NOWHERE))


def test_the_errno_of_a_refusal_is_in_its_text(listeners: Listeners) -> None:
    server = Server((Listen(ipv4("192.0.2.1", 1), NOWHERE),), Settings(), None, NOWHERE)
    with pytest.raises(StartError, match=rf"\({errno.EADDRNOTAVAIL}: "):
        listeners.open(Configuration(Main(), Stream(servers=(server,)), "/", "/c"))


# Two masters.


@pytest.fixture
def heir(listeners: Listeners, ports: tuple[int, int]) -> Iterator[Listeners]:
    """The listeners of a program that took over from others with two workers on both ports."""
    applied(listeners, configuration(2, *ports))
    own, given = listeners.handover()
    assert (len(own), given) == (4, [])
    made = Listeners(Inheritance(tuple(copied(one, Opener.ELDER) for one in own)), lambda _: None)
    made.elder = listeners.successor = True
    yield made
    made.close()


def copied(one: socket.socket, opener: Opener) -> Inherited:
    address = bound_to(one)
    assert address is not None
    return Inherited(address, one.type == socket.SOCK_DGRAM, "", one.dup(), opener)


def names(found: Iterable[socket.socket]) -> list[int]:
    """The kernel's numbers of sockets: the same for every copy."""
    return [os.fstat(one.fileno()).st_ino for one in found]


def test_slots_map_one_to_one(listeners: Listeners, heir: Listeners, ports: tuple[int, int]) -> None:
    before = listeners.open(configuration(2, *ports))
    after = applied(heir, configuration(2, *ports))
    for slot in range(2):
        assert names(sockets(after, slot)) == names(sockets(before, slot))
    assert heir.take_added() == []


def test_more_workers_add_sockets_that_the_old_program_keeps_too(
    listeners: Listeners, heir: Listeners, ports: tuple[int, int]
) -> None:
    before = applied(listeners, configuration(2, *ports))
    after = applied(heir, configuration(3, *ports))
    added = heir.take_added()
    assert names(added) == names(sockets(after, 2))
    assert heir.take_added() == []
    assert not listeners.outgrown(before)
    listeners.share([one.dup() for one in added])
    assert listeners.outgrown(before)
    again = applied(listeners, configuration(2, *ports))
    assert not listeners.outgrown(again)
    assert set(names(added)) <= set(names(sockets(again, 0) + sockets(again, 1)))


def test_an_added_socket_of_an_address_that_we_have_not_is_closed(listeners: Listeners) -> None:
    foreign = socket.create_server(("127.0.0.1", 0))
    listeners.share([foreign])
    assert foreign.fileno() == -1


def test_fewer_workers_serve_all_that_the_old_program_had(
    listeners: Listeners, heir: Listeners, ports: tuple[int, int]
) -> None:
    after = applied(heir, configuration(1, *ports))
    assert sorted(names(sockets(after, 0))) == sorted(names(listeners.handover()[0]))


def test_what_the_new_program_does_not_want_is_open_until_the_old_one_ends(
    listeners: Listeners, heir: Listeners, ports: tuple[int, int]
) -> None:
    applied(heir, configuration(2, *ports))
    applied(heir, configuration(2, ports[0]))
    listeners.close()
    assert heir.unused() == ()
    assert listening(ports[1])
    heir.elder_gone()
    assert listening(ports[0])
    assert not listening(ports[1])


def test_an_address_that_was_left_is_found_again(heir: Listeners, ports: tuple[int, int]) -> None:
    before = names(sockets(applied(heir, configuration(2, *ports)), 0))
    applied(heir, configuration(2, ports[0]))
    assert names(sockets(applied(heir, configuration(2, *ports)), 0)) == before


def test_a_narrower_address_may_take_the_place_of_a_wildcard(ports: tuple[int, int]) -> None:
    """The sockets of the wildcard are held, and in the way of whoever does not join them."""
    wide = socket.socket()
    wide.bind(("0.0.0.0", ports[0]))
    wide.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    wide.listen()
    heir = Listeners(Inheritance((copied(wide, Opener.ELDER),)), lambda _: None)
    wide.close()
    applied(heir, configuration(1, ports[0]))
    heir.close()


def test_new_options_reach_the_sockets_of_the_old_program(heir: Listeners, ports: tuple[int, int]) -> None:
    plain = configuration(2, *ports)
    server = plain.stream.servers[0]
    larger = replace(server, listens=tuple(replace(one, rcvbuf=30000) for one in server.listens))
    plan = applied(heir, replace(plain, stream=Stream(servers=(larger,))))
    assert sockets(plan, 1)[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 60000


def test_a_manager_s_socket_is_handed_over_as_such(ports: tuple[int, int]) -> None:
    manager = socket.create_server(("127.0.0.1", 0))
    listeners = Listeners(Inheritance((copied(manager, Opener.MANAGER),)), lambda _: None)
    manager.close()
    for wanted in (configuration(1, ports[0]), configuration(1, ports[0], listeners.unused()[0].port)):
        applied(listeners, wanted)
        own, given = listeners.handover()
        assert (len(own), len(given)) == (1, 1)
    listeners.close()


@pytest.mark.parametrize(
    ("elder", "successor", "stays"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_the_path_of_a_unix_socket_is_removed_by_who_is_left(
    tmp_path: Path, elder: bool, successor: bool, stays: bool
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        listeners = Listeners(Inheritance((copied(made, Opener.ELDER),)), lambda _: None)
    server = Server((Listen(unix(str(path)), NOWHERE),), Settings(), None, NOWHERE)
    applied(listeners, Configuration(Main(), Stream(servers=(server,)), "/", "/c"))
    listeners.elder, listeners.successor = elder, successor
    listeners.close()
    assert path.exists() is stays
