"""The relay: bytes between two endpoints, moved by the kernel wherever it can.

A plain state machine without frames or closures: an endpoint knows its socket, its peer endpoint, what waits to be
sent into it, and its counters. Reading goes into one buffer shared by all sessions of the worker and is sent on at
once; what the other side does not take is kept (at most one buffer), and reading stops until it has drained: the
kernel holds the rest. After two full buffers in a row a direction switches to splice through a pooled pipe, and
back when it slows down, so that an idle session holds no pipe and a bulk stream costs Python one call per 256 KiB
and more.
"""

from __future__ import annotations

import errno
import os
import select
from socket import MSG_DONTWAIT, SHUT_WR, SocketType
from typing import TYPE_CHECKING, Final

from .pipes import Pipe, PipePool
from .reactor import Reactor

if TYPE_CHECKING:
    from .session import Session

SIZE: Final = 65536
BUFFER: Final = memoryview(bytearray(SIZE))
"""Shared by every session of the process: nothing stays in it between two wake-ups."""

BUDGET: Final = 8 * SIZE
"""Bytes copied for one direction before the other sessions have their turn."""
SPLICE_BUDGET: Final = 4 << 20
"""The same for bytes that only the kernel touches."""
FULL: Final = 2
"""Full buffers in a row that make a direction bulk."""
SLOW: Final = 32768
"""A bulk direction that moved less than this in a turn goes back to copying."""

IN: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
HANGUP: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
OUT: Final = select.EPOLLOUT
REFUSED: Final = frozenset({errno.EINVAL, errno.EPERM, errno.ENOSYS})
"""What splice says where it may not be used at all."""
SPLICE_FLAGS: Final = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK


class Means:
    """What all relays of a worker share."""

    __slots__ = ("pipes", "reactor", "row", "splices")

    def __init__(self, reactor: Reactor, pipes: PipePool, row: memoryview) -> None:
        self.reactor = reactor
        self.pipes = pipes
        self.splices = True
        """Whether the kernel lets us splice; a seccomp filter or an odd kernel may not, and then all is copied."""
        self.row = row


