"""`pass ADDRESS`: the connection goes to another listener of this worker, as if it had been accepted there.

The client's bytes must still be unread: a hello was only peeked at. Decrypted TLS cannot be handed over. As in nginx
the connection keeps its number and its client, and what `limit_conn` counts for it; whatever the first server found out
is forgotten, and only the second one's logs hear of the end.
"""

from __future__ import annotations

from socket import AF_UNIX
from typing import TYPE_CHECKING, Final

from ..shared.model.address import Address, ipv4, unix
from .passing import numeric, split

if TYPE_CHECKING:
    from .listener import Listener
    from .session import Session
    from .target import Target
    from .worker import Worker

MOST: Final = 10
"""Listeners that one connection may be passed on by: more is a circle."""


def hand_over(session: Session, passed: int) -> bool:
    """Let the session belong to the listener its server names; False when it is over (500)."""
    problem = ""
    handler = session.target.passes
    assert handler is not None
    if session.stream is not None:
        problem = "cannot pass ssl connection"
    elif passed >= MOST:
        problem = "connection is passed in a circle"
    else:
        address = handler.address
        if address is None:
            text = handler.template.render(session)
            address, problem = parsed(text)
        if address is not None:
            listener = find(session.listener.worker, address)
            if listener is not None:
                move(session, listener)
                return True
            problem = f'port not found for "{address}"'
    session.error(problem)
    session.refuse(500, "internal")
    return False


def parsed(text: str) -> tuple[Address | None, str]:
    """The address that variables gave, or what is wrong with it."""
    if text.startswith("unix:") and text != "unix:":
        return unix(text[5:]), ""
    host, problem, port = split(text)
    if problem:
        return None, f'{problem} in pass "{text}"'
    if host == "localhost":
        return ipv4("127.0.0.1", port), ""
    found = numeric(host, port)
    return found, "" if found is not None else f'host not found in pass "{text}"'


def find(worker: Worker, address: Address) -> Listener | None:
    """The listener of an address, or of all addresses with its port."""
    wildcard: Listener | None = None
    for listener in worker.listeners:
        its = listener.listen.address
        if listener.listen.udp:
            continue
        if its == address:
            return listener
        if listener.wildcard and its.family == address.family and its.port == address.port:
            wildcard = listener
    return wildcard if address.family != AF_UNIX else None


def move(session: Session, listener: Listener) -> None:
    """Begin anew on another listener."""
    row = listener.worker.row
    row[session.listener.active] -= 1
    row[listener.active] += 1
    session.listener = listener
    session.target = target_at(listener, session)
    session.cells = listener.cells
    session.hello = None
    session.values = {}
    session.started = listener.worker.reactor.now
    session.forget_local()


def target_at(listener: Listener, session: Session) -> Target:
    """What a listener's sessions are aimed at; with every line logged for clients of `debug_connection`."""
    debugging = listener.worker.debugging
    return listener.target if debugging is None else debugging.target(session.peer_addr, listener.target)
