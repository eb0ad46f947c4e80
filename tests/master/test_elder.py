"""The old program, as a forked child sees its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable

import pytest
from deadline import seconds

from penstock.master.elder import MOST_DESCRIPTORS, Elder, Word
from penstock.master.inherit import Handover


def handed(elder: int, control: socket.socket) -> Handover:
    return Handover(elder, control.detach(), -1, -1, [], [])


def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def in_child(check: Callable[[], bool]) -> None:
    """Have a child check something, and fail unless it is so."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if check() else 1
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


def test_without_an_old_program_nobody_is_told() -> None:
    elder = Elder(None)
    assert (elder.alive, elder.pid) == (False, 0)
    elder.tell(Word.SERVING)
    elder.forget()


def test_a_parent_is_alive_and_told() -> None:
    ours, theirs = pair()
    parent = os.getpid()

    def check() -> bool:
        elder = Elder(handed(parent, theirs))
        elder.tell(Word.SERVING)
        return elder.alive

    in_child(check)
    assert ours.recv(10) == bytes((Word.SERVING,))
    ours.close()
    theirs.close()


@pytest.mark.parametrize("count", [0, 1, MOST_DESCRIPTORS + 1])
def test_sockets_go_with_the_word_in_as_many_messages_as_it_takes(count: int) -> None:
    ours, theirs = pair()
    parent = os.getpid()
    added = [socket.socket() for _ in range(count)]

    def check() -> bool:
        Elder(handed(parent, theirs)).tell(Word.SERVING, added)
        return True

    in_child(check)
    theirs.close()
    got: list[int] = []
    while (message := socket.recv_fds(ours, 10, MOST_DESCRIPTORS))[0]:
        assert message[0] == bytes((Word.SERVING,))
        got += message[1]
    for fd in got:
        os.close(fd)
    for one in (*added, ours):
        one.close()
    assert len(got) == count


def test_its_end_is_told_and_seen() -> None:
    """In a grandchild whose parent ends."""
    control, _control = pair()
    report, verdict = pair()
    middle = os.fork()
    if middle == 0:
        parent = os.getpid()
        if os.fork() == 0:
            seen: object = None
            try:
                seen = watched(Elder(handed(parent, control)))
            finally:
                verdict.send(repr(seen).encode())
                os._exit(0)
        signal.pause()
    os.waitpid(middle, 0)
    assert report.recv(100) == b"(True, False)"
    for one in (control, _control, report, verdict):
        one.close()


def watched(elder: Elder) -> tuple[bool, bool]:
    """Alive before, and after the end was told."""
    before = elder.alive
    loop = asyncio.new_event_loop()
    elder.watch(loop, loop.stop)
    os.kill(elder.pid, signal.SIGKILL)
    loop.call_later(seconds(10), loop.stop)
    loop.run_forever()
    after = elder.alive
    elder.forget()
    return before, after


def test_a_parent_that_does_not_listen_is_an_error_while_it_is_alive() -> None:
    ours, theirs = pair()
    parent = os.getpid()
    ours.close()

    def check() -> bool:
        elder = Elder(handed(parent, theirs))
        with pytest.raises(BrokenPipeError):
            elder.tell(Word.SERVING)
        return True

    in_child(check)
    theirs.close()
