"""A session as its plugins see it: `shared/plugin_session.py` filled with life.

Made when the first hook wants it, and kept with the session until its log hooks are done. It is open for changes only
while a hook runs that may make some.
"""

from __future__ import annotations

import time
from socket import MSG_DONTWAIT, MSG_PEEK
from ssl import SSLObject
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from ...shared.hello import PROTOCOLS
from ...shared.hello_details import HelloDetails
from ...shared.model.log import Level
from ...shared.plugin_session import Level as LevelName
from ...shared.plugin_session import Status
from ...shared.session_record import Facts, Record, build_record
from ...shared.template import UnknownVariable
from ...shared.variables_client import der_of
from ...shared.variables_core import server_addr
from ...shared.variables_gateway import GETTERS, details_of
from ...shared.variables_ssl_preread import octets
from ...shared.words import REFUSALS, STATUSES
from . import steering
from .tcp_info import tcp_info

if TYPE_CHECKING:
    from ..session import Session
    from ..target import Target
    from ..udp_session import UdpSession
    from .kit import Kit

PEEK: Final = MSG_PEEK | MSG_DONTWAIT


class Ending(NamedTuple):
    """How a plugin wants a session to end; an empty word is a success."""

    word: str
    status: int
    reason: str
    last: bytes


class Closed(RuntimeError):
    """Something was to be changed when it was too late."""


