"""A name server on loopback, UDP and TCP, that answers from a dictionary and remembers what it was asked."""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from deadline import seconds
from ports import free_port, release

from penstock.shared.model.address import Address, ipv4

Zone = Mapping[tuple[str, str], tuple[int, tuple[str, ...]]]
"""(name, type) to (TTL, texts of the data). A name without an entry of any type does not exist."""


class DnsServer:
    """Serves while the `with` block runs."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.asked: Counter[tuple[str, str]] = Counter()
        """How often each (name, type) was asked for."""
        self.silent_for: Callable[[str, str], bool] = lambda _name, _kind: False
        """Questions that get no answer."""
        self.code: dns.rcode.Rcode | None = None
        """Answer this and nothing else."""
        self.truncating = False
        """Whether UDP answers are cut, so that only TCP gives them."""
        self.forging = False
        """Whether each true answer is preceded by one to another question."""
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.port = free_port()
        self._udp.bind(("127.0.0.1", self.port))
        self._tcp = socket.create_server(("127.0.0.1", self.port))
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve_udp, self._serve_tcp)]

    @property
    def address(self) -> Address:
        """What `resolver` names."""
        return ipv4("127.0.0.1", self.port)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._tcp.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(seconds(5))
        self._udp.close()
        self._tcp.close()
        release(self.port)

    def _serve_udp(self) -> None:
        while True:
            wire, client = self._udp.recvfrom(4096)
            if not wire:
                return
            query = dns.message.from_wire(wire)
            reply = self._reply(query)
            if reply is None:
                continue
            if self.forging:
                self._udp.sendto(dns.message.make_response(dns.message.make_query("forged.", "A")).to_wire(), client)
            if self.truncating:
                reply = dns.message.make_response(query)
                reply.flags |= dns.flags.TC
            self._udp.sendto(reply.to_wire(), client)

    def _serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self._tcp.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                (length,) = struct.unpack("!H", stream.read(2))
                reply = self._reply(dns.message.from_wire(stream.read(length)))
                if reply is not None:
                    wire = reply.to_wire()
                    connection.sendall(struct.pack("!H", len(wire)) + wire)

    def _reply(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        if self.silent_for(name, kind):
            return None
        reply = dns.message.make_response(query)
        if self.code is not None:
            reply.set_rcode(self.code)
            return reply
        found = next(((each, self.zone[name, each]) for each in (kind, "CNAME") if (name, each) in self.zone), None)
        if found is not None:
            owner = question.name
            reply.answer.append(dns.rrset.from_text_list(owner, found[1][0], dns.rdataclass.IN, found[0], found[1][1]))
        elif not any(owner == name for owner, _ in self.zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply
