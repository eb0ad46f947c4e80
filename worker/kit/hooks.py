"""The moments at which a session meets its plugins. Nothing here is reached by a session that has none.

A plain hook is a call. An async one is a Task, for which the session's story waits as it waits for a name's address,
within `plugin_timeout`. What a hook raises ends its own session at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import perf_counter
from typing import TYPE_CHECKING, Final

from ..last_words import say
from ..waiting import TIMEOUT, event
from .hooked import Call, Escape, Hooked, described
from .session import PluginSession

if TYPE_CHECKING:
    from ..session import Session

CERTIFICATE: Final = "certificate"
PREREAD: Final = "preread"
CONNECTED: Final = "connected"
LOG: Final = "log"


def view_of(session: Session) -> PluginSession:
    """The session as its plugins see it, the same for all of them."""
    view: PluginSession | None = getattr(session, "plugged", None)
    if view is None:
        kit = session.listener.worker.kit
        assert kit is not None
        view = session.plugged = PluginSession(session, kit)
    return view


async def certificate(session: Session) -> bool:
    """The hooks before TLS is terminated, of the plugins of every session; False when the session is over."""
    kit = session.listener.worker.kit
    assert kit is not None
    hooks = [(each, each.certificate) for each in kit.entrance() if each.certificate is not None]
    return not hooks or await decide(session, CERTIFICATE, hooks)


async def preread(session: Session) -> bool:
    """The hooks that decide whether the session goes on, and where to; False when it is over."""
    hooks = [(each, each.preread) for each in session.target.plugins if each.preread is not None]
    return not hooks or await decide(session, PREREAD, hooks)


async def decide(session: Session, phase: str, hooks: list[tuple[Hooked, Call]]) -> bool:
    """Run hooks in their order until one ends the session; False when one did, or failed."""
    view = view_of(session)
    view.decide(may_steer=phase == PREREAD)
    try:
        for hooked, hook in hooks:
            if not await run(session, view, phase, hooked, hook):
                return False
            if view.ending is not None:
                break
    finally:
        view.decided()
    if view.ending is None:
        return True
    await end(session, view, hooked.name)
    return False


async def run(session: Session, view: PluginSession, phase: str, hooked: Hooked, hook: Call) -> bool:
    """One hook; False when it failed or took too long, and the session is over."""
    try:
        work = hooked.call(phase, hook, view)
        if work is None:
            return True
        return await waited(session, phase, hooked, work)
    except Exception as error:
        failed(session, phase, hooked, error)
        return False


async def waited(session: Session, phase: str, hooked: Hooked, work: Awaitable[None]) -> bool:
    """Wait for an async hook; False when it took too long or the session ended meanwhile."""
    worker = session.listener.worker
    assert worker.kit is not None
    begun = perf_counter()
    task = worker.loop.create_task(outcome(work), name=f"plugin {hooked.name}: {phase}")
    worker.tasks.add(task)
    task.add_done_callback(worker.tasks.discard)
    task.add_done_callback(lambda _task: session.wake())
    handlers = worker.reactor.handlers
    if session.watched:
        handlers[session.fd] = session.early
    session.limit(worker.kit.timeout)
    timed_out = False
    while not (timed_out or task.done()):
        timed_out = await event() == TIMEOUT
    # a task that is done by now without having woken us would do so in the middle of something else: that is late, too
    hooked.ended(phase, perf_counter() - begun)
    if session.watched and session.fd < len(handlers):
        handlers[session.fd] = session.step
    if timed_out:
        task.cancel()
        hooked.timed_out(phase)
        session.error(f'connection refused: plugin: "{hooked.name}" took longer than {worker.kit.timeout:g} s')
        session.refuse(500, "plugin")
        return False
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is not None:
        hooked.failed(phase)
        failed(session, phase, hooked, error)
    return error is None


async def outcome(work: Awaitable[None]) -> None:
    """Any awaitable as the coroutine that a Task wants; an exit in it would end the loop."""
    try:
        await work
    except SystemExit as error:
        raise Escape("SystemExit out of a hook") from error


def failed(session: Session, phase: str, hooked: Hooked, error: BaseException) -> None:
    """A hook raised: the session is refused, and nobody else's."""
    session.error(f'connection refused: plugin: "{hooked.name}" failed in {phase}: {described(error)}')
    hooked.trace(error, session.number)
    session.refuse(500, "plugin")


async def end(session: Session, view: PluginSession, name: str) -> None:
    """End a session as a plugin wants it."""
    ending = view.ending
    assert ending is not None
    if ending.last and (session.stream is not None or not view.is_tls):
        await say(session, ending.last)
    if not ending.word:
        session.info(f'plugin "{name}" answered')
        session.finish(200)
        return
    session.error(f'connection refused: {ending.word}: plugin "{name}": {ending.reason}')
    session.refuse(ending.status, ending.word)


def connected(session: Session) -> None:
    """The upstream stands."""
    for hooked in session.target.plugins:
        if hooked.connected is not None:
            observe(session, CONNECTED, hooked, hooked.connected)


def ended(session: Session) -> None:
    """The session is over; its sockets are still open."""
    for hooked in session.target.plugins:
        if hooked.log is not None:
            observe(session, LOG, hooked, hooked.log)
    session.plugged = None  # each knew the other, and nobody is to look for such garbage


def observe(session: Session, phase: str, hooked: Hooked, hook: Call) -> None:
    """A hook that decides nothing; an async one runs on by itself."""
    view = view_of(session)
    try:
        work = hooked.call(phase, hook, view)
    except Exception as error:
        tell(hooked, phase, error, session.number)
        return
    if work is not None:
        view.tcp_infos()  # before the sockets are closed
        worker = session.listener.worker
        task = worker.loop.create_task(
            observed(hooked, phase, work, session.number), name=f"plugin {hooked.name}: {phase}"
        )
        worker.tasks.add(task)
        task.add_done_callback(worker.tasks.discard)


async def observed(hooked: Hooked, phase: str, work: Awaitable[None], number: int) -> None:
    """Await such a hook within its time."""
    kit = hooked.worker.kit
    assert kit is not None
    begun = perf_counter()
    limit = asyncio.timeout(kit.timeout)
    try:
        async with limit:
            await outcome(work)
    except Exception as error:
        if limit.expired():
            hooked.timed_out(phase)
            hooked.worker.log.error(f'plugin "{hooked.name}": {phase} took longer than {kit.timeout:g} s', number)
        else:
            hooked.failed(phase)
            tell(hooked, phase, error, number)
    finally:
        hooked.ended(phase, perf_counter() - begun)


def tell(hooked: Hooked, phase: str, error: BaseException, number: int) -> None:
    """Log what a hook raised."""
    hooked.worker.log.error(f'plugin "{hooked.name}" failed in {phase}: {described(error)}', number)
    hooked.trace(error, number)
