"""Virtual servers: of those that listen with TLS on one address, the one that the client's hello names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..shared.server_names import HOSTNAME, ServerNames
from ..shared.sources import sources
from ..shared.variables_ssl import HANDSHAKING
from .access import allowed
from .limits import release, within_limits

if TYPE_CHECKING:
    from .session import Session
    from .target import Target


class VirtualServers:
    """The servers on one address, by the names they have."""

    __slots__ = ("_names", "_targets")

    def __init__(self, servers: Sequence[tuple[tuple[str, ...], Target]]) -> None:
        self._targets = [target for _, target in servers]
        self._names = ServerNames()
        for number, (names, _) in enumerate(servers):
            for name in names:
                self._names.add(sources.hostname if name == HOSTNAME else name, number)

    def find(self, sent: str | None, captures: dict[str, str]) -> Target | None:
        """The server of a name; None for the default one."""
        number = self._names.find(sent, captures)
        return None if number is None else self._targets[number]


def enter(session: Session, servers: VirtualServers) -> bool:
    """Aim the session at the server that its hello names; False when that one refuses it.

    The default server's rules were applied at the door. nginx leaves it at that; here those of the server that was
    named are applied too, where they are others, so that nobody comes in by another server's.
    """
    hello = session.hello
    session.values[HANDSHAKING] = ""
    chosen = servers.find(hello.server_name if hello is not None else None, session.values)
    listener = session.listener
    default = listener.target
    if chosen is None or chosen is default:
        return True
    worker = listener.worker
    if worker.debugging is not None:
        chosen = worker.debugging.target(session.peer_addr, chosen)
    session.target = chosen
    session.cells = listener.layout.sessions(listener.number, chosen.number)
    settings, before = chosen.settings, default.settings
    if settings.limits != before.limits:
        if session.held is not None:
            release(session)
        if not within_limits(session):
            return False
    if settings.access != before.access and not allowed(session, settings.access):
        session.refuse(403, "denied")
        return False
    for name, template in settings.sets:
        session.values[name] = template.render(session)
    return True


def terminator(session: Session) -> Target:
    """Whose certificate a session meets: the default server's where the one that was named has none."""
    target = session.target
    if target.server_context is None and target.certificates is None and not target.settings.tls.reject_handshake:
        return session.listener.target
    return target
