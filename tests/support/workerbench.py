"""A worker in the test's own process: real sockets and a real loop, which turns only while the test waits.

Between two waits nothing of the worker runs, so that a test can put the kernel into any state it likes (a client that
sent and left, two sides that end at once) before the worker sees it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from deadline import seconds
from filling import Filling
from turning import Loop

from penstock.master.binding import bind, listen
from penstock.master.generation import ContextPool, Logs
from penstock.master.listeners import plan_of
from penstock.master.system import real_system
from penstock.shared.birth import Birth
from penstock.shared.conf.load import load
from penstock.shared.counters import STATUS_OFFSET, Layout, make_rows
from penstock.shared.health_zone import HealthZone
from penstock.shared.live.live import Live
from penstock.shared.live.records import Record
from penstock.shared.words import REFUSALS, SNIFF_OUTCOMES, WORKER_EVENTS
from penstock.shared.zones import UNSHARED, Zones
from penstock.worker.kit.kit import Kit
from penstock.worker.listener import Listener
from penstock.worker.plan import Plan
from penstock.worker.session import Session
from penstock.worker.worker import Worker


class Bench(Loop):
    """A worker that serves what `text` says inside `stream {}`; use it in a `with`."""

    def __init__(
        self,
        text: str,
        directory: Path,
        main: str = "",
        events: str = "",
        values: Mapping[str, object] | None = None,
        resolve: Callable[[str], list[str]] | None = None,
        records: Iterable[tuple[str, Record]] | None = None,
        **more: object,
    ) -> None:
        super().__init__()
        self.directory = directory
        self.filling = Filling(directory, {**(values or {}), **more})
        self.allowed_alerts = 0
        self.open: list[socket.socket] = []
        file = directory / "worker.conf"
        self.error_log = directory / "worker.log"
        whole = f"error_log {self.error_log} info; {main} events {{ {events} }} stream {{ {text} }}"
        file.write_text(self.filling.fill(whole))
        system = real_system()
        system = replace(system, resolve=resolve or system.resolve)
        self.configuration = load(str(file), str(directory), system=system)
        self.logs = Logs(self.configuration, time.time, 2)
        wanted = tuple(plan_of(self.configuration).listens.values())
        self.bound = [bind(each, joins=False) for each in wanted]
        for each in self.bound:
            listen(each.sockets[0], each.wanted)
        self.master, control = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        live = None if records is None else Live(self.configuration, records)
        self.layout = Layout(self.configuration, None if live is None else live.cells)
        self.memory, rows = make_rows(self.layout, 1)
        self.row = rows[0]
        self.birth = Birth(
            slot=0,
            generation=1,
            configuration=self.configuration,
            listeners=tuple((each.wanted, each.sockets[0].dup()) for each in self.bound),
            control=control,
            layout=self.layout,
            row=self.row,
            contexts=ContextPool().of(self.configuration),
            log=self.logs.log,
            files=self.logs.files,
            live=live,
            ticket_secret=b"secret" * 6,
            zones=Zones(health=HealthZone(UNSHARED, 64)),
        )
        self.worker: Worker
        self.plan: Plan

    def start(self) -> None:
        """Build the worker, and accept."""
        self.worker = Worker(self.birth, self.loop)
        self.plan = Plan(self.worker)
        self.plan.build()
        self.worker.kit = Kit(self.worker, self.plan)
        self.loop.run_until_complete(self.worker.kit.load())
        if self.plan.live is not None:
            self.loop.run_until_complete(self.plan.live.begin())
        for listener in self.worker.listeners:
            listener.open()
        self.plan.begin()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.let_go()
        if kind is None:
            alerts = self.lines("[alert]")
            assert len(alerts) <= self.allowed_alerts, alerts

    def stop(self) -> None:
        """End every session and the worker."""
        self.worker.abort()
        if self.worker.kit is not None:
            self.loop.run_until_complete(self.worker.kit.close(hurried=True))
        self.plan.access_logs.flush_all()
        self.worker.close()

    def end_tasks(self) -> None:
        """Cancel what still runs in the loop: a process takes it with it, a test must not leave it."""
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.until(lambda: all(task.done() for task in tasks), "the loop's tasks end")

    def let_go(self) -> None:
        """Close everything that the master would."""
        for sock in (*self.open, *(one for _, one in self.birth.listeners), self.master, self.birth.control):
            sock.close()
        for each in self.bound:
            each.close()
        self.end_tasks()
        self.turn()
        self.loop.close()
        self.logs.close()
        self.filling.close()

    # -- sockets

    def port(self, name: str) -> int:
        """The port of `%%PORT_name%%`."""
        return self.filling.port(name)

    def client(self, name: str = "a", host: str = "127.0.0.1", source: str = "") -> socket.socket:
        """A connection in the queue of a listener, non-blocking."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        if source:
            sock.bind((source, 0))
        sock.settimeout(seconds(5))
        sock.connect((host, self.port(name)))
        return self.keep(sock)

    def unix_client(self, path: str) -> socket.socket:
        """The same on a unix socket."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect(path)
        return self.keep(sock)

    def tls_client(self, context: ssl.SSLContext, sni: str | None = None, name: str = "a") -> ssl.SSLSocket:
        """A client whose handshake is done."""
        return self.shake(self.wrapped(self.client(name), context, sni))

    def wrapped(self, sock: socket.socket, context: ssl.SSLContext, sni: str | None = None) -> ssl.SSLSocket:
        """A client's TLS on a connection, before its handshake; an end without close_notify raises."""
        tls = context.wrap_socket(sock, server_hostname=sni, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        self.open.append(tls)
        return tls

    def serving(self, sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """A server's TLS on a connection, likewise."""
        tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False)
        self.open.append(tls)
        return tls

    def upstream(self, path: str = "", backlog: int = 128) -> socket.socket:
        """A listening socket for the test to accept from."""
        sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
        sock.bind(path or ("127.0.0.1", 0))
        sock.listen(backlog)
        return self.keep(sock)

    def keep(self, sock: socket.socket) -> socket.socket:
        """Non-blocking, and closed with the bench."""
        sock.setblocking(False)
        self.open.append(sock)
        return sock

    def accepted(self, listening: socket.socket) -> socket.socket:
        """The next connection of the worker to an upstream."""
        return self.keep(self.accept(listening))

    # -- what can be seen

    def session(self) -> Session:
        """The only session."""
        self.until(lambda: len(self.worker.sessions) == 1, "one session")
        return next(iter(self.worker.sessions))

    def relaying(self, count: int = 1) -> list[Session]:
        """The sessions, once so many relay."""
        self.until(
            lambda: sum(s.upstream is not None for s in self.worker.sessions) == count, f"{count} sessions relay"
        )
        return sorted(self.worker.sessions, key=lambda session: session.number)

    def relay(self, upstream: socket.socket, name: str = "a") -> tuple[Session, socket.socket, socket.socket]:
        """A plain session that relays, with its client and, accepted from `upstream`, its other end."""
        client = self.client(name)
        far = self.accepted(upstream)
        return self.relaying()[-1], client, far

    def idle(self) -> None:
        """Wait until no session is left."""
        self.until(lambda: not self.worker.sessions, "the sessions end")

    def listener(self, name: str = "a") -> Listener:
        """The listener on `%%PORT_name%%`."""
        port = self.port(name)
        return next(each for each in self.worker.listeners if each.listen.address.port == port)

    def lines(self, text: str = "") -> list[str]:
        """The lines of the error log that hold `text`."""
        return [line for line in self.error_log.read_text().splitlines() if text in line]

    def line(self, text: str) -> str:
        """One of them, once it is there."""
        return self.until(lambda: self.lines(text), f"a line with {text!r}")[0]

    def refused(self, word: str, name: str = "a") -> int:
        """How many sessions were refused for a reason."""
        return int(self.row[self.listener(name).refused + REFUSALS.index(word)])

    def sniffed(self, word: str, name: str = "a") -> int:
        """How many looks ended so."""
        return int(self.row[self.listener(name).sniff + SNIFF_OUTCOMES.index(word)])

    def status(self, status: int) -> int:
        """How many sessions ended with a status, wherever."""
        row, cells = self.row, self.layout.session_cells()
        return sum(row[cell] for cell in cells if self.layout.pair_at(cell)[2] == STATUS_OFFSET[status])

    def connects(self, outcome: str) -> int:
        """How many connects ended so, to whomever."""
        cells = self.layout.connect_cells()
        return sum(self.row[cell] for cell in cells if self.layout.peer_at(cell)[2] == outcome)

    def event(self, word: str) -> int:
        """A worker's event."""
        return int(self.row[self.layout.worker_events + WORKER_EVENTS.index(word)])

    def active(self, name: str = "a") -> int:
        """The gauge of open sessions."""
        return int(self.row[self.listener(name).active])

    def watched(self) -> set[int]:
        """The descriptors that have a handler."""
        return {fd for fd, handler in enumerate(self.worker.reactor.handlers) if handler is not None}
