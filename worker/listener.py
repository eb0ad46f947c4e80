"""Accepting: a listening socket of this worker, and the sessions that begin on it."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from socket import SocketType
from typing import TYPE_CHECKING, Final

from ..shared.counters import Layout
from ..shared.model.listen import Listen
from ..shared.starttls.protocols import PROTOCOLS
from ..shared.words import WORKER_EVENTS
from .reactor import LEVEL
from .session import Session
from .story import story

if TYPE_CHECKING:
    from .gateway import GatewayTables
    from .target import Target
    from .virtual import VirtualServers
    from .worker import Worker

SHORTAGE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""accept(2): the system has no more; waiting helps, trying again at once does not."""
PAUSE: Final = 0.5
"""Seconds without accepting after a shortage (nginx's accept_mutex_delay)."""
UNDECIDED: Final = 0.01
"""Seconds until the next look at a socket that does not listen yet (EINVAL): a reload adds its sockets bound, and the
master lets them listen once every worker of the new generation is ready."""
ACCEPTS: Final = 16
"""Connections taken per wake-up once there was more than one."""
SOCK_STREAM: Final = int(socket.SOCK_STREAM)
LEFTOVERS: Final = 65535
"""Connections taken from a queue at a drain; more than any backlog holds."""
ACCEPT_FAILED: Final = WORKER_EVENTS.index("accept_failed")


class Listener:
    """One listening socket. Registered level-triggered, so that a queue is never forgotten."""

    def __init__(self, worker: Worker, sock: socket.socket, listen: Listen, target: Target) -> None:
        layout: Layout = worker.layout
        self.worker = worker
        self.sock = sock
        self.listen = listen
        self.target = target
        self.layout = layout
        self.label = listen.label
        self.number = layout.listener(listen.label)
        self.active = layout.active(self.number)
        self.refused = layout.refused(self.number)
        self.sniff = layout.sniff(self.number)
        self.cells = layout.sessions(self.number, target.number)
        self.wildcard = listen.address.host in ("0.0.0.0", "::")
        self.prereads = listen.ssl or target.settings.ssl_preread
        self.starttls = PROTOCOLS[listen.starttls] if listen.starttls else None
        """How sessions begin in clear before they turn to TLS."""
        self.tables: GatewayTables | None = None
        self.servers: VirtualServers | None = None
        """The servers that share this address, where the name in a TLS hello chooses among them."""
        self.is_unix = listen.address.family == socket.AF_UNIX
        self.mapped = listen.address.family == socket.AF_INET6 and not listen.ipv6only
        # what socket.accept() calls: the descriptor and the address, without a second object around them
        self._accept: Callable[[], tuple[int, tuple[str, int] | str]] = sock._accept  # type: ignore[attr-defined]  # not in typeshed
        self._family = int(sock.family)
        self._batch = 1
        self._handshakes: dict[tuple[str | None, bool | None], int] = {}

    def handshake_cell(self, version: str | None, resumed: bool | None) -> int:
        """The cell of one kind of handshake that went well."""
        cell = self._handshakes.get((version, resumed))
        if cell is None:
            cell = self._handshakes[version, resumed] = self.layout.handshake(self.number, version, bool(resumed), "ok")
        return cell

    def open(self) -> None:
        """Begin to accept. TCP_NODELAY is set once, here: accepted sockets inherit it."""
        if not self.is_unix and self.target.nodelay:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.worker.reactor.watch(self.sock.fileno(), self.ready, LEVEL)

    def ready(self, _mask: int) -> None:
        """There are connections in the queue."""
        for _ in range(self._batch):
            if not self.take():
                self._batch = 1
                return
        self._batch = ACCEPTS

    def take(self) -> bool:
        """Accept one connection and begin its session; False when there is none."""
        try:
            fd, address = self._accept()
        except BlockingIOError:
            return False
        except OSError as error:
            return self.accept_failed(error)
        worker = self.worker
        worker.sessions_begun += 1
        number = worker.sessions_begun * worker.stride + worker.offset
        sock = SocketType(self._family, SOCK_STREAM, 0, fd)
        if self.is_unix:
            host, port = "unix:", 0
        else:
            host, port = address[0], address[1]  # type: ignore[assignment]  # an IP socket's address is a tuple
            if self.mapped:
                host = host.removeprefix("::ffff:")
        session = Session(self, sock, fd, host, port, number)
        if worker.debugging is not None:
            session.target = worker.debugging.target(host, self.target)
        worker.row[self.active] += 1
        worker.sessions.add(session)
        if len(worker.sessions) * 2 > worker.connections:
            session.error(f"{worker.connections} worker_connections are not enough")
            session.refuse(503, "overload")
            return True
        session.advance = story(session).send
        session.step(None)
        return True

    def accept_failed(self, error: OSError) -> bool:
        """Log and count; pause while the system has no descriptors or memory left."""
        if error.errno == errno.ECONNABORTED:
            return True  # that one is gone; the next may be there
        if error.errno == errno.EINVAL:
            self.pause(UNDECIDED)
            return False
        worker = self.worker
        worker.count(ACCEPT_FAILED)
        worker.log.crit(f"accept4() failed ({error.errno}: {error.strerror}) on {self.label}")
        if error.errno in SHORTAGE:
            self.pause(PAUSE)
        return False

    def pause(self, seconds: float) -> None:
        """Look at the socket again only after a while."""
        reactor, fd = self.worker.reactor, self.sock.fileno()
        if reactor.handlers[fd] is not None:
            reactor.unwatch(fd)
            self.worker.loop.call_later(seconds, self.resume)

    def resume(self) -> None:
        """Accept again after a pause, unless the worker is draining by now."""
        if not self.worker.draining:
            self.worker.reactor.watch(self.sock.fileno(), self.ready, LEVEL)

    def drain(self) -> None:
        """Take what is in the queue and stop; the master keeps the socket, the next generation accepts on it."""
        for _ in range(LEFTOVERS):
            if not self.take():
                break
        fd = self.sock.fileno()
        if self.worker.reactor.handlers[fd] is not None:
            self.worker.reactor.unwatch(fd)
        self.sock.close()

    def ended(self, session: Session) -> None:
        """One of our sessions is over."""
        worker = self.worker
        worker.sessions.discard(session)
        if worker.draining:
            worker.ended()
