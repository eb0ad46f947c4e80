"""Datagrams: a UDP socket of this worker, and the sessions of those who send to it.

A session is a client's address and port on one socket, and on a wildcard also the address that was asked: answers
leave from there (IP_PKTINFO, ip(7); IPV6_RECVPKTINFO, ipv6(7)). The kernel's hash over both ends of a datagram decides
which of an address's SO_REUSEPORT sockets gets it, so that a client stays with its worker.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from ..shared.model.address import Address
from ..shared.model.listen import Listen
from .listener import Listener
from .reactor import LEVEL
from .relay import BUFFER
from .session import Session
from .udp_session import UdpSession
from .udp_story import story

if TYPE_CHECKING:
    from .target import Target
    from .worker import Worker

BATCH: Final = 64
"""Datagrams taken per wake-up; the socket is level-triggered, so what is left comes with the next."""
LEFTOVERS: Final = 4096
"""Datagrams taken from a queue at a drain."""
IP_PKTINFO: Final = 8
IPV6_PKTINFO: Final = socket.IPV6_PKTINFO
CONTROL_SPACE: Final = socket.CMSG_SPACE(20)
"""Bytes for one in6_pktinfo, the larger of the two."""
MAPPED: Final = bytes(10) + b"\xff\xff"
"""How an IPv4 address begins on a dual-stack socket (RFC 4291, section 2.5.5.2)."""

Ancillary = list[tuple[int, int, bytes]]


class UdpListener(Listener):
    """One UDP socket: it receives for all its sessions, and all their answers leave through it."""

    def __init__(self, worker: Worker, sock: socket.socket, listen: Listen, target: Target) -> None:
        super().__init__(worker, sock, listen, target)
        self.label = str(listen.address)  # logs name the address alone, as nginx does
        self.by_client: dict[Any, UdpSession] = {}
        """Sessions that take datagrams, by the client's address as the kernel gives it, and the one asked."""
        self._living = 0

    def open(self) -> None:
        """Begin to receive."""
        if self.wildcard:
            if self.listen.address.family == socket.AF_INET6:
                self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            else:
                self.sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self.worker.reactor.watch(self.sock.fileno(), self.ready, LEVEL)

    def ready(self, _mask: int) -> None:
        """There are datagrams in the queue."""
        for _ in range(BATCH):
            if not self.take():
                return

    def take(self) -> bool:
        """Receive one datagram and give it to its session, a new one if need be; False when there is none."""
        asked: bytes | None = None
        key: Any
        try:
            if self.wildcard:
                size, ancillary, _, address = self.sock.recvmsg_into((BUFFER,), CONTROL_SPACE)
                asked = ancillary[0][2] if ancillary else None
                key = (address, asked)
            else:
                size, address = self.sock.recvfrom_into(BUFFER)
                key = address
        except BlockingIOError:
            return False
        except OSError as error:
            self.worker.log.error(f"recvmsg() failed ({error.errno}: {error.strerror}) on {self.label}")
            return False
        session = self.by_client.get(key)
        if session is None:
            self.begin(key, address, asked, bytes(BUFFER[:size]))
        else:
            session.datagram(BUFFER[:size])
        return True

    def begin(self, key: Any, address: Any, asked: bytes | None, first: bytes) -> None:
        """A client of whom there is no session: begin one with its first datagram."""
        worker = self.worker
        worker.sessions_begun += 1
        number = worker.sessions_begun * worker.stride + worker.offset
        if self.is_unix:
            host, port = f"unix:{address or ''}", 0
        else:
            host, port = address[0], address[1]
            if self.mapped:
                host = host.removeprefix("::ffff:")
        session = UdpSession(self, host, port, number, key, address)
        if asked is not None:
            session.asked(*asked_of(asked, self.listen.address.port))
        if worker.debugging is not None:
            session.target = worker.debugging.target(host, self.target)
        worker.row[self.active] += 1
        worker.sessions.add(session)
        self._living += 1
        self.by_client[key] = session
        session.datagram(first)
        if len(worker.sessions) * 2 > worker.connections:
            session.error(f"{worker.connections} worker_connections are not enough")
            session.refuse(503, "overload")
            return
        session.advance = story(session).send
        session.step(None)

    def forget(self, session: UdpSession) -> None:
        """The session takes no more datagrams; the client's next begins another."""
        if self.by_client.get(session.key) is session:
            del self.by_client[session.key]

    def drain(self) -> None:
        """Take what is in the queue and receive no more; the socket stays for the answers of sessions that live on."""
        for _ in range(LEFTOVERS):
            if not self.take():
                break
        fd = self.sock.fileno()
        if self.worker.reactor.handlers[fd] is not None:
            self.worker.reactor.unwatch(fd)
        if not self._living:
            self.sock.close()

    def ended(self, session: Session) -> None:
        """One of our sessions is over."""
        self._living -= 1
        if isinstance(session, UdpSession):
            self.forget(session)
        super().ended(session)


def asked_of(info: bytes, port: int) -> tuple[Address, Ancillary]:
    """The address that a client asked, and what makes an answer leave from it, out of in_pktinfo or in6_pktinfo."""
    if len(info) < 20:
        # ipi_ifindex, ipi_spec_dst, ipi_addr: the second is ours also when the datagram was sent to a broadcast address
        host = socket.inet_ntop(socket.AF_INET, info[8:12])
        ours = info[4:8] if any(info[4:8]) else info[8:12]
        return Address(socket.AF_INET, host, port), [(socket.IPPROTO_IP, IP_PKTINFO, bytes(4) + ours + bytes(4))]
    packed, interface = info[:16], info[16:20]
    if packed.startswith(MAPPED):
        address = Address(socket.AF_INET, socket.inet_ntop(socket.AF_INET, packed[12:]), port)
    else:
        address = Address(socket.AF_INET6, socket.inet_ntop(socket.AF_INET6, packed), port)
    local = packed[0] == 0xFE and packed[1] & 0xC0 == 0x80  # link-local: an address only with its interface
    return address, [(socket.IPPROTO_IPV6, IPV6_PKTINFO, packed + (interface if local else bytes(4)))]
