"""The sniffing gateway: what answers `stream_listen`. Sniff, route, choose the certificate, or refuse and say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..shared.certificate_choice import CertificateChoice
from ..shared.conditions import Seen
from ..shared.live.live import Live
from ..shared.model.listen import Mode
from ..shared.model.stream import Gateway
from ..shared.printable import printable
from ..shared.refusal import Refusal
from ..shared.router import Router
from ..shared.words import SNIFF_OUTCOMES
from .access import admitted
from .handshake import accept_tls
from .kit import hooks
from .preread import Look, look
from .starttls import open_client

if TYPE_CHECKING:
    from .route_targets import RouteTargets
    from .session import Session
    from .target import Target

SNIFF_INDEX: Final = {word: index for index, word in enumerate(SNIFF_OUTCOMES)}
REFUSED_LOOKS: Final = {
    "timeout": ("sniff_timeout", "nothing that tells TLS from plain came within preread_timeout"),
    "malformed": ("sniff_malformed", "the first bytes are a broken TLS ClientHello"),
    "too_large": ("sniff_too_large", "the ClientHello is larger than preread_buffer_size"),
}


class GatewayTables:
    """The router, the targets by route, and the contexts of a generation, in one worker."""

    def __init__(self, gateway: Gateway, targets: RouteTargets, live: Live | None = None) -> None:
        self.gateway = gateway
        self.router = Router(gateway.routes) if live is None else live.router
        self.refusal = Refusal(gateway.routes) if live is None else live.refusal
        self.targets = targets
        """By route."""
        self.choice = CertificateChoice(gateway.certificates) if live is None else live.choice
        self.seen_ports = {own: seen for seen, own in gateway.port_maps}
        self.waiting = Waiting(gateway.sniff_pending, gateway.sniff_per_source)


class Waiting:
    """The connections still in preread, oldest first, and how many of each source (`sniff_limit`)."""

    __slots__ = ("_all", "_limit", "_per_source", "_sources")

    def __init__(self, limit: int, per_source: int) -> None:
        self._limit = limit
        self._per_source = per_source
        self._all: dict[Session, None] = {}
        self._sources: dict[str, dict[Session, None]] = {}

    def enter(self, session: Session) -> None:
        """One more; over a limit the oldest (of that source) is refused."""
        mine = self._sources.setdefault(session.remote_addr, {})
        if len(mine) >= self._per_source:
            self._refuse(next(iter(mine)), "sniff_limit per_source")
            mine = self._sources.setdefault(session.remote_addr, {})
        elif len(self._all) >= self._limit:
            self._refuse(next(iter(self._all)), "sniff_limit pending")
            mine = self._sources.setdefault(session.remote_addr, {})
        self._all[session] = None
        mine[session] = None

    def leave(self, session: Session) -> None:
        """One less; a session that was refused has left already."""
        if session not in self._all:
            return
        del self._all[session]
        mine = self._sources[session.remote_addr]
        del mine[session]
        if not mine:
            del self._sources[session.remote_addr]

    def _refuse(self, session: Session, what: str) -> None:
        self.leave(session)
        session.error(f"connection refused: overload: {what} reached before it said anything")
        session.refuse(503, "overload")

    def __len__(self) -> int:
        return len(self._all)


async def enter(session: Session) -> bool:
    """From accept to a target with its client side ready; False when the session was refused."""
    listener = session.listener
    tables = listener.tables
    assert tables is not None
    seen: Look | None = None
    if listener.listen.mode is not Mode.PLAIN:
        tables.waiting.enter(session)
        try:
            if listener.starttls is not None and not await open_client(
                session, listener.starttls, tables.gateway.settings
            ):
                return False
            seen = await look(session, tables.gateway.settings)
        finally:
            tables.waiting.leave(session)
        listener.worker.row[listener.sniff + SNIFF_INDEX[seen.outcome]] += 1
        if not sniffed(session, seen):
            return False
    is_tls = seen is not None and seen.outcome == "tls"
    target = choose(session, tables, is_tls)
    if target is None:
        return False
    if listener.worker.debugging is not None:
        target = listener.worker.debugging.target(session.peer_addr, target)
    session.target = target
    if target.says_debug:
        target.log.debug(f'route "{target.route_name}"', session.number)
    session.cells = listener.layout.sessions(listener.number, target.number)
    if (target.has_limits or target.has_access) and not admitted(session):
        return False
    if target.balancer is None and not target.plugins:
        no_service(session, target)
        return False
    assert target.route is not None
    if is_tls and "tls" in target.route.protocols:
        return await terminate(session, tables)
    return True


def sniffed(session: Session, seen: Look) -> bool:
    """Refuse what the first bytes rule out."""
    if seen.outcome == "closed":
        session.info("client closed the connection before it sent anything")
        session.finish(200)
        return False
    refused = REFUSED_LOOKS.get(seen.outcome)
    if refused is not None:
        word, text = refused
        if seen.found is not None and seen.found.reason:
            text += f" ({printable(seen.found.reason)})"
        session.error(f"connection refused: {word}: {text}")
        session.refuse(400, word)
        return False
    if seen.outcome == "plain" and session.listener.listen.mode is Mode.TLS:
        session.error('connection refused: tls_required: plain bytes on a listener with "ssl"')
        session.refuse(400, "tls_required")
        return False
    return True


def choose(session: Session, tables: GatewayTables, is_tls: bool) -> Target | None:
    """The route for what was seen; None when there is none, and the session is over."""
    sni = session.hello.name if session.hello is not None else None
    source = (session.remote_addr, session.remote_port)
    destination = seen_destination(session, tables)
    index = tables.router.match(tls=is_tls, sni=sni, source=source, destination=destination)
    if index is None:
        word = "no_route" if is_tls or tables.router.takes_plain else "plain_refused"
        raw = session.hello.server_name if session.hello is not None else None
        why = tables.refusal.no_route(Seen(is_tls, raw, source, destination))
        session.error(f"connection refused: {word}: {why}")
        session.refuse(500 if word == "no_route" else 400, word)
        return None
    return tables.targets[index]


def no_service(session: Session, target: Target) -> None:
    """Refuse a session whose route leads nowhere."""
    session.error(f'connection refused: no_service: route "{target.route_name}" has no service')
    session.refuse(503, "no_service")


async def decided(session: Session) -> bool:
    """Let the plugins decide; False when the session is over, also because none of them knew where it goes."""
    if not await hooks.preread(session):
        return False
    target = session.target
    if target.route is not None and target.balancer is None and target.template is None:
        no_service(session, target)
        return False
    return True


def seen_destination(session: Session, tables: GatewayTables) -> tuple[str, int]:
    """Where the client connected to: as the PROXY header says, if it is believed, else our own address with the port
    that `port_maps` has for it."""
    header = session.proxy
    if header is not None and header.destination_addr and session.remote_addr != session.peer_addr:
        return header.destination_addr, header.destination_port
    local = session.local
    return local.host, tables.seen_ports.get(local.port, local.port)


async def terminate(session: Session, tables: GatewayTables) -> bool:
    """Terminate the client's TLS with the certificate that its SNI chooses under the route's rules."""
    hello = session.hello
    number = tables.choice.choose(hello.name if hello is not None else None)
    contexts = session.target.certificate_contexts
    assert contexts is not None
    context, tls = contexts[number]
    return await accept_tls(session, context, tls)
