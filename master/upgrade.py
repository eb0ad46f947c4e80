"""Replacing the program while it serves, as nginx does: USR2, then WINCH and QUIT to the old one, or back again.

For a while there are two masters with the same listening sockets. The old one knows the new as its successor, the new
one knows the old as its elder; a third is refused. The successor has the pid file's name, the metrics and the service
manager's attention from the moment it serves. When it ends first, the old one takes all of that back, and starts its
workers again if they were sent away.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial
from signal import SIGUSR2
from typing import Final

from ..shared.errorlog import reason
from ..shared.model.log import Level
from .announce import Announcer
from .child import death_of
from .elder import Elder, Word
from .inherit import Handover
from .listeners import Listeners
from .nursery import Nursery, Post
from .pidfile import OLDBIN
from .signals import ignored, received
from .successor import Successor, program, spawn

REFUSED: Final = (
    "the changing binary signal is ignored: you should shutdown or terminate before either old or new binary's process"
)
"""nginx's words."""


class Upgrade:
    """The change of the program, for whichever of the two masters this one is."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        post: Post,
        handover: Handover | None,
        listeners: Listeners,
        announcer: Announcer,
        nursery: Nursery,
        write: Callable[[Level, str], object],
        stderr: int,
        settle: Callable[[], object],
    ) -> None:
        """`settle` is called when there may be something to do that `settle` does."""
        self._loop = loop
        self._post = post
        self._listeners = listeners
        self._announcer = announcer
        self._nursery = nursery
        self._write = write
        self._stderr = stderr
        self._ask_to_settle = settle
        self._elder = Elder(handover)
        self._successor: Successor | None = None
        self._wanted = False
        self._returning = False
        self._leaving = False
        self._replacing = self._listeners.elder = handover is not None
        """Whether the end of an old program is still to be noticed."""

    @property
    def replaced(self) -> bool:
        """Whether a new program was started to replace this one."""
        return self._successor is not None

    @property
    def leading(self) -> bool:
        """Whether no new program serves in the place of this one."""
        return self._successor is None or not self._successor.serving

    def watch_elder(self) -> None:
        """Learn when the old program is gone, even if it was before we served."""
        self._elder.watch(self._loop, partial(self._post, self._look_at_elder))
        self._look_at_elder()

    # The old program's side.

    def ask(self, busy: bool) -> None:
        """SIGUSR2 came; while the master is `busy` with a reload it waits until `settle`."""
        self._look_at_elder()
        if self._elder.alive or self._successor is not None:
            self._write(Level.NOTICE, ignored(SIGUSR2))
            self._write(Level.CRIT, REFUSED)
            return
        self._write(Level.NOTICE, received(SIGUSR2))
        self._wanted = True
        if not busy:
            self._begin()

    def settle(self, restart: Callable[[], object]) -> None:
        """No reload is under way: do what had to wait. `restart` starts those workers that are missing."""
        if self._wanted:
            self._begin()
        elif self._returning:
            self._returning = False
            restart()

    def leave(self) -> int | None:
        """We are about to end; the pid of the program that serves on, if there is one."""
        self._leaving = True
        if self._successor is not None:
            return self._successor.pid
        self._look_at_elder()
        if self._elder.alive:
            self._tell(Word.LEAVING)
            return self._elder.pid
        return None

    def _begin(self) -> None:
        self._wanted = self._returning = False
        self._write(Level.NOTICE, "changing binary")
        path = self._announcer.pid_path
        try:
            self._announcer.step_aside()
        except OSError as error:
            text = f'rename() {path} to {path}{OLDBIN} failed before executing new binary process "{program()}"'
            self._write(Level.ALERT, f"{text} {reason(error)}")
            return
        try:
            successor = spawn(*self._listeners.handover(), self._stderr)
        except OSError as error:
            text = f'execve() failed while executing new binary process "{program()}" {reason(error)}'
            self._write(Level.ALERT, text)
            self._step_back("after an attempt to execute")
            return
        self._successor = successor
        self._listeners.successor = True
        self._nursery.spare(successor.pid)
        successor.watch(
            self._loop,
            lambda word, sockets: self._post(partial(self._heard, successor, word, sockets)),
            lambda: self._post(partial(self._ended, successor)),
        )
        self._write(Level.NOTICE, f"start new binary process {successor.pid}")

    def _heard(self, successor: Successor, word: Word, sockets: list[socket.socket]) -> None:
        self._listeners.share(sockets)
        if word is Word.SERVING and not successor.serving:
            successor.serving = True
            self._write(Level.NOTICE, f"new binary process {successor.pid} serves")
            self._announcer.fall_silent()
        elif word is Word.LEAVING and not self._leaving:
            self._announcer.speak_again()
            self._return()

    def _ended(self, successor: Successor) -> None:
        self._successor = None
        self._listeners.successor = False
        said = "" if successor.serving else successor.reason()
        self._nursery.spare(None)
        status = successor.bury()
        self._nursery.reap_strangers()
        if said:
            self._write(Level.EMERG, f"the new program did not start, process {os.getpid()} stays in force: {said}")
        level = Level.ALERT if os.WIFSIGNALED(status) else Level.NOTICE
        self._write(level, f"new binary process {successor.pid} {death_of(status)}")
        if not self._leaving:
            self._step_back("after the new binary process", " exited")
            self._return()

    def _step_back(self, when: str, what: str = "") -> None:
        try:
            self._announcer.step_back()
        except OSError as error:
            path = self._announcer.pid_path
            text = f'rename() {path} back to {path.removesuffix(OLDBIN)} failed {when} "{program()}"{what}'
            self._write(Level.ALERT, f"{text} {reason(error)}")

    def _return(self) -> None:
        self._returning = True
        self._ask_to_settle()

    # The new program's side.

    def serve(self) -> None:
        """A configuration is in force."""
        added = self._listeners.take_added()
        if self._elder.alive:
            self._announcer.lead()
            self._tell(Word.SERVING, added)

    def _tell(self, word: Word, sockets: list[socket.socket] | None = None) -> None:
        try:
            self._elder.tell(word, sockets or [])
        except OSError as error:
            text = f"the old program does not hear that this one is {word.name.lower()} {reason(error)}"
            self._write(Level.WARN, f"{text}; it may hang, so end it with SIGKILL rather than bring it back")

    def _look_at_elder(self) -> None:
        """Notice that the old program has ended, which may be seen before it is told."""
        if not self._replacing or self._elder.alive:
            return
        self._replacing = False
        self._elder.forget()
        self._listeners.elder_gone()
        worker = next(iter(self._nursery), None)
        if worker is not None:
            self._announcer.lead_alone(worker.pid)
        self._write(Level.NOTICE, f"the old program has ended, process {os.getpid()} has taken its place")
