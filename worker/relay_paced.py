"""Relays with `proxy_download_rate` or `proxy_upload_rate`: what is read from a side is rationed, as nginx does it.

Of a side may be read, since both sides stand, the rate times the whole seconds that have passed and one more. Every
read is followed by a pause of as long as its bytes are worth; what has not been read stays in the kernel, so that TCP
slows the sender down. A pause is one timer of the loop, and `proxy_timeout` does not run meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from socket import SocketType
from typing import TYPE_CHECKING, Final

from ..shared.template import Template
from .relay import BUDGET, SIZE, Means
from .relay_tls import BUFFER, MixedEndpoint, TlsEndpoint
from .tls_stream import TlsStream

if TYPE_CHECKING:
    from .session import Session

WAKES: Final = 20
"""Pauses in a second, unless `proxy_buffer_size` makes pieces that are larger still."""
SHORTEST: Final = 0.001
"""Seconds; nginx counts pauses in milliseconds, and one that is less is none."""
RATE: Final = re.compile(r"([0-9]{1,18})([kKmMgG]?)")
SCALE: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


class Pace:
    """How fast a side may be read."""

    __slots__ = ("base", "piece", "rate", "started", "timer")

    def __init__(self, rate: int, started: float, buffer_size: int, base: float) -> None:
        self.rate = rate
        """Bytes in a second; 0 is no limit."""
        self.started = started
        self.piece = min(SIZE, max(buffer_size, rate // WAKES)) if rate else SIZE
        """The most that is read at a time."""
        self.base = base
        """The session's `proxy_timeout`."""
        self.timer: asyncio.TimerHandle | None = None
        """Runs while the side pauses."""

    def allowed(self, now: float, moved: int) -> int:
        """How many bytes more may be read now; not positive when there are none."""
        return self.rate * (int(now - self.started) + 1) - moved


class Paced(MixedEndpoint):
    """What both kinds of paced sides have; `pace` is a slot of theirs."""

    __slots__ = ()

    pace: Pace

    def pause(self, session: Session, seconds: float) -> None:
        """Read no more for a while."""
        pace, now = self.pace, self.means.reactor.now
        # either side's traffic renews the deadline: it must not come before this pause is over
        session.idle_timeout = max(session.idle_timeout, pace.base + seconds)
        session.deadline = max(session.deadline, now + session.idle_timeout)
        pace.timer = session.listener.worker.loop.call_later(seconds, self.pause_over)

    def pause_over(self) -> None:
        """Read again, in a turn of the reactor's."""
        self.pace.timer = None
        session = self.session
        if session is not None:
            other = self.other
            if not isinstance(other, Paced) or other.pace.timer is None:
                session.idle_timeout = self.pace.base
            self.again()

    def pump(self) -> None:
        """Move what has arrived here, and is allowed, to the other side, which holds nothing back."""
        session, pace = self.session, self.pace
        if session is None or self.eof or pace.timer is not None:
            return
        now = self.means.reactor.now
        session.deadline = now + session.idle_timeout
        total = 0
        while True:
            allowed = SIZE
            if pace.rate:
                allowed = pace.allowed(now, self.moved + total)
                if allowed <= 0:
                    self.pause(session, SHORTEST - allowed / pace.rate)
                    break
            try:
                count = self.fill(min(allowed, pace.piece))
            except OSError as error:
                session.read_failed(self, error)
                self.eof = True
                count = 0
            if count:
                total += count
                if pace.rate and not self.eof and count >= SHORTEST * pace.rate:
                    self.pause(session, count / pace.rate)
                if not self.pass_on(session, count, total):
                    break
            if self.eof or self.drained or pace.timer is not None:
                break
            if total >= BUDGET:
                self.again()
                break
        if total and self.session is not None:
            self.count(total)
        if self.session is not None and self.eof:
            session.side_ended(self)

    def pass_on(self, session: Session, count: int, total: int) -> bool:
        """Send what was read; False when the other side holds some of it, or is gone."""
        other = self.other
        try:
            if other.put(BUFFER[:count]):
                return True
        except OSError as error:
            self.count(total)
            session.write_failed(other, error)
            return False
        self.waiting = True
        return False

    def close(self) -> None:
        """Close, and wake up no more."""
        timer = self.pace.timer
        if timer is not None:
            timer.cancel()
            self.pace.timer = None
        super().close()


class PacedEndpoint(Paced):
    """A plain side, paced."""

    __slots__ = ("pace",)

    def __init__(self, session: Session, sock: SocketType, fd: int, means: Means, cell: int, pace: Pace) -> None:
        super().__init__(session, sock, fd, means, cell)
        self.pace = pace


class PacedTlsEndpoint(Paced, TlsEndpoint):
    """A side that speaks TLS, paced by its plaintext."""

    __slots__ = ("pace",)

    def __init__(self, session: Session, stream: TlsStream, fd: int, means: Means, cell: int, pace: Pace) -> None:
        TlsEndpoint.__init__(self, session, stream, fd, means, cell)
        self.pace = pace


def paced_sides(
    session: Session, upstream_sock: SocketType, upstream_fd: int, means: Means
) -> tuple[MixedEndpoint, MixedEndpoint]:
    """The client's and the upstream's side of a session with a rate."""
    settings = session.target.settings.proxy
    cell_in, cell_out = session.bytes_cells()

    def side(sock: SocketType, stream: TlsStream | None, fd: int, cell: int, rate: Template | None) -> MixedEndpoint:
        pace = Pace(rate_of(session, rate), means.reactor.now, settings.buffer_size, session.target.idle_timeout)
        if stream is None:
            return PacedEndpoint(session, sock, fd, means, cell, pace)
        return PacedTlsEndpoint(session, stream, fd, means, cell, pace)

    return (
        side(session.sock, session.stream, session.fd, cell_in, settings.upload_rate),
        side(upstream_sock, session.upstream_stream, upstream_fd, cell_out, settings.download_rate),
    )


def rate_of(session: Session, rate: Template | None) -> int:
    """A rate for this session; a text that is none is logged and limits nothing, as in nginx."""
    text = rate.render(session) if rate is not None else ""
    if not text:
        return 0
    found = RATE.fullmatch(text)
    if found is None:
        session.error(f'invalid size "{text}" while connecting to upstream')
        return 0
    return int(found[1]) * SCALE[found[2].lower()]
