"""Workers that a test forks to ask them about themselves."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from configurations import configuration

from penstock.master.child import Child, fork_worker
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
