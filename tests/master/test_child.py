"""One worker: what it keeps of its master, what is said, how it ended."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from newborn import answer, born, said, saying

from penstock.master.child import TITLE, Child, death_of
from penstock.shared.birth import Birth
from penstock.shared.messages import MAX_MESSAGE, Verb, decode, encode


def open_descriptors(_: Birth) -> str:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}") if int(name) > 2 else "")
        except OSError:
            continue  # the folder's own
    return " ".join(sorted(filter(None, found)))


def test_a_worker_keeps_only_what_it_was_given(tmp_path: Path) -> None:
    secret = os.open("/etc/passwd", os.O_RDONLY)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = born(tmp_path, saying(open_descriptors), listener=listener)
        kept = said(child).split()
        child.wait()
    os.close(secret)
    assert "/etc/passwd" not in kept
    assert f"{tmp_path}/e.log" in kept
    assert sum(name.startswith("socket:") for name in kept) == 2  # the listener and the control socket


def test_signals_have_their_defaults_and_are_not_held_back(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    try:
        text = answer(tmp_path, lambda _: f"{signal.getsignal(signal.SIGHUP)!r} {signal.pthread_sigmask(0, ())}")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert text == f"{signal.SIG_DFL!r} set()"


def test_the_process_is_named(tmp_path: Path) -> None:
    assert answer(tmp_path, lambda _: Path("/proc/self/cmdline").read_text().strip("\0")) == TITLE


def test_a_crash_is_told_and_ends_with_status_1(tmp_path: Path) -> None:
    def enter(_: Birth) -> NoReturn:
        raise ZeroDivisionError("oops")

    assert death_of(born(tmp_path, enter).wait()) == "exited with code 1"
    lines = (tmp_path / "e.log").read_text().splitlines()
    assert "[alert]" in lines[0]
    assert lines[0].endswith("worker process crashed: ZeroDivisionError('oops')")
    assert any("test_child.py" in line for line in lines[1:])


def waits(birth: Birth) -> NoReturn:
    birth.control.setblocking(True)
    message = birth.control.recv(MAX_MESSAGE)
    if message:
        birth.control.send(encode(Verb.FAILED, f"{decode(message)[0].name} {decode(message)[1]}"))
    os._exit(0)


def test_a_worker_is_told_to_drain_and_to_stop(tmp_path: Path) -> None:
    orders: tuple[tuple[Callable[[Child], None], str], ...] = (
        (lambda child: child.drain(1.5), "DRAIN 1.5"),
        (lambda child: child.drain(None), "DRAIN "),
        (lambda child: child.stop(), "STOP "),
    )
    for order, heard in orders:
        child = born(tmp_path, waits)
        order(child)
        assert said(child) == heard
        child.wait()


def test_a_dead_worker_may_be_spoken_to(tmp_path: Path) -> None:
    child = born(tmp_path, waits)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    child.stop()
    child.kill()
    assert death_of(child.wait()) == "exited on signal 9; perhaps out of memory?"


def test_a_worker_hears_when_its_master_is_gone(tmp_path: Path) -> None:
    child = born(tmp_path, waits)
    child.control.close()
    assert death_of(child.wait()) == "exited with code 0"


def test_deaths_in_nginx_words() -> None:
    assert death_of(0) == "exited with code 0"
    assert death_of(2 << 8) == "exited with code 2"
    assert death_of(15) == "exited on signal 15"
    assert death_of(11 | 0x80) == "exited on signal 11 (core dumped)"
