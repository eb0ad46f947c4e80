"""The relay where at least one side speaks TLS.

Several records are decrypted before one plain send, and one plain read is encrypted into several records that leave in
one send. How much is read at once grows while the other side takes it all. What waits to be sent into a TLS side is
ciphertext already, at most one buffer of it.
"""

from __future__ import annotations

import ssl
from socket import MSG_DONTWAIT, SHUT_WR, SocketType
from typing import TYPE_CHECKING, Final

from . import tls_stream
from .relay import BUDGET, IN, SIZE, Endpoint, Means
from .tls_stream import TlsStream

if TYPE_CHECKING:
    from .session import Session

RECORD: Final = 16384
"""Bytes of plaintext in a full TLS record (RFC 8446, section 5.1)."""
MOST: Final = 4 * SIZE
"""Bytes read at once of a stream that flows; fewer calls and fewer records cut in two make it cheaper by a tenth."""
BUFFER: Final = memoryview(bytearray(MOST))
"""Plaintext, shared by every session of the process: nothing stays in it between two wake-ups."""


class MixedEndpoint(Endpoint):
    """A plain side whose other side speaks TLS: the kernel cannot splice, so it copies."""

    __slots__ = ("drained", "size")

    other: MixedEndpoint

    def __init__(self, session: Session, sock: SocketType, fd: int, means: Means, cell: int) -> None:
        super().__init__(session, sock, fd, means, cell)
        self.drained = True
        """The last `fill` found no more to read for now."""
        self.size = SIZE
        """How much is read at once."""

    def fill(self, size: int = SIZE) -> int:
        """Read so much into the shared buffer; 0 is the end unless `drained` says that there is nothing yet."""
        try:
            count = self.sock.recv_into(BUFFER, size, MSG_DONTWAIT)
        except BlockingIOError:
            self.drained = True
            return 0
        self.drained = count != size and not self.hangup
        if not count:
            self.eof = True
        return count

    def put(self, data: memoryview) -> bool:
        """Send plaintext into this side, which holds nothing; False when some of it is held now. Raises OSError."""
        try:
            sent = self.sock.send(data, MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self.pending = memoryview(bytes(data[sent:]))
        return False

    def pump(self) -> None:
        """Move what has arrived here to the other side, which holds nothing back."""
        session = self.session
        if session is None or self.eof:
            return
        session.deadline = self.means.reactor.now + session.idle_timeout
        other = self.other
        total = 0
        while True:
            try:
                count = self.fill(self.size)
            except OSError as error:
                session.read_failed(self, error)
                self.eof = True
                count = 0
            if count:
                total += count
                try:
                    if not other.put(BUFFER[:count]):
                        self.waiting = True
                        self.size = SIZE  # who takes little is not worth much memory
                        break
                    if count > self.size - RECORD and self.size < MOST:
                        self.size *= 2
                except OSError as error:
                    self.count(total)
                    session.write_failed(other, error)
                    return
            if self.eof or self.drained:
                break
            if total >= BUDGET:
                self.again()
                break
        if total:
            self.count(total)
        if self.session is not None and self.eof:
            session.side_ended(self)


class TlsEndpoint(MixedEndpoint):
    """A side that speaks TLS."""

    __slots__ = ("stream",)

    def __init__(self, session: Session, stream: TlsStream, fd: int, means: Means, cell: int) -> None:
        super().__init__(session, stream.sock, fd, means, cell)
        self.stream = stream

    def ready(self, mask: int) -> None:
        """An edge on this side's socket."""
        if mask & IN:
            self.stream.dry = False
        super().ready(mask)

    def fill(self, size: int = SIZE) -> int:
        """Decrypt into the shared buffer: as many whole records as there are and fit, or a part of one."""
        stream = self.stream
        tls, incoming = stream.tls, stream.incoming
        count: int
        total = 0
        self.drained = False
        most = size // SIZE * tls_stream.SIZE or tls_stream.SIZE
        try:
            while total <= max(size - RECORD, 0):
                if (
                    not incoming.pending
                    and not tls.pending()
                    and not stream.receive(self.hangup, most)
                    and not stream.ended
                ):
                    self.drained = True
                    break
                try:
                    count = tls.read(size - total, BUFFER[total:])  # type: ignore[assignment]  # typeshed forgets this form
                except ssl.SSLWantReadError:  # a record that is not whole yet
                    if stream.receive(self.hangup, most):
                        continue
                    self.drained = True
                    break
                except ssl.SSLEOFError:
                    count = 0
                if not count:
                    self.eof = True
                    break
                total += count
        except OSError:
            if not total:
                raise
            # what came before the fault is still delivered; the fault comes again with the next read
        finally:
            stream.stow()
        if stream.outgoing.pending and self.pending is None:
            self.take()  # an answer to a key update
        return total

    def put(self, data: memoryview) -> bool:
        """Encrypt and send."""
        tls, outgoing = self.stream.tls, self.stream.outgoing
        if len(data) <= SIZE:
            while data:
                data = data[tls.write(data) :]
            return self.take()
        parts = []  # by SIZE: OpenSSL's buffers keep the size that they once had
        for at in range(0, len(data), SIZE):
            part = data[at : at + SIZE]
            while part:
                part = part[tls.write(part) :]
            parts.append(outgoing.read())
        try:
            sent = self.sock.sendmsg(parts, (), MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent == sum(map(len, parts)):
            return True
        self.pending = memoryview(b"".join(parts))[sent:]
        return False

    def take(self) -> bool:
        """Send the ciphertext that is ready, this side holding none; False when some of it is held now."""
        data = memoryview(self.stream.outgoing.read())
        try:
            sent = self.sock.send(data, MSG_DONTWAIT)
        except BlockingIOError:
            sent = 0
        if sent == len(data):
            return True
        self.pending = data[sent:]
        return False

    def shut_down(self) -> None:
        """Send close_notify; the peer may go on sending (RFC 8446, section 6.1). Failing that, a FIN, as nginx."""
        if self.shut:
            return
        self.shut = True
        if self.pending is None and self.stream.say_goodbye():
            return
        try:
            self.sock.shutdown(SHUT_WR)
        except OSError:
            pass  # gone already: its own edge tells

    def farewell(self) -> None:
        """close_notify, so that the peer can tell an end from a cut; unless what came before it could not be sent."""
        if not self.shut and self.pending is None:
            self.shut = True
            self.stream.say_goodbye()
