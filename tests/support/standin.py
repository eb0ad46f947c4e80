"""A stand-in for the worker that accepts, echoes and obeys; run as a program, it is a Penstock with such workers.

It shows what the master does without the weight of a real worker. Two environment variables make it misbehave:
STANDIN_FAIL is a file whose existence makes a worker say FAILED with the file's text, STANDIN_DIE one whose existence
makes it exit with code 7 before it is ready.
"""

from __future__ import annotations

import os
import select
import selectors
import socket
import sys
from pathlib import Path
from typing import Final, NoReturn

from penstock.master.launch import launch_of
from penstock.master.start import start
from penstock.shared.birth import EXIT_CANNOT_START, Birth
from penstock.shared.messages import MAX_MESSAGE, Verb, decode, encode

# read here, in the master: a worker's environment is what `env` says
FAIL: Final = Path(os.environ.get("STANDIN_FAIL", "/nonexistent"))
DIE: Final = Path(os.environ.get("STANDIN_DIE", "/nonexistent"))


class Standin:
    """Serves echo on every listener until told to go."""

    def __init__(self, birth: Birth) -> None:
        self.birth = birth
        self.control = birth.control
        self.selector = selectors.DefaultSelector()
        self.listening = [one for _, one in birth.listeners]
        self.sessions: set[socket.socket] = set()
        self.draining = False

    def run(self) -> None:
        """Until nothing is left to do."""
        for one in self.listening:
            self.selector.register(one, selectors.EVENT_READ, self.accept)
        self.selector.register(self.control, selectors.EVENT_READ, self.hear)
        self.control.send(encode(Verb.READY))
        while not (self.draining and not self.sessions):
            for key, _ in self.selector.select(1):
                if isinstance(key.fileobj, socket.socket) and key.fileobj.fileno() != -1:  # not closed just now
                    key.data(key.fileobj)

    def accept(self, listener: socket.socket) -> None:
        """Take everything that is queued."""
        while True:
            try:
                session, _ = listener.accept()
            except BlockingIOError:
                return
            except OSError:  # bound, but not listening yet: the reload is still being decided
                select.select((), (), (), 0.005)
                return
            self.sessions.add(session)
            self.selector.register(session, selectors.EVENT_READ, self.echo)

    def echo(self, session: socket.socket) -> None:
        """Give back what comes, prefixed with who answers."""
        try:
            data = session.recv(4096)
        except OSError:
            data = b""
        if data:
            session.send(f"{os.getpid()} {self.birth.generation} ".encode() + data)
            return
        self.selector.unregister(session)
        self.sessions.discard(session)
        session.close()

    def hear(self, control: socket.socket) -> None:
        """Obey."""
        message = control.recv(MAX_MESSAGE)
        if not message:
            os._exit(0)
        verb, _ = decode(message)
        if verb is Verb.STOP:
            os._exit(0)
        if verb is Verb.REOPEN:
            self.birth.files.reopen()
        if verb is Verb.DRAIN and not self.draining:
            self.draining = True
            for one in self.listening:
                self.accept(one)
                self.selector.unregister(one)
                one.close()


def main(birth: Birth) -> NoReturn:
    """The stand-in's entry."""
    failing = FAIL
    if failing.exists():
        birth.control.send(encode(Verb.FAILED, failing.read_text()))
        os._exit(EXIT_CANNOT_START)
    if DIE.exists():
        os._exit(7)
    Standin(birth).run()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(start(launch_of(sys.argv[1], sys.argv[2], "", None, False, sys.argv), main))
