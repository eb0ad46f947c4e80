"""The worker process: from the fork to its exit."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from typing import Any, Final, NoReturn

import setproctitle
import uvloop

from ..shared.birth import EXIT_CANNOT_START, Birth
from ..shared.errors import PenstockError
from ..shared.inquiry import question_in, write
from ..shared.messages import MAX_MESSAGE, Verb, decode, encode
from ..shared.model.stream import Configuration
from ..shared.sources import sources
from ..shared.words import WORKER_EVENTS
from .inspection import answer
from .kit import trial
from .kit.kit import Kit
from .plan import Plan
from .worker import Worker

PR_SET_DUMPABLE: Final = 4
ORPHAN_GRACE: Final = 2.0
"""Seconds that sessions get when the master has vanished: nobody supervises this process any more."""
EXIT_CRASHED: Final = 1
LOG_TURN: Final = 0.25
"""Seconds between two looks at which buffered log lines are due."""
STALL: Final = 0.5
"""Seconds by which that look may be late before it counts as a stall of the loop."""
LOOP_STALLS: Final = WORKER_EVENTS.index("loop_stalls")
LOG_LOST: Final = WORKER_EVENTS.index("log_lost")
LEAVING_TITLE: Final = "penstock: worker process is shutting down"


def main(birth: Birth) -> NoReturn:
    """Be a worker; leave by `os._exit` only, so that nothing of the master's is run twice."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    sources.install(time.time, os.getpid, socket.gethostname())
    status = EXIT_CRASHED
    try:
        status = loop.run_until_complete(Life(birth, loop).run())
    except BaseException as error:
        birth.log.alert(f"worker process crashed: {error!r}")
        traceback.print_exception(error)
        sys.stderr.flush()
    finally:
        os._exit(status)


def try_plugins(configuration: Configuration, privileged: bool) -> str:
    """Why the plugins of a configuration cannot be loaded, or an empty text; for a child that is there for that."""
    become_user(configuration, privileged)
    return trial.try_plugins(configuration)


def plugin_priorities(configuration: Configuration, privileged: bool) -> str:
    """The priorities of a configuration's plugins as JSON; for such a child, too."""
    become_user(configuration, privileged)
    return trial.priorities(configuration)


def plugin_descriptions(configuration: Configuration, privileged: bool) -> str:
    """The descriptions of all plugins that could be imported as a JSON list; for such a child, too."""
    become_user(configuration, privileged)
    return trial.descriptions(configuration)


def become_user(configuration: Configuration, privileged: bool) -> None:
    """Drop privileges to `user`; raises OSError."""
    user = configuration.main.user
    if user is None or not privileged:
        return
    os.setgroups(user.groups or (user.gid,))
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    if configuration.main.worker_rlimit_core:
        # A process that has changed its user leaves no core unless it says that it may (prctl(2), PR_SET_DUMPABLE)
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


class Room:
    """A descriptor that is kept for what the master sends: sessions may have taken all others."""

    def __init__(self) -> None:
        self._kept = -1
        self.take()

    def give(self) -> None:
        """Make room for one."""
        if self._kept >= 0:
            os.close(self._kept)
            self._kept = -1

    def take(self) -> None:
        """Keep it again, if nobody else was quicker."""
        with suppress(OSError):
            self._kept = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


