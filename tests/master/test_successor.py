"""Starting a program in our place, and hearing it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from daemon import environment
from deadline import seconds

from penstock.master.elder import Word
from penstock.master.inherit import HANDOVER, Handover, handover_of
from penstock.master.successor import SAID_LIMIT, Successor
from penstock.master.successor import environment as handed_environment

SPAWNS: Final = """
import asyncio, os, socket, sys
from penstock.master.successor import spawn
if "PENSTOCK_UPGRADE" in os.environ:
    from penstock.master.inherit import inherit
    from penstock.master.elder import Elder, Word
    found = inherit(os.environ, os.getpid())
    assert os.getcwd() == {cwd!r}
    assert sys.argv[1:] == ["a", "b c"]
    elder = Elder(found.handover)
    assert elder.alive
    elder.tell(Word.SERVING, [one.socket for one in found.left()])
    sys.exit("penstock: [emerg] the end")
one = socket.create_server(("127.0.0.1", 0))
child = spawn([one], [], 2)
loop = asyncio.new_event_loop()
heard = []
ended = loop.create_future()
child.watch(loop, lambda word, sockets: heard.append((word.name, *(s.getsockname() for s in sockets))),
            lambda: ended.done() or ended.set_result(0))
loop.run_until_complete(ended)
print(heard == [("SERVING", one.getsockname())], child.reason(), os.waitstatus_to_exitcode(child.bury()))
"""


def test_the_new_program_is_started_as_the_old_one_was(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(SPAWNS.format(cwd=str(tmp_path)))
    result = subprocess.run(
        (sys.executable, "p.py", "a", "b c"),
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=seconds(20), check=False,
    )  # fmt: skip
    assert result.stdout == "True the end 1\n", result.stderr


def test_what_is_handed_over_is_in_one_variable_and_the_watchdog_is_for_the_new_pid() -> None:
    handover = Handover(1, 2, 3, 4, [5, 6], [7])
    made = handed_environment({"A": "b", "WATCHDOG_PID": "1", "WATCHDOG_USEC": "2"}, handover)
    assert made.keys() == {"A", "WATCHDOG_USEC", HANDOVER}
    assert handover_of(made[HANDOVER]) == handover


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing until its standard input ends."""
    with subprocess.Popen((sys.executable, "-c", "input()"), stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as made:
        yield made


def successor_of(child: subprocess.Popen[bytes], text: bytes = b"") -> tuple[Successor, socket.socket]:
    """What we make of a process with that standard error, and its end of the control socket."""
    control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, writing = os.pipe()
    for fd in (control.fileno(), reading):
        os.set_blocking(fd, False)
    os.write(writing, text)
    os.close(writing)
    return Successor(child.pid, control, reading), other


def buried(successor: Successor, child: subprocess.Popen[bytes]) -> int:
    os.kill(child.pid, signal.SIGKILL)
    child.returncode = successor.bury()
    return child.returncode


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "it said nothing"),
        (b"penstock: [warn] old\npenstock: [emerg] bad in /c:1:2\n    x;\n    ^\n", "bad in /c:1:2"),
        (b"Traceback (most recent call last):\n  File\nImportError: no\n\n", "ImportError: no"),
        (b"x" * (SAID_LIMIT + 9), "x" * SAID_LIMIT),
    ],
)
def test_the_reason_is_one_line(child: subprocess.Popen[bytes], text: bytes, reason: str) -> None:
    successor, other = successor_of(child, text)
    assert successor.reason() == reason
    assert os.WTERMSIG(buried(successor, child)) == signal.SIGKILL
    other.close()


def test_its_last_words_are_heard_and_unknown_ones_are_not(child: subprocess.Popen[bytes]) -> None:
    successor, other = successor_of(child)
    loop = asyncio.new_event_loop()
    heard: list[int] = []
    ended = loop.create_future()
    successor.watch(loop, lambda word, _: heard.append(word), lambda: ended.set_result(None))
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    for word in (b"\xff", bytes((Word.LEAVING,))):
        other.send(word)
    other.close()
    loop.run_until_complete(asyncio.wait_for(ended, seconds(10)))
    loop.close()
    buried(successor, child)
    assert heard == [Word.LEAVING]
