"""TLS over a socket that this process reads and writes itself: `ssl.SSLObject` between two memory buffers.

Against `ssl.SSLSocket` on the descriptor it costs one copy of the bytes and saves most of the calls: a flight of
records is one `recv` where OpenSSL makes two per record and one in vain, several records leave in one `send`, and
nothing asks the kernel who the peer is.
"""

from __future__ import annotations

import ssl
from socket import MSG_DONTWAIT, SocketType
from typing import Final

SIZE: Final = 65536 + 2048
"""Ciphertext that OpenSSL gets at a time, since its buffers keep the size they once had: a little more than four full
records of 16 KiB (RFC 8446, section 5.2)."""
CIPHERTEXT: Final = memoryview(bytearray(4 * SIZE))
"""Where ciphertext lands, shared by every session of the process: nothing stays in it between two wake-ups."""


class TlsStream:
    """One side's TLS. `tls` is read for variables; the rest is for handshakes and the relay's endpoints."""

    __slots__ = ("dry", "ended", "fresh", "gone", "incoming", "kept_as", "outgoing", "sock", "tls", "unsent")

    def __init__(
        self,
        sock: SocketType,
        context: ssl.SSLContext,
        server: bool,
        name: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        self.sock = sock
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self.incoming, self.outgoing, server_side=server, server_hostname=name, session=session
        )
        self.kept_as: tuple[str, str | None] | None = None
        """Under which key the session is kept at the end, for others to resume; None where it is not."""
        self.fresh: memoryview | None = None
        """Ciphertext that was received but not given to OpenSSL yet, of a read larger than SIZE."""
        self.dry = False
        """The socket gave less than was asked for: nothing more before its next edge."""
        self.ended = False
        """The peer's side of the connection is closed."""
        self.gone = 0
        """Edges of the peer's end that came during the handshake; they are not repeated, so the relay must know."""
        self.unsent: memoryview | None = None
        """Ciphertext that the socket did not take."""

    def receive(self, hangup: bool = False, size: int = SIZE) -> bool:
        """Take ciphertext, or the end, off the socket; False when there is none for now. Raises OSError.

        Who asks for more than SIZE goes on until there is no more, or calls `stow`.
        """
        fresh = self.fresh
        if fresh is not None:
            self.incoming.write(fresh[:SIZE])
            self.fresh = fresh[SIZE:] if len(fresh) > SIZE else None
            return True
        if self.dry or self.ended:
            return False
        try:
            count = self.sock.recv_into(CIPHERTEXT, size, MSG_DONTWAIT)
        except BlockingIOError:
            self.dry = True
            return False
        if count:
            if count > SIZE:
                self.fresh = CIPHERTEXT[SIZE:count]
                self.incoming.write(CIPHERTEXT[:SIZE])
            else:
                self.incoming.write(CIPHERTEXT[:count])
            self.dry = count != size and not hangup
        else:
            self.ended = True
            self.incoming.write_eof()
        return True

    def stow(self) -> None:
        """Give OpenSSL what is left of a large read, before others read into the same memory."""
        if self.fresh is not None:
            self.incoming.write(self.fresh)
            self.fresh = None

    def flush(self) -> bool:
        """Send what TLS has to say; False when some of it did not go. Raises OSError."""
        while True:
            data = self.unsent
            if data is None:
                if not self.outgoing.pending:
                    return True
                data = memoryview(self.outgoing.read())
            try:
                sent = self.sock.send(data, MSG_DONTWAIT)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self.unsent = data[sent:]
                return False
            self.unsent = None

    def say_goodbye(self) -> bool:
        """Send close_notify, so that the peer can tell an end from a cut; False when it could not go at once.

        `unwrap` does not stop at sending: it reads on, and application data where it expects the peer's close_notify
        breaks the connection for good. So what the peer has sent is kept from it meanwhile.
        """
        unread = self.incoming.read()
        try:
            self.tls.unwrap()
        except (OSError, ValueError):
            pass  # SSLWantReadError: said, and the peer's own is still to come
        if unread:
            self.incoming.write(unread)
        try:
            return self.outgoing.pending > 0 and self.flush()
        except OSError:
            return False