class PluginSession:
    """See the module."""

    __slots__ = ("_details", "_fields", "_hooks_run", "_session", "_tcp", "ctx", "ending", "kit", "steerable")

    def __init__(self, session: Session, kit: Kit) -> None:
        self._session = session
        self.kit = kit
        self.ctx: dict[str, Any] = {}
        self.ending: Ending | None = None
        self.steerable = False
        """Whether preread hooks run: where the session goes may be changed."""
        self._hooks_run = False
        self._fields: dict[str, Any] = {}
        self._details: HelloDetails | None = None
        self._tcp: tuple[dict[str, int] | None, dict[str, int] | None] | None = None

    # The connection.

    @property
    def number(self) -> int:
        return self._session.number

    @property
    def protocol(self) -> str:
        return self._session.protocol

    @property
    def client_addr(self) -> str:
        return self._session.remote_addr

    @property
    def client_port(self) -> int:
        return self._session.remote_port

    @property
    def peer_addr(self) -> str:
        return self._session.peer_addr

    @property
    def peer_port(self) -> int:
        return self._session.peer_port

    @property
    def server_addr(self) -> str:
        return server_addr(self._session)

    @property
    def server_port(self) -> int:
        return self._session.local.port

    @property
    def listener(self) -> str:
        return self._session.listener.label

    @property
    def started_at(self) -> float:
        return time.time() - self._session.elapsed()

    # What the first bytes said.

    @property
    def is_tls(self) -> bool:
        return self._session.hello is not None

    @property
    def sni(self) -> str | None:
        hello = self._session.hello
        return octets(hello.name) if hello is not None and hello.name else None

    @property
    def alpn(self) -> tuple[str, ...]:
        hello = self._session.hello
        return tuple(octets(each) for each in hello.alpn) if hello is not None else ()

    @property
    def tls_versions(self) -> tuple[str, ...]:
        hello = self._session.hello
        offered = sorted(PROTOCOLS.keys() & set(hello.versions), reverse=True) if hello is not None else ()
        return tuple(PROTOCOLS[version] for version in offered)

    @property
    def ciphers(self) -> tuple[int, ...]:
        details = self.hello
        return details.ciphers if details is not None else ()

    @property
    def hello(self) -> HelloDetails | None:
        if self._details is None:
            self._details = details_of(self._session)
        return self._details

    @property
    def ja3(self) -> str | None:
        return GETTERS["ja3"](self._session)

    @property
    def ja4(self) -> str | None:
        return GETTERS["ja4"](self._session)

    @property
    def first_bytes(self) -> bytes:
        session = self._session
        if session.protocol == "UDP":
            return cast("UdpSession", session).first_datagram
        if session.stream is not None or session.status:
            return b""
        try:
            return session.sock.recv(session.target.settings.preread_buffer_size, PEEK)
        except OSError:
            return b""

    @property
    def tls(self) -> SSLObject | None:
        return self._session.tls

    @property
    def client_certificate(self) -> bytes | None:
        return der_of(self._session) or None

    # Where it goes, and how it went.

    @property
    def route(self) -> str:
        return self._session.route_name

    @property
    def service(self) -> str:
        return self._session.service_name

    @property
    def status(self) -> int:
        return self._session.status

    @property
    def refusal(self) -> str:
        return self._session.refusal

    @property
    def received(self) -> int:
        return self._session.received

    @property
    def sent(self) -> int:
        return self._session.sent

    @property
    def elapsed(self) -> float:
        return self._session.elapsed()

    def variable(self, name: str) -> str | None:
        try:
            return self.kit.getter(name)(self._session)
        except UnknownVariable:
            raise LookupError(f'unknown "{name}" variable') from None

    def text(self, template: str) -> str:
        try:
            return self.kit.template(template).render(self._session)
        except UnknownVariable as unknown:
            raise LookupError(f'unknown "{unknown.args[0]}" variable') from None

    def log(self, level: LevelName, text: str) -> None:
        session = self._session
        session.target.log.write(Level[level.upper()], text + session.context(), session.number)

    def record(self, event: str = "end") -> Record:
        session = self._session
        if self.is_tls:
            assert self.ja3 is None or self.ja4 is not None  # asked for, so that they are in the record
        client, upstream = self.tcp_infos()
        target = session.target
        stream = session.upstream_stream
        facts = Facts(
            event=event,
            wall=time.time(),
            started=session.started,
            listener=session.listener.label,
            route=target.route,
            service=target.service,
            upstream_tls=stream.tls if stream is not None else None,
            client_tcp=client,
            upstream_tcp=upstream,
            fields=self._fields,
        )
        return build_record(session, facts)

    def tcp_infos(self) -> tuple[dict[str, int] | None, dict[str, int] | None]:
        """TCP_INFO of both sides; once the sockets are closed, what was asked before."""
        if self._tcp is not None:
            return self._tcp
        session = self._session
        if session.protocol != "TCP":
            return None, None
        upstream = session.upstream.sock if session.upstream is not None else session.upstream_sock
        found = tcp_info(session.sock), tcp_info(upstream)
        if session.status:
            self._tcp = found
        return found

    def add_field(self, name: str, value: Any) -> None:
        self._fields[name] = value

    # Decisions.

    def decide(self, may_steer: bool) -> None:
        """Hooks run that may end the session, and with `may_steer` those that may say where it goes."""
        self._hooks_run, self.steerable = True, may_steer

    def decided(self) -> None:
        """They are done."""
        self._hooks_run = self.steerable = False

    def refuse(self, reason: str, *, word: str = "plugin", status: Status = 403, last: bytes = b"") -> None:
        if word not in REFUSALS:
            raise ValueError(f"{word!r} is no word of a refusal; they are: {', '.join(REFUSALS)}")
        if status not in STATUSES:
            raise ValueError(f"{status!r} is no status of a session; they are: {', '.join(map(str, STATUSES))}")
        self._end(Ending(word, status, reason, last))

    def answer(self, last: bytes = b"") -> None:
        self._end(Ending("", 200, "", last))

    def _end(self, ending: Ending) -> None:
        if not self._hooks_run or self._session.status:
            raise Closed("a session can be ended by its certificate and preread hooks only")
        if self.ending is None:
            self.ending = ending

    def set_service(self, name: str) -> None:
        self._steer(steering.to_service(self._steered(), self.kit, name))

    def set_upstream(self, name: str) -> None:
        self._steer(steering.to_upstream(self._steered(), self.kit, name))

    def set_target(self, host: str, port: int) -> None:
        self._steer(steering.to_address(self._steered(), host, port))

    def set_timeouts(self, connect: float | None = None, idle: float | None = None) -> None:
        self._steer(steering.with_timeouts(self._steered(), connect, idle))

    def set_retries(self, retries: int) -> None:
        self._steer(steering.with_retries(self._steered(), retries))

    def set_tls(
        self,
        on: bool,
        *,
        verify: bool | None = None,
        sni: str | None = None,
        certificate: str | None = None,
        key: str | None = None,
        ca: str | None = None,
    ) -> None:
        files = steering.TlsFiles(certificate, key or certificate, ca)
        self._steer(steering.with_tls(self._steered(), self.kit, on, verify, sni, files))

    def set_rates(self, download: int | None = None, upload: int | None = None) -> None:
        self._steer(steering.with_rates(self._steered(), download, upload))

    def _steered(self) -> Target:
        if not self.steerable or self._session.status:
            raise Closed("where a session goes can be changed by its preread hooks only")
        return self._session.target

    def _steer(self, target: Target) -> None:
        self._session.target = target
