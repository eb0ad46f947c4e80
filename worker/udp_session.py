"""A session of datagrams: everything that one client sends to one address, and what its peer answers.

It ends when as many answers have come as `proxy_responses` says, or after `proxy_timeout` of silence; a datagram is
never cut and never waits: what a socket does not take is lost, as datagrams may be.
"""

from __future__ import annotations

import errno
import os
from asyncio import TimerHandle
from socket import MSG_DONTWAIT
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ..shared.model.address import Address
from .relay import BUFFER
from .relay_paced import rate_of
from .session import Session

if TYPE_CHECKING:
    from .udp import UdpListener

BATCH: Final = 32
"""Answers taken per turn, so that one peer cannot starve the others."""
WAITING: Final = 65536
"""Bytes kept of a client while its upstream's name is resolved or its rate is used up; more is lost."""


class UdpSession(Session):
    """See the module."""

    __slots__ = (
        "_answers",
        "_cell_in",
        "_cell_out",
        "_client",
        "_control",
        "_down_rate",
        "_header",
        "_requests",
        "_since",
        "_timer",
        "_up_rate",
        "_waiting",
        "came",
        "dead",
        "failed",
        "key",
        "proxying",
    )

    protocol: ClassVar[str] = "UDP"
    listener: UdpListener

    def __init__(self, listener: UdpListener, addr: str, port: int, number: int, key: Any, client: Any) -> None:
        super().__init__(listener, listener.sock, listener.sock.fileno(), addr, port, number)
        self.key = key
        """Where the listener finds us."""
        self.came = 0
        """Bytes from the client."""
        self.proxying = False
        """Whether the upstream's socket stands."""
        self.failed = False
        """Whether it counts as a failure of the peer."""
        self.dead = False
        """Whether reading from the peer has failed."""
        self._client = client
        self._control: list[tuple[int, int, bytes]] | None = None
        self._waiting: list[bytes] = []
        self._up_rate = self._down_rate = 0
        self._since = 0.0
        self._timer: TimerHandle | None = None
        self._header = b""
        self._requests = self._answers = 0
        self._cell_in, self._cell_out = self.bytes_cells()

    def asked(self, local: Address, control: list[tuple[int, int, bytes]]) -> None:
        """On a wildcard: the address that the client asked, and what makes answers leave from it."""
        self._local = local
        self._control = control

    @property
    def received(self) -> int:
        """Bytes from the client."""
        return self.came

    @property
    def local(self) -> Address:
        """The address the client sent to."""
        return self._local or self.listener.listen.address

    # From the client.

    @property
    def first_datagram(self) -> bytes:
        """What began the session, while it does not proxy yet."""
        return self._waiting[0] if self._waiting else b""

    def datagram(self, data: bytes | memoryview) -> None:
        """The client sent something."""
        size = len(data)
        self.came += size
        self.listener.worker.row[self._cell_in] += size
        if self.proxying and not self._waiting and not self._exhausted(self._up_rate, self.tries[-1].sent):
            self._forward(data)
        elif sum(map(len, self._waiting)) + len(self._waiting) < WAITING:
            self._waiting.append(bytes(data))
            if self.proxying:
                self._later()

    def begin(self, header: bytes) -> None:
        """The upstream's socket stands: send what has come so far; `header` goes before the first datagram."""
        worker = self.listener.worker
        proxy = self.target.settings.proxy
        self._up_rate = rate_of(self, proxy.upload_rate)
        self._down_rate = rate_of(self, proxy.download_rate)
        self._since = worker.reactor.now
        self._header = header
        self.advance = None
        self.proxying = True
        worker.wheel.move(self, worker.reactor.now, worker.reactor.now + self.target.idle_timeout)
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._waiting and not self.status:
            if self._exhausted(self._up_rate, self.tries[-1].sent):
                self._later()
                return
            self._forward(self._waiting.pop(0))

    # Rates: nginx's arithmetic, but a datagram goes whole as long as anything may go.

    def _exhausted(self, rate: int, moved: int) -> bool:
        return rate > 0 and moved >= rate * (int(monotonic() - self._since) + 1)

    def _later(self) -> None:
        """Go on when the next second's share may go."""
        if self._timer is None:
            wait = 1.0 - (monotonic() - self._since) % 1.0
            self.deadline = max(self.deadline, monotonic() + wait + self.target.idle_timeout)
            self._timer = self.listener.worker.loop.call_later(wait + 0.001, self._resume)

    def _resume(self) -> None:
        self._timer = None
        self.listener.worker.reactor.now = monotonic()
        self._send_waiting()
        self.answered(0)

    def _forward(self, data: bytes | memoryview) -> None:
        sock = self.upstream_sock
        assert sock is not None
        if self._header:
            data = self._header + data
            self._header = b""
        self._requests += 1
        try:
            self.tries[-1].sent += sock.send(data, MSG_DONTWAIT)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.EMSGSIZE:  # that is the client's doing
                self.failed = True
            self.error(f"{sending(error)} while proxying and sending to upstream")
            self.finish(200)
            return
        self.deadline = self.listener.worker.reactor.now + self.target.idle_timeout
        self._settle()

    # From the peer.

    def answered(self, _mask: int) -> None:
        """There is something to read from the peer."""
        sock = self.upstream_sock
        for _ in range(BATCH):
            if self.dead or self.status or sock is None:
                return
            if self._exhausted(self._down_rate, self.tries[-1].received):
                self._later()
                return
            try:
                size = sock.recv_into(BUFFER, 0, MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                self.dead = self.failed = True
                text = f"recv() failed ({error.errno}: {os.strerror(error.errno or 0)})"
                self.error(f"{text} while proxying and reading from upstream")
                size = 0  # nginx takes it for an empty answer: it counts, and the client gets it
            self._answer(size)
        self.listener.worker.reactor.again(self._again)

    def _again(self) -> None:
        self.answered(0)

    def _answer(self, size: int) -> None:
        worker = self.listener.worker
        now = worker.reactor.now
        attempt = self.tries[-1]
        if attempt.first_byte_time is None:
            attempt.first_byte_time = now - attempt.started
            if self.balancer is not None and self.balancer.timing and self.peer is not None:
                self.balancer.timed(self.peer, attempt)
        self._answers += 1
        attempt.received += size
        if not self.say(BUFFER[:size]):
            return
        self.deadline = now + self.target.idle_timeout
        self._settle()

    def say(self, data: bytes | memoryview) -> bool:
        """Send the client one datagram; False when that has ended the session."""
        try:
            if self._control is not None:
                self.said += self.sock.sendmsg((data,), self._control, MSG_DONTWAIT, self._client)
            elif self._client:
                self.said += self.sock.sendto(data, MSG_DONTWAIT, self._client)
        except BlockingIOError:
            return True
        except OSError as error:
            self.info(f"{sending(error)} while proxying and sending to client")
            self.finish(200)
            return False
        self.listener.worker.row[self._cell_out] += len(data)
        return True

    # Its end.

    def _settle(self) -> None:
        """End the session when it has all that was expected; nginx's rules."""
        proxy = self.target.settings.proxy
        if proxy.requests:
            if self._requests < proxy.requests:
                return
            self.listener.forget(self)
        if proxy.responses is not None and self._answers >= proxy.responses * self._requests:
            self._say("udp done")
            self.finish(200)

    def expired(self) -> None:
        """The deadline has passed: in order, unless answers were promised that did not come."""
        if not self.proxying:
            super().expired()
            return
        responses = self.target.settings.proxy.responses
        if responses is None or self._answers >= responses * self._requests:
            self._say("udp timed out")
            self.finish(200)
            return
        self.failed = True
        self.error("upstream timed out (110: Connection timed out) while proxying connection")
        self.finish(502)

    def _end_try(self, now: float) -> None:
        peer, balancer = self.peer, self.balancer
        if self.failed and peer is not None and balancer is not None:
            self.tries[-1].session_time = now - self.tries[-1].started
            if balancer.timing:
                balancer.timed(peer, self.tries[-1])
            if balancer.free(peer, True, now):
                text = "upstream server temporarily disabled while proxying connection"
                self.target.log.warn(text + self.context(), self.number)
            self.peer = None
        super()._end_try(now)

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        sock = self.upstream_sock
        self.upstream_sock = None
        if sock is not None:
            handlers = self.listener.worker.reactor.handlers
            fd = sock.fileno()
            if 0 <= fd < len(handlers):
                handlers[fd] = None
            sock.close()

    # What is said about it.

    def _say(self, what: str) -> None:
        if self.target.says_info:
            packets = f", packets from/to client:{self._requests}/{self._answers}"
            self.target.log.info(what + packets + self.bytes_text(), self.number)

    def info(self, text: str) -> None:
        """A line at level info, with the session's context."""
        if self.target.says_info:
            self.target.log.info(text + self.context(), self.number)

    def context(self) -> str:
        """nginx's tail of a line, as that of a connection but for `udp`."""
        text = f", udp client: {self.remote_addr}, server: {self.listener.label}"
        if self.tries:
            text += f', upstream: "{self.tries[-1].address}"' + self.bytes_text()
        return text

    def bytes_text(self) -> str:
        """nginx's account of bytes; empty before there is an upstream."""
        if not self.tries:
            return ""
        last = self.tries[-1]
        return f", bytes from/to client:{self.came}/{self.said}, bytes from/to upstream:{last.received}/{last.sent}"


def sending(error: OSError) -> str:
    """nginx's form of a datagram that could not be sent."""
    return f"sendmsg() failed ({error.errno}: {os.strerror(error.errno or 0)})"
