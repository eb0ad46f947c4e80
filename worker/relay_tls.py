"""The relay where at least one side speaks TLS: `ssl.SSLSocket` on the descriptor itself, driven by readiness.

Several records are decrypted before one plain send, and one plain read is encrypted into several records. OpenSSL
cannot say "drained" but by wanting to read, so this is the one place on an ordinary path where an exception is how
a turn ends; beside the cipher it costs nothing that could be measured.
"""

from __future__ import annotations

import os
import ssl
from socket import AF_UNIX, MSG_DONTWAIT, SHUT_WR, SOCK_NONBLOCK, SOCK_STREAM, SocketType, socketpair
from typing import TYPE_CHECKING, Final

from .relay import BUDGET, BUFFER, HANGUP, IN, OUT, SIZE, Endpoint, Means

if TYPE_CHECKING:
    from .session import Session

RECORD: Final = 16384
"""Bytes of plaintext in a full TLS record (RFC 8446, section 5.1)."""


class MixedEndpoint(Endpoint):
    """A plain side whose other side speaks TLS: the kernel cannot splice, so it copies."""

    __slots__ = ("drained",)

    def __init__(self, session: Session, sock: SocketType, fd: int, means: Means, cell: int) -> None:
        super().__init__(session, sock, fd, means, cell)
        self.drained = True
        """The last `fill` found no more to read for now."""

    def ready(self, mask: int) -> None:
        """An edge. TLS may want to read in order to write and the other way round, so every edge tries what waits."""
        if mask & HANGUP:
            self.hangup = True
        if mask & OUT and self.held:
            self.flush()
        if mask & IN and self.session is not None and not self.eof:
            if self.other.held:
                self.waiting = True
            else:
                self.pump()

    def fill(self) -> int:
        """Read into the shared buffer; 0 is the end unless `drained` says that there is nothing yet."""
        try:
            count = self.recv_into(BUFFER, SIZE, MSG_DONTWAIT)
        except BlockingIOError:
            self.drained = True
            return 0
        self.drained = count != SIZE and not self.hangup
        if not count:
            self.eof = True
        return count

    def pump(self) -> None:
        """Move what has arrived here to the other side."""
        session = self.session
        if session is None or self.eof:
            return
        session.deadline = self.means.reactor.now + session.idle_timeout
        other = self.other
        total = 0
        while True:
            try:
                count = self.fill()
            except OSError as error:
                session.read_failed(self, error)
                self.eof = True
                count = 0
            if count:
                total += count
                other.pending = BUFFER[:count]
                if not other.send_pending(session):
                    if other.pending is not None:
                        other.pending = memoryview(bytes(other.pending))
                    self.waiting = True
                    break
            if self.eof or self.drained:
                break
            if total >= BUDGET:
                self.again()
                break
        if total:
            self.count(total)
        if self.session is not None and self.eof and not self.other.held:
            session.side_ended(self)


class TlsEndpoint(MixedEndpoint):
    """A side that speaks TLS."""

    __slots__ = ()

    sock: ssl.SSLSocket

    def fill(self) -> int:
        """Decrypt into the shared buffer: as many records as there are, up to its size."""
        total = 0
        try:
            while total <= SIZE - RECORD:
                count = self.recv_into(BUFFER[total:])
                if not count:
                    self.eof = True
                    break
                total += count
        except ssl.SSLWantReadError:
            self.drained = True
            return total
        except ssl.SSLWantWriteError:
            self.drained = True
            return total
        except OSError:
            if not total:
                raise
            # what came before the fault is still delivered; the fault comes again with the next read
        self.drained = False
        return total

    def send_pending(self, session: Session) -> bool:
        """Encrypt what is kept. OpenSSL wants the same bytes again after it could not write, so nothing is cut."""
        pending = self.pending
        assert pending is not None
        try:
            while pending:
                sent = self.send(pending)
                if sent < len(pending):
                    pending = self.pending = pending[sent:]
                else:
                    break
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return False
        except OSError as error:
            session.write_failed(self, error)
            return False
        self.pending = None
        return True

    def shut_down(self) -> None:
        """Send close_notify; the peer may go on sending (RFC 8446, section 6.1). Failing that, a FIN, as nginx."""
        if self.shut:
            return
        self.shut = True
        try:
            record = self.close_notify()
            if SocketType.send(self.sock, record, MSG_DONTWAIT) == len(record) > 0:
                return
        except OSError:
            pass
        try:
            SocketType.shutdown(self.sock, SHUT_WR)
        except OSError:
            pass  # gone already: its own edge tells

    def close_notify(self) -> bytes:
        """The record that says that we are done, taken from OpenSSL without letting it near the peer's bytes.

        `unwrap` does not stop at sending: it reads on, and application data where it expects the peer's close_notify
        breaks the connection for good. So for that call the descriptor leads to a socketpair. The reactor's
        registration belongs to the connection, which the duplicate keeps open meanwhile. Raises OSError.
        """
        near, far = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK)
        with near, far:
            connection = os.dup(self.fd)
            try:
                os.dup2(far.fileno(), self.fd, inheritable=False)
                try:
                    self.sock.unwrap()
                except (OSError, ValueError):
                    pass  # SSLWantReadError: said, and nobody answers
                finally:
                    os.dup2(connection, self.fd, inheritable=False)
            finally:
                os.close(connection)
            return near.recv(RECORD)

    def farewell(self) -> None:
        """close_notify, so that the peer can tell an end from a cut."""
        if not self.shut:
            self.shut = True
            try:
                self.sock.unwrap()
            except (OSError, ValueError):
                pass  # SSLWantReadError: sent, and the peer's own is not waited for