class Life:
    """The course of one worker."""

    def __init__(self, birth: Birth, loop: asyncio.AbstractEventLoop) -> None:
        self.birth = birth
        self.loop = loop
        self.worker = Worker(birth, loop)
        loop.set_exception_handler(self.failed)
        self.plan: Plan | None = None
        self._room = Room()
        self._log_timer: asyncio.TimerHandle | None = None
        self._looked = time.monotonic()
        self._lost = 0

    async def run(self) -> int:
        """Prepare, say so, serve, and drain; the exit status."""
        birth = self.birth
        gc.disable()  # what is made until then stays: looking for garbage among it costs more than making it
        try:
            self.plan = plan = Plan(self.worker)
            plan.build()
            become_user(birth.configuration, birth.privileged)
            self.worker.kit = kit = Kit(self.worker, plan)
            await kit.load()
            if plan.live is not None:
                await plan.live.begin()
        except (PenstockError, OSError, ValueError) as error:
            text = getattr(error, "text", None) or str(error)
            birth.log.emerg(text)
            birth.control.send(encode(Verb.FAILED, text))
            return EXIT_CANNOT_START
        finally:
            gc.enable()
        self.loop.add_signal_handler(signal.SIGINT, lambda: None)  # a terminal's Ctrl-C is the master's business
        gc.collect()
        gc.freeze()
        gc.set_threshold(
            50_000, 20, 100
        )  # sessions leave no cycles behind: collecting is for plugins' and helpers' sake
        plan.begin()
        await self.catch_up()
        self.loop.add_reader(birth.control.fileno(), self.told)
        for listener in self.worker.listeners:
            listener.open()
        self.turn_logs()
        if birth.slot == 0:
            for description in kit.descriptions():
                birth.control.send(encode(Verb.PLUGIN, json.dumps(description)))
        birth.control.send(encode(Verb.READY))
        await self.worker.done
        await kit.close(self.worker.hurried)
        plan.access_logs.flush_all()
        self.worker.close()
        return 0

    def told(self) -> None:
        """The master said something, or is gone."""
        self._room.give()
        try:
            message, descriptors, _, _ = socket.recv_fds(self.birth.control, MAX_MESSAGE, 1)
        except BlockingIOError:
            return
        except OSError:
            message, descriptors = b"", []
        else:
            self.obey(message, descriptors)
        finally:
            self._room.take()
        if not message:
            self.orphaned()

    def obey(self, message: bytes, descriptors: list[int]) -> None:
        """Do what the master says; nothing for the empty message that its end is."""
        if not message:
            return
        verb, text = decode(message)
        if verb is Verb.APPLY:
            self.changed(text, descriptors[0])
        elif verb is Verb.ASK:
            self.asked(text, descriptors[0])
        elif verb is Verb.DRAIN:
            setproctitle.setproctitle(LEAVING_TITLE)
            self.birth.log.notice("gracefully shutting down")
            self.worker.drain(float(text) if text else None)
        elif verb is Verb.STOP:
            self.worker.abort()
        elif verb is Verb.REOPEN and self.plan is not None:
            self.plan.access_logs.reopen()
            if self.worker.kit is not None:
                self.worker.kit.reopen()
            self.plan.reopen_key_logs()

    def changed(self, number: str, descriptor: int) -> None:
        """Records have changed; without listeners of the gateway that is nobody's business here."""
        if self.plan is not None and self.plan.live is not None:
            self.plan.live.receive(number, descriptor)
            return
        os.close(descriptor)
        self.birth.control.send(encode(Verb.APPLIED, number))

    def asked(self, number: str, descriptor: int) -> None:
        """Write down what the Admin API wants to know of the sessions."""
        try:
            write(descriptor, answer(self.worker, question_in(descriptor), os.getpid()))
        except Exception as error:  # who looks at sessions must not be able to end them
            self.worker.crashed(error)
            return
        finally:
            os.close(descriptor)
        self.birth.control.send(encode(Verb.ANSWERED, number))

    async def catch_up(self) -> None:
        """Apply what has changed since the fork, before anybody connects."""
        control = self.birth.control
        while True:
            try:
                verb = control.recv(1, socket.MSG_PEEK)
            except OSError:
                break
            if verb != bytes((Verb.APPLY,)):
                break
            self.told()
        if self.plan is not None and self.plan.live is not None:
            await self.plan.live.settled()

    def failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something failed inside the loop: asyncio would tell it to a standard error that may lead nowhere."""
        error = context.get("exception")
        if isinstance(error, OSError):
            self.worker.log.warn(f"{context.get('message')}: {error}")
        elif isinstance(error, BaseException):
            self.worker.crashed(error)

    def orphaned(self) -> None:
        """The control socket closed: the master is dead. Go at once rather than live on unsupervised."""
        self.loop.remove_reader(self.birth.control.fileno())
        self.birth.log.crit("the master process is gone, exiting")
        if self.worker.draining:
            self.loop.call_later(ORPHAN_GRACE, self.worker.abort)
        else:
            self.worker.drain(ORPHAN_GRACE)

    def turn_logs(self) -> None:
        """Write buffered lines that are old enough; count lines lost, and turns of the loop that lasted too long."""
        assert self.plan is not None
        now = time.monotonic()
        if now - self._looked > LOG_TURN + STALL:
            self.worker.count(LOOP_STALLS)
        self._looked = now
        self.plan.access_logs.due(now)
        lost = self.plan.access_logs.lost + self.plan.error_lines_lost()
        if lost > self._lost:
            self.worker.count(LOG_LOST, lost - self._lost)
            self._lost = lost
        self._log_timer = self.loop.call_later(LOG_TURN, self.turn_logs)
