"""Open sessions as the Admin API shows them, and the end of one that it asks for.

To look through 100,000 sessions takes some tens of milliseconds; only those that are shown are asked for more than what
is at hand, since TCP_INFO is a call of the kernel's for each side.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_pton
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..shared.hello import normal_name
from ..shared.inquiry import MOST, Inquiry, parts_of, session_id
from ..shared.variables_ssl_preread import octets
from .kit.tcp_info import tcp_info

if TYPE_CHECKING:
    from .session import Session
    from .worker import Worker


def answer(worker: Worker, inquiry: Inquiry, pid: int) -> dict[str, Any]:
    """What this worker has to say: how many sessions are meant, and the oldest of them."""
    worker.reactor.now = monotonic()
    found = list(_found(worker, inquiry))
    shown = heapq.nsmallest(min(inquiry.size, MOST), found, key=lambda session: (session.started, session.number))
    records = [describe(session, pid) for session in shown]
    if inquiry.end:
        for session in shown:
            session.info("the session is ended by the Admin API")
            session.finish(session.status or 200)
    return {"total": len(found), "sessions": records}


def describe(session: Session, pid: int) -> dict[str, Any]:
    """One session."""
    listener, hello, tls = session.listener, session.hello, session.tls
    upstream = session.upstream.sock if session.upstream is not None else session.upstream_sock
    return {
        "id": session_id(pid, session.number),
        "connection": session.number,
        "worker": pid,
        "protocol": session.protocol,
        "state": "proxying" if session.client is not None or session.protocol == "UDP" else "beginning",
        "client": {"ip": session.remote_addr, "port": session.remote_port},
        "listener": listener.label,
        "server": session.server_name or None,
        "route": session.route_name or None,
        "service": session.service_name or None,
        "upstream": session.tries[-1].address if session.tries else None,
        "sni": octets(hello.name) if hello is not None and hello.name else None,
        "tls_version": tls.version() if tls is not None else None,
        "age": round(session.elapsed(), 3),
        "bytes": {"received": session.received, "sent": session.sent},
        "tcp": {
            "client": tcp_info(session.sock) if session.protocol == "TCP" else None,
            "upstream": tcp_info(upstream) if session.protocol == "TCP" else None,
        },
    }


def _found(worker: Worker, inquiry: Inquiry) -> Iterator[Session]:
    tests = _tests(inquiry)
    return (session for session in worker.sessions if all(test(session) for test in tests))


def _tests(inquiry: Inquiry) -> list[Callable[[Session], bool]]:
    tests: list[Callable[[Session], bool]] = []
    if inquiry.id:
        parts = parts_of(inquiry.id)
        number = parts[1] if parts is not None else -1
        tests.append(lambda session: session.number == number)
    if inquiry.route:
        tests.append(lambda session: session.route_name == inquiry.route)
    if inquiry.service:
        tests.append(lambda session: session.service_name == inquiry.service)
    if inquiry.sni:
        sni = normal_name(inquiry.sni)
        tests.append(lambda session: session.hello is not None and session.hello.name == sni)
    if inquiry.source:
        tests.append(_from(inquiry.source))
    return tests


def _from(source: str) -> Callable[[Session], bool]:
    """Whether a client is in a network; those of unix sockets are in none."""
    if "/" not in source:
        return lambda session: session.remote_addr == source
    network = ip_network(source, strict=False)
    family = AF_INET if network.version == 4 else AF_INET6
    mask, base = int(network.netmask), int(network.network_address)

    def test(session: Session) -> bool:
        try:  # half a microsecond; ip_address() takes five times that
            return int.from_bytes(inet_pton(family, session.remote_addr), "big") & mask == base
        except (OSError, ValueError):
            return False

    return test