class Endpoint:
    """One side of a relay, both sides plain."""

    __slots__ = (
        "cell",
        "eof",
        "fd",
        "full",
        "hangup",
        "means",
        "moved",
        "other",
        "pending",
        "pipe",
        "queued",
        "session",
        "shut",
        "sock",
        "waiting",
    )

    other: Endpoint

    def __init__(self, session: Session, sock: SocketType, fd: int, means: Means, cell: int) -> None:
        self.session: Session | None = session
        self.sock = sock
        self.fd = fd
        self.means = means
        self.cell = cell
        """Where the bytes read from this side are counted."""
        self.pending: memoryview | None = None
        """Bytes for this side that its socket did not take yet."""
        self.pipe: Pipe | None = None
        """Bytes for this side that are in a pipe."""
        self.moved = 0
        """Bytes read from this side."""
        self.full = 0
        self.queued = False
        """A turn was asked for: edges that come meanwhile must not add others, or a fast stream had ever more."""
        self.eof = False
        self.hangup = False
        """The kernel said that the end is near: read until it comes."""
        self.waiting = False
        """There may be more to read, but the other side has to drain first."""
        self.shut = False
        """Our end of sending to this side is shut."""

    def ready(self, mask: int) -> None:
        """An edge on this side's socket."""
        if mask & IN and not self.eof:
            if mask & HANGUP:
                self.hangup = True
            other = self.other
            if other.pending is not None or other.pipe is not None:
                self.waiting = True
            else:
                self.pump()
        if mask & OUT and (self.pending is not None or self.pipe is not None):
            self.flush()

    @property
    def held(self) -> bool:
        """Whether something still has to be sent into this side."""
        return self.pending is not None or self.pipe is not None

    @property
    def waits(self) -> int:
        """Bytes for this side that were read from the other but not sent yet."""
        return (len(self.pending) if self.pending is not None else 0) + (self.pipe.held if self.pipe is not None else 0)

    def again(self) -> None:
        """Ask for one more turn."""
        if not self.queued:
            self.queued = True
            self.means.reactor.again(self.resume)

    def resume(self) -> None:
        """Go on in a turn that was asked for; meanwhile the other side may have stopped taking bytes, or be gone."""
        self.queued = False
        if self.session is None:
            return
        if self.other.held:
            self.waiting = True
        else:
            self.pump()

    def pump(self) -> None:
        """Move what has arrived here to the other side, which holds nothing back."""
        session = self.session
        if session is None or self.eof:
            return
        means = self.means
        session.deadline = means.reactor.now + session.idle_timeout
        if self.full >= FULL:
            self.pour()
            return
        other = self.other
        total = 0
        while True:
            try:
                count = self.sock.recv_into(BUFFER, SIZE, MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError as error:
                session.read_failed(self, error)
                count = 0
            if not count:
                self.eof = True
                break
            total += count
            try:
                sent = other.sock.send(BUFFER[:count], MSG_DONTWAIT)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.count(total)
                session.write_failed(other, error)
                return
            if sent != count:
                other.pending = memoryview(bytes(BUFFER[sent:count]))
                self.waiting = True
                break
            if count != SIZE:
                self.full = 0
                if not self.hangup:
                    break
            else:
                self.full += 1
                if self.full >= FULL or total >= BUDGET:
                    self.again()
                    break
        if total:
            self.count(total)
        if self.eof:
            session.side_ended(self)

    def count(self, total: int) -> None:
        """Account for bytes read from this side, while the session is open."""
        if not self.moved and self.session is not None:
            self.session.first_bytes(self)
        self.moved += total
        self.means.row[self.cell] += total

    def pour(self) -> None:
        """Move bulk through a pipe, without the bytes ever being ours."""
        session, other, means = self.session, self.other, self.means
        assert session is not None
        pipe = (other.pipe or means.pipes.take()) if means.splices else None
        if pipe is None:
            self.full = 0
            self.again()
            return
        self._unblock()
        other.pipe = pipe
        total = 0
        blocked = False
        try:
            while total < SPLICE_BUDGET:
                count = os.splice(self.fd, pipe.writer, pipe.size, flags=SPLICE_FLAGS)
                if not count:
                    self.eof = True
                    break
                total += count
                pipe.held += count
                if not other.push():
                    blocked = True
                    break
            else:
                self.again()
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno in REFUSED and not pipe.held:
                means.splices = False
                self.again()
            else:
                session.read_failed(self, error)
                self.eof = True
        if total:
            self.count(total)
        if other.session is None:
            return
        if blocked:
            self.waiting = True
            return
        if not pipe.held:
            other.pipe = None
            means.pipes.give(pipe)
        if total < SLOW:
            self.full = 0
        if self.eof:
            session.side_ended(self)

    def push(self) -> bool:
        """Send what is in the pipe for this side; False when it does not take all (or is broken: then it is closed)."""
        pipe = self.pipe
        assert pipe is not None
        try:
            while pipe.held:
                pipe.held -= os.splice(pipe.reader, self.fd, pipe.held, flags=SPLICE_FLAGS)
        except BlockingIOError:
            return False
        except OSError as error:
            if self.session is not None:
                self.session.write_failed(self, error)
            return False
        return True

    def _unblock(self) -> None:
        # splice has no MSG_DONTWAIT: both descriptors must be non-blocking, which the short path never needs
        if self.sock.gettimeout() is None:
            self.sock.setblocking(False)
        if self.other.sock.gettimeout() is None:
            self.other.sock.setblocking(False)

    def flush(self) -> None:
        """This side's socket takes bytes again."""
        session = self.session
        if session is None:
            return
        session.deadline = self.means.reactor.now + session.idle_timeout
        if self.pipe is not None:
            if not self.push():
                return
            self.means.pipes.give(self.pipe)
            self.pipe = None
        if self.pending is not None and not self.send_pending(session):
            return
        other = self.other
        if other.eof:
            session.side_ended(other)
        elif other.waiting:
            other.waiting = False
            other.pump()

    def send_pending(self, session: Session) -> bool:
        """Send what was kept; False when some of it still is (or the session is over)."""
        pending = self.pending
        assert pending is not None
        try:
            sent = self.sock.send(pending, MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            session.write_failed(self, error)
            return False
        if sent < len(pending):
            self.pending = pending[sent:]
            return False
        self.pending = None
        return True

    def shut_down(self) -> None:
        """Tell this side that no more will come (half-close)."""
        if not self.shut:
            self.shut = True
            try:
                self.sock.shutdown(SHUT_WR)
            except OSError:
                pass  # gone already: its own edge tells

    def close(self) -> None:
        """Close the socket, give the pipe back and let go of everything, so that no cycle is left."""
        if self.session is None:
            return
        self.session = None
        self.means.reactor.handlers[self.fd] = None
        if self.pipe is not None:
            self.means.pipes.give(self.pipe)
            self.pipe = None
        self.pending = None
        self.farewell()
        self.sock.close()
        del self.other

    def farewell(self) -> None:
        """What is said before closing; nothing on a plain connection."""


def join(client: Endpoint, upstream: Endpoint) -> None:
    """Make two endpoints each other's peer."""
    client.other = upstream
    upstream.other = client
