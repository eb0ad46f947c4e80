"""Sockets of a service manager."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from deadline import seconds

from penstock.master.inherit import (
    HANDOVER,
    Handover,
    Inheritance,
    Inherited,
    bound_to,
    handover_of,
    inherit,
    runs,
    spread,
)
from penstock.shared.errors import StartError
from penstock.shared.model.address import ipv4, ipv6, unix


def held(one: socket.socket, udp: bool = False) -> Inherited:
    address = bound_to(one)
    assert address is not None
    return Inherited(address, udp, "", one)


def test_a_socket_is_found_by_its_address_and_taken_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        inheritance = Inheritance((held(one), held(other)))
        address = ipv4("127.0.0.1", one.getsockname()[1])
        assert inheritance.take(address, udp=True) == []
        assert [found.socket for found in inheritance.take(address, udp=False)] == [one]
        assert inheritance.take(address, udp=False) == []
        assert [left.socket for left in inheritance.left()] == [other]


def test_addresses_have_the_form_of_a_listen(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as local, socket.socket(socket.AF_INET6) as six:
        local.bind(path)
        assert bound_to(local) == unix(path)
        six.bind(("::1", 0))
        assert bound_to(six) == ipv6("::1", six.getsockname()[1])
    with socket.socket(socket.AF_UNIX) as nameless:
        assert bound_to(nameless) is None


def test_what_is_meant_for_another_process_is_left_alone() -> None:
    environ = {"LISTEN_PID": str(os.getpid() + 1), "LISTEN_FDS": "1"}
    assert inherit(environ, os.getpid()).left() == ()
    assert environ == {}


def test_nonsense_is_no_announcement() -> None:
    assert inherit({"LISTEN_PID": "x", "LISTEN_FDS": "1"}, os.getpid()).left() == ()
    assert inherit({}, os.getpid()).left() == ()


def test_announced_descriptors_become_sockets() -> None:
    """In a child, whose descriptor 3 may be anything we like."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        wanted = ipv4("127.0.0.1", one.getsockname()[1])
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.dup2(one.fileno(), 3)
                environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "web"}
                (found,) = inherit(environ, os.getpid()).left()
                assert (found.address, found.name, found.udp) == (wanted, "web", False)
                assert not found.socket.getblocking()
                assert not os.get_inheritable(3)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
    assert status == 0


HANDED: Final = """
import os, socket
from penstock.master.inherit import HANDOVER, Handover, Opener, inherit
own, given, udp = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0)), socket.socket(type=2)
udp.bind(("127.0.0.1", 0))
fds = [one.detach() for one in (own, udp, given)]
rest = [os.open("/", os.O_RDONLY) for _ in range(3)]
for fd in (*fds, *rest):
    os.set_inheritable(fd, True)
environ = {HANDOVER: Handover(1, *rest, fds[:2], fds[2:]).text(), "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "9"}
found = inherit(environ, os.getpid())
assert environ == {}
assert [(one.opener, one.udp, one.socket.fileno()) for one in found.left()] == [
    (Opener.ELDER, False, fds[0]), (Opener.ELDER, True, fds[1]), (Opener.MANAGER, False, fds[2])]
assert not any(map(os.get_inheritable, (*fds, *rest)))
assert found.handover.elder == 1
os._exit(42)
"""


def test_what_an_old_program_hands_over_is_told_from_what_a_manager_gave() -> None:
    assert subprocess.run((sys.executable, "-c", HANDED), timeout=seconds(20), check=False).returncode == 42


@pytest.mark.parametrize("text", ["", "5;6;7;", "{}", '{"elder": 1}', "[]"])
def test_a_variable_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(StartError, match="PENSTOCK_UPGRADE"):
        inherit({HANDOVER: text}, os.getpid())


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([], []), ([5], [[5, 1]]), ([5, 6, 7, 9, 8], [[5, 3], [9, 1], [8, 1]]), ([3, 3], [[3, 1], [3, 1]])],
)
def test_runs_of_numbers_keep_their_order(numbers: list[int], expected: list[list[int]]) -> None:
    assert runs(numbers) == expected
    assert spread((first, length) for first, length in expected) == numbers


def test_very_many_sockets_fit_into_a_variable() -> None:
    handover = Handover(1, 2, 3, 4, list(range(100, 200_000)), [7, 9])
    assert len(handover.text()) < 1000
    assert handover_of(handover.text()) == handover


def test_a_number_that_is_no_socket_is_refused() -> None:
    reading, writing = os.pipe()
    for handover in (
        Handover(1, reading, reading, reading, [writing], []),
        Handover(1, 999999, reading, reading, [], []),
    ):
        with pytest.raises(StartError, match=r'invalid descriptor "\d+" was inherited'):
            inherit({HANDOVER: handover.text()}, os.getpid())
    os.close(reading)
    os.close(writing)


def test_what_nobody_listens_on_any_more_is_held_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        inheritance = Inheritance((held(one),))
        taken = inheritance.take(ipv4("127.0.0.1", one.getsockname()[1]), udp=False)
        inheritance.give_back(taken)
        assert list(inheritance.left()) == taken
