"""What the service manager hears, over a real socket in its place."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.master.notify import Notifier


class Manager:
    """The manager's end."""

    def __init__(self, address: str) -> None:
        self._wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._wire.settimeout(5)
        self._wire.bind("\0" + address[1:] if address.startswith("@") else address)
        self.notifier = Notifier({"NOTIFY_SOCKET": address}, monotonic_ns=lambda: 12_345_678_901)

    def heard(self) -> list[str]:
        return self._wire.recv(4096).decode().splitlines()

    def close(self) -> None:
        self._wire.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.close()


def test_ready_carries_a_status(manager: Manager) -> None:
    manager.notifier.ready("2 workers\nserve")
    assert manager.heard() == ["READY=1", "STATUS=2 workers serve"]


def test_reloading_carries_the_monotonic_time_in_microseconds(manager: Manager) -> None:
    manager.notifier.reloading()
    assert manager.heard() == ["RELOADING=1", "MONOTONIC_USEC=12345678"]


def test_the_other_words(manager: Manager) -> None:
    manager.notifier.stopping()
    manager.notifier.status("draining")
    manager.notifier.main_pid(4711)
    manager.notifier.watchdog()
    assert [manager.heard() for _ in range(4)] == [
        ["STOPPING=1"],
        ["STATUS=draining"],
        ["MAINPID=4711"],
        ["WATCHDOG=1"],
    ]


def test_an_empty_status_is_not_sent(manager: Manager) -> None:
    manager.notifier.status("")
    manager.notifier.ready()
    assert manager.heard() == ["READY=1"]


def test_an_abstract_socket_is_reached() -> None:
    manager = Manager(f"@penstock-test-{os.getpid()}")
    manager.notifier.ready()
    assert manager.heard() == ["READY=1"]
    manager.close()


def test_without_a_manager_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    assert not notifier.enabled
    assert notifier.watchdog_interval is None


def test_a_manager_that_went_away_raises_nothing(manager: Manager, tmp_path: Path) -> None:
    manager.close()
    manager.notifier.ready()
    (tmp_path / "notify").unlink()
    manager.notifier.ready()


def test_a_manager_that_does_not_listen_holds_us_up_only_for_a_moment(manager: Manager) -> None:
    manager._wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as filler:
        filler.setblocking(False)
        filler.connect(str(manager._wire.getsockname()))
        with contextlib.suppress(BlockingIOError):
            while True:
                filler.send(b"x")
    manager.notifier.watchdog()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(environ: dict[str, str], interval: float | None) -> None:
    assert Notifier(environ).watchdog_interval == interval
