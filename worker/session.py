"""A session: one client's connection from accept to its line in the log.

The object is the record that variables, logs and counters read. While the story runs (see `story`) it is stepped
with events; once both sides stand, the relay's endpoints take over and nothing of the story is left.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from socket import AF_INET6, AF_UNIX, MSG_DONTWAIT, SocketType
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from ..shared.counters import BYTES_OUT, STATUS_OFFSET
from ..shared.hello import ClientHello
from ..shared.limit_zone import LimitZone
from ..shared.model.address import Address
from ..shared.proxy_protocol import ProxyHeader
from ..shared.view import Try
from ..shared.words import REFUSALS, STATUSES
from .failed_call import describe
from .health import broken_off
from .kit import hooks
from .limits import release
from .relay import BUFFER
from .waiting import TIMEOUT, WOKEN
from .wheel import Timed, Wheel

if TYPE_CHECKING:
    from .balance import Balancer
    from .kit.session import PluginSession
    from .listener import Listener
    from .peer import PeerState
    from .relay import Endpoint
    from .starttls import Opening
    from .target import Target
    from .tls_stream import TlsStream

REFUSAL_INDEX: Final = {word: index for index, word in enumerate(REFUSALS)}
BYTES_AT: Final = len(STATUSES)
"""From the cells of a pair's statuses to those of its bytes."""


