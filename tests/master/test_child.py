"""One worker: what it keeps of its master, what is said, how it ended."""

from __future__ import annotations

import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from configurations import configuration

from penstock.master.child import TITLE, Child, death_of, fork_worker
from penstock.shared.birth import Birth
from penstock.shared.counters import Layout, make_rows
from penstock.shared.errorlog import ErrorLog, LogFiles
from penstock.shared.messages import MAX_MESSAGE, Verb, decode, encode
from penstock.shared.model.address import ipv4
from penstock.shared.model.listen import Listen
from penstock.shared.model.log import ErrorLogTarget, Level
from penstock.shared.model.stream import Configuration, Main
from penstock.shared.model.where import NOWHERE

MAIN = Main()
Enter = Callable[[Birth], NoReturn]


def born(tmp_path: Path, enter: Enter, main: Main = MAIN, listener: socket.socket | None = None) -> Child:
    """A worker with an error log and, if one is given, a listener."""
    wanted: Configuration = replace(configuration(), main=main)
    layout = Layout(wanted)
    _, rows = make_rows(layout, 1)
    files = LogFiles()
    log = ErrorLog((ErrorLogTarget(str(tmp_path / "e.log"), Level.NOTICE),), files, time.time, os.getpid)
    listeners = ((Listen(ipv4("127.0.0.1", 0), NOWHERE), listener),) if listener else ()

    def birth(control: socket.socket) -> Birth:
        return Birth(0, 1, wanted, listeners, control, layout, rows[0], {}, log, files)

    try:
        return fork_worker(birth, enter, 0.0)
    finally:
        files.close()


def saying(text: Callable[[Birth], str]) -> Enter:
    """A worker that says something and ends."""

    def enter(birth: Birth) -> NoReturn:
        birth.control.send(encode(Verb.FAILED, text(birth)))
        os._exit(0)

    return enter


def said(child: Child) -> str:
    child.control.setblocking(True)
    child.control.settimeout(10)
    return decode(child.control.recv(MAX_MESSAGE))[1]


def answer(tmp_path: Path, text: Callable[[Birth], str], main: Main = MAIN) -> str:
    child = born(tmp_path, saying(text), main)
    try:
        return said(child)
    finally:
        child.wait()


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


def test_as_many_descriptors_as_the_system_allows(tmp_path: Path) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limits: Callable[[Birth], str] = lambda _: str(resource.getrlimit(resource.RLIMIT_NOFILE))  # noqa: E731
    assert answer(tmp_path, limits) == f"({hard}, {hard})"
    assert answer(tmp_path, limits, Main(worker_rlimit_nofile=512)) == "(512, 512)"


def test_the_working_directory(tmp_path: Path) -> None:
    assert answer(tmp_path, lambda _: os.getcwd(), Main(working_directory=str(tmp_path))) == str(tmp_path)
    missing = f"{tmp_path}/none"
    text = answer(tmp_path, lambda _: "unreachable", Main(working_directory=missing))
    assert text == f'chdir("{missing}") failed: No such file or directory'


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
