"""Variables of nginx's stream core module: the connection, the process, the time."""

from __future__ import annotations

from collections.abc import Mapping
from socket import AF_INET, AF_INET6, AF_UNIX, inet_pton
from typing import Final

from .sources import sources
from .template import Getter
from .version import NGINX_VERSION
from .view import SessionView


def binary_remote_addr(session: SessionView) -> str:
    """The address's 4 or 16 bytes; like every value that is bytes, as UTF-8 with surrogate escapes."""
    return packed(session.remote_addr)


def packed(address: str) -> str:
    """The bytes of an IP address; `unix:` is its own packed form, as in nginx."""
    if address.startswith("unix:"):
        return address
    return inet_pton(AF_INET6 if ":" in address else AF_INET, address).decode("utf-8", "surrogateescape")


def bytes_received(session: SessionView) -> str:
    """Bytes from the client."""
    return str(session.received)


def bytes_sent(session: SessionView) -> str:
    """Bytes to the client."""
    return str(session.sent)


def connection(session: SessionView) -> str:
    """The session's number."""
    return str(session.number)


def hostname(_session: SessionView) -> str:
    """The host's name, in lower case."""
    return sources.hostname


def msec(_session: SessionView) -> str:
    """Seconds since the epoch, with milliseconds."""
    return "%.3f" % sources.clock.now()  # noqa: UP031 - half the price of an f-string's format


def nginx_version(_session: SessionView) -> str:
    """The nginx whose language this is."""
    return NGINX_VERSION


def pid(_session: SessionView) -> str:
    """The worker's pid."""
    return str(sources.pid())


def protocol(session: SessionView) -> str:
    """`TCP` or `UDP`."""
    return session.protocol


def remote_addr(session: SessionView) -> str:
    """The client's address."""
    return session.remote_addr


def remote_port(session: SessionView) -> str:
    """The client's port; empty on a unix socket."""
    return str(session.remote_port or "")


def server_addr(session: SessionView) -> str:
    """The address that the client connected to: without brackets or port, a unix socket's with `unix:`."""
    local = session.local
    return f"unix:{local.host}" if local.family == AF_UNIX else local.host


def server_name(session: SessionView) -> str:
    """The name of the server that took the session."""
    return session.server_name


def server_port(session: SessionView) -> str:
    """The port that the client connected to; empty on a unix socket."""
    return str(session.local.port or "")


def session_time(session: SessionView) -> str:
    """Seconds since the session was accepted."""
    return "%.3f" % session.elapsed()  # noqa: UP031 - see msec


def status(session: SessionView) -> str:
    """nginx's status of a session; `000` while it runs."""
    return "%03d" % session.status  # noqa: UP031 - see msec


def time_iso8601(_session: SessionView) -> str:
    """Local time, `2026-11-25T02:20:00+00:00`."""
    return sources.clock.iso8601()


def time_local(_session: SessionView) -> str:
    """Local time, `25/Nov/2026:02:20:00 +0000`."""
    return sources.clock.local()


GETTERS: Final[Mapping[str, Getter]] = {
    getter.__name__: getter
    for getter in (
        binary_remote_addr,
        bytes_received,
        bytes_sent,
        connection,
        hostname,
        msec,
        nginx_version,
        pid,
        protocol,
        remote_addr,
        remote_port,
        server_addr,
        server_name,
        server_port,
        session_time,
        status,
        time_iso8601,
        time_local,
    )
}