class Session:
    """See the module. Attributes first set to None or 0 are filled as the story goes on."""

    __slots__ = (
        "_local",
        "advance",
        "balancer",
        "bucket",
        "cells",
        "client",
        "deadline",
        "due",
        "edges",
        "fd",
        "held",
        "hello",
        "idle_timeout",
        "listener",
        "number",
        "opening",
        "peer",
        "peer_addr",
        "peer_port",
        "plugged",
        "proxy",
        "refusal",
        "remote_addr",
        "remote_port",
        "said",
        "sock",
        "started",
        "status",
        "stream",
        "target",
        "tls",
        "tries",
        "upstream",
        "upstream_edges",
        "upstream_sock",
        "upstream_stream",
        "values",
        "watched",
    )

    protocol: ClassVar[str] = "TCP"
    plugged: PluginSession | None
    """The session as plugins see it; set by the first that does."""

    def __init__(self, listener: Listener, sock: SocketType, fd: int, addr: str, port: int, number: int) -> None:
        self.listener = listener
        self.target: Target = listener.target
        self.cells: int = listener.cells
        """Where this listener's sessions with this target are counted."""
        self.sock = sock
        self.fd = fd
        self.number = number
        self.remote_addr = self.peer_addr = addr
        self.remote_port = self.peer_port = port
        self.started: float = listener.worker.reactor.now
        self.status = 0
        self.said = 0
        """Bytes sent to the client by Penstock itself (`return`)."""
        self.tries: list[Try] = []
        self.proxy: ProxyHeader | None = None
        self.hello: ClientHello | None = None
        self.tls: ssl.SSLObject | None = None
        self.stream: TlsStream | None = None
        """The client's TLS, once its handshake is done."""
        self.opening: Opening | None = None
        """How it began in clear, on a listener with `starttls=`."""
        self.refusal = ""
        self.values: dict[str, str] = {}
        self.advance: Callable[[int | None], object] | None = None
        """Steps the story; None once it is over."""
        self.watched = False
        """Whether the client's socket is registered with the reactor."""
        self.held: list[tuple[LimitZone, int]] | None = None
        """What `limit_conn` counts for this session."""
        self.balancer: Balancer | None = None
        self.peer: PeerState | None = None
        self.edges = self.upstream_edges = 0
        """Edges of either side that came while the story ran: they are not repeated, so the relay must know."""
        self.upstream_sock: SocketType | None = None
        """The upstream's socket until the relay owns it."""
        self.upstream_stream: TlsStream | None = None
        self.client: Endpoint | None = None
        self.upstream: Endpoint | None = None
        self.idle_timeout = 0.0
        self.deadline = self.due = 0.0
        self.bucket: set[Timed] | None = None
        self._local: Address | None = None

    # What variables read.

    @property
    def received(self) -> int:
        """Bytes from the client."""
        return self.client.moved if self.client is not None else 0

    @property
    def sent(self) -> int:
        """Bytes to the client."""
        if self.client is None or self.upstream is None:
            return self.said
        return max(self.upstream.moved - self.client.waits, 0)  # what waits may be ciphertext, which is more

    @property
    def local(self) -> Address:
        """The address the client connected to."""
        if self._local is None:
            listen = self.listener.listen.address
            if listen.family == AF_UNIX or not self.listener.wildcard:
                self._local = listen
            else:
                name = self.sock.getsockname()
                host = name[0].removeprefix("::ffff:") if listen.family == AF_INET6 else name[0]
                self._local = Address(listen.family, host, name[1])
        return self._local

    def forget_local(self) -> None:
        """Ask again for the address that the client connected to."""
        self._local = None

    @property
    def server_name(self) -> str:
        """The name of the server that took the session."""
        return self.target.server_name

    @property
    def route_name(self) -> str:
        """The route's name, once there is one."""
        return self.target.route_name

    @property
    def service_name(self) -> str:
        """The service's name, once there is one."""
        return self.target.service_name

    def elapsed(self) -> float:
        """Seconds since the session was accepted."""
        return self.listener.worker.reactor.now - self.started

    # The story's events.

    def step(self, mask: int | None) -> None:
        """Go on with the story; None begins it."""
        if self.advance is None:
            return
        try:
            self.advance(mask)
        except StopIteration:
            self.advance = None
        except Exception as error:
            self.advance = None
            self.listener.worker.crashed(error, self.number)
            self.refuse(500, "internal")

    def wake(self) -> None:
        """A helper outside the reactor is done."""
        self.listener.worker.reactor.now = monotonic()
        self.step(WOKEN)

    def early(self, mask: int) -> None:
        """The client's socket became ready while the story waits for something else."""
        self.edges |= mask

    def expired(self) -> None:
        """The deadline has passed."""
        if self.advance is not None:
            self.step(TIMEOUT)
        elif not self.status:
            self.info("connection timed out (110: Connection timed out) while proxying connection")
            self.finish(200)

    def watch(self) -> None:
        """Register the client's socket, if it is not yet; its events step the story."""
        if not self.watched:
            self.watched = True
            self.listener.worker.reactor.watch(self.fd, self.step)

    def limit(self, seconds: float) -> None:
        """Let the story's next wait end after `seconds`."""
        worker = self.listener.worker
        now = worker.reactor.now
        worker.wheel.move(self, now, now + seconds)

    # The relay's events.

    def first_bytes(self, side: Endpoint) -> None:
        """The first bytes of a side are being counted."""
        if side is self.upstream and self.tries:
            attempt = self.tries[-1]
            attempt.first_byte_time = self.listener.worker.reactor.now - attempt.started
            if self.balancer is not None and self.balancer.timing and self.peer is not None:
                self.balancer.timed(self.peer, attempt)

    def side_ended(self, side: Endpoint) -> None:
        """A side has sent all it will. nginx's rules: flush what the other side still gets, then close both,
        or with `proxy_half_close` wait for the other side's end too."""
        client, upstream = self.client, self.upstream
        assert client is not None
        assert upstream is not None
        if side is upstream and not side.moved and self.tries:  # its end counts as its first byte, as in nginx
            attempt = self.tries[-1]
            attempt.first_byte_time = self.listener.worker.reactor.now - attempt.started
        if (client.held and not client.eof) or (upstream.held and not upstream.eof):
            return
        if self.target.half_close:
            if not side.other.held:
                side.other.shut_down()
            if not (client.eof and upstream.eof) or client.held or upstream.held:
                return
        if self.target.says_info:
            who = "client" if side is client else "upstream"
            self.target.log.info(f"{who} disconnected{self.bytes_text()}", self.number)
        self.finish(200)

    def read_failed(self, side: Endpoint, error: OSError) -> None:
        """Reading a side failed: treated as its end, as nginx does."""
        if side is self.client:
            self.info(f"{describe('recv', error)} while proxying and reading from client")
        else:
            self._upstream_failed(f"{describe('recv', error)} while proxying and reading from upstream")

    def write_failed(self, side: Endpoint, error: OSError) -> None:
        """Writing to a side failed: nobody is there to take the rest."""
        if side is self.client:
            self.info(f"{describe('send', error)} while proxying and sending to client")
        else:
            self._upstream_failed(f"{describe('send', error)} while proxying and sending to upstream")
        self.finish(200)

    def _upstream_failed(self, text: str) -> None:
        if self.peer is not None and self.peer.health is not None:
            broken_off(self, self.peer.health)
        self.target.log.error(text + self.context() + self.bytes_text(), self.number)

    # The end.

    def refuse(self, status: int, word: str) -> None:
        """Count why the session does not come to relaying, and close it."""
        if self.status:
            return
        self.refusal = word
        listener = self.listener
        listener.worker.row[listener.refused + REFUSAL_INDEX[word]] += 1
        self.finish(status)

    def finish(self, status: int) -> None:
        """Count, log, close: once."""
        if self.status:
            return
        self.status = status
        self.advance = None
        listener = self.listener
        worker = listener.worker
        row = worker.row
        now = worker.reactor.now
        row[self.cells + STATUS_OFFSET[status]] += 1
        row[listener.active] -= 1
        worker.session_duration.observe(row, now - self.started)
        if self.tries:
            self._end_try(now)
        if self.held is not None:
            release(self)
        if self.target.says_debug:
            self.target.log.debug(f"finalize stream session: {status}", self.number)
            self.target.log.debug(f"close stream connection: {self.fd}", self.number)
        try:
            for writer in self.target.writers:
                writer.log(self)
        except Exception as error:  # whatever it is, the connection must not stay open for it
            worker.crashed(error, self.number)
        if self.target.plugins:
            hooks.ended(self)
        Wheel.remove(self)
        self._close()
        listener.ended(self)

    def _end_try(self, now: float) -> None:
        attempt = self.tries[-1]
        if attempt.session_time is None:
            attempt.session_time = now - attempt.started
            if self.peer is not None and self.peer.health is not None:
                self.peer.health.lasted()
        if self.client is not None and self.upstream is not None:
            attempt.sent += max(self.client.moved - self.upstream.waits, 0)
            attempt.received = self.upstream.moved
        if self.peer is not None and self.balancer is not None:
            if self.balancer.timing:
                self.balancer.timed(self.peer, attempt)
            self.balancer.free(self.peer, False, now)
            self.peer = None

    def _close(self) -> None:
        handlers = self.listener.worker.reactor.handlers
        if self.client is not None:
            self.client.close()
        else:
            if self.watched:
                handlers[self.fd] = None
            if self.stream is not None:
                self.stream.say_goodbye()
            elif self.watched:
                # closing over unread bytes resets the connection, and a reset may overtake what we sent
                try:
                    self.sock.recv_into(BUFFER, 0, MSG_DONTWAIT)
                except OSError:
                    pass
            self.sock.close()
        stream, sessions = self.upstream_stream, self.target.upstream_sessions
        if stream is not None and stream.kept_as is not None and sessions is not None:
            sessions.keep(stream.kept_as, stream)
        if self.upstream is not None:
            self.upstream.close()
        elif self.upstream_sock is not None:
            fd = self.upstream_sock.fileno()
            if 0 <= fd < len(handlers):  # it may not have been watched yet
                handlers[fd] = None
            self.upstream_sock.close()
        self.upstream_sock = None

    # What is said about it.

    def info(self, text: str) -> None:
        """A line at level info, with the session's context."""
        if self.target.says_info:
            self.target.log.info(text + self.context() + self.bytes_text(), self.number)

    def error(self, text: str) -> None:
        """A line at level error, with the session's context."""
        self.target.log.error(text + self.context(), self.number)

    def context(self) -> str:
        """nginx's tail of a line: who, where, and the upstream with the bytes so far once there is one."""
        text = f", client: {self.remote_addr}, server: {self.listener.label}"
        if self.tries:
            text += f', upstream: "{self.tries[-1].address}"'
            if self.client is None:
                text += self.bytes_text()
        return text

    def bytes_text(self) -> str:
        """nginx's account of bytes; empty before there is an upstream."""
        if not self.tries:
            return ""
        received = sent = 0
        if self.client is not None and self.upstream is not None:
            # what the try itself has sent so far is a PROXY header
            received, sent = self.upstream.moved, self.tries[-1].sent + max(self.client.moved - self.upstream.waits, 0)
        return f", bytes from/to client:{self.received}/{self.sent}, bytes from/to upstream:{received}/{sent}"

    def bytes_cells(self) -> tuple[int, int]:
        """Where the bytes from the client and those to it are counted."""
        return self.cells + BYTES_AT, self.cells + BYTES_AT + BYTES_OUT
